"""``gelf-listener search`` and ``top``: what is stored."""

from __future__ import annotations

import os
import shutil
import sys
from typing import NoReturn

import typer
from rich.cells import cell_len, set_cell_size

from gelf_listener.client import Client, Search
from gelf_listener.commands.printing import Printer, leaving_quietly
from gelf_listener.query import parse
from gelf_listener.query.differences import difference
from gelf_listener.rendering.choice import wants_color
from gelf_listener.rendering.levels import level_name
from gelf_listener.rendering.sanitise import clean
from gelf_listener.rendering.values import value_text

__all__ = ["find", "show_top"]

_NOTHING = 1
_LEAST_BAR, _MOST_VALUE = 10, 60


def find(client: Client, search: Search, printer: Printer, *, limited: bool = False) -> None:
    """
    Print what matches, the oldest first unless it is sorted otherwise.

    Args:
        client: Whom to ask.
        search: What is searched.
        printer: Where it goes.
        limited: Whether somebody chose the limit; if not, it is said when there are more.

    Raises:
        typer.Exit: With status 1 if nothing matches.
    """
    found = client.search(search)
    messages = list(found.messages)
    if search.sort == "timestamp:desc":
        messages.reverse()  # the newest so many, read like a log
    with leaving_quietly():
        printer.print(messages)
        if found.total > len(messages) and not limited:
            typer.echo(f"gelf-listener: the newest {len(messages)} of {found.total}; --limit shows more", err=True)
        if sys.stderr.isatty():
            _hint(client, search, found.total)
    if not messages:
        _nothing(
            f"no message matches: {found.nothing}" if found.nothing else "no message matches", tell=bool(found.nothing)
        )


def _hint(client: Client, search: Search, total: int) -> None:
    """Say to a person when a real Graylog would find something else, and why."""
    told = difference(parse(search.query))
    if not told.hints:
        return
    reason = clean(told.hints[0].text)
    there = client.graylog_total(search) if told.node is not None else None
    if told.node is None:
        typer.echo(f"gelf-listener: {reason}", err=True)
    elif there is not None and there != total:
        typer.echo(f"gelf-listener: {reason} ({there} found there, {total} here)", err=True)


def show_top(client: Client, field: str, search: Search) -> None:
    """
    Print the values of a field with their numbers, most first, and bars on a terminal.

    Raises:
        typer.Exit: With status 1 if no message has the field.
    """
    found = client.top(field, search)
    values = [(_shown(field, value), count) for value, count in found.values]
    with leaving_quietly():
        if values:
            _print_bars(values)
    if not values:
        _nothing(f"no message that matches has a field {field!r}")


def _nothing(text: str, *, tell: bool = False) -> NoReturn:
    """Say that there is nothing: to a person, and to everybody why; a script sees it by the status."""
    if tell or sys.stderr.isatty():
        typer.echo(f"gelf-listener: {clean(text)}", err=True)
    raise typer.Exit(_NOTHING)


def _print_bars(values: list[tuple[str, int]]) -> None:
    most = max(count for _, count in values)
    numbers = max(len(str(count)) for _, count in values)
    names = min(max(cell_len(name) for name, _ in values), _MOST_VALUE)
    width = shutil.get_terminal_size().columns - names - numbers - 4
    bars = sys.stdout.isatty() and width >= _LEAST_BAR
    color = wants_color("auto", os.environ, sys.stdout.fileno())
    for name, count in values:
        text = f"{count:>{numbers}}  {_padded(name, names) if bars else name}"
        if bars:
            bar = "█" * max(round(width * count / most), 1)
            text += f"  \x1b[36m{bar}\x1b[0m" if color else f"  {bar}"
        typer.echo(text, color=True)


def _padded(text: str, cells: int) -> str:
    """Cut a text, or fill it up, to so many cells of a terminal: some characters take two."""
    return set_cell_size(text, cells) if cell_len(text) <= cells else set_cell_size(text, cells - 1) + "…"


def _shown(field: str, value: object) -> str:
    if value is None:
        return "(none)"
    if field == "level" and isinstance(value, int):
        return f"{value} {level_name(value)}"
    text = value_text(value) if isinstance(value, str | int | float) else str(value)
    return clean(text) or "(empty)"
