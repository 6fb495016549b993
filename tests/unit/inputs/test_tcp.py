"""TcpConnection on a fake transport: frames however they are cut, other protocols, limits, ends."""

from __future__ import annotations

import asyncio
import pickle
import struct
import zlib
from typing import Any, NamedTuple

import pytest

from gelf_listener.errors import Rejected
from gelf_listener.inputs import turns
from gelf_listener.inputs.allow import AllowList
from gelf_listener.inputs.server_connections import Connections
from gelf_listener.inputs.tcp import TcpConnection, TcpInput, TcpSettings
from gelf_listener.message import Message, Peer
from tests.unit.fakes import PEER, FakeIntake, FakeTransport, run, settle

HELLO = b'{"short_message":"hello"}'
AGAIN = b'{"short_message":"again"}'
POST = b"POST /gelf HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s" % (len(HELLO), HELLO)
PICKLE = pickle.dumps({"msg": "hello", "levelno": 20}, 1)
SOCKET_HANDLER = struct.pack(">L", len(PICKLE)) + PICKLE
LUMBERJACK = b"2W\0\0\0\1" + b'2J\0\0\0\1\0\0\0\x0f{"message":"x"}'
CLIENT_HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"


class Scene(NamedTuple):
    transport: FakeTransport
    intake: FakeIntake
    connections: Connections
    connection: TcpConnection


def scene(**settings: Any) -> Scene:
    """A connection on a fake transport; needs a running loop."""
    made = TcpSettings(**{"name": "tcp"} | settings)
    intake = FakeIntake()
    connections = Connections("tcp", intake, asyncio.Protocol, max_connections=10, allow=AllowList(()))
    connection = TcpInput(made).protocol(connections, intake)
    return Scene(FakeTransport(connection), intake, connections, connection)


def exchange(data: bytes, size: int = 0, *, end: bool = False, **settings: Any) -> Scene:
    async def main() -> Scene:
        made = scene(**settings)
        step = size or len(data)
        made.transport.feed(*(data[start : start + step] for start in range(0, len(data), step)))
        if end and not made.transport.closed:
            made.transport.feed_eof()
        await settle()
        return made

    return run(main())


# name, bytes, texts, reasons, whether the peer ends the stream
VECTORS: list[tuple[str, bytes, list[str], list[str], bool]] = [
    ("NUL", HELLO + b"\0" + AGAIN + b"\0", ["hello", "again"], [], False),
    ("newline", HELLO + b"\n" + AGAIN + b"\n", ["hello", "again"], [], False),
    ("CRLF and NUL", HELLO + b"\r\n\0" + AGAIN + b"\r\n\0", ["hello", "again"], [], False),
    ("nothing before the end", HELLO, ["hello"], [], True),
    ("leading NULs", b"\0\0\0\0\0\0" + HELLO + b"\0", ["hello"], [], False),
    ("compressed", zlib.compress(HELLO) + b"\0" + AGAIN + b"\0", ["hello", "again"], [], False),
    ("capital letters that are not HTTP", b"POSTAL\0" + HELLO + b"\0", ["hello"], ["invalid_json"], False),
    ("half a frame", HELLO + b"\0" + AGAIN[:9], ["hello"], ["frame_truncated"], True),
    ("garbage frame", b"garbage\0" + HELLO + b"\0", ["hello"], ["invalid_json"], False),
    ("nothing", b"\0", [], [], True),
    ("TLS", CLIENT_HELLO, [], ["unexpected_protocol"], False),
    ("pickle", SOCKET_HANDLER, [], ["unexpected_protocol"], False),
    ("Beats", LUMBERJACK, [], ["unexpected_protocol"], False),
    ("a number", b"2\0" + HELLO + b"\0", ["hello"], ["not_an_object"], False),
    (
        "JSON of another logger",
        b'{"@timestamp":"2026-11-30T19:28:00.606Z","message":"hi","host":"web1"}\n',
        ["hi"],
        [],
        False,
    ),
    ("HTTP", POST + POST, ["hello", "hello"], [], False),
    ("a method that never ends", b"POS", [], ["invalid_json"], True),
]


@pytest.mark.parametrize("vector", VECTORS, ids=[vector[0] for vector in VECTORS])
@pytest.mark.parametrize("size", [0, 1, 5], ids=["whole", "bytewise", "fives"])
def test_vectors(vector: Any, size: int) -> None:
    """What a peer sends gives the same messages and rejections however it is cut."""
    _, data, texts, reasons, end = vector
    made = exchange(data, size, end=end)
    assert made.intake.texts == texts
    assert made.intake.reasons == reasons
    everything: list[Message | Rejected] = [*made.intake.messages, *made.intake.rejected]
    for taken in everything:
        assert taken.peer == PEER
        assert taken.input == "tcp"


def test_nothing_is_written_to_a_gelf_connection() -> None:
    """Clients that read would take it for an answer."""
    made = exchange(HELLO + b"\0garbage\0", end=True)
    assert made.transport.written == b""


@pytest.mark.parametrize("data", [CLIENT_HELLO, SOCKET_HANDLER, LUMBERJACK], ids=["TLS", "pickle", "Beats"])
def test_refused_protocols_close(data: bytes) -> None:
    """They will never make sense; what follows is not looked at."""
    made = exchange(data + HELLO + b"\0")
    assert made.transport.aborted
    assert len(made.intake.rejected) == 1
    assert made.intake.messages == []
    assert len(made.connections) == 0


def test_http_can_be_turned_off() -> None:
    """Then a request is lines that are not GELF."""
    made = exchange(POST, end=True, http=False)
    assert made.transport.written == b""
    assert "invalid_json" in made.intake.reasons


def test_http_answers_and_is_counted_once() -> None:
    """A connection that turns out to speak HTTP stays one connection."""

    async def main() -> None:
        made = scene()
        made.transport.feed(POST[:10], POST[10:])
        assert made.transport.written.startswith(b"HTTP/1.1 202 Accepted")
        assert len(made.connections) == 1
        made.transport.close()
        await settle()
        assert len(made.connections) == 0

    run(main())


@pytest.mark.parametrize("size", [0, 1], ids=["whole", "bytewise"])
@pytest.mark.parametrize(("length", "taken"), [(1024, True), (1025, False)], ids=["at", "over"])
def test_max_frame_bytes(length: int, taken: bool, size: int) -> None:
    """A frame at the limit is taken, a longer one is rejected, and an honest one afterwards is taken."""
    long = b'{"short_message":"%s"}' % (b"x" * (length - len(b'{"short_message":""}')))
    made = exchange(long + b"\0" + HELLO + b"\0", size, max_frame_bytes=1024)
    assert made.intake.texts[-1] == "hello"
    assert len(made.intake.messages) == 1 + taken
    assert made.intake.reasons == ([] if taken else ["frame_too_large"])


def test_back_pressure() -> None:
    """A crowded intake stops reading; what was read is kept; calm reads on."""

    async def main() -> None:
        made = scene()
        made.intake.crowded = True
        made.transport.feed(HELLO + b"\0")
        assert made.intake.texts == ["hello"]
        assert not made.transport.reading
        made.intake.relax()
        assert made.transport.reading
        made.transport.feed(AGAIN + b"\0")
        assert made.intake.texts == ["hello", "again"]
        assert made.transport.reading

    run(main())


def test_others_that_crowd_the_intake_hold_up_nobody() -> None:
    """Who has little there is read, at once or when its messages are written, though the intake never gets calm."""

    async def main() -> None:
        made = scene()
        made.intake.crowded = True
        assert made.connection.peer is not None
        made.intake.spared = {made.connection.peer.host}
        made.transport.feed(HELLO + b"\0")
        assert made.transport.reading
        made.intake.spared = set()
        made.transport.feed(HELLO + b"\0")
        assert not made.transport.reading
        await asyncio.sleep(5)
        assert not made.transport.reading
        made.intake.spared = {made.connection.peer.host}
        await asyncio.sleep(0.1)
        assert made.transport.reading
        assert len(made.intake.texts) == 2

    run(main())


def test_idle_timeout() -> None:
    """At the limit a connection stays, later it is expired; a message starts the time again."""

    async def main() -> None:
        made = scene(idle_timeout_seconds=10)
        now = asyncio.get_running_loop().time
        await asyncio.sleep(10)
        assert not made.connection.expired(now())
        await asyncio.sleep(0.1)
        assert made.connection.expired(now())
        made.transport.feed(HELLO + b"\0")
        assert not made.connection.expired(now())

    run(main())


def test_half_a_frame_does_not_keep_a_connection_alive() -> None:
    """A slow drip is idle; the default is to wait indefinitely, as Graylog does."""

    async def main() -> None:
        drip, patient = scene(idle_timeout_seconds=10), scene()
        for _ in range(11):
            await asyncio.sleep(1)
            drip.transport.feed(b"{")
        now = asyncio.get_running_loop().time()
        assert drip.connection.expired(now)
        assert not patient.connection.expired(now + 1e9)

    run(main())


def test_waiting_for_us_is_not_idling() -> None:
    """A connection that back-pressure stopped has its whole idle time when it goes on."""

    async def main() -> None:
        made = scene(idle_timeout_seconds=10)
        made.intake.crowded = True
        made.transport.feed(HELLO + b"\0")
        await asyncio.sleep(60)
        now = asyncio.get_running_loop().time()
        assert not made.connection.expired(now)
        made.intake.relax()
        assert not made.connection.expired(now + 10)
        assert made.connection.expired(now + 10.1)

    run(main())


@pytest.mark.parametrize("end", ["abort", "finish", "close"])
def test_ends(end: str) -> None:
    """However a connection ends, its last whole frame is taken, and it is forgotten once."""

    async def main() -> None:
        made = scene()
        made.transport.feed(HELLO + b"\0" + AGAIN)
        getattr(made.transport if end == "close" else made.connection, end)()
        await settle()
        made.connection.data_received(HELLO + b"\0")
        made.connection.resume()
        made.connection.abort()
        made.connection.finish()
        assert made.intake.texts == ["hello", "again"]
        assert made.intake.reasons == []
        assert len(made.connections) == 0

    run(main())


def test_a_peer_that_is_gone_already() -> None:
    """A transport may know no peer name any more; the message is taken all the same."""

    async def main() -> None:
        made = TcpInput(TcpSettings(http=False))
        intake = FakeIntake()
        connections = Connections("tcp", intake, asyncio.Protocol, max_connections=1, allow=AllowList(()))
        connection = made.protocol(connections, intake)
        transport = FakeTransport(connection, None)
        transport.feed(HELLO + b"\0")
        transport.close()
        await settle()
        assert intake.texts == ["hello"]
        assert intake.messages[0].peer is None
        assert len(connections) == 0

    run(main())


def test_peers_have_no_scope() -> None:
    """The interface of a link-local address is not a part of the peer."""

    async def main() -> None:
        made = TcpInput(TcpSettings(http=False))
        intake = FakeIntake()
        connections = Connections("tcp", intake, asyncio.Protocol, max_connections=1, allow=AllowList(()))
        connection = made.protocol(connections, intake)
        FakeTransport(connection, ("fe80::1%eth0", 5, 0, 2))
        assert connection.peer == Peer("fe80::1", 5)

    run(main())


def test_names() -> None:
    """An input is called by its scheme and port unless it has a name."""
    assert TcpInput(TcpSettings(port=1234)).name == "gelf+tcp-1234"
    assert TcpInput(TcpSettings(name="n")).name == "n"
    assert TcpInput(TcpSettings()).counters() == {}


def test_others_have_their_turn_while_a_frame_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    """One with thousands of documents, plain or compressed; what comes behind it, and the end, wait for it."""
    monkeypatch.setattr(turns, "TURN_SECONDS", 0.0)
    documents = b",".join([b'{"short_message":"d%d"}' % number for number in range(3000)])
    texts = [*(f"d{number}" for number in range(3000)), "hello"]

    async def main() -> None:
        for frame in (b"[" + documents + b"]", zlib.compress(b"[" + documents + b"]")):
            made = scene()
            made.transport.feed(frame + b"\0" + HELLO + b"\0")
            made.connection.eof_received()
            assert len(made.intake.texts) < 100
            while made.connection._backlog:
                before = len(made.intake.texts)
                made.connection._backlog.work()
                assert len(made.intake.texts) - before <= 130, "in one step"
            assert made.intake.texts == texts
            assert made.transport.closed
            ended = scene()
            ended.transport.feed(frame + b"\0" + HELLO)
            ended.connection.finish()
            assert ended.intake.texts == texts

    run(main())
