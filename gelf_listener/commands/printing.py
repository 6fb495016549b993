"""Printing: messages on standard output, for a person or for the next program, which may go away."""

from __future__ import annotations

import os
import select
import stat
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NoReturn

import typer

from gelf_listener.errors import ConfigError, GelfError, describe
from gelf_listener.message import FieldValue, Message
from gelf_listener.rendering import Fields, Renderer
from gelf_listener.rendering.choice import wants_color
from gelf_listener.rendering.csv_rows import csv_rows
from gelf_listener.rendering.gelf import GelfRenderer, JsonRenderer
from gelf_listener.rendering.logfmt import LogfmtRenderer
from gelf_listener.rendering.pretty import PrettyRenderer
from gelf_listener.rendering.sanitise import clean
from gelf_listener.rendering.timestamps import Timestamps
from gelf_listener.rendering.usual import noise

FORMATS = ("auto", "pretty", "json", "gelf", "logfmt", "csv")
_NOTHING = 1
_INTERRUPTED = 130
_PRETTY_VALUE, _PRETTY_FULL = 1000, 20_000
_COLUMNS = ("timestamp", "source", "level", "message")


class Printer:
    """
    Writes messages to standard output.

    Args:
        form: One of `FORMATS`; ``auto`` is ``pretty`` on a terminal and ``json`` elsewhere.
        fields: Additional fields to show. In CSV, all are those of the messages that are printed first.
        utc: Whether times are shown in UTC.
        query: What was asked for; ``fields`` is None and this is given: all but the usual noise are shown to a person.
        formulas: Whether CSV keeps texts as they are that a spreadsheet takes for formulas.

    Raises:
        ConfigError: If there is no such format.
    """

    def __init__(
        self, form: str, fields: Fields, *, utc: bool = False, formulas: bool = False, query: str | None = None
    ) -> None:
        if form not in FORMATS:
            raise ConfigError(f"--format is {form!r}; expected one of {', '.join(FORMATS)}")
        if form == "auto":
            form = "pretty" if sys.stdout.isatty() else "json"
        self._csv = form == "csv"
        self._formulas = formulas
        self._fields = fields
        self._columns: tuple[str, ...] = ()
        self._times = Timestamps(utc=True)
        self._renderer = _renderer(form, fields, frozenset() if query is None else noise(query), utc=utc)

    def print(self, messages: Sequence[Message]) -> None:
        """Write messages at once."""
        if not messages:
            return
        data = self._rows(messages) if self._csv else self._renderer.render(messages)
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()

    def _rows(self, messages: Sequence[Message]) -> bytes:
        rows: list[Sequence[FieldValue | None]] = []
        if not self._columns:
            self._columns = (*_COLUMNS, *(_names(messages) if self._fields is None else self._fields))
            rows.append(self._columns)
        for message in messages:
            known = {
                "timestamp": self._times.rfc3339(message.timestamp),
                "source": message.host,
                "level": message.level,
                "message": message.short_message,
                "full_message": message.full_message,
            }
            rows.append([known[name] if name in known else message.fields.get(name) for name in self._columns])
        return csv_rows(rows, formulas=self._formulas, line_end="\n")


def split_fields(text: str) -> Fields:
    """Return the fields that a flag names, separated by commas; None means all."""
    names = tuple(name.strip().removeprefix("_") for name in text.split(",") if name.strip())
    if not names or names in (("all",), ("usual",)):
        return None
    return () if names == ("none",) else names


@contextmanager
def leaving_quietly() -> Iterator[None]:
    """
    Stand a reader that has seen enough (``| head``), Ctrl-C, and a full disk: none of them is a traceback.

    Raises:
        GelfError: If standard output cannot be written.
    """
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        _write_nowhere()
        raise typer.Exit(0) from None
    except KeyboardInterrupt:
        raise typer.Exit(_INTERRUPTED) from None
    except OSError as error:
        _write_nowhere()
        raise GelfError(f"standard output: {describe(error)}") from None


def leave_with_reader() -> None:
    """End the process when nobody reads the pipe any more, even if nothing is written: ``tail | grep -m 1``."""
    fd = sys.stdout.fileno()
    if not hasattr(select, "poll") or not stat.S_ISFIFO(os.fstat(fd).st_mode):
        return
    poll = select.poll()
    poll.register(fd, 0)  # only what nobody has to ask for: an error, which is the reader's leaving

    def wait() -> None:
        poll.poll()
        os._exit(0)

    threading.Thread(target=wait, daemon=True).start()


def say_nothing(text: str, *, tell: bool = False) -> NoReturn:
    """
    Say that there is nothing, to a person at a terminal; a script sees it by the status.

    Args:
        text: What there is not.
        tell: Whether to say it to everybody, for it says why.

    Raises:
        typer.Exit: With status 1.
    """
    if tell or sys.stderr.isatty():
        typer.echo(f"gelf-listener: {clean(text)}", err=True)
    raise typer.Exit(_NOTHING)


def _write_nowhere() -> None:
    """Let what Python flushes at its end succeed."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _names(messages: Sequence[Message]) -> list[str]:
    """Return the names of all that messages have beside the usual columns, in the order they come."""
    names = ["full_message"] if any(message.full_message for message in messages) else []
    return [*names, *dict.fromkeys(name for message in messages for name in message.fields)]


def _renderer(form: str, fields: Fields, hidden: frozenset[str], *, utc: bool) -> Renderer:
    if form == "pretty":
        return PrettyRenderer(
            fields,
            color=wants_color("auto", os.environ, sys.stdout.fileno()),
            utc=utc,
            max_value_characters=_PRETTY_VALUE,
            max_full_message_characters=_PRETTY_FULL,
            service=True,
            hidden=hidden,
        )
    if form == "gelf":
        return GelfRenderer(fields)
    if form == "logfmt":
        return LogfmtRenderer(fields, utc=utc)
    return JsonRenderer(fields)
