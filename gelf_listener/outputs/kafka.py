"""kafka: produce to a topic, each message acknowledged by all replicas."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, ClassVar, Literal, Self

from confluent_kafka import KafkaError, KafkaException, Producer
from pydantic import Field, model_validator

from gelf_listener.brokers.kafka import KafkaClient, KafkaSettings, make_client
from gelf_listener.errors import Retry
from gelf_listener.message import Message
from gelf_listener.outputs.progress import Progress
from gelf_listener.rendering.placeholders import compile_placeholders
from gelf_listener.settings import Duration, OutputSettings, Size
from gelf_listener.writer_thread import WriterThread

_POLL_SECONDS = 0.1
"""How soon a closing output is noticed."""
_CLOSE_SECONDS = 5.0
_PRODUCED_AT_ONCE = 200
"""Messages produced in one turn of the loop, about a millisecond."""
_FULL_STEP_SECONDS = 0.01

_SUSPICIOUS = frozenset(
    (
        KafkaError.MSG_SIZE_TOO_LARGE,
        KafkaError.INVALID_RECORD,
        KafkaError.INVALID_TIMESTAMP,
        KafkaError.POLICY_VIOLATION,
    )
)
"""Errors about a record, or about another one in the same request: each is tried by itself before it is refused."""


class KafkaOutputSettings(OutputSettings, KafkaSettings):
    """Settings of `kafka://`."""

    path: str = Field(description="Topic, after the slash: `/logs`.")
    record_key: str = Field(
        "{source}",
        description="Key of a record, which chooses its partition; may hold {source}, {input}, {level}, {id} and "
        "{_field}. Empty: no key.",
    )
    compression: Literal["none", "gzip", "snappy", "lz4", "zstd"] = Field(
        "lz4", description="How records are compressed."
    )
    idempotence: bool = Field(
        True, description="Have the brokers recognise records sent again after a lost acknowledgement."
    )
    max_message_bytes: Size = Field(
        1_000_000, ge=1024, le=1_000_000_000, description="Longest message; brokers take 1 MiB by default."
    )
    delivery_timeout_seconds: Duration = Field(
        30.0, ge=1, le=3600, description="Time for the cluster to acknowledge; then the rest is offered again."
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        compile_placeholders(self.record_key)
        if not self.topic or "/" in self.topic:
            raise ValueError("the path has to name one topic, for example kafka://localhost/logs")
        return self

    @property
    def topic(self) -> str:
        """The topic's name."""
        return self.path.removeprefix("/")


class KafkaOutput:
    """
    Produces messages as GELF 1.1, with their ids in the header ``id``.

    Guarantee: at least once. A message counts as written once all in-sync replicas have it (``acks=all``). What is sent
    again after a lost acknowledgement is recognised by the brokers, unless more than ``delivery_timeout_seconds`` or
    a new start of ours lie between; then it comes twice, with the same ``id``.
    """

    Settings: ClassVar[type[KafkaOutputSettings]] = KafkaOutputSettings
    parallel: ClassVar[bool] = True

    def __init__(self, settings: KafkaOutputSettings) -> None:
        self.settings = settings
        self._key = compile_placeholders(settings.record_key) if settings.record_key else None
        self._topic = settings.topic
        self._client = KafkaClient(settings.name or f"kafka {settings.topic}")
        self._config = self._configuration()
        self._progress = Progress()
        self._thread = WriterThread(self._client.name)
        self._producer: Any = None
        self._stop = threading.Event()

    async def start(self) -> None:
        """Connect and look for the topic; see `Output.start`."""
        self._stop.clear()
        self._thread.start()
        await self._thread.run(self._connect)

    async def write(self, batch: Sequence[Message]) -> None:
        """Produce a batch and wait for all acknowledgements; see `Output.write`."""
        if not batch:
            return
        if self._stop.is_set():
            raise Retry("the output is closed")
        if self._producer is None:
            await self._thread.run(self._connect)
        retry = ""
        suspects: list[Message] = []
        for message, error in await self._send(self._not_too_long(self._progress.begin(batch))):
            if error.code() in _SUSPICIOUS:
                suspects.append(message)
            else:
                retry = retry or self._said(error)
        for message in suspects:
            if retry:
                break
            for _, error in await self._send([message]):
                if error.code() in _SUSPICIOUS:
                    self._progress.refused(message, error.str())
                else:
                    retry = self._said(error)
        self._progress.finish(retry)

    async def close(self) -> None:
        """Give up what is not acknowledged yet, and disconnect; see `Output.close`."""
        self._stop.set()
        await self._thread.close(_CLOSE_SECONDS)
        self._producer = None

    def counters(self) -> dict[str, float]:
        """Return what was acknowledged."""
        return {"written_messages_total": self._progress.written_messages}

    def _configuration(self) -> dict[str, Any]:
        settings = self.settings
        return settings.client_config() | {
            "acks": "all",
            "delivery.report.only.error": True,
            "enable.idempotence": settings.idempotence,
            "compression.type": settings.compression,
            "message.max.bytes": settings.max_message_bytes + 1024,  # key, headers and framing count too
            "delivery.timeout.ms": int(settings.delivery_timeout_seconds * 1000),
            "linger.ms": 5,
            "batch.num.messages": 10_000,
            "queue.buffering.max.messages": 100_000,
            "queue.buffering.max.kbytes": 128 * 1024,
        }

    def _not_too_long(self, messages: Sequence[Message]) -> Sequence[Message]:
        most = self.settings.max_message_bytes
        if all([len(message.to_gelf()) <= most for message in messages]):
            return messages
        good = []
        for message in messages:
            size = len(message.to_gelf())
            if size <= most:
                good.append(message)
            else:
                self._progress.refused(message, f"longer ({size} bytes) than max_message_bytes")
        return good

    async def _send(self, messages: Sequence[Message]) -> list[tuple[Message, KafkaError]]:
        """
        Produce messages, wait until each is acknowledged or failed, and return those that failed, with why.

        Producing does not block, and is done in the loop: it lets go of the interpreter's lock for each message, and in
        a thread it would get it back only milliseconds later while inputs are busy (`python -m bench.brokers`).

        Only failures are reported (``delivery.report.only.error``): a report of each success is a third of the cost.
        Once the producer's queue is empty, what was not reported is acknowledged.
        """
        producer = self._producer
        failed: dict[int, KafkaError] = {}

        def report(index: int, error: KafkaError | None, _record: object) -> None:
            if error is not None:
                failed[index] = error

        for index, message in enumerate(messages):
            while not self._produce(producer, message, partial(report, index)):  # noqa: ASYNC110  (librdkafka has no event)
                await asyncio.sleep(_FULL_STEP_SECONDS)
            if index % _PRODUCED_AT_ONCE == _PRODUCED_AT_ONCE - 1:
                await asyncio.sleep(0)
        if self._stop.is_set():
            raise Retry("the output was closed")
        await self._thread.run(self._flush, producer)
        self._progress.written([message for index, message in enumerate(messages) if index not in failed])
        return [(messages[index], error) for index, error in sorted(failed.items())]

    def _produce(self, producer: Any, message: Message, report: Callable[[KafkaError | None, object], None]) -> bool:
        """Put one message into the producer's queue; False when that is full."""
        try:
            producer.produce(
                self._topic,
                message.to_gelf(),
                self._key(message).encode("utf-8", "replace") if self._key is not None else None,
                headers=[("id", message.id)],
                # When it came, not what a client's clock said: brokers delete by it, and refuse strange ones.
                timestamp=max(int(message.received_at * 1000), 0),
                on_delivery=report,
            )
        except BufferError:
            if not self._stop.is_set():
                producer.poll(0)
                return False
            report(KafkaError(KafkaError._PURGE_QUEUE), None)  # noqa: SLF001  (their public name)
        except KafkaException as error:
            report(error.args[0], None)
        return True

    # In the thread

    def _connect(self) -> None:
        if self._producer is None:
            self._producer = make_client(Producer, self._config, self.settings.properties, self._client)
        topic = self._topic
        try:
            found = self._producer.list_topics(topic, timeout=self.settings.delivery_timeout_seconds / 3)
        except KafkaException as error:
            self._producer.poll(0)  # the client is told why
            raise Retry(self._said(error.args[0])) from None
        problem = found.topics[topic].error
        if problem is not None:
            raise Retry(f"topic {topic!r}: {problem.str()}")
        self._client.last_error = ""

    def _flush(self, producer: Any) -> None:
        """Wait until the producer has nothing left to do; hurry it when the output closes."""
        while producer.flush(_POLL_SECONDS):
            if self._stop.is_set():
                producer.purge()

    def _said(self, error: KafkaError) -> str:
        """Say what went wrong; a producer that can do no more is replaced by a new one."""
        if error.fatal():
            self._producer = None
        detail, self._client.last_error = self._client.last_error, ""
        return f"{error.str()} ({detail})" if detail else error.str()
