"""Inputs of brokers without one: what is taken in one turn of the loop."""

from __future__ import annotations

import asyncio
import itertools
import threading
from types import SimpleNamespace
from typing import Any

import pytest

from tests.unit.fakes import FakeIntake

HELLO = b'{"short_message":"hello"}'


class Record:
    """A record as confluent-kafka gives it."""

    def __init__(self, offset: int) -> None:
        self._offset = offset

    def error(self) -> None:
        return None

    def topic(self) -> str:
        return "logs"

    def partition(self) -> int:
        return 0

    def offset(self) -> int:
        return self._offset

    def value(self) -> bytes:
        return HELLO

    def headers(self) -> None:
        return None

    def timestamp(self) -> tuple[int, int]:
        return 1, 1_700_000_000_000


def test_records_are_taken_in_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Records are decoded for some milliseconds at a time; the thread that polls waits until all are, and offsets are in order."""
    kafka = pytest.importorskip("gelf_listener.inputs.kafka")
    clock = itertools.count(step=1.0)
    monkeypatch.setattr(kafka, "perf_counter", lambda: next(clock))
    monkeypatch.setattr(kafka, "READ_SECONDS", 1.5)

    async def main() -> None:
        made = kafka.KafkaInput(kafka.KafkaInputSettings(path="/logs"))
        intake = made._intake = FakeIntake()
        made._loop = asyncio.get_running_loop()
        taken = threading.Event()
        made._take([Record(offset) for offset in range(350)], taken)
        counts = []
        while not taken.is_set():
            counts.append(len(intake.texts))
            await asyncio.sleep(0)
        assert counts == [100, 200, 300]
        assert len(intake.texts) == 350
        assert [offsets["logs", 0] for offsets in made._safe] == [(0, 100), (100, 200), (200, 300), (300, 350)]

    asyncio.run(main())


def test_deliveries_are_taken_in_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Deliveries of AMQP, which may be long, are decoded for some milliseconds at a time."""
    amqp = pytest.importorskip("gelf_listener.inputs.amqp")
    clock = itertools.count(step=0.001)
    monkeypatch.setattr(amqp, "perf_counter", lambda: next(clock))

    async def main() -> None:
        made = amqp.AmqpInput(amqp.AmqpInputSettings())
        intake = FakeIntake()
        acknowledged: list[int] = []

        async def acknowledge(tag: int, **_: Any) -> None:
            acknowledged.append(tag)

        channel: Any = SimpleNamespace(on_consumer_cancel_callbacks=set(), is_closed=False, basic_ack=acknowledge)
        session = amqp._Session(made, channel, intake)
        properties = SimpleNamespace(content_type=None, message_id=None)
        for tag in range(1, 11):
            delivery = SimpleNamespace(delivery_tag=tag, redelivered=False)
            header = SimpleNamespace(properties=properties)
            await session.delivered(SimpleNamespace(body=HELLO, header=header, delivery=delivery))
        session._work()
        assert 0 < len(intake.texts) < 10
        async with asyncio.timeout(60):
            while len(acknowledged) < 3 or acknowledged[-1] < 10:
                await asyncio.sleep(0)
        assert len(intake.texts) == 10
        assert acknowledged == sorted(acknowledged)

    asyncio.run(main())
