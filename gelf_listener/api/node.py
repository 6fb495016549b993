"""Node: what names this listener among others, as a Graylog server is named in its cluster."""

from __future__ import annotations

import uuid
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gelf_listener.api.contract import Listener

__all__ = ["cluster_id", "node_id"]


def node_id(service: Listener) -> str:
    """Return what names this listener; the same after a restart on the same machine."""
    return str(uuid.uuid5(uuid.UUID(cluster_id()), str(service.config.api)))


@cache
def cluster_id() -> str:
    """Return what names all listeners of this machine."""
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, f"gelf-listener.{uuid.getnode():x}"))
