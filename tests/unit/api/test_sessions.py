"""Sessions: as long as they are used, and not more than there is room for."""

from __future__ import annotations

from gelf_listener.api.sessions import MAX_SESSIONS, SESSION_SECONDS, Sessions


class Clock:
    now = 1700000000.0

    def __call__(self) -> float:
        return self.now


def test_use_prolongs() -> None:
    """Until nobody used it for eight hours."""
    clock = Clock()
    sessions = Sessions(clock)
    session = sessions.create("alice")
    assert session.valid_until == clock.now + SESSION_SECONDS
    for _ in range(3):
        clock.now += SESSION_SECONDS - 1
        assert sessions.use(session.id) is session
    clock.now += SESSION_SECONDS
    assert sessions.use(session.id) is None
    assert len(sessions) == 0


def test_ids() -> None:
    """Nobody guesses one, and an ended one is none."""
    sessions = Sessions()
    one, other = sessions.create("a"), sessions.create("a")
    assert one.id != other.id
    assert len(one.id) >= 32
    sessions.end(one.id)
    sessions.end(one.id)
    assert sessions.use(one.id) is None
    assert sessions.use("") is None
    assert sessions.use(other.id) is other


def test_most_sessions() -> None:
    """The one that was not used for the longest time ends."""
    sessions = Sessions()
    first, second = sessions.create("a"), sessions.create("b")
    assert sessions.use(first.id)
    for _ in range(MAX_SESSIONS - 1):
        sessions.create("c")
    assert len(sessions) == MAX_SESSIONS
    assert sessions.use(first.id)
    assert sessions.use(second.id) is None
