"""Guard: what comes through to the application, and what every answer says to browsers."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from starlette.exceptions import HTTPException

from gelf_listener.api.auth import Auth
from gelf_listener.api.guard import Guard
from gelf_listener.api.hosts import Hosts
from tests.unit.api.test_auth import TOKEN, basic

X = {"X-Requested-By": "test"}


class Behind:
    """An application that reads the body and says who asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        size, more = 0, True
        while more:
            event = await receive()
            size += len(event.get("body", b""))
            more = event.get("more_body", False)
        self.asked.append(scope["path"])
        identity = scope["identity"]
        body = json.dumps({"user": identity and identity.user, "size": size}).encode()
        headers = [(b"content-type", b"application/json"), (b"referrer-policy", b"same-origin")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def ask(
    path: str = "/api/gelf/stats",
    method: str = "GET",
    headers: Any = None,
    required: bool = False,
    **more: Any,
) -> httpx.Response:
    """One request through the guard."""

    async def main() -> httpx.Response:
        behind = Behind()
        auth = Auth(required=required, users={"alice": "secret"}, tokens=[TOKEN])
        transport = httpx.ASGITransport(Guard(behind, auth, Hosts([])))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost:9000") as client:
            answer = await client.request(method, path, headers=headers or {}, **more)
        assert (answer.status_code == 200) == (behind.asked == [path])
        return answer

    return asyncio.run(main())


def test_headers_for_browsers() -> None:
    """On every answer, refusals too; what the application said itself stays."""
    for answer in (ask(), ask(headers={"Host": "evil.example"}), ask("/")):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert not any(name.startswith("access-control") for name in answer.headers)
    assert ask().headers["referrer-policy"] == "same-origin"
    assert ask().headers["cache-control"] == "no-store"
    assert "cache-control" not in ask("/").headers


@pytest.mark.parametrize("path", ["/", "/metrics", "/api/gelf/stats", "/api/system"])
def test_names_of_others(path: str) -> None:
    """DNS rebinding gets nowhere, and the operator learns what to set."""
    answer = ask(path, headers={"Host": "evil.example:9000"})
    assert answer.status_code == 403
    assert "add it to api_hosts" in answer.json()["message"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "http://localhost:9000"}, 200),
        ({"Origin": "http://localhost:3000"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}, 200),
        ({"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate"}, 200),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}, 403),
        ({"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, 200),
    ],
)
def test_pages_of_others(headers: dict[str, str], status: int) -> None:
    """A link from elsewhere works, a script from elsewhere does not; the page itself anybody may load."""
    assert ask(headers=headers).status_code == status
    assert ask(headers=headers, method="POST", json={}).status_code == status
    assert ask("/", headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("path", "method", "headers", "status"),
    [
        ("/api/search/messages", "POST", {"Content-Type": "application/json"}, 400),
        ("/api/search/messages", "POST", X, 200),
        ("/api/search/messages", "POST", {"X-Graylog-Collector-Version": "1"}, 200),
        ("/api/streams/1", "DELETE", {}, 400),
        ("/api/system/sessions", "POST", {"Content-Type": "application/json"}, 400),
        ("/api/system/sessions", "OPTIONS", {}, 200),
        ("/api/gelf/lint", "POST", {}, 400),
        ("/api/gelf/lint", "POST", {"Content-Type": "text/plain; charset=utf-8"}, 400),
        ("/api/gelf/lint", "POST", {"Content-Type": "Application/X-Www-Form-Urlencoded"}, 400),
        ("/api/gelf/lint", "POST", {"Content-Type": "multipart/form-data; boundary=x"}, 400),
        ("/api/gelf/lint", "POST", {"Content-Type": "application/json"}, 200),
        ("/api/gelf/lint", "POST", X, 200),
        ("/api/gelf/messages", "DELETE", {}, 200),
        ("/api/gelfish", "DELETE", {}, 400),
        ("/mcp", "POST", {"Content-Type": "application/json"}, 200),
        ("/mcp", "POST", {"Content-Type": "text/plain"}, 400),
        ("/mcp", "POST", {}, 400),
    ],
)
def test_saying_that_something_is_to_change(path: str, method: str, headers: dict[str, str], status: int) -> None:
    """Graylog's header; under our own paths also what a page from elsewhere cannot send unasked."""
    answer = ask(path, method, headers)
    assert answer.status_code == status
    if status == 400:
        assert answer.json() == {
            "type": "ApiError",
            "message": 'CSRF protection header is missing. Please add a "X-Requested-By" header to your request.',
        }


@pytest.mark.parametrize("path", ["/api/gelf/stats", "/api/system", "/api/openapi.json", "/api/x", "/metrics", "/mcp"])
def test_a_login_is_wanted(path: str) -> None:
    """401 with Graylog's challenge, which its page's own requests are spared, for a browser would ask."""
    answer = ask(path, required=True)
    assert answer.status_code == 401
    if path in ("/api/system", "/api/x"):  # as in Graylog's API
        assert (answer.content, "content-type" in answer.headers) == (b"", False)
    else:
        assert answer.json() == {"type": "ApiError", "message": "HTTP 401 Unauthorized"}
    assert answer.headers["www-authenticate"] == 'Basic realm="Graylog Server"'
    for headers in (
        {"X-Requested-With": "XMLHttpRequest"},
        {"Accept": "text/event-stream"},
        {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "navigate"},
        {"Cookie": "a=b; authentication=of-a-session-that-ended"},
    ):
        quiet = ask(path, required=True, headers=headers)
        assert (quiet.status_code, "www-authenticate" in quiet.headers) == (401, False)
    for headers in ({"Accept": "text/html", "Sec-Fetch-Site": "none"}, {"Cookie": "a=b"}):
        assert "www-authenticate" in ask(path, required=True, headers=headers).headers
    for credentials in (basic("alice", "secret"), basic(TOKEN, "token")):
        assert ask(path, required=True, headers={"Authorization": credentials}).status_code == 200


@pytest.mark.parametrize("path", ["/", "/ui/app.js", "/health", "/api", "/api/system/lbstatus", "/api/system/sessions"])
def test_what_needs_no_login(path: str) -> None:
    """The page, the state of health, and logging in; whoever shows good credentials is known there as well."""
    assert ask(path, required=True).json()["user"] is None
    known = ask(path, required=True, headers={"Authorization": basic("alice", "secret")})
    assert known.json()["user"] == "alice"


def test_too_many_wrong_passwords() -> None:
    """429, and when to come again."""

    async def main() -> None:
        auth = Auth(required=True, users={"alice": "secret"}, tokens=[])
        transport = httpx.ASGITransport(Guard(Behind(), auth, Hosts([])))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            answers = [await client.get("/api/x", auth=("alice", "wrong")) for _ in range(11)]
        assert [answer.status_code for answer in answers] == [401] * 10 + [429]
        assert 0 < int(answers[-1].headers["retry-after"]) <= 60

    asyncio.run(main())


def test_large_bodies() -> None:
    """Refused at once where the length is said; but an import has any length."""
    large = b"x" * (9 * 1024 * 1024)
    assert ask("/api/gelf/lint", "POST", X, content=large).status_code == 413
    assert ask("/api/gelf/import", "POST", X, content=large).json()["size"] == len(large)
    fits = b"x" * (8 * 1024 * 1024)
    assert ask("/api/gelf/lint", "POST", X, content=fits).json()["size"] == len(fits)


def test_large_bodies_of_unknown_length() -> None:
    """Refused when they get there."""
    from starlette.exceptions import HTTPException

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(9):
            yield b"x" * 1024 * 1024

    with pytest.raises(HTTPException) as caught:
        ask("/api/gelf/lint", "POST", X, content=pieces())
    assert caught.value.status_code == 413


def test_several_headers_of_a_name() -> None:
    """The first Host counts, as for the server; cookies are one."""

    async def main() -> list[Any]:
        sent: list[Any] = []

        async def receive() -> Any:
            return {"type": "http.request", "body": b""}

        async def send(event: Any) -> None:
            sent.append(event)

        auth = Auth(required=True, users={}, tokens=[TOKEN])
        session = auth.sessions.create("alice")
        headers = [
            (b"host", b"localhost"),
            (b"host", b"evil.example"),
            (b"cookie", b"a=b"),
            (b"cookie", f"authentication={session.id}".encode()),
        ]
        scope = {"type": "http", "method": "GET", "path": "/api/x", "headers": headers, "client": None}
        await Guard(Behind(), auth, Hosts([]))(scope, receive, send)
        await Guard(Behind(), auth, Hosts([]))({"type": "websocket"}, receive, send)
        return sent

    start, body = asyncio.run(main())
    assert start["status"] == 200
    assert json.loads(body["body"])["user"] == "alice"


def test_garbage_in_headers() -> None:
    """No header can make the guard fail."""
    for value in ("Basic " + base64.b64encode(b"\xff" * 50).decode(), "Basic", b"\x80", "Basic a b c"):
        assert ask(required=True, headers={"Authorization": value}).status_code == 401


def test_what_strangers_may_send() -> None:
    """Who has not logged in may send 64 KiB, to the paths that are open to them."""
    for size, status in ((64 * 1024, 200), (64 * 1024 + 1, 413)):
        answer = ask("/api/system/sessions", "POST", X, required=True, content=bytes(size))
        assert answer.status_code == status


def test_bodies_of_many_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    """One address holds so much and no more, and leaves room for others; what is answered is given back."""
    monkeypatch.setattr("gelf_listener.api.guard._MOST_BODIES_BYTES_OF_ONE", 1000)
    monkeypatch.setattr("gelf_listener.api.guard._MOST_BODIES_BYTES", 1500)
    release = asyncio.Event()

    async def behind(scope: Any, receive: Any, send: Any) -> None:
        body = b""
        while (event := await receive()).get("more_body", True):
            body += event["body"]
        await release.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def main() -> None:
        guard = Guard(behind, Auth(required=False, users={}, tokens=[]), Hosts([]))

        async def post(address: str, size: int) -> int:
            transport = httpx.ASGITransport(guard, client=(address, 1), raise_app_exceptions=True)
            async with httpx.AsyncClient(transport=transport, base_url="http://localhost:9000") as client:
                return (await client.post("/api/gelf/lint", headers=X, content=bytes(size))).status_code

        held = [asyncio.create_task(post("192.0.2.1", 450)) for _ in range(2)]
        await asyncio.sleep(0.05)
        with pytest.raises(HTTPException) as one:
            await post("192.0.2.1", 450)
        assert (one.value.status_code, one.value.headers) == (503, {"Retry-After": "1"})
        held.append(asyncio.create_task(post("192.0.2.2", 450)))
        await asyncio.sleep(0.05)
        with pytest.raises(HTTPException):
            await post("192.0.2.3", 450)
        release.set()
        assert await asyncio.gather(*held) == [200, 200, 200]
        assert await post("192.0.2.1", 450) == 200
        assert not guard._held

    asyncio.run(main())
