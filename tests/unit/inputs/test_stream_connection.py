"""StreamConnection around a session: answers wait for safety, ends lose nothing, a bug stays in its connection."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, NamedTuple

import pytest

from gelf_listener.codec import Receipt, Session
from gelf_listener.errors import Reason, Rejected
from gelf_listener.inputs.allow import AllowList
from gelf_listener.inputs.listening import SessionSettings
from gelf_listener.inputs.server_connections import Connections
from gelf_listener.inputs.stream_connection import StreamConnection
from tests.unit.fakes import PEER, FakeIntake, FakeTransport, run, settle


class Lines(Session):
    """Each line a message, acknowledged with its text; some lines mean something else."""

    greeting = b"hello\n"

    def __init__(self) -> None:
        self._partial = b""

    @property
    def pending_bytes(self) -> int:
        return len(self._partial)

    def feed(self, data: bytes, receipt: Receipt) -> bytes:
        *lines, self._partial = (self._partial + data).split(b"\n")
        answer = b""
        for line in lines:
            if line == b"quit":
                self.ended = True
            elif line == b"bug":
                raise ZeroDivisionError
            elif line == b"nonsense":
                raise Rejected(Reason.INVALID_JSON, "the stream makes no sense", line)
            else:
                receipt.add(receipt.message(line, timestamp=1.0, host="h", short_message=line.decode()))
                answer += b"ok " + line + b"\n"
        return answer

    def feed_eof(self, receipt: Receipt) -> bytes:
        return self.feed(b"\n", receipt) if self._partial else b""


class Scene(NamedTuple):
    transport: FakeTransport
    intake: FakeIntake
    connections: Connections
    connection: StreamConnection


def scene(**settings: Any) -> Scene:
    intake = FakeIntake()
    connections = Connections("lines", intake, asyncio.Protocol, max_connections=10, allow=AllowList(()))
    connection = StreamConnection(connections, intake, Lines(), SessionSettings(**settings), "lines")
    return Scene(FakeTransport(connection), intake, connections, connection)


def test_messages_are_acknowledged() -> None:
    """After the greeting, each message of a read in order; they carry peer and input."""

    async def main() -> None:
        transport, intake, _, _ = scene()
        transport.feed(b"one\ntw", b"o\nthree\n")
        assert transport.written == b"hello\nok one\nok two\nok three\n"
        assert intake.texts == ["one", "two", "three"]
        assert {(taken.peer, taken.input) for taken in intake.messages} == {(PEER, "lines")}
        assert transport.reading

    run(main())


def test_answers_wait_until_messages_are_safe() -> None:
    """Nothing is read meanwhile; what TLS had read already is answered in order."""

    async def main() -> None:
        transport, intake, _, connection = scene()
        intake.unsafe = True
        connection.data_received(b"one\n")
        connection.data_received(b"two\n")
        assert transport.written == b"hello\n"
        assert not transport.reading
        assert not connection.expired(asyncio.get_running_loop().time() + 1e9)
        intake.settle()
        assert transport.written == b"hello\nok one\nok two\n"
        assert transport.reading

    run(main())


def test_what_is_not_safe_is_not_acknowledged() -> None:
    """The connection is closed, so that the sender keeps the messages."""

    async def main() -> None:
        transport, intake, connections, _ = scene()
        intake.unsafe = True
        transport.feed(b"one\n")
        intake.settle("disk full")
        await settle()
        assert transport.written == b"hello\n"
        assert transport.aborted
        assert len(connections) == 0

    run(main())


@pytest.mark.parametrize("unsafe", [False, True])
def test_the_end_of_a_stream_is_answered(unsafe: bool) -> None:
    """A client that shuts down its side still gets its last acknowledgement, then the connection closes."""

    async def main() -> None:
        transport, intake, _, _ = scene()
        intake.unsafe = unsafe
        transport.feed(b"last")
        transport.feed_eof()
        intake.settle()
        await settle()
        assert transport.written == b"hello\nok last\n"
        assert transport.closed
        assert not transport.aborted

    run(main())


@pytest.mark.parametrize("unsafe", [False, True])
def test_a_session_may_end_the_connection(unsafe: bool) -> None:
    """What it answered before is sent first, and nothing behind it is read."""

    async def main() -> None:
        transport, intake, connections, connection = scene()
        intake.unsafe = unsafe
        transport.feed(b"one\nquit\n")
        connection.data_received(b"two\n")
        intake.settle()
        await settle()
        assert transport.written == b"hello\nok one\n"
        assert transport.closed
        assert intake.texts == ["one"]
        assert len(connections) == 0

    run(main())


def test_a_stream_that_makes_no_sense_is_closed() -> None:
    """Messages before it are taken, the rest is one rejection with its sender; nothing is acknowledged."""

    async def main() -> None:
        transport, intake, _, _ = scene()
        transport.feed(b"one\nnonsense\ntwo\n")
        await settle()
        assert transport.aborted
        assert transport.written == b"hello\n"
        assert intake.texts == ["one"]
        assert [(each.reason, each.peer, each.input) for each in intake.rejected] == [
            (Reason.INVALID_JSON, PEER, "lines")
        ]

    run(main())


def test_a_bug_ends_its_connection_and_is_seen(caplog: pytest.LogCaptureFixture) -> None:
    """Not the input: what came before is taken, and the log has the traceback."""

    async def main() -> None:
        transport, intake, connections, _ = scene()
        with caplog.at_level(logging.ERROR):
            transport.feed(b"one\nbug\n")
        await settle()
        assert transport.aborted
        assert (intake.texts, intake.reasons) == (["one"], ["unexpected_protocol"])
        assert "ZeroDivisionError" in caplog.text
        assert len(connections) == 0

    run(main())


def test_a_peer_that_reads_no_answers_is_not_read() -> None:
    async def main() -> None:
        transport, intake, _, connection = scene()
        connection.pause_writing()
        assert not transport.reading
        intake.crowded = True
        connection.data_received(b"one\n")
        connection.resume_writing()
        assert not transport.reading  # for there is no room yet
        intake.relax()
        assert transport.reading

    run(main())


def test_finish_waits_for_what_is_answered() -> None:
    """When the input closes, acknowledgements that are on their way are sent."""

    async def main() -> None:
        transport, intake, _, connection = scene()
        intake.unsafe = True
        transport.feed(b"one\n")
        connection.finish()
        assert not transport.closed
        intake.settle()
        assert transport.written == b"hello\nok one\n"
        assert transport.closed
        await settle()

    run(main())


def test_a_client_that_left_before_its_messages_are_safe() -> None:
    async def main() -> None:
        transport, intake, connections, connection = scene()
        intake.unsafe = True
        transport.feed(b"one\n")
        connection.abort()
        await settle()
        intake.settle()
        assert transport.written == b"hello\n"
        assert len(connections) == 0

    run(main())


def test_unfinished_messages_are_counted() -> None:
    async def main() -> None:
        transport, _, connections, connection = scene()
        transport.feed(b"half a mess")
        assert connections.pending_bytes == 11
        transport.feed(b"age\n")
        assert connections.pending_bytes == 0
        connection.abort()
        await settle()

    run(main())


def test_tls_is_told() -> None:
    """A handshake makes no sense to any session."""

    async def main() -> None:
        transport, intake, _, _ = scene()
        transport.feed(b"\x16", b"\x03\x01\x02\x00")
        await settle()
        assert transport.aborted
        assert intake.reasons == ["unexpected_protocol"]

    run(main())
