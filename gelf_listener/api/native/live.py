"""
Live: ``GET /api/gelf/live``, messages as they arrive, as server-sent events.

Events:

* ``messages``: an array of messages, oldest first; the event's id is the last message's.
* ``following``: ``{"stored": n}``, once: so many messages came from the store, what comes now arrives now.
* ``missed``: ``{"dropped": n, "skipped": n}``, totals of this stream, after more were missed.
* ``heartbeat``: ``{"time": seconds}`` when nothing else was said for a while.

A client that comes back with ``Last-Event-ID`` first gets what it missed in between, from the store.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import StreamingResponse

from gelf_listener.api.context import TheService
from gelf_listener.api.errors import ApiError
from gelf_listener.api.native.encoding import chosen, message_document
from gelf_listener.api.native.parameters import MEANING, node_of
from gelf_listener.api.native.received import since_id
from gelf_listener.capabilities import Searchable
from gelf_listener.live import MAX_SUBSCRIPTIONS
from gelf_listener.message import Message
from gelf_listener.query import Meaning, compile_predicate
from gelf_listener.query.nodes import Node
from gelf_listener.store.parameters import EVERYTHING

if TYPE_CHECKING:
    from gelf_listener.api.contract import Listener

__all__ = ["router"]

router = APIRouter(prefix="/api/gelf", tags=["live"])

_LINGER_SECONDS = 0.05
"""Between two events: what arrives in the meantime shares one, so ten thousand messages a second are twenty events."""

_MOST_LOOKS = 20
_HEARTBEAT_SECONDS = 15.0
_MOST_MESSAGES = 1000
"""In one event."""
_MOST_MISSED = 5000
"""Messages that are given again to a client that comes back."""

_encode = msgspec.json.Encoder().encode


@router.get(
    "/live",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}, "description": __doc__}},
)
async def live(
    request: Request,
    service: TheService,
    query: Annotated[str, Query(description="Which messages.")] = "*",
    meaning: Annotated[Meaning | None, MEANING] = None,
    fields: Annotated[
        str | None, Query(description="Additional fields to give, separated by commas; all by default.")
    ] = None,
    tail: Annotated[int, Query(ge=0, le=1000, description="Begin with so many stored messages.")] = 0,
    characters: Annotated[int | None, Query(ge=1, description="Longest text; longer ones are cut.")] = None,
    last_event_id: Annotated[
        str | None, Header(max_length=64, description="Id of the last message the client has; it gets those since.")
    ] = None,
) -> StreamingResponse:
    """Stream messages as they arrive (server-sent events)."""
    node = node_of(request, query, meaning)
    if len(service.live.subscriptions) >= MAX_SUBSCRIPTIONS:
        raise ApiError(503, f"{MAX_SUBSCRIPTIONS} are watching already", headers={"Retry-After": "5"})
    write = partial(_messages, fields=chosen(fields), characters=characters)
    stream = _stream(service, node, write, tail, last_event_id)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(stream, media_type="text/event-stream", headers=headers)


async def _stream(
    service: Listener,
    node: Node,
    write: Callable[[Sequence[Message]], bytes],
    tail: int,
    last_id: str | None,
) -> AsyncIterator[bytes]:
    """Give what was stored before, then what arrives, then what was missed of it."""
    with service.live.subscribe(compile_predicate(node)) as subscription:  # here, where its end is sure to be seen
        yield b"retry: 1000\n\n"
        before = await _before(service, node, tail, last_id)
        for start in range(0, len(before), _MOST_MESSAGES):
            yield write(before[start : start + _MOST_MESSAGES])
        yield _event("following", {"stored": len(before)})
        known = {message.id for message in before}
        missed = (0, 0)
        while not subscription.closed:
            messages = await subscription.take(_HEARTBEAT_SECONDS, _MOST_MESSAGES)
            if known:  # stored while the store was asked, and watched already
                messages, known = [message for message in messages if message.id not in known], set()
            if messages:
                yield write(messages)
            if missed != (subscription.dropped, subscription.skipped):
                missed = (subscription.dropped, subscription.skipped)
                yield _event("missed", {"dropped": missed[0], "skipped": missed[1]})
            elif not messages:
                yield _event("heartbeat", {"time": time.time()})
            await asyncio.sleep(_LINGER_SECONDS)


async def _before(service: Listener, node: Node, tail: int, last_id: str | None) -> Sequence[Message]:
    """Return what is stored since a message, or the last messages, oldest first."""
    store = service.store
    if store is None or not (last_id or tail):
        return ()
    await _stored(service)
    if last_id:
        return await since_id(store, node, last_id, _MOST_MISSED)
    return (await store.search(node, EVERYTHING, limit=tail)).messages[::-1]


async def _stored(service: Listener) -> None:
    """Wait a little until what arrived before is stored; what arrives from now on is seen arriving."""
    runners = [runner for runner in service.pipeline.runners if isinstance(runner.output, Searchable)]
    for _ in range(_MOST_LOOKS):
        await asyncio.sleep(_LINGER_SECONDS)
        if not any(runner.waiting for runner in runners):
            return


def _messages(messages: Sequence[Message], fields: frozenset[str] | None, characters: int | None) -> bytes:
    documents = [message_document(message, fields, characters) for message in messages]
    return b"id: " + messages[-1].id.encode() + b"\n" + _event("messages", documents)


def _event(name: str, data: Any) -> bytes:
    return b"event: " + name.encode() + b"\ndata: " + _encode(data) + b"\n\n"
