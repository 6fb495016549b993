"""``gelf-listener patterns`` and ``compare``: messages by what they look like, and two ranges of them."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import typer

from gelf_listener.client.session import Session
from gelf_listener.commands.printing import leaving_quietly, say_nothing
from gelf_listener.rendering.choice import wants_color
from gelf_listener.rendering.levels import level_name
from gelf_listener.rendering.sanitise import clean_text
from gelf_listener.rendering.timestamps import Timestamps

GREEN, RED, YELLOW = "\x1b[32m", "\x1b[31m", "\x1b[33m"
"""Colours of rows."""
_RESET = "\x1b[0m"
_MOST_VALUE = 100
_NARROW = 120
"""A terminal with fewer columns has no room for when patterns were seen."""


def show_patterns(session: Session, parameters: Mapping[str, Any], *, as_json: bool, utc: bool) -> None:
    """
    Print the shapes of messages, those with most messages first, and which of them are new.

    Args:
        session: With the listener's address.
        parameters: Of ``/api/gelf/patterns``.
        as_json: Print the API's answer.
        utc: Show times in UTC.

    Raises:
        typer.Exit: With status 1 if nothing matches.
    """
    answer = session.get("/api/gelf/patterns", parameters)
    times = Timestamps(utc=utc, separator=" ")
    with leaving_quietly():
        if as_json:
            typer.echo(json.dumps(answer, indent=2))
        elif answer["patterns"]:
            rows: list[Sequence[str]] = [("messages", "before", "first seen", "last seen", "level", "pattern")]
            for each in answer["patterns"]:
                before = "-" if each["before"] is None else "new" if each["new"] else str(each["before"])
                seen = [times.milliseconds(each[name]) for name in ("first_seen", "last_seen")]
                level = level_name(each["level"]) or "-"
                rows.append((str(each["messages"]), before, *seen, level, clean_text(each["pattern"])))
            if sys.stdout.isatty() and shutil.get_terminal_size().columns < _NARROW:
                rows = [(*row[:2], *row[-2:]) for row in rows]  # the times would leave no room for the pattern
            print_table(rows, 2, ["", *(GREEN if each["new"] else "" for each in answer["patterns"])])
    for text in (_range_text(answer), "" if answer["before"] is None else _range_text(answer["before"], "before: ")):
        _tell(text)
    if answer["other_patterns"]:
        _tell(f"{answer['other_patterns']} more patterns, {answer['other_messages']} messages; --limit shows more")
    if not answer["patterns"]:
        why = f"no message matches: {answer['nothing']}" if answer["nothing"] else "nothing is new"
        say_nothing(why, tell=bool(answer["nothing"]))


def show_comparison(session: Session, parameters: Mapping[str, Any], *, as_json: bool) -> None:
    """
    Print what is more frequent in one range than in another, the strongest difference first.

    Args:
        session: With the listener's address.
        parameters: Of ``/api/gelf/compare``.
        as_json: Print the API's answer.

    Raises:
        typer.Exit: With status 1 if they do not differ.
    """
    answer = session.get("/api/gelf/compare", parameters)
    different = [*answer["patterns"], *answer["values"]]
    with leaving_quietly():
        if as_json:
            typer.echo(json.dumps(answer, indent=2))
        elif different:
            rows = [("here", "there", "messages", "what"), *((*_shares(each), _what(each)) for each in different)]
            print_table(rows, 3, ["", *(GREEN if each["strength"] > 0 else RED for each in different)])
    here, there = answer["ranges"]
    _tell(_range_text(here, "here: "))
    _tell(_range_text(there, "there: "))
    for side, found in (("here", here), ("there", there)):
        if found["nothing"]:
            say_nothing(f"no message matches {side}: {found['nothing']}", tell=True)
    if not different:
        say_nothing("they do not differ by more than chance")


def _range_text(found: Mapping[str, Any], title: str = "") -> str:
    """Say how many messages of a range were looked at, when that is not all or a title is given; else nothing."""
    total, looked_at = found["messages"], found["looked_at"]
    if looked_at < total:
        return f"{title}a sample: {looked_at:,} of {total:,} messages"
    return f"{title}{total:,} message{'' if total == 1 else 's'}" if title else ""


def _tell(text: str) -> None:
    """Say something beside the answer."""
    if text:
        typer.echo(f"gelf-listener: {clean_text(text)}", err=True)


def _shares(found: Mapping[str, Any]) -> tuple[str, str, str]:
    here, there = found["shares"]
    return f"{100 * here:.1f}%", f"{100 * there:.1f}%", f"{found['counts'][0]}:{found['counts'][1]}"


def _what(found: Mapping[str, Any]) -> str:
    """Write a pattern, or a field and its value."""
    if "pattern" in found:
        return clean_text(found["pattern"])
    field, value = found["field"], found["value"]
    if field == "level" and isinstance(value, int):
        return f"level={value} ({level_name(value)})"
    return clean_text(f"{field}={str(value).lower() if isinstance(value, bool) else str(value)[:_MOST_VALUE]}")


def print_table(rows: Sequence[Sequence[str]], right: int, paints: Sequence[str]) -> None:
    """
    Print a table whose last column has no width.

    Args:
        rows: All equally long; the first is the head.
        right: How many columns have their text at the right.
        paints: The colour of each row on a terminal; empty for none.
    """
    color = wants_color("auto", os.environ, sys.stdout.fileno())
    widths = [max(map(len, column)) for column in zip(*(row[:-1] for row in rows), strict=True)]
    for row, paint in zip(rows, paints, strict=True):
        cells = [
            f"{text:>{width}}" if index < right else f"{text:<{width}}"
            for index, (text, width) in enumerate(zip(row, widths, strict=False))
        ]
        line = "  ".join([*cells, row[-1]])
        typer.echo(f"{paint}{line}{_RESET}" if color and paint else line, color=True)
