"""Destinations that stand in for real servers, each in a thread with a loop of its own: what outputs write, as texts."""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from collections.abc import Callable, Sequence
from typing import Any, Self

import msgpack

from gelf_listener.inputs import Input
from gelf_listener.message import Message
from gelf_listener.testing.contracts import RecordingIntake
from gelf_listener.testing.loop_thread import LoopThread
from tests.unit.outputs.web import Asked, Web, answer

__all__ = ["ForwardDestination", "ListenerDestination", "WebDestination", "bulk_answer", "bulk_documents"]

_SECONDS = 10.0
_QUIET_SECONDS = 0.1


class _Destination:
    """Starts and stops in a thread; a context manager."""

    def __init__(self) -> None:
        self._thread = LoopThread("destination")

    def __enter__(self) -> Self:
        self._thread.start()
        self._thread.call(self._start(), _SECONDS)
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.call(self._stop(), _SECONDS)
        self._thread.close()

    async def _start(self) -> None:
        raise NotImplementedError

    async def _stop(self) -> None:
        raise NotImplementedError

    def found(self) -> Sequence[Any]:
        raise NotImplementedError

    def texts(self) -> list[Any]:
        """Return what arrived, once nothing more does."""
        before, since = -1, time.monotonic()
        while time.monotonic() - since < _QUIET_SECONDS:
            if len(self.found()) != before:
                before, since = len(self.found()), time.monotonic()
            time.sleep(_QUIET_SECONDS / 10)
        return list(self.found())


class ListenerDestination(_Destination):
    """One of our own inputs."""

    def __init__(self, make: Callable[[], Input]) -> None:
        super().__init__()
        self._make = make
        self._intake = RecordingIntake()

    @property
    def port(self) -> int:
        return int(self._input.listening[0].rpartition(":")[2].partition("/")[0])

    async def _start(self) -> None:
        self._input = self._make()
        await self._input.start(self._intake)

    async def _stop(self) -> None:
        await self._input.close()

    @property
    def messages(self) -> list[Message]:
        assert self._intake.rejected == []
        return self._intake.messages

    def found(self) -> Sequence[str]:
        return [message.short_message for message in self.messages]


class WebDestination(_Destination):
    """A server that takes everything; ``read`` says what a request holds (texts), ``say`` what it is answered."""

    def __init__(
        self,
        read: Callable[[Asked], Sequence[Any]],
        say: Callable[[Asked], bytes],
        context: ssl.SSLContext | None = None,
    ) -> None:
        super().__init__()
        self._read = read
        self._web = Web(say, context)

    @property
    def port(self) -> int:
        return self._web.port

    async def _start(self) -> None:
        await self._web.__aenter__()

    async def _stop(self) -> None:
        await self._web.__aexit__()

    def found(self) -> Sequence[Any]:
        return [text for asked in list(self._web.asked) for text in self._read(asked)]


class ForwardDestination(_Destination):
    """Fluentd's forward protocol: packed entries, acknowledged."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        super().__init__()
        self._context = context
        self.events: list[tuple[msgpack.ExtType, dict[str, Any]]] = []
        """Time and record of each."""
        self._writers: list[asyncio.StreamWriter] = []

    @property
    def port(self) -> int:
        return int(self._server.sockets[0].getsockname()[1])

    async def _start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._context)

    async def _stop(self) -> None:
        self._server.close()
        for writer in self._writers:
            writer.close()
        await asyncio.sleep(0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        unpacker = msgpack.Unpacker()
        try:
            while data := await reader.read(65536):
                unpacker.feed(data)
                for _, entries, option in unpacker:
                    chunks = msgpack.Unpacker()
                    chunks.feed(entries)
                    self.events += [(at, record) for at, record in chunks]
                    writer.write(msgpack.packb({"ack": option["chunk"]}))
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    def found(self) -> Sequence[str]:
        return [record["message"] for _, record in self.events]


def bulk_documents(asked: Asked) -> list[Any]:
    """Return the documents of a request of the bulk API, none of any other."""
    if not asked.path.partition("?")[0].endswith("/_bulk"):
        return []
    return [json.loads(line) for line in asked.body.split(b"\n") if line][1::2]


def bulk_answer(asked: Asked) -> bytes:
    """Answer as OpenSearch does, which takes everything, to the requests that outputs make."""
    if "/_search" in asked.path:
        return answer(200, b'{"hits": {"total": {"value": 0}, "hits": []}}')
    if "/_mapping" in asked.path:
        return answer(200, b"{}")
    items = [{"create": {"status": 201}}] * len(bulk_documents(asked))
    return answer(200, json.dumps({"errors": False, "items": items}).encode())
