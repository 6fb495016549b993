"""The web application, called as an ASGI server would."""

from __future__ import annotations

import asyncio
import gc
import json
import threading
from collections.abc import Sequence
from typing import Any

import pydantic
import pytest

from gelf_listener.api.app import Shell
from gelf_listener.api.auth import Identity
from gelf_listener.config import Config
from gelf_listener.service import Service
from tests.unit.conftest import Install
from tests.unit.fakes import message


@pytest.fixture(autouse=True)
def fake(install: Install) -> None:
    """`fake:` outputs."""
    install("fake", "tests.unit.fakes:PluggedOutput")


def ask(
    path: str,
    method: str = "GET",
    act: Any = None,
    known: bool = True,
    asked: Sequence[tuple[bytes, bytes]] = (),
) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of one request to a running service."""

    async def main() -> list[dict[str, Any]]:
        values = {"api": "off", "inputs": ["gelf+udp://127.0.0.1:0"], "outputs": ["fake:?max_buffer_messages=2"]}
        service = Service(Config.from_values(values, "test"))
        await service.start()
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(event: Any) -> None:
            sent.append(event)

        try:
            if act is not None:
                act(service)
            identity = Identity("admin", "open") if known else None
            scope: dict[str, Any] = {"type": "http", "method": method, "path": path, "identity": identity}
            scope |= {"headers": asked, "query_string": b""}
            await Shell(service)(scope, receive, send)
        finally:
            await service.close()
        return sent

    start, body = asyncio.run(main())
    assert [start["type"], body["type"]] == ["http.response.start", "http.response.body"]
    headers = {name.decode(): value.decode() for name, value in start["headers"]}
    if method != "HEAD":
        assert int(headers["content-length"]) == len(body["body"])
    return start["status"], headers, body["body"]


def test_health() -> None:
    """Fine while every output works; names what listens and what waits."""
    status, headers, body = ask("/health")
    assert (status, headers["content-type"]) == (200, "application/json")
    health = json.loads(body)
    assert (health["status"], health["reading"]) == ("ok", True)
    assert health["outputs"] == {"fake:": {"status": "ok", "waiting": 0, "error": None}}
    assert health["inputs"]["gelf+udp-0"]["listening"][0].startswith("gelf+udp://127.0.0.1:")


def test_health_for_strangers() -> None:
    """The status and nothing else, when a login is wanted."""
    status, _, body = ask("/health", known=False)
    assert (status, json.loads(body)) == (200, {"status": "ok"})


def test_a_failing_output() -> None:
    """503, and what it said."""

    def act(service: Service) -> None:
        runner = service.pipeline.runners[0]
        runner.failing_since, runner.last_error = 1.0, "disk full"

    status, _, body = ask("/health", act=act)
    health = json.loads(body)
    assert (status, health["status"], health["reading"]) == (503, "failing", True)
    assert health["outputs"]["fake:"] == {"status": "failing", "waiting": 0, "error": "disk full"}


def test_a_full_buffer() -> None:
    """503 while nothing is read."""
    status, _, body = ask("/health", act=lambda service: service.pipeline.accept([message(), message()], 10))
    assert (status, json.loads(body)["reading"]) == (503, False)


def test_metrics() -> None:
    """Prometheus' text format."""
    status, headers, body = ask("/metrics")
    assert (status, headers["content-type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    assert b"\ngelf_listener_info{version=" in body


@pytest.mark.parametrize("path", ["/ui", "/healthz", "/metrics/", "/health/../metrics"])
def test_no_such_path(path: str) -> None:
    """404 says what there is."""
    status, _, body = ask(path)
    assert status == 404
    assert json.loads(body)["message"] == "no such path; there are /, /health, /metrics, /api and /mcp"


@pytest.mark.parametrize(("path", "home"), [("/nosuch", b'"./"'), ("/a/b/<script>", b'"./../../"')])
def test_no_such_page(path: str, home: bytes) -> None:
    """A browser gets a page that says so, with a link home that works at any depth."""
    headers = [(b"accept", b"text/html,application/xhtml+xml,*/*;q=0.8")]
    status, answered, body = ask(path, asked=headers)
    assert (status, answered["content-type"]) == (404, "text/html; charset=utf-8")
    assert b"There is no page at this address" in body
    assert b'<a class="brand" href=%b>' % home in body
    assert b"<script" not in body
    assert ask("/health", asked=headers)[1]["content-type"] == "application/json"
    assert ask(path, "POST", asked=headers)[1]["content-type"] == "application/json"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_other_methods(method: str) -> None:
    """405 says which are allowed."""
    status, headers, body = ask("/health", method)
    assert (status, headers["allow"]) == (405, "GET, HEAD")
    assert "answers GET" in json.loads(body)["message"]


@pytest.mark.parametrize("path", ["/health", "/metrics"])
def test_head(path: str) -> None:
    """The headers of GET without its body."""
    status, headers, body = ask(path, "HEAD")
    assert (status, body) == (200, b"")
    assert int(headers["content-length"]) > 0


def test_other_scopes_are_left_alone() -> None:
    """No websocket, no lifespan."""

    async def main() -> None:
        service = Service(Config.from_values({"api": "off", "inputs": [], "outputs": []}, "test"))
        await Shell(service)({"type": "lifespan"}, None, None)  # type: ignore[arg-type]

    asyncio.run(main())


def test_head_of_the_api() -> None:
    """Load balancers ask with HEAD: the head that GET has, and no body."""
    assert ask("/api/system/lbstatus")[::2] == (200, b"ALIVE")
    status, headers, body = ask("/api/system/lbstatus", "HEAD")
    assert (status, headers["content-length"], body) == (200, "5", b"")
    assert ask("/api/gelf/live", "HEAD")[0] == 405


def test_the_first_request_makes_no_routes_on_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their parameters' schemas take a quarter of a second, and everything else would wait: a thread makes them."""
    makers: list[int] = []
    make = pydantic.TypeAdapter.__init__

    def noted(*arguments: Any, **more: Any) -> None:
        makers.append(threading.get_ident())
        make(*arguments, **more)

    monkeypatch.setattr(pydantic.TypeAdapter, "__init__", noted)
    for path in ("/api/gelf/stats", "/api/system/cluster/nodes", "/api/none"):
        ask(path)
        assert len(makers) > 100
        assert threading.get_ident() not in makers
        makers.clear()


def test_what_was_loaded_is_left_alone_by_collections_of_garbage() -> None:
    """The API alone is a hundred thousand objects: whoever looks at them all keeps the inputs waiting."""
    gc.unfreeze()
    try:
        assert ask("/api/system/lbstatus")[0] == 200
        assert gc.get_freeze_count() > 50_000
    finally:
        gc.unfreeze()
