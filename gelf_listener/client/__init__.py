"""Client: what the terminal's commands ask a running listener, or a Graylog as far as its API allows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Protocol

from gelf_listener.errors import GelfError
from gelf_listener.message import Message

__all__ = ["Client", "Found", "Missed", "Search", "Top", "Unreachable"]


class Unreachable(GelfError):
    """Nothing answers, or not as a listener or a Graylog does."""

    exit_status = 3


class Search(NamedTuple):
    """
    What is searched.

    Attributes:
        query: In Graylog's language.
        since: Stretch of time, ``15m``; empty for all.
        limit: Most messages.
        sort: Field and direction, ``timestamp:desc``.
        fields: Additional fields that are wanted; None for all.
    """

    query: str
    since: str = ""
    limit: int = 150
    sort: str = "timestamp:desc"
    fields: tuple[str, ...] | None = None


class Found(NamedTuple):
    """Messages, how many there are altogether, and why there is none, if that is known."""

    total: int
    messages: Sequence[Message]
    nothing: str = ""


class Top(NamedTuple):
    """Values of a field with their numbers of messages, most first; and how many messages were looked at."""

    values: Sequence[tuple[Any, int]]
    messages: int


class Missed(NamedTuple):
    """Messages that matched and were not given, since the stream began; None if the server cannot say how many."""

    messages: int | None


class Client(Protocol):
    """Asks over HTTP; every call raises `Unreachable` when nothing answers, and `GelfError` with the server's words."""

    def search(self, search: Search) -> Found:
        """Return what matches."""

    def live(self, search: Search, tail: int) -> Iterator[Sequence[Message] | Missed]:
        """
        Give what arrives, indefinitely; it ends with `Unreachable`. Called again, it goes on where it stopped.

        As soon as the server answers something is given, no messages if there are none.

        Args:
            search: Its query and fields.
            tail: How many stored messages to begin with, the first time.
        """

    def top(self, field: str, search: Search) -> Top:
        """Return the values of a field, at most ``search.limit``."""

    def graylog_total(self, search: Search) -> int | None:
        """Return how many messages a real Graylog would find; None if it is one, or would refuse the query."""

    def stats(self) -> dict[str, Any]:
        """Return figures, in the server's words."""

    def page(self) -> str:
        """Return the address of the page for people."""
