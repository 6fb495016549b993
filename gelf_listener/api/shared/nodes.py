"""
Nodes: all listeners of a store, as each of them announces itself in the cluster.

Laws:

* A listener says every few seconds that it is there, and what it takes, from whom, and what it refuses. Nobody asks
  another listener: so none needs a password for another, and one that is gone makes nobody wait.
* Whether a listener is there is told by whether what it says changes, by our clock: clocks of listeners may differ.
"""

from __future__ import annotations

import json
import logging
import secrets
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from gelf_listener.api.shared.mirror import Mirror
from gelf_listener.errors import Retry
from gelf_listener.store.opensearch.documents import SharedConflict

_log = logging.getLogger(__name__)

_KIND = "nodes"
_ANNOUNCE_SECONDS = 5.0
ALIVE_SECONDS = 20.0
"""A listener that said nothing for so long is gone."""
_FORGET_SECONDS = 86_400.0
MAX_NODES = 200
"""Listeners that are shown."""


class Node(NamedTuple):
    """
    A listener.

    Attributes:
        name: Its name, unique in the store.
        own: Whether it is this one.
        alive: Whether it is there.
        last_seen: When it said something last, UTC Unix seconds, by its own clock.
        said: What it says of itself; see `gelf_listener.api.shared.announcement`.
    """

    name: str
    own: bool
    alive: bool
    last_seen: float
    said: dict[str, Any]


class Nodes:
    """
    Announces this listener, and knows the others.

    Args:
        mirror: Where they announce themselves.
        name: Of this one.
        announcement: What is to be said of it; JSON.
    """

    def __init__(self, mirror: Mirror, name: str, announcement: Callable[[], dict[str, Any]]) -> None:
        self.name = name
        self._mirror = mirror
        self._announcement = announcement
        self._run = secrets.token_hex(8)
        """Tells this process from another one of the same name."""
        self._announced_at = float("-inf")
        self._warned = False
        mirror.each_look.append(self._announce)

    def all(self) -> list[Node]:
        """Return all listeners, this one first, the others by name."""
        return [Node(self.name, True, True, time.time(), self._announcement()), *self._others()]

    def others(self) -> list[Node]:
        """Return the other listeners that are there."""
        return [node for node in self._others() if node.alive]

    def _others(self) -> list[Node]:
        others = []
        for id, shared in self._mirror.of_kind(_KIND):
            said = json.loads(shared.body)
            if said["name"] != self.name:
                alive = self._mirror.unchanged_seconds(id) < ALIVE_SECONDS and self._fresh(id, said)
                others.append(Node(said["name"], False, alive, said["last_seen"], said["said"]))
        others.sort(key=lambda node: (not node.alive, node.name))
        return others[: MAX_NODES - 1]

    def _fresh(self, id: str, said: dict[str, Any]) -> bool:
        """Whether something was said since we look; at first only its own clock tells."""
        return self._mirror.changes(id) > 1 or said["last_seen"] > time.time() - ALIVE_SECONDS

    async def _announce(self) -> None:
        if time.monotonic() - self._announced_at < _ANNOUNCE_SECONDS:
            return
        id = f"{_KIND}/{self.name}"
        shared = self._mirror.get(id)
        if shared is not None:
            self._warn_of_twin(id, json.loads(shared.body))
        body = {"name": self.name, "run": self._run, "last_seen": time.time(), "said": self._announcement()}
        version = None if shared is None else shared.version
        try:
            await self._mirror.put(id, _KIND, json.dumps(body), version, seen=version is None)
        except SharedConflict:
            return  # another one of this name, or our own past: the next look sees it
        self._announced_at = time.monotonic()
        await self._forget_old()

    def _warn_of_twin(self, id: str, said: dict[str, Any]) -> None:
        twin = said["run"] != self._run and self._announced_at > float("-inf")
        if twin and not self._warned and self._mirror.unchanged_seconds(id) < ALIVE_SECONDS:
            self._warned = True
            _log.warning("another listener of this store is called %r too; give each its own node=", self.name)

    async def _forget_old(self) -> None:
        for id, shared in self._mirror.of_kind(_KIND):
            if json.loads(shared.body)["last_seen"] < time.time() - _FORGET_SECONDS:
                try:
                    await self._mirror.remove(id, shared.version)
                except (SharedConflict, Retry):
                    continue  # it is there after all, or the next time
