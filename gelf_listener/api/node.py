"""Node: what names this listener among others, as a Graylog server is named in its cluster."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from gelf_listener.api.contract import Listener
from gelf_listener.api.errors import ApiError

if TYPE_CHECKING:
    from gelf_listener.api.shared.nodes import Node


def node_id(service: Listener) -> str:
    """Return what names this listener; the same after a restart on the same machine."""
    if service.sharing is not None:
        return service.sharing.nodes.name
    return str(uuid.uuid5(uuid.UUID(_machine_id()), str(service.config.api)))


def cluster_id(service: Listener) -> str:
    """Return what names all listeners of a store, or of this machine."""
    return _machine_id() if service.sharing is None else service.sharing.cluster_id


def other_nodes(service: Listener) -> list[Node]:
    """Return the other listeners of the store that are there; none where the store is this one's own."""
    return [] if service.sharing is None else service.sharing.nodes.others()


def require_own(service: Listener, name: str) -> None:
    """Require that a node is this listener; another one tells itself how it is."""
    if name == node_id(service):
        return
    known = next((node for node in other_nodes(service) if node.name == name), None)
    where = "" if known is None else f": ask it at {known.said['url']}"
    raise ApiError(404, f"Node <{name[:100]}> {'not found' if known is None else 'is another listener'}{where}")


def is_own_input(service: Listener, document: Mapping[str, Any]) -> bool:
    """Whether an input that the catalog has is opened by this listener: it was made here, or is for all of them."""
    return service.sharing is None or document["global"] or document.get("node") == node_id(service)


@cache
def _machine_id() -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, f"gelf-listener.{uuid.getnode():x}"))
