"""Loop thread: an event loop of our own beside the test, whatever loop the test itself runs."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

_START_SECONDS = 30.0
_STOP_SECONDS = 10.0


class LoopThread:
    """
    Runs an event loop in a thread.

    The standard library's selector loop: it needs no import, and an event loop policy that a test sets is none of
    our business.

    Args:
        name: Of the thread.
    """

    def __init__(self, name: str) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ready = threading.Event()
        self._error: BaseException | None = None
        self._stopping: asyncio.Event
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    @property
    def ident(self) -> int | None:
        """The thread's identity."""
        return self._thread.ident

    @property
    def running(self) -> bool:
        """Whether it can be called: started, not closed, and not in a child that was forked."""
        return self._thread.is_alive()

    def start(self) -> None:
        """
        Start the thread; return when the loop runs.

        Raises:
            RuntimeError: If it does not start, for example because no file descriptor is left.
        """
        self._thread.start()
        self._ready.wait(_START_SECONDS)
        if self._loop is None:
            raise RuntimeError(f"the thread {self._thread.name} did not start: {self._error}") from self._error

    def call(self, work: Coroutine[Any, Any, T], seconds: float) -> T:
        """
        Run a coroutine in the loop and return what it returns.

        Raises:
            TimeoutError: If it took longer than so many seconds.
        """
        if self._loop is None or not self.running:
            work.close()
            raise RuntimeError(f"the thread {self._thread.name} does not run")
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result(seconds)
        except TimeoutError:
            future.cancel()
            raise

    def close(self) -> None:
        """Cancel what still runs, close the loop and end the thread. May be called twice."""
        if self._loop is not None and self.running:
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join(_STOP_SECONDS)

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
                runner.run(self._main())
        except BaseException as error:  # noqa: BLE001  (told to who waits for the start)
            self._error = error
        finally:
            self._ready.set()

    async def _main(self) -> None:
        self._stopping = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._ready.set()
        await self._stopping.wait()
