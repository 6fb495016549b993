"""Session: HTTP with a base address, a login, and errors that say what to do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import httpx

from gelf_listener.address import without_secrets
from gelf_listener.client import Unreachable
from gelf_listener.errors import ConfigError, GelfError, describe

_SECONDS = 30.0
_HEARTBEAT_SECONDS = 45.0
"""A live stream says something every 15 seconds."""
_GATEWAY = (502, 504)
"""What a proxy answers while the server behind it is away."""


class Session:
    """
    Asks one server.

    Args:
        url: Base address; may hold user and password.
        token: Instead of those.
        advice: What to do when nothing answers.
        transport: What carries requests instead of a connection.

    Raises:
        ConfigError: If it is not an address of a web server.
    """

    def __init__(
        self,
        url: str,
        token: str = "",
        advice: str = "is the listener running? --url names another address",
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        try:
            parts = httpx.URL(url if "://" in url else f"http://{url}")
        except httpx.InvalidURL as error:
            why = "in a user or password write : as %3A, / as %2F and ? as %3F" if "@" in url else str(error)
            raise ConfigError(f"{without_secrets(url)!r} is not an address of an API: {why}") from None
        if parts.scheme not in ("http", "https") or not parts.host:
            raise ConfigError(
                f"{without_secrets(url)!r} is not an address of an API; expected for example http://localhost:9000"
            )
        auth = (token, "token") if token else (parts.username, parts.password) if parts.username else None
        self._advice = advice
        self.url = str(parts.copy_with(userinfo=b"")).rstrip("/")
        # A proxy between a terminal and its listener is seldom meant, and never for localhost.
        # Loading the authorities takes as long as all else that a command does first, and http:// needs none: no
        # redirection is followed.
        self._client = httpx.Client(
            base_url=self.url,
            auth=auth,
            timeout=_SECONDS,
            trust_env=False,
            transport=transport,
            verify=parts.scheme == "https",
        )
        self._headers = {"X-Requested-By": "gelf-listener", "Accept": "application/json"}

    def get(
        self, path: str, parameters: Mapping[str, Any], *, seconds: float = 0.0, expected: Sequence[int] = ()
    ) -> Any:
        """
        Ask, and return the answer's JSON.

        Args:
            path: Of the route.
            parameters: In the query.
            seconds: How long the server is asked to take.
            expected: Statuses that are answers, besides those of success.

        Raises:
            Unreachable: If nothing answers, or what is not JSON.
            ConfigError: If the server cannot understand what is asked: a query, say.
            GelfError: With the server's words.
        """
        answer = self.ask("GET", path, parameters, seconds)
        if answer.status_code not in expected:
            self._check(answer)
        return self.json_of(answer)

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """
        Ask with a JSON body, and return the answer's JSON; raises as `get` does.

        Args:
            path: Of the route.
            body: Its document.
        """
        answer = self.ask("POST", path, {}, body=body)
        self._check(answer)
        return self.json_of(answer)

    def ask(
        self,
        method: str,
        path: str,
        parameters: Mapping[str, Any],
        seconds: float = 0.0,
        body: Mapping[str, Any] | None = None,
    ) -> httpx.Response:
        """
        Ask, and return the answer, whatever its status.

        Args:
            method: HTTP method.
            path: Of the route.
            parameters: In the query.
            seconds: How long the server is asked to take.
            body: Sent as JSON.

        Raises:
            Unreachable: If nothing answers.
        """
        try:
            return self._client.request(
                method, path, params=dict(parameters), headers=self._headers, timeout=_SECONDS + seconds, json=body
            )
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise self._unreachable(error) from None

    def json_of(self, answer: httpx.Response) -> Any:
        """
        Return an answer's JSON.

        Raises:
            Unreachable: If there is none.
        """
        try:
            return answer.json()
        except ValueError:
            raise Unreachable(f"{self.url} is neither a gelf-listener nor a Graylog: its answer is not JSON") from None

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def knows(self, path: str) -> bool:
        """Tell whether the server has a route that gives JSON; a Graylog gives its page for paths it does not know."""
        answer = self.ask("GET", path, {})
        if answer.is_success:
            return str(answer.headers.get("content-type", "")).partition(";")[0].strip() == "application/json"
        return answer.status_code not in (404, 405)

    @contextmanager
    def lines(self, path: str, parameters: Mapping[str, Any], headers: Mapping[str, str]) -> Iterator[Iterator[str]]:
        """
        Open a stream of events, and give its lines as they come; raises as `get` does, also while it is read.

        A line ends with LF or CR LF and with nothing else: what Python calls an end of a line, U+2028 for one, may
        stand inside a message.
        """
        timeout = httpx.Timeout(_SECONDS, read=_HEARTBEAT_SECONDS)
        sent = {**self._headers, **headers, "Accept": "text/event-stream"}
        try:
            with self._client.stream("GET", path, params=dict(parameters), headers=sent, timeout=timeout) as answer:
                if not answer.is_success:
                    answer.read()
                    self._check(answer, (*_GATEWAY, 503))  # too many watch, or it has just started
                yield _lines(answer.iter_bytes())
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise self._unreachable(error) from None

    def _check(self, answer: httpx.Response, away: Sequence[int] = _GATEWAY) -> None:
        """Raise what an answer means that is none: `Unreachable` for a status that means to come again."""
        if answer.is_success:
            return
        column = None
        try:
            body = answer.json()
            said, column = str(body["message"]), body.get("column")
        except (ValueError, KeyError, TypeError, AttributeError):
            said = answer.reason_phrase
        if answer.status_code == 400:
            raise ConfigError(f"column {column}: {said}" if column else said)
        hint = ""
        if answer.status_code == 401:
            hint = "; give --token, GELF_API_TOKEN, or a user and password in the address"
        kind = Unreachable if answer.status_code in away else GelfError
        raise kind(f"{self.url} answered {answer.status_code}: {said}{hint}")

    def _unreachable(self, error: Exception) -> Unreachable:
        return Unreachable(f"nothing answers at {self.url} ({describe(error)}); {self._advice}")


def _lines(parts: Iterable[bytes]) -> Iterator[str]:
    """Cut bytes into lines; what follows the last end of a line is not given."""
    pending: list[bytes] = []
    for part in parts:
        *ends, rest = part.split(b"\n")
        for end in ends:
            yield b"".join([*pending, end]).removesuffix(b"\r").decode("utf-8", "replace")
            pending.clear()
        if rest:
            pending.append(rest)
