"""Every query of Graylog's documentation, from the vectors of the query language, asked of the stores."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from gelf_listener.codec.gelf.lenient import read_fields
from gelf_listener.query import parse, parse_as
from gelf_listener.store import Store
from gelf_listener.store.memory_store import MemoryStore
from gelf_listener.store.parameters import EVERYTHING
from gelf_listener.store.tantivy_store import TantivyStore
from tests.unit.query.samples import EXCEPTIONS, NOW_RECORDED, RECORDED, expected_hits, message, recorded_messages

_FILES = sorted((Path(__file__).parents[2] / "vectors" / "query").glob("*.json"))
_SETS: list[dict[str, Any]] = [json.loads(path.read_text(encoding="utf-8")) for path in _FILES]


async def differences(store: Store, vectors: dict[str, Any]) -> list[str]:
    """The queries that do not find what they should."""
    names = {}
    for name, fields in vectors["messages"].items():
        made = message(**fields)
        names[made.id] = name
        await store.add([made])
    wrong = []
    for case in vectors["cases"]:
        found = await store.search(parse(case["query"]).node, EVERYTHING)
        ids = {names[each.id] for each in found.messages}
        if ids != set(case["ids"]) or found.total != len(case["ids"]):
            wrong.append(f"{case['query']!r} finds {sorted(ids)} instead of {case['ids']}")
    return wrong


@pytest.mark.parametrize("vectors", _SETS, ids=[path.stem for path in _FILES])
def test_the_store_in_memory(vectors: dict[str, Any]) -> None:
    """All at once: one store for all queries."""
    assert len(vectors["cases"]) > 50
    store = MemoryStore(clock=lambda: vectors["now"])
    assert asyncio.run(differences(store, vectors)) == []


@pytest.mark.parametrize("vectors", _SETS, ids=[path.stem for path in _FILES])
@pytest.mark.parametrize("partition_messages", [2, 1000])
def test_the_embedded_store(vectors: dict[str, Any], partition_messages: int, tmp_path: Path) -> None:
    """In one partition, and in several."""

    async def main() -> list[str]:
        store = TantivyStore(
            tmp_path, read_fields, clock=lambda: vectors["now"], partition_messages=partition_messages, commit_seconds=0
        )
        await store.open()
        try:
            return await differences(store, vectors)
        finally:
            await store.close()

    assert asyncio.run(main()) == []


@pytest.mark.parametrize("partition_messages", [150, 1000])
def test_the_embedded_store_finds_what_a_graylog_found(partition_messages: int, tmp_path: Path) -> None:
    """Every recorded query, with Graylog's meaning."""

    async def main() -> list[str]:
        clock = lambda: NOW_RECORDED  # noqa: E731
        store = TantivyStore(
            tmp_path, read_fields, clock=clock, partition_messages=partition_messages, commit_seconds=0
        )
        await store.open()
        try:
            await store.add(recorded_messages())
            wrong = []
            for entry in RECORDED:
                if entry["status"] != 200 or entry["query"] in EXCEPTIONS:
                    continue
                hits = await store.search(parse_as(entry["query"], "graylog").node, EVERYTHING, limit=1000)
                found = {message.fields["n"] for message in hits.messages}
                if found != expected_hits(entry, found):
                    wrong.append(entry["query"])
            return wrong
        finally:
            await store.close()

    assert asyncio.run(main()) == []
