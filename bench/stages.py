"""
Command: `python -m bench.stages [--messages N] [--flood]`: what each stage of the embedded store takes of a message.

The store's own parts do to the bench's messages, all different, what they do in a listener, one stage after the other
in one process. Receiving, the pipeline and the threads between are not in it. Figures are microseconds of processor
time a message, and bytes a message on disk. ``--flood`` saves blocks as more than 8000 messages a second are.
"""

from __future__ import annotations

import argparse
import gc
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

import tantivy

from bench.messages import messages, numbered
from gelf_listener.codec.batch import Batch
from gelf_listener.codec.gelf.lenient import LenientGelf, read_document, read_fields
from gelf_listener.message import Message, Peer
from gelf_listener.packing import Packer
from gelf_listener.store.blocks import FILE_NAME, BlockReader, Blocks
from gelf_listener.store.description import Description
from gelf_listener.store.documents import Documents, Indexable
from gelf_listener.store.index_writer import INDEX, open_index
from gelf_listener.store.schema import Names

_READ = 256
"""Datagrams of one read."""
_STEP = 5000
_HEAP_BYTES = 100_000_000
_COMMIT = 250_000

T = TypeVar("T")


class _Stages:
    """Adds up what stages take."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def time(self, name: str, work: Callable[[], T], clock: Callable[[], float] = time.process_time) -> T:
        began = clock()
        done = work()
        self.seconds[name] = self.seconds.get(name, 0.0) + clock() - began
        return done


def _decode(codec: LenientGelf, texts: list[bytes], at: float) -> list[Message]:
    found: list[Message] = []
    for first in range(0, len(texts), _READ):
        batch = Batch()
        codec.decode_all([(text, Peer("127.0.0.1", 40_000)) for text in texts[first : first + _READ]], at, batch)
        found += batch.messages
    return found


def _pack(packer: Packer, decoded: list[Message]) -> list[bytes]:
    return [packer.pack(message) for message in decoded]


def _add(writer: tantivy.IndexWriter, documents: list[Indexable]) -> None:
    for document in documents:
        writer.add_json(document.text)


def _save(stages: _Stages, folder: Path, count: int, *, flood: bool) -> None:
    codec, packer, blocks = LenientGelf("bench"), Packer(read_fields), Blocks(folder, first=1)
    texts = [numbered(text, serial) for serial, text in enumerate(messages(count))]
    for first in range(0, count, _STEP):
        step, at = texts[first : first + _STEP], time.time()
        decoded = stages.time("decode", partial(_decode, codec, step, at))
        packed = stages.time("pack", partial(_pack, packer, decoded))
        blocks.add(packed)
        stages.time("save", partial(blocks.save, quickly=flood))
    blocks.fold()
    blocks.close()


def _documents(stages: _Stages, folder: Path, count: int) -> list[list[Indexable]]:
    reader = BlockReader(folder)
    documents = Documents(Packer(read_fields), Names(), read_document)
    found = stages.time("read blocks", lambda: list(reader.blocks(1, count)))

    def make() -> list[list[Indexable]]:
        made = []
        for first, block, places in found:
            at_once = documents.of_block(block, first)
            made.append([at_once[each - first] or documents.of(block[each - first], each) for each in places])
        return made

    made = stages.time("documents", make)
    reader.close()
    return made


def _index(stages: _Stages, folder: Path, made: list[list[Indexable]]) -> None:
    """Give all documents to the engine; what its own threads take is the rest of the process's time."""
    before = time.process_time()
    writer = open_index(folder, new=True).writer(_HEAP_BYTES, 1)
    given = 0
    for documents in made:
        stages.time("add_json", partial(_add, writer, documents), time.thread_time)
        given += len(documents)
        if given >= _COMMIT:
            writer.commit()
            given = 0
    writer.commit()
    writer.wait_merging_threads()
    stages.seconds["engine's threads, commits, merges"] = time.process_time() - before - stages.seconds["add_json"]


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.stages", description="Measure the stages of the store.")
    parser.add_argument("--messages", type=int, default=200_000)
    parser.add_argument("--flood", action="store_true", help="save blocks as floods do")
    arguments = parser.parse_args()
    count: int = arguments.messages
    gc.set_threshold(100_000, 20, 20)
    stages = _Stages()
    with tempfile.TemporaryDirectory(prefix="gelf-bench-stages-") as name:
        folder = Path(name)
        Description().write(folder)
        _save(stages, folder, count, flood=arguments.flood)
        _index(stages, folder, _documents(stages, folder, count))
        sizes = {FILE_NAME: (folder / FILE_NAME).stat().st_size}
        for file in (folder / INDEX).iterdir():
            sizes[f"{INDEX}/*{file.suffix}"] = sizes.get(f"{INDEX}/*{file.suffix}", 0) + file.stat().st_size
    for stage, seconds in stages.seconds.items():
        print(f"{stage:36s}{seconds / count * 1e6:7.2f} us")
    print(f"{'together':36s}{sum(stages.seconds.values()) / count * 1e6:7.2f} us")
    for kind, size in sorted(sizes.items(), key=lambda each: -each[1]):
        if size >= count // 100:
            print(f"{kind:36s}{size / count:7.2f} bytes")
    print(f"{'together':36s}{sum(sizes.values()) / count:7.2f} bytes")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
