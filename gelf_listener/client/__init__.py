"""Client: what the terminal's commands ask a running listener, or a Graylog as far as its API allows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from gelf_listener.errors import GelfError
from gelf_listener.message import Message

if TYPE_CHECKING:
    from gelf_listener.query import Meaning


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
        meaning: Whose rules the query follows; None for those of the server.
    """

    query: str
    since: str = ""
    limit: int = 150
    sort: str = "timestamp:desc"
    fields: tuple[str, ...] | None = None
    meaning: Meaning | None = None


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

    def figures(self, field: str, metrics: Sequence[str], search: Search) -> Sequence[tuple[Any, Sequence[Any]]]:
        """
        Return the values of a field, at most ``search.limit``, each with a figure for every metric, highest first.

        Args:
            field: Its values make the groups.
            metrics: As `/api/gelf/aggregate` takes them: ``count``, ``p95:duration_ms``.
            search: Which messages.
        """

    def graylog_total(self, search: Search) -> int | None:
        """Return how many messages a real Graylog would find; None if it is one, or would refuse the query."""

    def hints(self, search: Search) -> list[str]:
        """Return what is probably not meant in its query; nothing if it cannot be understood."""

    def stats(self) -> dict[str, Any]:
        """Return figures, in the server's words."""

    def page(self) -> str:
        """Return the address of the page for people."""
