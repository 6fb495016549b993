"""
HTTP/1.1 as a server speaks it: httptools parses, a responder answers, and the protocol below does everything between.

All requests of one read are answered together, in order, once the messages of all of them are safe
(`Intake.when_safe`). Heads, bodies and the time they take are bounded, and so is what a client that does not read its
answers makes us hold.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Generator, Iterator
from typing import cast

import httptools

from gelf_listener.codec import Batch, Receipt
from gelf_listener.codec.encodings import unpack
from gelf_listener.errors import Reason, Rejected
from gelf_listener.inputs.http_server.answers import CONTINUE, Response
from gelf_listener.inputs.http_server.bodies import StreamInflater
from gelf_listener.inputs.http_server.forwarded import forwarded_for
from gelf_listener.inputs.http_server.requests import Request
from gelf_listener.inputs.http_server.responder import BodyReader, Responder, run_steps
from gelf_listener.inputs.http_server.upgrades import head_without_upgrade
from gelf_listener.inputs.proxy_protocol import may_begin
from gelf_listener.inputs.server_connections import Connections
from gelf_listener.inputs.stream_connection import LUMBERJACK, PROXY_HEADER, TLS_ON_PLAIN, is_lumberjack
from gelf_listener.inputs.turns import Backlog, turns_of
from gelf_listener.intake import Intake
from gelf_listener.message import Peer

_log = logging.getLogger(__name__)

_SMALL_BODY_BYTES = 64 * 1024
"""Bodies that are not counted among the unfinished: all connections together cannot hold much of them."""

_MAX_HEADER_BYTES = 32 * 1024
_MAX_URL_BYTES = 8 * 1024
_MOST_ERRORS_PER_READ = 256
"""Answers with errors are longer than the requests that get them: more in one read close the connection."""

_HEADERS_TOO_LONG = f"headers longer than {_MAX_HEADER_BYTES} bytes"
_SHED_MESSAGES = 1000
_LONGEST_PAUSE_SECONDS = 1.0
"""How long a crowded buffer keeps a request unread: a client that waits wants an answer, if only 503."""


class HttpProtocol(asyncio.Protocol):
    """
    One connection: requests in, answers out, in order.

    Args:
        connections: The collection it belongs to.
        intake: Takes what was sent.
        responder: Of the input.
    """

    def __init__(self, connections: Connections, intake: Intake, responder: Responder) -> None:
        self.peer: Peer | None = None
        self.active_at = 0.0
        self._connections = connections
        self._intake = intake
        self._responder = responder
        self._settings = responder.settings
        self._transport: asyncio.Transport
        self._parser: httptools.HttpRequestParser
        self._header_bytes = 0
        """Bytes read since the last that were body: an end of the headers, or of a chunk, must come some time."""
        self._loop = asyncio.get_running_loop()
        self._closing = False
        self._paused = False
        self._stopped = False
        """Whether the transport was told not to read."""
        self._pending = False
        """Whether the collection knows of an unfinished body."""
        self._unread = False
        """The peer does not read its answers: it gets no more before it does."""
        self._receipt = Receipt(responder.input, None, 0.0, Batch())
        """Of what is being read; its batch has the messages of this read."""
        self._answers: list[Request | bytes] = []
        """Answered requests of one read, and what goes out as it is. They leave together, once messages are safe."""
        self._held: list[Request | bytes] = []
        """The same of messages that are handed over, but not safe yet; nothing is read meanwhile."""
        self._waiting = False
        """Whether messages are handed over that are not safe yet."""
        self._working = 0
        """Requests that are taken in steps and not answered yet."""
        self._reset()

    def _reset(self) -> None:
        self._request = Request(self.peer)
        self._refusal: Response | None = None
        """What the request is answered with, whatever its body."""
        self._body: list[bytes] = []
        self._size = 0
        self._head_bytes = 0
        self._reader: BodyReader | None = None
        self._stage = "idle"

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start; also called when a connection of another protocol turned out to speak HTTP."""
        self._transport = cast("asyncio.Transport", transport)
        self._parser = httptools.HttpRequestParser(self)
        self.peer = self._receipt.peer = self._request.peer = self._connections.peer_of(self, transport)
        self.active_at = self._stage_at = self._loop.time()
        host = "" if self.peer is None else self.peer.host
        self._backlog = Backlog(turns_of(self._loop), host, self._feed, self._stop_reading, self._read_on)
        self._connections.opened(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """Forget the connection; a request that was not whole was never accepted."""
        self._backlog.unblock()
        self._backlog.then(self._forget)

    def _forget(self) -> None:
        self._closing = True
        self._responder.end(self._receipt)
        self._receipt.batch.hand_over(self._intake)
        self._backlog.close()
        self._connections.closed(self)
        del self._parser  # it has us for its callbacks: nothing is to be left for the collection of garbage

    def eof_received(self) -> bool:
        """Close, once what waits for its turn is answered."""
        if not self._backlog:
            return False
        self._backlog.then(self.finish)
        return True

    def data_received(self, data: bytes) -> None:
        """Parse and answer, as far as this turn of the loop has time for it."""
        if not self._closing:
            self._backlog.feed(data)

    def _feed(self, data: bytes) -> None:
        """Parse; hand over the messages of all whole requests, then answer them."""
        self._receipt.time = time.time()
        while data and not self._closing:
            self._header_bytes += len(data)
            try:
                self._parser.feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                data = self._without_upgrade() + data[upgrade.args[0] :]
                continue
            except httptools.HttpParserCallbackError:
                _log.exception("%s: a request of %s failed", self._receipt.input, self.peer)
                self._answer(self._error(500, "a bug of the listener; its log has the details"), close=True)
            except httptools.HttpParserError as error:
                self._refuse_bytes(data, self._not_http(data, error))
            else:
                if self._stage != "idle" and self._header_bytes > _MAX_HEADER_BYTES + _MAX_URL_BYTES:
                    self._answer(self._error(431, _HEADERS_TOO_LONG), close=True)
            break
        self._flush()

    def pause_writing(self) -> None:
        """Stop reading: who sends requests and reads no answers would fill our memory."""
        self._unread = True
        self._backlog.block()
        self._stop_reading()

    def resume_writing(self) -> None:
        """Go on reading."""
        self._unread = False
        self._backlog.unblock()
        self._read_on()

    def _stop_reading(self) -> None:
        if not (self._stopped or self._transport.is_closing()):
            self._stopped = True
            self._transport.pause_reading()

    def _read_on(self) -> None:
        """Read again, unless there is another reason not to."""
        if self._stopped and not (
            self._paused or self._unread or self._waiting or self._closing or self._backlog.is_held
        ):
            self._stopped = False
            self._stage_at = self._loop.time()  # the client waited for us
            self._transport.resume_reading()

    def _flush(self) -> None:
        """Hand over, then answer: an answer that promises something means that the messages are safe."""
        if self._waiting or self._working:
            return  # they are answered first
        batch = self._receipt.batch
        if batch or batch.given:
            self._receipt.batch = Batch()
            batch.hand_over(self._intake)
            if batch.count:
                self._held, self._answers = self._answers, []
                self._waiting = True
                self._intake.when_safe(self._settle)
                if self._waiting:
                    self._stop_reading()
                return
        if self._answers and not self._transport.is_closing():
            answers, self._answers = self._answers, []
            self._write(answers)
        if self._closing:
            self._transport.close()
        elif self._intake.crowded and not self._connections.spares(self):
            self._pause()

    def _settle(self, error: str | None) -> None:
        """Answer what was held; with an error where that would promise what a disk buffer could not keep."""
        held, self._held = self._held, []
        self._waiting = False
        if self._transport.is_closing():
            return
        if error is not None:
            self._take_back(held, f"not stored: {error}; try again")
        if held:
            self._write(held)
        self._read_on()
        self._flush()

    def _take_back(self, held: list[Request | bytes], detail: str) -> None:
        """Replace the answers that promise messages, and that of a body whose first messages are lost already."""
        responder = self._responder
        for request in held:
            if isinstance(request, Request) and request.promises:
                request.response = responder.error(request, responder.busy_status, detail)
        if self._reader is not None and self._refusal is None:
            self._refusal = self._error(responder.busy_status, detail)

    def _write(self, answers: list[Request | bytes]) -> None:
        self._transport.write(
            b"".join([self._responder.encode(each) if isinstance(each, Request) else each for each in answers])
        )

    # httptools callbacks

    def on_message_begin(self) -> None:
        """Begin a request."""
        self._reset()
        self._stage = "headers"
        self._stage_at = self._loop.time()

    def on_url(self, url: bytes) -> None:
        """Collect the request target."""
        request = self._request
        request.target += url
        if len(request.target) > _MAX_URL_BYTES:
            self._refusal = self._error(431, f"request target longer than {_MAX_URL_BYTES} bytes")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Note a header."""
        self._head_bytes += len(name) + len(value) + 4  # colon, space and line end
        if self._head_bytes > _MAX_HEADER_BYTES:
            self._refusal = self._error(431, _HEADERS_TOO_LONG)
            return
        name = name.lower()
        headers = self._request.headers
        if name in headers:
            headers[name] += b", " + value
        else:
            headers[name] = value

    def on_headers_complete(self) -> None:
        """Refuse what can be refused before the body."""
        if self._closing:
            return
        self._stage = "body"
        self._stage_at = self._loop.time()
        self._header_bytes = 0
        if self._parser.should_upgrade():
            return  # the request comes again without the offer
        request = self._request
        request.method = self._parser.get_method().decode("latin-1")
        length = request.headers.get(b"content-length", b"")
        expects = b"expect" in request.headers and request.headers[b"expect"].lower() == b"100-continue"
        if self._connections.is_proxy(self.peer):
            request.peer = forwarded_for(request, self._connections.proxies)
        self._receipt.peer = request.peer
        if self._refusal is None:
            self._refusal = self._check(request)
        by_pieces = self._refusal is None and self._open_reader(request)
        if self._is_too_long(length) and not by_pieces:
            self._refusal = self._too_long()  # whatever else is wrong with it: its body is not read to find out
        if self._refusal is not None:
            if expects or (self._refusal.status == 413 and not self._responder.drains):
                self._answer(self._refusal, close=True)  # rather than read a body for nothing
        elif expects and self._parser.get_http_version() == "1.1":
            self._answers.append(CONTINUE)

    def on_body(self, body: bytes) -> None:
        """Collect the body within its bound, or hand it to its reader."""
        self._header_bytes = 0
        if self._refusal is not None or self._closing:
            return
        if self._reader is not None:
            self._read(self._reader, body)
            return
        self._size += len(body)
        if self._size > self._settings.max_body_bytes:
            self._body = []
            self._refusal = self._too_long()
            self._answer(self._refusal, close=True)
            return
        self._body.append(body)
        if self._size > _SMALL_BODY_BYTES:
            self._pend(self._size)

    def on_message_complete(self) -> None:
        """Answer the request."""
        if self._closing or self._parser.should_upgrade():
            return
        self.active_at = self._loop.time()
        self._connections.moved(self)
        keep_alive = self._parser.should_keep_alive()
        if self._refusal is not None:
            self._answer(self._refusal, close=not keep_alive)
        else:
            self._take(self._request, keep_alive=keep_alive)
        self._body = []
        self._reader = None
        self._pend(self._responder.held_bytes)
        self._stage = "idle"
        self._stage_at = self.active_at
        self._header_bytes = 0

    # What the collection asks

    def abort(self) -> None:
        """Close at once; requests that wait for their turn are not answered, and so not accepted."""
        self._closing = True
        self._backlog.drop()
        self._transport.abort()

    def finish(self) -> None:
        """Close after what was received is answered."""
        self._backlog.finish()
        self._closing = True
        self._flush()

    def resume(self) -> None:
        """Go on reading."""
        if self._paused and not self._closing:
            self._paused = False
            if not self._unread:
                self._backlog.unblock()
            self._read_on()

    def expired(self, now: float) -> bool:
        """Whether headers, body or the next request took too long."""
        if self._waiting or self._backlog:
            return False
        waited = now - self._stage_at
        if self._stage == "idle":
            return waited > self._settings.idle_timeout_seconds and not self._paused
        if self._stage == "headers":
            return waited > self._settings.header_timeout_seconds
        return waited > self._settings.body_timeout_seconds

    # Requests

    def _check(self, request: Request) -> Response | None:
        """Refuse what is refused whatever the body."""
        responder = self._responder
        allow = self._connections.allow
        if not allow.allows(request.peer):
            self._receipt.add_rejection(allow.rejection(request.peer, b"", self._receipt.input))
            return self._error(403, "this address may not send; nothing was stored")
        if request.method == "OPTIONS":
            return Response(200, headers=[("Allow", responder.methods)])
        if not responder.authorized(request):
            return self._error(401, "authorization is missing or wrong; nothing was stored")
        return responder.check(request)

    def _is_too_long(self, length: bytes) -> bool:
        return length.isdigit() and (len(length) > 18 or int(length) > self._settings.max_body_bytes)

    def _open_reader(self, request: Request) -> bool:
        """Have the body read piece by piece, if the responder wants it so."""
        self._reader = self._responder.reader(request)
        if self._reader is None:
            return False
        try:
            self._inflater = StreamInflater(request.headers.get(b"content-encoding", b"").lower())
        except Rejected as rejected:
            self._refusal = self._reject(request, rejected)
        return True

    def _read(self, reader: BodyReader, body: bytes) -> None:
        """Give a reader some of its body."""
        messages = self._receipt.batch.count
        try:
            for piece in self._inflater.feed(body):
                reader.feed(piece, self._receipt)
        except Rejected as rejected:
            self._refusal = self._reject(self._request, rejected)
            self._answer(self._refusal, close=True)
            return
        if self._receipt.batch.count > messages:
            self._request.promises = True
        self._stage_at = self.active_at = self._loop.time()  # it goes on
        self._pend(reader.pending_bytes)

    def _without_upgrade(self) -> bytes:
        """Return the head of the current request without its offer to upgrade, for a new parser; see `upgrades`."""
        request = self._request
        method, version = self._parser.get_method(), self._parser.get_http_version()
        if method == b"CONNECT":  # means an upgrade whatever its headers say; no path of ours is asked for
            self._answer(self._error(405, "CONNECT is not supported"), close=True)
            return b""
        self._parser = httptools.HttpRequestParser(self)
        return head_without_upgrade(method, request.target, version, request.headers.items())

    def _take(self, request: Request, *, keep_alive: bool) -> None:
        """Have a whole request answered."""
        responder, receipt = self._responder, self._receipt
        messages = receipt.batch.count
        if self._reader is None and self._intake.full and not self._connections.spares(self):
            response = self._error(responder.busy_status, "the buffers are full; try again")
        else:
            request.body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
            if self._reader is None and (self._working or not responder.is_quick(request)):  # one after the other
                self._answer(None, close=not keep_alive)
                self._working += 1
                self._backlog.steps(self._in_steps(request, receipt))
                return
            try:
                response = self._respond(request, receipt)
            except Rejected as rejected:
                response = self._reject(request, rejected)
            request.body = b""
        if receipt.batch.count > messages:
            request.promises = True
        self._answer(response, close=not keep_alive)

    def _in_steps(self, request: Request, receipt: Receipt) -> Iterator[None]:
        """Take a long request a step at a time, then answer it and what came after it."""
        messages, patience = receipt.batch.count, self._loop.time() + _LONGEST_PAUSE_SECONDS
        try:
            yield from self._unpack(request, receipt)
            steps = self._responder.respond_in_steps(request, receipt)
            while request.response is None:
                receipt.peer = request.peer
                try:
                    next(steps)
                except StopIteration as end:
                    request.response = end.value
                else:
                    self._shed(receipt.batch)
                    waits = self._intake.crowded and not self._connections.spares(self)
                    if waits and self._loop.time() < patience:
                        self._backlog.block()
                        self._pause()
                    yield
        except Rejected as rejected:
            request.response = self._reject(request, rejected)
        except Exception:  # noqa: BLE001  (a bug must end neither the input nor other connections)
            _log.exception("%s: a request of %s failed", self._receipt.input, self.peer)
            request.response = self._error(500, "a bug of the listener; its log has the details")
        request.body = b""
        request.promises = receipt.batch.count > messages
        self._working -= 1
        if self._stage == "idle":
            self._pend(self._responder.held_bytes)
        self._flush()

    def _shed(self, batch: Batch) -> None:
        """
        Hand over what a long request has given, while it goes on: 100 000 messages would fill buffers at once.

        The first rejection stays: the answer may name it.
        """
        if len(batch.messages) >= _SHED_MESSAGES:
            batch.give_messages(self._intake)
        for rejected in batch.rejected[1:]:
            self._intake.reject(rejected)
        del batch.rejected[1:]

    def _respond(self, request: Request, receipt: Receipt) -> Response:
        responder = self._responder
        if self._reader is not None:
            return self._reader.finish(receipt)
        run_steps(self._unpack(request, receipt))
        return responder.respond(request, receipt)

    def _unpack(self, request: Request, receipt: Receipt) -> Generator[None, None, None]:
        """Undo the Content-Encoding of a body, unless the responder does that itself."""
        responder = self._responder
        if b"content-encoding" in request.headers and not responder.undoes_encoding:
            encoding = request.headers[b"content-encoding"].lower()
            request.body = yield from unpack(request.body, encoding, responder.inflater, receipt)

    def _reject(self, request: Request, rejected: Rejected) -> Response:
        """Keep a rejection, and say how it is answered."""
        self._receipt.add_rejection(rejected)
        return self._responder.rejection(request, rejected.reason, rejected.detail)

    def _not_http(self, data: bytes, error: Exception) -> str:
        """Say what bytes are that are not HTTP."""
        if data[:1] == b"\x16":
            return TLS_ON_PLAIN
        if is_lumberjack(data):
            return LUMBERJACK
        return PROXY_HEADER if may_begin(data[:12]) and len(data) > 1 else f"not HTTP: {error}"

    def _refuse_bytes(self, data: bytes, detail: str) -> None:
        """Reject bytes that are not HTTP."""
        if self._closing:
            return  # behind the last answer
        self._receipt.reject(Reason.UNEXPECTED_PROTOCOL, detail, data)
        self._answer(self._error(400, detail), close=True)

    def _too_long(self) -> Response:
        return self._error(413, f"body longer than {self._settings.max_body_bytes} bytes")

    def _error(self, status: int, detail: str) -> Response:
        return self._responder.error(self._request, status, detail)

    def _answer(self, response: Response | None, *, close: bool) -> None:
        """Answer the current request; None for one whose answer comes later, in its place."""
        if self._closing:
            return
        request = self._request
        if request.response is not None:  # what failed is behind it
            request = self._request = Request(self.peer)
        request.response = response
        request.old = self._parser.get_http_version() == "1.0"
        failed = response is not None and response.status >= 400
        too_many = failed and len(self._answers) >= _MOST_ERRORS_PER_READ
        request.closes = close or too_many or (response is not None and response.close)
        self._answers.append(request)
        if request.closes:
            self._closing = True

    def _pend(self, size: int) -> None:
        """Tell the collection how much of a body is held."""
        if size or self._pending:
            self._pending = size > 0
            self._connections.pend(self, size)

    def _pause(self) -> None:
        if not self._paused:
            self._paused = True
            self._stop_reading()
            self._connections.wait_for_room(self)
            self._loop.call_later(_LONGEST_PAUSE_SECONDS, self.resume)
