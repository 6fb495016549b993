"""Budget: work takes its share of the time and no more, in turns; only its own steps are charged."""

from __future__ import annotations

import asyncio

import pytest

from gelf_listener.budget import Budget, Measured
from tests.unit.fakes import run


class Clock:
    """Time that passes when somebody works, or when the loop's does."""

    def __init__(self) -> None:
        self.worked = 0.0

    def __call__(self) -> float:
        return asyncio.get_running_loop().time() + self.worked


def test_a_share_of_the_time() -> None:
    """Twenty workers together get a quarter of ten seconds, each as much as the others; one slice is never long."""

    async def main() -> None:
        clock = Clock()
        budget = Budget(0.25, clock)
        done = [0] * 20
        end = clock() + 10

        async def work(number: int) -> None:
            while clock() < end:
                await budget.turn()
                with budget.spending():
                    clock.worked += 0.001
                done[number] += 1

        await asyncio.gather(*map(work, range(20)))
        assert sum(done) * 0.001 == pytest.approx(2.5, rel=0.05)
        assert max(done) - min(done) < 15

    run(main())


def test_a_debt_is_paid() -> None:
    """Who took too long makes everybody wait until it was a share of the time after all."""

    async def main() -> None:
        clock = Clock()
        budget = Budget(0.1, clock)
        before = clock()
        await budget.turn()
        with budget.spending():
            clock.worked += 0.5
        await budget.turn()
        assert clock() - before == pytest.approx(4.96, rel=0.02)

    run(main())


def test_only_own_steps_are_charged() -> None:
    """Not what a coroutine waits for; its result, its errors and its cancellation come through."""

    async def main() -> None:
        clock = Clock()
        budget = Budget(0.5, clock)

        async def step() -> str:
            clock.worked += 0.1
            await asyncio.sleep(100)
            clock.worked += 0.1
            return "done"

        async def fails() -> None:
            await asyncio.sleep(1)
            raise ValueError("mine")

        assert await Measured(budget, step()) == "done"
        before = clock()
        await budget.turn()
        assert clock() - before < 0.4
        with pytest.raises(ValueError, match="mine"):
            await Measured(budget, fails())
        seen = []

        async def cancelled() -> None:
            try:
                await asyncio.sleep(1000)
            except asyncio.CancelledError:
                seen.append("cancelled")
                raise

        async def waits() -> None:
            await Measured(budget, cancelled())

        task = asyncio.ensure_future(waits())
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert seen == ["cancelled"]

    run(main())


def test_nothing_is_saved_for_long() -> None:
    """After an idle hour there is no hour's worth of turns at once."""

    async def main() -> None:
        clock = Clock()
        budget = Budget(0.25, clock)
        await asyncio.sleep(3600)
        began = clock() - clock.worked
        turns = 0
        while clock() - clock.worked == began:
            await budget.turn()
            with budget.spending():
                clock.worked += 0.001
            turns += 1
        assert turns < 10

    run(main())
