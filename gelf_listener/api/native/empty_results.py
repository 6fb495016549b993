"""Empty results: why a search found nothing, in one sentence for the page, the terminal and the API alike."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence

from gelf_listener.quantities import counted
from gelf_listener.query.fields import known_field
from gelf_listener.query.nodes import Exists, Group, MatchAll, Node
from gelf_listener.store import Store
from gelf_listener.store.parameters import EVERYTHING, Span

_MOST_FIELDS = 5


async def why_nothing(store: Store, node: Node, span: Span) -> str:
    """
    Say why no message matches.

    Args:
        store: What was searched.
        node: The query.
        span: The time.

    Returns:
        What is wrong with the time range; or a field that no message has, with the one that was probably meant; or
        where the messages are instead.
    """
    if span.start is not None and span.end is not None and span.start > span.end:
        return "the time range ends before it begins"
    for name in list(dict(_fields(node)))[:_MOST_FIELDS]:
        if not await store.count(Exists(name), EVERYTHING):
            return await _no_field(store, name)
    inside = await store.count(MatchAll(), span)
    if not inside and not await store.count(MatchAll(), EVERYTHING):
        return "the store is empty"
    nothing = f"nothing among {counted(inside)}" if inside else "there are no messages"
    if span == EVERYTHING:
        return nothing
    before = 0 if span.start is None else await store.count(node, Span(None, span.start))
    after = 0 if span.end is None else await store.count(node, Span(span.end, None))
    elsewhere = [f"{count:,} {where} that" for count, where in ((before, "before"), (after, "after")) if count]
    return f"{nothing} in that time; " + (" and ".join(elsewhere) or "none at any other time")


async def unknown_fields(store: Store, node: Node) -> list[tuple[str, int]]:
    """Return what is to be said of the fields of a query that no message has, and the column it is about."""
    stored = {field.name for field in await store.fields()}
    wanted = {name: column for name, column in _fields(node, all_of_them=True) if name.removeprefix("_") not in stored}
    found = [name for name in list(wanted)[:_MOST_FIELDS] if not await store.count(Exists(name), EVERYTHING)]
    if not found or not await store.count(MatchAll(), EVERYTHING):
        return []
    return [(await _no_field(store, name), wanted[name]) for name in found]


async def unknown_field(store: Store, name: str) -> str:
    """Say that no message has a field; empty when one has, or there are no messages."""
    if known_field(name) is not None or await store.count(Exists(name), EVERYTHING):
        return ""
    return await _no_field(store, name) if await store.count(MatchAll(), EVERYTHING) else ""


async def _no_field(store: Store, name: str) -> str:
    near = nearest(name, [field.name for field in await store.fields()])
    return f"no message has a field {name!r}" + (f"; there is {near!r}" if near else "")


def nearest(name: str, names: Sequence[str]) -> str:
    """Return the name that was probably meant, whatever its case; empty when none is near."""
    lower = {each.lower(): each for each in names}
    near = difflib.get_close_matches(name.removeprefix("_").lower(), lower, n=1)
    return lower[near[0]] if near else ""


def _fields(node: Node, *, all_of_them: bool = False) -> Iterator[tuple[str, int]]:
    """Give the additional fields that messages have to have, as they are written, with their columns."""
    if isinstance(node, Group):
        for part in (*node.must, *node.should, *(node.must_not if all_of_them else ())):
            yield from _fields(part, all_of_them=all_of_them)
        return
    name = getattr(node, "field", None)
    if name is not None and known_field(name) is None and name != "streams":
        yield name, getattr(node, "columns", (1, 1))[0]
