"""HttpConnection on a fake transport: every status, every way of cutting the bytes, every limit."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import logging
import zlib
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import pytest

from gelf_listener.errors import ConfigError, Rejected
from gelf_listener.inputs import turns
from gelf_listener.inputs.allow import AllowList
from gelf_listener.inputs.http import MAX_LINES, HttpInput, HttpSettings, body_frames
from gelf_listener.inputs.http_server.protocol import HttpProtocol
from gelf_listener.inputs.server_connections import Connections
from tests.unit.fakes import FakeIntake, FakeTransport, run, settle


class Scene(NamedTuple):
    transport: FakeTransport
    intake: FakeIntake
    connections: Connections
    connection: HttpProtocol


def scene(**settings: Any) -> Scene:
    """A connection on a fake transport; needs a running loop."""
    made = HttpInput(HttpSettings(**{"name": "web"} | settings))
    intake = FakeIntake()
    connections = Connections("web", intake, asyncio.Protocol, max_connections=10, allow=AllowList(()))
    connection = made.protocol(connections, intake)
    return Scene(FakeTransport(connection), intake, connections, connection)


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


def answers(written: bytes, *, head: bool = False) -> list[Answer]:
    """Read responses off the wire, strictly: nothing may be left over."""
    found = []
    while written:
        top, _, written = written.partition(b"\r\n\r\n")
        lines = top.decode().split("\r\n")
        status = int(lines[0].split(" ")[1])
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
        size = 0 if status in (100, 204) or head else int(headers["content-length"])
        found.append(Answer(status, headers, written[:size]))
        written = written[size:]
    return found


def post(body: bytes = b'{"short_message":"hello"}', *headers: str, path: str = "/gelf", version: str = "1.1") -> bytes:
    lines = [f"POST {path} HTTP/{version}", "Host: x", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def chunked(*chunks: bytes, trailer: bytes = b"") -> bytes:
    head = b"POST /gelf HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n" + trailer + b"\r\n"


def exchange(data: bytes, size: int = 0, **settings: Any) -> tuple[list[Answer], Scene]:
    """Feed a connection in pieces of a size (0: whole) and read what it answers."""

    async def main() -> Scene:
        made = scene(**settings)
        step = size or len(data)
        made.transport.feed(*(data[start : start + step] for start in range(0, len(data), step)))
        await settle()
        while made.connection._backlog:  # the rest has its turn later
            await settle()
        return made

    made = run(main())
    return answers(made.transport.written, head=data.startswith(b"HEAD")), made


HELLO = b'{"short_message":"hello"}'
RAW_DEFLATE = zlib.compressobj(wbits=-15)
DEFLATED = RAW_DEFLATE.compress(HELLO) + RAW_DEFLATE.flush()
RAW_BOMB = zlib.compressobj(wbits=-15)
BOMB = RAW_BOMB.compress(bytes(2000)) + RAW_BOMB.flush()
H2C = ("Upgrade: h2c", "Connection: Upgrade")
BASIC = "Authorization: Basic " + base64.b64encode(b"ann:secret").decode()

# name, request, settings, statuses, texts of messages, reasons of rejections
VECTORS: list[tuple[str, bytes, dict[str, Any], list[int], list[str], list[str]]] = [
    ("plain", post(), {}, [202], ["hello"], []),
    ("query in the path", post(path="/gelf?x=1"), {}, [202], ["hello"], []),
    ("slash behind the path", post(path="/gelf/"), {}, [202], ["hello"], []),
    ("own path", post(path="/logs/in"), {"path": "/logs/in"}, [202], ["hello"], []),
    ("gzip with the header", post(gzip.compress(HELLO), "Content-Encoding: gzip"), {}, [202], ["hello"], []),
    ("gzip without the header", post(gzip.compress(HELLO)), {}, [202], ["hello"], []),
    ("a header that lies", post(HELLO, "Content-Encoding: gzip"), {}, [202], ["hello"], []),
    ("zlib", post(zlib.compress(HELLO), "Content-Encoding: deflate"), {}, [202], ["hello"], []),
    ("raw deflate", post(DEFLATED, "Content-Encoding: deflate"), {}, [202], ["hello"], []),
    ("newline-delimited", post(HELLO + b"\n" + HELLO), {}, [202], ["hello", "hello"], []),
    ("newline-delimited gzip", post(gzip.compress(HELLO + b"\n" + HELLO)), {}, [202], ["hello", "hello"], []),
    ("over several lines", post(b'{\n"short_message":\n"hello"\n}'), {}, [202], ["hello"], []),
    ("array", post(b"[" + HELLO + b"," + HELLO + b"]"), {}, [202], ["hello", "hello"], []),
    ("concatenated", post(HELLO + HELLO), {}, [202], ["hello", "hello"], []),
    ("one good line of two", post(HELLO + b'\n{"x":1}'), {}, [202], ["hello"], ["no_message"]),
    ("chunked", chunked(HELLO[:5], HELLO[5:]), {}, [202], ["hello"], []),
    ("chunked with a trailer", chunked(HELLO, trailer=b"X-Sum: 1\r\n"), {}, [202], ["hello"], []),
    ("HTTP/1.0", post(version="1.0"), {}, [202], ["hello"], []),
    ("expect", post(HELLO, "Expect: 100-continue"), {}, [100, 202], ["hello"], []),
    ("offer of h2c", post(HELLO, "Upgrade: h2c", "Connection: Upgrade"), {}, [202], ["hello"], []),
    ("Basic", post(HELLO, BASIC), {"user": "ann", "password": "secret"}, [202], ["hello"], []),
    ("Basic in capitals", post(HELLO, BASIC.replace("Basic", "BASIC")), {"user": "ann", "password": "secret"}, [202], ["hello"], []),
    ("Bearer", post(HELLO, "Authorization: Bearer t0ken"), {"token": "t0ken"}, [202], ["hello"], []),
    ("no authorization", post(), {"token": "t0ken"}, [401], [], []),
    ("wrong token", post(HELLO, "Authorization: Bearer t0keN"), {"token": "t0ken"}, [401], [], []),
    ("wrong password", post(HELLO, BASIC), {"user": "ann", "password": "other"}, [401], [], []),
    ("no path", post(path="/other"), {}, [404], [], []),
    ("GET", b"GET /gelf HTTP/1.1\r\nHost: x\r\n\r\n", {}, [405], [], []),
    ("GET elsewhere", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", {}, [404], [], []),
    ("HEAD", b"HEAD /gelf HTTP/1.1\r\nHost: x\r\n\r\n", {}, [405], [], []),
    ("CONNECT", b"CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", {}, [405], [], []),
    ("OPTIONS", b"OPTIONS /gelf HTTP/1.1\r\nHost: x\r\nOrigin: http://a\r\n\r\n", {}, [200], [], []),
    ("no body", post(b""), {}, [400], [], ["empty_payload"]),
    ("not JSON", post(b"hello"), {}, [400], [], ["invalid_json"]),
    ("no message", post(b'{"x":1}'), {}, [400], [], ["no_message"]),
    ("damaged gzip", post(gzip.compress(HELLO)[:-9]), {}, [400], [], ["corrupt_compression"]),
    ("damaged deflate", post(b"\x07\x07\x07", "Content-Encoding: deflate"), {}, [400], [], ["corrupt_compression"]),
    ("cut deflate", post(DEFLATED[:-3], "Content-Encoding: deflate"), {}, [400], [], ["corrupt_compression"]),
    ("brotli", post(b"\x0b\x02", "Content-Encoding: br"), {}, [400], [], ["unknown_compression"]),
    ("a bomb", post(zlib.compress(bytes(2000))), {"max_payload_bytes": 1024}, [413], [], ["payload_too_large"]),
    ("a raw bomb", post(BOMB, "Content-Encoding: deflate"), {"max_payload_bytes": 1024}, [413], [], ["payload_too_large"]),
    ("h2c and a token", post(HELLO, *H2C, "Authorization: Bearer t0ken"), {"token": "t0ken"}, [202], ["hello"], []),
    ("h2c and a wrong token", post(HELLO, *H2C, "Authorization: Bearer x"), {"token": "t0ken"}, [401], [], []),
    ("h2c and gzip", post(gzip.compress(HELLO), *H2C, "Content-Encoding: gzip"), {}, [202], ["hello"], []),
    ("GET elsewhere with a token", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", {"token": "t0ken"}, [401], [], []),
    ("a TLS handshake", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", {}, [400], [], ["unexpected_protocol"]),
    ("Beats", b"2W\0\0\0\1", {}, [400], [], ["unexpected_protocol"]),
    ("not HTTP", b"\x01\x02\x03\r\n\r\n", {}, [400], [], ["unexpected_protocol"]),
    ("graylog: not JSON", post(b"hello"), {"mode": "graylog"}, [202], [], ["invalid_json"]),
    ("graylog: GET", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", {"mode": "graylog"}, [405], [], []),
    ("graylog: query in the path", post(path="/gelf?x=1"), {"mode": "graylog"}, [404], [], []),
]  # fmt: skip


def named(vectors: list[Any]) -> Any:
    return pytest.mark.parametrize("vector", vectors, ids=[vector[0] for vector in vectors])


def test_a_tls_handshake_is_explained() -> None:
    """As on a TCP input without TLS."""

    async def main() -> Rejected:
        made = scene()
        made.connection.data_received(b"\x16\x03\x01\x02\x00")
        await settle()
        return made.intake.rejected[0]

    assert "TLS handshake on a port without TLS" in run(main()).detail


@named(VECTORS)
@pytest.mark.parametrize("size", [0, 1, 7], ids=["whole", "bytewise", "sevens"])
def test_vectors(vector: Any, size: int) -> None:
    """Each request gets its answer, however its bytes are cut."""
    _, request, settings, statuses, texts, reasons = vector
    got, made = exchange(request, size, **settings)
    assert [answer.status for answer in got] == statuses
    assert made.intake.texts == texts
    assert made.intake.reasons == reasons
    for answer in got:
        if answer.status >= 400 and answer.body:
            assert json.loads(answer.body)["message"]


@pytest.mark.parametrize("size", [0, 1, 100], ids=["whole", "bytewise", "hundreds"])
def test_pipelined(size: int) -> None:
    """Requests that come at once are answered in order, and errors between them do not matter."""
    requests = [(vector[1], vector[3], vector[4]) for vector in VECTORS if not vector[2] and 400 not in vector[3]]
    keeping = [
        request
        for request in requests
        if b"HTTP/1.0" not in request[0] and not request[0].startswith((b"CONNECT", b"HEAD"))
    ]
    got, made = exchange(b"".join(request[0] for request in keeping), size)
    assert [answer.status for answer in got] == [status for request in keeping for status in request[1]]
    assert made.intake.texts == [text for request in keeping for text in request[2]]
    assert not made.transport.closed


def test_accepted_answer_keeps_the_connection() -> None:
    """202 has Content-Length: 0, or keep-alive clients wait for a body."""
    got, made = exchange(post())
    assert got == [Answer(202, {"server": "gelf-listener", "content-length": "0"}, b"")]
    assert not made.transport.closed


@pytest.mark.parametrize(
    ("request_", "closed"),
    [
        (post(HELLO, "Connection: close"), True),
        (post(version="1.0"), True),
        (post(HELLO, "Connection: keep-alive", version="1.0"), False),
        (post(HELLO, "Connection: keep-alive"), False),
        (post(b"hello"), False),
        (post(b"hello", "Connection: close"), True),
    ],
)
def test_who_closes(request_: bytes, closed: bool) -> None:
    """The connection ends when the client asks, by version or header, and says so."""
    got, made = exchange(request_)
    assert made.transport.closed is closed
    assert (got[0].headers.get("connection") == "close") is closed


def test_nothing_is_read_behind_the_last_answer() -> None:
    """What follows a request that closes is neither a message nor a rejection."""
    got, made = exchange(post(HELLO, "Connection: close") + post() + b"\x00\x01garbage")
    assert [answer.status for answer in got] == [202]
    assert (made.intake.texts, made.intake.reasons) == (["hello"], [])


@pytest.mark.parametrize("size", [0, 1], ids=["whole", "bytewise"])
@pytest.mark.parametrize(("length", "status"), [(1024, 202), (1025, 413)], ids=["at", "over"])
@pytest.mark.parametrize("coded", [False, True], ids=["length", "chunked"])
def test_max_body_bytes(length: int, status: int, size: int, coded: bool) -> None:
    """A body at the limit is taken; one byte more is 413 and closes: its rest is not read for nothing."""
    body = HELLO[:-1] + b" " * (length - len(HELLO)) + b"}"
    request = chunked(body[:700], body[700:]) if coded else post(body)
    got, made = exchange(request, size, max_body_bytes=1024)
    assert [answer.status for answer in got] == [status]
    assert made.transport.closed is (status == 413)
    assert made.intake.texts == (["hello"] if status == 202 else [])


def test_a_body_too_long_is_refused_before_it_is_sent() -> None:
    """With Expect, a client never sends what would be refused."""
    head = b"POST /gelf HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\nExpect: 100-continue\r\n\r\n"
    got, made = exchange(head[:-50] + head[-50:])
    assert got[0].status in (400, 413)
    got, made = exchange(head.replace(b"99999999999999999999", b"99999999999"))
    assert [answer.status for answer in got] == [413]
    assert made.transport.closed


def header_of(size: int) -> str:
    """A header that makes those of `post` (without a body's type) exactly so long, as the limit counts."""
    others = sum(len(line) + 2 for line in ("Host: x", f"Content-Length: {len(HELLO)}"))
    return "X: " + "y" * (size - others - len("X: ") - 2)


@pytest.mark.parametrize("size", [0, 1000, 1], ids=["whole", "thousands", "bytewise"])
@pytest.mark.parametrize(("length", "status"), [(32 * 1024, 202), (32 * 1024 + 1, 431)], ids=["at", "over"])
def test_header_bytes(length: int, status: int, size: int) -> None:
    """The limit counts headers, not the read they came in with: a whole request in one read is judged the same."""
    got, made = exchange(post(HELLO, header_of(length)), size)
    assert [answer.status for answer in got][:1] == [status]
    assert made.intake.texts == (["hello"] if status == 202 else [])


def test_headers_that_never_end() -> None:
    """They are cut off while they arrive."""
    got, made = exchange(b"POST /gelf HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 60_000, 4096)
    assert [answer.status for answer in got] == [431]
    assert made.transport.closed


@pytest.mark.parametrize(
    "rest", [b"0\r\nX: " + b"y" * 60_000, b"1;" + b"y" * 60_000], ids=["trailer", "chunk extension"]
)
def test_overhead_of_a_chunked_body_is_bounded(rest: bytes) -> None:
    """Neither a trailer nor a chunk extension fills memory: only bytes of the body may be many."""
    head = b"POST /gelf HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    got, made = exchange(head + rest, 4096)
    assert got[0].status in (400, 431)
    assert made.transport.closed


@pytest.mark.parametrize(("length", "status"), [(8192, 404), (8193, 431)], ids=["at", "over"])
def test_url_bytes(length: int, status: int) -> None:
    """A request target at the limit is looked at, a longer one is not; the next request is served."""
    got, made = exchange(post(path="/" + "x" * (length - 1)) + post())
    assert [answer.status for answer in got] == [status, 202]
    assert made.intake.texts == ["hello"]


def test_lines_of_a_body() -> None:
    """As many lines as allowed are cut; one more is refused whole."""
    assert len(body_frames(b"{}\n" * MAX_LINES)) == MAX_LINES
    with pytest.raises(Rejected, match="100001 lines, more than 100000"):
        body_frames(b"{}\n" * (MAX_LINES + 1))


@pytest.mark.parametrize(("count", "closed"), [(256, False), (257, True), (1000, True)], ids=["at", "over", "far over"])
def test_errors_per_read(monkeypatch: pytest.MonkeyPatch, count: int, closed: bool) -> None:
    """Tiny requests for long answers do not fill memory; as many good ones are all answered."""
    monkeypatch.setattr("gelf_listener.inputs.turns._FIRST_SLICE_BYTES", 1 << 20)
    got, made = exchange(b"GET / HTTP/1.1\r\n\r\n" * count)
    assert [answer.status for answer in got] == [404] * min(count, 257)
    assert made.transport.closed is closed
    got, made = exchange(post() * count)
    assert [answer.status for answer in got] == [202] * count
    assert not made.transport.closed


def test_401_stores_nothing_and_asks() -> None:
    """A browser or client learns how to authenticate."""
    got, made = exchange(post(), user="ann", password="secret")
    assert got[0].headers["www-authenticate"].startswith("Basic realm=")
    assert made.intake.messages == []


def test_user_without_password() -> None:
    """The two settings go together, and neither is printed."""
    with pytest.raises(ConfigError) as caught:
        HttpSettings.from_values({"password": "hunter2"}, "gelf+http://x")
    assert "user and password go together" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_cors() -> None:
    """Browsers of any origin may send; `cors=no` says nothing about it."""
    got, _ = exchange(post(HELLO, "Origin: http://shop.example"))
    assert got[0].headers["access-control-allow-origin"] == "http://shop.example"
    got, _ = exchange(post(HELLO, "Origin: http://shop.example"), cors=False)
    assert got[0].status == 202
    assert "access-control-allow-origin" not in got[0].headers


def test_full_buffers() -> None:
    """While buffers are full the answer is 503 with Retry-After, afterwards 202 again."""

    async def main() -> None:
        made = scene()
        made.intake.full = True
        made.transport.feed(post())
        made.intake.full = False
        made.transport.feed(post())
        got = answers(made.transport.written)
        assert [answer.status for answer in got] == [503, 202]
        assert got[0].headers["retry-after"] == "1"
        assert made.intake.texts == ["hello"]

    run(main())


def test_buffers_that_others_fill() -> None:
    """Who has little in them is answered 202, and read on."""

    async def main() -> None:
        made = scene()
        made.intake.full = made.intake.crowded = True
        assert made.connection.peer is not None
        made.intake.spared = {made.connection.peer.host}
        made.transport.feed(post())
        assert [answer.status for answer in answers(made.transport.written)] == [202]
        assert made.transport.reading

    run(main())


@pytest.mark.parametrize(("error", "status"), [(None, 202), ("disk full", 503)])
def test_answers_wait_until_messages_are_safe(error: str | None, status: int) -> None:
    async def main() -> None:
        transport, intake, _, _ = scene()
        intake.unsafe = True
        transport.feed(post() + post(b"nonsense") + post(HELLO, "Origin: http://a"))
        await settle()
        assert transport.written == b""
        assert not transport.reading
        assert intake.texts == ["hello", "hello"]
        intake.settle(error)
        first, second, third = answers(transport.written)
        assert [first.status, second.status, third.status] == [status, 400, status]
        assert third.headers["access-control-allow-origin"] == "http://a"
        if error is not None:
            assert first.headers["retry-after"] == "1"
            assert "disk full" in json.loads(first.body)["message"]
        assert transport.reading
        transport.written = b""
        intake.unsafe = False
        transport.feed(post())
        assert [answer.status for answer in answers(transport.written)] == [202]

    run(main())


def test_what_is_read_while_messages_become_safe_is_handed_over_and_answered_later() -> None:
    async def main() -> None:
        transport, intake, _, connection = scene()
        intake.unsafe = True
        connection.data_received(post())
        connection.data_received(post(b'{"short_message":"later"}', "Connection: close"))  # TLS had it already
        assert intake.texts == ["hello"]
        intake.settle("disk full")
        assert [answer.status for answer in answers(transport.written)] == [503]
        assert intake.texts == ["hello", "later"]
        intake.settle()
        assert [answer.status for answer in answers(transport.written)] == [503, 202]
        assert transport.closed

    run(main())


def test_time_until_messages_are_safe_is_not_the_clients() -> None:
    async def main() -> None:
        transport, intake, _, connection = scene()
        loop = asyncio.get_running_loop()
        intake.unsafe = True
        transport.feed(post() + post()[:20])
        await asyncio.sleep(60)
        assert not connection.expired(loop.time())
        intake.settle()
        assert not connection.expired(loop.time())
        assert connection.expired(loop.time() + 10.1)
        connection.abort()
        await settle()

    run(main())


def test_a_client_that_left_before_its_messages_are_safe() -> None:
    async def main() -> None:
        transport, intake, connections, connection = scene()
        intake.unsafe = True
        transport.feed(post())
        connection.abort()
        await settle()
        intake.settle()
        assert transport.written == b""
        assert len(connections) == 0

    run(main())


def test_crowded_buffers_stop_reading_until_calm() -> None:
    """The request that was read is answered; the next one waits."""

    async def main() -> None:
        made = scene()
        made.intake.crowded = True
        made.transport.feed(post())
        assert not made.transport.reading
        assert answers(made.transport.written)[0].status == 202
        made.intake.relax()
        assert made.transport.reading

    run(main())


def test_crowded_buffers_keep_a_request_waiting_for_a_second_at_most() -> None:
    """A client that waits wants an answer, if only 503."""

    async def main() -> None:
        made = scene()
        made.intake.crowded = True
        made.transport.feed(post())
        await asyncio.sleep(0.9)
        assert not made.transport.reading
        await asyncio.sleep(0.2)
        assert made.transport.reading

    run(main())


def test_a_peer_that_reads_no_answers_is_not_read() -> None:
    """Or its answers would fill our memory; and back-pressure does not wake it up."""

    async def main() -> None:
        made = scene()
        made.connection.pause_writing()
        assert not made.transport.reading
        made.intake.crowded = True
        made.transport.feed(post())
        made.intake.relax()
        await asyncio.sleep(5)
        assert not made.transport.reading
        made.connection.resume_writing()
        assert made.transport.reading

    run(main())


def test_a_bug_is_ours() -> None:
    """An error in our own code is 500 and in the log, not the peer's fault."""

    async def main() -> None:
        made = scene()
        made.connection._take = lambda *_, **__: 1 / 0  # type: ignore[method-assign,assignment]
        made.transport.feed(post())
        assert [answer.status for answer in answers(made.transport.written)] == [500]
        assert made.transport.closed
        assert made.intake.rejected == []

    logging.disable(logging.CRITICAL)
    try:
        run(main())
    finally:
        logging.disable(logging.NOTSET)


@pytest.mark.parametrize(
    ("data", "seconds"),
    [
        (b"", 75),
        (post(), 75),
        (b"POST /gelf HTTP/1.1\r\nHost:", 10),
        (post()[:-3], 60),
    ],
    ids=["before a request", "after a request", "in the headers", "in the body"],
)
def test_timeouts(data: bytes, seconds: float) -> None:
    """At the limit a connection is kept, a moment later it is not."""

    async def main() -> None:
        made = scene()
        made.transport.feed(data)
        now = asyncio.get_running_loop().time()
        assert not made.connection.expired(now + seconds)
        assert made.connection.expired(now + seconds + 0.01)

    run(main())


def test_a_slow_drip_does_not_extend_a_timeout() -> None:
    """Each stage has its time however its bytes come: slowloris gets nowhere."""

    async def main() -> None:
        made = scene(header_timeout_seconds=10)
        made.transport.feed(b"POST /gelf HTTP/1.1\r\n")
        for _ in range(11):
            await asyncio.sleep(1)
            made.transport.feed(b"X: y\r\n")
        assert made.connection.expired(asyncio.get_running_loop().time())

    run(main())


Act = Callable[[Scene], Awaitable[None] | None]


@pytest.mark.parametrize("end", ["abort", "finish", "connection_lost"])
def test_ends(end: str) -> None:
    """However a connection ends, it is forgotten once, and later bytes are nothing."""

    async def main() -> None:
        made = scene()
        made.transport.feed(post() + post()[:-1])
        assert len(made.connections) == 1
        if end == "connection_lost":
            made.transport.close()
        else:
            getattr(made.connection, end)()
        await settle()
        made.connection.data_received(b"}")
        made.connection.resume()
        made.connection.resume_writing()
        await settle()
        assert len(made.connections) == 0
        assert made.intake.texts == ["hello"]
        assert [answer.status for answer in answers(made.transport.written)] == [202]

    run(main())


def test_names_and_urls() -> None:
    """An input is called by its scheme and port unless it has a name."""
    assert HttpInput(HttpSettings(port=1234)).name == "gelf+http-1234"
    assert HttpInput(HttpSettings(name="web")).name == "web"
    assert HttpInput(HttpSettings()).counters() == {}


LINES = b"a\n" * 3000
DOCUMENTS = b",".join([b'{"short_message":"d"}'] * 3000)


@pytest.mark.parametrize(
    ("body", "headers", "text"),
    [
        (LINES, ["Content-Type: text/plain"], "a"),
        (gzip.compress(LINES), ["Content-Type: text/plain", "Content-Encoding: gzip"], "a"),
        (LINES * 20, ["Content-Type: text/plain"], "a"),
        (b"[" + DOCUMENTS + b"]", [], "d"),
        (DOCUMENTS.replace(b",", b"\n"), [], "d"),
        (gzip.compress(b"[" + DOCUMENTS + b"]"), [], "d"),
        (zlib.compress(DOCUMENTS.replace(b",", b"")), [], "d"),
    ],
    ids=["lines", "packed lines", "many lines", "array", "documents", "packed array", "packed documents"],
)
def test_others_have_their_turn_while_a_body_is_decoded(
    body: bytes, headers: list[str], text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However short it is, and whatever is in it: a hundred bytes of gzip can be a second of work."""
    monkeypatch.setattr(turns, "TURN_SECONDS", 0.0)

    async def main() -> None:
        made = scene()
        made.transport.feed(post(body, *headers))
        count, steps = 0, 0
        while made.connection._backlog:
            steps += 1
            made.connection._backlog.work()
            taken = len(made.intake.texts) + len(made.connection._receipt.batch.messages)
            assert taken - count <= 130, "in one step"
            assert len(made.connection._receipt.batch.messages) < 1200, "before they go on"
            count = taken
        assert steps > 20
        assert [answer.status for answer in answers(made.transport.written)] == [202]
        assert set(made.intake.texts) == {text}
        assert len(made.intake.texts) == (60_000 if body == LINES * 20 else 3000)

    run(main())


def test_order_of_requests_that_take_steps() -> None:
    """Two of one read, a short one behind them: messages and answers come in their order."""
    first, second = (b"\n".join([b'{"short_message":"%s%d"}' % (name, n) for n in range(500)]) for name in (b"a", b"b"))
    found, made = exchange(post(first) + post(second) + post())
    assert [answer.status for answer in found] == [202, 202, 202]
    assert made.intake.texts == [*(f"a{n}" for n in range(500)), *(f"b{n}" for n in range(500)), "hello"]


def test_a_long_body_waits_for_room() -> None:
    """Its messages go on while it is decoded, and it is decoded no faster than they are written; for a second, then on."""
    body = gzip.compress(LINES)

    async def main() -> None:
        for calm in (True, False):
            made = scene()
            made.intake.crowded = True
            made.transport.feed(post(body, "Content-Type: text/plain", "Content-Encoding: gzip"))
            await settle()
            assert len(made.intake.texts) < 2000
            assert made.transport.written == b""
            if calm:
                made.intake.relax()
            else:
                await asyncio.sleep(2)
            await settle()
            while made.connection._backlog:
                await settle()
            assert made.intake.texts == ["a"] * 3000
            assert [answer.status for answer in answers(made.transport.written)] == [202]

    run(main())


def test_messages_that_went_on_are_safe_before_the_answer() -> None:
    """All of a long body; and where they cannot be made safe, it is not promised."""

    async def main() -> None:
        for error, status in ((None, 202), ("full", 503)):
            made = scene()
            made.intake.unsafe = True
            made.transport.feed(post(LINES[:-2] + b"\n" * 2, "Content-Type: text/plain"))
            await settle()
            while made.connection._backlog:
                await settle()
            assert made.transport.written == b""
            made.intake.settle(error)
            await settle()
            assert [answer.status for answer in answers(made.transport.written)] == [status]

    run(main())
