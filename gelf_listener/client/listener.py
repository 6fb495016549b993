"""Listener: a client of gelf-listener's own API (docs/api.md)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from gelf_listener.client import Found, Missed, Search, Top, Unreachable
from gelf_listener.client.session import Session
from gelf_listener.errors import GelfError
from gelf_listener.message import Message, Peer


class ListenerClient:
    """
    Asks a gelf-listener; see `gelf_listener.client.Client`.

    Args:
        session: With its address.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._last_id = ""

    def search(self, search: Search) -> Found:
        """See `Client.search`."""
        parameters = _parameters(search) | {"limit": search.limit, "sort": search.sort}
        answer = self._session.get("/api/gelf/search", parameters)
        messages = [message_of(document) for document in answer["messages"]]
        return Found(answer["total"], messages, answer.get("nothing") or "")

    def live(self, search: Search, tail: int) -> Iterator[Sequence[Message] | Missed]:
        """See `Client.live`."""
        headers = {"Last-Event-ID": self._last_id} if self._last_id else {}
        parameters = _parameters(search) | ({} if self._last_id else {"tail": tail})
        with self._session.lines("/api/gelf/live", parameters, headers) as lines:
            yield []
            event, data = "", ""
            for line in lines:
                name, _, value = line.partition(": ")
                if name == "event":
                    event = value
                elif name == "data":
                    data = value
                elif name == "id":
                    self._last_id = value
                elif not line:
                    if event == "messages":
                        yield [message_of(document) for document in json.loads(data)]
                    elif event == "missed":
                        missed = json.loads(data)
                        yield Missed(missed["messages"])
                    event = data = ""
        raise Unreachable(f"{self._session.url} ended the stream")

    def top(self, field: str, search: Search) -> Top:
        """See `Client.top`."""
        parameters = _parameters(search) | {"limit": search.limit}
        parameters.pop("fields", None)
        answer = self._session.get(f"/api/gelf/fields/{quote(field, safe='')}/top", parameters)
        counted = [(value["value"], value["messages"]) for value in answer["values"]]
        return Top(counted, sum(count for _, count in counted) + answer["other"])

    def figures(self, field: str, metrics: Sequence[str], search: Search) -> Sequence[tuple[Any, Sequence[Any]]]:
        """See `Client.figures`."""
        parameters = _parameters(search) | {"by": field, "metric": ",".join(metrics), "limit": search.limit}
        answer = self._session.get("/api/gelf/aggregate", parameters)
        return [(group["keys"][0], group["values"]) for group in answer["groups"]]

    def graylog_total(self, search: Search) -> int | None:
        """See `Client.graylog_total`."""
        try:
            answer = self._session.get("/api/gelf/search", _parameters(search) | {"limit": 0, "meaning": "graylog"})
        except Unreachable:
            raise
        except GelfError:
            return None
        total: int = answer["total"]
        return total

    def hints(self, search: Search) -> list[str]:
        """See `Client.hints`."""
        answer = self._session.ask("POST", "/api/gelf/validate", _query(search))
        found = self._session.json_of(answer) if answer.is_success else {}
        return [str(hint["text"]) for hint in found.get("hints", ())]

    def stats(self) -> dict[str, Any]:
        """See `Client.stats`."""
        found: dict[str, Any] = self._session.get("/api/gelf/stats", {})
        found["top_senders"] = self._session.get("/api/gelf/senders", {"limit": 10})["senders"]
        return found

    def page(self) -> str:
        """See `Client.page`."""
        return f"{self._session.url}/"


def message_of(document: Mapping[str, Any]) -> Message:
    """Make a message of what the API gives; its ``raw`` is empty."""
    return Message(
        document["timestamp"],
        document["host"],
        document["short_message"],
        document["full_message"],
        document["level"],
        b"",
        document["received_at"],
        document["input"],
        Peer.parse(document["peer"]),
        _fields=document["fields"],
        stored_id=document["id"],
    )


def _parameters(search: Search) -> dict[str, Any]:
    parameters = _query(search)
    if search.since:
        parameters["since"] = search.since
    if search.fields is not None:
        parameters["fields"] = ",".join(search.fields)
    return parameters


def _query(search: Search) -> dict[str, Any]:
    meaning = {} if search.meaning is None else {"meaning": search.meaning}
    return {"query": search.query or "*"} | meaning
