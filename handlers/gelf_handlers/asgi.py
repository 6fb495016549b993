"""ASGI middleware: a request id in every message logged while a request is served."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from gelf_handlers.context import attach_fields, bind
from gelf_handlers.request_ids import choose_id, new_id

__all__ = ["RequestIdMiddleware"]

_Message = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[_Message]]
_Send = Callable[[_Message], Awaitable[None]]
_App = Callable[[_Message, _Receive, _Send], Awaitable[None]]

_ERROR_BODY: Final = b"Internal Server Error"


class RequestIdMiddleware:
    """
    Binds a request id for the time of a request and returns it in the response.

    An id the caller sent is kept if it is 1 to 128 harmless characters, so that it can be followed across services;
    otherwise a new one is made. Works with any ASGI application (Starlette, FastAPI, Django, Quart), around it or with
    its ``add_middleware``; HTTP and WebSocket.

    An exception takes the id along, so that the server's record of the traceback has it too. If no response had begun,
    the 500 is sent from here, with the id: the one that Starlette would send (its error handler, its debug page) if
    this is one of its middlewares, plain text otherwise. Then the exception goes on to the server.

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
        make_id: Callable[[], str] = new_id,
    ) -> None:
        self.app = app
        self.header = header.lower().encode("latin-1")
        self.field = field
        self.make_id = make_id

    async def __call__(self, scope: _Message, receive: _Receive, send: _Send) -> None:
        """Serve one request."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        request_id = choose_id(self._given(scope)) or self.make_id()
        started = False

        async def send_with_id(message: _Message) -> None:
            nonlocal started
            if message["type"] in ("http.response.start", "websocket.accept"):
                started = True
                headers = [pair for pair in message.get("headers", ()) if pair[0].lower() != self.header]
                message = {**message, "headers": [*headers, (self.header, request_id.encode("latin-1"))]}
            await send(message)

        with bind(**{self.field: request_id}):
            try:
                await self.app(scope, receive, send_with_id)
            except Exception as error:
                attach_fields(error, {self.field: request_id})
                if not started and scope["type"] == "http":
                    await _answer(error, scope, receive, send_with_id)
                raise

    def _given(self, scope: _Message) -> str | None:
        for name, value in scope.get("headers", ()):
            if name.lower() == self.header:
                return str(value.decode("latin-1"))
        return None


async def _answer(error: Exception, scope: _Message, receive: _Receive, send: _Send) -> None:
    """Send the 500 of an exception that is about to leave the application."""
    stack = getattr(scope.get("app"), "middleware_stack", None)
    starlette = sys.modules.get("starlette.middleware.errors")
    if starlette is None or not isinstance(stack, starlette.ServerErrorMiddleware):
        headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"%d" % len(_ERROR_BODY))]
        await send({"type": "http.response.start", "status": 500, "headers": headers})
        await send({"type": "http.response.body", "body": _ERROR_BODY})
        return

    async def fail(_scope: _Message, _receive: _Receive, _send: _Send) -> None:
        raise error

    # Starlette's outermost layer lies outside of every `add_middleware`: what it would send does not pass here.
    layer = type(stack)(fail, handler=stack.handler, debug=stack.debug)
    try:
        await layer(scope, receive, send)
    except Exception as raised:
        if raised is not error:  # a fault of the service's error handler
            attach_fields(raised, getattr(error, "__gelf_fields__", {}))
            raise
