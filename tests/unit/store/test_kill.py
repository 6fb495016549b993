"""A store whose processes are killed at random moments: it opens, nothing saved is lost, nothing is there twice."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from gelf_listener.store.parameters import EVERYTHING, Sort
from tests.unit.store.contract import node
from tests.unit.store.embedded import opened
from tests.unit.store.victim import BATCH

ROOT = Path(__file__).parents[3]


class Told:
    """What victims said, over all rounds."""

    def __init__(self) -> None:
        self.added = -1
        self.deleted: set[int] = set()
        self.perhaps: set[int] = set()
        """Batches that were being deleted when the end came."""
        self.indexers: list[int] = []

    def take_in(self, line: str) -> None:
        what, *words = line.split()
        if what == "added":
            self.added = int(words[0])
        elif what == "deleting":
            self.perhaps.add(int(words[0]))
        elif what == "deleted":
            self.perhaps.discard(int(words[0]))
            self.deleted.add(int(words[0]))
        elif what == "pids" and words[0] != "None":
            self.indexers.append(int(words[0]))


def run_and_kill(path: Path, told: Told, first: int, chance: random.Random) -> None:
    """Let a victim work for a moment, kill its indexer now and then, and then kill it."""
    log = path.parent / "victim.txt"
    with log.open("wb") as output:
        victim = subprocess.Popen(
            [sys.executable, "-m", "tests.unit.store.victim", str(path), str(first), str(chance.randrange(10**9))],
            cwd=ROOT,
            stdout=output,
        )
    try:
        deadline = time.monotonic() + 60
        while not log.stat().st_size and time.monotonic() < deadline:
            assert victim.poll() is None
            time.sleep(0.01)
        for _ in range(chance.randrange(3)):
            time.sleep(chance.uniform(0, 0.3))
            found = [line for line in log.read_text().splitlines() if line.startswith("pids") and line != "pids None"]
            if found and chance.random() < 0.7 and _is_indexer(pid := int(found[-1].split()[1])):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        time.sleep(chance.uniform(0, 0.4))
        assert victim.poll() is None, "it ended by itself"
    finally:
        victim.kill()
        victim.wait()
    for line in log.read_text().split("\n")[:-1]:  # the last one may be cut
        told.take_in(line)


def _is_indexer(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return b"gelf_listener.indexer" in Path(f"/proc/{pid}/cmdline").read_bytes()
    return False


async def check(path: Path, told: Told) -> int:
    """Compare what is found with what was said; return the highest number there is."""
    async with opened(path) as store:
        numbers: list[Any] = []
        async for batch in store.scan(node(), EVERYTHING, sort=Sort("number", descending=False)):
            numbers += [message.fields["number"] for message in batch]
        assert not store.missing()
        assert await store.count(node("m*"), EVERYTHING) == len(numbers)
    assert len(numbers) == len(set(numbers)), "a message is there twice"
    found = set(numbers)
    oldest = min(found, default=0)  # retention takes the oldest only
    missing = [
        number
        for number in range(oldest, told.added + 1)
        if number not in found and number // BATCH not in told.deleted | told.perhaps
    ]
    assert not missing, f"{len(missing)} saved messages are gone, from {missing[0]} on"
    risen = [number for number in found if number // BATCH in told.deleted]
    assert not risen, f"{len(risen)} deleted messages are there again"
    return max(found, default=told.added)


def kill_again_and_again(path: Path, rounds: int, seed: int) -> None:
    told, chance = Told(), random.Random(seed)
    first = 0
    for _ in range(rounds):
        run_and_kill(path, told, first, chance)
        first = (max(asyncio.run(check(path, told)), told.added) // BATCH + 1) * BATCH
        # What was saved and not said yet is there, so it has to stay.
        told.added = max(told.added, first - BATCH - 1)
    assert first > rounds * BATCH


def test_a_store_survives_kills(tmp_path: Path) -> None:
    """A few, in intake, indexing, rolling over, retention, deleting and compacting; of the indexer, too."""
    kill_again_and_again(tmp_path / "store", 6, random.randrange(10**9))


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_a_hundred_kills(tmp_path: Path) -> None:
    """As many as the project promises."""
    kill_again_and_again(tmp_path / "store", 100, random.randrange(10**9))
