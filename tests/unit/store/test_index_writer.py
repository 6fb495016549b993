"""Index writer: it goes on where it is told, with whole blocks and with parts of them."""

from __future__ import annotations

from pathlib import Path

import pytest
import tantivy

from gelf_listener.codec.gelf.lenient import read_document, read_fields
from gelf_listener.packing import Packer
from gelf_listener.store.blocks import Blocks
from gelf_listener.store.index_writer import IndexWriter, open_index
from tests.unit.store.samples import decoded

COUNT = 90


def payload(number: int) -> bytes:
    """Return what nearly all of are read by the column."""
    text = r"odd \n" if number % 20 == 0 else "plain"
    return b'{"version":"1.1","host":"h","short_message":"%b","timestamp":1700000000,"_a":1,"_number":%d}' % (
        text.encode(),
        number,
    )


@pytest.mark.parametrize("step", [7, 60, COUNT])
def test_each_message_has_one_document(tmp_path: Path, step: int) -> None:
    """Whatever the steps; what was deleted has none."""
    packer = Packer(read_fields)
    blocks = Blocks(tmp_path, first=100)
    blocks.add([packer.pack(message) for message in decoded(*map(payload, range(COUNT)))])
    blocks.save()
    blocks.delete([103, 150], "mark")
    writer = IndexWriter(tmp_path, packer, read_document)
    while writer.given < 99 + COUNT:
        writer.step(99 + COUNT, step)
    writer.commit()
    assert (writer.committed, writer.unindexable) == (99 + COUNT, [])
    writer.close()
    blocks.close()
    searcher = open_index(tmp_path, new=False).searcher()
    hits = searcher.search(tantivy.Query.all_query(), limit=COUNT, order_by_field="order", order=tantivy.Order.Asc).hits
    assert [order for order, _ in hits] == [place for place in range(100, 100 + COUNT) if place not in (103, 150)]
