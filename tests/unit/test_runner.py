"""Runner in virtual time: retries, refusals, surprises, draining, lingering, starting again."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from gelf_listener.assembly import make_buffer
from gelf_listener.errors import ConfigError, OutputError, Refused, Rejected, Retry
from gelf_listener.figures import output_figures
from gelf_listener.message import Message, Peer
from gelf_listener.runner import Runner
from tests.unit.fakes import FakeOutput, message, run, settle


class Scene:
    """A runner, its output, and what it rejected."""

    def __init__(self, output: FakeOutput, predicate: Callable[[Message], bool] | None = None) -> None:
        self.output = output
        self.rejected: list[Rejected] = []
        self.made_room = 0
        self.runner = Runner(
            "out", output, make_buffer("out", output.settings), predicate, self.rejected.append, self._room
        )

    def _room(self) -> None:
        self.made_room += 1

    def offer(self, *texts: str) -> None:
        messages = [message(text) for text in texts]
        self.runner.offer(messages, sum(len(text) for text in texts))


def now() -> float:
    return asyncio.get_running_loop().time()


def test_writes_in_order_and_counts() -> None:
    """Batches are not larger than `batch`, and everything is counted."""

    async def main() -> None:
        made = Scene(FakeOutput(batch=2))
        await made.runner.start()
        made.offer("a", "b", "c")
        made.offer("d")
        assert await made.runner.drain(10) == 0
        assert made.output.texts == ["a", "b", "c", "d"]
        assert [len(batch) for batch in made.output.batches] == [2, 2]
        assert (made.runner.written, made.runner.batches, made.runner.retries) == (4, 2, 0)
        assert made.made_room == 2
        assert (made.output.started, made.output.closed) == (1, 1)

    run(main())


def test_predicate() -> None:
    """Only what matches is kept, and the batch that others get too is left alone."""

    async def main() -> None:
        made = Scene(FakeOutput(), lambda given: given.short_message != "no")
        await made.runner.start()
        messages = [message("yes"), message("no"), message("yes")]
        made.runner.offer(messages, 8)
        assert len(messages) == 3
        assert made.runner.buffer.messages == 2
        made.offer("no")
        await made.runner.drain(10)
        assert made.output.texts == ["yes", "yes"]
        assert made.runner.buffer.bytes == 0

    run(main())


def test_retries_back_off() -> None:
    """The same batch comes again, ever later, until it is written; then the output works again."""

    async def main() -> None:
        made = Scene(FakeOutput([Retry("away")] * 12))
        await made.runner.start()
        made.offer("a")
        await settle()
        assert made.runner.failing_since is not None
        assert made.runner.last_error == "away"
        await asyncio.sleep(300)
        assert made.output.texts == ["a"]
        assert (made.runner.written, made.runner.retries) == (1, 12)
        assert made.runner.failing_since is None
        gaps = [
            later - earlier for earlier, later in zip(made.output.offered_at, made.output.offered_at[1:], strict=False)
        ]
        expected = [min(0.1 * 2**number, 30) for number in range(12)]
        assert all(0.49 * want <= gap <= 1.51 * want for gap, want in zip(gaps, expected, strict=True))
        await made.runner.drain(1)

    run(main())


def test_the_far_side_says_when() -> None:
    """`Retry-After` is kept to."""

    async def main() -> None:
        made = Scene(FakeOutput([Retry("later", after_seconds=7)]))
        await made.runner.start()
        made.offer("a")
        await asyncio.sleep(20)
        assert made.output.offered_at[1] - made.output.offered_at[0] == pytest.approx(7)
        await made.runner.drain(1)

    run(main())


def test_retry_has_an_end() -> None:
    """With `retry=`, a batch is rejected with the reason when its time is over, and the next one is tried."""

    async def main() -> None:
        made = Scene(FakeOutput([Retry("away", after_seconds=1)] * 4, retry=3))
        await made.runner.start()
        made.offer("a", "b")
        await asyncio.sleep(10)
        made.offer("c")
        await made.runner.drain(1)
        assert made.output.texts == ["c"]
        assert [rejected.reason.value for rejected in made.rejected] == ["refused_by_output"] * 2
        assert made.rejected[0].detail == "output out: not written within 3 s: away"
        assert made.rejected[0].payload == b"a"
        assert made.runner.refused == 2

    run(main())


def test_a_library_that_cancels_a_write_stops_nothing() -> None:
    """What an output waits for may be cancelled by its own library (nats-py, aiormq): the batch comes again."""

    class Cancelled(FakeOutput):
        cancelled = 0

        async def cancel(self) -> None:
            self.cancelled += 1
            future = asyncio.get_running_loop().create_future()
            future.cancel()
            await future

        async def start(self) -> None:
            await super().start()
            if self.started == 2:
                await self.cancel()

        async def write(self, batch: Sequence[Message]) -> None:
            if self.cancelled < 4:
                await self.cancel()
            await super().write(batch)

    async def main() -> None:
        several: list[dict[str, Any]] = [{}, {"concurrency": 4}, {"write_timeout": 0}]
        for settings in several:
            made = Scene(Cancelled(starts=[Retry("away")], **settings))
            await made.runner.start()
            made.offer("a")
            await asyncio.sleep(60)
            made.offer("b")
            assert await made.runner.drain(10) == 0
            assert made.output.texts == ["a", "b"]
            assert (made.runner.written, made.runner.retries, made.runner.given_up) == (2, 3, 0)

    run(main())


def test_refused_messages() -> None:
    """Those are rejected with their peer and input; the others count as written."""

    async def main() -> None:
        bad = message("bad")
        made = Scene(FakeOutput([Refused([bad], "too old")]))
        await made.runner.start()
        made.runner.offer([message("good"), bad], 7)
        await made.runner.drain(1)
        (rejected,) = made.rejected
        assert (rejected.peer, rejected.input, rejected.payload) == (bad.peer, "in", b"bad")
        assert rejected.detail == "output out: too old"
        assert (made.runner.written, made.runner.refused) == (1, 1)

    run(main())


def test_an_output_error_refuses_the_batch() -> None:
    """Neither to be retried nor a surprise."""

    async def main() -> None:
        made = Scene(FakeOutput([OutputError("no")]))
        await made.runner.start()
        made.offer("a", "b")
        await made.runner.drain(1)
        assert len(made.rejected) == 2
        assert made.output.offered == 1

    run(main())


def test_a_destination_that_asks_to_be_hurried_is_not() -> None:
    """`Retry-After: 0` shortens no pause: they grow as without it."""

    async def main() -> None:
        made = Scene(FakeOutput([Retry("busy", after_seconds=0.0)] * 6))
        await made.runner.start()
        made.offer("a")
        await asyncio.sleep(60)
        pauses = [later - earlier for earlier, later in itertools.pairwise(made.output.offered_at)]
        assert len(pauses) == 6
        assert all(pause >= 0.05 * 2**tries for tries, pause in enumerate(pauses))
        await made.runner.drain(1)

    run(main())


def test_surprises_drop_nothing_that_is_on_disk(tmp_path: Path) -> None:
    """What was acknowledged stays in a durable buffer, however often an output fails, and the output shows as failing."""

    async def main() -> None:
        settings: dict[str, Any] = {"buffer": "disk", "buffer_path": str(tmp_path), "linger": 0}
        made = Scene(FakeOutput([ValueError("bug")] * 1000, **settings))
        await made.runner.start()
        made.offer("a", "b")
        while made.runner.retries < 7:
            made.runner.try_now()
            await asyncio.sleep(0.01)
        assert made.rejected == []
        assert output_figures(made.runner).circuit != "closed"
        assert "bug" in made.runner.last_error
        assert await made.runner.drain(60) == 0
        again = Scene(FakeOutput(**settings))
        await again.runner.start()
        while len(again.output.texts) < 2:
            await asyncio.sleep(0.01)
        await again.runner.drain(60)
        assert again.output.texts == ["a", "b"]

    logging.disable(logging.CRITICAL)
    asyncio.run(asyncio.wait_for(main(), 40))
    logging.disable(logging.NOTSET)


def test_surprises_are_bounded() -> None:
    """A bug in an output does not block it: after five tries the batch is rejected and the next one comes."""

    async def main() -> None:
        made = Scene(FakeOutput([ZeroDivisionError("bug")] * 5))
        await made.runner.start()
        made.offer("a")
        await asyncio.sleep(60)
        made.offer("b")
        await made.runner.drain(1)
        assert made.output.texts == ["b"]
        assert len(made.rejected) == 1
        assert "failed 5 times: ZeroDivisionError" in made.rejected[0].detail
        assert made.runner.failing_since is None

    logging.disable(logging.CRITICAL)
    run(main())
    logging.disable(logging.NOTSET)


def test_four_surprises_are_forgiven() -> None:
    """One fewer than the bound, and the batch is written."""

    async def main() -> None:
        made = Scene(FakeOutput([ZeroDivisionError("bug")] * 4))
        await made.runner.start()
        made.offer("a")
        await asyncio.sleep(60)
        await made.runner.drain(1)
        assert made.output.texts == ["a"]
        assert made.rejected == []

    logging.disable(logging.CRITICAL)
    run(main())
    logging.disable(logging.NOTSET)


def test_drain_writes_what_waits() -> None:
    """Within its time everything is written."""

    async def main() -> None:
        made = Scene(FakeOutput([1.0, 1.0, 1.0], batch=1))
        await made.runner.start()
        made.offer("a", "b", "c")
        began = now()
        assert await made.runner.drain(3.5) == 0
        assert now() - began == pytest.approx(3, abs=0.1)
        assert made.output.texts == ["a", "b", "c"]

    run(main())


def test_drain_has_a_time() -> None:
    """What is left then is counted, the batch that was being written too, and the output is closed."""

    async def main() -> None:
        made = Scene(FakeOutput([1.0, 1.0, 1.0, 1.0], batch=2))
        await made.runner.start()
        made.offer("a", "b", "c", "d", "e")
        assert await made.runner.drain(1.5) == 3
        assert made.output.texts == ["a", "b"]
        assert made.runner.given_up == 3
        assert made.output.closed == 1
        assert made.runner.buffer.messages == 0

    run(main())


def test_drain_twice() -> None:
    """The second time there is nothing to do and nothing more is lost."""

    async def main() -> None:
        made = Scene(FakeOutput([9.0]))
        await made.runner.start()
        made.offer("a")
        assert await made.runner.drain(1) == 1
        assert await made.runner.drain(1) == 0
        assert made.runner.given_up == 1
        assert made.output.closed == 1

    run(main())


def test_drain_without_start() -> None:
    """An output that never started is not waited for."""

    async def main() -> None:
        made = Scene(FakeOutput())
        assert await made.runner.drain(10) == 0

    run(main())


def test_drain_tries_at_once_what_is_backing_off() -> None:
    """A back-off of half a minute would outlast the drain time."""

    async def main() -> None:
        made = Scene(FakeOutput([Retry("away", after_seconds=30), Retry("away", after_seconds=30)]))
        await made.runner.start()
        made.offer("a")
        await asyncio.sleep(1)
        assert made.output.offered == 1
        assert await made.runner.drain(5) == 0
        assert made.output.texts == ["a"]

    run(main())


def test_an_output_that_does_not_stop(caplog: pytest.LogCaptureFixture) -> None:
    """Swallowing its cancellation, it does not keep the listener from ending."""
    began = 0.0

    class Stubborn(FakeOutput):
        async def write(self, batch: Any) -> None:
            while True:
                try:
                    await asyncio.sleep(1000)
                except asyncio.CancelledError:
                    if now() - began > 500:
                        raise

    async def main() -> None:
        nonlocal began
        began = now()
        made = Scene(Stubborn())
        await made.runner.start()
        made.offer("a")
        await settle()
        task = made.runner._task
        await made.runner.drain(1)
        assert now() - began < 60
        assert task is not None
        await asyncio.sleep(600)
        task.cancel()
        await settle()

    run(main())
    assert "does not stop" in caplog.text


def test_an_output_that_does_not_close(caplog: pytest.LogCaptureFixture) -> None:
    """It is logged: the others have messages to write."""

    class Broken(FakeOutput):
        async def close(self) -> None:
            raise OSError("no space left")

    async def main() -> None:
        made = Scene(Broken())
        await made.runner.start()
        made.offer("a")
        assert await made.runner.drain(1) == 0
        assert made.output.texts == ["a"]

    run(main())
    assert "did not close" in caplog.text


def test_starting_again() -> None:
    """A destination that is away at first is tried in the background; nothing is lost meanwhile."""

    async def main() -> None:
        made = Scene(FakeOutput(starts=[Retry("away"), Retry("away"), ZeroDivisionError("bug")]))
        await made.runner.start()
        assert made.runner.failing_since is not None
        made.offer("a")
        await asyncio.sleep(60)
        assert made.output.started == 4
        assert made.output.texts == ["a"]
        assert made.runner.failing_since is None
        await made.runner.drain(1)

    logging.disable(logging.CRITICAL)
    run(main())
    logging.disable(logging.NOTSET)


def test_starting_again_when_the_far_side_says() -> None:
    """And not all listeners at once otherwise: the pauses of two outputs differ."""

    async def main() -> None:
        made, other = (Scene(FakeOutput(starts=[Retry("away"), Retry("busy", 20.0)])) for _ in range(2))
        await made.runner.start()
        await other.runner.start()
        await asyncio.sleep(0)
        assert made.runner.next_try_at != other.runner.next_try_at
        await asyncio.sleep(19)
        assert made.output.started == 2
        await asyncio.sleep(2)
        assert made.output.started == 3
        await made.runner.drain(1)
        await other.runner.drain(1)

    run(main())


def test_drain_does_not_wait_for_a_destination_that_is_away_when_there_is_nothing_to_write() -> None:
    """Ctrl-C ends at once."""

    async def main() -> None:
        made = Scene(FakeOutput(starts=[Retry("away")] * 50))
        await made.runner.start()
        await asyncio.sleep(100)
        began = now()
        assert await made.runner.drain(10) == 0
        assert now() - began < 0.1

    run(main())


def test_drain_of_a_destination_that_stays_away() -> None:
    """What waits for it is lost and counted."""

    async def main() -> None:
        made = Scene(FakeOutput(starts=[Retry("away")] * 500))
        await made.runner.start()
        made.offer("a", "b")
        assert await made.runner.drain(10) == 2
        assert made.output.closed == 1

    run(main())


def test_a_destination_that_can_never_work() -> None:
    """The operator is told at once, and the output is closed again."""

    async def main() -> None:
        made = Scene(FakeOutput(starts=[ConfigError("no such directory")]))
        with pytest.raises(ConfigError):
            await made.runner.start()
        assert made.output.closed == 1

    run(main())


def test_linger_waits_for_a_fuller_batch() -> None:
    """Until its time is over, the batch is full, or the listener ends."""

    async def main() -> None:
        made = Scene(FakeOutput(linger=2, batch=3))
        await made.runner.start()
        began = now()
        made.offer("a")
        await asyncio.sleep(1)
        made.offer("b")
        await asyncio.sleep(1.5)
        assert [len(batch) for batch in made.output.batches] == [2]
        assert made.output.offered_at[0] - began == pytest.approx(2, abs=0.1)
        made.offer("c", "d", "e")
        await settle()
        assert [len(batch) for batch in made.output.batches] == [2, 3]
        made.offer("f")
        await settle()
        assert made.output.offered == 2
        began = now()
        await made.runner.drain(10)
        assert now() - began < 0.1
        assert made.output.texts == ["a", "b", "c", "d", "e", "f"]

    run(main())


def test_whoever_waits_for_what_was_offered_ends_lingering() -> None:
    """At once, and for the batch behind the one that is being written, too."""

    async def main() -> None:
        made = Scene(FakeOutput([0.0, 5.0], linger=60))
        await made.runner.start()
        began = now()
        made.offer("a")
        await settle()
        assert made.output.offered == 0
        await made.runner.written_so_far()
        assert now() - began < 0.1
        made.offer("b")
        waiting = asyncio.ensure_future(made.runner.written_so_far())
        await asyncio.sleep(1)
        made.offer("c")
        again = asyncio.ensure_future(made.runner.written_so_far())
        await asyncio.gather(waiting, again)
        assert now() - began == pytest.approx(5, abs=0.1)
        assert made.output.texts == ["a", "b", "c"]
        await made.runner.drain(10)

    run(main())


def test_whoever_waits_for_what_was_offered_waits_for_all_of_it() -> None:
    """Messages that came later and left earlier, because their address had its turn, do not count."""

    async def main() -> None:
        made = Scene(FakeOutput([1.0] * 20, batch=300))
        await made.runner.start()

        def offer(host: str) -> None:
            made.runner.offer([message(host, peer=Peer(host, 1))] * 300, 300)

        for _ in range(3):
            offer("flood")
        await asyncio.sleep(0.5)
        waiting = asyncio.ensure_future(made.runner.written_so_far())
        for _ in range(3):
            offer("honest")
        await waiting
        assert made.output.texts.count("flood") == 900
        assert made.output.texts.index("honest") < 900
        await made.runner.drain(20)

    run(main())


def test_what_waited_already_does_not_linger() -> None:
    """For a write before it, or for a busy loop: no timer and no turn of the loop more."""

    async def main() -> None:
        made = Scene(FakeOutput([5.0], linger=2))
        await made.runner.start()
        made.offer("a")
        await asyncio.sleep(3)
        assert made.output.offered == 1
        made.offer("b")
        await asyncio.sleep(6)
        assert made.output.offered_at[1] - made.output.offered_at[0] == pytest.approx(5, abs=0.1)
        await made.runner.drain(10)
        assert made.output.texts == ["a", "b"]

    run(main())


def test_a_runner_that_dies_is_not_silent(caplog: pytest.LogCaptureFixture) -> None:
    """An error of our own is logged when it ends, and what was left is counted."""

    async def main() -> None:
        made = Scene(FakeOutput())
        made.runner._made_room = lambda: 1 / 0  # type: ignore[assignment]
        await made.runner.start()
        made.offer("a")
        await settle()
        made.offer("b", "c")
        assert await made.runner.drain(1) == 2
        assert made.output.closed == 1

    run(main())
    assert "ZeroDivisionError" in caplog.text


def test_a_write_that_hangs() -> None:
    """Is stopped and offered again: what comes after it must not wait indefinitely."""

    async def main() -> None:
        made = Scene(FakeOutput([1000.0], write_timeout=5))
        await made.runner.start()
        made.offer("a")
        await asyncio.sleep(20)
        assert made.output.texts == ["a"]
        assert made.runner.last_error == "a write took longer than 5 s"
        assert (made.runner.retries, output_figures(made.runner).circuit) == (1, "closed")
        await made.runner.drain(1)

    run(main())


def test_the_circuit() -> None:
    """Closed while it works, open during a pause, half open while it is tried; a pause can be ended."""

    async def main() -> None:
        made = Scene(FakeOutput([Retry("away", after_seconds=60), 5.0]))
        await made.runner.start()
        assert output_figures(made.runner).circuit == "closed"
        made.offer("a")
        await settle()
        assert (output_figures(made.runner).circuit, made.runner.oldest_at) == ("open", 1700000000.0)
        assert made.runner.next_try_at is not None
        made.runner.try_now()
        await settle()
        assert (output_figures(made.runner).circuit, made.runner.next_try_at) == ("half_open", None)
        await asyncio.sleep(6)
        assert (output_figures(made.runner).circuit, made.runner.oldest_at) == ("closed", None)
        assert made.output.texts == ["a"]
        await made.runner.drain(1)

    run(main())


def test_what_is_being_written_still_waits() -> None:
    """A batch that left the buffer in memory is not written for that: an outage must not look like an empty buffer."""

    async def main() -> None:
        made = Scene(FakeOutput([Retry("away")]))
        await made.runner.start()
        made.offer("a")
        made.offer("b")
        await asyncio.sleep(0.02)
        assert (output_figures(made.runner).circuit, made.runner.buffer.messages) == ("open", 0)
        assert (made.runner.waiting, made.runner.waiting_bytes) == (2, 2)
        await asyncio.sleep(1)
        assert (made.runner.waiting, made.runner.waiting_bytes) == (0, 0)
        await made.runner.drain(1)

    run(main())


def test_batches_at_the_same_time() -> None:
    """As many as asked for, no more; a batch that fails does not hold up the others; all are done at the end."""

    async def main() -> None:
        made = Scene(FakeOutput([Retry("busy", after_seconds=30), 10.0, 10.0], batch=1, concurrency=2))
        await made.runner.start()
        made.offer("a", "b", "c", "d")
        await settle()
        assert made.output.offered == 2
        await asyncio.sleep(11)
        assert made.output.offered == 3
        assert await made.runner.drain(60) == 0
        assert sorted(made.output.texts) == ["a", "b", "c", "d"]
        assert made.runner.written == 4

    run(main())


def test_batches_at_the_same_time_that_are_not_done_in_time() -> None:
    """All are stopped, and counted."""

    async def main() -> None:
        made = Scene(FakeOutput([1000.0] * 3, batch=1, concurrency=3, write_timeout=0))
        await made.runner.start()
        made.offer("a", "b", "c", "d")
        await settle()
        assert await made.runner.drain(5) == 4
        assert made.output.closed == 1

    run(main())


def test_a_limit_in_bytes() -> None:
    """A batch has so many raw bytes; a message that is longer goes alone."""

    async def main() -> None:
        made = Scene(FakeOutput(batch_bytes=4))
        await made.runner.start()
        made.offer("aa", "bb", "c", "dddddddd", "e", "f")
        await made.runner.drain(10)
        assert [[sent.short_message for sent in batch] for batch in made.output.batches] == [
            ["aa", "bb"], ["c"], ["dddddddd"], ["e", "f"],
        ]  # fmt: skip

    run(main())


@pytest.mark.parametrize("starts", [[], [Retry("away")] * 100])
def test_a_durable_buffer_does_not_wait_for_a_far_side_that_fails(tmp_path: Path, starts: list[Retry]) -> None:
    """What is left, stays in it, and nothing is lost: not what was written, not what was being written."""

    async def main() -> None:
        settings: dict[str, Any] = {"buffer": "disk", "buffer_path": str(tmp_path), "batch": 1, "linger": 0}
        made = Scene(FakeOutput([None, *[Retry("away")] * 100], starts, **settings))
        await made.runner.start()
        made.offer("a", "b", "c")
        while not made.runner.last_error:
            await asyncio.sleep(0.01)
        began = now()
        assert await made.runner.drain(60) == 0
        assert now() - began < 30
        again = Scene(FakeOutput(**settings))
        await again.runner.start()
        while len(made.output.texts + again.output.texts) < 3:
            await asyncio.sleep(0.01)
        assert made.output.texts + again.output.texts == ["a", "b", "c"]
        assert await again.runner.drain(60) == 0
        assert (made.runner.given_up, again.runner.given_up) == (0, 0)

    asyncio.run(asyncio.wait_for(main(), 40))
