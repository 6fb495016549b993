"""Indexer: the process that indexes for a store (`python -m gelf_listener.indexer`); see `store/indexer_process.py`."""

from __future__ import annotations

from gelf_listener.codec.gelf.lenient import read_document, read_fields
from gelf_listener.store.indexer_process import serve

if __name__ == "__main__":
    serve(read_fields, read_document)
