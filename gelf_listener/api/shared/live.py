"""
Live of others: what other listeners take is seen by those who watch this one.

While somebody watches and there are other listeners, the store is asked once a second for what arrived there. So
another listener's messages are seen a second or two after they are stored, and what is more than `_MOST_MESSAGES` a
second is counted as missed, as it is of this listener's own.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import time

from gelf_listener.api.contract import Listener
from gelf_listener.errors import GelfError
from gelf_listener.message import Message
from gelf_listener.query.nodes import Group, Phrase, Range
from gelf_listener.store.parameters import EVERYTHING, Sort

_log = logging.getLogger(__name__)

_LOOK_SECONDS = 1.0
_WINDOW_SECONDS = 30.0
"""How late a message may be found after it arrived, the difference of two clocks included."""
_MOST_MESSAGES = 500
_MOST_KNOWN = 20_000
_NEWEST_FIRST = Sort("gl2_receive_timestamp", descending=True)


class LiveOfOthers:
    """
    Notes the messages of other listeners in the live feed.

    Args:
        service: This listener.
        name: As its messages are marked in the store.
    """

    def __init__(self, service: Listener, name: str) -> None:
        self._service = service
        self._name = name
        self._known: dict[str, None] = {}
        """Ids of what was seen, oldest first."""
        self._looked_at = 0.0
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to look. May be called twice."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._watch(), name="live of others")

    async def close(self) -> None:
        """Look no more. May be called twice."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            sharing = self._service.sharing
            if self._service.live.subscriptions and sharing is not None and sharing.nodes.others():
                try:
                    await self._look()
                except GelfError as error:  # the cluster is away; whoever watches sees what arrives here
                    _log.debug("live of others: %s", error)

    async def _look(self) -> None:
        store, live = self._service.store, self._service.live
        if store is None:
            return
        now = time.time()
        since = dt.datetime.fromtimestamp(now - _WINDOW_SECONDS, dt.UTC)
        text = since.strftime("%Y-%m-%dT%H:%M:%S.") + f"{since.microsecond // 1000:03d}Z"
        wanted = Group(
            must=(Range("gl2_receive_timestamp", text, None),), must_not=(Phrase("gl2_source_node", self._name),)
        )
        hits = await store.search(wanted, EVERYTHING, limit=_MOST_MESSAGES, sort=_NEWEST_FIRST)
        fresh = [message for message in reversed(hits.messages) if message.id not in self._known]
        self._remember(fresh)
        first = now - self._looked_at > _WINDOW_SECONDS  # nobody watched meanwhile: this was there before
        self._looked_at = now
        if fresh and not first:
            live.note(fresh)
            if len(fresh) == _MOST_MESSAGES:
                for subscription in live.subscriptions:
                    subscription.missed += hits.total - _MOST_MESSAGES

    def _remember(self, messages: list[Message]) -> None:
        self._known |= dict.fromkeys(message.id for message in messages)
        for id in list(self._known)[: max(0, len(self._known) - _MOST_KNOWN)]:
            del self._known[id]
