"""HTTP client: what outputs that speak HTTP have in common."""

from __future__ import annotations

import asyncio
import email.utils
import gzip
import logging
import math
import time
import zlib
from collections.abc import Mapping
from typing import Annotated, Literal

import httpx
from pydantic import BeforeValidator, Field

from gelf_listener.client_tls import ClientTlsSettings, check_files, client_context
from gelf_listener.errors import Busy, ConfigError, OutputError, Retry, describe
from gelf_listener.settings import Duration, OutputSettings

logging.getLogger("httpx").setLevel(logging.WARNING)  # it tells of every request

_MOST_ANSWER_BYTES = 16 * 1024 * 1024
_LEAST_TO_COMPRESS = 1024
_EXCERPT_CHARACTERS = 300
_MOST_EXCERPT_BYTES = 64 * 1024
_LONGEST_WAIT_SECONDS = 3600.0
_TRY_LATER = frozenset((408, 425, 429))
_UNAVAILABLE = 503
_SOMEBODY_MENDS = frozenset((401, 403, 404, 405, 407))
"""Wrong credentials or a wrong path: messages wait until somebody puts that right."""


def _compression(value: object) -> object:
    """Let yes and no stand for gzip and none, as they did when there was nothing else."""
    text = str(value).strip().lower()
    if text in ("yes", "true", "on", "1", "y", "t"):
        return "gzip"
    return "none" if text in ("no", "false", "off", "0", "n", "f") else value


Compression = Annotated[Literal["none", "gzip", "zlib"], BeforeValidator(_compression)]


class HttpOutputSettings(OutputSettings, ClientTlsSettings):
    """Settings of outputs that speak HTTP."""

    host: str = Field("localhost", description="The server.")
    port: int | None = Field(None, ge=1, le=65535, description="Its port.")
    user: str = Field("", description="User, for basic authentication.", repr=False)
    password: str = Field("", description="Password.", repr=False)
    token: str = Field("", description="Bearer token, instead of a user.", repr=False)
    headers: str = Field(
        "", description="Further request headers: `Name: value`, several separated by semicolons.", repr=False
    )
    compress: Compression = Field("gzip", description="How bodies are compressed: gzip, zlib, none; yes is gzip.")
    timeout_seconds: Duration = Field(30.0, gt=0, le=600, description="Time to connect, and for an answer.")


class Denied(OutputError):
    """
    The server understood a request and will never take it.

    Args:
        status: HTTP status.
        said: The server's words, in short.
    """

    def __init__(self, status: int, said: str) -> None:
        super().__init__(f"status {status}: {said}" if said else f"status {status}")
        self.status = status
        self.said = said


class HttpClient:
    """
    Sends requests to one server over connections that are kept open.

    Args:
        settings: Where and how.
        tls: Whether the scheme is HTTPS.
        port: The port when the settings name none.

    Raises:
        ConfigError: If the settings can never work.
    """

    def __init__(self, settings: HttpOutputSettings, port: int, *, tls: bool) -> None:
        check_files(settings, tls=tls)
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        self.base = f"{'https' if tls else 'http'}://{host}:{settings.port or port}"
        self._settings = settings
        self._context = client_context(settings) if tls else False
        accepted = "identity" if settings.compress == "none" else "gzip"
        self._headers = {"accept-encoding": accepted, **_headers(settings)}
        self._client: httpx.AsyncClient | None = None

    async def post(self, path: str, body: bytes, content_type: str, headers: Mapping[str, str] | None = None) -> bytes:
        """See `request`."""
        return await self.request("POST", path, body, content_type, headers)

    async def request(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        content_type: str = "application/json",
        headers: Mapping[str, str] | None = None,
        *,
        seconds: float = math.inf,
    ) -> bytes:
        """
        Send a request.

        Args:
            method: Of HTTP.
            path: With its query.
            body: What is sent.
            content_type: Of the body.
            headers: More than the usual ones.
            seconds: How long it may take altogether; its parts have `timeout_seconds` besides.

        Returns:
            The body of the answer, which is a success.

        Raises:
            Busy: If the server says that it cannot at the moment (503).
            Retry: If it is away or broken, lets nobody in, or answers something other than HTTP.
            Denied: If it will never take this request.
        """
        sent = {**self._headers, **(headers or {})}
        if body is not None:
            sent["content-type"] = content_type
            kind = self._settings.compress
            if kind != "none" and len(body) >= _LEAST_TO_COMPRESS:
                body = gzip.compress(body, 1, mtime=0) if kind == "gzip" else zlib.compress(body, 1)
                sent["content-encoding"] = "gzip" if kind == "gzip" else "deflate"
        try:
            async with asyncio.timeout(None if seconds == math.inf else seconds):
                async with self._opened().stream(method, self.base + path, content=body, headers=sent) as answer:
                    said = await _read(answer)
        except TimeoutError:
            within = min(max(seconds, 0.0), self._settings.timeout_seconds)
            raise Retry(f"{self.base}: no answer within {within:.3g} s") from None
        except httpx.TimeoutException:
            raise Retry(f"{self.base}: no answer within {self._settings.timeout_seconds:g} s") from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError, AttributeError) as error:
            # AttributeError: anyio asks a connection that was closed at once for its socket, which is None with uvloop.
            raise Retry(f"{self.base}: {describe(error)}") from None
        if answer.is_success:
            return said
        text = " ".join(said[:_MOST_EXCERPT_BYTES].decode("utf-8", "replace").split())
        text = self._settings.scrubbed(text)[:_EXCERPT_CHARACTERS]  # before it is cut: a part of a secret stays unknown
        status = answer.status_code
        if status in _TRY_LATER or status in _SOMEBODY_MENDS or not 400 <= status < 500:
            again = Busy if status == _UNAVAILABLE else Retry
            raise again(f"{self.base}: status {status}{text and ': '}{text}", _retry_after(answer))
        raise Denied(status, text)

    async def close(self) -> None:
        """Close all connections. May be called twice; a request after it opens new ones."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    def _opened(self) -> httpx.AsyncClient:
        if self._client is None:
            self._client = httpx.AsyncClient(
                verify=self._context,
                timeout=self._settings.timeout_seconds,
                limits=httpx.Limits(),  # outputs bound their requests themselves
                follow_redirects=False,
                trust_env=False,
            )
        return self._client


def _headers(settings: HttpOutputSettings) -> dict[str, str]:
    found = {"user-agent": "gelf-listener"}
    for part in settings.headers.split(";"):
        name, colon, value = part.partition(":")
        if not part.strip():
            continue
        if not colon or not name.strip() or not name.strip().isascii() or "\n" in part or "\r" in part:
            raise ConfigError("setting 'headers': write 'Name: value', several separated by semicolons")
        found[name.strip().lower()] = sendable("headers", value.strip())
    if settings.token:
        found["authorization"] = f"Bearer {sendable('token', settings.token)}"
    elif settings.user or settings.password:
        plain = httpx.BasicAuth(settings.user, settings.password)
        found["authorization"] = next(plain.auth_flow(httpx.Request("GET", "http://x"))).headers["authorization"]
    return found


def sendable(setting: str, value: str) -> str:
    """
    Return what can stand in a header.

    Raises:
        ConfigError: If it cannot: every request would fail. The value, which may be a secret, is not shown.
    """
    if not (value.isascii() and value.isprintable()):
        raise ConfigError(f"setting {setting!r}: a header takes only printable ASCII; is there a line end in it?")
    return value


async def _read(answer: httpx.Response) -> bytes:
    """
    Read an answer, whose length is the server's to say, and inflate it no further than to the limit.

    Raises:
        Retry: If it is too long, or is not the gzip that it claims to be.
    """
    packed = answer.headers.get("content-encoding", "").strip().lower() in ("gzip", "x-gzip")
    inflater = zlib.decompressobj(zlib.MAX_WBITS | 16) if packed else None
    parts: list[bytes] = []
    room = _MOST_ANSWER_BYTES
    async for raw in answer.aiter_raw():
        try:
            part = raw if inflater is None else inflater.decompress(raw, room + 1)
        except zlib.error as error:
            raise Retry(f"{answer.url.host}: the answer cannot be inflated: {error}") from None
        parts.append(part)
        room -= len(part)
        if room < 0:
            raise Retry(f"{answer.url.host}: the answer is longer than {_MOST_ANSWER_BYTES} bytes")
    return b"".join(parts)


def _retry_after(answer: httpx.Response) -> float | None:
    """Read ``Retry-After``: seconds, or a date; within bounds. None where it cannot be understood."""
    text = answer.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        seconds = float(text[:9])
    else:
        try:
            seconds = email.utils.parsedate_to_datetime(text).timestamp() - time.time()
        except (ValueError, TypeError, OverflowError):
            return None
    return min(max(seconds, 0.0), _LONGEST_WAIT_SECONDS)
