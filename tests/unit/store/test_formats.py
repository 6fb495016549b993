"""Stores made by earlier versions, and by a later one."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from gelf_listener.errors import ConfigError
from gelf_listener.message import Peer
from gelf_listener.store.parameters import EVERYTHING, Sort
from gelf_listener.store.schema import FORMAT
from tests.unit.store.contract import node
from tests.unit.store.embedded import opened, run, store_at, unpacked
from tests.unit.store.samples import plain


@pytest.mark.parametrize(
    ("vector", "indexing"),
    [("format-1", "thread"), ("format-1", "process"), *[(f"format-{number}", "thread") for number in (3, 4, 5, 6)]],
)
def test_a_store_of_an_earlier_format_is_brought_up_to_date(tmp_path: Path, vector: str, indexing: str) -> None:
    """
    A hundred messages in three partitions, seven deleted.

    Made by commits 6a152bc, with ten messages saved and not indexed, c23e711, 4c337e2 and, that of format 6, 1a22205.
    """
    path = unpacked(f"{vector}.tar.xz", tmp_path)
    left = [number for number in range(100) if number not in (10, 11, 12, 13, 14, 39, 89)]

    async def main() -> None:
        for _ in range(2):
            async with opened(path, indexing=indexing) as store:
                assert store.messages in (93, 100)  # what was deleted is counted once the old index was asked
                async with asyncio.timeout(20):
                    while store.pending:
                        await asyncio.sleep(0.02)
                found = await store.search(node(), EVERYTHING, limit=1000, sort=Sort("number", False))
                assert [message.fields["number"] for message in found.messages] == left
                assert store.messages == 93
                assert not store.set_aside
                one = found.messages[50]
                again = await store.get(one.id)
                assert again is not None
                assert (again.host, again.peer, again.exact) == (one.host, Peer("127.0.0.1", 4711), True)
        assert not list(path.glob("p*/*.fast"))

    run(main())


def test_a_store_whose_index_is_as_it_is_now_keeps_it(tmp_path: Path) -> None:
    """A hundred messages in three partitions, seven deleted, made by the commit after 64296f1."""
    path = unpacked("format-10.tar.xz", tmp_path)
    segments = sorted(path.glob("p*/index/*.idx"))
    left = [number for number in range(100) if number not in (10, 11, 12, 13, 14, 39, 89)]

    async def main() -> None:
        for more in (100, 101):
            async with opened(path, indexing="thread") as store:
                assert store.pending == 0
                await store.add([plain(number=more)])
                left.append(more)
                found = await store.search(node(), EVERYTHING, limit=1000, sort=Sort("number", False))
                assert [message.fields["number"] for message in found.messages] == left
        assert len(segments) == 3
        assert all(segment.exists() for segment in segments[:2])
        descriptions = [file.read_text() for file in path.glob("p*/partition.json")]
        assert [f'"format": {FORMAT}' in text for text in descriptions] == [True] * 3

    run(main())


def test_a_store_of_a_newer_format_is_refused(tmp_path: Path) -> None:
    """With the version that wrote it, and nothing is touched; also when only a partition says so."""

    async def main() -> None:
        async with opened(tmp_path) as store:
            await store.add([plain()])
        (tmp_path / "store.json").write_text('{"format": 99, "version": "7.1.0"}')
        with pytest.raises(ConfigError, match=r"was written by gelf-listener 7\.1\.0 \(format 99\).*use that version"):
            await store_at(tmp_path).open()
        (tmp_path / "store.json").unlink()
        description = tmp_path / "p00000001" / "partition.json"
        before = description.read_text()
        description.write_text(before.replace(f'"format": {FORMAT}', '"format": 99'))
        with pytest.raises(ConfigError, match="format 99"):
            await store_at(tmp_path).open()
        description.write_text(before)
        async with opened(tmp_path) as store:
            assert await store.count(node(), EVERYTHING) == 1

    run(main())
