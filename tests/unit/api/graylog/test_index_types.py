"""Types of fields as the index of a Graylog would have them."""

from __future__ import annotations

import pytest

from gelf_listener.api.graylog.index_types import index_types
from tests.unit.api.native.asking import Client, Service, add, asking, logged
from tests.unit.conftest import Install

TYPES = {
    "timestamp": "date", "source": "keyword", "message": "text", "level": "long", "streams": "keyword",
    "n": "long", "ratio": "float", "due": "date", "slashed": "date", "year": "keyword", "word": "keyword",
    "mixed": "long", "a_b": "date",
}  # fmt: skip


@pytest.mark.parametrize("output", ["memory:", "tantivy:"])
def test_types(install: Install, output: str) -> None:
    """The first message decides; names that mean nothing there have none."""
    install("tantivy", "tests.unit.api.native.asking:TantivyOutput")

    async def main(service: Service, client: Client) -> None:
        assert service.store is not None
        first = {"n": 1, "ratio": 0.5, "due": "2026-11-29T12:00:00Z", "slashed": "2026/11/29", "year": "2026"}
        await add(service, logged("a", 0.0, **first, word="x", mixed=5, **{"a.b": "2026-11-29"}))
        await add(service, logged("b", 10.0, mixed="text"))
        found = await index_types(service.store, [*TYPES, "none", "host", "short_message", "_id"])
        assert found == TYPES

    asking(main, outputs=[output])


def test_many_fields() -> None:
    """Of more than some hundred, not every first message is read."""

    async def main(service: Service, client: Client) -> None:
        assert service.store is not None
        await add(service, *(logged("a", 0.0, **{f"f{number}": "2026-11-29"}) for number in range(510)))
        found = await index_types(service.store, [f"f{number}" for number in range(510)])
        assert sorted(found.values()) == ["date"] * 500 + ["keyword"] * 10

    asking(main, outputs=["memory:"])
