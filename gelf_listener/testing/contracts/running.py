"""Running: coroutines of tests that may not hang."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_MOST_SECONDS = 60.0
_STEP_SECONDS = 0.005


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine; one that hangs is an error, not a hanging test suite."""

    async def bounded() -> T:
        async with asyncio.timeout(_MOST_SECONDS):
            return await coroutine

    return asyncio.run(bounded())


def in_loop(test: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, T]:
    """Let a test that is a coroutine be called like any other; see `run`."""

    @functools.wraps(test)
    def called(*arguments: P.args, **options: P.kwargs) -> T:
        return run(test(*arguments, **options))

    return called


async def until(condition: Callable[[], object], seconds: float = 30.0) -> None:
    """
    Wait until a condition holds.

    Raises:
        AssertionError: If it does not in time.
    """
    for _ in range(int(seconds / _STEP_SECONDS)):
        if condition():
            return
        await asyncio.sleep(_STEP_SECONDS)
    assert condition(), "it did not happen in time"
