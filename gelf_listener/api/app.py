"""The web application: health and metrics."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any

from gelf_listener.metrics import exposition, registry

if TYPE_CHECKING:
    from gelf_listener.service import Service

__all__ = ["make_app"]

_Message = MutableMapping[str, Any]
_App = Callable[[_Message, Callable[[], Awaitable[_Message]], Callable[[_Message], Awaitable[None]]], Awaitable[None]]


def make_app(service: Service) -> _App:
    """
    Make the ASGI application.

    ``GET /health`` answers 200 while every output works and 503 while one fails or blocks; ``GET /metrics``
    is Prometheus' text format.
    """
    collectors = registry(service)

    async def app(
        scope: _Message,
        receive: Callable[[], Awaitable[_Message]],  # noqa: ARG001  (ASGI)
        send: Callable[[_Message], Awaitable[None]],
    ) -> None:
        if scope["type"] != "http":
            return
        status, content_type, body = _answer(scope["method"], scope["path"])
        headers = [(b"content-type", content_type), (b"content-length", b"%d" % len(body))]
        if status == 405:
            headers.append((b"allow", b"GET, HEAD"))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    def _answer(method: str, path: str) -> tuple[int, bytes, bytes]:
        if path not in ("/health", "/metrics"):
            return 404, b"application/json", _error("no such path; there are /health and /metrics")
        if method not in ("GET", "HEAD"):
            return 405, b"application/json", _error(f"{path} answers GET")
        if path == "/metrics":
            return 200, b"text/plain; version=0.0.4; charset=utf-8", exposition(collectors)
        health = _health(service)
        return (200 if health["status"] == "ok" else 503), b"application/json", json.dumps(health).encode()

    return app


def _error(detail: str) -> bytes:
    return json.dumps({"type": "ApiError", "message": detail}).encode()


def _health(service: Service) -> dict[str, Any]:
    outputs = {}
    healthy = not service.pipeline.full
    for runner in service.pipeline.runners:
        failing = runner.failing_since is not None
        healthy = healthy and not failing
        outputs[runner.name] = {
            "status": "failing" if failing else "ok",
            "waiting": runner.buffer.messages,
            "error": runner.last_error if failing else None,
        }
    inputs = {input.name: {"listening": input.listening} for input in service.inputs}
    return {
        "status": "ok" if healthy else "failing",
        "reading": not service.pipeline.full,
        "inputs": inputs,
        "outputs": outputs,
    }
