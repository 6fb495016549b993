"""HttpProtocol with a responder of another protocol: what every protocol on top of HTTP gets."""

from __future__ import annotations

import asyncio
import gzip
import json
from typing import Any, ClassVar, NamedTuple

import pytest

from gelf_listener.codec import Receipt
from gelf_listener.errors import Reason, Rejected
from gelf_listener.inputs.allow import AllowList
from gelf_listener.inputs.http_server.answers import Response
from gelf_listener.inputs.http_server.protocol import HttpProtocol
from gelf_listener.inputs.http_server.requests import Request
from gelf_listener.inputs.http_server.responder import BodyReader, Responder
from gelf_listener.inputs.http_server.server import HttpServerInput
from gelf_listener.inputs.http_server.settings import HttpServerSettings
from gelf_listener.inputs.server_connections import Connections
from gelf_listener.message import Peer
from tests.unit.fakes import FakeIntake, FakeTransport, run, settle
from tests.unit.inputs.test_http import Answer, answers


def add_lines(lines: list[bytes], receipt: Receipt) -> None:
    for line in lines:
        if line == b"nonsense":
            raise Rejected(Reason.INVALID_JSON, "a line that makes no sense", line)
        receipt.add(receipt.message(line, timestamp=1.0, host="h", short_message=line.decode()))


class LineReader:
    """Reads lines as they come."""

    def __init__(self) -> None:
        self._partial = b""

    @property
    def pending_bytes(self) -> int:
        return len(self._partial)

    def feed(self, data: bytes, receipt: Receipt) -> None:
        *lines, self._partial = (self._partial + data).split(b"\n")
        add_lines(lines, receipt)

    def finish(self, receipt: Receipt) -> Response:
        add_lines([self._partial] if self._partial else [], receipt)
        return Response.json(200, {"stream": "done"})


class LineResponder(Responder):
    """A line a message; `/stream` takes bodies of any length."""

    busy_status: ClassVar[int] = 429
    methods: ClassVar[str] = "GET, POST"

    def check(self, request: Request) -> Response | None:
        if request.path not in ("/lines", "/stream", "/a b"):
            return self.error(request, 404, "no such path")
        return None

    def reader(self, request: Request) -> BodyReader | None:
        return LineReader() if request.path == "/stream" else None

    def respond(self, request: Request, receipt: Receipt) -> Response:
        if request.method == "GET":
            return Response.json(200, {"query": request.query, "type": request.content_type}, [("X-Product", "lines")])
        if request.body == b"bug":
            raise ZeroDivisionError
        lines = [line for line in request.body.split(b"\n") if line]
        add_lines(lines, receipt)
        return Response.json(200, {"taken": len(lines)}) if lines else Response(204)

    def error_body(self, request: Request, status: int, detail: str, reason: Reason | None) -> tuple[bytes, str]:
        return f"{status} {request.header('X-Tenant', 'nobody')} {reason or '-'}: {detail}".encode(), "text/plain"


class LineInput(HttpServerInput):
    """
    Lines.

    Guarantee: as `HttpServerInput`.
    """

    Settings: ClassVar[type[HttpServerSettings]] = HttpServerSettings
    scheme: ClassVar[str] = "lines+http"

    def responder(self) -> LineResponder:
        return LineResponder(self.settings, self.name)


class Scene(NamedTuple):
    transport: FakeTransport
    intake: FakeIntake
    connections: Connections
    connection: HttpProtocol


def scene(**settings: Any) -> Scene:
    intake = FakeIntake()
    connections = Connections("lines", intake, asyncio.Protocol, max_connections=10, allow=AllowList(()))
    connection = LineInput(HttpServerSettings(name="lines", **settings)).protocol(connections, intake)
    return Scene(FakeTransport(connection), intake, connections, connection)


def ask(method: str, target: str, body: bytes = b"", *headers: str) -> bytes:
    lines = [f"{method} {target} HTTP/1.1", "Host: x", *([f"Content-Length: {len(body)}"] if body else []), *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def chunks(*parts: bytes, last: bool = True) -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + (b"0\r\n\r\n" if last else b"")


STREAM = b"POST /stream HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nX-Tenant: t\r\n\r\n"


def exchange(data: bytes, size: int = 0, **settings: Any) -> tuple[list[Answer], Scene]:
    async def main() -> Scene:
        made = scene(**settings)
        step = size or len(data)
        made.transport.feed(*(data[at : at + step] for at in range(0, len(data), step)))
        await settle()
        return made

    made = run(main())
    return answers(made.transport.written, head=data.startswith(b"HEAD")), made


@pytest.mark.parametrize("size", [0, 1], ids=["whole", "bytewise"])
def test_a_request_has_everything(size: int) -> None:
    """Method, decoded path, query, headers by any case, media type."""
    got, _ = exchange(ask("GET", "/a%20b?x=1&y=%C3%A4&x=2", b"", "content-TYPE: Text/Plain; charset=utf-8"), size)
    assert json.loads(got[0].body) == {"query": {"x": "2", "y": "ä"}, "type": "text/plain"}
    assert got[0].headers["x-product"] == "lines"
    assert got[0].headers["content-type"] == "application/json"


def test_messages_say_how_they_came() -> None:
    got, made = exchange(ask("POST", "/lines", b"one\ntwo"))
    assert json.loads(got[0].body) == {"taken": 2}
    assert made.intake.texts == ["one", "two"]
    assert made.intake.messages[0].input == "lines"
    assert isinstance(made.intake.messages[0].peer, Peer)


def test_no_content() -> None:
    """204 has no length, and the connection lives on."""
    _, made = exchange(ask("POST", "/lines", b"\n") + ask("POST", "/lines", b"one"))
    first, _, rest = made.transport.written.partition(b"\r\n\r\n")
    assert first.startswith(b"HTTP/1.1 204 No Content\r\n")
    assert b"content-length" not in first.lower()
    assert rest.startswith(b"HTTP/1.1 200 ")


def test_encodings_are_undone() -> None:
    got, made = exchange(
        ask("POST", "/lines", gzip.compress(b"one\ntwo"), "Content-Encoding: gzip")
        + ask("POST", "/lines", b"x", "Content-Encoding: br", "X-Tenant: t")
        + ask("POST", "/lines", gzip.compress(bytes(2000)), "Content-Encoding: gzip"),
        max_payload_bytes=1024,
    )
    assert [answer.status for answer in got] == [200, 415, 413]
    assert made.intake.texts == ["one", "two"]
    assert made.intake.reasons == ["unknown_compression", "payload_too_large"]
    assert got[1].body.startswith(b"415 t unknown_compression: Content-Encoding br")


@pytest.mark.parametrize("method", ["HEAD", "GET"])
def test_head_is_get_without_a_body(method: str) -> None:
    got, _ = exchange(ask(method, "/elsewhere"))
    assert (got[0].status, got[0].headers["content-length"]) == (404, "26")
    assert got[0].body == (b"404 nobody -: no such path" if method == "GET" else b"")


def test_a_raised_rejection_is_the_answer() -> None:
    """It is counted with its sender, and told in the protocol's own words; messages before it are taken."""
    got, made = exchange(ask("POST", "/lines", b"one\nnonsense\ntwo", "X-Tenant: t") + ask("POST", "/lines", b"three"))
    assert [answer.status for answer in got] == [400, 200]
    assert got[0].body == b"400 t invalid_json: a line that makes no sense"
    assert made.intake.texts == ["one", "three"]
    assert [(each.input, each.payload) for each in made.intake.rejected] == [("lines", b"nonsense")]


def test_a_bug_is_500_and_closes() -> None:
    got, made = exchange(ask("POST", "/lines", b"bug"))
    assert [answer.status for answer in got] == [500]
    assert made.transport.closed


def test_options_and_authorization_come_before_the_protocol() -> None:
    got, made = exchange(ask("OPTIONS", "/elsewhere") + ask("POST", "/lines", b"one"), token="t0ken")
    assert [answer.status for answer in got] == [200, 401]
    assert got[0].headers["allow"] == "GET, POST"
    assert got[1].headers["www-authenticate"].startswith("Basic")
    assert made.intake.messages == []


def test_full_buffers_have_the_status_of_the_protocol() -> None:
    async def main() -> None:
        transport, intake, _, _ = scene()
        intake.full = True
        transport.feed(ask("POST", "/lines", b"one", "X-Tenant: t"))
        (answer,) = answers(transport.written)
        assert (answer.status, answer.headers["retry-after"]) == (429, "1")
        assert answer.body.startswith(b"429 t ")

    run(main())


def test_what_is_not_safe_is_not_promised() -> None:
    """Only answers of requests with messages are taken back, in the protocol's words."""

    async def main() -> None:
        transport, intake, _, _ = scene()
        intake.unsafe = True
        transport.feed(ask("POST", "/lines", b"one", "X-Tenant: t", "Origin: http://a") + ask("GET", "/lines"))
        assert transport.written == b""
        intake.settle("disk full")
        first, second = answers(transport.written)
        assert [first.status, second.status] == [429, 200]
        assert b"disk full" in first.body
        assert first.headers["access-control-allow-origin"] == "http://a"

    run(main())


def test_a_stream_is_handed_over_as_it_comes() -> None:
    """Whatever its length: it may be longer than a body may be, and compressed; its answer comes at the end."""

    async def main() -> None:
        transport, intake, connections, connection = scene(max_body_bytes=1024)
        transport.feed(STREAM + chunks(b"one\ntw", last=False))
        assert intake.texts == ["one"]
        assert connections.pending_bytes == 2
        assert transport.written == b""
        for _ in range(100):
            transport.feed(chunks(b"o\n" + b"x" * 100 + b"\ntw", last=False))
        assert len(intake.messages) == 201
        transport.feed(chunks(b"o"))
        assert [answer.status for answer in answers(transport.written)] == [200]
        assert intake.texts[-1] == "two"
        assert connections.pending_bytes == 0
        transport.written = b""
        packed = gzip.compress(b"three\nfour")
        transport.feed(ask("POST", "/stream", packed, "Content-Encoding: gzip"))
        assert intake.texts[-2:] == ["three", "four"]
        assert not connection.expired(asyncio.get_running_loop().time())

    run(main())


def test_a_stream_goes_on_when_its_messages_are_safe() -> None:
    async def main() -> None:
        transport, intake, _, _ = scene()
        intake.unsafe = True
        transport.feed(STREAM + chunks(b"one\n", last=False))
        assert not transport.reading
        intake.settle()
        assert transport.reading
        transport.feed(chunks(b"two\n"))
        assert transport.written == b""
        intake.settle()
        assert [answer.status for answer in answers(transport.written)] == [200]

    run(main())


def test_a_stream_whose_beginning_was_lost_is_not_accepted() -> None:
    """Though the rest of it would be safe."""

    async def main() -> None:
        transport, intake, _, _ = scene()
        intake.unsafe = True
        transport.feed(STREAM + chunks(b"one\n", last=False))
        intake.settle("disk full")
        intake.unsafe = False
        transport.feed(chunks(b"two\n"))
        (answer,) = answers(transport.written)
        assert answer.status == 429
        assert b"disk full" in answer.body

    run(main())


def test_a_stream_that_makes_no_sense_is_refused_at_once() -> None:
    got, made = exchange(STREAM + chunks(b"one\nnonsense\n", last=False))
    assert [answer.status for answer in got] == [400]
    assert made.transport.closed
    assert (made.intake.texts, made.intake.reasons) == (["one"], ["invalid_json"])


def test_a_stream_in_an_encoding_that_cannot_be_read_piece_by_piece() -> None:
    got, made = exchange(ask("POST", "/stream", b"xxxx", "Content-Encoding: br"))
    assert [answer.status for answer in got] == [415]
    assert made.intake.reasons == ["unknown_compression"]


def test_a_stream_may_take_as_long_as_it_goes_on() -> None:
    async def main() -> None:
        transport, _, _, connection = scene(body_timeout_seconds=10)
        loop = asyncio.get_running_loop()
        transport.feed(STREAM)
        for _ in range(5):
            await asyncio.sleep(9)
            assert not connection.expired(loop.time())
            transport.feed(chunks(b"x\n", last=False))
        await asyncio.sleep(11)
        assert connection.expired(loop.time())
        connection.abort()
        await settle()

    run(main())


def test_repeated_headers_are_joined() -> None:
    """As RFC 9110 says; so a second Authorization does not replace the first."""
    got, _ = exchange(ask("POST", "/elsewhere", b"", "X-Tenant: a", "X-Tenant: b"))
    assert got[0].body.startswith(b"404 a, b ")
    got, made = exchange(
        ask("POST", "/lines", b"one", "Authorization: Bearer no", "Authorization: Bearer t0ken"), token="t0ken"
    )
    assert got[0].status == 401
    assert made.intake.messages == []


@pytest.mark.parametrize("target", ["/lines", "/elsewhere"])
def test_a_body_too_long_is_not_read_whatever_else_is_wrong(target: str) -> None:
    """Or a client that is refused anyway could have us read for a minute."""
    got, made = exchange(f"POST {target} HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n".encode())
    assert [answer.status for answer in got] == [413]
    assert made.transport.closed


def test_header_values_cannot_begin_another_header() -> None:
    """A responder may put into one what a client sent."""
    written = Response(200, headers=[("X-Name", "a\r\nSet-Cookie: b\n\0c")]).plain
    assert written.split(b"\r\n")[2] == b"X-Name: a Set-Cookie: b c"
