"""Received: what is stored, by when it arrived rather than by when it was logged."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence

from gelf_listener.message import Message
from gelf_listener.query.nodes import Group, Node, Range
from gelf_listener.store import Store
from gelf_listener.store.parameters import EVERYTHING, Sort

_ID = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}", re.ASCII)
_CROCKFORD = {character: value for value, character in enumerate("0123456789ABCDEFGHJKMNPQRSTVWXYZ")}
_LATEST = 253402300799.0
"""The last second of the year 9999, the last one that can be written."""


def received_at(id: str) -> float | None:
    """Return the receive time in a message's id, UTC Unix seconds, to the millisecond; None when it is not an id."""
    if _ID.fullmatch(id) is None:
        return None
    milliseconds = 0
    for character in id[:10]:
        milliseconds = milliseconds * 32 + _CROCKFORD[character]
    return min(milliseconds / 1000, _LATEST)


def received_since(node: Node, seconds: float) -> Node:
    """Narrow a query to what was received at or after a time."""
    time = dt.datetime.fromtimestamp(max(0.0, min(seconds, _LATEST)), dt.UTC)
    text = time.strftime("%Y-%m-%dT%H:%M:%S.") + f"{time.microsecond // 1000:03d}Z"
    return Group(must=(node, Range("gl2_receive_timestamp", text, None)))


async def since_id(store: Store, node: Node, id: str, most: int) -> Sequence[Message]:
    """
    Return what was received after a message, oldest first.

    Args:
        store: Where to look.
        node: Which messages.
        id: Of a message; another text gives nothing.
        most: The newest so many.
    """
    received = received_at(id)
    if received is None:
        return ()
    sort = Sort("gl2_receive_timestamp", descending=True)
    hits = await store.search(received_since(node, received), EVERYTHING, limit=most, sort=sort)
    return sorted((message for message in hits.messages if message.id > id), key=lambda message: message.id)
