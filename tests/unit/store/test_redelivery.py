"""What a disk buffer offers again is in the store once: whatever the disk, the index and the process did meanwhile."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

from gelf_listener.message import Message
from gelf_listener.store import tantivy_store
from gelf_listener.store.blocks import Blocks
from gelf_listener.store.indexer import Indexer, Order, Report
from gelf_listener.store.parameters import EVERYTHING
from tests.unit.store.contract import node
from tests.unit.store.embedded import accepts, opened, until
from tests.unit.store.samples import plain


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(test)


def again(messages: list[Message]) -> list[Message]:
    """The same messages as they come back from a disk buffer."""
    for message in messages:
        message.stored_id = message.id
    return messages


@pytest.mark.parametrize("commit_seconds", [0, 0.01])
def test_what_was_refused_is_stored_when_it_comes_again(
    tmp_path: Path, commit_seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was known by its id, and taken for stored."""
    full = False

    class Full(Blocks):
        def save(self, *, quickly: bool = False) -> None:
            if full:
                raise OSError("the disk is full")
            super().save(quickly=quickly)

    monkeypatch.setattr("gelf_listener.store.partition.Blocks", Full)

    async def main() -> None:
        nonlocal full
        async with opened(tmp_path, commit_seconds=commit_seconds) as store:
            await store.add([plain("before")])
            full = True
            await accepts(store, [plain("waits")])
            await until(lambda: bool(store.trouble) or commit_seconds == 0)
            batch = again([plain("a"), plain("b")])
            assert not await accepts(store, batch)
            full = False
            await until(lambda: not store.trouble)
            await store.add(batch)
            assert await store.count(node("a OR b"), EVERYTHING) == 2

    run(main())


def test_it_is_not_taken_while_nobody_knows_what_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The index cannot be written, as on a full disk: what is saved and not in it would be stored twice."""
    full = False
    work = Indexer.work

    def working(indexer: Indexer, order: Order) -> Report:
        return Report(-1, -1, error="the disk is full") if full else work(indexer, order)

    monkeypatch.setattr(Indexer, "work", working)

    async def main() -> None:
        nonlocal full
        async with opened(tmp_path, commit_seconds=0) as store:
            full = True
            batch = [plain("a"), plain("b")]
            await store.add(batch)
            await until(lambda: bool(store.trouble))
            offered = [*again(batch), plain("c")]
            assert not await accepts(store, offered)
            full = False
            await until(lambda: not store.trouble)
            await store.add(offered)
            assert store.messages == await store.count(node(), EVERYTHING) == 3

    run(main())


def test_it_is_known_while_another_partition_is_indexed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """That the index of a full partition has all says nothing of what waits for the index of the next."""
    work = Indexer.work
    gates = {name: threading.Event() for name in ("p00000001", "p00000002")}

    def working(indexer: Indexer, order: Order) -> Report:
        gates[Path(order.path).name].wait()
        return work(indexer, order)

    monkeypatch.setattr(Indexer, "work", working)

    async def main() -> None:
        async with opened(tmp_path, commit_seconds=0, partition_messages=2) as store:
            first, second = again([plain("a"), plain("b")]), again([plain("c")])
            await store.add(first)
            await store.add(second)
            gates["p00000001"].set()
            await until(lambda: not store._all.list[0].pending)
            await store.add(second)
            gates["p00000002"].set()
            assert store.messages == await store.count(node(), EVERYTHING) == 3

    try:
        run(main())
    finally:
        for gate in gates.values():
            gate.set()


def test_it_does_not_wait_for_itself(tmp_path: Path) -> None:
    """What was offered to the output and is not written is, among others, this batch: every one took ten seconds."""

    async def main() -> None:
        async with opened(tmp_path, commit_seconds=0) as store:
            await store.add([plain("a")])
            written = asyncio.Event()
            store.written_before = written.wait  # type: ignore[assignment]
            await store.add(again([plain("b")]))
            written.set()
            assert await store.count(node(), EVERYTHING) == 2

    async def bounded() -> None:
        async with asyncio.timeout(8):  # less than a search waits for that
            await main()

    run(bounded())


def test_what_is_remembered_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As when millions wait in a buffer, and the index never catches up: then the index is waited for."""
    monkeypatch.setattr(tantivy_store, "_MAX_RECENT", 10)

    async def main() -> None:
        async with opened(tmp_path, commit_seconds=60) as store:
            messages = again([plain(f"m{number}") for number in range(60)])
            for first in (0, 5, 10, 15, 5, 20):
                await store.add(messages[first : first + 5])
                assert len(store._recent) <= 15
            await store.add([*messages, *messages])
            assert store.messages == await store.count(node(), EVERYTHING) == 60

    run(main())
