"""``gelf-listener search`` and ``top``: what is stored."""

from __future__ import annotations

import os
import shutil
import sys

import typer

from gelf_listener.client import Client, Search
from gelf_listener.commands.printing import Printer, leaving_quietly
from gelf_listener.rendering.choice import wants_color
from gelf_listener.rendering.levels import level_name
from gelf_listener.rendering.sanitise import clean
from gelf_listener.rendering.values import value_text

__all__ = ["find", "show_top"]

_NOTHING = 1
_LEAST_BAR, _MOST_VALUE = 10, 60


def find(client: Client, search: Search, printer: Printer) -> None:
    """
    Print what matches, the oldest first unless it is sorted otherwise.

    Raises:
        typer.Exit: With status 1 if nothing matches.
    """
    found = client.search(search)
    messages = list(found.messages)
    if search.sort == "timestamp:desc":
        messages.reverse()  # the newest so many, read like a log
    with leaving_quietly():
        printer.print(messages)
        if found.total > len(messages) and sys.stderr.isatty():
            typer.echo(f"{len(messages)} of {found.total} messages; --limit shows more", err=True)
    if not messages:
        raise typer.Exit(_NOTHING)


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
        raise typer.Exit(_NOTHING)


def _print_bars(values: list[tuple[str, int]]) -> None:
    most = max(count for _, count in values)
    numbers = max(len(str(count)) for _, count in values)
    names = min(max(len(name) for name, _ in values), _MOST_VALUE)
    width = shutil.get_terminal_size().columns - names - numbers - 4
    bars = sys.stdout.isatty() and width >= _LEAST_BAR
    color = wants_color("auto", os.environ, sys.stdout.fileno())
    for name, count in values:
        cut = name if len(name) <= _MOST_VALUE else name[: _MOST_VALUE - 1] + "…"
        text = f"{count:>{numbers}}  {cut if bars else name}"
        if bars:
            bar = "█" * max(round(width * count / most), 1)
            text += " " * (names - len(cut) + 2) + (f"\x1b[36m{bar}\x1b[0m" if color else bar)
        typer.echo(text, color=True)


def _shown(field: str, value: object) -> str:
    if value is None:
        return "(none)"
    if field == "level" and isinstance(value, int):
        return f"{value} {level_name(value)}"
    text = value_text(value) if isinstance(value, str | int | float) else str(value)
    return clean(text) or "(empty)"
