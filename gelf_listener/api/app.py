"""
The web application: a light shell in front of the REST API.

The shell answers ``/health`` and ``/metrics`` itself. Everything under ``/api`` goes to FastAPI. With our routes that
takes a third of a second and 12 MiB to load, which a listener that nobody asks anything need not spend: it is loaded in
a thread when the first request wants it. So is what answers at ``/mcp``.
"""

from __future__ import annotations

import asyncio
import gc
import json
import time
from collections.abc import Callable
from typing import Any

from gelf_listener.api.asgi import Receive, Scope, Send
from gelf_listener.api.contract import Listener
from gelf_listener.api.pages import Page, find_page, unknown_page
from gelf_listener.errors import ConfigError
from gelf_listener.metrics import exposition, registry

_ENDLESS = "/api/gelf/live"
_FOR_ASSISTANTS = "/mcp is the Model Context Protocol, for assistants: it answers POST; see docs/mcp.md"
_MISSING = b"x-gelf-listener-missing"
_TEXTS = ("/health", "/metrics")


class Shell:
    """
    The ASGI application.

    ``GET /health`` answers 200 while every output works and 503 while one fails or blocks; ``GET /metrics``
    is Prometheus' text format; ``/api`` is the REST API, which answers HEAD wherever it answers GET; ``/`` and what
    belongs to it is the page; ``POST /mcp`` is for assistants. What is not there is a page for browsers, and JSON for
    others. Who asks was settled before (`gelf_listener.api.guard`): ``scope["identity"]`` is None for somebody
    unknown, who learns nothing of health but the status.

    Args:
        service: What to show.
    """

    def __init__(self, service: Listener) -> None:
        self._service = service
        self._collectors = registry(service)
        self._api = _Late(lambda: _load(service))
        self._assistants: _Late | None = None

    def preload(self) -> asyncio.Future[Any]:
        """Load the REST API in a thread, once, or again when that failed; the future is done when it answers."""
        return self._api.load()

    async def close(self) -> None:
        """End what runs on its own."""
        assistants = None if self._assistants is None else self._assistants.loaded
        if assistants is not None:
            await assistants.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request (ASGI)."""
        if scope["type"] != "http":
            return
        scope["asked_at"] = time.monotonic()  # loading the API counts as well: see `store.deadline`
        path = scope["path"]
        if path == "/api" or path.startswith("/api/"):
            api = await asyncio.shield(self.preload())
            if scope["method"] == "HEAD" and path != _ENDLESS:  # FastAPI's routes answer GET only
                scope, send = dict(scope) | {"method": "GET"}, _bodiless(send)
            await api(scope, receive, self._telling(send))
            return
        if path == "/mcp":
            await self._assist(scope, receive, send)
            return
        page = find_page(path)
        if page is not None and scope["method"] in ("GET", "HEAD"):
            await _send_page(page, scope, send)
            return
        if scope["method"] in ("GET", "HEAD") and path not in _TEXTS and _wants_page(scope):
            await _send_page(unknown_page(path), scope, send, 404)
            return
        status, content_type, body = self._answer(scope["method"], path, known=scope.get("identity") is not None)
        await _send_text(scope, send, status, body, content_type, allow=b"GET, HEAD")

    async def _assist(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Speak the Model Context Protocol, where its SDK is installed; there are no streams, so POST is all."""
        if scope["method"] != "POST":
            await _send_text(scope, send, 405, _error(_FOR_ASSISTANTS), allow=b"POST")
            return
        api = await asyncio.shield(self.preload())
        if self._assistants is None:
            loop = asyncio.get_running_loop()
            self._assistants = _Late(lambda: _load_assistants(api, loop))
        try:
            assistants = await asyncio.shield(self._assistants.load())
        except ConfigError as error:
            await _send_text(scope, send, 501, _error(str(error)))
            return
        await assistants(scope, receive, send)

    def _telling(self, send: Send) -> Send:
        """Say in a header what the searches of this request could not look at, for clients of every API."""

        async def send_told(event: Any) -> None:
            store = self._service.store if event["type"] == "http.response.start" else None
            missing = None if store is None else store.missing()
            if missing is not None and (missing.late or missing.trouble or missing.unseen):
                event = event | {
                    "headers": [*event.get("headers", ()), (_MISSING, str(missing).encode("ascii", "replace"))]
                }
            await send(event)

        return send_told

    def _answer(self, method: str, path: str, *, known: bool) -> tuple[int, bytes, bytes]:
        if path not in _TEXTS:
            return 404, b"application/json", _error("no such path; there are /, /health, /metrics, /api and /mcp")
        if method not in ("GET", "HEAD"):
            return 405, b"application/json", _error(f"{path} answers GET")
        if path == "/metrics":
            return 200, b"text/plain; version=0.0.4; charset=utf-8", exposition(self._collectors)
        health = _health(self._service)
        status = 200 if health["status"] == "ok" else 503
        shown = health if known else {"status": health["status"]}
        return status, b"application/json", json.dumps(shown).encode()


class _Late:
    """
    What takes long to load: loaded in a thread when it is wanted, once, or again when that failed.

    Args:
        make: Loads and returns it.
    """

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make
        self._loading: asyncio.Future[Any] | None = None

    def load(self) -> asyncio.Future[Any]:
        """Begin, unless that was done; the future is done with it."""
        if self._loading is None or (self._loading.done() and self._loading.exception() is not None):
            self._loading = asyncio.get_running_loop().run_in_executor(None, self._load)
        return self._loading

    def _load(self) -> Any:
        """
        Load it, and have collections of garbage leave it alone.

        A full one looked at everything that the API and the assistants' SDK had loaded: 94 ms in which nothing is read.
        """
        made = self._make()
        gc.freeze()
        return made

    @property
    def loaded(self) -> Any | None:
        """What was loaded; None before."""
        done = self._loading is not None and self._loading.done() and self._loading.exception() is None
        return self._loading.result() if self._loading is not None and done else None


def _bodiless(send: Send) -> Send:
    """Keep the body of an answer back."""

    async def send_head(event: Any) -> None:
        await send(event if event["type"] != "http.response.body" else event | {"body": b""})

    return send_head


def _wants_page(scope: Scope) -> bool:
    """Whether a browser asks, to show the answer to a person."""
    return any(name == b"accept" and b"text/html" in value for name, value in scope["headers"])


async def _send_page(page: Page, scope: Scope, send: Send, status: int = 200) -> None:
    """Send a file of the page, unless the browser has it already."""
    known = status == 200 and any(name == b"if-none-match" and page.tag in value for name, value in scope["headers"])
    headers = [(b"etag", page.tag), (b"cache-control", b"no-cache")]
    if not known:
        headers += [(b"content-type", page.media_type), (b"content-length", b"%d" % len(page.body))]
    await send({"type": "http.response.start", "status": 304 if known else status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if known or scope["method"] == "HEAD" else page.body})


async def _send_text(
    scope: Scope, send: Send, status: int, body: bytes, content_type: bytes = b"application/json", allow: bytes = b""
) -> None:
    """Send an answer that is short; ``allow`` is what a method that is not allowed should have been."""
    headers = [(b"content-type", content_type), (b"content-length", b"%d" % len(body))]
    if status == 405:
        headers.append((b"allow", allow))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})


def _load_assistants(api: Any, loop: asyncio.AbstractEventLoop) -> Any:
    from gelf_listener.api.assistants import Assistants  # with the SDK, a second or two and 30 MiB

    return Assistants(api, loop)


def _load(service: Listener) -> Any:
    from gelf_listener.api.routes import make_api  # what all this is about

    api = make_api(service)
    asyncio.run(_try_out(api))
    return api


async def _try_out(api: Any) -> None:
    """Ask for a path that does not exist: FastAPI works out its routes with the first request, for 0.25 s."""

    async def receive() -> Any:
        return {"type": "http.request"}

    async def send(event: Any) -> None:
        pass

    asked: dict[str, Any] = {"type": "http", "method": "GET", "path": "/api/none", "query_string": b"", "headers": []}
    await api(asked | {"identity": None}, receive, send)


def _error(detail: str) -> bytes:
    return json.dumps({"type": "ApiError", "message": detail}).encode()


def _health(service: Listener) -> dict[str, Any]:
    outputs = {}
    healthy = service.reading
    for output in service.outputs():
        healthy = healthy and not output.problem
        outputs[output.name] = {
            "status": "failing" if output.problem else "ok",
            "waiting": output.waiting,
            "error": output.problem or None,
        }
    inputs = {input.name: {"listening": input.listening} for input in service.inputs}
    workers = {}
    for worker in service.worker_figures():
        healthy = healthy and not worker.problem
        workers[str(worker.number)] = {
            "status": "failing" if worker.problem else "ok",
            "restarts": worker.restarts,
            "error": worker.problem or None,
        }
    return {
        "status": "ok" if healthy else "failing",
        "reading": service.reading,
        "inputs": inputs,
        "outputs": outputs,
        "workers": workers,
        "orphaned_buffers": {orphan.name: {"waiting": orphan.messages} for orphan in service.orphans},
    }
