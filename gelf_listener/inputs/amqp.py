"""
GELF from an AMQP queue: what graypy's `GELFRabbitHandler` and its like publish.

Laws:

* A delivery is acknowledged when its message is safe (`Intake.when_safe`), in the order of delivery. One whose message
  could not be made safe is given back to the queue.
* At most ``prefetch`` deliveries are unacknowledged; while a buffer is crowded none is decoded, so the broker stops.
* A connection that broke takes its deliveries with it: the broker delivers them again, with the same message ids
  where the publisher gave any.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import re
import time
from collections import deque
from collections.abc import Coroutine, Sequence
from time import perf_counter
from typing import Any, ClassVar, Literal, Self

import aiormq
from aiormq import Channel
from aiormq.abc import DeliveredMessage
from pydantic import Field, model_validator

from gelf_listener.brokers.amqp import AMQP_ERRORS, AmqpSettings, broker_words, connect, disconnect, open_channel
from gelf_listener.client_tls import broker_context
from gelf_listener.codec import Batch, Receipt
from gelf_listener.codec.text.bodies import decode_text
from gelf_listener.errors import Reason, Rejected, Retry
from gelf_listener.inputs import Intake
from gelf_listener.inputs.consumer import CHUNK_ADVICE, ConsumerSettings, is_chunk
from gelf_listener.inputs.container_intake import reading_containers
from gelf_listener.inputs.room import Room
from gelf_listener.inputs.turns import READ_SECONDS
from gelf_listener.settings import Duration, zone_named

_log = logging.getLogger(__name__)

_ULID = re.compile("[0-7][0-9A-HJKMNP-TV-Z]{25}")
_FIRST_DELAY_SECONDS = 0.25
_LONGEST_CLOSE_SECONDS = 5.0
_PAUSE_AFTER_ERROR_SECONDS = 1.0


class AmqpInputSettings(ConsumerSettings, AmqpSettings):
    """Settings of `gelf+amqp://`."""

    queue: str = Field(
        "gelf-listener", min_length=1, description="Queue to read; `%d` is its number when there are several."
    )
    parallel_queues: int = Field(1, ge=1, le=1000, description="Queues to read, numbered from 0.")
    exchange: str = Field("logging.gelf", description="Exchange the queue is bound to.")
    exchange_type: Literal["fanout", "direct", "topic", "headers"] = Field(
        "fanout", description="What kind of exchange is declared."
    )
    exchange_bind: bool = Field(True, description="Declare the exchange (durable) and bind the queue to it.")
    routing_key: str = Field("#", description="What the queue is bound with; a fanout exchange ignores it.")
    declare: bool = Field(True, description="Declare the queue (durable); otherwise it has to be there.")
    prefetch: int = Field(500, ge=1, le=65535, description="Deliveries the broker sends ahead of acknowledgements.")
    requeue_invalid: bool = Field(
        False,
        description="Give what is not GELF back to the queue, once, for other consumers; otherwise, and then, it goes "
        "to the queue's dead-letter exchange, or is dropped where there is none.",
    )
    keep_ids: bool = Field(
        True, description="Keep a message_id that is a ULID, as our own output gives, as the message's id."
    )
    recovery_interval_seconds: Duration = Field(
        5.0, gt=0, le=3600, description="Longest time between two tries to connect again."
    )

    @model_validator(mode="after")
    def _numbered(self) -> Self:
        if self.parallel_queues > 1 and "%d" not in self.queue:
            raise ValueError("several parallel_queues need a '%d' in 'queue'")
        return self

    def queues(self) -> list[str]:
        """Return the names of the queues to read."""
        return [self.queue.replace("%d", str(number)) for number in range(self.parallel_queues)]


class AmqpInput:
    """
    Reads GELF from queues.

    Guarantee: at least once, when an output has ``buffer=disk``: a delivery is acknowledged once its message is in
    every such buffer. Without one it is acknowledged when the message is taken into memory.
    """

    Settings: ClassVar[type[AmqpInputSettings]] = AmqpInputSettings

    def __init__(self, settings: AmqpInputSettings) -> None:
        self.settings = settings
        self.name = settings.name or f"gelf+amqp-{settings.queue}"
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        port = settings.port or (5671 if settings.tls else 5672)
        self.listening = [f"gelf+amqp://{host}:{port}/{queue}" for queue in settings.queues()]
        self.decoder = settings.decoder(self.name)
        self._context = broker_context(settings)
        self._intake: Intake
        self._task: asyncio.Task[None] | None = None
        self._session: _Session | None = None
        self.counts = {"deliveries": 0, "redeliveries": 0, "returned": 0, "connections": 0}

    async def start(self, intake: Intake) -> None:
        """Begin to connect; a broker that is away is tried again and again. See `Input.start`."""
        self._intake = reading_containers(intake, self.settings, self.name)
        self._task = asyncio.get_running_loop().create_task(self._run(), name=f"input {self.name}")

    async def close(self) -> None:
        """Stop consuming and acknowledge what is safe; the broker keeps the rest. See `Input.close`."""
        task, self._task = self._task, None
        if task is None:
            return
        if self._session is not None:
            await self._session.finish()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    def counters(self) -> dict[str, float]:
        """Return what was delivered, and how often we connected."""
        return {
            "connections": float(self._session is not None),
            "connections_total": self.counts["connections"],
            "deliveries_total": self.counts["deliveries"],
            "redeliveries_total": self.counts["redeliveries"],
            "returned_deliveries_total": self.counts["returned"],
        }

    async def _run(self) -> None:
        """Consume indefinitely; connect again after each failure, less and less often."""
        longest = self.settings.recovery_interval_seconds
        delay, said = _FIRST_DELAY_SECONDS, ""
        while True:
            connected = self.counts["connections"]
            try:
                await self._consume()
            except (Retry, *AMQP_ERRORS) as error:
                why = str(error) if isinstance(error, Retry) else broker_words(error)
            except Exception as error:  # noqa: BLE001  (what the library did not foresee must not end the input)
                _log.exception("%s failed", self.name)
                why = repr(error)
            else:
                why = "the broker ended the consumer"
            if self.counts["connections"] != connected:
                delay, said = _FIRST_DELAY_SECONDS, ""
            if why != said:
                _log.warning("%s: %s; trying again", self.name, why)
                said = why
            await asyncio.sleep(min(delay, longest) * random.uniform(0.5, 1.0))  # noqa: S311  (jitter)
            delay *= 2

    async def _consume(self) -> None:
        """Connect, declare and consume until the connection ends, which raises."""
        settings = self.settings
        connection = await connect(settings, self._context)
        try:
            async with asyncio.timeout(settings.connect_timeout_seconds):
                channel = await open_channel(connection)
                await self._declare(channel)
                await channel.basic_qos(prefetch_count=settings.prefetch)
                session = self._session = _Session(self, channel, self._intake)
                for queue in settings.queues():
                    await channel.basic_consume(queue, session.delivered)
            self.counts["connections"] += 1
            _log.info("%s: consuming from %s", self.name, settings.host)
            raise Retry(await session.ended())
        finally:
            self._session = None
            await disconnect(connection)

    async def _declare(self, channel: Channel) -> None:
        settings = self.settings
        if settings.exchange_bind and settings.exchange and not settings.exchange.startswith("amq."):
            await channel.exchange_declare(settings.exchange, exchange_type=settings.exchange_type, durable=True)
        for queue in settings.queues():
            await channel.queue_declare(queue, durable=True, passive=not settings.declare)
            if settings.exchange_bind and settings.exchange:
                await channel.queue_bind(queue, settings.exchange, routing_key=settings.routing_key)


class _Batch:
    """Deliveries whose messages become safe together, by their tags."""

    __slots__ = ("error", "settled", "tags")

    def __init__(self, tags: Sequence[int]) -> None:
        self.tags = tags
        self.settled = False
        self.error: str | None = None


class _Session:
    """The deliveries of one channel, from arrival to acknowledgement."""

    def __init__(self, input: AmqpInput, channel: Channel, intake: Intake) -> None:
        self._name = input.name
        self._settings = input.settings
        self._decoder = input.decoder
        self._counts = input.counts
        self._intake = intake
        self._room = Room(intake)
        self._channel = channel
        self._loop = asyncio.get_running_loop()
        self._arrived: deque[DeliveredMessage] = deque()
        self._unsettled: deque[_Batch] = deque()
        self._scheduled = False
        self._finishing = False
        self._settling: asyncio.Future[None] | None = None
        self._cancelled: asyncio.Future[str] = self._loop.create_future()
        self._sending: set[asyncio.Task[None]] = set()
        channel.on_consumer_cancel_callbacks.add(self._on_cancel)

    async def delivered(self, message: DeliveredMessage) -> None:
        """Take one delivery; all that arrive in a turn of the loop are decoded together."""
        self._arrived.append(message)
        self._counts["deliveries"] += 1
        if _redelivered(message):
            self._counts["redeliveries"] += 1
        self._schedule()

    async def ended(self) -> str:
        """Wait for the end of the channel and return the reason."""
        closing = asyncio.ensure_future(self._channel.closing)
        done, _ = await asyncio.wait([closing, self._cancelled], return_when=asyncio.FIRST_COMPLETED)
        if self._cancelled in done:
            return self._cancelled.result()
        error = None if closing.cancelled() else closing.exception()
        return "the connection ended" if error is None else broker_words(error)

    async def finish(self) -> None:
        """Stop deliveries and wait, not indefinitely, until those taken are acknowledged."""
        self._finishing = True
        try:
            async with asyncio.timeout(_LONGEST_CLOSE_SECONDS):
                for tag in list(self._channel.consumers):
                    await self._channel.basic_cancel(tag)
                if self._unsettled:
                    self._settling = self._loop.create_future()
                    await self._settling
                if self._sending:
                    await asyncio.wait(self._sending)
        except AMQP_ERRORS as error:
            _log.info("%s: %d batches stay with the broker: %s", self._name, len(self._unsettled), broker_words(error))

    async def _on_cancel(self, frame: aiormq.spec.Basic.Cancel) -> None:
        if not self._cancelled.done():
            self._cancelled.set_result(f"the broker ended consumer {frame.consumer_tag}: was the queue deleted?")

    def _schedule(self, seconds: float = 0.0) -> None:
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_later(seconds, self._work)

    def _work(self) -> None:
        """Decode what arrived and hand it over, unless senders are to wait."""
        self._scheduled = False
        if self._finishing or self._channel.is_closed:
            self._arrived.clear()  # unacknowledged: the broker keeps them for the next consumer
            return
        if not self._arrived:
            return
        if not self._room:
            self._scheduled = True
            self._room.wait(self._work)
            return
        batch = Batch()
        tags: list[int] = []
        ends_at = perf_counter() + READ_SECONDS
        while self._arrived and perf_counter() < ends_at:
            delivery = self._arrived.popleft()
            if self._decode(delivery, batch):
                tags.append(_tag(delivery))
            else:
                self._return_invalid(delivery)
        batch.hand_over(self._intake)
        if tags:
            waiting = _Batch(tags)
            self._unsettled.append(waiting)
            self._intake.when_safe(lambda error: self._settle(waiting, error))
        if self._arrived:
            self._schedule()

    def _decode(self, delivery: DeliveredMessage, batch: Batch) -> bool:
        """Decode a delivery; whether any message came of it."""
        before = len(batch.messages)
        now = time.time()
        if is_chunk(delivery.body):
            Receipt(self._name, None, now, batch).reject(Reason.UNEXPECTED_PROTOCOL, CHUNK_ADVICE, delivery.body)
            return False
        receipt = Receipt(self._name, None, now, batch)
        content_type = delivery.header.properties.content_type
        try:
            payload = self._settings.unwrapped(delivery.body, content_type)
        except Rejected as rejected:
            receipt.add_rejection(rejected)
            return False
        if self._settings.takes_text(payload, content_type):
            decode_text(payload, receipt, zone_named(self._settings.timezone))
        else:
            self._decoder.decode(payload, now, None, batch)
        taken = len(batch.messages) - before
        message_id = delivery.header.properties.message_id
        if taken == 1 and self._settings.keep_ids and message_id and _ULID.fullmatch(message_id):
            batch.messages[before].stored_id = message_id
        return taken > 0

    def _return_invalid(self, delivery: DeliveredMessage) -> None:
        """Hand back what is not a message: to other consumers once, or to the dead letters."""
        requeue = self._settings.requeue_invalid and not _redelivered(delivery)
        self._send(self._channel.basic_reject(_tag(delivery), requeue=requeue, wait=False))

    def _settle(self, batch: _Batch, error: str | None) -> None:
        """Note what became of a batch; acknowledge in the order of delivery."""
        batch.settled, batch.error = True, error
        while self._unsettled and self._unsettled[0].settled:
            done = self._unsettled.popleft()
            if self._channel.is_closed:
                continue  # the broker delivers them again
            if done.error is None:
                self._send(self._channel.basic_ack(done.tags[-1], multiple=True, wait=False))
            else:
                self._give_back(done)
        if self._settling is not None and not self._settling.done() and not self._unsettled:
            self._settling.set_result(None)

    def _give_back(self, batch: _Batch) -> None:
        """Have a batch delivered again; not at once, for what went wrong may last."""
        _log.warning("%s: %d messages given back to the queue: %s", self._name, len(batch.tags), batch.error)
        self._counts["returned"] += len(batch.tags)
        for tag in batch.tags:
            self._send(self._channel.basic_nack(tag, requeue=True, wait=False))
        if not self._scheduled:
            self._schedule(_PAUSE_AFTER_ERROR_SECONDS)

    def _send(self, sending: Coroutine[Any, Any, None]) -> None:
        """Leave a frame to the connection; one that broke meanwhile needs none."""
        task = self._loop.create_task(sending)
        self._sending.add(task)
        task.add_done_callback(self._sent)

    def _sent(self, task: asyncio.Task[None]) -> None:
        self._sending.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, AMQP_ERRORS):
            _log.error("%s: cannot acknowledge", self._name, exc_info=error)


def _tag(delivery: DeliveredMessage) -> int:
    return int(delivery.delivery.delivery_tag or 0)  # type: ignore[union-attr]


def _redelivered(delivery: DeliveredMessage) -> bool:
    return bool(delivery.delivery.redelivered)  # type: ignore[union-attr]
