"""console: messages on standard output or standard error, for a person or for the next program."""

from __future__ import annotations

import errno
import logging
import os
import select
import sys
import threading
from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field

from gelf_listener.errors import Retry, describe
from gelf_listener.message import Message
from gelf_listener.rendering import Renderer
from gelf_listener.rendering.choice import FieldChoice, TimeZone, chosen_fields, wants_color
from gelf_listener.rendering.gelf import GelfRenderer, JsonRenderer
from gelf_listener.rendering.logfmt import LogfmtRenderer
from gelf_listener.rendering.pretty import PrettyRenderer
from gelf_listener.rendering.usual import noise
from gelf_listener.settings import ThreadSettings
from gelf_listener.writer_thread import WriterThread

_log = logging.getLogger(__name__)

_GONE = frozenset((errno.EPIPE, errno.EBADF, errno.EIO, errno.ENXIO, errno.ECONNRESET))
"""The reader left: a closed pipe, a terminal that hung up (EIO)."""
_CLOSE_SECONDS = 2.0
_POLL_MILLISECONDS = 100


class ConsoleSettings(ThreadSettings):
    """Settings of `console:`."""

    format: Literal["auto", "pretty", "json", "gelf", "logfmt"] = Field(
        "auto", description="Form of a message; auto: pretty on a terminal, json otherwise."
    )
    color: Literal["auto", "always", "never"] = Field(
        "auto", description="Colours in pretty; auto: on a terminal, as NO_COLOR, FORCE_COLOR, CLICOLOR and TERM say."
    )
    stream: Literal["stdout", "stderr"] = Field("stdout", description="Where to write.")
    fields: FieldChoice = Field(
        ("usual",),
        description="Additional fields shown: usual (all; in pretty without Python's file, line, function, pid, "
        "thread_name, process_name and logger), all, none, or names separated by commas, in that order.",
    )
    time: TimeZone = Field("local", description="Zone of the times in pretty and logfmt.")
    max_value_characters: int = Field(
        1000, ge=0, description="Longest host, text or value in pretty; the rest is cut with a marker. 0: no limit."
    )
    max_full_message_characters: int = Field(
        20_000, ge=0, description="Longest part below a line in pretty; the rest is cut with a marker. 0: no limit."
    )


class ConsoleOutput:
    """
    Writes messages to a standard stream.

    Guarantee: at least once while someone reads. When the reader is gone (closed pipe, terminal hung up), the output
    stops writing: messages are dropped and counted, a warning is logged once, and the process goes on. A reader
    that is slow or stopped holds the output up, and its buffer does what `when_full` says.
    """

    Settings: ClassVar[type[ConsoleSettings]] = ConsoleSettings

    def __init__(self, settings: ConsoleSettings) -> None:
        self.settings = settings
        self._thread = WriterThread(f"console-{settings.stream}")
        self._fd = -1
        self._renderer: Renderer | None = None
        self._closing = threading.Event()
        self._closed = False
        self._gone = False
        self._rest: tuple[int, int, memoryview] | None = None
        self._messages = self._bytes = self._dropped = self._errors = 0

    async def start(self) -> None:
        """Take hold of the stream; see `Output.start`."""
        stream = sys.stdout if self.settings.stream == "stdout" else sys.stderr
        if stream is None:  # closed before we started: its number may belong to a socket by now
            self._silence("closed")
        else:
            try:
                stream.flush()
                # A descriptor of our own: nobody closes it, and nobody reuses its number, behind our back.
                self._fd = os.dup(1 if self.settings.stream == "stdout" else 2)
            except (OSError, ValueError) as error:
                self._silence(describe(error))
        self._renderer = self._make_renderer()
        self._thread.start()

    async def write(self, batch: Sequence[Message]) -> None:
        """Write a batch in one piece; see `Output.write`."""
        if not batch:
            return
        if self._closed:
            raise Retry("the output is closed")
        await self._thread.run(self._write, batch)

    async def close(self) -> None:
        """Finish writing, but do not wait indefinitely for a reader that stopped; see `Output.close`."""
        if self._closed:
            return
        self._closed = True
        self._closing.set()
        if await self._thread.close(_CLOSE_SECONDS):
            if self._fd >= 0:
                os.close(self._fd)
        else:  # the thread still holds the descriptor
            _log.warning("%s does not take what is written; leaving it", self.settings.stream)

    def counters(self) -> dict[str, float]:
        """Return what was written, dropped after the reader had gone, and failed."""
        return {
            "written_messages_total": self._messages,
            "written_bytes_total": self._bytes,
            "silenced_messages_total": self._dropped,
            "write_errors_total": self._errors,
        }

    def _make_renderer(self) -> Renderer:
        settings = self.settings
        form, fields = settings.format, chosen_fields(settings.fields)
        if form == "auto":
            form = "pretty" if self._fd >= 0 and os.isatty(self._fd) else "json"
        if form == "json":
            return JsonRenderer(fields)
        if form == "gelf":
            return GelfRenderer(fields)
        if form == "logfmt":
            return LogfmtRenderer(fields, utc=settings.time == "utc")
        return PrettyRenderer(
            fields,
            color=self._fd >= 0 and wants_color(settings.color, os.environ, self._fd),
            utc=settings.time == "utc",
            max_value_characters=settings.max_value_characters,
            max_full_message_characters=settings.max_full_message_characters,
            service=True,
            hidden=noise(settings.where) if settings.fields == ("usual",) else frozenset(),
        )

    def _write(self, batch: Sequence[Message]) -> None:
        """Render and send a batch (in the thread)."""
        if self._gone or self._renderer is None:
            self._dropped += len(batch)
            return
        first, count = batch[0].sequence, len(batch)
        if self._rest is not None and self._rest[:2] == (first, count):
            data = self._rest[2]  # the same batch again: go on where it stopped
        else:
            data = memoryview((b"\n" if self._rest is not None else b"") + self._renderer.render(batch))
        self._rest = None
        try:
            while data:
                sent = self._send(data)
                self._bytes += sent
                data = data[sent:]
        except OSError as error:
            self._errors += 1
            if error.errno in _GONE:
                self._silence(describe(error))
                self._dropped += count
                return
            self._rest = (first, count, data)
            raise Retry(f"{self.settings.stream}: {describe(error)}") from None
        self._messages += count

    def _send(self, data: memoryview) -> int:
        """Write some of the data, waiting for a stream that somebody made non-blocking."""
        try:
            return os.write(self._fd, data)
        except BlockingIOError:
            poll = select.poll()
            poll.register(self._fd, select.POLLOUT)
            while not poll.poll(_POLL_MILLISECONDS):
                if self._closing.is_set():
                    raise
            return 0

    def _silence(self, why: str) -> None:
        """Stop writing for good."""
        self._gone = True
        _log.warning("nobody reads %s any more (%s); console output is off", self.settings.stream, why)
