"""
Rendering: messages -> lines of text, for terminals and files. No I/O.

Laws:

* `Renderer.render` gives whole records, each ended by a newline, and never raises on a message, whatever
  is in it.
* Nothing a peer sent can drive a terminal or pass for a line of another message: every piece of text, host
  and field names included, goes through `gelf_listener.rendering.sanitise` in every format.
* A renderer keeps caches, so it belongs to one thread.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from gelf_listener.message import FieldValue, Message

Fields = tuple[str, ...] | None
"""Which additional fields are shown, in this order; None is all of them."""


class Renderer(Protocol):
    """Turns messages into bytes."""

    def render(self, batch: Sequence[Message]) -> bytes:
        """Return the batch as UTF-8 text: one record a message, each ended by a newline."""


def shown(message: Message, fields: Fields) -> dict[str, FieldValue]:
    """Return the additional fields to show: all, or those named, in the order they were named."""
    every = message.fields
    if fields is None:
        return every
    return {name: every[name] for name in fields if name in every}
