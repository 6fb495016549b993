"""
Guard: what every request passes before anybody answers it.

In this order: is it addressed to us (`gelf_listener.api.hosts`), does a page from elsewhere send it, does it say that
it means to change something, who asks, is its body small enough. Every answer gets headers that tell browsers to be
careful. ``/api`` and ``/mcp`` are guarded alike.

A request that changes something needs Graylog's header ``X-Requested-By``, which a page from elsewhere cannot send
without asking first, and that question is not answered here. Under ``/api/gelf`` and ``/mcp`` a content type or
method that such a page cannot send either will do as well.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

from gelf_listener.api.asgi import App, Receive, Scope, Send
from gelf_listener.api.auth import Auth, Identity, TooManyAttempts, has_session
from gelf_listener.api.hosts import Hosts
from gelf_listener.api.protocol import STREAMED

_SECURITY_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (
        b"content-security-policy",
        (
            b"default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; "
            b"frame-ancestors 'none'"
        ),
    ),
)
_NO_STORE = (b"cache-control", b"no-store")

_GUARDED = ("/api", "/mcp")
"""How the paths begin that pages from elsewhere and strangers may not ask."""
_OURS = ("/api/gelf/", "/mcp")
"""Of those, the paths whose clients do not know Graylog's header."""
_SAFE_METHODS = frozenset(("GET", "HEAD", "OPTIONS"))
_FORM_TYPES = frozenset(("", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"))
"""Content types that a page from elsewhere may send unasked (the Fetch standard's safelist)."""

_MOST_BODY_BYTES = 8 * 1024 * 1024 + 64 * 1024
"""The largest payload an input takes, for `lint`, and what is around it."""
_MOST_BODY_BYTES_OF_STRANGERS = 64 * 1024
"""Who has not said who they are may log in."""
_MOST_BODIES_BYTES = 64 * 1024 * 1024
"""Of all requests together."""
_MOST_BODIES_BYTES_OF_ONE = 32 * 1024 * 1024
"""Of all requests of one address together."""

_OPEN_PATHS = frozenset(("/api", "/api/", "/api/system/lbstatus", "/api/system/sessions"))
"""What may be asked by nobody in particular: Graylog's greeting, its load balancers' question, and logging in."""

_CSRF = 'CSRF protection header is missing. Please add a "X-Requested-By" header to your request.'


class _Refused(Exception):
    """An answer instead of the application's."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers or {}


class Guard:
    """
    ASGI middleware. What is behind it finds out who asks from ``scope["identity"]``, None for nobody.

    Args:
        app: What is guarded.
        auth: Who may ask.
        hosts: Which names are ours.
    """

    def __init__(self, app: App, auth: Auth, hosts: Hosts) -> None:
        self._app = app
        self._auth = auth
        self._hosts = hosts
        self._held: Counter[str] = Counter()
        """By address, the bytes of bodies whose requests are not answered yet."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it (ASGI)."""
        if scope["type"] != "http":
            return
        path: str = scope["path"]
        send = _careful(send, no_store=path.startswith(_GUARDED))
        try:
            headers = _first_values(scope["headers"])
            self._check_origin(scope["method"], path, headers)
            scope["identity"] = await self._identify(scope, path, headers)
            if path in STREAMED:
                await self._app(scope, receive, send)
            else:
                await self._within_bounds(scope, receive, send, headers)
        except _Refused as refused:
            await _answer(send, refused, bodiless=refused.status == 401 and _is_graylogs(path))

    async def _within_bounds(self, scope: Scope, receive: Receive, send: Send, headers: Mapping[str, str]) -> None:
        """Refuse a body that is too large: at once where its length is stated, otherwise when it gets there."""
        most = _MOST_BODY_BYTES_OF_STRANGERS if scope["identity"] is None else _MOST_BODY_BYTES
        length = headers.get("content-length", "")
        if length.isdigit() and (len(length) > 15 or int(length) > most):
            raise _Refused(413, f"the body is larger than {most} bytes")
        client = scope.get("client")
        address = client[0] if client else ""
        taken = 0

        async def count() -> Any:
            nonlocal taken
            event = await receive()
            size = len(event.get("body", b""))
            taken += size
            self._held[address] += size
            status, problem = 0, ""
            if taken > most:
                status, problem = 413, f"the body is larger than {most} bytes"
            elif self._held[address] > _MOST_BODIES_BYTES_OF_ONE or self._held.total() > _MOST_BODIES_BYTES:
                status, problem = 503, "too many large requests at the same time; try again"
            if status:
                from starlette.exceptions import HTTPException  # who reads bodies has loaded it

                raise HTTPException(status, problem, {"Retry-After": "1"} if status == 503 else None)
            return event

        try:
            await self._app(scope, count, send)
        finally:
            self._held[address] -= taken
            if not self._held[address]:
                del self._held[address]

    def _check_origin(self, method: str, path: str, headers: Mapping[str, str]) -> None:
        host = headers.get("host", "")
        if not self._hosts.ours(host):
            raise _Refused(
                403, f"the name {host[:200]!r} is not known here; add it to api_hosts (--api-hosts, GELF_API_HOSTS)"
            )
        if not path.startswith(_GUARDED):
            return
        origin = headers.get("origin")
        if origin is not None and not self._hosts.same_origin(origin, host):
            raise _Refused(403, f"requests from pages of {origin[:200]!r} are not answered")
        elsewhere = headers.get("sec-fetch-site") in ("cross-site", "same-site")
        if elsewhere and headers.get("sec-fetch-mode") != "navigate":
            raise _Refused(403, "requests from pages of other sites are not answered")
        if method in _SAFE_METHODS or "x-requested-by" in headers or "x-graylog-collector-version" in headers:
            return
        content_type = headers.get("content-type", "").partition(";")[0].strip().lower()
        unasked = method == "POST" and content_type in _FORM_TYPES
        if unasked or not path.startswith(_OURS):
            raise _Refused(400, _CSRF)

    async def _identify(self, scope: Scope, path: str, headers: Mapping[str, str]) -> Identity | None:
        client = scope.get("client")
        address = client[0] if client else ""
        try:
            identity = await self._auth.authenticate(
                headers.get("authorization", ""), headers.get("cookie", ""), address
            )
        except TooManyAttempts as error:
            raise _Refused(429, str(error), {"Retry-After": f"{error.seconds:.0f}"}) from None
        needed = path == "/metrics" or (path.startswith(_GUARDED) and path not in _OPEN_PATHS)
        if identity is None and needed:
            raise _Refused(401, "HTTP 401 Unauthorized", {} if _has_a_form(headers) else _CHALLENGE)
        return identity


def _has_a_form(headers: Mapping[str, str]) -> bool:
    """
    Whether our own page asks, which has a form for the login: a browser would cover it with a prompt of its own.

    Its requests say so themselves, in Graylog's words, except streams of events and links, whose headers are fixed.
    Browsers say it of those, but not to a plain http address of another machine; there a stream is known by what
    it accepts, and a link by the cookie of the session that has ended.
    """
    return (
        headers.get("x-requested-with", "") == "XMLHttpRequest"
        or headers.get("sec-fetch-site") == "same-origin"
        or "text/event-stream" in headers.get("accept", "")
        or has_session(headers.get("cookie", ""))
    )


_CHALLENGE = {"WWW-Authenticate": 'Basic realm="Graylog Server"'}


def _first_values(headers: Any) -> dict[str, str]:
    """Return headers by lower-case name; of several Host or Origin headers the first counts, cookies are joined."""
    values: dict[str, str] = {}
    for name, value in headers:
        key, text = name.decode("latin-1"), value.decode("latin-1")
        if key == "cookie" and key in values:
            values[key] += "; " + text
        else:
            values.setdefault(key, text)
    return values


def _careful(send: Send, *, no_store: bool) -> Send:
    """Add the headers that are not there yet."""

    async def add(event: Any) -> None:
        if event["type"] == "http.response.start":
            headers = list(event.get("headers", ()))
            known = {name.lower() for name, _ in headers}
            headers += [pair for pair in _SECURITY_HEADERS if pair[0] not in known]
            if no_store and b"cache-control" not in known:
                headers.append(_NO_STORE)
            event["headers"] = headers
        await send(event)

    return add


def _is_graylogs(path: str) -> bool:
    """Whether a path belongs to Graylog's API, which says nothing more to those who have to log in."""
    return path.startswith("/api") and not path.startswith(("/api/gelf/", "/api/openapi"))


async def _answer(send: Send, refused: _Refused, *, bodiless: bool) -> None:
    body = b"" if bodiless else json.dumps({"type": "ApiError", "message": str(refused)}).encode()
    headers = [] if bodiless else [(b"content-type", b"application/json")]
    headers.append((b"content-length", b"%d" % len(body)))
    headers += [(name.lower().encode(), value.encode("latin-1")) for name, value in refused.headers.items()]
    await send({"type": "http.response.start", "status": refused.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
