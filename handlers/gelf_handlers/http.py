"""GELF over HTTP and HTTPS."""

from __future__ import annotations

import base64
import http.client
import io
import math
import socket
import ssl
import time
import zlib
from collections import deque
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import Any, Final, Literal, NamedTuple, Unpack

import graypy.handler as graypy

from gelf_handlers.capture import Captured
from gelf_handlers.handler import HandlerOptions, QueuedGELFHandler
from gelf_handlers.stats import Counters
from gelf_handlers.stream import connect
from gelf_handlers.tls import make_context
from gelf_handlers.transport import Interrupted, RetryLater

__all__ = ["Bulk", "GELFHTTPHandler", "GELFHTTPSHandler", "HTTPTransport"]

Bulk = bool | Literal["auto"]

_COMPRESS_FROM_BYTES: Final = 512
_MAX_BODY_BYTES: Final = 1 << 18
_MAX_HEAD_BYTES: Final = 1 << 16
_MAX_RETRIED_ERRORS: Final = 5
_BULK_SERVER: Final = "gelf-listener"
_QUICK_ACK: Final[int | None] = getattr(socket, "TCP_QUICKACK", None)
_RETRY_STATUSES: Final = frozenset({408, 425, 429, 502, 503, 504})


class Reply(NamedTuple):
    """What matters of a response."""

    status: int
    excerpt: str
    closes: bool
    retry_after: str | None
    server: str


class HTTPTransport:
    """
    Posts messages over one kept-alive connection.

    Guarantee: at least once. A message counts as sent when the reply is 2xx. What has no reply when the
    connection breaks is posted again, so a server that dies between storing and replying gets it twice.

    One message per request is the default, because a Graylog without "bulk receiving" stores only the first
    of several; requests are pipelined, so their number does not multiply the round-trip. ``bulk=True`` puts
    newline-delimited messages into one body; ``"auto"`` does so when the server says it is a gelf-listener. Each line
    is ended by a newline, the last one too: Graylog holds back an unended one (graylog2-server#21551).
    """

    idle_seconds: float | None = None

    def __init__(
        self,
        open_socket: Callable[[float], socket.socket],
        counters: Counters,
        *,
        head: Callable[[], bytes],
        timeout_seconds: float,
        compress: bool,
        bulk: Bulk,
        pipeline: int,
    ) -> None:
        self.stopping: Callable[[], bool] = lambda: False
        self.max_batch = 500 if bulk is True else max(pipeline, 1)
        self._open = open_socket
        self._counters = counters
        self._head = head
        self._timeout_seconds = timeout_seconds
        self._compress = compress
        self._bulk: Bulk = bulk
        self._pipeline = self._ahead = max(pipeline, 1)
        self._socket: socket.socket | None = None
        self._replies: _Replies | None = None
        # The message the server failed on first, and how often: not indefinitely.
        self._suspect = b""
        self._suspicions = 0

    def send(self, batch: deque[bytes]) -> None:
        """Post what is in the batch and read the replies."""
        while batch:
            if self.stopping():
                raise Interrupted("closing")
            if self._bulk is True:
                self._post_bulk(batch)
            else:
                self._post_each(batch)

    def _post_each(self, batch: deque[bytes]) -> None:
        window: list[bytes] = []
        size = 0
        for message in batch:
            if window and (len(window) >= self._ahead or size + len(message) > _MAX_BODY_BYTES):
                break
            window.append(message)
            size += len(message)
        kept: list[bytes] = []
        replied = 0
        failure: OSError | None = None
        connected = self._connected()
        try:
            # Each ends its line: a Graylog input with bulk receiving answers 202 to a body that does not, and drops it.
            connected.sendall(b"".join([self._request(message + b"\n") for message in window]))
            for message in window:
                reply = self._read_reply()
                replied += 1
                problem = self._settle(reply, 1, message, first_failure=failure is None)
                if problem is not None:
                    kept.append(message)
                    failure = failure or problem
                if reply.closes:
                    # Requests after this one are unanswered by definition; one at a time from now on.
                    self._pipeline = self._ahead = 1
                    self.abandon()
                    break
            else:
                self._ahead = min(self._ahead * 2, self._pipeline)
        except OSError:
            if 0 < replied < len(window):  # perhaps a server that takes what is ahead for an error
                self._ahead = max(1, self._ahead // 2)
            self.abandon()
            raise
        finally:
            for _ in range(replied):
                batch.popleft()
            batch.extendleft(reversed(kept))
        if failure is not None:
            raise failure

    def _post_bulk(self, batch: deque[bytes], limit: int = 500) -> None:
        lines: list[bytes] = []
        size = 0
        for message in batch:
            if lines and (len(lines) >= limit or size + len(message) > _MAX_BODY_BYTES):
                break
            lines.append(message)
            size += len(message) + 1
        connected = self._connected()
        try:
            connected.sendall(self._request(b"\n".join(lines) + b"\n"))
            reply = self._read_reply()
            if reply.closes:
                self.abandon()
        except OSError:
            self.abandon()
            raise
        if len(lines) > 1 and (reply.status in (400, 413, 422) or self._is_poison(reply.status, lines[0])):
            # One of them displeases: halve until it is alone.
            self._post_bulk(batch, len(lines) // 2)
            return
        problem = self._settle(reply, len(lines), lines[0], first_failure=True)
        if problem is not None:
            raise problem
        for _ in lines:
            batch.popleft()

    def _is_poison(self, status: int, message: bytes) -> bool:
        """Tell whether the server has failed on this very message often enough."""
        return status >= 500 and self._suspect is message and self._suspicions >= _MAX_RETRIED_ERRORS

    def _settle(self, reply: Reply, count: int, message: bytes, *, first_failure: bool) -> OSError | None:
        """Count a reply; return an error if its messages have to be kept."""
        status, counters = reply.status, self._counters
        if 200 <= status < 300:
            counters.sent += count
            if self._bulk == "auto" and reply.server.startswith(_BULK_SERVER):
                self._bulk = True
                self.max_batch = 500
            return None
        text = f"HTTP {status} {reply.excerpt}".rstrip()
        if status in _RETRY_STATUSES:
            return RetryLater(text, _seconds(reply.retry_after))
        if status >= 500 and not self._is_poison(status, message):
            # A fault that may pass, or a message that makes the server fail: the first of a round is suspected.
            if first_failure:
                self._suspicions = self._suspicions + 1 if self._suspect is message else 1
                self._suspect = message
            return RetryLater(text, _seconds(reply.retry_after))
        counters.rejected += count
        counters.fail(f"{count} message{'' if count == 1 else 's'} rejected: {text}", topic=f"http {status}")
        return None

    def _request(self, body: bytes) -> bytes:
        encoding = b""
        if self._compress and len(body) >= _COMPRESS_FROM_BYTES:
            gzip = zlib.compressobj(6, zlib.DEFLATED, 31)
            body = gzip.compress(body) + gzip.flush()
            encoding = b"Content-Encoding: gzip\r\n"
        return b"%b%bContent-Length: %d\r\n\r\n%b" % (self._head(), encoding, len(body), body)

    def _connected(self) -> socket.socket:
        connected = self._socket
        if connected is not None:
            if not _closed_while_idle(connected):
                return connected
            self.abandon()
        connected = self._open(self._timeout_seconds)
        connected.settimeout(self._timeout_seconds)
        self._socket = connected
        self._replies = _Replies(connected)
        self._counters.connections += 1
        return connected

    def _read_reply(self) -> Reply:
        if self._replies is None:
            raise ConnectionResetError("not connected")
        return self._replies.read()

    def idle(self) -> None:
        """A connection the server closes while idle is opened again with the next message."""

    def close(self) -> None:
        """Close; every message counted as sent has been answered."""
        self.abandon()

    def abandon(self) -> None:
        """Close this process's copy of the socket."""
        if self._socket is not None:
            self._socket.close()
        self._socket = self._replies = None


class _Parsed(NamedTuple):
    status: int
    version: int
    headers: http.client.HTTPMessage


class _Replies:
    """
    Reads responses off a connection that may hold several.

    `http.client` parses the head; a head that was seen before is not parsed again (40 us saved per message: servers
    answer every message alike).
    """

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._buffer = b""
        self._parsed: dict[bytes, _Parsed] = {}

    def read(self) -> Reply:
        """
        Read one response, interim ones skipped.

        Raises:
            OSError: If the connection ends, or what comes is not HTTP.
        """
        while True:
            head = self._read_until(b"\r\n\r\n")
            parsed = self._parsed.get(head)
            if parsed is None:
                parsed = _parse_head(head)
                if len(self._parsed) >= 64:
                    self._parsed.clear()
                self._parsed[head] = parsed
            if parsed.status >= 200:
                break
        headers = parsed.headers
        connection = (headers.get("Connection") or "").lower()
        closes = "close" in connection or (parsed.version < 11 and "keep-alive" not in connection)
        body, ended = self._read_body(parsed)
        excerpt = body[:200].decode("utf-8", "replace").strip()
        return Reply(
            parsed.status, excerpt, closes or ended, headers.get("Retry-After"), (headers.get("Server") or "").lower()
        )

    def _read_body(self, parsed: _Parsed) -> tuple[bytes, bool]:
        if parsed.status in (204, 304):
            return b"", False
        if "chunked" in (parsed.headers.get("Transfer-Encoding") or "").lower():
            body = b""
            while True:
                size = int(self._read_until(b"\r\n").split(b";")[0].strip() or b"0", 16)
                if size == 0:
                    while self._read_until(b"\r\n") != b"\r\n":
                        pass
                    return body, False
                body += self._read_exactly(size + 2)[:-2]
        length = parsed.headers.get("Content-Length")
        if length is not None:
            return self._read_exactly(int(length)), False
        body = self._buffer
        try:
            while len(body) < _MAX_BODY_BYTES and (more := self._socket.recv(65536)):
                body += more
        except TimeoutError:
            pass
        return body, True

    def _read_until(self, mark: bytes) -> bytes:
        while (end := self._buffer.find(mark)) < 0:
            if len(self._buffer) > _MAX_HEAD_BYTES:
                raise ConnectionError("not an HTTP response: no end of headers")
            self._more()
        end += len(mark)
        found, self._buffer = self._buffer[:end], self._buffer[end:]
        return found

    def _read_exactly(self, count: int) -> bytes:
        while len(self._buffer) < count:
            self._more()
        found, self._buffer = self._buffer[:count], self._buffer[count:]
        return found

    def _more(self) -> None:
        if _QUICK_ACK is not None:
            # A server that answers pipelined requests in small writes under Nagle's algorithm waits for our
            # delayed acknowledgement, 40 ms per window (measured: 10 000 messages in 15 s, with this in 2 s).
            self._socket.setsockopt(socket.IPPROTO_TCP, _QUICK_ACK, 1)
        received = self._socket.recv(65536)
        if not received:
            raise ConnectionResetError("closed by the server before it replied")
        self._buffer += received


def _parse_head(head: bytes) -> _Parsed:
    line, _, rest = head.partition(b"\r\n")
    parts = line.split(None, 2)
    try:
        if not parts[0].startswith(b"HTTP/1."):
            raise ValueError(parts[0])  # noqa: TRY301 - one answer to all that is not HTTP
        return _Parsed(int(parts[1]), 10 + int(parts[0][7:8]), http.client.parse_headers(io.BytesIO(rest)))
    except (IndexError, ValueError, http.client.HTTPException) as error:
        raise ConnectionError(f"not an HTTP response: {head[:60]!r}") from error


def _seconds(retry_after: str | None) -> float | None:
    """Return Retry-After, seconds or a date, bounded to five minutes; None where it cannot be understood."""
    if retry_after is None:
        return None
    try:
        seconds = float(retry_after)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(retry_after).timestamp() - time.time()
        except (ValueError, TypeError, OverflowError):
            return None
    return None if math.isnan(seconds) else min(max(seconds, 0.0), 300.0)


def _closed_while_idle(connected: socket.socket) -> bool:
    """Tell whether the server has closed: nothing may be readable between replies but the end."""
    timeout = connected.gettimeout()
    try:
        connected.settimeout(0)
        try:
            connected.recv(1)
        finally:
            connected.settimeout(timeout)
    except (BlockingIOError, ssl.SSLWantReadError):
        return False
    except (OSError, ValueError):
        return True
    return True  # the end, or a reply nobody asked for (408 before closing)


class GELFHTTPHandler(QueuedGELFHandler, graypy.GELFHTTPHandler):
    """
    Posts GELF over HTTP or HTTPS; graypy's class of that name, without blocking, and reading the replies.

    Guarantee: at least once, see `HTTPTransport`. 2xx is sent; 408, 425, 429, 502, 503, 504 and what has no reply are
    tried again without limit (``Retry-After`` respected); other 5xx five times; any other status is rejected.

    Args:
        host: Name or address.
        port: graypy's default, 12203.
        compress: gzip bodies of 512 bytes and more.
        path: graypy's default, ``/gelf``.
        timeout: Seconds to connect, and to wait for a reply.
        tls: Speak HTTPS. Unlike `GELFTLSHandler`, certificates are checked unless `validate` is off.
        validate: Check the server's certificate and name.
        ca_certs: Bundle to check against; the system's when None.
        certfile: The client's certificate.
        keyfile: The client's key, unless it is in `certfile`.
        ssl_context: A context of your own, in place of the four above.
        username: For Basic authentication.
        password: For Basic authentication.
        headers: More headers, such as ``{"Authorization": "Bearer ..."}``; ``handler.headers`` may be changed later.
        bulk: Several messages per request: True, False, or "auto" for "when the server is a gelf-listener".
        pipeline: Requests sent before the first reply is awaited; 1 for none ahead.
        options: See `HandlerOptions`.
    """

    def __init__(
        self,
        host: str,
        port: int = 12203,
        compress: bool = True,
        path: str = "/gelf",
        timeout: float = 5,
        *,
        tls: bool = False,
        validate: bool = True,
        ca_certs: str | None = None,
        certfile: str | None = None,
        keyfile: str | None = None,
        ssl_context: ssl.SSLContext | None = None,
        username: str | None = None,
        password: str | None = None,
        headers: Mapping[str, str] | None = None,
        bulk: Bulk = "auto",
        pipeline: int = 32,
        **options: Unpack[HandlerOptions],
    ) -> None:
        theirs, ours = self._split_options(options)
        graypy.GELFHTTPHandler.__init__(self, host, port, compress, path, timeout, **theirs)
        self.headers: dict[str, str] = {"Content-Type": "application/json"}
        if username is not None or password is not None:
            pair = f"{username or ''}:{password or ''}".encode()
            self.headers["Authorization"] = f"Basic {base64.b64encode(pair).decode('ascii')}"
        self.headers.update(headers or {})
        self.bulk: Bulk = bulk
        self.pipeline = pipeline
        self.ssl_context: ssl.SSLContext | None = None
        if tls:
            self.ssl_context = ssl_context or make_context(
                validate=validate, ca_certs=ca_certs, certfile=certfile, keyfile=keyfile
            )
        self._head_of: tuple[dict[str, str], bytes] = ({}, b"")
        self._head()  # a header that cannot be sent is told to whoever configures it
        self._start_queue(f"gelf+http{'s' if tls else ''}://{host}:{port}{path}", **ours)

    def _new_transport(self, counters: Counters) -> HTTPTransport:
        return HTTPTransport(
            self._open,
            counters,
            head=self._head,
            timeout_seconds=self.timeout,
            compress=self.compress,
            bulk=self.bulk,
            pipeline=self.pipeline,
        )

    def _open(self, timeout_seconds: float) -> socket.socket:
        return connect(self.host, self.port, timeout_seconds, self.ssl_context)

    def _head(self) -> bytes:
        """Return the request line and headers; made again when ``headers`` was changed."""
        seen, head = self._head_of
        if seen != self.headers:
            host = f"[{self.host}]" if ":" in self.host else self.host
            default_port = 80 if self.ssl_context is None else 443
            lines = [
                f"POST {self.path} HTTP/1.1",
                f"Host: {host}" + ("" if self.port == default_port else f":{self.port}"),
            ]
            lines += [f"{name}: {value}" for name, value in self.headers.items()]
            if any(set(line) & {"\r", "\n", "\0"} for line in lines):
                raise ValueError("a header or the path holds a line break")
            head = "".join(f"{line}\r\n" for line in lines).encode("latin-1")
            self._head_of = (dict(self.headers), head)
        return head

    def _encode(self, captured: Captured) -> bytes:
        """Return the message's JSON; it is compressed per request."""
        return self._pack_gelf_dict(self._make_gelf_dict(self._restore(captured)))


class GELFHTTPSHandler(GELFHTTPHandler):
    """`GELFHTTPHandler` with ``tls=True`` and HTTPS's port."""

    def __init__(self, host: str, port: int = 443, *arguments: Any, **options: Any) -> None:
        super().__init__(host, port, *arguments, **{"tls": True, **options})
