"""
An indexer that dies as `DIES_OF` says (`python -m tests.unit.store.dying_indexer`).

``message TEXT``: of every message with the text; ``company TEXT``: of such a message unless it is alone in an index;
``opening FILE``: whenever it opens an index while the file is there, which it removes at the third time.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from gelf_listener.codec.gelf.lenient import read_document, read_fields
from gelf_listener.store import index_writer, indexer
from gelf_listener.store.documents import Documents, Indexable
from gelf_listener.store.indexer_process import serve

_kind, _text = os.environ["DIES_OF"].split()


class _Deadly(Documents):
    def of(self, packed: bytes, place: int) -> Indexable:
        if _text.encode() in packed:
            os._exit(7)
        return super().of(packed, place)


class _Opening(index_writer.IndexWriter):
    def __init__(self, *arguments: Any) -> None:
        times = Path(_text)
        if times.exists():
            times.write_text(times.read_text() + "x")
            if len(times.read_text()) == 3:
                times.unlink()
            os._exit(7)
        super().__init__(*arguments)


if __name__ == "__main__":
    if _kind == "opening":
        vars(indexer)["IndexWriter"] = _Opening
    else:
        vars(index_writer)["Documents"] = _Deadly
        if _kind == "message":
            vars(indexer)["Documents"] = _Deadly
    serve(read_fields, read_document)
