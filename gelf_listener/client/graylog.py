"""Graylog: a client of Graylog's API, as far as it goes: search, values of fields, figures; no live stream."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from gelf_listener.client import Found, Missed, Search, Top
from gelf_listener.client.session import Session
from gelf_listener.errors import ConfigError
from gelf_listener.message import Message
from gelf_listener.quantities import duration_parts, parse_duration
from gelf_listener.query import parse_as

_KNOWN = ("timestamp", "source", "level", "message", "full_message", "gl2_message_id", "gl2_receive_timestamp")
_POLL_SECONDS = 1.0
_LOOK_BACK_SECONDS = 60
"""A Graylog indexes what it gets some seconds later."""
_MOST_AT_ONCE = 500
_REMEMBERED = 5000
_PERCENTILE = re.compile(r"p\d")
_ALL_TIME = "10y"
_MISSING = ("-", "(Empty Value)")
"""What Graylog writes for a value that is not there: in rows, and for groups."""


class GraylogClient:
    """
    Asks a Graylog; see `gelf_listener.client.Client`.

    The API gives only those additional fields that are asked for by name.

    Args:
        session: With its address.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._seen: dict[str, None] = {}
        """Ids of messages that were given, in that order."""
        self._asked_at: float | None = None
        """When what arrives was last asked for; None if it never was."""

    def search(self, search: Search) -> Found:
        """See `Client.search`; the total is not told, so it is the number of messages."""
        field, _, direction = search.sort.partition(":")
        parameters = _asked(search) | {
            "fields": ",".join((*_KNOWN, *(search.fields or ()))),
            "sort": field,
            "sortOrder": "Ascending" if direction == "asc" else "Descending",
            "from": 0,
            "size": search.limit,
        }
        messages = [_message(row) for row in _rows(self._session.get("/api/search/messages", parameters))]
        return Found(len(messages), messages)

    def live(self, search: Search, tail: int) -> Iterator[Sequence[Message] | Missed]:
        """See `Client.live`: asks once a second for the last minute, and gives what it did not give before."""
        if self._asked_at is None:
            stored = self._unseen(search)
            yield stored[-tail:] if tail else []
        while True:
            fresh = self._unseen(search)
            yield fresh
            if len(fresh) == _MOST_AT_ONCE:
                yield Missed(None)
            time.sleep(_POLL_SECONDS)

    def top(self, field: str, search: Search) -> Top:
        """See `Client.top`."""
        parameters = _asked(search) | {
            "groups": field,
            "size": search.limit,
            "metrics": "count:",
        }
        answer = self._session.get("/api/search/aggregate", parameters)
        counted = [(row[0], int(row[-1])) for row in answer["datarows"] if row[0] not in _MISSING]
        counted.sort(key=lambda pair: -pair[1])
        return Top(counted[: search.limit], sum(count for _, count in counted))

    def figures(self, field: str, metrics: Sequence[str], search: Search) -> Sequence[tuple[Any, Sequence[Any]]]:
        """
        See `Client.figures`; the groups are those with most messages.

        Raises:
            ConfigError: If a percentile is asked for, which this route of a Graylog does not give.
        """
        if any(_PERCENTILE.match(metric) for metric in metrics):
            raise ConfigError("a Graylog is not asked for percentiles; avg, min, max, sum, stddev and distinct work")
        names = {"distinct": "card"}
        wanted = [metric.partition(":") for metric in metrics]
        parameters = _asked(search) | {
            "groups": field,
            "size": search.limit,
            "metrics": ",".join(f"{names.get(function, function)}:{of}" for function, _, of in wanted),
        }
        answer = self._session.get("/api/search/aggregate", parameters)
        found = [  # of no numbers a Graylog says "-", "Infinity" or "NaN"
            (row[0], [value if isinstance(value, int | float) else None for value in row[1:]])
            for row in answer["datarows"]
        ]
        found.sort(key=lambda row: -(row[1][0] or 0))
        return [row for row in found if row[0] not in _MISSING]

    def stats(self) -> dict[str, Any]:
        """See `Client.stats`."""
        return {
            "system": self._session.get("/api/system", {}),
            "inputs": self._session.get("/api/system/inputs", {}).get("inputs", []),
            "throughput": self._session.get("/api/system/throughput", {}),
            "journal": self._session.get("/api/system/journal", {}),
        }

    def graylog_total(self, search: Search) -> int | None:  # noqa: ARG002  (the contract's)
        """See `Client.graylog_total`."""
        return None

    def hints(self, search: Search) -> list[str]:
        """See `Client.hints`; a Graylog gives none."""
        return [hint.text for hint in parse_as(search.query or "*", "graylog").hints]

    def page(self) -> str:
        """See `Client.page`."""
        return f"{self._session.url}/"

    def _unseen(self, search: Search) -> list[Message]:
        """Ask for what came since the last time, all the first time; return what was not returned before."""
        now = time.monotonic()
        since = "" if self._asked_at is None else f"{int(now - self._asked_at) + _LOOK_BACK_SECONDS}s"
        found = self.search(search._replace(sort="timestamp:desc", since=since, limit=_MOST_AT_ONCE)).messages
        self._asked_at = now
        fresh = [message for message in reversed(found) if message.id not in self._seen]
        self._seen.update(dict.fromkeys(message.id for message in fresh))
        for id in list(self._seen)[: max(len(self._seen) - _REMEMBERED, 0)]:
            del self._seen[id]
        return fresh


def _asked(search: Search) -> dict[str, Any]:
    """
    Return the parameters that say which messages.

    Raises:
        ConfigError: If the query should mean what it does not to a Graylog.
    """
    if search.meaning == "extended":
        raise ConfigError("to a Graylog a query means what it says there; --meaning extended is for a listener")
    return {"query": search.query or "*", "timerange": _timerange(search.since)}


def _timerange(since: str) -> str:
    """Return a stretch of time as Graylog takes it, which knows one number and one unit: ``1h30m`` is ``5400s``."""
    parts = duration_parts(since)
    if not parts or (len(parts) == 1 and parts[0][0].is_integer() and parts[0][1] not in ("ms", "us")):
        return since or _ALL_TIME
    return f"{math.ceil(parse_duration(since, None, calendar=True))}s"


def _rows(answer: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    names = [column["field"] for column in answer["schema"]]
    for row in answer["datarows"]:
        yield {name: value for name, value in zip(names, row, strict=True) if value != _MISSING[0]}


def _message(row: Mapping[str, Any]) -> Message:
    timestamp = _seconds(row.get("timestamp"))
    level = row.get("level")
    fields = {name: value for name, value in row.items() if name not in _KNOWN and value is not None}
    return Message(
        timestamp,
        str(row.get("source", "")),
        str(row.get("message", "")),
        row.get("full_message"),
        int(level) if isinstance(level, int | float) else None,
        b"",
        _seconds(row.get("gl2_receive_timestamp", row.get("timestamp"))),
        _fields=fields,
        stored_id=str(row.get("gl2_message_id") or f"{timestamp} {row.get('source')} {row.get('message')}"),
    )


def _seconds(text: object) -> float:
    """Read a time as Graylog writes it, in UTC."""
    try:
        found = datetime.fromisoformat(str(text).replace(" ", "T"))
    except ValueError:
        return 0.0
    return (found if found.tzinfo is not None else found.replace(tzinfo=UTC)).timestamp()
