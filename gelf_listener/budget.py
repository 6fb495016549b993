"""
Budget: a share of the loop's time for work that must not hold up the rest.

Laws:

* Time that was not used is saved up to a few milliseconds, so work never comes in longer bursts than one slice beyond.
* Who took longer than there was leaves a debt, which everybody waits for.
* Those who wait get their turns in the order they came.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

_MOST_SAVED_SECONDS = 0.004
_LEAST_PAUSE_SECONDS = 0.001

T = TypeVar("T")


class Budget:
    """
    A share of the time of the loop.

    Args:
        share: Of each second, between 0 and 1.
        clock: Seconds.
    """

    def __init__(self, share: float, clock: Callable[[], float] = time.perf_counter) -> None:
        self._share = share
        self._clock = clock
        self._left = _MOST_SAVED_SECONDS
        self._refilled_at = clock()
        self._turns = asyncio.Lock()

    async def turn(self) -> None:
        """Wait until there is time; what is done next, without waiting, is to be small, and in `spending`."""
        async with self._turns:
            if (pause := self._pause()) > 0:
                await asyncio.sleep(max(pause, _LEAST_PAUSE_SECONDS))

    def _pause(self) -> float:
        now = self._clock()
        self._left = min(self._left + (now - self._refilled_at) * self._share, _MOST_SAVED_SECONDS)
        self._refilled_at = now
        return -self._left / self._share if self._left <= 0 else 0.0

    @contextmanager
    def spending(self) -> Generator[None]:
        """Charge what a block takes that does not wait."""
        began = self._clock()
        try:
            yield
        finally:
            self._left -= self._clock() - began


class Measured(Generic[T]):
    """
    Awaits something, and charges the time of its own steps, not what it waits.

    Args:
        budget: What is charged.
        awaited: A coroutine.
    """

    def __init__(self, budget: Budget, awaited: Awaitable[T]) -> None:
        self._budget = budget
        self._step: Generator[Any, Any, T] = awaited.__await__()

    def __await__(self) -> Generator[object, None, T]:
        problem: BaseException | None = None
        while True:
            try:
                with self._budget.spending():
                    waiting = self._step.send(None) if problem is None else self._step.throw(problem)
            except StopIteration as end:
                result: T = end.value
                return result
            problem = None
            try:
                yield waiting
            except BaseException as error:  # noqa: BLE001  (the coroutine's to handle: a cancellation, say)
                problem = error
