"""Waiting: ``GET /api/gelf/wait``, for tests: answers when what was expected has arrived, or says what came instead."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from gelf_listener.api.context import TheService
from gelf_listener.api.contract import Listener
from gelf_listener.api.errors import ApiError
from gelf_listener.api.native.encoding import json_response, message_document, missing_document
from gelf_listener.api.native.parameters import MEANING, moment, node_of
from gelf_listener.api.native.received import received_since
from gelf_listener.api.native.shapes.messages import Waited
from gelf_listener.budget import Budget
from gelf_listener.live import Subscription, TooManySubscriptions
from gelf_listener.message import Message
from gelf_listener.query import Meaning, compile_predicate
from gelf_listener.query.explanation import explain
from gelf_listener.query.nodes import MatchAll, Node
from gelf_listener.settings import Duration
from gelf_listener.store import Store
from gelf_listener.store.parameters import EVERYTHING, Sort

router = APIRouter(prefix="/api/gelf", tags=["tests"])

_MOST_LOOKED_AT = 50
"""Messages that did not match and are compared with the query at the end."""
_MOST_NEAR_MISSES = 5
_LONGEST_TURN_SECONDS = 0.05
_FIRST_PAUSE_SECONDS = 0.02
_REST = 4.0
"""How many times as long as a look at the store took, and waited for others', it is at least to the next one."""
_GRACE_SECONDS = 1.0
"""For what arrived in time and was not looked at yet, where no store has it."""
_LONGEST_PAUSE_SECONDS = 1.0
"""How often the store is asked again, and whether the client is still there."""
_BY_RECEIPT = Sort("gl2_receive_timestamp", descending=False)
_LATEST_RECEIVED = Sort("gl2_receive_timestamp", descending=True)


@router.get("/wait", response_model=Waited, responses={504: {"model": Waited, "description": "Too few arrived."}})
async def wait(
    service: TheService,
    request: Request,
    query: Annotated[str, Query(description="Which messages.")],
    meaning: Annotated[Meaning | None, MEANING] = None,
    count: Annotated[int, Query(ge=1, le=10_000, description="How many have to match.")] = 1,
    timeout: Annotated[Duration, Query(le=300, description="How long to wait: seconds, 500ms, 1m.")] = 10.0,  # noqa: ASYNC109  (of the answer)
    since: Annotated[
        str | None,
        Query(description="Only messages received since (30s, a time, Unix seconds); all that are stored by default."),
    ] = None,
) -> Response:
    """
    Wait until enough messages match, stored already or arriving.

    Answers 200 with the messages, or 504 with those that did arrive and, of the others, the ones that came closest
    and the clauses each of them failed.
    """
    node = node_of(request, query, meaning)
    start = _start(since)
    others: deque[Message] = deque(maxlen=_MOST_LOOKED_AT)
    try:
        subscription = service.live.subscribe(_sorter(compile_predicate(node), others), service.live.waits)
    except TooManySubscriptions as error:
        raise ApiError(503, str(error), headers={"Retry-After": "1"}) from None
    with subscription:
        waited = _Wait(subscription, service, node, start, count)
        found = await waited.collect(timeout, request)
    messages = [message for _, message in sorted(found.items())[:count]]
    enough = len(messages) >= count
    document = {
        "query": query,
        "wanted": count,
        "matched": len(messages),
        "messages": [message_document(message) for message in messages],
        "near_misses": [] if enough else await _near_misses(service.store, node, start, others, subscription.budget),
        "missed": waited.missed,
        "missing": missing_document(service.store),
    }
    return json_response(document, 200 if enough else 504)


def _start(since: str | None) -> float | None:
    """Read since when; None is the beginning."""
    return None if since is None else moment(since, time.time(), "since")


def _sorter(matches: Callable[[Message], bool], others: deque[Message]) -> Callable[[Message], bool]:
    """Keep what does not match aside."""

    def predicate(message: Message) -> bool:
        if matches(message):
            return True
        others.append(message)
        return False

    return predicate


class _Wait:
    """
    Gathers what matches from the store and from what arrives.

    A message may be on its way to the store when the wait begins: too late to be seen arriving, too early to be found.
    So the store is asked again now and then.
    """

    def __init__(
        self, subscription: Subscription, service: Listener, node: Node, start: float | None, count: int
    ) -> None:
        store = service.store
        self._looks = service.live.looks
        self._subscription = subscription
        self._store = store
        self._node = node if start is None else received_since(node, start)
        self._start = float("-inf") if start is None else start
        self._count = count
        self._found: dict[str, Message] = {}

    async def collect(self, seconds: float, request: Request) -> dict[str, Message]:
        """Return messages by id: enough, or as many as there are when the time is over or nobody waits any longer."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        pause = max(_FIRST_PAUSE_SECONDS, _REST * await self._look())
        look_at = loop.time() + pause
        while len(self._found) < self._count and not self._subscription.closed:
            until = min(deadline, look_at)
            self._add(await self._subscription.take(max(until - loop.time(), 0.0)))
            if loop.time() < until or len(self._found) >= self._count:
                continue
            took = await self._look()
            if loop.time() >= deadline or await request.is_disconnected():
                break
            pause = max(min(pause * 2, _LONGEST_PAUSE_SECONDS), _REST * took)
            look_at = loop.time() + pause
        if self._store is None:
            await self._catch_up(loop.time() + _GRACE_SECONDS)
        return self._found

    @property
    def missed(self) -> int:
        """How many messages nobody looked at, here or in the store."""
        return 0 if self._store is not None else self._subscription.missed + self._subscription.behind

    async def _catch_up(self, deadline: float) -> None:
        """Look at what has arrived in time."""
        loop = asyncio.get_running_loop()
        while len(self._found) < self._count and self._subscription.behind and loop.time() < deadline:
            self._add(await self._subscription.take(deadline - loop.time()))

    async def _look(self) -> float:
        """Add what is stored, one wait after another; return how many seconds that took."""
        if self._store is None:
            return 0.0
        began = time.monotonic()
        most = self._count + _MOST_LOOKED_AT  # some may have been received within the millisecond before the start
        async with self._looks:
            self._add((await self._store.search(self._node, EVERYTHING, limit=most, sort=_BY_RECEIPT)).messages)
        return time.monotonic() - began

    def _add(self, messages: Sequence[Message]) -> None:
        self._found |= {message.id: message for message in messages if message.received_at >= self._start}


async def _near_misses(
    store: Store | None, node: Node, start: float | None, others: Sequence[Message], budget: Budget
) -> list[dict[str, object]]:
    """Explain the messages that came closest: those with the fewest clauses that fail, the latest first."""
    candidates = {message.id: message for message in others}
    if store is not None:
        every = MatchAll() if start is None else received_since(MatchAll(), start)
        hits = await store.search(every, EVERYTHING, limit=_MOST_LOOKED_AT, sort=_LATEST_RECEIVED)
        candidates |= {message.id: message for message in hits.messages}
    explained = []
    for _, message in sorted(candidates.items(), reverse=True):
        with contextlib.suppress(TimeoutError):  # somebody waits for the answer
            async with asyncio.timeout(_LONGEST_TURN_SECONDS):
                await budget.turn()
        with budget.spending():
            if why := explain(node, message):
                explained.append((why, message))
    explained.sort(key=lambda pair: len(pair[0]))
    return [{"message": message_document(message), "why": why} for why, message in explained[:_MOST_NEAR_MISSES]]
