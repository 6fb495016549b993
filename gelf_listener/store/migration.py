"""
Migration: partitions of earlier formats, brought up to date.

The messages of every format are read as they are. What differs is the index, which is made again from them; until it
is, searches say how much they lack.

====== =======================================================================================================
format what it has
====== =======================================================================================================
1      index and messages in one directory; what was deleted is known by the index only; levels from 0 up only
2      the index in a directory of its own; what was deleted is known by the messages' file
3      values without a column are terms of ``rest``
4      ids are found by when their messages arrived; no lengths of texts, and no terms of a column of hosts
5      numbers and ids are found by their columns, and have no terms
6      the messages of a block lie in tables; the index is that of format 5, and is kept
7      columns of tables are numbers, ids, or numbered words; likewise
8      bytes of a column that rise are written as steps; likewise
9      columns leave out what others say, and numbers and ids half bytes; likewise
10     a message's place is found by its slot of 64 places, not of 128
====== =======================================================================================================
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gelf_listener.store.blocks import FILE_NAME, Blocks
from gelf_listener.store.description import Description
from gelf_listener.store.index_writer import HALF_DELETED, throw_away_index

if TYPE_CHECKING:
    import tantivy

_PAGE = 50_000
"""Places asked for at once."""


def migrate(path: Path, blocks: Blocks, description: Description) -> Description:
    """
    Bring a partition up to date: its index is empty afterwards.

    Args:
        path: Its directory.
        blocks: Its messages.
        description: As it was read; a newer format is not touched.

    Returns:
        What is known of it now.

    Raises:
        OSError: If that cannot be done now; the next try goes on.
    """
    index = _first_index(path)
    if index is not None:
        places = list(_deleted(index, blocks))
        del index
        blocks.delete(places, HALF_DELETED)
    throw_away_index(path)  # it may have the same fields, and be taken for one of this format
    for file in path.iterdir():
        if file.is_file() and not file.name.startswith(FILE_NAME) and file.name != "partition.json":
            file.unlink()
    blocks.set_mark("first", blocks.first)
    blocks.set_mark(HALF_DELETED, None)
    made = Description()
    made.created_at = description.created_at
    made.write(path)  # last, for it says that all this is done
    return made


def _first_index(path: Path) -> tantivy.Index | None:
    """Open the index of a partition of format 1; None if there is none any more, or it is damaged."""
    import tantivy  # not before somebody needs it

    if not (path / "meta.json").exists():
        return None
    with contextlib.suppress(ValueError):
        index = tantivy.Index.open(str(path))
        index.config_reader("manual", 0)
        index.reload()
        return index
    return None


def _deleted(index: tantivy.Index, blocks: Blocks) -> Iterator[int]:
    """Give the places that the index had once and has no more."""
    expected = blocks.first
    last = expected - 1
    for place in _places(index):
        yield from range(expected, place)
        expected = place + 1
        last = place
    mark = blocks.mark("indexed")
    if mark is not None and mark > last:
        yield from range(expected, min(mark, blocks.last) + 1)


def _places(index: tantivy.Index) -> Iterator[int]:
    """Give the places of all messages in an index, rising."""
    import tantivy

    searcher, schema, place = index.searcher(), index.schema, 0
    while True:
        rest = tantivy.Query.range_query(schema, "order", tantivy.FieldType.Unsigned, place, None)
        found: Any = searcher.search(rest, limit=_PAGE, count=False, order_by_field="order", order=tantivy.Order.Asc)
        places = [int(order) for order, _ in found.hits]
        yield from places
        if len(places) < _PAGE:
            return
        place = places[-1] + 1
