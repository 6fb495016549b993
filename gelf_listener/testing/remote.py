"""Remote: the questions of a test, asked of a listener that runs elsewhere, over its API (docs/api.md)."""

from __future__ import annotations

import abc
import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import httpx

from gelf_listener.client.listener import message_of
from gelf_listener.client.session import Session
from gelf_listener.errors import GelfError, QueryError, Reason, Rejected
from gelf_listener.message import Message, Peer
from gelf_listener.testing.failure import NearMiss, missing_text, unwanted_text

_MOST_MESSAGES = 10_000


class Questions(abc.ABC):
    """What a test asks a listener over its API; subclasses say where that is."""

    @property
    @abc.abstractmethod
    def api_url(self) -> str:
        """Base URL of the API."""

    @property
    def api_token(self) -> str:
        """A token of the API; empty where it wants no login."""
        return ""

    def wait_for(self, query: str = "*", count: int = 1, timeout: float = 2.0) -> list[Message]:
        """
        Wait until enough messages match, stored already or arriving.

        Args:
            query: In Graylog's query language.
            count: How many, at most 10 000.
            timeout: Seconds, at most 300.

        Returns:
            The first so many, in the order they came. Their ``raw`` is empty.

        Raises:
            AssertionError: If there are fewer in time; it says what did arrive, and why that does not match.
            QueryError: If it is not a query.
            GelfError: If the listener does not answer, or not as it should.
        """
        __tracebackhide__ = True
        answer, enough = self._wait(query, count, timeout)
        found = [message_of(document) for document in answer["messages"]]
        if not enough:
            misses = [NearMiss(message_of(each["message"]), each["why"]) for each in answer["near_misses"]]
            nothing = [] if found or misses else [f"nothing arrived at the listener of {self.api_url}"]
            raise AssertionError(missing_text(query, count, found, misses, timeout, nothing))
        return found

    async def wait_for_async(self, query: str = "*", count: int = 1, timeout: float = 2.0) -> list[Message]:  # noqa: ASYNC109  (as `wait_for`)
        """Wait without holding up the asyncio loop; see `wait_for`."""
        __tracebackhide__ = True
        return await asyncio.to_thread(self.wait_for, query, count, timeout)

    def assert_none(self, query: str = "*", within: float = 0.1) -> None:
        """
        Fail when a message matches, stored already or arriving within that time.

        Raises:
            AssertionError: At once when there is one.
        """
        __tracebackhide__ = True
        answer, found = self._wait(query, 1, within)
        if found:
            raise AssertionError(unwanted_text(query, [message_of(document) for document in answer["messages"]]))

    async def assert_none_async(self, query: str = "*", within: float = 0.1) -> None:
        """Watch without holding up the asyncio loop; see `assert_none`."""
        __tracebackhide__ = True
        await asyncio.to_thread(self.assert_none, query, within)

    def messages(self, query: str = "*") -> list[Message]:
        """Return what matches of all that is stored, in the order it came; at most the first 10 000."""
        parameters = {"query": query, "limit": _MOST_MESSAGES, "sort": "gl2_receive_timestamp:asc"}
        _, answer = self._ask("GET", "/api/gelf/search", parameters)
        return [message_of(document) for document in answer["messages"]]

    @property
    def rejected(self) -> list[Rejected]:
        """What could not become a message, in the order it came; the last thousand, also from before `clear`."""
        _, answer = self._ask("GET", "/api/gelf/rejected", {"limit": 1000})
        return [_rejected(document) for document in reversed(answer["rejected"])]

    def clear(self) -> None:
        """Delete all messages from the listener's store, other tests' and everybody's."""
        self._ask("DELETE", "/api/gelf/messages", {"query": "*"})

    def _wait(self, query: str, count: int, seconds: float) -> tuple[Mapping[str, Any], bool]:
        """Return the answer, and whether there were enough."""
        parameters = {"query": query, "count": count, "timeout": seconds}
        status, answer = self._ask("GET", "/api/gelf/wait", parameters, seconds, (200, 504))
        return answer, status == 200

    def _ask(
        self,
        method: str,
        path: str,
        parameters: Mapping[str, Any],
        seconds: float = 0.0,
        expected: Sequence[int] = (200,),
    ) -> tuple[int, Any]:
        """Return the status and the JSON of an answer."""
        session = Session(self.api_url, self.api_token, "is the listener running?")
        with contextlib.closing(session):
            answer = session.ask(method, path, parameters, seconds)
        if answer.status_code not in expected:
            _refuse(answer)
        return answer.status_code, session.json_of(answer)


class RemoteListener(Questions):
    """
    A listener that runs elsewhere: in a container, on a developer's machine, beside a service in CI.

    It has to have an output ``store:``, as it does by default.

    Args:
        url: Of its API, ``http://localhost:9000``.
        token: A token of its API, where it wants a login.
    """

    def __init__(self, url: str = "http://localhost:9000", token: str = "") -> None:
        self._url = url.rstrip("/")
        self._token = token

    @property
    def api_url(self) -> str:
        """Base URL of the API."""
        return self._url

    @property
    def api_token(self) -> str:
        """A token of the API; empty where it wants no login."""
        return self._token


def _refuse(answer: httpx.Response) -> NoReturn:
    """Raise what an answer means that is none to the question."""
    try:
        body = answer.json()
    except ValueError:
        body = {}
    body = body if isinstance(body, dict) else {}
    said = str(body.get("message") or answer.reason_phrase)
    if answer.status_code == 400 and "query" in body:
        raise QueryError(said, str(body["query"]), int(body.get("column") or 1))
    hint = "; give a token" if answer.status_code == 401 else ""
    raise GelfError(f"{answer.request.url} answered {answer.status_code}: {said}{hint}")


def _rejected(document: Mapping[str, Any]) -> Rejected:
    made = Rejected(
        Reason(document["reason"]),
        document["detail"],
        bytes.fromhex(document["payload_hex"]),
        peer=Peer.parse(document["peer"]),
        input=document["input"],
        received_at=document["received_at"],
    )
    made.payload_bytes = document["payload_bytes"]
    return made
