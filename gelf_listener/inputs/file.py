"""
Files: each line that is appended becomes a message.

A thread looks at the files, because no event loop can wait for them; the loop decodes what it read. How far a file was
read counts only when the messages before that place are in every buffer.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import socket
import time
from collections import deque
from pathlib import Path
from time import perf_counter
from typing import Annotated, ClassVar

from pydantic import BeforeValidator, Field, field_validator

from gelf_listener.codec import Batch
from gelf_listener.codec.text.lines import LineDecoder
from gelf_listener.directories import state_directory
from gelf_listener.errors import ConfigError, describe
from gelf_listener.inputs import Intake
from gelf_listener.inputs.files.folder import Folder
from gelf_listener.inputs.files.followed import Followed, Identity, Piece
from gelf_listener.inputs.files.positions import Position, Positions
from gelf_listener.inputs.room import Room
from gelf_listener.inputs.turns import READ_SECONDS
from gelf_listener.settings import Charset, Duration, InputSettings, Size, ZoneName, split_commas, zone_named
from gelf_listener.writer_thread import WriterThread

_log = logging.getLogger(__name__)

_SAVE_SECONDS = 1.0
_SLICE_BYTES = 2048
"""Of a file, decoded before we look at the time: they may be a thousand lines."""
_RETRY_SECONDS = 1.0
_CLOSE_SECONDS = 5.0
_NOT_PLAIN = re.compile(r"[^A-Za-z0-9._-]+")

Patterns = Annotated[tuple[str, ...], BeforeValidator(split_commas)]


class FileSettings(InputSettings):
    """Settings of `file:///path`."""

    path: Patterns = Field(
        (), description="Files to follow: absolute paths, comma-separated, with *, ?, [...] and ** for any directories."
    )
    exclude: Patterns = Field(
        ("*.gz", "*.bz2", "*.xz", "*.zst", "*.zip"), description="Patterns of names or paths that are left out."
    )
    read_from: str = Field(
        "beginning",
        pattern="^(beginning|end)$",
        description="Where files are read from that are there when the input starts for the first time: beginning or "
        "end. What is written later is read in any case.",
    )
    source: str = Field("", description="Host of lines that do not name one. Empty: this machine's name.")
    charset: Charset = Field("", description="Character set of what is not UTF-8, for example latin-1. Empty: none.")
    timezone: ZoneName = Field(
        "", description="Zone of times without an offset, for example Europe/Berlin. Empty: this machine's."
    )
    max_line_bytes: Size = Field(256 * 1024, ge=80, description="A longer line is cut into several messages.")
    max_join_bytes: Size = Field(256 * 1024, ge=1024, description="Most bytes of a stack trace that is joined.")
    join_seconds: Duration = Field(0.5, ge=0, le=60, description="How long a line waits for a stack trace behind it.")
    poll_seconds: Duration = Field(0.5, gt=0, le=3600, description="How often files are looked at.")
    max_files: int = Field(500, ge=1, le=100_000, description="Most files that are followed at a time.")
    state_path: str = Field(
        "",
        description="Directory for how far files were read; by default one of the input's name in the state directory.",
    )

    @field_validator("path")
    @classmethod
    def _check_path(cls, patterns: tuple[str, ...]) -> tuple[str, ...]:
        if not patterns:
            raise ValueError("name at least one file, for example file:///var/log/*.log")
        for pattern in patterns:
            if not Path(pattern).is_absolute():
                raise ValueError(f"{pattern!r} is not an absolute path, such as file:///var/log/app.log")
            if Path(pattern).is_dir():
                raise ValueError(
                    f"{pattern!r} is a directory; say which files, for example {pattern.rstrip('/')}/*.log"
                )
        return patterns


class _Stream:
    """A file's decoder, and which places of the file it has dealt with."""

    def __init__(self, file: Followed, safe: int, decoder: LineDecoder) -> None:
        self.file = file
        self.decoder = decoder
        self.safe = safe
        """Everything before it is in every buffer."""
        self._reads: deque[tuple[float, int]] = deque()
        """When reads were decoded from the one on that holds the first line that waits, and where their lines began."""

    def begin_again(self, now: float, batch: Batch) -> None:
        """Decode what is left of a file that was truncated."""
        self.decoder.feed_eof(now, batch)
        self._reads.clear()
        self.safe = 0

    def feed(self, data: bytes, offset: int, now: float, batch: Batch) -> None:
        """Decode what was read at a place of the file."""
        self._reads.append((now, offset - self.decoder.partial_bytes))
        self.decoder.feed(data, now, batch)

    def done(self) -> int:
        """Return the place before which every line was given out as a message."""
        since = self.decoder.held_since
        while self._reads and (since is None or self._reads[0][0] < since):
            self._reads.popleft()
        if since is None or not self._reads:
            return self.file.offset - self.decoder.partial_bytes
        return self._reads[0][1]


class FileInput:
    """
    Follows files.

    Guarantee: at least once. Every line that ended is read, across rotation and restarts; when the process is killed,
    lines of the last second or of the last 64 KiB of a file may come again. Not read is what is written between the
    last look and a truncation (`copytruncate`). Back-pressure: while a buffer is crowded nothing is read.
    """

    Settings: ClassVar[type[FileSettings]] = FileSettings

    def __init__(self, settings: FileSettings) -> None:
        self.settings = settings
        self.name = settings.name or f"file-{_plain(settings.path[0] if settings.path else '')}"
        self.listening: list[str] = []
        state = Path(settings.state_path) if settings.state_path else state_directory() / "files" / _plain(self.name)
        self._positions = Positions(state)
        self._folder = Folder(settings.path, settings.exclude, settings.max_files, self._positions)
        self._thread = WriterThread(f"{self.name} reader")
        self._streams: dict[Identity, _Stream] = {}
        self._task: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()
        self._clock = 0.0
        self._saved_at = 0.0
        self._changed = False
        self._unsafe: dict[Identity, str] = {}
        """Files of which a buffer could not take what was read."""

    async def start(self, intake: Intake) -> None:
        """Find the files and begin to read; see `Input.start`."""
        self._intake = intake
        self._room = Room(intake)
        self._closing.clear()
        self._positions.open()
        try:
            self._positions.save(())
        except OSError as error:
            self._positions.close()
            raise ConfigError(f"the state of {self.name} cannot be written: {describe(error)}") from None
        self._thread.start()
        skip = self._positions.is_new and self.settings.read_from == "end"
        await self._thread.run(lambda: self._folder.scan(skip=skip))
        self.listening = [f"file://{pattern}" for pattern in self.settings.path]
        self._task = asyncio.get_running_loop().create_task(self._follow())

    async def close(self) -> None:
        """Hand over what was read, and remember how far; see `Input.close`. A line without an end is read next time."""
        if self._task is None:
            return
        self._closing.set()
        await asyncio.wait([self._task])
        self._task = None
        batch = Batch()
        for stream in self._streams.values():
            stream.decoder.release(self._now(), batch)
        batch.hand_over(self._intake)
        self._commit()
        await self._save()
        await self._thread.run(self._folder.close)
        await self._thread.close(_CLOSE_SECONDS)
        self._streams.clear()
        self._positions.close()

    def counters(self) -> dict[str, float]:
        """Return how many files are followed, and how often one could not be."""
        return {"files": len(self._folder.files), "file_errors_total": self._folder.errors}

    def _now(self) -> float:
        """Return the time, later than any time before: it tells reads apart."""
        self._clock = max(round(time.time(), 6), self._clock + 1e-6)
        return self._clock

    async def _follow(self) -> None:
        """Look at the files again and again."""
        scanned = time.monotonic()
        while not self._closing.is_set():
            try:
                await self._calm()
                if time.monotonic() - scanned >= self.settings.poll_seconds:
                    await self._thread.run(self._folder.scan)
                    scanned = time.monotonic()
                if not await self._round():
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self._closing.wait(), self._pause())
            except Exception:  # noqa: BLE001  (a file system may fail in any way, and other files go on)
                _log.exception("%s: looking at the files failed", self.name)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._closing.wait(), _RETRY_SECONDS)

    async def _calm(self) -> None:
        """Wait until buffers have room, or the input closes."""
        if self._room:
            return
        calm = asyncio.Event()
        self._room.wait(calm.set)
        waits = [asyncio.ensure_future(calm.wait()), asyncio.ensure_future(self._closing.wait())]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()

    async def _round(self) -> bool:
        """Read what is new; return whether there was something."""
        await self._go_back()
        found = await self._thread.run(self._folder.read)
        for file, piece in found.pieces:
            await self._decode(file, piece)
        batch = Batch()
        for file in found.gone:
            ended = self._streams.pop(file.identity, None)
            if ended is not None:
                ended.decoder.feed_eof(self._now(), batch)
            self._changed = True
        now = time.time()
        for stream in self._streams.values():
            deadline = stream.decoder.deadline
            if deadline is not None and now >= deadline:
                stream.decoder.expire(self._now(), batch)
        batch.hand_over(self._intake)
        self._commit()
        if self._changed and time.monotonic() - self._saved_at >= _SAVE_SECONDS:
            await self._save()
        return bool(found.pieces)

    async def _decode(self, file: Followed, piece: Piece) -> None:
        """Decode what was read of a file; others have their turn every some milliseconds."""
        start = file.offset - len(piece.data)
        stream = self._streams.get(file.identity) or self._stream(file, start)
        batch = Batch()
        if piece.truncated:
            stream.begin_again(self._now(), batch)
        ends_at = perf_counter() + READ_SECONDS
        for at in range(0, len(piece.data), _SLICE_BYTES):
            stream.feed(piece.data[at : at + _SLICE_BYTES], start + at, self._now(), batch)
            if perf_counter() > ends_at:
                batch.hand_over(self._intake)
                batch = Batch()
                await asyncio.sleep(0)
                ends_at = perf_counter() + READ_SECONDS
        batch.hand_over(self._intake)
        await asyncio.sleep(0)

    async def _go_back(self) -> None:
        """Read again what a buffer could not take, a little later."""
        if not self._unsafe:
            return
        unsafe, self._unsafe = self._unsafe, {}
        for identity, why in unsafe.items():
            stream = self._streams.pop(identity, None)
            if stream is not None:
                _log.warning("%s: %s is read again from byte %d: %s", self.name, stream.file.path, stream.safe, why)
                stream.file.rewind(stream.safe)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._closing.wait(), _RETRY_SECONDS)

    def _stream(self, file: Followed, safe: int) -> _Stream:
        """Make a decoder for a file that has something new."""
        settings = self.settings
        decoder = LineDecoder(
            settings.source or socket.gethostname() or "localhost",
            input=self.name,
            fields={"log_file": file.path},
            zone=zone_named(settings.timezone),
            charset=settings.charset,
            max_line_bytes=settings.max_line_bytes,
            max_join_bytes=settings.max_join_bytes,
            join_seconds=settings.join_seconds,
        )
        stream = self._streams[file.identity] = _Stream(file, safe, decoder)
        return stream

    def _pause(self) -> float:
        """Return how long there is nothing to do, as far as is known."""
        deadlines = [stream.decoder.deadline for stream in self._streams.values()]
        waiting = [deadline - time.time() for deadline in deadlines if deadline is not None]
        return max(min([self.settings.poll_seconds, *waiting]), 0.001)

    def _commit(self) -> None:
        """Remember how far each file was dealt with, when that is safe."""
        places = [
            (stream, stream.file.generation, done)
            for stream in self._streams.values()
            if (done := stream.done()) != stream.safe
        ]
        if places:
            self._intake.when_safe(lambda why: self._settled(places, why))

    def _settled(self, places: list[tuple[_Stream, int, int]], why: str | None) -> None:
        for stream, generation, done in places:
            if stream.file.generation != generation:
                continue
            if why is None:
                stream.safe = done
                self._changed = True
            else:
                self._unsafe[stream.file.identity] = why

    async def _save(self) -> None:
        """Write down how far files were read."""
        positions = [
            Position(stream.file.path, *stream.file.identity, stream.safe, stream.file.head[: stream.safe])
            for stream in self._streams.values()
        ]
        known = {position.identity for position in positions}
        idle = [
            Position(file.path, *file.identity, file.offset, file.head)
            for file in list(self._folder.files.values())
            if file.identity not in known
        ]
        self._changed = False
        self._saved_at = time.monotonic()
        try:
            await self._thread.run(self._positions.save, [*positions, *idle])
        except OSError as error:
            _log.warning("%s: how far files were read cannot be written: %s", self.name, describe(error))
            self._changed = True


def _plain(text: str) -> str:
    """Make a name for a directory of a text."""
    return _NOT_PLAIN.sub("_", text).strip("._")[:80] or "input"
