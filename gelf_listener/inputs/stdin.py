"""
Standard input: each line a message.

A thread reads, because standard input may be a file, which no event loop can wait for; it reads on when the buffers
have room.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
import threading
import time
from typing import ClassVar

from pydantic import Field

from gelf_listener.codec import Batch
from gelf_listener.codec.text.lines import LineDecoder
from gelf_listener.inputs import Intake
from gelf_listener.inputs.room import Room
from gelf_listener.inputs.turns import Backlog, turns_of
from gelf_listener.settings import Charset, Duration, InputSettings, Size, ZoneName, zone_named

_READ_BYTES = 256 * 1024
_PIPE_BYTES = 1024 * 1024
"""Room in a pipe that standard input is, so that whoever writes seldom waits for us (see `make bench`, stdin)."""

_F_SETPIPE_SZ = 1031


class StdinSettings(InputSettings):
    """Settings of `stdin:`."""

    source: str = Field("", description="Host of lines that do not name one. Empty: this machine's name.")
    max_line_bytes: Size = Field(256 * 1024, ge=80, description="A longer line is cut into several messages.")
    max_join_bytes: Size = Field(256 * 1024, ge=1024, description="Most bytes of a stack trace that is joined.")
    timezone: ZoneName = Field(
        "", description="Zone of times without an offset, for example Europe/Berlin. Empty: this machine's."
    )
    charset: Charset = Field("", description="Character set of what is not UTF-8, for example latin-1. Empty: none.")
    join_seconds: Duration = Field(0.1, ge=0, le=60, description="How long a line waits for a stack trace behind it.")


class StdinInput:
    """
    Reads lines from standard input.

    Guarantee: every line that was read becomes part of a message, the last one too when it has no end. Back-pressure:
    while a buffer is crowded nothing is read, so whoever writes waits. At the end of the input the listener goes on.
    """

    Settings: ClassVar[type[StdinSettings]] = StdinSettings

    def __init__(self, settings: StdinSettings) -> None:
        self.settings = settings
        self.name = settings.name or "stdin"
        self.listening: list[str] = []
        self._decoder = LineDecoder(
            settings.source or socket.gethostname() or "localhost",
            input=self.name,
            zone=zone_named(settings.timezone),
            charset=settings.charset,
            max_line_bytes=settings.max_line_bytes,
            max_join_bytes=settings.max_join_bytes,
            join_seconds=settings.join_seconds,
        )
        self._go_on = threading.Event()
        self._open = False
        self._expiry: asyncio.TimerHandle | None = None

    async def start(self, intake: Intake) -> None:
        """Begin to read; see `Input.start`."""
        self._intake = intake
        self._room = Room(intake)
        self._loop = asyncio.get_running_loop()
        self._open = True
        self._backlog = self._make_backlog()
        self._go_on.set()
        self.listening = ["stdin:"]
        _enlarge_pipe(sys.stdin.fileno())
        threading.Thread(target=self._read, args=(sys.stdin.fileno(),), name="stdin", daemon=True).start()

    async def close(self) -> None:
        """Hand over what was read; see `Input.close`. The thread ends with the process: it may wait for long."""
        if self._open:
            await asyncio.sleep(0)  # what the thread has just handed to the loop
            self._backlog.finish()
            self._end()

    def counters(self) -> dict[str, float]:
        """Return nothing: what was read is what every input counts."""
        return {}

    def _read(self, fileno: int) -> None:
        """Read in a thread; one piece at a time is on its way to the loop."""
        data = b" "
        while data:
            self._go_on.wait()
            try:
                data = os.read(fileno, _READ_BYTES)
            except OSError:  # closed, or never open
                data = b""
            self._go_on.clear()
            try:
                self._loop.call_soon_threadsafe(self._took, data)
            except RuntimeError:  # the loop has ended
                return

    def _make_backlog(self) -> Backlog:
        return Backlog(turns_of(self._loop), "stdin:", self._take, _nothing, self._read_on)

    def _took(self, data: bytes) -> None:
        """Decode what was read, as far as this turn of the loop has time for it; the thread waits for the rest."""
        if not self._open:
            return
        if not data:
            self._backlog.then(self._end)
            return
        self._backlog.feed(data)
        if not self._backlog:
            self._read_on()

    def _take(self, data: bytes) -> None:
        batch = Batch()
        self._decoder.feed(data, round(time.time(), 6), batch)
        batch.hand_over(self._intake)

    def _read_on(self) -> None:
        if not self._open:
            return
        self._wait()
        if self._room:
            self._go_on.set()
        else:
            self._room.wait(self._go_on.set)

    def _wait(self) -> None:
        """Come back for a line that waits for the next."""
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None
        if self._decoder.deadline is not None:
            seconds = max(self._decoder.deadline - time.time(), 0.001)
            self._expiry = self._loop.call_later(seconds, self._expire)

    def _expire(self) -> None:
        batch = Batch()
        self._decoder.expire(round(time.time(), 6), batch)
        batch.hand_over(self._intake)
        self._expiry = None
        self._wait()

    def _end(self) -> None:
        if not self._open:
            return
        self._open = False
        self._backlog.close()
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None
        batch = Batch()
        self._decoder.feed_eof(round(time.time(), 6), batch)
        batch.hand_over(self._intake)


def _nothing() -> None:
    """Hold nothing: the thread waits until it is told to go on."""


def _enlarge_pipe(fileno: int) -> None:
    """Ask for more room in a pipe, where the system lets us."""
    if sys.platform == "linux":
        import fcntl  # not on Windows

        with contextlib.suppress(OSError):  # not a pipe, or more than this user may have
            fcntl.fcntl(fileno, _F_SETPIPE_SZ, _PIPE_BYTES)
