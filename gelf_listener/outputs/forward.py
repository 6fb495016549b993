"""forward, forward+tls: Fluentd's forward protocol, version 1, to Fluentd, Fluent Bit and others."""

from __future__ import annotations

import gzip
import hashlib
import hmac
import os
import socket
import ssl
import struct
import uuid
from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import msgpack
from pydantic import Field

from gelf_listener.client_tls import ClientTlsSettings, client_context
from gelf_listener.errors import ConfigError, Retry, describe
from gelf_listener.message import Message
from gelf_listener.outputs.client_connection import Connection
from gelf_listener.outputs.confirmed import ConfirmedOutput
from gelf_listener.rendering.placeholders import compile_placeholders
from gelf_listener.settings import Duration, OutputSettings

_EVENT_TIME = 0
"""Type of msgpack's extension for a time with nanoseconds."""
_MOST_ANSWER_BYTES = 1024 * 1024
_MOST_TAG_CHARACTERS = 200
_INT64 = 1 << 63
_UINT64 = 1 << 64
_OWN = frozenset(("message", "full_message", "host", "level", "gelf_id"))


class ForwardSettings(OutputSettings):
    """Settings of `forward://`."""

    host: str = Field("localhost", description="The server.")
    port: int = Field(24224, ge=1, le=65535, description="Its port.")
    tag: str = Field("gelf.{source}", description="Tag; may hold {source}, {input}, {level} and {_field}.")
    mode: Literal["packed", "compressed"] = Field(
        "packed", description="PackedForward, or CompressedPackedForward (gzip)."
    )
    ack: bool = Field(True, description="Ask the server to acknowledge each chunk, and wait for that.")
    shared_key: str = Field("", description="Shared key, for servers that ask for one.", repr=False)
    user: str = Field("", description="User, for servers that ask for one besides.")
    password: str = Field("", description="Password.", repr=False)
    timeout_seconds: Duration = Field(30.0, gt=0, le=600, description="Time to connect, and for an acknowledgement.")


class ForwardTlsSettings(ForwardSettings, ClientTlsSettings):
    """Settings of `forward+tls://`."""


class ForwardOutput(ConfirmedOutput):
    """
    Sends messages in chunks, one for each tag of a batch.

    Guarantee: at least once with `ack` (the default): a chunk counts as written once the server acknowledged it.
    Without, at least once up to the destination's kernel.
    """

    Settings: ClassVar[type[ForwardSettings]] = ForwardSettings
    settings: ForwardSettings

    def __init__(self, settings: ForwardSettings, context: ssl.SSLContext | None = None) -> None:
        super().__init__(settings)
        self._context = context
        try:
            self._tag = compile_placeholders(settings.tag)
        except ValueError as error:
            raise ConfigError(f"setting 'tag': {error}") from None
        self._connection: Connection | None = None
        self._unpacker: Any = None
        self._chunks = 0

    async def connect(self) -> None:
        """Connect, and shake hands where there is a key; see `ConfirmedOutput.connect`."""
        await self._connected()

    async def send(self, messages: Sequence[Message]) -> str:
        """Send messages and wait for the acknowledgements; see `ConfirmedOutput.send`."""
        groups: dict[str, list[Message]] = {}
        for message in messages:
            groups.setdefault(self._tag(message)[:_MOST_TAG_CHARACTERS] or "gelf", []).append(message)
        if groups:
            try:
                await self._send(await self._connected(), groups)
            except (OSError, ValueError, msgpack.UnpackException) as error:
                await self.disconnect()
                return self._said(error)
            except BaseException:  # cancelled: nobody reads the acknowledgements
                await self.disconnect()
                raise
        return ""

    def counters(self) -> dict[str, float]:
        """Return what was sent."""
        return super().counters() | {"chunks_total": self._chunks}

    async def _send(self, connection: Connection, groups: dict[str, list[Message]]) -> None:
        """Send a chunk for each group; then wait until all are acknowledged."""
        waiting: dict[str, list[Message]] = {}
        parts = []
        for tag, messages in groups.items():
            chunk = uuid.uuid4().hex
            parts.append(self._packed(tag, chunk, messages))
            waiting[chunk] = messages
        seconds = self.settings.timeout_seconds
        await connection.write(b"".join(parts), seconds)
        self._chunks += len(parts)
        if not self.settings.ack:
            waiting, done = {}, waiting
            for messages in done.values():
                self._progress.written(messages)
        while waiting:
            answer = await self._answer(connection)
            chunk = _text(answer.get("ack")) if isinstance(answer, dict) else ""
            if chunk not in waiting:  # who says anything may go on saying it
                raise ValueError(f"no acknowledgement of what was sent: {str(answer)[:100]}")
            self._progress.written(waiting.pop(chunk))

    def _packed(self, tag: str, chunk: str, messages: Sequence[Message]) -> bytes:
        entries = b"".join(msgpack.packb([_event_time(message.timestamp), _record(message)]) for message in messages)
        option: dict[str, Any] = {"size": len(messages)}
        if self.settings.ack:
            option["chunk"] = chunk
        if self.settings.mode == "compressed":
            option["compressed"] = "gzip"
            entries = gzip.compress(entries, 1, mtime=0)
        packed: bytes = msgpack.packb([tag, entries, option])
        return packed

    async def _connected(self) -> Connection:
        if self._connection is not None:
            if self._connection.lost is None:
                return self._connection
            await self.disconnect()
        settings = self.settings
        self._unpacker = msgpack.Unpacker(
            max_buffer_size=_MOST_ANSWER_BYTES, strict_map_key=False, unicode_errors="surrogateescape"
        )
        try:
            self._connection = await Connection.open(
                settings.host, settings.port, self._context, settings.timeout_seconds, keep=True
            )
            if settings.shared_key:
                await self._shake_hands(self._connection)
        except (OSError, ValueError, msgpack.UnpackException) as error:
            await self.disconnect()
            raise Retry(self._said(error)) from None
        return self._connection

    async def _shake_hands(self, connection: Connection) -> None:
        """Prove to each other that we have the key."""
        settings = self.settings
        hello = await self._answer(connection)
        if not (
            isinstance(hello, list) and len(hello) > 1 and _text(hello[0]) == "HELO" and isinstance(hello[1], dict)
        ):
            raise ValueError("no HELO: does the server have a shared key?")
        options = {_text(name): value for name, value in hello[1].items()}
        nonce, auth = _bytes(options.get("nonce")), _bytes(options.get("auth"))
        salt = os.urandom(16).hex()  # Fluent Bit takes no binary
        name = socket.gethostname()
        user_digest = ""
        if auth:
            user_digest = _digest(auth, settings.user.encode(), settings.password.encode())
        key = settings.shared_key.encode()
        ping = ["PING", name, salt, _digest(salt.encode(), name.encode(), nonce, key), settings.user, user_digest]
        await connection.write(msgpack.packb(ping), settings.timeout_seconds)
        pong = await self._answer(connection)
        if not (isinstance(pong, list) and len(pong) > 4 and _text(pong[0]) == "PONG"):
            raise ValueError("no PONG")
        if not pong[1]:
            raise ValueError(f"the server denies us: {_text(pong[2])[:200]}")
        expected = _digest(salt.encode(), _bytes(pong[3]), nonce, key)
        if not hmac.compare_digest(expected, _text(pong[4])):
            raise ValueError("the server does not have the shared key")

    async def _answer(self, connection: Connection) -> Any:
        """Return the next thing the server says."""
        while True:
            try:
                return self._unpacker.unpack()
            except msgpack.OutOfData:
                self._unpacker.feed(await connection.read(self.settings.timeout_seconds))

    async def disconnect(self) -> None:
        """Disconnect; see `ConfirmedOutput.disconnect`."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    def _said(self, error: BaseException) -> str:
        return f"{self.settings.host}:{self.settings.port}: {describe(error)}"


class ForwardTlsOutput(ForwardOutput):
    """
    Sends messages with TLS.

    Guarantee: as `ForwardOutput`.
    """

    Settings: ClassVar[type[ForwardTlsSettings]] = ForwardTlsSettings

    def __init__(self, settings: ForwardTlsSettings) -> None:
        super().__init__(settings, client_context(settings))


def _event_time(seconds: float) -> msgpack.ExtType:
    micros = max(round(seconds * 1_000_000), 0)
    whole = min(micros // 1_000_000, 0xFFFFFFFF)
    return msgpack.ExtType(_EVENT_TIME, struct.pack(">II", whole, micros % 1_000_000 * 1000))


def _record(message: Message) -> dict[str, Any]:
    """Return a message as a record; a field with a name of ours keeps its underscore."""
    record: dict[str, Any] = {"message": message.short_message, "host": message.host, "gelf_id": message.id}
    if message.level is not None:
        record["level"] = message.level
    if message.full_message is not None:
        record["full_message"] = message.full_message
    for name, value in message.fields.items():
        if type(value) is int and not -_INT64 <= value < _UINT64:
            value = str(value)  # noqa: PLW2901  (msgpack has no room for it)
        record[f"_{name}" if name in _OWN else name] = value
    return record


def _digest(*parts: bytes) -> str:
    return hashlib.sha512(b"".join(parts)).hexdigest()


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _bytes(value: object) -> bytes:
    """Return what a server calls binary, or a text: Fluent Bit sends its random bytes as one."""
    if isinstance(value, bytes):
        return value
    return value.encode("utf-8", "surrogateescape") if isinstance(value, str) else b""
