"""The store in memory, which every other one is held to."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager

from gelf_listener.store import Store
from gelf_listener.store.memory_store import MemoryStore
from gelf_listener.store.parameters import EVERYTHING
from tests.unit.store.contract import StoreContract, node, opened, texts
from tests.unit.store.samples import plain


class TestMemoryStore(StoreContract):
    """The contract."""

    def make_store(self) -> AbstractAsyncContextManager[Store]:
        return opened(MemoryStore())


def test_the_oldest_go_when_it_is_full() -> None:
    """It is bounded."""

    async def main() -> None:
        store = MemoryStore(max_messages=3)
        await store.add([plain(f"m{index}") for index in range(5)])
        assert texts((await store.search(node(), EVERYTHING)).messages) == ["m4", "m3", "m2"]
        assert store.evicted == 2

    asyncio.run(main())
