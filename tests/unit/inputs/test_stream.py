"""Stream inputs on a Unix socket: who may send, and whose file it is."""

from __future__ import annotations

import asyncio
import os
import socket
import stat
from pathlib import Path
from typing import Any

import pytest

from gelf_listener.address import Address
from gelf_listener.errors import ConfigError
from gelf_listener.inputs.http import HttpInput, HttpSettings
from gelf_listener.inputs.stream import StreamInput
from gelf_listener.inputs.tcp import TcpInput, TcpSettings
from gelf_listener.message import Peer
from tests.unit.fakes import FakeIntake

pytestmark = pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="needs Unix sockets")


def tcp(path: Path, **settings: Any) -> TcpInput:
    return TcpInput(TcpSettings(socket=path, **settings))


async def send(path: Path, data: bytes) -> bytes:
    """Send and return what is answered."""
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(data)
    writer.write_eof()
    try:
        return await reader.read()
    finally:
        writer.close()


async def exchange(made: StreamInput, path: Path, data: bytes) -> tuple[bytes, FakeIntake]:
    intake = FakeIntake()
    await made.start(intake)
    try:
        return await send(path, data), intake
    finally:
        await made.close()


def test_frames_come_by_a_unix_socket(tmp_path: Path) -> None:
    """The sender is this machine; nobody else may connect by default, and the socket goes with the input."""
    path = tmp_path / "gelf.sock"

    async def main() -> None:
        made, intake = tcp(path), FakeIntake()
        await made.start(intake)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert await send(path, b'{"short_message":"hello"}\0') == b""
        await made.close()
        await made.close()
        assert intake.texts == ["hello"]
        assert intake.messages[0].peer == Peer("127.0.0.1", 0)
        assert intake.messages[0].host == "127.0.0.1"
        assert not path.exists()

    asyncio.run(main())


def test_requests_come_by_a_unix_socket(tmp_path: Path) -> None:
    path = tmp_path / "gelf.sock"
    request = b'POST /gelf HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 21\r\n\r\n{"short_message":"h"}'
    answer, intake = asyncio.run(exchange(HttpInput(HttpSettings(socket=path)), path, request))
    assert answer.startswith(b"HTTP/1.1 202 ")
    assert intake.texts == ["h"]


def test_addresses(tmp_path: Path) -> None:
    """What is printed as the address is one that can be given."""

    async def main() -> None:
        for made in (tcp(tmp_path / "a.sock"), HttpInput(HttpSettings(socket=tmp_path / "b.sock"))):
            await made.start(FakeIntake())
            settings = made.Settings.from_address(Address.parse(made.listening[0]))
            assert settings.socket == made.settings.socket
            assert getattr(settings, "path", "") == getattr(made.settings, "path", "")
            await made.close()

    asyncio.run(main())


def test_permissions(tmp_path: Path) -> None:
    path = tmp_path / "gelf.sock"

    async def main() -> None:
        made = tcp(path, socket_mode="660")
        await made.start(FakeIntake())
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
        await made.close()

    before = os.umask(0o022)
    try:
        asyncio.run(main())
        assert os.umask(0o022) == 0o022
    finally:
        os.umask(before)


def test_a_socket_left_behind_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "gelf.sock"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    _, intake = asyncio.run(exchange(tcp(path), path, b'{"short_message":"hello"}\0'))
    assert intake.texts == ["hello"]


def test_a_socket_that_is_listened_on_is_not(tmp_path: Path) -> None:
    path = tmp_path / "gelf.sock"
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        other.listen()
        with pytest.raises(ConfigError, match="in use by another program"):
            asyncio.run(exchange(tcp(path), path, b""))
        assert path.is_socket()


def test_a_file_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "gelf.sock"
    path.write_text("mine")
    with pytest.raises(ConfigError, match="cannot be made: Address already in use"):
        asyncio.run(exchange(tcp(path), path, b""))
    assert path.read_text() == "mine"


@pytest.mark.parametrize("path", ["/nowhere/at/all.sock", "/tmp/" + "x" * 200], ids=["no directory", "too long"])
def test_a_socket_that_cannot_be_made(path: str) -> None:
    with pytest.raises(ConfigError, match="cannot be made"):
        asyncio.run(exchange(tcp(Path(path)), Path(path), b""))


def test_another_input_in_its_place_keeps_its_socket(tmp_path: Path) -> None:
    """A reload may open the new one before the old one is closed."""
    path = tmp_path / "gelf.sock"

    async def main() -> None:
        first, second = tcp(path), tcp(path)
        await first.start(FakeIntake())
        path.unlink()
        await second.start(FakeIntake())
        await first.close()
        assert path.is_socket()
        await second.close()
        assert not path.exists()

    asyncio.run(main())


def test_networks_have_no_meaning(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="socket_mode says who may send"):
        TcpSettings.from_values({"socket": str(tmp_path / "x"), "allow": "10.0.0.0/8"}, "gelf+tcp:")
