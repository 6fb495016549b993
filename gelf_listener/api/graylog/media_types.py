"""Media types: ``.json``, ``.csv`` and others at the end of a path stand for the header Accept, as in Graylog."""

from __future__ import annotations

import re

from gelf_listener.api.asgi import App, Receive, Scope, Send

_SLASHES = re.compile("/{2,}")
_MEDIA_TYPES = {
    ".json": b"application/json",
    ".csv": b"text/csv",
    ".log": b"text/plain",
    ".ndjson": b"application/x-ndjson",
}


class MediaTypes:
    """ASGI middleware in front of Graylog's searches."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take the ending off a path, and slashes that mean nothing (ASGI)."""
        path = scope.get("path", "")
        if path.startswith("/api/") and not path.startswith("/api/gelf") and (path.endswith("/") or "//" in path):
            path = _SLASHES.sub("/", path).rstrip("/")  # a client asks for /api//system
            scope = dict(scope) | {"path": path}
        if path.startswith(("/api/search/", "/api/views/search/")):
            stem, dot, ending = path.rpartition(".")
            media_type = _MEDIA_TYPES.get(dot + ending)
            if media_type is not None:
                headers = [(name, value) for name, value in scope["headers"] if name != b"accept"]
                scope = dict(scope) | {"path": stem, "headers": [*headers, (b"accept", media_type)]}
        await self._app(scope, receive, send)
