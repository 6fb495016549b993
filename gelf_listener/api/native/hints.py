"""Hints: what is probably not meant in a query, and what a real Graylog would find instead."""

from __future__ import annotations

from fastapi import Request

from gelf_listener.api.native.empty_results import unknown_fields
from gelf_listener.api.native.parameters import meaning_of
from gelf_listener.errors import QueryError
from gelf_listener.query import Meaning, Query
from gelf_listener.query.differences import difference
from gelf_listener.query.parser import Hint
from gelf_listener.store.parameters import EVERYTHING


async def hints_of(request: Request, query: Query, meaning: Meaning | None, *, compare: bool) -> list[Hint]:
    """
    Return the hints on a query of the page.

    Args:
        request: Asks.
        query: Parsed.
        meaning: Whose rules it follows; None for those of the setting.
        compare: Whether to count what a real Graylog would find, which takes as long as two searches.
    """
    hints = [hint for hint in query.hints if hint.field != "streams"]  # that one is for routes
    store = request.app.state.service.store
    if store is not None:
        hints += [Hint(text, max(column, 1)) for text, column in await unknown_fields(store, query.node)]
    if compare and meaning_of(request, meaning) == "extended":
        hints += await _differences(request, query)
    return hints


async def _differences(request: Request, query: Query) -> tuple[Hint, ...]:
    """Say how a Graylog differs: not where it finds as many of the stored messages."""
    found = difference(query)
    store = request.app.state.service.store
    if found.node is None or not found.hints or store is None:
        return found.hints
    streams = request.app.state.streams
    try:
        here = await store.count(streams.resolve(query.node), EVERYTHING)
        there = await store.count(streams.resolve(found.node), EVERYTHING)
    except QueryError:  # too many messages would have to be looked at one by one
        return found.hints
    if here == there:
        return ()
    first, *others = found.hints
    told = f"{first.text} ({there:,} of what is stored match there, {here:,} here)"
    return first._replace(text=told), *others
