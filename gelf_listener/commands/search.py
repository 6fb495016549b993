"""``gelf-listener search``: what is stored."""

from __future__ import annotations

import math
import sys
import time

import typer

from gelf_listener.client import Client, Search
from gelf_listener.commands.printing import Printer, leaving_quietly, say_nothing
from gelf_listener.query import parse, parse_as
from gelf_listener.query.differences import difference
from gelf_listener.rendering.sanitise import clean
from gelf_listener.timeranges import depends_on_zone, parse_instant


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
        if sys.stderr.isatty() and search.meaning != "graylog":
            _hint(client, search, found.total)
        if not messages or sys.stderr.isatty():
            for hint in parse_as(search.query, search.meaning or "extended").hints:
                typer.echo(f"gelf-listener: {clean(hint.text)}", err=True)
    if not messages:
        say_nothing(
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


def since_when(text: str) -> str:
    """Return since when as a server takes it: days, and ``14:05``, are those of where the terminal is."""
    if not depends_on_zone(text):
        return text
    now = time.time()
    return f"{math.ceil(now - parse_instant(text, now, None))}s"


def when(text: str, *, end: bool = False) -> str:
    """Return a time as a server takes it, or its end; see `since_when`."""
    return str(parse_instant(text, time.time(), None, end=end)) if depends_on_zone(text) else text
