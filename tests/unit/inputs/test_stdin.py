"""Standard input: lines, traces, back-pressure, and its end."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from gelf_listener.inputs import turns
from gelf_listener.inputs.room import Room
from gelf_listener.inputs.stdin import StdinInput, StdinSettings
from tests.unit.fakes import FakeIntake


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(40):
        while not condition():
            await asyncio.sleep(0.001)


def with_stdin(
    monkeypatch: pytest.MonkeyPatch, main: Callable[[StdinInput, FakeIntake, int], Awaitable[None]], **settings: Any
) -> FakeIntake:
    """Run an input on a pipe; the function writes to its other end, and closes it."""
    theirs, ours = os.pipe()

    class Stdin:
        def fileno(self) -> int:
            return theirs

    monkeypatch.setattr("sys.stdin", Stdin())

    async def run() -> FakeIntake:
        intake = FakeIntake()
        listener = StdinInput(StdinSettings(**settings))
        await listener.start(intake)
        await main(listener, intake, ours)
        await listener.close()
        await listener.close()
        return intake

    intake = asyncio.run(run())
    os.close(theirs)
    return intake


def test_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each a message; the last one too when it has no end; a line does not wait for the next indefinitely."""

    async def main(listener: StdinInput, intake: FakeIntake, ours: int) -> None:
        assert listener.listening == ["stdin:"]
        os.write(ours, b"one\nERROR two\n")
        await until(lambda: intake.texts == ["one", "ERROR two"])
        os.write(ours, b"three")
        os.close(ours)
        await until(lambda: len(intake.texts) == 3)

    intake = with_stdin(monkeypatch, main, source="web1", join_seconds=0.01)
    assert [(made.short_message, made.level, made.host, made.input) for made in intake.messages] == [
        ("one", 6, "web1", "stdin"),
        ("ERROR two", 3, "web1", "stdin"),
        ("three", 6, "web1", "stdin"),
    ]


def test_closing_hands_over_what_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line that waits for a trace, and one without its end."""

    async def main(listener: StdinInput, intake: FakeIntake, ours: int) -> None:
        os.write(ours, b"one\ntwo")
        await until(lambda: listener._decoder._partial == b"two")
        await listener.close()
        assert intake.texts == ["one", "two"]
        os.close(ours)

    with_stdin(monkeypatch, main, join_seconds=60)


def test_back_pressure(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is read while a buffer is crowded."""

    async def main(listener: StdinInput, intake: FakeIntake, ours: int) -> None:
        intake.crowded = True
        os.write(ours, b"one\n")
        await until(lambda: intake.texts == ["one"])
        os.write(ours, b"two\n")
        await asyncio.sleep(0.05)
        assert intake.texts == ["one"]
        intake.relax()
        await until(lambda: intake.texts == ["one", "two"])
        os.close(ours)

    with_stdin(monkeypatch, main, join_seconds=0.0)


def test_others_crowd_a_buffer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines go on, for as little of what waits is theirs, though it is never calm."""

    async def main(listener: StdinInput, intake: FakeIntake, ours: int) -> None:
        intake.crowded = True
        os.write(ours, b"one\n")
        await until(lambda: intake.texts == ["one"])
        os.write(ours, b"two\n")
        await asyncio.sleep(0.05)
        assert intake.texts == ["one"]
        intake.spared.add("")
        await until(lambda: intake.texts == ["one", "two"])
        os.write(ours, b"three\n")
        await until(lambda: intake.texts == ["one", "two", "three"])
        os.close(ours)

    with_stdin(monkeypatch, main, join_seconds=0.0)


def test_others_have_their_turn_while_lines_are_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    """One read can be a hundred thousand lines; the next one waits for them."""
    monkeypatch.setattr(turns, "TURN_SECONDS", 0.0)

    async def main() -> None:
        intake = FakeIntake()
        made = StdinInput(StdinSettings(join_seconds=0))
        made._intake, made._loop, made._open = intake, asyncio.get_running_loop(), True
        made._room = Room(intake)
        made._backlog = made._make_backlog()
        made._took(b"a\n" * 50_000)
        made._took(b"")
        assert not made._go_on.is_set()
        longest = 0
        while made._backlog:
            before = len(intake.texts)
            made._backlog.work()
            longest = max(longest, len(intake.texts) - before)
        assert 0 < longest <= 1024
        assert intake.texts == ["a"] * 50_000
        assert not made._open

    monkeypatch.setattr(turns, "_MOST_SLICE_BYTES", 2048)
    asyncio.run(main())
