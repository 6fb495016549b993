"""ASGI middleware: a request id in every message logged while a request is served."""

from __future__ import annotations

import re
import uuid
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from gelf_handlers.context import bind

__all__ = ["RequestIdMiddleware"]

_Message = MutableMapping[str, Any]
_App = Callable[[_Message, Callable[[], Awaitable[_Message]], Callable[[_Message], Awaitable[None]]], Awaitable[None]]
_ACCEPTABLE: Final = re.compile(r"[A-Za-z0-9._:+/=\-]{1,128}")


class RequestIdMiddleware:
    """
    Binds a request id for the time of a request and returns it in the response.

    An id the caller sent is kept if it is 1 to 128 harmless characters, so that it can be followed across services;
    otherwise a new one is made. Works with any ASGI application (Starlette, FastAPI, Django, Quart); HTTP and
    WebSocket.

    Args:
        app: The application.
        header: The header, read and written.
        field: The field's name in messages.
        make_id: Makes a new id.
    """

    def __init__(
        self,
        app: _App,
        header: str = "X-Request-ID",
        field: str = "request_id",
        make_id: Callable[[], str] = lambda: uuid.uuid4().hex,
    ) -> None:
        self.app = app
        self.header = header.lower().encode("latin-1")
        self.field = field
        self.make_id = make_id

    async def __call__(
        self, scope: _Message, receive: Callable[[], Awaitable[_Message]], send: Callable[[_Message], Awaitable[None]]
    ) -> None:
        """Serve one request."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        request_id = self._id_from(scope) or self.make_id()

        async def send_with_id(message: _Message) -> None:
            if message["type"] in ("http.response.start", "websocket.accept"):
                message = {
                    **message,
                    "headers": [*message.get("headers", ()), (self.header, request_id.encode("latin-1"))],
                }
            await send(message)

        with bind(**{self.field: request_id}):
            await self.app(scope, receive, send_with_id)

    def _id_from(self, scope: _Message) -> str | None:
        for name, value in scope.get("headers", ()):
            if name.lower() == self.header:
                text = value.decode("latin-1")
                return text if _ACCEPTABLE.fullmatch(text) else None
        return None
