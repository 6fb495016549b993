"""UdpInput on a loopback socket: what arrives, back-pressure, closing, allow list, counters."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import struct
import sys
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from gelf_listener.codec.gelf.chunking import split
from gelf_listener.errors import ConfigError, Rejected
from gelf_listener.inputs import udp
from gelf_listener.inputs.udp import UdpInput, UdpSettings
from gelf_listener.message import Message
from tests.unit.fakes import FakeIntake

HELLO = b'{"short_message":"hello"}'


async def until(condition: Callable[[], object]) -> None:
    """Let the loop run until something holds."""
    async with asyncio.timeout(40):
        while not condition():
            await asyncio.sleep(0)


@asynccontextmanager
async def listening(intake: FakeIntake, **settings: Any) -> AsyncIterator[tuple[UdpInput, socket.socket]]:
    """An input on a free port, and a socket connected to it."""
    made = UdpInput(UdpSettings(**{"host": "127.0.0.1", "port": 0, "receive_buffer_bytes": 65536} | settings))
    await made.start(intake)
    port = int(made.listening[0].rpartition(":")[2])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.connect(("127.0.0.1", port))
        try:
            yield made, sender
        finally:
            await made.close()


def test_messages_and_rejections() -> None:
    """Plain, compressed, chunked, empty and garbage datagrams in one go."""

    async def main() -> None:
        intake = FakeIntake()
        async with listening(intake, name="u") as (made, sender):
            for datagram in [HELLO, zlib.compress(HELLO), *split(HELLO, 20), b"", b"garbage"]:
                sender.send(datagram)
            await until(lambda: len(intake.rejected) == 2)
            assert intake.texts == ["hello"] * 3
            assert sorted(intake.reasons) == ["empty_payload", "invalid_json"]
            everything: list[Message | Rejected] = [*intake.messages, *intake.rejected]
            assert {taken.input for taken in everything} == {"u"}
            assert {taken.peer.port for taken in intake.messages if taken.peer} == {sender.getsockname()[1]}
            counters = made.counters()
            chunks = len(list(split(HELLO, 20)))
            assert counters["datagrams_total"] == 4 + chunks
            assert counters["chunks_total"] == chunks
            assert counters["chunked_messages_complete_total"] == 1
            assert counters["kernel_drops_total"] == 0

    asyncio.run(main())


def test_both_families() -> None:
    """localhost is 127.0.0.1 and ::1, on one port."""

    async def main() -> None:
        intake = FakeIntake()
        async with listening(intake, host="localhost") as (made, _):
            assert len(made.listening) == 2
            for url, family in zip(made.listening, (socket.AF_INET, socket.AF_INET6), strict=True):
                host, _, port = url.removeprefix("gelf+udp://").rpartition(":")
                with socket.socket(family, socket.SOCK_DGRAM) as sender:
                    sender.sendto(HELLO, (host.strip("[]"), int(port)))
            await until(lambda: len(intake.messages) == 2)
            assert {taken.peer.host for taken in intake.messages if taken.peer} == {"127.0.0.1", "::1"}

    try:
        asyncio.run(main())
    except (OSError, ValueError) as error:
        pytest.skip(f"no IPv6 here: {error}")


def test_full_buffers_leave_datagrams_in_the_kernel() -> None:
    """Nothing is read while the intake is full; when it has room, what waited is read."""

    async def main() -> None:
        intake = FakeIntake()
        intake.full = True
        async with listening(intake) as (_, sender):
            sender.send(HELLO)
            await until(lambda: intake.ready)
            sender.send(HELLO)
            for _ in range(20):
                await asyncio.sleep(0)
            assert intake.messages == []
            assert len(intake.ready) == 1
            intake.relax()
            await until(lambda: len(intake.messages) == 2)

    asyncio.run(main())


def test_who_fills_a_buffer_loses_what_it_sends(caplog: pytest.LogCaptureFixture) -> None:
    """While it is full and others send: theirs is read, and the log names the one that is dropped."""

    async def main() -> None:
        intake = FakeIntake()
        intake.full, intake.greedy = True, frozenset({"127.0.0.1"})
        async with listening(intake, name="u") as (made, flood):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as honest:
                try:
                    honest.bind(("127.0.0.2", 0))
                except OSError as error:
                    pytest.skip(f"no second address here: {error}")
                for _ in range(5):
                    flood.send(HELLO)
                    flood.send(HELLO)
                    honest.sendto(HELLO, flood.getpeername())
                await until(lambda: made.counters()["datagrams_total"] == 15)
            assert {taken.peer.host for taken in intake.messages if taken.peer} == {"127.0.0.2"}
            assert (len(intake.messages), made.counters()["dropped_total"]) == (5, 10)
            intake.greedy = frozenset()
            flood.send(HELLO)
            await until(lambda: intake.ready)
            intake.relax()
            await until(lambda: len(intake.messages) == 6)
            assert made.counters()["dropped_total"] == 10
        assert caplog.text.count("most of it from 127.0.0.1: dropping") == 1

    asyncio.run(main())


def test_closing_reads_what_the_kernel_holds() -> None:
    """What arrived before the end is taken; closing twice is harmless."""

    async def main() -> None:
        intake = FakeIntake()
        async with listening(intake) as (made, sender):
            for _ in range(20):
                sender.send(HELLO)
            await made.close()
            assert len(intake.messages) == 20
            assert made.counters()["datagrams_total"] == 20
            await made.close()

    asyncio.run(main())


def test_closing_waits_for_room() -> None:
    """A full buffer that empties while we close gets what the kernel holds."""

    async def main() -> None:
        intake = FakeIntake()
        intake.full = True
        async with listening(intake) as (made, sender):
            sender.send(HELLO)
            asyncio.get_running_loop().call_later(0.02, intake.relax)
            await made.close()
            assert intake.texts == ["hello"]

    asyncio.run(main())


@pytest.mark.parametrize("full", [False, True], ids=["flood", "full"])
def test_closing_ends(full: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a flood nor a buffer that stays full keeps the input from closing."""
    monkeypatch.setattr(udp, "_LONGEST_CLOSE_SECONDS", 0.05)

    async def main() -> None:
        intake = FakeIntake()
        intake.full = full
        async with listening(intake) as (made, sender):
            sender.send(HELLO)
            (reader,) = made._readers.values()
            real = reader.read

            def endless(most: int) -> Any:
                real()
                return [HELLO] * most, [None] * most

            monkeypatch.setattr(reader, "read", endless)
            async with asyncio.timeout(40):
                await made.close()
            assert bool(intake.messages) is not full

    asyncio.run(main())


def test_a_turn_of_dear_datagrams_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many wait: few are read at a time while each takes a millisecond, and many when they are cheap again."""
    cost = 0.001
    clock = [1.0]
    asked: list[int] = []

    async def main() -> None:
        intake = FakeIntake()
        async with listening(intake) as (made, _):
            (reader,) = made._readers.values()

            def endless(most: int) -> Any:
                asked.append(most)
                clock[0] += most * cost
                return [HELLO] * most, [None] * most

            monkeypatch.setattr(reader, "read", endless)
            for _ in range(10):
                made._readable(reader)
            began = clock[0]
            made._readable(reader)
            assert clock[0] - began < 0.01
            nonlocal cost
            cost = 1e-7
            asked.clear()
            for _ in range(10):
                made._readable(reader)
                clock[0] += 1
            assert asked[-1] == reader.batch
            made._pause()
            monkeypatch.setattr(reader, "read", lambda most: ([], []))

    monkeypatch.setattr(udp, "perf_counter", lambda: clock[0])
    asyncio.run(main())


def test_closing_rejects_incomplete_messages() -> None:
    """Chunks without the rest of their message are not silence."""

    async def main() -> None:
        intake = FakeIntake()
        async with listening(intake) as (made, sender):
            sender.send(next(iter(split(HELLO, 20))))
            await until(lambda: made.counters()["chunked_messages_pending"] == 1)
            await made.close()
            assert intake.reasons == ["chunks_incomplete"]
            assert made.counters()["chunked_messages_pending"] == 0

    asyncio.run(main())


def test_incomplete_messages_expire() -> None:
    """Without another datagram, once a second."""

    async def main() -> None:
        intake = FakeIntake()
        async with listening(intake, chunk_timeout_seconds=0.001) as (made, sender):
            sender.send(b"\x1e\x0f" + os.urandom(8) + struct.pack("BB", 0, 2) + b"x")
            await until(lambda: made.counters()["chunks_total"] == 1)
            await asyncio.sleep(0.002)
            assert made._expiry is not None
            made._expiry.cancel()
            made._expire()
            assert intake.reasons == ["chunks_incomplete"]

    asyncio.run(main())


def test_allow_list() -> None:
    """Who may not send is rejected with the peer and the payload; nobody else is touched."""

    async def main() -> None:
        intake = FakeIntake()
        async with listening(intake, allow="127.0.0.1/32") as (_, sender):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
                stranger.bind(("127.0.0.2", 0))
                stranger.sendto(HELLO, sender.getpeername())
            sender.send(HELLO)
            await until(lambda: intake.messages)
            assert intake.reasons == ["peer_not_allowed"]
            assert intake.rejected[0].peer is not None
            assert intake.rejected[0].peer.host == "127.0.0.2"
            assert intake.rejected[0].payload == HELLO

    asyncio.run(main())


def test_a_socket_that_fails_is_not_read_in_a_circle(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """One warning, a pause, and then it is tried again."""
    monkeypatch.setattr(udp, "_PAUSE_AFTER_ERROR_SECONDS", 0.01)

    async def main() -> None:
        intake = FakeIntake()
        async with listening(intake) as (made, sender):
            (reader,) = made._readers.values()
            real, failures = reader.read, [OSError(12, "out of memory")]

            def read(most: int) -> Any:
                if failures:
                    raise failures.pop()
                return real(most)

            monkeypatch.setattr(reader, "read", read)
            sender.send(HELLO)
            await until(lambda: intake.messages)
            assert failures == []

    with caplog.at_level(logging.WARNING):
        asyncio.run(main())
    assert caplog.text.count("reading failed") == 1


@pytest.mark.skipif(sys.platform != "linux", reason="the counter is Linux's")
def test_kernel_drops_are_counted_and_kept() -> None:
    """What the kernel dropped is known, after closing too."""

    async def main() -> None:
        intake = FakeIntake()
        intake.full = True
        async with listening(intake, receive_buffer_bytes=4096) as (made, sender):
            for _ in range(500):
                sender.send(HELLO * 40)
            drops = made.counters()["kernel_drops_total"]
            assert drops > 0
            intake.full = False
            await made.close()
            assert made.counters()["kernel_drops_total"] == drops
            assert made.counters()["datagrams_total"] == 500 - drops

    asyncio.run(main())


def test_a_port_in_use_leaves_nothing_open() -> None:
    """The second input says so; closing it is harmless."""

    async def main() -> None:
        intake = FakeIntake()
        async with listening(intake) as (_, sender):
            other = UdpInput(UdpSettings(host="127.0.0.1", port=sender.getpeername()[1]))
            with pytest.raises(ConfigError, match="in use"):
                await other.start(intake)
            await other.close()
            assert other.counters()["kernel_drops_total"] == 0

    asyncio.run(main())


class StingySocket(socket.socket):
    """A socket that may not have more buffer than the system's maximum."""

    def setsockopt(self, level: int, name: int, value: Any) -> None:  # type: ignore[override]
        if name == udp._SO_RCVBUFFORCE:
            raise PermissionError(1, "not permitted")
        super().setsockopt(level, name, value)


@pytest.mark.skipif(sys.platform != "linux", reason="the hint is Linux's")
def test_too_small_a_receive_buffer_says_how_to_enlarge_it(caplog: pytest.LogCaptureFixture) -> None:
    """At what the system allows there is no warning; beyond it the line to type."""
    with open("/proc/sys/net/core/rmem_max") as file:
        most = int(file.read())
    with StingySocket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        udp._enlarge_receive_buffer(sock, min(most, 65536))
        assert caplog.text == ""
        udp._enlarge_receive_buffer(sock, most + 1)
        assert f"sysctl -w net.core.rmem_max={most + 1}" in caplog.text
