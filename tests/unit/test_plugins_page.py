"""The examples of docs/plugins.md do what they say, and keep the contracts."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import re
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from gelf_listener.testing.contracts import InputContract, OutputContract, run, until
from tests.unit.inputs.clients import post, send_datagrams

PAGE = Path(__file__).parents[2] / "docs" / "plugins.md"


def examples() -> dict[str, Any]:
    """All names that the examples define."""
    found: dict[str, Any] = {}
    for block in re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE):
        exec(compile(block, str(PAGE), "exec"), found)
    return found


NAMES = examples()


class TestBell(OutputContract):
    """It prints."""

    @pytest.fixture(autouse=True)
    def _printed(self) -> Iterator[None]:
        with contextlib.redirect_stdout(io.StringIO()) as self.printed:
            yield

    def make(self, tmp_path: Path) -> Any:
        return NAMES["BellOutput"](NAMES["BellSettings"]())

    def texts(self, tmp_path: Path) -> None:
        return None  # it rings after it was closed, too


class TestLines(OutputContract):
    """To a Unix socket."""

    @pytest.fixture(autouse=True)
    def _server(self, tmp_path: Path) -> Iterator[None]:
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(str(tmp_path / "lines.sock"))
        self.server.listen()
        self.got = b""
        with self.server:
            yield

    def make(self, tmp_path: Path) -> Any:
        server = self

        class Read(NAMES["LinesOutput"]):  # type: ignore[misc, name-defined, valid-type]
            """
            Reads what was written, in the same loop.

            Guarantee: of `LinesOutput`.
            """

            async def start(self) -> None:
                await super().start()
                connection, _ = server.server.accept()
                connection.setblocking(False)
                self.reading = asyncio.ensure_future(server.read(connection))

            async def close(self) -> None:
                await super().close()
                if hasattr(self, "reading"):
                    await self.reading

        return Read(NAMES["LinesSettings"](socket=tmp_path / "lines.sock"))

    async def read(self, connection: socket.socket) -> None:
        with connection:
            while data := await asyncio.get_running_loop().sock_recv(connection, 65536):
                self.got += data

    def texts(self, tmp_path: Path) -> Sequence[str]:
        return self.got.decode().splitlines()


class TestPairs(InputContract):
    nonsense = b"no pairs"
    waits_while = "full"

    def make(self, tmp_path: Path) -> Any:
        return NAMES["PairsInput"](NAMES["PairsSettings"](port=0))

    async def send(self, input: Any, texts: Sequence[str]) -> None:
        await send_datagrams(
            input.listening[0], [f"level=warn message={text.replace(' ', '_')}".encode() for text in texts]
        )

    async def send_bytes(self, input: Any, data: bytes) -> None:
        await send_datagrams(input.listening[0], [data])

    def test_hands_over_what_is_sent(self, tmp_path: Path) -> None:
        """A value has no blanks in this format."""

        async def main() -> None:
            async with self.opened(tmp_path) as (made, intake):
                await self.send(made, ["Hello"])
                await until(lambda: intake.messages)
                assert (intake.texts, intake.messages[0].level) == (["Hello"], 4)

        run(main())

    def test_waits_for_room(self, tmp_path: Path) -> None:
        """See `tests/unit/inputs/test_contract.py`, which has the same base."""


class TestCounted(InputContract):
    nonsense = b"no JSON\n"
    acknowledges = True

    def make(self, tmp_path: Path) -> Any:
        return NAMES["CountedInput"](NAMES["CountedSettings"](port=0))

    async def exchange(self, input: Any, data: bytes, count: int) -> None:
        host, _, port = input.listening[0].rpartition("/")[2].rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(data)
        try:
            for number in range(1, count + 1):
                if await reader.readline() != b"ok %d\n" % number:
                    raise ConnectionError("not acknowledged")
        finally:
            writer.close()

    async def send(self, input: Any, texts: Sequence[str]) -> None:
        data = b"".join(json.dumps({"text": text, "n": 1}).encode() + b"\n" for text in texts)
        await self.exchange(input, data, len(texts))

    async def send_bytes(self, input: Any, data: bytes) -> None:
        await self.exchange(input, data, 0)


class TestNotes(InputContract):
    nonsense = b" "
    acknowledges = True

    def make(self, tmp_path: Path) -> Any:
        return NAMES["NotesInput"](NAMES["NotesSettings"](port=0))

    async def send(self, input: Any, texts: Sequence[str]) -> None:
        statuses = await post(input.listening[0], [text.encode() for text in texts], path="/notes?user=ann")
        if set(statuses) != {204}:
            raise ConnectionError(statuses)

    async def send_bytes(self, input: Any, data: bytes) -> None:
        assert await post(input.listening[0], [data], path="/notes") == [400]
