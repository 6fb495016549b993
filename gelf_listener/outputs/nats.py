"""nats: publish to JetStream, each message acknowledged by the stream."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Sequence
from typing import Any, ClassVar, Literal, Self

import nats
import nats.errors
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import StorageType, StreamConfig
from nats.js.errors import APIError, NotFoundError
from pydantic import Field, model_validator

from gelf_listener.client_tls import BrokerTlsSettings, broker_context
from gelf_listener.errors import ConfigError, Retry, describe
from gelf_listener.message import Message
from gelf_listener.outputs.confirmed import ConfirmedOutput
from gelf_listener.rendering.placeholders import compile_placeholders
from gelf_listener.settings import Duration, OutputSettings, Size

_UNACKNOWLEDGED = 500
"""Messages published before we wait for acknowledgements: a task each, so not a whole batch at once."""
_PLACEHOLDER = re.compile(r"\{[^{}]*\}")
_NO_TOKEN = re.compile(r"[^A-Za-z0-9_-]")
_MAX_TOKEN = 64
_TOO_LARGE = 10054
"""Error code of a stream that takes no messages of that size (``JSStreamMessageExceedsMaximumErr``)."""
_CLOSE_SECONDS = 2.0


class NatsSettings(OutputSettings, BrokerTlsSettings):
    """Settings of `nats://`."""

    host: str = Field("localhost", description="The server.")
    port: int = Field(4222, ge=1, le=65535, description="Its port.")
    path: str = Field(
        "/gelf.{source}",
        description="Subject, after the slash; may hold {source}, {input}, {level} and {_field}, each as one token.",
    )
    user: str = Field("", description="User.", repr=False)
    password: str = Field("", description="Password.", repr=False)
    token: str = Field("", description="Token, for servers that ask for one instead of a user.", repr=False)
    credentials: str = Field("", description="File with a JWT and a key (`.creds`); needs the package `nkeys`.")
    stream: str = Field("GELF", description="Stream that has to take the messages. Empty: any with that subject.")
    create_stream: bool = Field(True, description="Make the stream when it is not there; one that is stays as it is.")
    storage: Literal["file", "memory"] = Field("file", description="Where a stream we make keeps messages.")
    replicas: int = Field(1, ge=1, le=5, description="Servers a stream we make is kept on.")
    max_age_seconds: Duration = Field(0.0, ge=0, description="How long a stream we make keeps messages; 0: no limit.")
    max_stream_bytes: Size = Field(0, ge=0, description="Size beyond which it deletes the oldest; 0: no limit.")
    duplicate_window_seconds: Duration = Field(
        120.0, gt=0, description="How long a stream we make recognises a message that comes again."
    )
    timeout_seconds: Duration = Field(10.0, gt=0, le=600, description="Time to connect, and for an acknowledgement.")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        compile_placeholders(self.subject)
        if not re.fullmatch(r"[^\s.*>]+(\.[^\s.*>]+)*", _PLACEHOLDER.sub("x", self.subject)):
            raise ValueError(f"{self.subject!r} is no subject to publish to")
        if re.search(r"[\s.*>/\\]", self.stream):
            raise ValueError(f"{self.stream!r} is not a name of a stream")
        return self

    @property
    def subject(self) -> str:
        """The subject, placeholders and all."""
        return self.path.removeprefix("/")


class NatsOutput(ConfirmedOutput):
    """
    Publishes messages as GELF 1.1, with their ids in the header ``Nats-Msg-Id``.

    Guarantee: at least once. A message counts as written once the stream acknowledged it; a stream recognises one that
    comes again within its duplicate window, and keeps it once.
    """

    Settings: ClassVar[type[NatsSettings]] = NatsSettings
    settings: NatsSettings

    def __init__(self, settings: NatsSettings) -> None:
        super().__init__(settings)
        self._subject = compile_placeholders(settings.subject, _token)
        self._context = broker_context(settings)
        self._client: Client | None = None
        self._stream: JetStreamContext
        self._duplicates = 0

    async def send(self, messages: Sequence[Message]) -> str:
        """Publish messages and wait for all acknowledgements; see `ConfirmedOutput.send`."""
        await self.connect()
        for start in range(0, len(messages), _UNACKNOWLEDGED):
            retry = await self._publish(messages[start : start + _UNACKNOWLEDGED])
            if retry:
                await self.disconnect()
                return retry
        return ""

    def counters(self) -> dict[str, float]:
        """Return what was acknowledged, and how much of it the stream had already."""
        return super().counters() | {"duplicate_messages_total": self._duplicates}

    async def _publish(self, messages: Sequence[Message]) -> str:
        """Publish messages and note what became of each; return why some have to be offered again."""
        settings = self.settings
        answers = await asyncio.gather(
            *(
                self._stream.publish(
                    self._subject(message),
                    message.to_gelf(),
                    timeout=settings.timeout_seconds,
                    stream=settings.stream or None,
                    headers={"Nats-Msg-Id": message.id},
                )
                for message in messages
            ),
            return_exceptions=True,
        )
        retry = ""
        for message, answer in zip(messages, answers, strict=True):
            if not isinstance(answer, BaseException):
                self._progress.written((message,))
                self._duplicates += bool(answer.duplicate)
            elif isinstance(answer, nats.errors.MaxPayloadError) or (
                isinstance(answer, APIError) and answer.err_code == _TOO_LARGE
            ):
                self._progress.refused(message, str(answer))
            elif isinstance(answer, (nats.errors.Error, OSError)):
                retry = retry or _said(answer)
            else:
                raise answer
        return retry

    async def connect(self) -> None:
        """Connect, and make the stream when it is not there; see `ConfirmedOutput.connect`."""
        if self._client is not None and self._client.is_connected:
            return
        await self.disconnect()
        try:
            async with asyncio.timeout(self.settings.timeout_seconds + _CLOSE_SECONDS):
                self._client = await self._connect()
                self._stream = self._client.jetstream(timeout=self.settings.timeout_seconds)
                await self._look_for_stream()
        except (nats.errors.Error, OSError, TimeoutError) as error:
            await self.disconnect()
            raise Retry(f"{self.settings.host}: {_said(error)}") from None

    async def _connect(self) -> Client:
        settings = self.settings
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        options: dict[str, Any] = {
            "user": settings.user or None,
            "password": settings.password or None,
            "token": settings.token or None,
            "user_credentials": settings.credentials or None,
            "tls": self._context,
            "tls_hostname": settings.host if self._context is not None else None,
        }
        said: list[Exception] = []

        async def keep(error: Exception) -> None:
            said.append(error)

        client = Client()
        try:
            await client.connect(
                f"{'tls' if settings.tls else 'nats'}://{host}:{settings.port}",
                name="gelf-listener",
                allow_reconnect=False,  # the runner tries again
                max_reconnect_attempts=1,  # holds for the first connection too
                reconnect_time_wait=0,
                connect_timeout=max(int(settings.timeout_seconds), 1),
                error_cb=keep,
                **{name: value for name, value in options.items() if value is not None},
            )
        except nats.errors.NoServersError:
            raise (said[-1] if said else OSError("no connection")) from None
        except ImportError as error:
            raise ConfigError(f"setting 'credentials' needs {error.name!r}: pip install nkeys") from None
        return client

    async def _look_for_stream(self) -> None:
        settings = self.settings
        if not settings.stream or not settings.create_stream:
            return
        try:
            await self._stream.stream_info(settings.stream)
        except NotFoundError:
            await self._stream.add_stream(
                StreamConfig(
                    name=settings.stream,
                    subjects=[_pattern(settings.subject)],
                    storage=StorageType(settings.storage),
                    num_replicas=settings.replicas,
                    max_age=settings.max_age_seconds,
                    max_bytes=settings.max_stream_bytes or -1,
                    duplicate_window=_window(settings),
                )
            )

    async def disconnect(self) -> None:
        """Disconnect; see `ConfirmedOutput.disconnect`."""
        client, self._client = self._client, None
        if client is not None:
            with contextlib.suppress(nats.errors.Error, OSError, TimeoutError):
                async with asyncio.timeout(_CLOSE_SECONDS):
                    await client.close()


def _token(value: str) -> str:
    """Make one token of a subject of what a peer sent."""
    return _NO_TOKEN.sub("_", value[:_MAX_TOKEN]) or "_"


def _pattern(subject: str) -> str:
    """Return the subjects that a subject with placeholders becomes."""
    return ".".join("*" if _PLACEHOLDER.search(token) else token for token in subject.split("."))


def _window(settings: NatsSettings) -> float:
    """Return the duplicate window, which no stream takes that is longer than its messages live."""
    if settings.max_age_seconds:
        return min(settings.duplicate_window_seconds, settings.max_age_seconds)
    return settings.duplicate_window_seconds


def _said(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return describe(error).removeprefix("nats: ")
