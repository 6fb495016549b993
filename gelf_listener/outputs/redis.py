"""redis: append to a stream."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Self

from pydantic import Field, model_validator
from redis.asyncio import Redis
from redis.asyncio.retry import Retry as NoRetry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError

from gelf_listener.client_tls import BrokerTlsSettings, check_files
from gelf_listener.errors import Retry, describe
from gelf_listener.message import Message
from gelf_listener.outputs.confirmed import ConfirmedOutput
from gelf_listener.rendering.placeholders import compile_placeholders
from gelf_listener.settings import Duration, OutputSettings

_PIPELINE = 1000
"""Commands sent before we wait for answers: their text and answers are held by both sides."""
_FOR_GOOD = ("WRONGTYPE", "ERR string exceeds maximum")
"""Answers that will be the same the next time; all others (OOM, READONLY, LOADING, NOPERM, ...) may pass."""


class RedisSettings(OutputSettings, BrokerTlsSettings):
    """Settings of `redis://`."""

    host: str = Field("localhost", description="The server.")
    port: int = Field(6379, ge=1, le=65535, description="Its port.")
    path: str = Field("/0", pattern=r"^/?\d{0,5}$", description="Number of the database, after the slash.")
    user: str = Field("", description="User; empty: the default one.")
    password: str = Field("", description="Password.", repr=False)
    stream: str = Field(
        "gelf",
        min_length=1,
        description="Stream to append to; may hold {source}, {input}, {level} and {_field}.",
    )
    max_entries: int = Field(
        1_000_000, ge=0, description="Entries a stream keeps, about; older ones are deleted. 0: no limit."
    )
    timeout_seconds: Duration = Field(10.0, gt=0, le=600, description="Time to connect, and for an answer.")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        compile_placeholders(self.stream)
        return self


class RedisOutput(ConfirmedOutput):
    """
    Appends messages to a Redis stream (XADD): the id in the field ``id``, GELF 1.1 in the field ``gelf``.

    Guarantee: at least once as far as Redis keeps what it confirms, which is up to its ``appendonly`` and
    ``appendfsync``. After a lost answer a message comes twice, with the same ``id``.
    """

    Settings: ClassVar[type[RedisSettings]] = RedisSettings
    settings: RedisSettings

    def __init__(self, settings: RedisSettings) -> None:
        check_files(settings, tls=settings.tls)
        super().__init__(settings)
        self._stream = compile_placeholders(settings.stream)
        self._client: Redis | None = None

    async def connect(self) -> None:
        """Connect; see `ConfirmedOutput.connect`."""
        self._client = self._client or self._make_client()
        try:
            await self._client.ping()
        except (RedisError, OSError) as error:
            raise Retry(f"{self.settings.host}: {describe(error)}") from None

    async def disconnect(self) -> None:
        """Disconnect; see `ConfirmedOutput.disconnect`."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def send(self, messages: Sequence[Message]) -> str:
        """Append messages; see `ConfirmedOutput.send`."""
        client = self._client = self._client or self._make_client()
        for start in range(0, len(messages), _PIPELINE):
            try:
                retry = await self._append(client, messages[start : start + _PIPELINE])
            except (RedisError, OSError) as error:
                return describe(error)
            if retry:
                return retry
        return ""

    async def _append(self, client: Redis, messages: Sequence[Message]) -> str:
        """Append messages and note what became of each; return why some have to be offered again."""
        pipeline = client.pipeline(transaction=False)
        most = self.settings.max_entries
        limit: tuple[Any, ...] = ("MAXLEN", "~", most) if most else ()
        for message in messages:
            fields = ("id", message.id, "gelf", message.to_gelf())
            name = self._stream(message).encode("utf-8", "replace")
            pipeline.execute_command("XADD", name, *limit, "*", *fields)
        retry = ""
        written = []
        for message, answer in zip(messages, await pipeline.execute(raise_on_error=False), strict=True):
            if not isinstance(answer, Exception):
                written.append(message)
            elif isinstance(answer, ResponseError) and str(answer).startswith(_FOR_GOOD):
                self._progress.refused(message, str(answer))
            else:
                retry = retry or str(answer)
        self._progress.written(written)
        return retry

    def _make_client(self) -> Redis:
        settings = self.settings
        options: dict[str, Any] = {}
        if settings.tls:
            options = {
                "ssl": True,
                "ssl_ca_certs": str(settings.ca) if settings.ca else None,
                "ssl_certfile": str(settings.cert) if settings.cert else None,
                "ssl_keyfile": str(settings.key or settings.cert) if settings.cert else None,
                "ssl_password": settings.key_password,
                "ssl_check_hostname": settings.verify,
                "ssl_cert_reqs": "required" if settings.verify else "none",
            }
        return Redis(
            host=settings.host,
            port=settings.port,
            db=int(settings.path.strip("/") or 0),
            username=settings.user or None,
            password=settings.password or None,
            socket_timeout=settings.timeout_seconds,
            socket_connect_timeout=settings.timeout_seconds,
            retry=NoRetry(NoBackoff(), 0),  # the runner tries again
            client_name="gelf-listener",
            **options,
        )
