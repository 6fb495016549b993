"""Runner: takes batches from a buffer and gets an output to write them, however often that takes."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable, Sequence

from gelf_listener.buffers import MemoryBuffer
from gelf_listener.errors import OutputError, Reason, Refused, Rejected, Retry
from gelf_listener.message import Message
from gelf_listener.outputs import Output

__all__ = ["Runner"]

_log = logging.getLogger(__name__)

_FIRST_DELAY_SECONDS = 0.1
_LONGEST_DELAY_SECONDS = 30.0
_LONGEST_DELAY_DRAINING_SECONDS = 1.0
_LONGEST_CLOSE_SECONDS = 10.0
"""How long an output may take to stop and to close beyond the drain time."""
_MOST_SURPRISES = 5
"""How often an output may fail in a way it does not declare before its batch is rejected: a bug must not block."""


class Runner:
    """
    Drives one output.

    Guarantee: each message taken from the buffer is written, rejected with a reason (also when the retry time is
    over), or, when the drain time is over, counted in ``given_up``.

    Args:
        name: The output's name.
        output: Not started yet.
        predicate: Which messages it wants; None is all.
        reject: Takes what the output refuses.
        made_room: Called after messages left the buffer.
    """

    def __init__(
        self,
        name: str,
        output: Output,
        predicate: Callable[[Message], bool] | None,
        reject: Callable[[Rejected], None],
        made_room: Callable[[], None],
    ) -> None:
        settings = output.settings
        self.name = name
        self.output = output
        self.buffer = MemoryBuffer(settings.max_buffer_messages, settings.max_buffer_bytes, settings.when_full)
        self.written = 0
        self.batches = 0
        self.retries = 0
        self.refused = 0
        self.given_up = 0
        self.last_error = ""
        self.failing_since: float | None = None
        self._predicate = predicate
        self._reject = reject
        self._made_room = made_room
        self._wake = asyncio.Event()
        self._wake_at = 1
        """How many waiting messages wake the runner."""
        self._draining = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """
        Open the output and begin to write; a destination that is away is retried in the background.

        Raises:
            ConfigError: If the output can never work; it is closed again.
        """
        started = True
        try:
            await self.output.start()
        except Retry as error:
            self._failed(str(error))
            started = False
        except BaseException:
            await self._close()
            raise
        self._task = asyncio.get_running_loop().create_task(self._run(started=started), name=f"output {self.name}")

    def offer(self, messages: list[Message], size: int) -> None:
        """Put the messages this output wants into its buffer; the list is not changed."""
        if self._predicate is not None:
            messages = list(filter(self._predicate, messages))
            size = sum(len(message.raw) for message in messages)
            if not messages:
                return
        self.buffer.put(messages, size)
        if self.buffer.messages >= self._wake_at or self.buffer.crowded:
            self._wake.set()

    async def drain(self, seconds: float) -> int:
        """
        Write what is buffered within a time, then close the output. May be called twice.

        Returns:
            How many messages could not be written in time.
        """
        self._draining.set()
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
        self.given_up += len(self.buffer.take(len(self.buffer)))
        await self._close()
        return self.given_up - before

    async def _close(self) -> None:
        """Close the output, whatever that raises: others have messages to write."""
        try:
            async with asyncio.timeout(_LONGEST_CLOSE_SECONDS):
                await self.output.close()
        except Exception:  # noqa: BLE001  (a third party's code)
            _log.exception("output %s did not close", self.name)

    async def _run(self, *, started: bool) -> None:
        settings = self.output.settings
        if not started and not await self._start_again():
            return
        while True:
            if not self.buffer.messages:
                if self._draining.is_set():
                    return
                self._wake.clear()
                await self._wake.wait()
                continue
            if settings.linger and self.buffer.messages < settings.batch and not self._draining.is_set():
                await self._linger(settings.linger, settings.batch)
            batch = self.buffer.take(settings.batch)
            self._made_room()
            if batch:
                await self._deliver(batch)

    async def _start_again(self) -> bool:
        """Try to open the output until that works; False when there is nothing to write and no time left."""
        delay = _FIRST_DELAY_SECONDS
        while True:
            await self._back_off(delay)
            if self._draining.is_set() and not self.buffer.messages:
                return False
            try:
                await self.output.start()
            except Retry as error:
                self._failed(str(error))
                delay = min(delay * 2, _LONGEST_DELAY_SECONDS)
            except Exception as error:  # noqa: BLE001  (a third party's code, tried again)
                _log.exception("output %s cannot start", self.name)
                self._failed(repr(error))
                delay = _LONGEST_DELAY_SECONDS
            else:
                return True

    async def _back_off(self, seconds: float) -> None:
        """Wait before the next try; the end of the listener makes it come sooner, and tries more frequent."""
        if self._draining.is_set():
            await asyncio.sleep(min(seconds, _LONGEST_DELAY_DRAINING_SECONDS))
            return
        try:
            async with asyncio.timeout(seconds):
                await self._draining.wait()
        except TimeoutError:
            pass

    async def _linger(self, seconds: float, enough: int) -> None:
        """Wait a little for a fuller batch; not while senders are made to wait for us."""
        if self.buffer.crowded:
            return
        self._wake_at = enough
        self._wake.clear()
        timer = asyncio.get_running_loop().call_later(seconds, self._wake.set)
        await self._wake.wait()
        timer.cancel()
        self._wake_at = 1

    async def _deliver(self, batch: Sequence[Message]) -> None:
        """Offer a batch until it is written, refused or out of time."""
        now = asyncio.get_running_loop().time
        first_try = now()
        delay = _FIRST_DELAY_SECONDS
        surprises = 0
        try:
            while True:
                try:
                    await self.output.write(batch)
                except Retry as error:
                    self._failed(str(error))
                    wait = delay * random.uniform(0.5, 1.5)  # noqa: S311  (jitter)
                    if error.after_seconds is not None:
                        wait = error.after_seconds
                except Refused as error:
                    self._refuse(error.messages, str(error))
                    self._wrote(len(batch) - len(error.messages))
                    return
                except OutputError as error:
                    self._refuse(batch, str(error))
                    return
                except Exception as error:  # noqa: BLE001  (a third party's code; counted, and bounded)
                    surprises += 1
                    _log.exception("output %s failed in an unexpected way", self.name)
                    self._failed(repr(error))
                    if surprises >= _MOST_SURPRISES:
                        self._refuse(batch, f"the output failed {surprises} times: {error!r}")
                        return
                    wait = delay
                else:
                    self._wrote(len(batch))
                    return
                self.retries += 1
                limit = self.output.settings.retry
                if limit and now() + wait - first_try > limit:
                    self._refuse(batch, f"not written within {limit:g} s: {self.last_error}")
                    return
                await self._back_off(wait)
                delay = min(delay * 2, _LONGEST_DELAY_SECONDS)
        except asyncio.CancelledError:
            self.given_up += len(batch)  # perhaps written all the same: the output was not asked to undo it
            raise

    def _wrote(self, count: int) -> None:
        self.written += count
        self.batches += 1
        if self.failing_since is not None:
            _log.info("output %s works again", self.name)
            self.failing_since = None

    def _failed(self, why: str) -> None:
        self.last_error = why
        if self.failing_since is None:
            self.failing_since = time.time()
            _log.warning("output %s: %s; retrying", self.name, why)

    def _refuse(self, messages: Sequence[Message], why: str) -> None:
        self.refused += len(messages)
        self.last_error = why
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
