"""kafka: produce to a topic, each message acknowledged by all replicas."""

from __future__ import annotations

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
from gelf_listener.outputs.thread import WriterThread
from gelf_listener.rendering.placeholders import compile_placeholders
from gelf_listener.settings import OutputSettings

__all__ = ["KafkaOutput", "KafkaOutputSettings"]

_POLL_SECONDS = 0.1
"""How soon a closing output is noticed."""
_CLOSE_SECONDS = 5.0

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
    max_message_bytes: int = Field(
        1_000_000, ge=1024, le=1_000_000_000, description="Longest message; brokers take 1 MiB by default."
    )
    delivery_timeout_seconds: float = Field(
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

    def __init__(self, settings: KafkaOutputSettings) -> None:
        self.settings = settings
        self._key = compile_placeholders(settings.record_key) if settings.record_key else None
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
        await self._thread.run(self._write, batch)

    async def close(self) -> None:
        """Give up what is not acknowledged yet, and disconnect; see `Output.close`."""
        self._stop.set()
        await self._thread.close(_CLOSE_SECONDS)
        self._producer = None

    def counters(self) -> dict[str, float]:
        """Return what was acknowledged."""
        return {"written_messages_total": self._progress.written_messages}

    # In the thread

    def _configuration(self) -> dict[str, Any]:
        settings = self.settings
        return settings.client_config() | {
            "acks": "all",
            "enable.idempotence": settings.idempotence,
            "compression.type": settings.compression,
            "message.max.bytes": settings.max_message_bytes + 1024,  # key, headers and framing count too
            "delivery.timeout.ms": int(settings.delivery_timeout_seconds * 1000),
            "linger.ms": 5,
            "batch.num.messages": 10_000,
            "queue.buffering.max.messages": 100_000,
            "queue.buffering.max.kbytes": 128 * 1024,
        }

    def _connect(self) -> None:
        if self._producer is None:
            self._producer = make_client(Producer, self._config, self.settings.properties, self._client)
        topic = self.settings.topic
        try:
            found = self._producer.list_topics(topic, timeout=self.settings.delivery_timeout_seconds / 3)
        except KafkaException as error:
            self._producer.poll(0)  # the client is told why
            raise Retry(self._said(error.args[0])) from None
        problem = found.topics[topic].error
        if problem is not None:
            raise Retry(f"topic {topic!r}: {problem.str()}")
        self._client.last_error = ""

    def _write(self, batch: Sequence[Message]) -> None:
        if self._producer is None:
            self._connect()
        retry = ""
        suspects: list[Message] = []
        for message, error in self._send(self._not_too_long(self._progress.begin(batch))):
            if error.code() in _SUSPICIOUS:
                suspects.append(message)
            else:
                retry = retry or self._said(error)
        for message in suspects:
            if retry:
                break
            for _, error in self._send([message]):
                if error.code() in _SUSPICIOUS:
                    self._progress.refused(message, error.str())
                else:
                    retry = self._said(error)
        self._progress.finish(retry)

    def _not_too_long(self, messages: Sequence[Message]) -> list[Message]:
        most = self.settings.max_message_bytes
        good = []
        for message in messages:
            size = len(message.to_gelf())
            if size <= most:
                good.append(message)
            else:
                self._progress.refused(message, f"longer ({size} bytes) than max_message_bytes")
        return good

    def _send(self, messages: Sequence[Message]) -> list[tuple[Message, KafkaError]]:
        """Produce messages, wait until each is acknowledged or failed, and return those that failed, with why."""
        producer = self._producer
        failed: dict[int, KafkaError] = {}
        reported = 0

        def report(index: int, error: KafkaError | None, _record: object) -> None:
            nonlocal reported
            reported += 1
            if error is not None:
                failed[index] = error

        for index, message in enumerate(messages):
            error = self._produce(message, partial(report, index))
            if error is not None:
                report(index, error, None)
        while reported < len(messages):
            if self._stop.is_set():
                producer.purge()
            producer.flush(_POLL_SECONDS)
        self._progress.written([message for index, message in enumerate(messages) if index not in failed])
        return [(messages[index], error) for index, error in sorted(failed.items())]

    def _produce(self, message: Message, report: Callable[[KafkaError | None, object], None]) -> KafkaError | None:
        """Put one message into the producer's queue; wait while that is full."""
        while True:
            try:
                self._producer.produce(
                    self.settings.topic,
                    message.to_gelf(),
                    None if self._key is None else self._key(message).encode("utf-8", "replace"),
                    headers=[("id", message.id.encode())],
                    # When it came, not what a client's clock said: brokers delete by it, and refuse strange ones.
                    timestamp=max(int(message.received_at * 1000), 0),
                    on_delivery=report,
                )
            except BufferError:
                if self._stop.is_set():
                    return KafkaError(KafkaError._PURGE_QUEUE)  # noqa: SLF001  (their public name)
                self._producer.poll(_POLL_SECONDS)
            except KafkaException as error:
                problem: KafkaError = error.args[0]
                return problem
            else:
                return None

    def _said(self, error: KafkaError) -> str:
        """Say what went wrong; a producer that can do no more is replaced by a new one."""
        if error.fatal():
            self._producer = None
        detail, self._client.last_error = self._client.last_error, ""
        return f"{error.str()} ({detail})" if detail else error.str()
