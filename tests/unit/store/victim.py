"""
Victim: a process that does everything a store can do, and says what it did, until it is killed.

Run as ``python -m tests.unit.store.victim DIRECTORY FIRST SEED``. Lines on standard output: ``pids A B`` (its own and
the indexer's), ``added N`` (all up to N are acknowledged), ``deleting N`` and ``deleted N`` (the messages of batch N).
"""

from __future__ import annotations

import asyncio
import random
import sys
from pathlib import Path

from gelf_listener.codec.gelf.lenient import read_fields
from gelf_listener.query import parse
from gelf_listener.store.indexer_process import IndexerProcess
from gelf_listener.store.parameters import EVERYTHING
from gelf_listener.store.tantivy_store import TantivyStore
from tests.unit.store.samples import decoded

BATCH = 20


def say(*words: object) -> None:
    print(*words, flush=True)


async def main(path: Path, first: int, seed: int) -> None:
    chance = random.Random(seed)
    store = TantivyStore(
        path, read_fields, commit_seconds=0, partition_messages=300, max_bytes=4_000_000, indexing="process"
    )
    await store.open()
    number = first
    while True:
        payloads = [
            b'{"version":"1.1","host":"h","short_message":"m%d","timestamp":1700000000,"_number":%d,"_batch":%d}'
            % (n, n, number // BATCH)
            for n in range(number, number + BATCH)
        ]
        await store.add(decoded(*payloads))
        number += BATCH
        say("added", number - 1)
        what = chance.random()
        if what < 0.2:
            await store.count(parse("*").node, EVERYTHING)
            indexer = store._indexes.indexer
            say("pids", indexer.pid if isinstance(indexer, IndexerProcess) else None)
        elif what < 0.25 and number > first + 5 * BATCH:
            batch = (number - 3 * BATCH) // BATCH
            say("deleting", batch)
            await store.delete(parse(f"batch:{batch}").node, EVERYTHING)
            say("deleted", batch)
        elif what < 0.28:
            await store.compact()
        elif what < 0.35:
            await store._in(store._adding, store._retain)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
