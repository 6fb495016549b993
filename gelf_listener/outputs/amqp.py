"""amqp: publish to an exchange, each message confirmed by the broker."""

from __future__ import annotations

import asyncio
import datetime as dt
import ssl
from collections.abc import Sequence
from typing import ClassVar, Literal, Self

import aiormq
from aiormq.exceptions import ChannelPreconditionFailed, DeliveryError, PublishError
from pydantic import Field, model_validator

from gelf_listener.brokers.amqp import AMQP_ERRORS, AmqpSettings, broker_words, connect, disconnect, open_channel
from gelf_listener.client_tls import broker_context
from gelf_listener.errors import Retry
from gelf_listener.message import Message
from gelf_listener.outputs.confirmed import ConfirmedOutput
from gelf_listener.rendering.placeholders import compile_placeholders
from gelf_listener.settings import Duration, OutputSettings, Size

_UNCONFIRMED = 500
"""Messages published before we wait for confirmations: a task each, so not a whole batch at once."""
_MAX_SHORT_BYTES = 255
"""Longest text of AMQP's type for keys and names."""


class AmqpOutputSettings(OutputSettings, AmqpSettings):
    """Settings of `amqp://`."""

    exchange: str = Field("logging.gelf", description="Exchange to publish to; empty: the default one, by queue name.")
    exchange_type: Literal["fanout", "direct", "topic", "headers"] = Field(
        "fanout", description="What kind of exchange is declared."
    )
    routing_key: str = Field("", description="Routing key; may hold {source}, {input}, {level}, {id} and {_field}.")
    queue: str = Field("", description="Queue to declare (durable) and to bind to the exchange. Empty: none.")
    declare: bool = Field(True, description="Declare exchange and queue (durable); otherwise they have to be there.")
    persistent: bool = Field(True, description="Have the broker keep messages on disk.")
    mandatory: bool = Field(
        True, description="Refuse messages that no queue takes; otherwise the broker drops them without a word."
    )
    max_message_bytes: Size = Field(
        16 * 1024 * 1024, ge=1024, description="Longest message; RabbitMQ's own limit is 16 MiB (before 4.0: 128 MiB)."
    )
    confirm_timeout_seconds: Duration = Field(
        30.0, gt=0, le=3600, description="Time for the broker to confirm; then the connection is opened again."
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        compile_placeholders(self.routing_key)
        for name in ("exchange", "queue"):
            if len(getattr(self, name).encode()) > _MAX_SHORT_BYTES:
                raise ValueError(f"{name} is longer than {_MAX_SHORT_BYTES} bytes")
        if not self.exchange and not self.queue and not self.routing_key:
            raise ValueError("without an exchange, 'queue' or 'routing_key' has to name a queue")
        return self


class AmqpOutput(ConfirmedOutput):
    """
    Publishes messages as GELF 1.1, each with its id.

    Guarantee: at least once. A message counts as written once the broker confirmed it, which for persistent messages
    in durable queues is after it was written to disk. A lost confirmation makes the message come twice, with the same
    ``message_id``.
    """

    Settings: ClassVar[type[AmqpOutputSettings]] = AmqpOutputSettings
    settings: AmqpOutputSettings

    def __init__(self, settings: AmqpOutputSettings) -> None:
        super().__init__(settings)
        self._key = compile_placeholders(settings.routing_key or (settings.queue if not settings.exchange else ""))
        self._context: ssl.SSLContext | None = broker_context(settings)
        self._connection: aiormq.Connection | None = None
        self._channel: aiormq.Channel | None = None
        self._connections = 0
        self._one_by_one = False
        """Whether to look for the message that made the broker close the channel."""

    async def connect(self) -> None:
        """Connect, and declare what is to be declared; see `ConfirmedOutput.connect`."""
        await self._open()

    async def send(self, messages: Sequence[Message]) -> str:
        """Publish messages and wait for all confirmations; see `ConfirmedOutput.send`."""
        retry = ""
        try:
            channel = await self._open()
            step = 1 if self._one_by_one else _UNCONFIRMED
            for start in range(0, len(messages), step):
                retry = await self._publish(channel, messages[start : start + step])
                if retry:
                    break
        except AMQP_ERRORS as error:
            retry = broker_words(error)
        if retry:
            await self.disconnect()
        else:
            self._one_by_one = False
        return retry

    def counters(self) -> dict[str, float]:
        """Return what was confirmed, and how often we connected."""
        return super().counters() | {"connections_total": self._connections}

    async def _open(self) -> aiormq.Channel:
        """Return the channel; open it when there is none."""
        if self._channel is not None and not self._channel.is_closed:
            return self._channel
        await self.disconnect()
        settings = self.settings
        self._connection = await connect(settings, self._context)
        self._connections += 1
        try:
            async with asyncio.timeout(settings.connect_timeout_seconds):
                channel = await open_channel(self._connection)
                if settings.declare:
                    await self._declare(channel)
        except AMQP_ERRORS as error:
            await self.disconnect()
            raise Retry(f"{settings.host}: {broker_words(error)}") from None
        self._channel = channel
        return channel

    async def _declare(self, channel: aiormq.Channel) -> None:
        settings = self.settings
        if settings.exchange and not settings.exchange.startswith("amq."):  # those are the broker's own
            await channel.exchange_declare(settings.exchange, exchange_type=settings.exchange_type, durable=True)
        if settings.queue:
            await channel.queue_declare(settings.queue, durable=True)
            if settings.exchange:
                key = "#" if settings.exchange_type == "topic" else settings.routing_key
                await channel.queue_bind(settings.queue, settings.exchange, routing_key=key)

    async def _publish(self, channel: aiormq.Channel, messages: Sequence[Message]) -> str:
        """Publish messages at once and note what became of each; return why some have to be offered again."""
        publishing: list[Message] = []
        calls = []
        for message in messages:
            body, key = message.to_gelf(), self._key(message)
            refusal = self._refusal(body, key)
            if refusal:
                self._progress.refused(message, refusal)
                continue
            publishing.append(message)
            calls.append(
                channel.basic_publish(
                    body,
                    exchange=self.settings.exchange,
                    routing_key=key,
                    properties=self._properties(message),
                    mandatory=self.settings.mandatory,
                    timeout=self.settings.confirm_timeout_seconds,
                    wait=False,
                )
            )
        answers = await asyncio.gather(*calls, return_exceptions=True)
        retry = ""
        for message, answer in zip(publishing, answers, strict=True):
            if not isinstance(answer, BaseException):
                self._progress.written((message,))
            elif isinstance(answer, PublishError):
                self._progress.refused(message, f"no queue takes it: {broker_words(answer)}")
            elif isinstance(answer, ChannelPreconditionFailed) and len(publishing) == 1:
                self._progress.refused(message, broker_words(answer))
            elif isinstance(answer, DeliveryError):
                retry = retry or "the broker could not take a message (nack)"
            elif isinstance(answer, AMQP_ERRORS):
                self._one_by_one = self._one_by_one or isinstance(answer, ChannelPreconditionFailed)
                retry = retry or broker_words(answer)
            else:
                raise answer
        if not retry and channel.is_closed:
            retry = "the broker closed the channel"
        return retry

    def _refusal(self, body: bytes, key: str) -> str:
        if len(body) > self.settings.max_message_bytes:
            return f"longer ({len(body)} bytes) than max_message_bytes"
        if len(key.encode()) > _MAX_SHORT_BYTES:
            return f"its routing key is longer than {_MAX_SHORT_BYTES} bytes"
        return ""

    def _properties(self, message: Message) -> aiormq.spec.Basic.Properties:
        return aiormq.spec.Basic.Properties(
            content_type="application/json",
            delivery_mode=2 if self.settings.persistent else 1,
            message_id=message.id,
            timestamp=_second(message.timestamp),
            app_id="gelf-listener",
        )

    async def disconnect(self) -> None:
        """Disconnect; see `ConfirmedOutput.disconnect`."""
        connection, self._connection, self._channel = self._connection, None, None
        await disconnect(connection)


def _second(timestamp: float) -> dt.datetime | None:
    """Return AMQP's time, which has no fractions; none for a time beyond the calendar."""
    try:
        return dt.datetime.fromtimestamp(int(timestamp), dt.UTC)
    except (OverflowError, ValueError, OSError):
        return None
