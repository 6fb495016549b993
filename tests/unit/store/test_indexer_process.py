"""An indexer process that dies: what it dies of is left out, and nothing else ever."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

from gelf_listener.store import indexer_process, tantivy_store
from gelf_listener.store.indexer_process import IndexerProcess
from gelf_listener.store.parameters import EVERYTHING
from gelf_listener.store.tantivy_store import TantivyStore
from tests.unit.store.contract import node, texts
from tests.unit.store.embedded import opened
from tests.unit.store.samples import decoded

pytestmark = pytest.mark.timeout(240)

POISONED = (57, 58)
LAST = 150


@pytest.fixture(autouse=True)
def _dying(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexer_process, "_MODULE", "tests.unit.store.dying_indexer")
    monkeypatch.setattr(tantivy_store, "_RETRY_SECONDS", (0.01, 0.01))


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(test)


async def filled(store: TantivyStore, poisoned: tuple[int, ...]) -> None:
    """Add messages, some of which are poison."""
    for first in range(0, LAST, 50):
        await store.add(
            decoded(
                *(
                    b'{"version":"1.1","host":"h","short_message":"%s %d","timestamp":1700000000}'
                    % (b"poison" if number in poisoned else b"m", number)
                    for number in range(first, first + 50)
                )
            )
        )


async def caught_up(store: TantivyStore) -> None:
    async with asyncio.timeout(200):
        while store.pending or store.trouble:
            await asyncio.sleep(0.02)


def unindexable(path: Path) -> list[int]:
    """Return the places that are left out."""
    with sqlite3.connect(path / "messages.sqlite") as connection:
        return [place for (place,) in connection.execute("SELECT place FROM unindexable ORDER BY place")]


@pytest.mark.parametrize("kind", ["message", "company"])
def test_what_it_dies_of_is_left_out_and_nothing_else(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Alone in an index, too; or only beside others, which it takes a second index to be sure of."""
    monkeypatch.setenv("DIES_OF", f"{kind} poison")
    poisoned = POISONED if kind == "message" else POISONED[:1]

    async def main() -> None:
        async with opened(tmp_path, commit_seconds=0, indexing="process") as store:
            await filled(store, poisoned)
            await caught_up(store)
            found = await store.search(node(), EVERYTHING, limit=1000)
            assert found.total == LAST - len(poisoned)
            assert not any(text.startswith("poison") for text in texts(found.messages))
            assert store.missing().unindexable == len(poisoned)
            assert (store._all.current.setbacks > 0) is (kind == "company")  # the index was made again

    run(main())
    assert unindexable(tmp_path / "p00000001") == list(poisoned)


def test_one_that_dies_while_it_opens_an_index_blames_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The index is made again, and everything is found."""
    times = tmp_path / "times"
    times.write_text("")
    monkeypatch.setenv("DIES_OF", f"opening {times}")

    async def main() -> None:
        async with opened(tmp_path / "store", commit_seconds=0, indexing="process") as store:
            await filled(store, ())
            await caught_up(store)
            assert await store.count(node(), EVERYTHING) == LAST
            assert not store.missing()
            assert store._all.current.setbacks
            assert isinstance(store._indexes.indexer, IndexerProcess)
            assert store._indexes.indexer.deaths == 3

    run(main())
