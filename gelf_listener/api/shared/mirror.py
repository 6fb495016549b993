"""
Mirror: the shared documents of a cluster, held in memory.

Laws:

* Reading never waits. What others change is seen within seconds (`_LOOK_SECONDS`), what this listener changes at once.
* While the cluster is away, reading goes on with what was seen last, and every change is refused: none is kept that
  others would not see.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from collections.abc import Set as AbstractSet

from gelf_listener.errors import Retry, describe
from gelf_listener.store.opensearch.documents import SharedDocument, SharedDocuments, Version

_log = logging.getLogger(__name__)

_LOOK_SECONDS = 2.0
_FIRST_LOOK_SECONDS = 5.0
"""How long the start waits for a cluster that may be away."""


class Mirror:
    """
    Documents by id.

    Args:
        documents: What is mirrored.
    """

    def __init__(self, documents: SharedDocuments) -> None:
        self.trouble = ""
        """Why the cluster could not be asked the last time."""
        self.on_change: list[Callable[[AbstractSet[str]], Awaitable[None]]] = []
        """Called with the kinds of which something was seen that others changed."""
        self.each_look: list[Callable[[], Awaitable[None]]] = []
        """Called every time that the cluster could be asked."""
        self._shared = documents
        self._documents: dict[str, SharedDocument] = {}
        self._seen_at: dict[str, float] = {}
        self._seen_states: Counter[str] = Counter()
        self._generations: Counter[str] = Counter()
        self._changing = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Look for the first time, and then again and again. May be called twice."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._watch(), name="shared documents")
            first = asyncio.Event()
            looked = _setting(first)
            self.each_look.append(looked)
            try:
                async with asyncio.timeout(_FIRST_LOOK_SECONDS):
                    await first.wait()
            except TimeoutError:
                _log.warning("what listeners share is not there yet: %s", self.trouble or "the cluster does not answer")
            finally:
                self.each_look.remove(looked)

    async def close(self) -> None:
        """Look no more. May be called twice."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    def get(self, id: str) -> SharedDocument | None:
        """Return a document as it was seen last."""
        return self._documents.get(id)

    def of_kind(self, kind: str) -> Iterator[tuple[str, SharedDocument]]:
        """Give all documents of a kind, with their ids."""
        return (pair for pair in list(self._documents.items()) if pair[1].kind == kind)

    def generation(self, kind: str) -> int:
        """Return a number that changes with the documents of a kind."""
        return self._generations[kind]

    def unchanged_seconds(self, id: str) -> float:
        """Return for how long a document has been as it is, as far as we saw; infinite when it was never seen."""
        seen_at = self._seen_at.get(id)
        return float("inf") if seen_at is None else time.monotonic() - seen_at

    def changes(self, id: str) -> int:
        """Return how many states of a document were seen."""
        return self._seen_states[id]

    async def put(self, id: str, kind: str, body: str, version: Version | None, *, seen: bool = True) -> None:
        """
        Keep a document in the place of a version; see `SharedDocuments.put`.

        Raises:
            SharedConflict: If there is another one; it has been looked at by then.
            Retry: If the cluster is away.
        """
        async with self._changing:
            made = await self._shared.put(id, kind, body, version, seen=seen)
            self._keep(id, SharedDocument(made, kind, body))

    async def remove(self, id: str, version: Version) -> None:
        """
        Remove a version of a document; see `SharedDocuments.remove`.

        Raises:
            SharedConflict: If there is another one.
            Retry: If the cluster is away.
        """
        async with self._changing:
            await self._shared.remove(id, version)
            self._forget(id)

    async def look(self) -> None:
        """
        See what others changed.

        Raises:
            Retry: If the cluster is away.
        """
        async with self._changing:
            known = {id: document.version for id, document in self._documents.items()}
            changed, gone = await self._shared.changes(known)
            kinds = {document.kind for document in changed.values()} | {self._documents[id].kind for id in gone}
            for id, document in changed.items():
                self._keep(id, document)
            for id in gone:
                self._forget(id)
        if kinds:
            for told in self.on_change:
                await told(kinds)

    def _keep(self, id: str, document: SharedDocument) -> None:
        self._documents[id] = document
        self._generations[document.kind] += 1
        self._seen_at[id] = time.monotonic()
        self._seen_states[id] += 1

    def _forget(self, id: str) -> None:
        document = self._documents.pop(id, None)
        self._seen_at.pop(id, None)
        del self._seen_states[id]
        if document is not None:
            self._generations[document.kind] += 1

    async def _watch(self) -> None:
        while True:
            try:
                await self.look()
                for told in self.each_look:
                    await told()
                if self.trouble:
                    _log.warning("what listeners share can be read and changed again")
                self.trouble = ""
            except Exception as error:  # noqa: BLE001  (the next time may be better)
                said = str(error) if isinstance(error, Retry) else describe(error)
                if not self.trouble:
                    _log.warning("what listeners share stays as it was seen last, and cannot be changed: %s", said)
                self.trouble = said
            await asyncio.sleep(_LOOK_SECONDS)


def _setting(event: asyncio.Event) -> Callable[[], Awaitable[None]]:
    async def looked() -> None:
        event.set()

    return looked
