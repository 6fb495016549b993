"""
Disk: a buffer that survives the end of the process.

Everything that is put is written to a `BatchFile` first and can be taken then, so what an output has written is never
written for nothing and what it has not is never lost. As long as the output keeps up, messages are handed on as they
are; what does not fit into memory is read again when its turn comes.

Laws, beside those of every buffer:

* A row leaves the file once all its messages were released.
* Numbers of rows grow in receive order, and rows are taken in that order.
* Only the loop touches this object's state; the file and, while the thread runs, the lock are touched by it alone.
* "Safe" is said of a file that is where it belongs: its place is looked at before and after every write, and once a
  second. A directory that was removed is made again, with everything that was in it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

from gelf_listener.buffers.batch_file import BatchFile, CannotSave, Totals
from gelf_listener.buffers.orphans import Owner, adopt
from gelf_listener.buffers.rows import MESSAGE_BYTES, Row, Taken
from gelf_listener.errors import ConfigError
from gelf_listener.lock import DirectoryLock, LockedError
from gelf_listener.message import Message
from gelf_listener.packing import Packer
from gelf_listener.settings import OutputSettings
from gelf_listener.writer_thread import WriterThread

_log = logging.getLogger(__name__)

_ROW_MESSAGES = 5000
_ROW_BYTES = 2 * 1024 * 1024
"""What is put is joined up to this size before it becomes a row."""
_WINDOW_BYTES = 32 * 1024 * 1024
"""What may wait in memory of what is safe on disk; read again below half of it."""
_UNSAVED_BYTES = 64 * 1024 * 1024
"""What may wait in memory to be written, at the most: then inputs stop, or messages are dropped."""
_TRANSACTION_BYTES = 16 * 1024 * 1024
_READ_BYTES = 8 * 1024 * 1024
_FIRST_DELAY_SECONDS = 0.1
_LONGEST_DELAY_SECONDS = 5.0
_CLOSE_SECONDS = 10.0
_LOCK_SECONDS = 0.01
"""How often a predecessor is asked whether it has ended: a file that nobody has open can be removed unnoticed."""
_PREDECESSOR_SECONDS = 5.0
"""How long a predecessor may take to end before the buffer is shown as failing."""
_LOOK_SECONDS = 1.0
"""How often an idle buffer looks whether its directory is still there."""
_PASSING = (CannotSave, ConfigError, OSError)
"""What a disk does, and who is at a directory: it may pass, and is not a bug."""
_ADVICE = "stop that one, or give this output a 'name' or a 'buffer_path' of its own"

Safe = Callable[[str | None], None]


class DiskBuffer:
    """
    Holds messages in a file.

    Guarantee: at least once for what `when_safe` called safe: it survives the end of the process, and an outage of
    power as far as ``buffer_sync`` says. A message that is offered again has the id it had.

    Args:
        directory: Where the file is; made if it is not there.
        settings: The output's.
        packer: Makes bytes of messages.
        owner: Whose buffer it is; noted in the directory, for the case that nobody writes it any more.
        predecessor: Directory of a buffer that nobody writes any more, or that an output which a reload ends still
            has open: it becomes this one's, with what waits in it, unless this one has a file already.
    """

    durable = True
    safe_at_once = False

    def __init__(
        self,
        directory: Path,
        settings: OutputSettings,
        packer: Packer,
        owner: Owner | None = None,
        predecessor: Path | None = None,
    ) -> None:
        self.directory = directory
        self.messages = 0
        self.bytes = 0
        self.dropped = 0
        self.problem = ""
        self._max_messages = settings.buffer_messages_limit
        self._max_bytes = settings.buffer_bytes_limit
        self._when_full = settings.when_full
        self._row_messages = min(settings.batch, _ROW_MESSAGES)
        self._sync_seconds = settings.buffer_sync_seconds if settings.buffer_sync == "interval" else 0.0
        self._owner = owner
        self._predecessor = predecessor
        self._lock = DirectoryLock(directory, "buffer", _ADVICE)
        self._file = BatchFile(directory, settings.buffer_sync, packer)
        self._thread = WriterThread(f"buffer {directory.name}")
        self._changed: Callable[[], None] = _nothing
        self._unsaved: deque[Row] = deque()
        self._unsaved_bytes = 0
        self._ready: deque[Row] = deque()
        self._ready_messages = 0
        self._ready_bytes = 0
        self._read_to = 0
        """Number of the last row that was in memory: what is on disk alone has greater ones."""
        self._alone = Totals()
        """Those rows together."""
        self._spilled = False
        """Whether there were any since the file was shrunk."""
        self._risky: list[Row] = []
        """Rows that went on without being saved."""
        self._saving = False
        self._damaged_before = 0
        self._delete: list[int] = []
        self._sequence = 0
        self._saved_to = 0
        self._waiting: deque[tuple[int, Safe]] = deque()
        self._unsynced = False
        self._unfolded = False
        """Whether something was written since the log was folded into the file."""
        self._wake = asyncio.Event()
        self._opened = False
        self.counted = False
        """Whether what was left on disk is counted."""
        self._closing = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        """Return how many messages wait."""
        return self.messages

    @property
    def ready(self) -> int:
        """See `Buffer.ready`."""
        return self._ready_messages

    @property
    def full(self) -> bool:
        """See `Buffer.full`."""
        return self._when_full == "block" and (
            self.messages >= self._max_messages
            or self.bytes >= self._max_bytes
            or self._unsaved_bytes >= _UNSAVED_BYTES
        )

    @property
    def crowded(self) -> bool:
        """Whether writing to the disk does not keep up."""
        return self._when_full == "block" and (self._unsaved_bytes * 8 >= _UNSAVED_BYTES or self.full)

    @property
    def greedy(self) -> frozenset[str]:
        """Nobody: everything leaves as it came; see `Buffer.greedy`."""
        return frozenset()

    @property
    def oldest_at(self) -> float | None:
        """See `Buffer.oldest_at`; what was taken and not released does not count."""
        if self._ready:
            return self._ready[0].messages[self._ready[0].sent].received_at
        if self._alone.rows:
            return self._alone.oldest_at
        return self._unsaved[0].messages[0].received_at if self._unsaved else None

    @property
    def damaged(self) -> int:
        """How many files and rows were set aside."""
        return self._file.damaged_files + self._file.damaged_rows

    def open(self, changed: Callable[[], None]) -> None:
        """
        See `Buffer.open`.

        A predecessor in this process, which a reload ends, and a full disk are waited for in the background.
        """
        self._changed = changed
        try:
            self._open()
        except LockedError as error:
            if error.pid != os.getpid():
                raise
        except CannotSave as error:  # it is tried again
            self._stumbled(str(error))
        self._task = asyncio.get_running_loop().create_task(self._run(), name=f"buffer {self.directory.name}")

    def put(self, messages: list[Message], size: int) -> None:
        """See `Buffer.put`."""
        size += len(messages) * MESSAGE_BYTES
        if self._when_full != "block":
            no_room = self._when_full == "drop_newest" and (
                self.messages + len(messages) > self._max_messages or self.bytes + size > self._max_bytes
            )
            if no_room or self._unsaved_bytes >= _UNSAVED_BYTES:
                self.dropped += len(messages)
                return
        self._sequence += 1
        last = self._unsaved[-1] if self._unsaved else None
        if last and last.count + len(messages) <= self._row_messages and last.bytes + size <= _ROW_BYTES:
            last.add(messages, size)
            last.sequence = self._sequence
        elif len(messages) <= self._row_messages:
            self._unsaved.append(Row(0, messages, size, self._sequence))
        else:
            self._split(messages)
        self.messages += len(messages)
        self.bytes += size
        self._unsaved_bytes += size
        if self.problem and not self._saving:
            self._pass_on()
        self._wake.set()

    def _split(self, messages: list[Message]) -> None:
        """Make rows of a batch that is larger than the output's: one that is written in part comes again whole."""
        for start in range(0, len(messages), self._row_messages):
            part = messages[start : start + self._row_messages]
            size = sum(len(message.raw) for message in part) + len(part) * MESSAGE_BYTES
            self._unsaved.append(Row(0, part, size, self._sequence - 1))
        self._unsaved[-1].sequence = self._sequence  # safe only with its last part

    def take(self, most: int, most_bytes: int | None = None) -> list[Message]:
        """See `Buffer.take`."""
        taken = Taken()
        room = self._max_bytes if most_bytes is None else most_bytes
        while self._ready and len(taken) < most:
            row = self._ready[0]
            if taken and (row.count > most - len(taken) or row.bytes > room):
                break  # rows are joined only whole
            end = min(row.count, row.sent + most)
            if row.bytes > room:
                end = row.end(end, room)
            count = end - row.sent
            part = row.messages if count == row.count else row.messages[row.sent : end]
            taken += part
            taken.rows.append((row, count))
            room -= row.bytes * count // row.count
            row.sent = end
            self._ready_messages -= count
            if end == row.count:
                self._ready.popleft()
                self._ready_bytes -= row.memory
                if row.id:  # otherwise it may still be saved
                    row.messages = []
        if self._wants_to_read:
            self._wake.set()
        return taken

    def spares(self, host: str) -> bool:  # noqa: ARG002  (as `Buffer`)
        """Nobody: everything leaves as it came; see `Buffer.spares`."""
        return False

    def mark(self) -> int:
        """Name no moment: everything leaves as it came; see `Buffer.mark`."""
        return 0

    def is_past(self, mark: int) -> bool:  # noqa: ARG002  (as `Buffer`)
        """See `Buffer.is_past`."""
        return True

    def release(self, batch: list[Message]) -> None:
        """See `Buffer.release`."""
        rows = batch.rows if isinstance(batch, Taken) else []
        for row, count in rows:
            self._released(row, count)
        if rows:
            self._wake.set()
            self._changed()

    def when_safe(self, callback: Safe) -> None:
        """See `Buffer.when_safe`; what has gone out already is safe too."""
        if self._saved_to == self._sequence:
            callback(None)
        elif self._closing.is_set():
            callback("the listener is stopping")
        else:
            self._waiting.append((self._sequence, callback))
            self._wake.set()

    async def close(self) -> int:
        """See `Buffer.close`: what is not safe yet is written first, if the disk takes it."""
        self._closing.set()
        self._wake.set()
        task, self._task = self._task, None
        if task is not None:
            done, _ = await asyncio.wait([task], timeout=_CLOSE_SECONDS)
            if not done:
                task.cancel()
            elif not task.cancelled() and task.exception() is not None:
                _log.error("buffer %s stopped", self.directory, exc_info=task.exception())
        self._answer(self._sequence, "the listener is stopping")
        lost = sum(row.unreleased for row in (*self._unsaved, *self._risky))
        if await self._thread.close(_CLOSE_SECONDS):
            if self._opened and not self._in_place():
                lost = self.messages
                if lost:
                    _log.error(
                        "buffer %s was removed and could not be made again: %d messages are lost", self.directory, lost
                    )
            self._file.close()
        self._lock.release()
        self._opened = False
        self.messages -= lost
        self._unsaved.clear()
        self._risky = []
        return lost

    def _open(self) -> None:
        if self._predecessor is not None:
            adopt(self._predecessor, self.directory)
            self._predecessor = None
        self._lock.acquire()
        if self._owner is not None:
            self._owner.note(self.directory)
        try:
            self._file.open()
        except BaseException:
            self._lock.release()
            raise
        self._thread.start()
        self._opened = True

    async def _run(self) -> None:
        """Save, read, delete and sync, one after the other, as long as there is something to do."""
        await self._begin()
        if not self._opened:
            return
        loop = asyncio.get_running_loop()
        delay = _FIRST_DELAY_SECONDS
        synced_at = looked_at = loop.time()
        while True:
            if not self._has_work:
                if self._closing.is_set():
                    break
                self._wake.clear()
                sync_in = self._sync_seconds if self._unsynced and self._sync_seconds else _LOOK_SECONDS
                await _wait(self._wake, min(sync_in, _LOOK_SECONDS))
            try:
                if loop.time() - looked_at >= _LOOK_SECONDS:
                    looked_at = loop.time()
                    await self._thread.run(self._return_home)
                await self._save()
                await self._read()
                if self._unfolded and not (self._wake.is_set() or self._has_work or self._closing.is_set()):
                    self._unfolded = not await self._thread.run(self._file.fold)  # nothing came for a moment
                if self._unsynced and self._sync_seconds and loop.time() - synced_at >= self._sync_seconds:
                    self._unsynced = False
                    synced_at = loop.time()
                    await self._thread.run(self._file.sync)
            except Exception as error:  # noqa: BLE001  (whatever it is, messages must not be stuck behind it)
                if not isinstance(error, _PASSING):
                    _log.exception("buffer %s", self.directory)
                self._stumbled(str(error))
                if self._closing.is_set():
                    break
                if not await self._made_room():
                    await _wait(self._closing, delay)
                delay = min(delay * 2, _LONGEST_DELAY_SECONDS)
            else:
                self.problem = ""
                delay = _FIRST_DELAY_SECONDS
        with contextlib.suppress(*_PASSING):
            await self._thread.run(self._return_home)
            await self._thread.run(self._file.sync)

    def _in_place(self) -> bool:
        """Whether the directory and the file are where they belong, and ours."""
        try:
            return self._lock.held() and self._file.in_place()
        except LockedError:
            return False

    def _return_home(self) -> None:
        """
        Make a directory again that was removed, with what was in it; does nothing where all is in place.

        Raises:
            ConfigError: If the directory cannot be made, or somebody else has it now.
            CannotSave: If the disk does not take it.
        """
        if self._lock.held() and self._file.in_place():
            return
        self._lock.release()
        self._lock.acquire()
        if not self._file.in_place():
            self._file.return_home()
            _log.error(
                "buffer %s: the directory, or the file in it, was removed; it was made again with what was in it",
                self.directory,
            )

    def _write(self, batches: Sequence[tuple[list[Message], int]], delete: Sequence[int]) -> list[int]:
        """Write and delete as `BatchFile.apply`, in a file that is where it belongs when this returns."""
        self._return_home()
        numbers = self._file.apply(batches, delete)
        try:
            self._return_home()
        except _PASSING:
            with contextlib.suppress(CannotSave):  # it is written again, then; twice at the worst
                self._file.apply([], numbers)
            raise
        return numbers

    async def _begin(self) -> None:
        """Find out what was left, however long that takes; wait for the predecessor first, if there is one."""
        delay = _FIRST_DELAY_SECONDS
        patience = asyncio.get_running_loop().time() + _PREDECESSOR_SECONDS
        while not self.counted and not self._closing.is_set():
            try:
                if not self._opened:
                    self._open()
                await self._count()
            except LockedError as error:
                if asyncio.get_running_loop().time() > patience:  # it is not about to end
                    self._stumbled(str(error))
                await _wait(self._closing, _LOCK_SECONDS)
            except (ConfigError, CannotSave, OSError) as error:
                self._stumbled(str(error))
                await _wait(self._closing, delay)
                delay = min(delay * 2, _LONGEST_DELAY_SECONDS)
            else:
                self.problem = ""
        self._changed()
        if self.messages:
            _log.info("buffer %s: %d messages were left", self.directory, self.messages)

    @property
    def _has_work(self) -> bool:
        return bool(self._unsaved or self._delete or self._risky or self._wants_to_read)

    @property
    def _wants_to_read(self) -> bool:
        return self._alone.rows > 0 and self._ready_bytes * 2 < _WINDOW_BYTES and not self._closing.is_set()

    async def _count(self) -> None:
        """Learn from the file what it holds that is not in memory, and correct what was believed."""
        totals: Totals = await self._thread.run(self._file.totals, self._read_to)
        self.messages += totals.messages - self._alone.messages
        self.bytes += totals.bytes - self._alone.bytes
        self._alone = totals
        self.counted = True
        self._damaged_before = self.damaged

    async def _save(self) -> None:
        """Write what is not safe yet, and delete what is done, in one go."""
        risky = [row for row in self._risky if row.unreleased]
        sequence = self._risky[-1].sequence if self._risky else 0
        rows: list[Row] = []
        size = 0
        while self._unsaved and size < _TRANSACTION_BYTES:
            rows.append(self._unsaved.popleft())
            size += rows[-1].bytes
        delete, self._delete = self._delete, []
        if not (self._risky or rows or delete):
            return
        self._saving = True
        try:
            batches = [(row.messages, row.bytes) for row in (*risky, *rows)]
            numbers = await self._thread.run(self._write, batches, delete)
        except BaseException:
            self._unsaved.extendleft(reversed(rows))
            self._delete = delete + self._delete
            raise
        finally:
            self._saving = False
        for row, number in zip((*risky, *rows), numbers, strict=True):
            row.id = number
            self._unsynced = True
        self._unfolded = True
        if risky:  # in memory already, and the newest there: a row on disk alone keeps others from going on unsaved
            self._read_to = risky[-1].id
        self._delete += [row.id for row in risky if not row.unreleased]  # gone out in the meantime
        self._risky = []
        for row in rows:
            self._unsaved_bytes -= row.bytes
            if self._alone.rows or self._ready_bytes >= _WINDOW_BYTES:
                oldest = self._alone.oldest_at if self._alone.rows else row.messages[0].received_at
                self._alone = self._alone.plus(1, row.count, row.bytes, oldest)
                row.messages = []
            else:
                self._make_ready(row)
        self._answer(rows[-1].sequence if rows else sequence, None)
        await self._after()

    async def _made_room(self) -> bool:
        """Delete what is done from a disk that is full, by itself; tell whether that worked."""
        delete = self._delete.copy()
        try:
            if not delete or not await self._thread.run(self._file.make_room, delete):
                return False
        except (CannotSave, OSError):
            return False
        del self._delete[: len(delete)]
        return True

    async def _read(self) -> None:
        """Read again what has its turn soon."""
        if not self._wants_to_read:
            return
        found = await self._thread.run(self._file.read, self._read_to, _ROW_MESSAGES, _READ_BYTES)
        for saved in found:
            row = Row(saved.id, saved.messages, saved.bytes)
            self._alone = self._alone.plus(-1, -row.count, -row.bytes, row.messages[-1].received_at)
            self._make_ready(row)
        if not found:
            await self._count()
        await self._after()

    async def _after(self) -> None:
        """Bring in order what saving and reading leave behind, and tell who waits."""
        if self.damaged != self._damaged_before:
            await self._count()
        if self._when_full == "drop_oldest":
            self._drop_oldest()
        if self._spilled and not self.messages:
            self._spilled = False
            await self._thread.run(self._file.shrink)
        self._spilled = self._spilled or self._alone.rows > 0
        self._changed()

    def _make_ready(self, row: Row) -> None:
        self._ready.append(row)
        self._ready_messages += row.count
        self._ready_bytes += row.memory
        self._read_to = max(self._read_to, row.id)

    def _drop_oldest(self) -> None:
        """Let go what waits longest until the rest fits, a row at a time."""
        while self._ready and (self.messages > self._max_messages or self.bytes > self._max_bytes):
            row = self._ready.popleft()
            count = row.count - row.sent
            self.dropped += count
            self._ready_messages -= count
            self._ready_bytes -= row.memory
            self._released(row, count)

    def _released(self, row: Row, count: int) -> None:
        """Note that so many messages of a row are done."""
        row.unreleased -= count
        if not row.unreleased:
            self.messages -= row.count
            self.bytes -= row.bytes
            row.messages = []
            if row.id:
                self._delete.append(row.id)

    def _stumbled(self, why: str) -> None:
        """The disk does not take anything: tell who waits for it, and let messages go on that need not wait for it."""
        if not self.problem:
            _log.error("buffer %s: %s; trying again", self.directory, why)
        self.problem = why
        self._answer(self._sequence, why)
        self._pass_on()
        self._changed()

    def _pass_on(self) -> None:
        """Let go on what is not saved, if that leaves the order as it is."""
        while self.counted and self._unsaved and not self._alone.rows and self._ready_bytes < _WINDOW_BYTES:
            row = self._unsaved.popleft()
            self._unsaved_bytes -= row.bytes
            self._risky.append(row)
            self._make_ready(row)

    def _answer(self, sequence: int, problem: str | None) -> None:
        """Call back who waits for what was put up to a sequence number."""
        if problem is None:
            self._saved_to = max(self._saved_to, sequence)
        while self._waiting and self._waiting[0][0] <= sequence:
            self._waiting.popleft()[1](problem)


async def _wait(event: asyncio.Event, seconds: float | None) -> None:
    """Wait for an event, so long at the most."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()


def _nothing() -> None:
    """Nothing is listening yet."""
