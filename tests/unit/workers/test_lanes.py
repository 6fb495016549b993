"""Lanes: what a worker hands to its parent is safe when the parent says so, and waits while it does not."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from gelf_listener.codec.gelf.lenient import read_fields
from gelf_listener.errors import Reason, Rejected
from gelf_listener.pipeline import Pipeline
from gelf_listener.runner import Runner
from gelf_listener.workers.batches import BatchPacker
from gelf_listener.workers.lanes import LaneBuffer, LaneOutput
from gelf_listener.workers.wire import Batch, Lane
from tests.unit.fakes import message, run, settle

PACKER = BatchPacker(read_fields)


class Made(NamedTuple):
    pipeline: Pipeline
    runner: Runner
    output: LaneOutput
    sent: list[Batch]
    rejected: list[Rejected]

    def texts(self) -> list[list[str]]:
        """What was sent, batch by batch."""
        return [[found.short_message for found in PACKER.unpack(batch.data)[0]] for batch in self.sent]


async def lane(name: Lane = "outputs") -> Made:
    sent: list[Batch] = []
    rejected: list[Rejected] = []
    pipeline = Pipeline()
    settings = LaneOutput.settings_for(name)
    buffer = LaneBuffer(settings)
    output = LaneOutput(name, PACKER, sent.append, buffer, settings)
    runner = Runner("lane", output, buffer, None, rejected.append, pipeline.made_room)
    await runner.start()
    pipeline.runners = [runner]
    return Made(pipeline, runner, output, sent, rejected)


def asking(made: Made) -> list[str | None]:
    """Ask whether what was accepted is safe."""
    answers: list[str | None] = []
    made.pipeline.when_safe(answers.append)
    return answers


def test_safe_when_the_parent_has_it() -> None:
    """Not before, and what came later does not hold it up."""

    async def main() -> None:
        made = await lane()
        assert asking(made) == [None]
        made.pipeline.accept([message("a")], 1)
        first = asking(made)
        await settle()
        made.pipeline.accept([message("b"), message("c")], 2)
        second = asking(made)
        await settle()
        assert (made.texts(), first, second) == ([["a"]], [], [])
        made.output.taken(None)
        await settle()
        assert (made.texts(), first, second) == ([["a"], ["b", "c"]], [None], [])
        made.output.taken(None)
        await settle()
        assert second == [None]
        assert await made.runner.drain(1) == 0

    run(main())


def test_the_parent_has_a_problem() -> None:
    """Its disk is full: nothing is acknowledged until it takes batches again."""

    async def main() -> None:
        made = await lane()
        made.pipeline.accept([message("a")], 1)
        first = asking(made)
        await settle()
        made.output.taken("no space left")
        await settle()
        assert first == ["no space left"]
        assert asking(made) == ["no space left"]
        made.pipeline.accept([message("b")], 1)
        second = asking(made)
        await settle()
        made.output.taken(None)
        await settle()
        assert second == [None]
        await made.runner.drain(1)

    run(main())


def test_the_parent_does_not_answer() -> None:
    """Inputs wait; at the end what it did not take is counted, and said not to be safe."""

    async def main() -> None:
        made = await lane()
        asked: list[list[str | None]] = []
        while not made.pipeline.full:
            made.pipeline.accept([message("a") for _ in range(1000)], 1000)
            asked.append(asking(made))
            await settle()
        assert len(made.sent) == 1
        lost = await made.runner.drain(1)
        assert lost == made.pipeline.messages.total() > 50_000
        assert {tuple(answers) for answers in asked} == {("the worker ended before the listener had it",)}

    run(main())


def test_watchers_hold_nobody_up() -> None:
    """What they cannot be shown in time is let go, the oldest first, and counted with the next batch."""

    async def main() -> None:
        made = await lane("watchers")
        made.pipeline.accept([message("first")], 5)
        await settle()
        made.pipeline.accept([message(f"old {number}") for number in range(3000)], 3000)
        made.pipeline.accept([message(f"new {number}") for number in range(9500)], 9500)
        assert not made.pipeline.full
        assert not made.pipeline.crowded
        made.output.taken(None)
        await settle()
        assert made.texts()[1][:2] == ["new 0", "new 1"]
        assert [batch.missed for batch in made.sent] == [0, 3000]
        await made.runner.drain(0)

    run(main())


def test_what_cannot_be_sent_is_rejected() -> None:
    """And nothing else in its batch."""

    async def main() -> None:
        made = await lane()
        made.pipeline.accept([message("a"), message("\ud83d", raw=b"half"), message("b")], 3)
        answers = asking(made)
        await settle()
        assert made.texts() == [["a", "b"]]
        made.output.taken(None)
        await settle()
        assert [(each.reason, each.payload) for each in made.rejected] == [(Reason.REFUSED_BY_OUTPUT, b"half")]
        assert answers == [None]
        await made.runner.drain(1)

    run(main())


def test_many_ask() -> None:
    """Each is answered once, in order."""

    async def main() -> None:
        made = await lane()
        order: list[int] = []

        def note(number: int) -> Callable[[str | None], None]:
            return lambda _: order.append(number)

        for number in range(100):
            made.pipeline.accept([message("a")], 1)
            made.pipeline.when_safe(note(number))
            if number % 10 == 9:
                await settle()
                made.output.taken(None)
        while len(order) < 100:
            await settle()
            made.output.taken(None)
        assert order == list(range(100))
        await made.runner.drain(1)

    run(main())


def test_settings_of_lanes() -> None:
    """A write waits for the parent however long that takes: it is told apart from a dead one by its channel."""
    settings = LaneOutput.settings_for("outputs")
    assert (settings.write_timeout, settings.when_full) == (0, "block")
