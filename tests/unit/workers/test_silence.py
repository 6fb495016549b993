"""A worker that hangs: when that is told, and when it is ended and followed by another one."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable

import pytest

from gelf_listener.workers import seat as seats
from gelf_listener.workers import silence as silences
from gelf_listener.workers.seat import Seat, Wanted
from gelf_listener.workers.silence import Silence
from gelf_listener.workers.wire import UseOutputs


def looked(silence: Silence, times: int) -> Silence:
    for _ in range(times):
        silence.look()
    return silence


def test_what_speaks_is_well() -> None:
    """However often was looked before."""
    silence = Silence()
    for _ in range(20):
        looked(silence, 9)
        assert not silence.problem
        silence.broken()
    assert not silence.is_hung


def test_silence_is_told_and_then_it_hangs() -> None:
    """And all is well as soon as something is said."""
    silence = Silence()
    silence.broken()
    assert not looked(silence, 9).problem
    assert looked(silence, 1).problem == "has said nothing for 10 s"
    assert not looked(silence, 49).is_hung
    assert looked(silence, 1).is_hung
    silence.broken()
    assert (silence.problem, silence.is_hung) == ("", False)


def test_what_has_not_started_has_longer() -> None:
    """It has to load first."""
    silence = Silence()
    assert not looked(silence, 179).is_hung
    assert not silence.problem
    assert looked(silence, 1).is_hung


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.02)


def test_a_hung_worker_is_replaced(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """It is stopped in its tracks; it is told of, ended, and another process takes its seat."""
    monkeypatch.setattr(seats, "TICK_SECONDS", 0.1)
    monkeypatch.setattr(silences, "_TOLD_TICKS", 30)
    monkeypatch.setattr(silences, "_HUNG_TICKS", 40)
    monkeypatch.setattr(silences, "_START_TICKS", 600)
    outputs = UseOutputs(specs=(), query=None, drain_seconds=1.0, lane=False, counted=False)

    async def main() -> None:
        seat = Seat(1, "error", Wanted(outputs=outputs), lambda process, reply: None)
        await seat.start()
        try:
            await until(lambda: seat.report)
            first = seat.figures()
            assert (first.restarts, first.problem) == (0, "")
            assert first.pid is not None
            os.kill(first.pid, signal.SIGSTOP)
            await until(lambda: "has said nothing" in seat.figures().problem)
            await until(lambda: seat.figures().restarts and not seat.figures().problem)
            assert seat.figures().pid not in (None, first.pid)
        finally:
            await seat.close(10.0)

    asyncio.run(main())
    said = [record.getMessage() for record in caplog.records]
    assert [text for text in said if "has said nothing" in text and text.endswith("it is ended")]
    assert [text for text in said if "ended with status -9" in text]
