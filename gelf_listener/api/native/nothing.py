"""Nothing: why a search found nothing, in one sentence for the page, the terminal and the API alike."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from gelf_listener.query.fields import known_field
from gelf_listener.query.nodes import Exists, Group, MatchAll, Node
from gelf_listener.store import Store
from gelf_listener.store.parameters import EVERYTHING, Span

__all__ = ["why_nothing"]

_MOST_FIELDS = 5


async def why_nothing(store: Store, node: Node, span: Span) -> str:
    """
    Say why no message matches.

    Args:
        store: What was searched.
        node: The query.
        span: The time.

    Returns:
        A field that no message has, with the one that was probably meant; or where the messages are instead.
    """
    for name in list(dict.fromkeys(_fields(node)))[:_MOST_FIELDS]:
        if not await store.count(Exists(name), EVERYTHING):
            known = [field.name for field in await store.fields()]
            near = difflib.get_close_matches(name.removeprefix("_"), known, n=1)
            return f"no message has a field {name!r}" + (f"; there is {near[0]!r}" if near else "")
    inside = await store.count(MatchAll(), span)
    nothing = f"nothing among {_messages(inside)}"
    if span == EVERYTHING:
        return nothing if inside else "the store is empty"
    before = 0 if span.start is None else await store.count(node, Span(None, span.start))
    after = 0 if span.end is None else await store.count(node, Span(span.end, None))
    elsewhere = [f"{count:,} {where} that" for count, where in ((before, "before"), (after, "after")) if count]
    return f"{nothing} in that time; " + (" and ".join(elsewhere) or "none at any other time")


def _messages(count: int) -> str:
    return f"{count:,} message{'' if count == 1 else 's'}"


def _fields(node: Node) -> Iterator[str]:
    """Give the additional fields that messages have to have, as they are written."""
    if isinstance(node, Group):
        for part in (*node.must, *node.should):
            yield from _fields(part)
        return
    name = getattr(node, "field", None)
    if name is not None and known_field(name) is None:
        yield name
