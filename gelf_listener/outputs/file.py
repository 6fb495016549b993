"""file: messages in files, one record a line, rotated and kept as long as wanted."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import threading
import time
from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field, field_validator

from gelf_listener.errors import ConfigError, Refused, Retry, describe
from gelf_listener.message import Message
from gelf_listener.outputs.files.archive import Archive, Retention
from gelf_listener.outputs.files.faults import Faults
from gelf_listener.outputs.files.logfile import LogFile
from gelf_listener.outputs.files.openfiles import OpenFiles
from gelf_listener.outputs.files.rotation import Period, Rotation
from gelf_listener.outputs.files.template import Destination, PathTemplate
from gelf_listener.rendering import Renderer
from gelf_listener.rendering.choice import FieldChoice, TimeZone, chosen_fields
from gelf_listener.rendering.gelf import GelfRenderer, JsonRenderer
from gelf_listener.rendering.logfmt import LogfmtRenderer
from gelf_listener.rendering.pretty import PrettyRenderer
from gelf_listener.settings import Duration, Size, ThreadSettings
from gelf_listener.writer_thread import WriterThread

_log = logging.getLogger(__name__)

_CLOSE_SECONDS = 10.0
_SWEEP_SECONDS = 3600.0
_NEVER = frozenset(
    (errno.ELOOP, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENAMETOOLONG, errno.EINVAL, errno.ENXIO)
)
"""Errors of a path that no time repairs: a link, a file or a directory is where another should be."""
_MISTAKES = _NEVER | {errno.EACCES, errno.EPERM, errno.EROFS}
"""Errors that at the start are a usage error. Later the same ones may pass, and the batch waits."""


class FileSettings(ThreadSettings):
    """Settings of `file:`."""

    path: str = Field(
        description="File to write; may hold {source}, {input}, {level}, {date}, {hour} and {_field} (any field)."
    )
    format: Literal["gelf", "json", "logfmt", "text"] = Field(
        "gelf",
        description="Form of a record: a line of GELF, JSON with what the listener knows, logfmt, or text for people.",
    )
    fields: FieldChoice = Field(("all",), description="Additional fields written: all, none, or names.")
    time: TimeZone = Field("utc", description="Zone of {date}, {hour}, of periods and of the times in logfmt and text.")
    max_size: Size = Field(0, ge=0, description="Size at which a file is rotated, such as 100MB or 1GiB. 0: no limit.")
    rotate: Period = Field(
        0, description="When a file is rotated: never, hourly, daily, or a duration such as 15m. Checked when writing."
    )
    compress: Literal["gzip", "none"] = Field("gzip", description="How finished files are compressed.")
    max_rotated_files: int = Field(0, ge=0, description="Finished files kept for each file written to. 0: no limit.")
    max_age: Duration = Field(0, description="How long finished files are kept, such as 30d. 0: no limit.")
    max_total_size: Size = Field(
        0,
        ge=0,
        description="Size of all files of this output beyond which the oldest finished ones are deleted. 0: no limit.",
    )
    max_open_files: int = Field(256, ge=1, description="Files open at once; the one not used for longest is closed.")
    max_files_per_day: int = Field(
        10_000, ge=1, description="Different files written to in a day; messages for more go to one _overflow file."
    )
    sync: Literal["none", "batch", "interval"] = Field(
        "none", description="When data is brought to the disk (fsync): never by us, after each batch, or now and then."
    )
    sync_seconds: Duration = Field(
        1.0, gt=0, le=3600, description="Longest time data stays unsynced with sync=interval."
    )

    @field_validator("path")
    @classmethod
    def _check_path(cls, value: str) -> str:
        PathTemplate(value)
        return value


class FileOutput:
    """
    Appends messages to files.

    Guarantee: at least once while the process lives, and each record whole. A batch that cannot be written (disk full,
    I/O error, permission) stays with the runner and is offered again; what was written of it is not written
    twice, and nothing half-written is left behind. What a crash of the machine may lose is a matter of `sync`.
    """

    Settings: ClassVar[type[FileSettings]] = FileSettings

    def __init__(self, settings: FileSettings) -> None:
        self.settings = settings
        utc = settings.time == "utc"
        self._template = PathTemplate(settings.path, utc=utc)
        self._renderer = _make_renderer(settings)
        self._rotation = Rotation(settings.max_size, settings.rotate, utc=utc)
        self._files = OpenFiles(
            self._template.base,
            settings.max_open_files,
            settings.max_files_per_day,
            sync=settings.sync == "batch",
            sync_on_close=settings.sync != "none",
        )
        self._lock = threading.Lock()
        self._archive = Archive(
            self._template,
            compress=settings.compress == "gzip",
            retention=Retention(settings.max_rotated_files, settings.max_age, settings.max_total_size),
            lock=self._lock,
            is_open=self._files.__contains__,
        )
        self._faults = Faults()
        self._thread = WriterThread("file")
        self._sweeper = WriterThread("file-archive")
        self._sync_timer: asyncio.TimerHandle | None = None
        self._closed = False
        self._newest_bucket = 0
        self._swept_at = float("-inf")
        self._sweep_waits = False
        self._done: set[int] = set()
        """Sequences of messages that were written before their batch failed."""
        self._messages = self._bytes = self._rotations = self._overflowed = self._sync_errors = 0

    async def start(self) -> None:
        """Open the file, or where its name depends on messages, the base directory; see `Output.start`."""
        self._thread.start()
        self._sweeper.start()
        try:
            await self._thread.run(self._open_first)
        except OSError as error:
            text = f"{error.filename or self._template.base}: {describe(error)}"
            if error.errno in _MISTAKES:
                raise ConfigError(f"file output: cannot write {text}") from None
            raise Retry(text) from None
        self._sweep(time.time())

    async def write(self, batch: Sequence[Message]) -> None:
        """Append a batch; see `Output.write`."""
        if not batch:
            return
        if self._closed:
            raise Retry("the output is closed")
        try:
            await self._thread.run(self._write, batch)
        finally:
            if self.settings.sync == "interval" and self._sync_timer is None:
                loop = asyncio.get_running_loop()
                self._sync_timer = loop.call_later(self.settings.sync_seconds, self._sync_soon)

    async def reopen(self) -> None:
        """Let go of all files; the next batch opens them by their names again, as logrotate wants it."""
        if not self._closed:
            await self._thread.run(self._close_files)

    async def close(self) -> None:
        """Sync as asked for and close the files; see `Output.close`."""
        if self._closed:
            return
        self._closed = True
        if self._sync_timer is not None:
            self._sync_timer.cancel()
        self._archive.stop()
        self._thread.post(self._close_files)
        for thread in (self._thread, self._sweeper):
            if not await thread.close(_CLOSE_SECONDS):
                _log.warning("%s: the disk does not answer; leaving it", self.settings.path)

    def counters(self) -> dict[str, float]:
        """Return what was written, rotated, compressed, deleted, and what failed by kind."""
        return {
            "written_messages_total": self._messages,
            "written_bytes_total": self._bytes,
            "open_files": len(self._files),
            "overflow_messages_total": self._overflowed,
            "rotations_total": self._rotations,
            "truncations_total": self._files.truncations,
            "compressed_files_total": self._archive.compressed,
            "deleted_files_total": self._archive.deleted,
            "sync_errors_total": self._sync_errors,
            "archive_errors_total": self._archive.faults.errors.total(),
            **self._faults.counters(),
        }

    # What follows runs in the thread.

    def _open_first(self) -> None:
        template = self._template
        if template.per_message or template.timed:
            template.base.mkdir(0o750, parents=True, exist_ok=True)
            if not os.access(template.base, os.W_OK | os.X_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(template.base))
        else:
            with self._lock:
                self._open("/".join(template.components), time.time())

    def _write(self, batch: Sequence[Message]) -> None:
        if self._done:
            batch = [message for message in batch if message.sequence not in self._done]
        with self._lock:
            refused, why = self._write_groups(batch, time.time())
        self._done.clear()
        if refused:
            raise Refused(refused, why)

    def _write_groups(self, batch: Sequence[Message], now: float) -> tuple[list[Message], str]:
        """Write a batch file by file; return what no file will ever take."""
        refused: list[Message] = []
        why = ""
        groups = self._template.group(batch) if batch else []
        for destination, messages in groups:
            self._turn_over(destination.bucket, now)
            try:
                self._write_group(destination, messages, now, only=len(groups) == 1)
            except OSError as error:
                path = self._template.base / destination.relative
                self._faults.note("write", path, error)
                why = f"{path}: {describe(error)}"
                if not self._is_hopeless(error):
                    raise Retry(why) from None
                refused += messages  # or one peer's name could hold up everybody's messages
        if now - self._swept_at > _SWEEP_SECONDS:
            self._sweep(now)
        return refused, why

    def _is_hopeless(self, error: OSError) -> bool:
        """Tell whether a path that came from messages can never be written, though the base directory is fine."""
        return self._template.per_message and error.errno in _NEVER and self._template.base.is_dir()

    def _write_group(self, destination: Destination, messages: Sequence[Message], now: float, *, only: bool) -> None:
        overflows = self._template.per_message and not self._files.admit(destination.relative, now)
        relative = (self._template.overflow(destination) if overflows else destination).relative
        data = self._renderer.render(messages)
        file = self._open(relative, now)
        if self._rotation.period(now) != file.period and file.size:
            file = self._rotate(file, relative, now) or file
        if self._rotation.max_size and file.size + len(data) > self._rotation.max_size:
            self._write_divided(file, relative, messages, now)
        else:
            file.append(data)
            self._count(messages, len(data))
            if not only:
                self._done.update([message.sequence for message in messages])
        if overflows:
            self._overflowed += len(messages)

    def _write_divided(self, file: LogFile, relative: str, messages: Sequence[Message], now: float) -> None:
        """Write messages one file full after the other."""
        records = [self._renderer.render((message,)) for message in messages]
        start = 0
        may_rotate = True
        while start < len(records):
            size = file.size
            end = start
            while end < len(records) and (self._rotation.fits(size, len(records[end])) or not may_rotate):
                size += len(records[end])
                end += 1
            if end > start:
                data = b"".join(records[start:end])
                file.append(data)
                self._count(messages[start:end], len(data))
                self._done.update([message.sequence for message in messages[start:end]])
                start = end
            if start < len(records):
                rotated = self._rotate(file, relative, now)
                file, may_rotate = rotated or file, rotated is not None

    def _count(self, messages: Sequence[Message], size: int) -> None:
        self._messages += len(messages)
        self._bytes += size

    def _open(self, relative: str, now: float) -> LogFile:
        file = self._files.open(relative)
        if file.period is None:
            file.period = self._rotation.period(file.modified_at if file.size else now)
        return file

    def _rotate(self, file: LogFile, relative: str, now: float) -> LogFile | None:
        """Rename a full file and open a new one; None when it cannot be renamed, and is to be written to still."""
        if self.settings.sync == "interval" and file.dirty:
            self._sync_file(file)
        try:
            file.rotate(lambda counter: self._template.rotated(relative, now, counter))
        except OSError as error:
            self._faults.note("rotate", file.path, error)
            return None
        self._rotations += 1
        self._sweep(now)
        return self._open(relative, now)

    def _turn_over(self, bucket: int, now: float) -> None:
        """When date and hour move on, close the files of before: they are finished."""
        if bucket > self._newest_bucket:
            if self._newest_bucket:
                self._close_files_locked()
                self._sweep(now)
            self._newest_bucket = bucket

    def _sweep(self, now: float) -> None:
        """Have finished files looked after; one sweep waits at most, however often files are rotated."""
        self._swept_at = now
        if not self._sweep_waits:
            self._sweep_waits = True
            self._sweeper.post(self._sweep_now)

    def _sweep_now(self) -> None:
        self._sweep_waits = False  # first: what is rotated from here on needs another one
        self._archive.sweep(time.time())

    def _sync_soon(self) -> None:
        self._sync_timer = None
        self._thread.post(self._sync_files)

    def _sync_files(self) -> None:
        for file in self._files:
            if file.dirty:
                self._sync_file(file)

    def _sync_file(self, file: LogFile) -> None:
        try:
            file.sync()
        except OSError as error:
            self._sync_errors += 1
            self._faults.note("sync", file.path, error)

    def _close_files(self) -> None:
        with self._lock:
            self._close_files_locked()

    def _close_files_locked(self) -> None:
        try:
            self._files.close()
        except OSError as error:
            self._sync_errors += 1
            self._faults.note("close", self._template.base, error)


def _make_renderer(settings: FileSettings) -> Renderer:
    fields, utc = chosen_fields(settings.fields), settings.time == "utc"
    if settings.format == "gelf":
        return GelfRenderer(fields)
    if settings.format == "json":
        return JsonRenderer(fields)
    if settings.format == "logfmt":
        return LogfmtRenderer(fields, utc=utc)
    return PrettyRenderer(fields, utc=utc)
