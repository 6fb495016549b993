"""Runner: takes batches from a buffer and gets an output to write them, however often that takes."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Sequence

from gelf_listener.buffers import Buffer
from gelf_listener.errors import OutputError, Reason, Refused, Rejected, Retry, describe
from gelf_listener.message import Message
from gelf_listener.outputs import Output
from gelf_listener.pace import Pace
from gelf_listener.settings import ThreadSettings

_log = logging.getLogger(__name__)

_FIRST_DELAY_SECONDS = 0.1
_LONGEST_DELAY_SECONDS = 30.0
_LONGEST_DELAY_DRAINING_SECONDS = 1.0
_LONGEST_CLOSE_SECONDS = 10.0
"""How long an output may take to stop and to close beyond the drain time."""
_MOST_SURPRISES = 5
"""
How often an output may fail in a way it does not declare before its batch is rejected: a bug must not block. What is in
a durable buffer stays there instead: it was acknowledged, and a later version may have the bug fixed.
"""


class Runner:
    """
    Drives one output.

    Guarantee: each message taken from the buffer is written, rejected with a reason (also when the retry time is
    over), or, when the drain time is over, left in the buffer if that is durable, else counted in ``given_up``.

    Args:
        name: The output's name.
        output: Not started yet.
        buffer: The output's own, not opened yet.
        predicate: Which messages it wants; None is all.
        reject: Takes what the output refuses.
        made_room: Called after messages left the buffer.
        refused: Takes the messages themselves that the output refuses, before the buffer forgets them: a rejection has
            only the beginning of one.
    """

    def __init__(
        self,
        name: str,
        output: Output,
        buffer: Buffer,
        predicate: Callable[[Message], bool] | None,
        reject: Callable[[Rejected], None],
        made_room: Callable[[], None],
        refused: Callable[[Sequence[Message]], None] | None = None,
    ) -> None:
        self.name = name
        self.output = output
        self.buffer = buffer
        self.written = 0
        self.batches = 0
        self.retries = 0
        self.refused = 0
        self.given_up = 0
        self.last_error = ""
        self.failing_since: float | None = None
        self.next_try_at: float | None = None
        """When the destination is tried again, UTC Unix seconds; None when nobody waits for that."""
        self._predicate = predicate
        self._reject = reject
        self._made_room = made_room
        self._keep_refused = refused
        self._pace = Pace(output.settings.batch) if isinstance(output.settings, ThreadSettings) else None
        self._wake = asyncio.Event()
        self._wake_at = 1
        """How many waiting messages wake the runner."""
        self._offered_at = float("-inf")
        """When the first of the messages that wait was offered, loop time; one on disk has to be written first."""
        self._draining = asyncio.Event()
        self._hurry = asyncio.Event()
        """Set when a pause between two tries should end now."""
        self._writing: set[asyncio.Task[None]] = set()
        self._in_hand: list[list[Message]] = []
        """Batches that were taken and are not done."""
        self._watching: list[tuple[int, int, asyncio.Future[None]]] = []
        """Who waits until so many messages are written, and the buffer is past a mark."""
        self._retiring = asyncio.Event()
        self._unfinished: list[list[Message]] = []
        """Batches that were taken, are not done, and will be the successor's."""
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """
        Open the output and begin to write; a destination that is away is retried in the background.

        Raises:
            ConfigError: If the output can never work; it is closed again.
        """
        started = True
        try:
            self.buffer.open(self._changed)
            await self.output.start()
        except Retry as error:
            self._failed(describe(error))
            started = False
        except BaseException:
            await self._close()
            await self.buffer.close()
            raise
        self._task = asyncio.get_running_loop().create_task(self._run(started=started), name=f"output {self.name}")

    def offer(self, messages: list[Message], size: int) -> None:
        """Put the messages this output wants into its buffer; the list is not changed."""
        if self._predicate is not None:
            messages = list(filter(self._predicate, messages))
            size = sum(len(message.raw) for message in messages)
            if not messages:
                return
        if not self.buffer.ready:
            self._offered_at = asyncio.get_running_loop().time()
        self.buffer.put(messages, size)
        if self.buffer.ready >= self._wake_at or self.crowded:
            self._wake.set()

    @property
    def crowded(self) -> bool:
        """Whether senders that can wait should: what is here takes a while to write, or much room."""
        buffer, pace = self.buffer, self._pace
        if pace is None or buffer.durable or self.output.settings.when_full != "block":
            return buffer.crowded
        return pace.is_behind(buffer.ready) or buffer.crowded

    @property
    def oldest_at(self) -> float | None:
        """Receive time of the oldest message that is not written, UTC Unix seconds; None without one."""
        times = [batch[0].received_at for batch in self._in_hand]
        waiting = self.buffer.oldest_at
        return min(times if waiting is None else [*times, waiting], default=None)

    @property
    def waiting(self) -> int:
        """How many messages are neither written nor refused, those that are being written included."""
        return self.buffer.messages + sum(map(len, self._unheld))

    @property
    def waiting_bytes(self) -> int:
        """What they take."""
        return self.buffer.bytes + sum(len(message.raw) for batch in self._unheld for message in batch)

    @property
    def _unheld(self) -> list[list[Message]]:
        """Batches that are being written and that the buffer no longer has."""
        return [] if self.buffer.durable else self._in_hand

    async def written_so_far(self) -> None:
        """Wait until what was offered until now is written, or let go."""
        place = self._done + self.waiting
        if place > self._done:
            watched = place, self.buffer.mark(), asyncio.get_running_loop().create_future()
            self._watching.append(watched)
            self._wake.set()  # it need not wait for a fuller batch
            try:
                await watched[2]
            except asyncio.CancelledError:  # a search that waits no longer, while the destination is away
                if watched in self._watching:
                    self._watching.remove(watched)
                raise

    @property
    def _done(self) -> int:
        """How many messages were written, or let go."""
        return self.written + self.refused + self.given_up + self.buffer.dropped

    def _tell(self) -> None:
        """Let those go on who wait for messages to be written."""
        if self._watching:
            watching, self._watching, done = self._watching, [], self._done
            for place, mark, future in watching:
                if place > done or not self.buffer.is_past(mark):
                    self._watching.append((place, mark, future))
                elif not future.done():
                    future.set_result(None)

    async def retire(self, seconds: float) -> None:
        """
        Write what waits as far as the destination takes it within a time, and then stop: a successor takes over.

        A destination that fails is not waited for. `offer` goes on taking messages until `leave` is called. Only for a
        buffer in memory: one on disk changes hands by itself.
        """
        self._retiring.set()
        self._hurry.set()
        self._wake.set()
        if self._task is not None:
            done, _ = await asyncio.wait([self._task], timeout=seconds)
            if not done:
                self._task.cancel()
                await asyncio.wait([self._task], timeout=_LONGEST_CLOSE_SECONDS)

    def leave(self) -> list[list[Message]]:
        """Return what was not written, in batches, the oldest first, and forget it; after `retire`."""
        left, self._unfinished = self._unfinished, []
        while self.buffer.ready:
            left.append(self.buffer.take(self.output.settings.batch))
        for _, _, future in self._watching:
            if not future.done():
                future.set_result(None)
        return left

    def inherit(self, batches: Sequence[list[Message]]) -> None:
        """Take over what a predecessor did not write, whatever this output's own query says: it was promised."""
        for batch in batches:
            self.buffer.put(batch, sum(len(message.raw) for message in batch))
        self._wake.set()

    def try_now(self) -> None:
        """End the pause between two tries."""
        self._hurry.set()

    def _changed(self) -> None:
        """The buffer has messages that it had not a moment ago, or room."""
        if self.buffer.ready >= self._wake_at or self.crowded or self._draining.is_set():
            self._wake.set()
        self._made_room()

    async def drain(self, seconds: float) -> int:
        """
        Write what is buffered within a time, then close the output. May be called twice.

        What is in a durable buffer does not wait for a destination that fails: it stays there.

        Returns:
            How many messages are lost: neither written in time nor in a durable buffer.
        """
        self._draining.set()
        self._hurry.set()
        self._wake.set()
        task, self._task = self._task, None
        if task is None:
            return 0
        before = self.given_up
        done, _ = await asyncio.wait([task], timeout=seconds)
        if not done:
            task.cancel()
            done, _ = await asyncio.wait([task], timeout=_LONGEST_CLOSE_SECONDS)
        if not done:
            _log.error("output %s does not stop", self.name)
        elif not task.cancelled() and task.exception() is not None:
            _log.error("output %s stopped", self.name, exc_info=task.exception())
        self.given_up += await self.buffer.close()
        await self._close()
        unwritten = getattr(self.output, "unwritten", 0)  # what counted as written and could not be kept after all
        self.written -= unwritten
        self.given_up += unwritten
        return self.given_up - before

    async def _close(self) -> None:
        """Close the output, whatever that raises: others have messages to write."""
        try:
            async with asyncio.timeout(_LONGEST_CLOSE_SECONDS):
                await self.output.close()
        except Exception:  # noqa: BLE001  (a third party's code)
            _log.exception("output %s did not close", self.name)

    async def _run(self, *, started: bool) -> None:
        try:
            if started or await self._start_again():
                await self._write_all()
                if self._writing:
                    await asyncio.wait(self._writing)
        finally:
            for task in self._writing:
                task.cancel()
            if self._writing:
                await asyncio.wait(self._writing)

    async def _write_all(self) -> None:
        """Write whatever comes, until the end of the listener and the buffer's."""
        settings = self.output.settings
        while not (self._retiring.is_set() and (self.failing_since is not None or not self.buffer.ready)):
            if not self.buffer.ready:
                if self._draining.is_set() and (not self.buffer.messages or self._left_alone):
                    return
                self._wake.clear()
                await self._wake.wait()
                continue
            if self._draining.is_set() and self._left_alone:
                return
            ending = self._draining.is_set() or self._retiring.is_set()
            if settings.linger and self.buffer.ready < settings.batch and not ending:
                await self._linger(settings.linger, settings.batch)
            if settings.concurrency > 1:
                await self._slot(settings.concurrency)
            most = settings.batch if self._pace is None else self._pace.batch
            batch = self.buffer.take(most, settings.batch_bytes)
            self._made_room()
            if not batch:
                continue
            if settings.concurrency == 1:
                await self._deliver(batch)
            else:
                self._begin(batch)

    @property
    def _left_alone(self) -> bool:
        """Whether what waits may stay where it is: the buffer keeps it, and the destination does not take it."""
        return self.buffer.durable and self.failing_since is not None

    def _begin(self, batch: list[Message]) -> None:
        """Deliver a batch beside others."""
        task = asyncio.get_running_loop().create_task(self._deliver(batch), name=f"output {self.name} batch")
        self._writing.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._writing.discard(task)
        self._wake.set()
        if not task.cancelled() and task.exception() is not None:
            _log.error("output %s: a batch was not delivered", self.name, exc_info=task.exception())

    async def _slot(self, concurrency: int) -> None:
        """Wait until one more batch may be written."""
        while len(self._writing) >= concurrency:
            await asyncio.wait(self._writing, return_when=asyncio.FIRST_COMPLETED)

    async def _start_again(self) -> bool:
        """Try to open the output until that works; False when there is nothing to write and no time left."""
        delay = _FIRST_DELAY_SECONDS
        wait = _about(delay)
        while True:
            await self._back_off(wait)
            if self._retiring.is_set():
                return False
            if self._draining.is_set() and (not self.buffer.messages or self.buffer.durable):
                return False
            try:
                await _undisturbed(self.output.start())
            except Retry as error:
                self._failed(describe(error))
                delay = min(delay * 2, _LONGEST_DELAY_SECONDS)
                wait = max(_about(delay), error.after_seconds or 0.0)
            except Exception as error:  # noqa: BLE001  (a third party's code, tried again)
                _log.exception("output %s cannot start", self.name)
                self._failed(repr(error))
                wait = _about(_LONGEST_DELAY_SECONDS)
            else:
                return True

    async def _back_off(self, seconds: float) -> None:
        """Wait before the next try; the end of the listener makes it come sooner, and tries more frequent."""
        if self._draining.is_set():
            await asyncio.sleep(min(seconds, _LONGEST_DELAY_DRAINING_SECONDS))
            return
        if self._retiring.is_set():
            return
        self._hurry.clear()
        self.next_try_at = time.time() + seconds
        try:
            async with asyncio.timeout(seconds):
                await self._hurry.wait()
        except TimeoutError:
            pass
        finally:
            self.next_try_at = None

    async def _linger(self, seconds: float, enough: int) -> None:
        """
        Wait a little for a fuller batch; not while senders, or others, are made to wait for us.

        What has waited longer for its turn of the loop does not wait again, for a timer and for one more turn.
        """
        loop = asyncio.get_running_loop()
        if self.crowded or self._watching or loop.time() - self._offered_at > seconds:
            return
        self._wake_at = enough
        self._wake.clear()
        timer = loop.call_later(seconds, self._wake.set)
        await self._wake.wait()
        timer.cancel()
        self._wake_at = 1

    async def _deliver(self, batch: list[Message]) -> None:
        """See that a batch is done, or stays in a durable buffer."""
        self._in_hand.append(batch)
        try:
            if await self._offer_until_done(batch):
                self.buffer.release(batch)
            elif not self.buffer.durable:
                self._unfinished.append(batch)
        except asyncio.CancelledError:
            if self._retiring.is_set():
                self._unfinished.append(batch)
            elif not self.buffer.durable:
                self.given_up += len(batch)  # perhaps written all the same: the output was not asked to undo it
            raise
        finally:
            self._in_hand = [other for other in self._in_hand if other is not batch]

    async def _offer_until_done(self, batch: list[Message]) -> bool:
        """Offer a batch until it is written, refused or out of time; False if it stays where it is, for a successor."""
        now = asyncio.get_running_loop().time
        first_try = now()
        delay = _FIRST_DELAY_SECONDS
        surprises = 0
        while True:
            began = now()
            try:
                await self._write(batch)
            except Retry as error:
                self._failed(describe(error))
                wait = max(_about(delay), error.after_seconds or 0.0)
            except Refused as error:
                self._refuse(error.messages, describe(error))
                self._wrote(len(batch) - len(error.messages))
                return True
            except OutputError as error:
                self._refuse(batch, describe(error))
                return True
            except Exception as error:  # noqa: BLE001  (a third party's code; counted, and bounded)
                surprises += 1
                _log.exception("output %s failed in an unexpected way", self.name)
                self._failed(repr(error))
                if surprises >= _MOST_SURPRISES and not self.buffer.durable:
                    self._refuse(batch, f"the output failed {surprises} times: {error!r}")
                    return True
                wait = _about(delay)
            else:
                if self._pace is not None:
                    self._pace.took(len(batch), now() - began)
                self._wrote(len(batch))
                return True
            self.retries += 1
            limit = self.output.settings.retry
            if limit and now() + wait - first_try > limit:
                self._refuse(batch, f"not written within {limit:g} s: {self.last_error}")
                return True
            if self._retiring.is_set() or (self._draining.is_set() and self.buffer.durable):
                return False
            await self._back_off(wait)
            if self._retiring.is_set():
                return False
            delay = min(delay * 2, _LONGEST_DELAY_SECONDS)

    async def _write(self, batch: Sequence[Message]) -> None:
        """Let the output write, for so long and no longer: one that hangs must not hold up what comes after."""
        limit = self.output.settings.write_timeout
        patience = asyncio.timeout(limit or None)
        try:
            async with patience:
                await _undisturbed(self.output.write(batch))
        except TimeoutError:
            if not patience.expired():
                raise
            raise Retry(f"a write took longer than {limit:g} s") from None

    def _wrote(self, count: int) -> None:
        self.written += count
        self.batches += 1
        self._tell()
        if self.failing_since is not None:
            _log.info("output %s works again", self.name)
            self.failing_since = None

    def _failed(self, why: str) -> None:
        self.last_error = why = self.output.settings.scrubbed(why)
        if self.failing_since is None:
            self.failing_since = time.time()
            _log.warning("output %s: %s; retrying", self.name, why)

    def _refuse(self, messages: Sequence[Message], why: str) -> None:
        why = self.output.settings.scrubbed(why)
        if messages and self._keep_refused is not None:
            self._keep_refused(messages)
        self.refused += len(messages)
        self.last_error = why
        self._tell()
        for message in messages:
            self._reject(
                Rejected(
                    Reason.REFUSED_BY_OUTPUT,
                    f"output {self.name}: {why}",
                    message.raw,
                    peer=message.peer,
                    input=message.input,
                )
            )


async def _undisturbed(working: Awaitable[None]) -> None:
    """
    Wait for an output.

    A library may cancel what its caller waits for, when a connection breaks for instance; nobody has stopped us then.

    Raises:
        RuntimeError: If it does.
    """
    try:
        await working
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        raise RuntimeError("what the output waits for was cancelled by a library") from error


def _about(seconds: float) -> float:
    """Return a time like that one: listeners that lost one destination together must not come back together."""
    return seconds * random.uniform(0.5, 1.5)  # noqa: S311  (jitter)
