"""Freshness: that a search sees what was added before it was asked, and the columns of other listeners."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import Sequence

from gelf_listener.errors import Retry
from gelf_listener.store.deadline import limited, seconds_left
from gelf_listener.store.opensearch.cluster import Cluster
from gelf_listener.store.opensearch.shape import Shape
from gelf_listener.store.opensearch.shortfall import shortfall

_COLUMNS_SECONDS = 2.0
"""How long is remembered which columns there are: other listeners make some, too."""
_REFRESH_SECONDS = 10.0
"""How long a search waits for what was added before; the cluster itself waits a minute for a shard that no node has."""
_SHARE = 0.5
"""Of the time there is for a refresh, for the first attempt: where a node is silent, another one is asked next."""
_LOOK_AGAIN_SECONDS = 2.0
"""How long is remembered which indices lack shards."""
_MOST_NAMED = 3
_NOT_SHOWN = "what was added last is not shown yet"
_NEW_FIELDS = "fields that other listeners added last may not be found"


class Freshness:
    """
    Knows when the cluster was made to show everything, and when its columns were looked at.

    Args:
        cluster: Where messages are.
        shape: How they lie there, and what columns there are.
    """

    def __init__(self, cluster: Cluster, shape: Shape) -> None:
        self.looked_at = float("-inf")
        """When the columns were looked at (monotonic)."""
        self._cluster = cluster
        self._shape = shape
        self._looking = asyncio.Lock()
        self._refreshing = asyncio.Lock()
        self._refreshed_from = -1.0
        """When the last refresh that is done began (monotonic)."""
        self._looked_for_shards = float("-inf")
        """When somebody looked for indices without shards (monotonic)."""
        self._unseen = ""
        """Why the last refresh did not show everything."""

    async def show(self) -> None:
        """
        Make the cluster show what was added before this was asked; searches at the same time share that.

        What it cannot show within some seconds, or the time that the task has for it, is left out, and the `shortfall`
        says so.
        """
        asked = time.monotonic()
        if await _taken_in_time(self._refreshing):
            try:
                if self._refreshed_from < asked:
                    began = time.monotonic()
                    await self._refresh()
                    self._refreshed_from = began
                shortfall().lack(self._unseen)
            finally:
                self._refreshing.release()
        else:
            shortfall().lack(f"{_NOT_SHOWN}: other searches wait for it, too")
        await self.look_at_columns(asked - _COLUMNS_SECONDS)

    async def _refresh(self) -> None:
        why = ""
        if self._cluster.unready and self._looked_for_shards < time.monotonic() - _LOOK_AGAIN_SECONDS:
            with contextlib.suppress(Retry):
                await self._look_for_shards()
        for share in (_SHARE, 1.0):
            try:
                with limited(min(share * seconds_left(), _REFRESH_SECONDS)):
                    await self._cluster.refresh()
            except Retry as error:
                why = str(error)
            else:
                self._unseen = _lacking(self._cluster.unready)
                return
            with contextlib.suppress(Retry):
                await self._look_for_shards()
        self._unseen = f"{_NOT_SHOWN}: {why}"

    async def _look_for_shards(self) -> None:
        """See which indices have a shard that no node has."""
        self._cluster.unready = [index.name for index in await self._cluster.indices() if index.lacks_shards]
        self._looked_for_shards = time.monotonic()

    async def look_at_columns(self, since: float) -> None:
        """
        See which columns other listeners made, and whether there is something that has none.

        When they cannot be looked at, those that are known do, and the `shortfall` says so.

        Args:
            since: When somebody must have looked last, otherwise we do (monotonic).
        """
        if not await _taken_in_time(self._looking):  # searches at the same time share it
            shortfall().lack(f"{_NEW_FIELDS}: other searches wait for them, too")
            return
        try:
            await self._look_at_columns(since)
        except Retry as error:
            if self.looked_at == float("-inf"):
                raise
            shortfall().lack(f"{_NEW_FIELDS}: {error}")
        finally:
            self._looking.release()

    async def _look_at_columns(self, since: float) -> None:
        shape = self._shape
        began, has_new = time.monotonic(), shape.has_new
        is_due = has_new or self.looked_at < since
        try:
            if is_due:
                shape.has_new = False
                shape.learn(await self._cluster.mappings())
            if not shape.has_rest and (is_due or not shape.knows_rest):
                shape.has_rest = bool(await self._cluster.count(shape.rest))
        except Retry:
            shape.has_new = shape.has_new or has_new
            raise
        if is_due:
            self.looked_at = began


async def _taken_in_time(lock: asyncio.Lock) -> bool:
    """Take a lock that others may hold while they wait."""
    seconds = seconds_left()
    try:
        async with asyncio.timeout(None if seconds == math.inf else seconds):
            await lock.acquire()
    except TimeoutError:
        return False
    return True


def _lacking(names: Sequence[str]) -> str:
    """Say which indices lack shards; empty without any."""
    if not names:
        return ""
    shown = ", ".join(names[:_MOST_NAMED])
    more = f" and {len(names) - _MOST_NAMED} more indices" if len(names) > _MOST_NAMED else ""
    return f"no node has some shards of {shown}{more}"
