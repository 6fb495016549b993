"""Turns: fair shares by address, work in order, bounded queues; time is what the work says it took."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from gelf_listener.inputs import turns as module
from gelf_listener.inputs.turns import Backlog, Turns, turns_of
from tests.unit.fakes import run


class Clock:
    """A clock that goes on only when something works."""

    def __init__(self) -> None:
        self.now = 1.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(module, "perf_counter", made)
    return made


class Line:
    """A connection: it notes what it took, and whether it is read."""

    def __init__(self, turns: Turns, clock: Clock, host: str, seconds_a_byte: float, log: list[str]) -> None:
        self.host = host
        self.taken = b""
        self.reading = True
        self._clock = clock
        self._seconds = seconds_a_byte
        self._log = log
        self.backlog = Backlog(turns, host, self.take, self.hold, self.go_on)

    def take(self, data: bytes) -> None:
        self.taken += data
        self._log.append(self.host)
        self._clock.now += len(data) * self._seconds

    def hold(self) -> None:
        self.reading = False

    def go_on(self) -> None:
        self.reading = not self.backlog.is_held


def steps(log: list[Any], clock: Clock, name: str, count: int, seconds: float) -> Iterator[None]:
    """Note each of some steps, which take so long."""
    for _ in range(count):
        log.append(name)
        clock.now += seconds
        yield


async def until(condition: Callable[[], object]) -> None:
    while not condition():
        await asyncio.sleep(0)


def test_what_is_cheap_is_taken_at_once(clock: Clock) -> None:
    """Without a turn of its own, whole or in slices that grow."""

    async def main() -> None:
        line = Line(turns_of(asyncio.get_running_loop()), clock, "a", 1e-9, [])
        for size in (10, 5000, 200_000, 200_000):
            line.backlog.feed(bytes(size))
        assert len(line.taken) == 405_010
        assert line.reading
        assert not line.backlog

    run(main())


def test_an_honest_sender_waits_for_a_slice_not_for_a_flood(clock: Clock) -> None:
    """Fifty connections of one address, each with a second of work; another address sends one message meanwhile."""

    async def main() -> None:
        turns = turns_of(asyncio.get_running_loop())
        log: list[Any] = []
        flood = [Line(turns, clock, "flood", 1 / 256_000, log) for _ in range(50)]
        for line in flood:
            line.backlog.feed(bytes(256_000))
        assert not any(line.reading for line in flood)
        began = clock.now
        honest = Line(turns, clock, "honest", 1e-6, log)
        honest.backlog.feed(b"x" * 300)
        await until(lambda: len(honest.taken) == 300)
        assert clock.now - began < 0.03
        await until(lambda: all(len(line.taken) == 256_000 for line in flood))
        await until(lambda: all(line.reading for line in flood))
        assert clock.now - began > 49

    run(main())


def test_a_turn_ends_in_time(clock: Clock) -> None:
    """Each lets the loop look at everything else after some milliseconds."""

    async def main() -> None:
        line = Line(turns_of(asyncio.get_running_loop()), clock, "a", 1e-5, [])
        line.backlog.feed(bytes(100_000))
        longest = before = 0.0
        before = clock.now
        while line.backlog:
            await asyncio.sleep(0)
            longest = max(longest, clock.now - before)
            before = clock.now
        assert longest < 2 * module.TURN_SECONDS

    run(main())


def test_order_within_a_connection(clock: Clock) -> None:
    """Bytes come in order, what is done in steps before what came after it, and the end after everything."""

    async def main() -> None:
        turns = turns_of(asyncio.get_running_loop())
        log: list[Any] = []
        line = Line(turns, clock, "a", 1e-5, log)
        data = bytes(range(256)) * 40

        def steps() -> Iterator[None]:
            for number in range(3):
                log.append(f"step {number}")
                clock.now += 0.003
                yield

        line.backlog.steps(steps())
        line.backlog.feed(data)
        line.backlog.feed(b"more")
        line.backlog.then(lambda: log.append("end"))
        await until(lambda: "end" in log)
        assert line.taken == data + b"more"
        assert log[:3] == ["step 0", "step 1", "step 2"]
        assert log.index("a") == 3
        assert log[-1] == "end"
        line.backlog.then(lambda: log.append("at once"))
        assert log[-1] == "at once"

    run(main())


def test_steps_of_a_connection_are_done_in_order(clock: Clock) -> None:
    """Two requests of one read, each of which takes steps; and bytes behind them."""

    async def main() -> None:
        log: list[Any] = []

        def take(data: bytes) -> None:
            log.append(data)
            if data == b"both":
                backlog.steps(steps(log, clock, "a", 3, 0.003))
                backlog.steps(steps(log, clock, "b", 3, 0.003))

        backlog = Backlog(turns_of(asyncio.get_running_loop()), "host", take, lambda: None, lambda: None)
        backlog.feed(b"both")
        backlog.feed(b"next")
        assert log == [b"both"]
        await until(lambda: not backlog)
        assert log == [b"both", "a", "a", "a", "b", "b", "b", b"next"]

    run(main())


def test_one_body_at_a_time_for_each_address(clock: Clock) -> None:
    """What is taken in steps holds memory until it is done: the connections of an address do not do it side by side."""

    async def main() -> None:
        turns = turns_of(asyncio.get_running_loop())
        log: list[Any] = []
        for name in ("a", "b", "c"):
            Line(turns, clock, "host", 0, []).backlog.steps(steps(log, clock, name, 5, 0.01))
        await until(lambda: len(log) == 15)
        assert log == ["a"] * 5 + ["b"] * 5 + ["c"] * 5

    run(main())


def test_an_address_with_too_much_in_the_queue_is_not_read(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    """None of its connections, old or new, until there is room; other addresses are."""
    monkeypatch.setattr(module, "MOST_QUEUED_BYTES", 10_000)

    async def main() -> None:
        turns = turns_of(asyncio.get_running_loop())
        lines = [Line(turns, clock, "flood", 1e-5, []) for _ in range(3)]
        lines[0].backlog.feed(bytes(9_000))
        lines[1].backlog.feed(bytes(9_000))
        lines[2].go_on()
        assert not lines[2].reading
        newcomer = asyncio.ensure_future(turns.room("flood"))
        await turns.room("honest")
        other = Line(turns, clock, "honest", 1e-5, [])
        other.go_on()
        assert other.reading
        assert not newcomer.done()
        await until(newcomer.done)
        await until(lambda: not lines[0].backlog and not lines[1].backlog)
        assert all(line.reading for line in lines)

    run(main())


def test_a_connection_that_is_closed_leaves_nothing(clock: Clock) -> None:
    """What it had not taken is counted by who drops it; its address is forgotten with its last connection."""

    async def main() -> None:
        turns = turns_of(asyncio.get_running_loop())
        line, other = (Line(turns, clock, "a", 1e-5, []) for _ in range(2))
        line.backlog.feed(bytes(50_000))
        assert line.backlog.drop() == 50_000 - len(line.taken)
        line.backlog.feed(bytes(50_000))
        line.backlog.close()
        line.backlog.close()
        other.backlog.close()
        assert turns._addresses == {}
        assert turns._queue == {}
        await asyncio.sleep(0)

    run(main())


def test_a_blocked_connection_keeps_what_it_has(clock: Clock) -> None:
    """Back-pressure: nothing is taken until there is room."""

    async def main() -> None:
        line = Line(turns_of(asyncio.get_running_loop()), clock, "a", 1e-5, [])
        line.backlog.block()
        line.backlog.feed(bytes(50_000))
        before = len(line.taken)
        for _ in range(10):
            await asyncio.sleep(0)
        assert len(line.taken) == before
        line.backlog.unblock()
        await until(lambda: len(line.taken) == 50_000)

    run(main())


def test_threads_get_their_turn_in_a_flood(clock: Clock) -> None:
    """While much waits the interpreter switches threads more often, and as it did before when that is worked off."""

    async def main() -> None:
        usual = sys.getswitchinterval()
        line = Line(turns_of(asyncio.get_running_loop()), clock, "a", 1e-6, [])
        line.backlog.feed(bytes(100_000))
        assert line.backlog
        assert sys.getswitchinterval() == usual, "not for a little"
        line.backlog.feed(bytes(module._FLOOD_BYTES))
        await until(lambda: sys.getswitchinterval() < usual)
        await until(lambda: not line.backlog)
        await until(lambda: sys.getswitchinterval() == usual)

    run(main())
