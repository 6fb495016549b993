"""Asks the REST API of a service in this process, without a server in between."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import httpx

from gelf_listener.api.routes import make_api
from gelf_listener.config import Config
from gelf_listener.service import Service

T = TypeVar("T")

__all__ = ["Client", "Service", "asking"]

Client = httpx.AsyncClient


@asynccontextmanager
async def running(**config: Any) -> AsyncIterator[tuple[Service, Client]]:
    values = {"inputs": [], "outputs": ["null:"], "api": "127.0.0.1:0"} | config
    service = Service(Config.from_values(values, "test"))
    await service.start()
    try:
        transport = httpx.ASGITransport(make_api(service))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            yield service, client
    finally:
        await service.close()


def asking(main: Callable[[Service, Client], Awaitable[T]], **config: Any) -> T:
    """Run something with a service and a client of its API."""

    async def begin() -> T:
        async with running(**config) as (service, client):
            return await main(service, client)

    return asyncio.run(begin())
