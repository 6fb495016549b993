"""Sessions: who logged in, kept in memory for as long as they are used."""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from gelf_listener.api.passwords import fingerprint

SESSION_SECONDS = 8 * 3600.0
"""A session that is not used for so long is over; Graylog's default."""

MAX_SESSIONS = 1000
"""Beyond, the one that was not used for the longest time ends."""


@dataclass(slots=True)
class Session:
    """
    One login.

    Attributes:
        id: What the client shows; 256 random bits.
        user: Who logged in.
        valid_until: UTC Unix seconds; moves on with every use.
    """

    id: str
    user: str
    valid_until: float


class Sessions:
    """
    All logins of this process.

    Args:
        clock: UTC Unix seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._sessions: OrderedDict[bytes, Session] = OrderedDict()
        # Found by a keyed digest, so that how long a look-up takes tells nothing of the ids there are.

    def __len__(self) -> int:
        return len(self._sessions)

    def create(self, user: str) -> Session:
        """Begin a session."""
        session = Session(secrets.token_urlsafe(32), user, self._clock() + SESSION_SECONDS)
        self._sessions[fingerprint(session.id)] = session
        while len(self._sessions) > MAX_SESSIONS:
            self._sessions.popitem(last=False)
        return session

    def use(self, id: str) -> Session | None:
        """Return a session and prolong it; None when it is over or never was."""
        key = fingerprint(id)
        session = self._sessions.get(key)
        if session is None:
            return None
        now = self._clock()
        if session.valid_until <= now:
            del self._sessions[key]
            return None
        session.valid_until = now + SESSION_SECONDS
        self._sessions.move_to_end(key)
        return session

    def end(self, id: str) -> None:
        """End a session, if there is one."""
        self._sessions.pop(fingerprint(id), None)
