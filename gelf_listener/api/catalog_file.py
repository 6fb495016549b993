"""
Catalog in a file: one listener's own, beside its embedded store.

Laws:

* What `put` returned from is on disk: it survives ``kill -9`` and a power cut (SQLite, fully synchronised).
* Everything is held in memory as well, so reading never waits. Kinds are bounded.
* The file is made by the first `put`. Where it cannot be made or read, the catalog lives in memory, and the log
  says so.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gelf_listener.api.catalog import MAX_DOCUMENTS, Kind, fitting, oldest_to_go

if TYPE_CHECKING:
    import sqlite3

_log = logging.getLogger(__name__)


class FileCatalog:
    """
    Documents in a file; see `Catalog`.

    Args:
        path: The file; None keeps everything in memory.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self._changing = asyncio.Lock()
        self._documents: dict[Kind, dict[str, dict[str, Any]]] = {kind: {} for kind in MAX_DOCUMENTS}
        if path is not None and path.exists():
            self._load(path)

    async def open(self, changed: Callable[[], Awaitable[None]]) -> None:
        """Do nothing: everything was read at the beginning; see `Catalog.open`."""

    def all(self, kind: Kind) -> Mapping[str, dict[str, Any]]:
        """Return all documents of a kind; see `Catalog.all`."""
        return self._documents[kind]

    def get(self, kind: Kind, id: str) -> dict[str, Any] | None:
        """Return a document; see `Catalog.get`."""
        return self._documents[kind].get(id)

    async def put(self, kind: Kind, id: str, document: dict[str, Any]) -> None:
        """Keep a document; see `Catalog.put`."""
        documents = self._documents[kind]
        body = fitting(document)
        async with self._changing:
            gone = oldest_to_go(kind, id, documents)
            await asyncio.to_thread(self._write, kind, id, body, gone)
            if gone is not None:
                del documents[gone]
            documents[id] = document

    async def remove(self, kind: Kind, id: str) -> bool:
        """Forget a document; see `Catalog.remove`."""
        async with self._changing:
            if id not in self._documents[kind]:
                return False
            await asyncio.to_thread(self._write, kind, id, None, None)
            del self._documents[kind][id]
            return True

    def close(self) -> None:
        """Close the file; see `Catalog.close`."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _load(self, path: Path) -> None:
        import sqlite3  # of use to those only who made something through the API

        try:
            connection = self._open(path)
            for kind, id, body in connection.execute("SELECT kind, id, body FROM documents ORDER BY rowid"):
                if kind in self._documents:
                    self._documents[kind][id] = json.loads(body)
        except (sqlite3.Error, ValueError) as error:
            _log.error("what was made through the API is not there: %s cannot be read: %s", path, error)
            self.close()
            self._path = None

    def _open(self, path: Path) -> sqlite3.Connection:
        import sqlite3

        connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=5.0)
        self._connection = connection
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute(
            "CREATE TABLE IF NOT EXISTS documents (kind TEXT, id TEXT, body TEXT NOT NULL, PRIMARY KEY (kind, id))"
        )
        return connection

    def _write(self, kind: Kind, id: str, body: str | None, gone: str | None) -> None:
        """Put or remove one row, and another one that gives way; in a thread."""
        import sqlite3

        if self._path is None:
            return
        try:
            connection = self._connection
            if connection is None:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                connection = self._open(self._path)
                self._path.chmod(0o600)
            for leaving in (gone, id if body is None else None):
                connection.execute("DELETE FROM documents WHERE kind = ? AND id = ?", (kind, leaving))
            if body is not None:
                connection.execute(
                    "INSERT INTO documents VALUES (?, ?, ?) ON CONFLICT (kind, id) DO UPDATE SET body = excluded.body",
                    (kind, id, body),
                )
        except (sqlite3.Error, OSError) as error:
            _log.warning("what is made through the API will be gone after a restart: %s: %s", self._path, error)
            self._path = None
