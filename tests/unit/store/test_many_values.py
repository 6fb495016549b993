"""Fields with more different values than the engine lists: every kind of search works, and agrees with the predicate."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from gelf_listener.message import Message
from gelf_listener.query import parse
from gelf_listener.query.patterns import within
from gelf_listener.store import engine
from gelf_listener.store.memory_store import MemoryStore
from gelf_listener.store.parameters import EVERYTHING
from tests.unit.store.samples import START, plain
from tests.unit.store.test_tantivy_store import opened

QUERIES = [
    "request:req-01*",
    "request:req-*",
    "request:*17*",
    "request:req-0?17*",
    "request:/req-01[0-9]+/",
    "request:req-0017~1",
    "request:eq-017~2",
    "request:[req-0100 TO req-0200]",
    "request:{req-0100 TO req-0200}",
    'request:["req 0" TO "req-0200"}',
    "request:>=req-0250",
    "request:<req-0010",
    "request:req-0042",
    "seen:2026-11-23",
    "seen:[2026-11-23 TO 2026-11-24]",
    "seen:>2026-11-23T00:02",
    "number:17*",
    "number:[17 TO 99]",
    "number:17",
    "huge:1000000000000000000000*",
    "huge:>1000000000000000000000000000010",
    "req-01*",
    "*17*",
    "req-0017~",
    "/re[a-q]-01[0-9]+/",
    "17*",
    "word17*",
    "message:*ord1?",
    "message:[word17 TO word18]",
    "NOT request:*1*",
    "request:re?-??????????????????????????* OR level:3",
]


def messages() -> list[Message]:
    return [
        plain(
            f"some word{number}",
            request=f"req-{number:04d}",
            seen=f"2026-11-23T00:{number % 60:02d}:{number // 60:02d}{'+02:00' if number % 7 == 0 else 'Z'}",
            number=number,
            huge=10**30 + number,
            mixed=f"m{number}" if number % 2 else number / 4,
        )
        for number in range(300)
    ]


def test_more_values_than_the_engine_lists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a low limit, so that every fallback is taken."""
    monkeypatch.setattr(engine, "MAX_DISTINCT", 50)

    async def main() -> None:
        judge, found = MemoryStore(clock=lambda: START), messages()
        await judge.add(found)
        async with opened(tmp_path, clock=lambda: START, partition_messages=170) as store:
            await store.add(found)
            for query in QUERIES:
                node = parse(query).node
                assert await store.count(node, EVERYTHING) == await judge.count(node, EVERYTHING), query

    asyncio.run(main())


def test_more_values_than_the_engine_has_buckets(tmp_path: Path) -> None:
    """Each of these failed from 65 000 on."""
    values = [f"req-{number:06d}" for number in range(70_000)]
    near = sum(within(value, "req-069999", 1) for value in values)
    wanted = {
        "request:req-00001*": 10,
        "request:req-*": 70_000,
        "request:*9999*": sum("9999" in value for value in values),
        "request:>=req-069990": 10,
        "request:req-069999~1": near,
        "request:/req-06999[0-9]/": 10,
        "req-06999*": 10,
        "*9999*": sum("9999" in value for value in values),
        "req-069999~1": near,
    }

    async def main() -> None:
        async with opened(tmp_path) as store:
            await store.add([plain("x", request=value) for value in values])
            for query, expected in wanted.items():
                assert await store.count(parse(query).node, EVERYTHING) == expected, query

    asyncio.run(main())
