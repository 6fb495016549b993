"""Contract: what the API asks of what listeners share; `gelf_listener.api.shared.sharing.Sharing` is it."""

from __future__ import annotations

from typing import Protocol

from gelf_listener.api.shared.nodes import Nodes


class Shared(Protocol):
    """What the listeners of one store share."""

    cluster_id: str
    """Names the listeners of the store."""

    nodes: Nodes
    """All of them."""

    @property
    def trouble(self) -> str:
        """Why the cluster could not be asked the last time; empty when it could."""
