"""Room: who has no address waits for a calm intake, or until others crowd it."""

from __future__ import annotations

import asyncio

from gelf_listener.buffers.memory import MemoryBuffer
from gelf_listener.inputs.room import Room
from gelf_listener.message import Peer
from gelf_listener.pipeline import Pipeline
from gelf_listener.runner import Runner
from tests.unit.fakes import FakeIntake, FakeOutput, message, run, settle


def test_calm() -> None:
    """Called back once, when it is calm; of many that are asked for, the last."""

    async def main() -> None:
        intake, called = FakeIntake(), []
        room = Room(intake)
        assert room
        intake.crowded = True
        assert not room
        for number in range(100):
            room.wait(lambda number=number: called.append(number))  # type: ignore[misc]
            await settle()
        assert len(intake.calm) == 1
        intake.relax()
        await settle()
        assert called == [99]

    run(main())


def test_spared() -> None:
    """Called back though it is never calm, as soon as most of what waits is not ours."""

    async def main() -> None:
        intake, called = FakeIntake(), []
        room = Room(intake)
        intake.crowded = True
        for number in range(20):
            room.wait(lambda number=number: called.append(number))  # type: ignore[misc]
            intake.spared.discard("")
            await asyncio.sleep(1)
            assert len(called) == number
            intake.spared.add("")
            await asyncio.sleep(1)
            assert room
        assert called == list(range(20))
        assert len(intake.calm) == 1, "asked once, however often it was spared"

    run(main())


def test_a_flood_of_datagrams_keeps_no_broker_out() -> None:
    """What has no address goes on while a flood crowds the buffer for good, and is written before the flood's rest."""

    async def main() -> None:
        pipeline, output = Pipeline(), FakeOutput([1.0] * 100, batch=1000)  # a thousand messages a second
        buffer = MemoryBuffer(8000, 1 << 30, "block")
        pipeline.runners = [Runner("slow", output, buffer, None, pipeline.reject, pipeline.made_room)]
        await pipeline.runners[0].start()
        room = Room(pipeline)
        given = 0

        def read() -> None:
            nonlocal given
            if room:
                pipeline.accept([message(input="broker", peer=None) for _ in range(50)], 1000)
                given += 50
            room.wait(read)

        read()
        for _ in range(40):
            while not pipeline.full:  # the flood takes whatever room there is
                flood = [message(input="flood", peer=Peer("192.0.2.9", 1)) for _ in range(500)]
                pipeline.accept(flood, 10_000)
            assert pipeline.crowded
            await asyncio.sleep(1)
        written = [each.input for batch in output.batches for each in batch]
        assert given >= 500
        assert written.count("broker") >= given // 2
        await pipeline.runners[0].drain(0)

    run(main())
