"""
Lease: which of several listeners of one store looks after the alerts.

Time is measured by each listener's own clock, from when it saw the lease change last, so clocks may differ.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol

from gelf_listener.errors import GelfError

_RENEWAL_SECONDS = 10.0
_LAPSE_SECONDS = 45.0
"""Four renewals, and the time that another listener needs to see one."""
_KIND, _ID = "leases", "alerts"


class Documents(Protocol):
    """Small documents by kind and id, as a catalog keeps them; a change of what somebody else changed is an error."""

    def all(self, kind: Any) -> Any:
        """Return all of a kind by id; not to be changed."""

    def get(self, kind: Any, id: str) -> dict[str, Any] | None:
        """Return one, not to be changed; None when there is none."""

    async def put(self, kind: Any, id: str, document: dict[str, Any]) -> None:
        """Keep one."""

    async def remove(self, kind: Any, id: str) -> bool:
        """Forget one; False when there was none."""


class Lease(Protocol):
    """Belongs to one listener at a time."""

    @property
    def shared(self) -> bool:
        """Whether there may be other listeners."""

    async def held(self) -> bool:
        """Tell whether it is ours; take it when nobody has it."""

    async def release(self) -> None:
        """Let somebody else have it at once."""


class OwnLease:
    """Of a listener whose store nobody else looks after."""

    shared = False

    async def held(self) -> bool:
        """It always is; see `Lease.held`."""
        return True

    async def release(self) -> None:
        """Nobody waits for it; see `Lease.release`."""


class CatalogLease:
    """
    A document that its holder renews; whoever has not seen it change for long takes it.

    Args:
        documents: Where it is; shared by all listeners.
        holder: Who we are.
        clock: Monotonic seconds.
    """

    shared = True

    def __init__(self, documents: Documents, holder: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._documents = documents
        self._holder = holder
        self._clock = clock
        self._seen: tuple[dict[str, Any] | None, float] = (None, float("-inf"))
        """What the document was when it last changed, and when we saw that."""
        self._renewed = float("-inf")

    async def held(self) -> bool:
        """Tell whether it is ours, and renew it; see `Lease.held`."""
        now = self._clock()
        document = self._documents.get(_KIND, _ID)
        if document != self._seen[0]:
            self._seen = (document, now)
        ours = document is not None and document.get("holder") == self._holder
        if ours and now - self._renewed < _RENEWAL_SECONDS:
            return True
        free = document is None or not document.get("holder") or now - self._seen[1] > _LAPSE_SECONDS
        if not ours and not free:
            return False
        count = 0 if document is None else int(document.get("count", 0))
        return await self._write(self._holder, count + 1, now)

    async def release(self) -> None:
        """Give it up; see `Lease.release`."""
        document = self._documents.get(_KIND, _ID)
        if document is not None and document.get("holder") == self._holder:
            await self._write("", int(document.get("count", 0)) + 1, self._clock())

    async def _write(self, holder: str, count: int, now: float) -> bool:
        """Change the document; False when somebody else did, or when it cannot be reached."""
        document = {"holder": holder, "count": count}
        try:
            await self._documents.put(_KIND, _ID, document)
        except GelfError:
            return False
        self._seen, self._renewed = (document, now), now
        return True
