"""gelf+tcp, gelf+udp, syslog and what carries them: framing, destinations that are away or behave badly, loops."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Self

import pytest

from gelf_listener.codec.batch import Batch
from gelf_listener.codec.gelf.decoder import GelfDecoder
from gelf_listener.codec.syslog.decoder import SyslogDecoder
from gelf_listener.errors import ConfigError, OutputError, Refused, Retry
from gelf_listener.message import Message, Peer
from gelf_listener.outputs.forwarding import Forwarding, Loop
from gelf_listener.outputs.gelf_tcp import GelfTcpOutput
from gelf_listener.outputs.gelf_udp import GelfUdpOutput
from gelf_listener.outputs.syslog import SyslogTcpOutput, SyslogUdpOutput
from gelf_listener.testing.contracts import run
from tests.unit.outputs.messages import make_batch, make_message

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Stream:
    """A server of TCP that keeps what it reads; a test may say how it behaves instead."""

    def __init__(self, serve: Serve | None = None) -> None:
        self.data = b""
        self.connections = 0
        self._serve = serve or self._read
        self._server: asyncio.Server

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._begin, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    @property
    def port(self) -> int:
        return int(self._server.sockets[0].getsockname()[1])

    async def until(self, size: int) -> bytes:
        """Wait for so many bytes."""
        async with asyncio.timeout(60):
            while len(self.data) < size:
                await asyncio.sleep(0.001)
        return self.data

    async def _begin(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            await self._serve(reader, writer)
        finally:
            writer.close()

    async def _read(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            self.data += data
        writer.close()


def tcp(kind: type[Any], port: int, **settings: Any) -> Any:
    return kind(kind.Settings(host="127.0.0.1", port=port, **{"timeout_seconds": 5, **settings}))


async def sent(kind: type[Any], messages: Sequence[Message], **settings: Any) -> bytes:
    """What arrives of a batch."""
    async with Stream() as stream:
        output = tcp(kind, stream.port, **settings)
        await output.start()
        await output.write(messages)
        await output.close()
        await asyncio.sleep(0.01)
        return stream.data


def test_framing() -> None:
    """A delimiter behind each; a payload that contains it is written again, which says the same."""
    spaced = make_message("a", raw=b'{"host":\n"h","short_message":"a\\u0000"}')
    data = asyncio.run(sent(GelfTcpOutput, [spaced, make_message("b")], framing="newline"))
    first, second, rest = data.split(b"\n")
    assert json.loads(first) == {"host": "h", "short_message": "a\0"}
    assert json.loads(second)["short_message"] == "b"
    assert rest == b""
    data = asyncio.run(sent(GelfTcpOutput, [spaced, make_message("b")]))
    assert data.split(b"\0")[0] == spaced.raw
    assert data.count(b"\0") == 2


def test_a_far_side_that_closed_is_noticed_before_writing() -> None:
    """Else the first batch after it would be lost without a word."""

    async def main() -> None:
        async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if stream.connections == 1:
                writer.close()
            else:
                await stream._read(reader, writer)

        async with Stream(hang_up) as stream:
            output = tcp(GelfTcpOutput, stream.port)
            await output.start()
            while output._connection.lost is None:
                await asyncio.sleep(0.001)
            await output.write([make_message("a")])
            await stream.until(10)
            assert (stream.connections, output.counters()["connections_total"]) == (2, 2)
            await output.close()

    run(main())


def test_a_far_side_that_breaks_the_connection() -> None:
    """While it has not taken everything: the batch comes again."""

    async def main() -> None:
        async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(10)
            writer.transport.abort()

        async with Stream(reset) as stream:
            output = tcp(GelfTcpOutput, stream.port)
            await output.start()
            with pytest.raises(Retry):
                await output.write([make_message("a" * 5_000_000)] * 3)
            assert output.counters()["written_messages_total"] == 0
            await output.close()

    run(main())


def test_a_far_side_that_does_not_read() -> None:
    """Has its time; then the batch comes again, on another connection."""

    async def main() -> None:
        async def sleep(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            reader._transport.pause_reading()  # type: ignore[attr-defined]
            await asyncio.sleep(3600)

        async with Stream(sleep) as stream:
            output = tcp(GelfTcpOutput, stream.port, timeout_seconds=0.3)
            await output.start()
            with pytest.raises(Retry, match="no answer in time"):
                await output.write([make_message("a" * 5_000_000)] * 3)
            await output.close()

    run(main())


def test_a_far_side_that_is_slow() -> None:
    """Takes longer for a batch than it may be silent: the batch arrives once, by one connection."""

    async def main() -> None:
        async def sip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            while not reader.at_eof():
                await asyncio.sleep(0.25)
                with contextlib.suppress(asyncio.IncompleteReadError):
                    stream.data += await reader.readexactly(1_000_000)

        async with Stream(sip) as stream:
            output = tcp(GelfTcpOutput, stream.port, timeout_seconds=2)
            await output.start()
            began = asyncio.get_running_loop().time()
            await output.write([make_message("a" * 5_000_000)] * 3)
            assert asyncio.get_running_loop().time() - began > 2, "it was not slow enough to show anything"
            await stream.until(14_000_000)
            assert stream.connections == 1
            await output.close()

    asyncio.run(main())


def test_a_write_that_is_cancelled() -> None:
    """Leaves half a batch on the line, so the next one begins on another."""

    async def main() -> None:
        async def sleep(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if stream.connections == 1:
                reader._transport.pause_reading()  # type: ignore[attr-defined]
                await asyncio.sleep(3600)
            await stream._read(reader, writer)

        async with Stream(sleep) as stream:
            output = tcp(GelfTcpOutput, stream.port, timeout_seconds=60)
            await output.start()
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2):
                    await output.write([make_message("a" * 5_000_000)] * 3)
            await output.write([make_message("whole")])
            assert json.loads((await stream.until(10)).rstrip(b"\0"))["short_message"] == "whole"
            await output.close()

    run(main())


@pytest.mark.parametrize("kind", [GelfTcpOutput, SyslogTcpOutput])
def test_nobody_is_there(kind: type[Any]) -> None:
    """Not yet: the output is tried again."""

    async def main() -> None:
        async with Stream() as stream:
            port = stream.port
        output = tcp(kind, port)
        with pytest.raises(Retry, match=f"127.0.0.1:{port}"):
            await output.start()
        with pytest.raises(Retry):
            await output.write([make_message("a")])
        await output.close()

    run(main())


class Udp:
    """A socket, and what came."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(20)
        self.port = self._socket.getsockname()[1]

    def take(self, count: int) -> list[bytes]:
        return [self._socket.recv(65536) for _ in range(count)]

    def close(self) -> None:
        self._socket.close()


def datagrams(
    kind: type[Any], messages: Sequence[Message], count: int, **settings: Any
) -> tuple[list[bytes], list[OutputError]]:
    """What arrives of a batch, and what was raised."""
    udp = Udp()
    errors: list[OutputError] = []

    async def main() -> None:
        output = kind(kind.Settings(host="127.0.0.1", port=udp.port, **settings))
        await output.start()
        try:
            await output.write(messages)
        except OutputError as error:
            errors.append(error)
        await output.close()

    run(main())
    found = udp.take(count)
    udp.close()
    return found, errors


def decoded(payloads: Sequence[bytes]) -> list[str]:
    """What our own decoder makes of datagrams."""
    batch = Batch()
    GelfDecoder().decode_all([(payload, Peer("192.0.2.1", 5)) for payload in payloads], 1.0, batch)
    assert batch.rejected == []
    return [message.short_message for message in batch.messages]


@pytest.mark.parametrize("compression", ["auto", "none", "zlib", "gzip"])
def test_datagrams(compression: str) -> None:
    """Small ones and ones that need chunks, compressed or not."""
    noise = "".join(chr(33 + (number * 7919) % 90) for number in range(5000))
    batch = [make_message("a"), make_message(noise)]
    found, errors = datagrams(
        GelfUdpOutput, batch, 3 if compression == "none" else 2, compression=compression, chunk_bytes=4000
    )
    assert errors == []
    assert max(map(len, found)) <= 4000
    assert decoded(found) == ["a", noise]
    assert found[0][:1] == {"auto": b"{", "none": b"{", "zlib": b"x", "gzip": b"\x1f"}[compression]


def test_chunks_come_together_again() -> None:
    """As our own listener does it."""
    text = "".join(chr(33 + (number * number * 7919) % 90) for number in range(8000))
    found, _ = datagrams(GelfUdpOutput, [make_message(text)], 9, compression="none", chunk_bytes=1000)
    assert decoded(found) == [text]


def test_a_message_that_is_too_long_for_datagrams() -> None:
    """Is refused, with what would help; the others are sent."""
    batch = [make_message("a"), make_message("x" * 100_000), make_message("b")]
    _, [error] = datagrams(GelfUdpOutput, batch, 2, compression="none", chunk_bytes=100)
    assert isinstance(error, Refused)
    assert [message.short_message[:1] for message in error.messages] == ["x"]
    assert "more than 128: use chunks of at least" in str(error)


def test_a_port_where_nobody_listens() -> None:
    """Is told one datagram later; then the rest comes again."""

    async def main() -> None:
        udp = Udp()
        udp.close()
        output = GelfUdpOutput(GelfUdpOutput.Settings(host="127.0.0.1", port=udp.port))
        await output.start()

        async def write_until_it_is_told() -> None:
            for _ in range(20):
                await output.write(make_batch(3))
                await asyncio.sleep(0.02)

        with pytest.raises(Retry, match="refused"):
            await write_until_it_is_told()
        await output.close()

    run(main())


def test_forwarding() -> None:
    """The mark is spliced in, or stays as it is; our own means a loop."""
    ours = Forwarding("here")
    assert Forwarding("").payload(make_message("a")) == make_message("a").raw
    exact = make_message("a", fields={"n": 1})
    marked = ours.payload(exact)
    assert marked == exact.raw[:-1] + b',"_forwarder":"here"}'
    assert json.loads(ours.payload(make_message("a", exact=False)))["_forwarder"] == "here"
    assert json.loads(ours.payload(make_message("a", fields={"forwarder": "there"})))["_forwarder"] == "there"
    with pytest.raises(Loop):
        ours.payload(make_message("a", fields={"forwarder": "here"}))
    assert Forwarding("auto").name == socket.gethostname()
    assert json.loads(Forwarding('a"b').payload(exact))["_forwarder"] == 'a"b'


def test_a_loop_is_refused() -> None:
    """By TCP and by UDP; what is not a loop is sent."""
    batch = [make_message("a"), make_message("b", fields={"forwarder": "here"})]

    async def main() -> None:
        async with Stream() as stream:
            output = tcp(GelfTcpOutput, stream.port, forwarder="here")
            await output.start()
            with pytest.raises(Refused, match="'here' before") as caught:
                await output.write(batch)
            assert list(caught.value.messages) == batch[1:]
            await output.close()
            assert output.counters()["written_messages_total"] == 1

    run(main())
    _, [error] = datagrams(GelfUdpOutput, batch, 1, forwarder="here")
    assert isinstance(error, Refused)
    assert list(error.messages) == batch[1:]


def line(message: Message, **settings: Any) -> bytes:
    [found], _ = datagrams(SyslogUdpOutput, [message], 1, **settings)
    return found


def test_syslog() -> None:
    """Header, structured data and text as RFC 5424 has them."""
    message = make_message(
        "it's paid", host="web 1", level=3, timestamp=1790000000.25,
        fields={"application_name": "shop", "process_id": 42, "message_id": "ID1", "user id": 'a"b]\\', "ok": True},
    )  # fmt: skip
    assert line(message, facility="local3") == (
        b'<155>1 2026-09-21T14:13:20.250000Z web_1 shop 42 ID1 [gelf@32473 user_id="a\\"b\\]\\\\" ok="true"] it\'s paid'
    )
    bare = make_message("x", level=None)
    assert line(bare, structured_data="", bom=True) == (b"<14>1 2026-09-21T14:13:20.000000Z web1 - - - - \xef\xbb\xbfx")


@pytest.mark.parametrize(
    ("fields", "settings", "words"),
    [
        ({"facility": "local4", "facility_num": 20}, {}, b"<166>1 2026-09-21T14:13:20.000000Z web1 - - - - x"),
        ({"facility": "shop"}, {}, b'<14>1 2026-09-21T14:13:20.000000Z web1 - - - [gelf@32473 facility="shop"] x'),
        (
            {"facility": "local4", "facility_num": 20},
            {"facility": "mail"},
            b'<22>1 2026-09-21T14:13:20.000000Z web1 - - - [gelf@32473 facility="local4" facility_num="20"] x',
        ),
        ({"facility_num": 24}, {}, b'<14>1 2026-09-21T14:13:20.000000Z web1 - - - [gelf@32473 facility_num="24"] x'),
        (
            {"application_name": "my shop"},
            {},
            b'<14>1 2026-09-21T14:13:20.000000Z web1 my_shop - - [gelf@32473 application_name="my shop"] x',
        ),
    ],
)
def test_syslog_loses_nothing_that_its_header_cannot_have(
    fields: dict[str, Any], settings: dict[str, Any], words: bytes
) -> None:
    """The message's own facility; what the header cannot carry as it is stays a field (the matrix found both)."""
    assert line(make_message("x", fields=fields), **settings) == words


def test_syslog_names_stay_different() -> None:
    """Cut to 32 characters, two names may become one."""
    message = make_message("x", fields={"n" * 40: 1, "n" * 41: 2, "a=b": 3, "a b": 4})
    data = line(message).decode()
    assert f'{"n" * 32}="1" {"n" * 30}~2="2" a_b="3" a_b~2="4"' in data


def test_syslog_is_cut_to_its_datagram() -> None:
    """At a character, with a mark."""
    found = line(make_message("ü" * 5000), max_bytes=1001)
    assert len(found) <= 1001
    assert found.decode().endswith("ü…")


def test_syslog_streams() -> None:
    """Octet counts, or lines with their line ends written as rsyslog does."""
    batch = [make_message("a", full_message="a\nb\0"), make_message("c")]
    counted = asyncio.run(sent(SyslogTcpOutput, batch))
    size, _, rest = counted.partition(b" ")
    assert rest[: int(size)].endswith(b" a\nb\0")
    assert rest[int(size) :].partition(b" ")[2].endswith(b" c")
    lines = asyncio.run(sent(SyslogTcpOutput, batch, framing="newline")).split(b"\n")
    assert lines[0].endswith(b" a#012b#000")
    assert lines[1].endswith(b" c")


def test_our_own_syslog_input_reads_it() -> None:
    """The same message at the other end."""
    message = make_message("paid", level=4, full_message="paid\nin full", fields={"user": "ann", "note": 'x"]\\y'})
    batch = Batch()
    SyslogDecoder("in").decode_all([(line(message), None)], 1.0, batch)
    [found] = batch.messages
    assert (found.host, found.level, found.timestamp) == (message.host, 4, message.timestamp)
    assert {name: found.fields[name] for name in ("user", "note")} == message.fields


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"facility": "nobody"}, "'facility': there is no 'nobody'"),
        ({"structured_data": "a b"}, "is not an SD-ID"),
        ({"application": "{nobody}"}, "'application'"),
    ],
)
def test_syslog_settings(settings: dict[str, str], words: str) -> None:
    """Are looked at when the output is made."""
    with pytest.raises(ConfigError, match=words):
        SyslogUdpOutput(SyslogUdpOutput.Settings(**settings))
