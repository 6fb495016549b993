"""Asks the REST API of a service in this process, without a server in between."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx
from fastapi import FastAPI

from gelf_listener.api.graylog import prepare
from gelf_listener.api.routes import make_api
from gelf_listener.config import Config
from gelf_listener.message import Message, Peer
from gelf_listener.service import Service
from gelf_listener.store.memory_store import MemoryStore
from gelf_listener.store.tantivy_store import TantivyStore
from tests.unit.fakes import FakeOutput, FakeSettings

T = TypeVar("T")

__all__ = ["Client", "Service", "StoringOutput", "TantivyOutput", "add", "asking", "logged"]

Client = httpx.AsyncClient


class StoringOutput(FakeOutput):
    """An output whose store is in memory; registered as `memory:`."""

    store: Any

    def __init__(self, settings: FakeSettings) -> None:
        super().__init__()
        self.settings = settings

    async def start(self) -> None:
        self.store = MemoryStore()

    async def write(self, batch: Sequence[Message]) -> None:
        await self.store.add(batch)


class TantivyOutput(StoringOutput):
    """An output with a store on disk; registered as `tantivy:`."""

    async def start(self) -> None:
        self._directory = tempfile.TemporaryDirectory()
        self.store = TantivyStore(Path(self._directory.name), lambda raw: ({}, ()))
        await self.store.open()

    async def close(self) -> None:
        await self.store.close()
        self._directory.cleanup()


def logged(text: str, at: Any = 0.0, host: Any = "web", level: Any = 6, **fields: Any) -> Message:
    """A message, so many seconds after a certain moment."""
    moment = 1_700_000_000.0 + at
    raw = b'{"short_message":"%s"}' % text.encode()
    return Message(moment, host, text, None, level, raw, moment + 0.25, "udp", Peer("192.0.2.7", 4), _fields=fields)


async def add(service: Service, *messages: Message) -> list[str]:
    """Put messages into the store; their ids."""
    assert service.store is not None
    await service.store.add(messages)
    return [message.id for message in messages]


_made: list[FastAPI] = []


def _api(service: Service) -> FastAPI:
    """Return the application with another service: to make one takes longer than most tests."""
    if not _made:
        _made.append(make_api(service))
    prepare(_made[0], service)
    return _made[0]


@asynccontextmanager
async def running(**config: Any) -> AsyncIterator[tuple[Service, Client]]:
    values = {"inputs": [], "outputs": ["null:"], "api": "off"} | config
    service = Service(Config.from_values(values, "test"))
    await service.start()
    try:
        api = _api(service)
        transport = httpx.ASGITransport(api)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://localhost", headers={"Accept": "application/json"}
        ) as client:
            yield service, client
    finally:
        await service.close()


def asking(main: Callable[[Service, Client], Awaitable[T]], **config: Any) -> T:
    """Run something with a service and a client of its API."""

    async def begin() -> T:
        async with running(**config) as (service, client):
            return await main(service, client)

    return asyncio.run(begin())
