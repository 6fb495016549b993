"""Thread: where an output does what blocks."""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
from collections.abc import Callable
from typing import Any, TypeVar

_log = logging.getLogger(__name__)

T = TypeVar("T")

_Task = tuple[Callable[..., Any], tuple[Any, ...], asyncio.AbstractEventLoop | None, "asyncio.Future[Any] | None"]


class WriterThread:
    """
    Runs calls one after the other in a thread of its own.

    The thread is a daemon, unlike those of an executor: a terminal that was stopped with Ctrl-S, or a
    network file system that went away, must not keep the process from ending.

    Args:
        name: Of the thread, for a person who looks at the process.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._tasks: queue.SimpleQueue[_Task | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread; does nothing when it runs."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name=self._name, daemon=True)
            self._thread.start()

    async def run(self, function: Callable[..., T], *arguments: object) -> T:
        """
        Call a function in the thread and return its result.

        A caller that is cancelled does not stop the call; the next one waits for it.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._tasks.put((function, arguments, loop, future))
        return await future

    def post(self, function: Callable[..., object], *arguments: object) -> None:
        """Call a function in the thread without waiting; what it raises is logged."""
        self._tasks.put((function, arguments, None, None))

    async def close(self, timeout_seconds: float) -> bool:
        """
        Wait for the calls made so far, then end the thread.

        Returns:
            False if they took too long; the thread is then left behind.
        """
        if self._thread is None:
            return True
        try:
            await asyncio.wait_for(self.run(_nothing), timeout_seconds)
        except TimeoutError:
            return False
        finally:
            self._tasks.put(None)
            self._thread = None
        return True

    def _work(self) -> None:
        while (task := self._tasks.get()) is not None:
            function, arguments, loop, future = task
            result: object = None
            failure: BaseException | None = None
            try:
                result = function(*arguments)
            except BaseException as error:  # noqa: BLE001  (the caller gets it)
                failure = error
            if loop is None or future is None:
                if failure is not None:
                    _log.error("%s: %s failed", self._name, function, exc_info=failure)
            else:
                try:
                    loop.call_soon_threadsafe(_settle, future, result, failure)
                except RuntimeError:  # the loop is closed: nobody waits any more
                    _log.debug("%s: the loop ended before %s", self._name, function)
            del task, function, arguments, loop, future, result, failure  # or a batch lives until the next one comes


def _settle(future: asyncio.Future[Any], result: object, failure: BaseException | None) -> None:
    if future.done():  # cancelled
        return
    if failure is None:
        future.set_result(result)
    else:
        future.set_exception(failure)


def _nothing() -> None:
    """Be the last call."""
