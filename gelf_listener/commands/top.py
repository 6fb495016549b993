"""``gelf-listener top``: the values of a field, by their numbers of messages or by figures of another field."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Sequence
from typing import NoReturn

import typer
from rich.cells import cell_len, set_cell_size

from gelf_listener.client import Client, Search
from gelf_listener.commands.printing import leaving_quietly, say_nothing
from gelf_listener.query.fields import is_time_field
from gelf_listener.rendering.choice import wants_color
from gelf_listener.rendering.levels import level_name
from gelf_listener.rendering.sanitise import clean
from gelf_listener.rendering.timestamps import Timestamps
from gelf_listener.rendering.values import value_text

_LEAST_BAR, _MOST_VALUE = 10, 60


def show_top(client: Client, field: str, search: Search) -> None:
    """
    Print the values of a field with their numbers, most first, and bars on a terminal.

    Raises:
        typer.Exit: With status 1 if no message has the field.
    """
    found = client.top(field, search)
    numbers = max((len(str(count)) for _, count in found.values), default=0)
    lines = [(f"{count:>{numbers}}", _shown(field, value), count) for value, count in found.values]
    with leaving_quietly():
        if lines:
            _print_bars(lines)
    if not lines:
        _no_field(client, field, search)


def show_figures(client: Client, field: str, metrics: Sequence[str], search: Search) -> None:
    """
    Print figures of each value of a field, the highest of the first figure first, and bars of it on a terminal.

    Args:
        client: Whom to ask.
        field: Its values are the lines.
        metrics: ``count``, ``p95:duration_ms`` and the like.
        search: Which messages, and most values.

    Raises:
        typer.Exit: With status 1 if no message has the field, or the one that a figure is of.
    """
    rows = client.figures(field, metrics, search)
    if not rows:
        _no_field(client, field, search)
    for at, metric in enumerate(metrics):
        measured = metric.partition(":")[2]
        if measured and all(values[at] is None for _, values in rows):
            _no_field(client, measured, search)
    table = [[*(_figure(value) for value in values), _shown(field, key)] for key, values in rows]
    widths = [max(map(len, column)) for column in zip(metrics, *(row[:-1] for row in table), strict=True)]
    head = [f"{metric:>{width}}" for metric, width in zip(metrics, widths, strict=True)]
    numbers = [[f"{text:>{width}}" for text, width in zip(row, widths, strict=False)] for row in table]
    firsts = [values[0] if isinstance(values[0], int | float) else 0 for _, values in rows]
    with leaving_quietly():
        typer.echo(clean("  ".join([*head, field])))
        _print_bars(
            [("  ".join(line), row[-1], first) for line, row, first in zip(numbers, table, firsts, strict=True)]
        )


def _no_field(client: Client, field: str, search: Search) -> NoReturn:
    """Say that no message matches, or that none has a field, and the one that was probably meant."""
    found = client.search(search._replace(limit=1))
    if not found.messages and found.nothing:
        say_nothing(f"no message matches: {found.nothing}", tell=True)
    why = client.search(search._replace(query=f"_exists_:{_escaped(field)}", limit=1)).nothing
    found_none = f"no message that matches has a field {field!r}"
    say_nothing(why if why.startswith("no message has a field") else found_none, tell=True)


def _escaped(field: str) -> str:
    """Write a field's name as a query has it."""
    return re.sub(r"([^\w.@-])", r"\\\1", field)


def _print_bars(lines: Sequence[tuple[str, str, float]]) -> None:
    """Print lines of numbers, all equally long, and a name; on a terminal with a bar for what the first one is."""
    most = max(size for _, _, size in lines)
    names = min(max(cell_len(name) for _, name, _ in lines), _MOST_VALUE)
    width = shutil.get_terminal_size().columns - names - len(lines[0][0]) - 4
    bars = sys.stdout.isatty() and width >= _LEAST_BAR and most > 0
    color = wants_color("auto", os.environ, sys.stdout.fileno())
    for numbers, name, size in lines:
        text = f"{numbers}  {_padded(name, names) if bars else name}"
        if bars and size > 0:
            bar = "█" * max(round(width * size / most), 1)
            text += f"  \x1b[36m{bar}\x1b[0m" if color else f"  {bar}"
        typer.echo(text, color=True)


def _padded(text: str, cells: int) -> str:
    """Cut a text, or fill it up, to so many cells of a terminal: some characters take two."""
    return set_cell_size(text, cells) if cell_len(text) <= cells else set_cell_size(text, cells - 1) + "…"


def _figure(value: object) -> str:
    """Write a figure as a person reads it; one that there is not as a dash."""
    return "-" if value is None else f"{value:.6g}" if isinstance(value, float) else clean(str(value))


def _shown(field: str, value: object) -> str:
    if value is None:
        return "(none)"
    if is_time_field(field) and isinstance(value, (int, float)):
        return Timestamps(utc=True).rfc3339(float(value))
    if field == "level" and isinstance(value, int):
        return f"{value} {level_name(value)}"
    text = value_text(value) if isinstance(value, str | int | float) else str(value)
    return clean(text) or "(empty)"
