"""The embedded store in a folder, for tests."""

from __future__ import annotations

import asyncio
import tarfile
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from gelf_listener.codec.gelf.lenient import read_fields
from gelf_listener.errors import Retry
from gelf_listener.message import Message
from gelf_listener.store.blocks import Blocks
from gelf_listener.store.parameters import EVERYTHING
from gelf_listener.store.tantivy_store import TantivyStore
from tests.unit.store.contract import node

VECTORS = Path(__file__).parents[2] / "vectors" / "store"


def store_at(path: Path, **settings: Any) -> TantivyStore:
    return TantivyStore(path, read_fields, **settings)


@asynccontextmanager
async def opened(path: Path, **settings: Any) -> AsyncIterator[TantivyStore]:
    store = store_at(path, **settings)
    await store.open()
    try:
        yield store
    finally:
        await store.close()


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(test)


async def counted(store: TantivyStore) -> tuple[int, int]:
    """Count all messages; return how many were found, and how many it says it did not look at."""
    found = await store.count(node(), EVERYTHING)
    return found, store.missing().late


def forget_indexed(partition: Path) -> None:
    """Let the next start ask the index how far it is, as after a crash."""
    blocks = Blocks(partition)
    blocks.set_mark("indexed", None)
    blocks.close()


async def accepts(store: TantivyStore, batch: list[Message]) -> bool:
    """Whether a batch was taken, rather than to be offered again."""
    try:
        await store.add(batch)
    except Retry:
        return False
    return True


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.01)


def unpacked(vector: str, path: Path) -> Path:
    with tarfile.open(VECTORS / vector) as archive:
        archive.extractall(path, filter="data")
    return path
