"""Printing: messages on standard output, for a person or for the next program, which may go away."""

from __future__ import annotations

import csv
import io
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import typer

from gelf_listener.errors import ConfigError
from gelf_listener.message import Message
from gelf_listener.rendering import Fields, Renderer
from gelf_listener.rendering.choice import wants_color
from gelf_listener.rendering.gelf import GelfRenderer, JsonRenderer
from gelf_listener.rendering.logfmt import LogfmtRenderer
from gelf_listener.rendering.pretty import PrettyRenderer
from gelf_listener.rendering.sanitise import escape_json
from gelf_listener.rendering.timestamps import Timestamps
from gelf_listener.rendering.values import value_text

__all__ = ["FORMATS", "Printer", "leaving_quietly", "split_fields"]

FORMATS = ("auto", "pretty", "json", "gelf", "logfmt", "csv")
_INTERRUPTED = 130
_PRETTY_VALUE, _PRETTY_FULL = 1000, 20_000


class Printer:
    """
    Writes messages to standard output.

    Args:
        form: One of `FORMATS`; ``auto`` is ``pretty`` on a terminal and ``json`` elsewhere.
        fields: Additional fields to show.
        utc: Whether times are shown in UTC.

    Raises:
        ConfigError: If there is no such format.
    """

    def __init__(self, form: str, fields: Fields, *, utc: bool = False) -> None:
        if form not in FORMATS:
            raise ConfigError(f"--format is {form!r}; there are {', '.join(FORMATS)}")
        if form == "auto":
            form = "pretty" if sys.stdout.isatty() else "json"
        self._csv = form == "csv"
        self._columns = ("timestamp", "source", "level", "message", *(fields or ()))
        self._headed = False
        self._times = Timestamps(utc=True)
        self._renderer = _renderer(form, fields, utc=utc)

    def print(self, messages: Sequence[Message]) -> None:
        """Write messages at once."""
        if not messages:
            return
        data = self._rows(messages) if self._csv else self._renderer.render(messages)
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()

    def _rows(self, messages: Sequence[Message]) -> bytes:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        if not self._headed:
            self._headed = True
            writer.writerow(self._columns)
        for message in messages:
            known = {
                "timestamp": self._times.rfc3339(message.timestamp),
                "source": message.host,
                "level": "" if message.level is None else message.level,
                "message": message.short_message,
            }
            others = (message.fields.get(name, "") for name in self._columns[len(known) :])
            writer.writerow([*known.values(), *(value_text(value) for value in others)])
        return escape_json(text.getvalue().encode("utf-8", "replace"))


def split_fields(text: str) -> Fields:
    """Return the fields that a flag names, separated by commas; None means all."""
    names = tuple(name.strip().removeprefix("_") for name in text.split(",") if name.strip())
    if not names or names == ("all",):
        return None
    return () if names == ("none",) else names


@contextmanager
def leaving_quietly() -> Iterator[None]:
    """Stand a reader that has seen enough (``| head``), and Ctrl-C: neither is a traceback."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what Python flushes at its end
        raise typer.Exit(0) from None
    except KeyboardInterrupt:
        raise typer.Exit(_INTERRUPTED) from None


def _renderer(form: str, fields: Fields, *, utc: bool) -> Renderer:
    if form == "pretty":
        return PrettyRenderer(
            fields,
            color=wants_color("auto", os.environ, sys.stdout.fileno()),
            utc=utc,
            max_value_characters=_PRETTY_VALUE,
            max_full_message_characters=_PRETTY_FULL,
        )
    if form == "gelf":
        return GelfRenderer(fields)
    if form == "logfmt":
        return LogfmtRenderer(fields, utc=utc)
    return JsonRenderer(fields)
