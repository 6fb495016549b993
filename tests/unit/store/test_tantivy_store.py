"""The embedded store: the contract, and what it does beyond: files, partitions, retention, trouble."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from gelf_listener.codec.gelf import read_fields
from gelf_listener.store import Store
from gelf_listener.store.tantivy_store import TantivyStore
from tests.unit.store.contract import StoreContract


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


class TestTantivyStore(StoreContract):
    """The contract, in one partition."""

    @pytest.fixture(autouse=True)
    def _directory(self, tmp_path: Path) -> None:
        self.path = tmp_path

    def make_store(self) -> AbstractAsyncContextManager[Store]:
        return opened(self.path / "store")


class TestPartitionedStore(StoreContract):
    """The contract, in many partitions."""

    @pytest.fixture(autouse=True)
    def _directory(self, tmp_path: Path) -> None:
        self.path = tmp_path

    def make_store(self) -> AbstractAsyncContextManager[Store]:
        return opened(self.path / "store", partition_messages=2, commit_seconds=0)
