"""Pace: an output that takes long for its messages gets few at once, and lets few wait."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, ClassVar

import pytest

from gelf_listener.assembly import make_buffer
from gelf_listener.message import Message
from gelf_listener.pace import Pace
from gelf_listener.runner import Runner
from gelf_listener.settings import OutputSettings, ThreadSettings
from tests.unit.fakes import FakeOutput, message, run


def test_nothing_is_bounded_before_anything_was_written() -> None:
    """And nothing by batches of a few messages, whose time says more of the machine."""
    pace = Pace(5000)
    pace.took(31, 10.0)
    assert (pace.batch, pace.is_behind(100_000)) == (5000, False)


@pytest.mark.parametrize(
    ("messages", "seconds", "batch", "least_behind"),
    [(5000, 0.005, 5000, 25_001), (5000, 0.05, 2500, 2501), (1000, 10.0, 128, 129)],
)
def test_as_much_as_takes_a_fortieth_of_a_second(messages: int, seconds: float, batch: int, least_behind: int) -> None:
    """But never fewer than cost nothing."""
    pace = Pace(5000)
    pace.took(messages, seconds)
    assert pace.batch == batch
    assert pace.is_behind(least_behind)
    assert not pace.is_behind(least_behind - 2)


def test_it_follows_what_messages_cost_now() -> None:
    """Dear ones count at once, cheap ones after some batches."""
    pace = Pace(5000)
    pace.took(1000, 1.0)
    assert pace.batch == 128
    for _ in range(12):
        pace.took(128, 0.000_128)
    assert pace.batch == 5000


class Slow(FakeOutput):
    """Takes a millisecond for a message."""

    kind: ClassVar[type[OutputSettings]] = ThreadSettings

    def __init__(self, **settings: Any) -> None:
        super().__init__()
        self.settings = self.kind(linger=0, **settings)  # type: ignore[assignment]

    async def write(self, batch: Sequence[Message]) -> None:
        await asyncio.sleep(len(batch) / 1000)
        await super().write(batch)


class Elsewhere(Slow):
    kind: ClassVar[type[OutputSettings]] = OutputSettings


@pytest.mark.parametrize(
    ("output", "largest", "is_crowded"),
    [
        (Slow(), 128, True),
        (Slow(when_full="drop_oldest"), 128, False),
        (Elsewhere(), 1000, False),
    ],
)
def test_an_output_is_crowded_by_what_takes_long_to_write(output: Slow, largest: int, is_crowded: bool) -> None:
    """One that writes in a thread; elsewhere a batch may take as long whatever is in it."""

    async def main() -> None:
        runner = Runner("out", output, make_buffer("out", output.settings), None, lambda _: None, lambda: None)
        await runner.start()
        sizes = []
        for _ in range(2):
            runner.offer([message(str(number)) for number in range(1000)], 1000)
            sizes.append(runner.crowded)
            await asyncio.sleep(2.0)
        assert sizes == [False, is_crowded]
        assert not runner.crowded
        assert await runner.drain(10) == 0
        assert [len(batch) for batch in output.batches][:2] == [1000, largest]
        assert output.texts == [str(number) for number in range(1000)] * 2

    run(main())
