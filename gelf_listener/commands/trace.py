"""``gelf-listener trace``: everything that one request caused, across services, as a story with its gaps to scale."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from typing import Any

import typer
from rich.cells import cell_len, set_cell_size

from gelf_listener.client.session import Session
from gelf_listener.commands.printing import leaving_quietly, say_nothing
from gelf_listener.quantities import format_duration
from gelf_listener.rendering.choice import wants_color
from gelf_listener.rendering.levels import level_name
from gelf_listener.rendering.sanitise import clean, clean_text
from gelf_listener.rendering.timestamps import Timestamps

_CELLS = 24
"""Of the line that shows when each message came."""
_GAP = 0.3
"""Share of the whole time without a message that is said."""
_MOST_SERVICE, _MOST_TEXT = 30, 1000
_RED, _DIM, _RESET = "\x1b[31m", "\x1b[2m", "\x1b[0m"
_ERROR = 3


def show_trace(session: Session, id: str, limit: int, *, as_json: bool, utc: bool) -> None:
    """
    Print a trace, oldest message first.

    Args:
        session: With the listener's address.
        id: Of the trace or request.
        limit: Most messages.
        as_json: Print the API's answer.
        utc: Show the time of the beginning in UTC.

    Raises:
        typer.Exit: With status 1 if there is no such trace.
    """
    answer = session.get("/api/gelf/trace", {"id": id, "limit": limit})
    with leaving_quietly():
        if as_json:
            typer.echo(json.dumps(answer, indent=2))
        elif answer["messages"]:
            _print(answer, utc=utc)
    if not answer["messages"]:
        say_nothing(f"no message has the trace, request or correlation id {id!r}")
    more = answer["total"] - len(answer["messages"])
    if more > 0:
        typer.echo(f"gelf-listener: {more} later messages are not shown; --limit shows more", err=True)


def _print(answer: Mapping[str, Any], *, utc: bool) -> None:
    color = wants_color("auto", os.environ, sys.stdout.fileno())
    start, length = answer["start"], answer["end"] - answer["start"]
    services = answer["services"]
    ids = ", ".join(clean(f"{each['field']}={each['value']}") for each in answer["ids"])
    names = [f"{clean(each['name'])} {each['messages']}" for each in services]
    total = answer["total"]
    typer.echo(f"{ids}: {total} message{'' if total == 1 else 's'} within {_length(length)}, of {', '.join(names)}")
    typer.echo(f"from {Timestamps(utc=utc, separator=' ').milliseconds(start)}{'Z' if utc else ''}")
    width = min(max(cell_len(clean(each["name"])) for each in services), _MOST_SERVICE)
    before = start
    for message in answer["messages"]:
        at = message["timestamp"]
        if length and at - before > _GAP * length:
            typer.echo(_painted(f"{'':>{9 + _CELLS}}  … {_length(at - before)} …", _DIM, color=color))
        before = at
        place = round((at - start) / length * (_CELLS - 1)) if length else 0
        line = "·" * place + "█" + "·" * (_CELLS - 1 - place)
        level = message["level"]
        service = set_cell_size(clean(message["service"]), width)
        text = clean_text(message["short_message"][:_MOST_TEXT])
        shown = f"{_offset(at - start):>8} {line}  {level_name(level) or '-':<7} {service}  {text}"
        bad = level is not None and level <= _ERROR
        typer.echo(_painted(shown, _RED if bad else "", color=color), color=True)


def _painted(text: str, paint: str, *, color: bool) -> str:
    return f"{paint}{text}{_RESET}" if color and paint else text


def _offset(seconds: float) -> str:
    """Write how long after the beginning, in as few characters as tell messages apart."""
    return f"+{seconds:.3f}" if seconds < 1000 else f"+{seconds:.0f}"


def _length(seconds: float) -> str:
    """Write a length of time, to the millisecond."""
    return (
        f"{1000 * seconds:.0f} ms" if seconds < 1 else f"{seconds:.2f} s" if seconds < 100 else format_duration(seconds)
    )
