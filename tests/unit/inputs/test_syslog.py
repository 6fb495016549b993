"""Syslog inputs: what arrives by UDP, TCP and TLS, from Python's own handler among others."""

from __future__ import annotations

import asyncio
import logging
import logging.handlers
import pickle
import socket
import ssl
from pathlib import Path
from typing import Any

import pytest
import trustme

from gelf_listener.errors import ConfigError
from gelf_listener.inputs.syslog import (
    SyslogTcpInput,
    SyslogTcpSettings,
    SyslogTlsInput,
    SyslogTlsSettings,
    SyslogUdpInput,
    SyslogUdpSettings,
    SyslogUnixInput,
    SyslogUnixSettings,
)
from tests.unit.fakes import FakeIntake

UDP = {"host": "127.0.0.1", "port": 0, "receive_buffer_bytes": 65536}
TCP = {"host": "127.0.0.1", "port": 0}


async def until(condition: Any) -> None:
    async with asyncio.timeout(40):
        while not condition():
            await asyncio.sleep(0.001)


def address(listener: Any) -> tuple[str, int]:
    host, _, port = listener.listening[0].rpartition("/")[2].rpartition(":")
    return host, int(port)


def log(where: tuple[str, int], kind: socket.SocketKind) -> None:
    """Log two records with Python's handler, one of them with a traceback."""
    handler = logging.handlers.SysLogHandler(where, socktype=kind)
    handler.setFormatter(logging.Formatter("app[%(process)d]: %(message)s"))
    logger = logging.Logger("app")  # noqa: LOG001  (of its own: no other test sees it)
    logger.addHandler(handler)
    try:
        raise ValueError("no")
    except ValueError:
        logger.exception("it failed")
    logger.warning("second é")
    handler.close()


@pytest.mark.parametrize("kind", ["udp", "tcp"])
def test_python_handler(kind: str) -> None:
    """`SysLogHandler`: a NUL at the end, newlines within."""

    async def main() -> FakeIntake:
        intake = FakeIntake()
        listener: Any = (
            SyslogUdpInput(SyslogUdpSettings(**UDP)) if kind == "udp" else SyslogTcpInput(SyslogTcpSettings(**TCP))
        )
        await listener.start(intake)
        assert listener.listening[0].startswith(f"syslog+{kind}://127.0.0.1:")
        await asyncio.to_thread(log, address(listener), socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM)
        await until(lambda: len(intake.messages) == 2)
        await listener.close()
        return intake

    intake = asyncio.run(main())
    first, second = intake.messages
    assert first.short_message == "it failed"
    assert str(first.full_message).startswith("Traceback (most recent call last):\n")
    assert str(first.full_message).endswith("ValueError: no")
    assert (first.level, first.fields["application_name"], first.host) == (3, "app", "127.0.0.1")
    assert (second.short_message, second.level) == ("second é", 4)
    assert intake.rejected == []


def test_tls(tmp_path: Path) -> None:
    """RFC 5425: counted octets within TLS."""
    authority = trustme.CA()
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(tmp_path / "cert.pem")
    context = ssl.create_default_context()
    authority.configure_trust(context)

    async def main() -> FakeIntake:
        intake = FakeIntake()
        listener = SyslogTlsInput(SyslogTlsSettings(**TCP, cert=tmp_path / "cert.pem"))
        await listener.start(intake)
        host, port = address(listener)
        _, writer = await asyncio.open_connection(host, port, ssl=context, server_hostname="localhost")
        for text in (b"<14>1 - h a - - - one\ntwo", b"<14>1 - h a - - - x"):
            writer.write(b"%d %s" % (len(text), text))
        await writer.drain()
        writer.close()
        await until(lambda: len(intake.messages) == 2)
        await listener.close()
        return intake

    assert asyncio.run(main()).texts == ["one\ntwo", "x"]


def test_what_is_no_syslog() -> None:
    """TLS on the plain port and a pickle are refused; the same port goes on."""
    record = pickle.dumps({"msg": "hello"}, 1)

    async def main() -> FakeIntake:
        intake = FakeIntake()
        listener = SyslogTcpInput(SyslogTcpSettings(**TCP, max_frame_bytes=1024))
        await listener.start(intake)
        where = address(listener)
        for data in (
            b"\x16\x03\x01\x02\x00\x01\x00",
            len(record).to_bytes(4, "big") + record,
            b"<14>" + b"x" * 2000 + b"\n<14>honest\n",
        ):
            with socket.create_connection(where) as sock:
                sock.sendall(data)
                await asyncio.sleep(0)
        await until(lambda: intake.texts == ["honest"] and len(intake.rejected) == 3)
        await listener.close()
        return intake

    intake = asyncio.run(main())
    assert sorted(intake.reasons) == ["frame_too_large", "unexpected_protocol", "unexpected_protocol"]
    assert {rejected.input for rejected in intake.rejected} == {"syslog+tcp-0"}


def test_settings() -> None:
    """Graylog's options reach the decoder; a zone that does not exist is a usage error."""
    made = SyslogUdpSettings.from_values({"timezone": "Europe/Berlin", "expand_structured_data": "true"}, "x")
    decoder: Any = made.decoder("in")
    options = decoder.options
    assert (str(options.zone), options.expand_structured_data) == ("Europe/Berlin", True)
    assert (SyslogUdpSettings().port, SyslogTcpSettings().port) == (1514, 1514)
    for zone in ("Mars/Olympus", "../etc/passwd"):
        with pytest.raises(ConfigError, match="no such time zone"):
            SyslogUdpSettings.from_values({"timezone": zone}, "x")


def test_counters() -> None:
    """Datagrams and what the kernel dropped; nothing about chunks, which syslog has not."""

    async def main() -> dict[str, float]:
        intake = FakeIntake()
        listener = SyslogUdpInput(SyslogUdpSettings(**UDP))
        await listener.start(intake)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.sendto(b"<14>x", address(listener))
        await until(lambda: intake.texts == ["x"])
        await listener.close()
        await listener.close()
        return listener.counters()

    assert asyncio.run(main()) == {"datagrams_total": 1, "dropped_total": 0, "kernel_drops_total": 0}


@pytest.mark.parametrize("kind", ["datagram", "stream"])
def test_what_programs_write_to_dev_log(tmp_path: Path, kind: str) -> None:
    """Python's handler and the C library name no host: it is this machine, and nothing is missing."""
    path = tmp_path / "log"

    async def main() -> FakeIntake:
        intake = FakeIntake()
        listener = SyslogUnixInput(SyslogUnixSettings(path=path, kind=kind, socket_mode="666"))
        await listener.start(intake)
        assert listener.listening == [f"syslog+unix://{path}"]
        assert path.stat().st_mode & 0o777 == 0o666

        def send() -> None:
            types = socket.SOCK_DGRAM if kind == "datagram" else socket.SOCK_STREAM
            handler = logging.handlers.SysLogHandler(str(path), socktype=types)
            handler.setFormatter(logging.Formatter("app[%(process)d]: %(message)s"))
            handler.emit(logging.makeLogRecord({"msg": "one", "levelno": 40, "levelname": "ERROR", "process": 7}))
            handler.close()

        await asyncio.to_thread(send)
        await until(lambda: intake.messages)
        await listener.close()
        assert not path.exists()
        return intake

    (made,) = asyncio.run(main()).messages
    assert (made.short_message, made.level, made.host) == ("one", 3, socket.gethostname())
    assert (made.fields["application_name"], made.fields["process_id"]) == ("app", "7")
    assert [note.deviation.label for note in made.notes] == ["syslog_no_header"]


def test_a_socket_in_use_is_not_taken(tmp_path: Path) -> None:
    """One that a process left behind is; the error says which."""
    path = tmp_path / "log"
    left = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    left.bind(str(path))

    async def main() -> None:
        for kind in ("datagram", "stream"):
            with pytest.raises(ConfigError, match="in use by another program"):
                await SyslogUnixInput(SyslogUnixSettings(path=path, kind=kind)).start(FakeIntake())
        left.close()
        listener = SyslogUnixInput(SyslogUnixSettings(path=path))
        await listener.start(FakeIntake())
        await listener.close()

    asyncio.run(main())
    with pytest.raises(ConfigError, match="socket_mode"):
        SyslogUnixSettings.from_values({"allow": "127.0.0.1"}, "x")


def test_tcp_messages_that_nothing_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """What winston-syslog writes unless it is told how to end a message: each is there after a pause."""
    monkeypatch.setattr("gelf_listener.inputs.syslog._PAUSE_SECONDS", 0.0)

    async def main() -> list[str]:
        intake = FakeIntake()
        listener = SyslogTcpInput(SyslogTcpSettings(**TCP))
        await listener.start(intake)
        _, writer = await asyncio.open_connection(*address(listener))
        for count, text in enumerate((b"one", b"two"), start=1):
            writer.write(b"<11>1 2026-11-28T10:00:00.123Z web1 shop 77 - - " + text)
            await until(lambda count=count: len(intake.messages) == count)
        writer.close()
        await listener.close()
        return [message.short_message for message in intake.messages]

    assert asyncio.run(main()) == ["one", "two"]
