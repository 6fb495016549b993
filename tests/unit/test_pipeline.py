"""Pipeline: routes, counts, back-pressure."""

from __future__ import annotations

import asyncio
from pathlib import Path

from gelf_listener.assembly import make_buffer
from gelf_listener.buffers.disk import DiskBuffer
from gelf_listener.errors import Reason, Rejected
from gelf_listener.message import Peer
from gelf_listener.pipeline import Pipeline
from gelf_listener.runner import Runner
from tests.unit.fakes import FakeOutput, message, run, settle


def attach(pipeline: Pipeline, output: FakeOutput, wanted: str = "") -> Runner:
    """Add an output, not started: what it gets stays in its buffer."""
    predicate = (lambda given: given.short_message == wanted) if wanted else None
    name = f"out{len(pipeline.runners)}"
    buffer = make_buffer(name, output.settings)
    runner = Runner(name, output, buffer, predicate, pipeline.reject, pipeline.made_room)
    pipeline.runners.append(runner)
    return runner


def test_every_output_gets_its_own_list() -> None:
    """A buffer joins lists: two outputs must not share one."""

    async def main() -> None:
        pipeline = Pipeline()
        one, two = attach(pipeline, FakeOutput()), attach(pipeline, FakeOutput())
        for text in ("a", "b"):
            pipeline.accept([message(text)], 1)
        first, second = one.buffer.take(10), two.buffer.take(10)
        assert [taken.short_message for taken in first] == ["a", "b"]
        assert [taken.short_message for taken in second] == ["a", "b"]
        assert first is not second

    run(main())


def test_routes() -> None:
    """An output gets what its query matches; a batch without a match wakes nobody."""

    async def main() -> None:
        pipeline = Pipeline()
        everything, some, none = (attach(pipeline, FakeOutput(), wanted) for wanted in ("", "b", "c"))
        pipeline.accept([message("a"), message("b"), message("b")], 3)
        assert [runner.buffer.messages for runner in (everything, some, none)] == [3, 2, 0]

    run(main())


def test_counts_by_input() -> None:
    """Messages and their bytes, also when there is no output at all."""

    async def main() -> None:
        pipeline = Pipeline()
        pipeline.accept([message("a", input="one")] * 2, 20)
        pipeline.accept([message("a", input="two")], 5)
        assert dict(pipeline.messages) == {"one": 2, "two": 1}
        assert dict(pipeline.bytes) == {"one": 20, "two": 5}
        pipeline.reject(Rejected(Reason.NO_MESSAGE, "none", input="one"))
        assert pipeline.rejections.counts["one", "no_message"] == 1

    run(main())


def test_the_greedy_of_full_buffers() -> None:
    """Those of all that are full; nobody while one of these has nobody to blame."""

    async def main() -> None:
        pipeline = Pipeline()
        assert pipeline.greedy == set()
        for wanted in ("", "a"):
            attach(pipeline, FakeOutput(max_buffer_messages=300), wanted)
        pipeline.accept([message("b", peer=Peer("192.0.2.1", 1))] * 299, 299)
        pipeline.accept([message("b", peer=Peer("192.0.2.2", 1))], 1)
        assert pipeline.full
        assert pipeline.greedy == {"192.0.2.1"}
        pipeline.accept([message("a", peer=Peer("192.0.2.2", 1))] * 300, 300)
        assert pipeline.greedy == set()

    run(main())


def test_the_spared_of_crowded_buffers() -> None:
    """Whoever has little in each of those that are crowded; a buffer on disk spares nobody."""

    async def main() -> None:
        pipeline = Pipeline()
        attach(pipeline, FakeOutput(max_buffer_messages=3000))
        attach(pipeline, FakeOutput(max_buffer_messages=3000), "a")
        for _ in range(2):
            pipeline.accept([message("b", peer=Peer("192.0.2.1", 1))] * 250, 250)
        assert pipeline.crowded
        assert pipeline.spares("192.0.2.2")
        assert not pipeline.spares("192.0.2.1")
        for _ in range(2):
            pipeline.accept([message("a", peer=Peer("192.0.2.2", 1))] * 250, 250)
        assert not pipeline.spares("192.0.2.2")
        assert pipeline.spares("192.0.2.3")

    run(main())


def test_full_and_when_ready() -> None:
    """Full at the limit of any blocking output; whoever waits is called once, when there is room."""

    async def main() -> None:
        pipeline = Pipeline()
        attach(pipeline, FakeOutput(when_full="drop_oldest", max_buffer_messages=1))
        slow = attach(pipeline, FakeOutput(max_buffer_messages=2))
        called: list[str] = []
        pipeline.accept([message()], 5)
        assert not pipeline.full
        pipeline.accept([message()], 5)
        assert pipeline.full
        pipeline.when_ready(lambda: called.append("ready"))
        await settle()
        assert called == []
        slow.buffer.take(1)
        pipeline.made_room()
        pipeline.made_room()
        await settle()
        assert called == ["ready"]
        assert not pipeline.full

    run(main())


def test_when_nothing_is_full() -> None:
    """Callbacks come soon all the same, but not before the caller has returned."""

    async def main() -> None:
        pipeline = Pipeline()
        called: list[str] = []
        pipeline.when_ready(lambda: called.append("ready"))
        pipeline.when_calm(lambda: called.append("calm"))
        assert called == []
        await settle()
        assert called == ["ready", "calm"]

    run(main())


def test_crowded_and_when_calm() -> None:
    """Who can wait is asked to earlier, and called back when a buffer is no longer crowded."""

    async def main() -> None:
        pipeline = Pipeline()
        runner = attach(pipeline, FakeOutput(max_buffer_messages=16))
        called: list[str] = []
        pipeline.accept([message(), message()], 10)
        assert pipeline.crowded
        assert not pipeline.full
        pipeline.when_calm(lambda: called.append("calm"))
        pipeline.when_ready(lambda: called.append("ready"))
        await settle()
        assert called == ["ready"]
        runner.buffer.take(1)
        pipeline.made_room()
        await settle()
        assert called == ["ready", "calm"]

    run(main())


def test_a_callback_that_fails_hurts_nobody_else() -> None:
    """Neither the output that made room nor the next input in line."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        problems: list[object] = []
        loop.set_exception_handler(lambda _, context: problems.append(context["exception"]))
        pipeline = Pipeline()
        called: list[str] = []
        pipeline.when_ready(lambda: 1 / 0)  # type: ignore[arg-type]
        pipeline.when_ready(lambda: called.append("ready"))
        await settle()
        assert called == ["ready"]
        assert [type(problem) for problem in problems] == [ZeroDivisionError]

    run(main())


def test_when_safe_without_a_disk() -> None:
    """At once: nothing would be safer later."""

    async def main() -> None:
        pipeline = Pipeline()
        attach(pipeline, FakeOutput())
        heard: list[str | None] = []
        pipeline.accept([message("a")], 1)
        pipeline.when_safe(heard.append)
        assert heard == [None]

    run(main())


def test_when_safe_with_disks(tmp_path: Path) -> None:
    """Once, when all have it, or with every reason why not."""

    async def main() -> None:
        pipeline = Pipeline()
        attach(pipeline, FakeOutput())
        for name in ("one", "two"):
            await attach(pipeline, FakeOutput(buffer="disk", buffer_path=str(tmp_path / name))).start()
        assert [await accepted(pipeline) for _ in range(2)] == [None, None]
        two = pipeline.runners[2].buffer
        assert isinstance(two, DiskBuffer)
        two._file._connection.execute("PRAGMA max_page_count = 1")
        assert "two" in str(await accepted(pipeline, "x" * 100_000))
        for runner in pipeline.runners:
            await runner.drain(1)

    asyncio.run(asyncio.wait_for(main(), 20))


async def accepted(pipeline: Pipeline, text: str = "a") -> str | None:
    """Hand over a message and wait for the answer."""
    answer: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
    pipeline.accept([message(text)], len(text))
    pipeline.when_safe(answer.set_result)
    return await answer
