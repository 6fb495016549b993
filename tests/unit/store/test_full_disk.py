"""A store on a disk that is full, for real: it opens, finds what it has, says what it lacks, and makes room."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

from gelf_listener import cli
from gelf_listener.store.parameters import EVERYTHING
from tests.unit.outputs.conftest import SmallDisk, small_disk
from tests.unit.store.contract import node
from tests.unit.store.embedded import accepts, opened, until
from tests.unit.store.samples import plain

__all__ = ["small_disk"]


@pytest.fixture
def full(small_disk: SmallDisk) -> SmallDisk:
    """A disk with a store of two partitions, and no room."""
    small_disk.remount("size=24m")

    async def fill() -> None:
        async with opened(small_disk.path / "store", partition_messages=1000, commit_seconds=0) as store:
            for first in range(0, 1500, 500):
                await store.add([plain(f"m{first + n}", note=os.urandom(30).hex()) for n in range(500)])

    asyncio.run(fill())
    small_disk.fill(0)
    return small_disk


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(test)


def test_it_opens_and_goes_on_once_there_is_room(full: SmallDisk) -> None:
    """What it cannot take is offered again; nothing is lost, and nothing is there twice."""

    async def main() -> None:
        async with opened(full.path / "store", commit_seconds=0) as store:
            assert await store.count(node(), EVERYTHING) == 1500
            taken = refused = 0
            async with asyncio.timeout(20):
                while not refused:
                    batch = [plain("new", note=os.urandom(500).hex()) for _ in range(100)]
                    if await accepts(store, batch):
                        taken += 100
                    else:
                        refused = len(batch)
            await store.count(node("new"), EVERYTHING)
            assert store.missing().trouble or taken == 0
            (full.path / "filler").unlink()
            await store.add(batch)
            await until(lambda: not store.trouble)
            assert await store.count(node("new"), EVERYTHING) == taken + refused
            assert not store.missing()

    run(main())


def test_the_commands_make_room(full: SmallDisk, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """All of them work: some of the messages, their room, everything."""
    path = str(full.path / "store")
    for arguments, words in (
        (["info"], ": 1,500 messages"),
        (["export", "--output", str(tmp_path / "all.jsonl")], ""),
        (["clear", "--query", "m10*", "--yes"], "111 messages deleted"),
        (["compact"], " before, "),
        (["info"], ": 1,389 messages"),
        (["clear", "--yes"], "1,389 messages deleted"),
        (["info"], ": 0 messages"),
    ):
        with pytest.raises(SystemExit) as caught:
            cli.main(["store", *arguments, "--path", path])
        printed = capsys.readouterr()
        assert not caught.value.code, (arguments, printed.err)
        assert words in printed.out, arguments
    assert len((tmp_path / "all.jsonl").read_bytes().splitlines()) == 1500
    free = os.statvfs(full.path)
    assert free.f_bavail * free.f_frsize > 100_000
