"""Freshness: that a search sees what was added before it was asked, and the columns of other listeners."""

from __future__ import annotations

import asyncio
import time

from gelf_listener.store.opensearch.cluster import Cluster
from gelf_listener.store.opensearch.shape import Shape

__all__ = ["Freshness"]

_COLUMNS_SECONDS = 2.0
"""How long is remembered which columns there are: other listeners make some, too."""


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

    async def show(self) -> None:
        """Make the cluster show what was added before this was asked; searches at the same time share that."""
        asked = time.monotonic()
        async with self._refreshing:
            if self._refreshed_from < asked:
                began = time.monotonic()
                await self._cluster.refresh()
                self._refreshed_from = began
        await self.look_at_columns(asked - _COLUMNS_SECONDS)

    async def look_at_columns(self, since: float) -> None:
        """
        See which columns other listeners made, and whether there is something that has none.

        Args:
            since: When somebody must have looked last, otherwise we do (monotonic).
        """
        shape = self._shape
        async with self._looking:  # searches at the same time share it
            is_due = shape.has_new or self.looked_at < since
            if is_due:
                self.looked_at, shape.has_new = time.monotonic(), False
                shape.learn(await self._cluster.mappings())
            if not shape.has_rest and (is_due or not shape.knows_rest):
                shape.has_rest = bool(await self._cluster.count(shape.rest))
