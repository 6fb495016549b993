"""Titles: what stands in the place of ids where people read: streams, inputs and the node."""

from __future__ import annotations

import socket
from typing import Any

from gelf_listener.api.contract import Listener
from gelf_listener.api.graylog.streams import DEFAULT_STREAM, DEFAULT_TITLE
from gelf_listener.api.node import node_id

_DECORATED = {"streams": "stream", "gl2_source_input": "input", "gl2_source_node": "node"}


class Column:
    """
    A field as the scripting API names it: ``streams`` shows titles, ``streams#id`` ids.

    Args:
        service: Whose titles they are.
        name: As it was asked for.
    """

    def __init__(self, service: Listener, name: str) -> None:
        self.name = name
        bare, mark, how = name.rpartition("#")
        self.field = bare if mark and how in ("id", "title") else name
        self._service = service
        self._kind = _DECORATED.get(self.field) if how != "id" or not mark else None

    def type(self, known: str) -> str:
        """Return the type of what is shown."""
        return _DECORATED.get(self.field, known)

    def shown(self, value: Any) -> Any:
        """Return what to show for a value."""
        if self._kind is None:
            return value
        if isinstance(value, list):
            return [self._title(str(each)) for each in value]
        return self._title(str(value))

    def _title(self, id: str) -> str:
        if self._kind == "node":
            return socket.gethostname() if id == node_id(self._service) and self._service.sharing is None else id
        if self._kind == "stream" and id == DEFAULT_STREAM:
            return DEFAULT_TITLE
        document = self._service.catalog.get("streams" if self._kind == "stream" else "inputs", id)
        return id if document is None else str(document["title"])
