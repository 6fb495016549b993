"""Sharing: everything that a listener shares with the others of its store, put together."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from functools import partial

from gelf_listener.api.contract import Listener
from gelf_listener.api.shared.announcement import announcement
from gelf_listener.api.shared.catalog import SharedCatalog
from gelf_listener.api.shared.live import LiveOfOthers
from gelf_listener.api.shared.mirror import Mirror
from gelf_listener.api.shared.nodes import Nodes
from gelf_listener.capabilities import Shares
from gelf_listener.message import Message


class Sharing:
    """
    Catalog, nodes and live messages of the listeners of one store.

    Args:
        service: This listener.
        output: Its store.
    """

    def __init__(self, service: Listener, output: Shares) -> None:
        self._service = service
        self._mirror = Mirror(output.shared_documents)
        self.catalog = SharedCatalog(self._mirror)
        self.nodes = Nodes(self._mirror, output.node_name, partial(announcement, service))
        self.cluster_id = str(uuid.uuid5(uuid.NAMESPACE_URL, output.shared_documents.index))
        """Names the listeners of this store."""
        self._live = LiveOfOthers(service, output.node_name)

    @property
    def trouble(self) -> str:
        """Why the cluster could not be asked the last time; empty when it could."""
        return self._mirror.trouble

    async def start(self) -> None:
        """Announce this listener, see the others, and mark its messages."""
        self._service.pipeline.taps.insert(0, self._mark)
        self._live.start()
        await self._mirror.start()

    async def close(self) -> None:
        """Let go of the cluster. May be called twice."""
        await self._live.close()
        await self._mirror.close()

    def _mark(self, messages: Sequence[Message]) -> None:
        name = self.nodes.name
        for message in messages:
            message.node = name
