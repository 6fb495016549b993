"""
Live: ``GET /api/gelf/live``, messages as they arrive, as server-sent events.

Events:

* ``messages``: an array of messages, oldest first; the event's id is the last message's.
* ``following``: ``{"stored": n}``, once: so many messages came from the store, what comes now arrives now.
* ``missed``: ``{"messages": n}``, the total of this stream, after more were missed: there was no time to look at them.
* ``heartbeat``: ``{"time": seconds}`` when nothing else was said for a while.

A client that comes back with ``Last-Event-ID`` first gets what it missed in between, from the store.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from functools import partial
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import StreamingResponse

from gelf_listener.api.asgi import Send
from gelf_listener.api.context import TheService
from gelf_listener.api.contract import Listener
from gelf_listener.api.errors import ApiError
from gelf_listener.api.native.encoding import chosen, message_document
from gelf_listener.api.native.parameters import MEANING, node_of
from gelf_listener.api.native.received import since_id
from gelf_listener.budget import Budget, Measured
from gelf_listener.capabilities import Searchable
from gelf_listener.live import MAX_SUBSCRIPTIONS
from gelf_listener.message import Message
from gelf_listener.query import Meaning, compile_predicate
from gelf_listener.query.nodes import Node
from gelf_listener.store.parameters import EVERYTHING

router = APIRouter(prefix="/api/gelf", tags=["live"])

_LINGER_SECONDS = 0.05
"""Between two events: what arrives in the meantime shares one, so ten thousand messages a second are twenty events."""

_MOST_LOOKS = 20
_HEARTBEAT_SECONDS = 15.0
_MOST_MESSAGES = 250
"""In one event."""
_MOST_A_TURN = 32
_MOST_BYTES_A_TURN = 64 * 1024
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
    tail: Annotated[int, Query(ge=0, le=1000, description="Begin with this many stored messages.")] = 0,
    characters: Annotated[int | None, Query(ge=1, description="Longest text; longer ones are cut.")] = None,
    last_event_id: Annotated[
        str | None, Header(max_length=64, description="Id of the last message the client has; it gets those since.")
    ] = None,
) -> StreamingResponse:
    """Stream messages as they arrive (server-sent events)."""
    node = node_of(request, query, meaning)
    if len(service.live.subscriptions) >= MAX_SUBSCRIPTIONS:
        raise ApiError(503, f"too many live viewers (limit {MAX_SUBSCRIPTIONS})", headers={"Retry-After": "5"})
    encode = partial(message_document, fields=chosen(fields), characters=characters)
    stream = _stream(service, node, encode, tail, last_event_id)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return _EventStream(service.live.streams, stream, headers=headers)


class _EventStream(StreamingResponse):
    """Sends events, and charges a budget what sending takes."""

    media_type = "text/event-stream"

    def __init__(self, budget: Budget, events: AsyncIterator[bytes], headers: Mapping[str, str]) -> None:
        super().__init__(events, headers=headers)
        self._budget = budget

    async def stream_response(self, send: Send) -> None:
        """Send all events (ASGI)."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        async for event in self.body_iterator:
            await Measured(self._budget, send({"type": "http.response.body", "body": event, "more_body": True}))
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _stream(
    service: Listener,
    node: Node,
    encode: Callable[[Message], dict[str, Any]],
    tail: int,
    last_id: str | None,
) -> AsyncIterator[bytes]:
    """Give what was stored before, then what arrives, then what was missed of it."""
    with service.live.subscribe(compile_predicate(node)) as subscription:  # here, where its end is sure to be seen
        yield b"retry: 1000\n\n"
        before = await _before(service, node, tail, last_id)
        for start in range(0, len(before), _MOST_MESSAGES):
            yield await _messages(before[start : start + _MOST_MESSAGES], encode, subscription.budget)
        yield _event("following", _encode({"stored": len(before)}))
        known = {message.id for message in before}
        missed = 0
        while not subscription.closed:
            messages = await subscription.take(_HEARTBEAT_SECONDS, _MOST_MESSAGES)
            if known:  # stored while the store was asked, and watched already
                messages, known = [message for message in messages if message.id not in known], set()
            if messages:
                yield await _messages(messages, encode, subscription.budget)
            if missed != subscription.missed:
                missed = subscription.missed
                yield _event("missed", _encode({"messages": missed}))
            elif not messages:
                yield _event("heartbeat", _encode({"time": time.time()}))
            if len(messages) < _MOST_MESSAGES:
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


async def _messages(messages: Sequence[Message], encode: Callable[[Message], dict[str, Any]], budget: Budget) -> bytes:
    """Write messages, some at a time."""
    parts: list[bytes] = []
    start = 0
    while start < len(messages):
        await budget.turn()
        with budget.spending():
            end = _slice_end(messages, start)
            parts += [_encode(encode(message)) for message in messages[start:end]]
            start = end
    return b"id: " + messages[-1].id.encode() + b"\n" + _event("messages", b"[" + b",".join(parts) + b"]")


def _slice_end(messages: Sequence[Message], start: int) -> int:
    """Return where what is encoded in one turn ends: few messages, and not many bytes, but one message."""
    size = 0
    for end in range(start, min(start + _MOST_A_TURN, len(messages))):
        size += len(messages[end].raw)
        if size > _MOST_BYTES_A_TURN:
            return max(end, start + 1)
    return min(start + _MOST_A_TURN, len(messages))


def _event(name: str, data: bytes) -> bytes:
    return b"event: " + name.encode() + b"\ndata: " + data + b"\n\n"
