"""
Assistants: the Model Context Protocol at ``/mcp``, with the tools of ``gelf-listener mcp``. Imported late.

Laws:

* It reads only, and asks what anybody may ask who may ask the API: the guard has seen every request before
  (`gelf_listener.api.guard`), and the tools ask the REST API in this process.
* No request leaves anything behind. There are no sessions and no streams; an answer is one JSON document, so what can
  be held is bounded by the API's connections and bodies, and by `ANSWER_SECONDS`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging

import httpx
from starlette.responses import PlainTextResponse

from gelf_listener.api.asgi import App, Receive, Scope, Send
from gelf_listener.assistant.questions import Questions
from gelf_listener.assistant.tools import make_server
from gelf_listener.client.session import Session

ANSWER_SECONDS = 120.0
"""How long an answer may take in all; no tool waits longer than a minute."""
MOST_BODY_BYTES = 1024 * 1024
"""Of one request."""


class Assistants:
    """
    The ASGI application.

    Args:
        api: The REST API that the tools ask.
        loop: The one that the API is served in.

    Raises:
        ConfigError: If the SDK is not installed.
    """

    def __init__(self, api: App, loop: asyncio.AbstractEventLoop) -> None:
        session = Session("http://gelf-listener", transport=_Inside(api, loop), advice="ask for less")
        self._server = make_server(Questions(session))
        logging.getLogger("mcp").setLevel(logging.ERROR)  # below that it tells of each request
        from mcp.server.transport_security import TransportSecuritySettings  # only now: it may not be installed

        self._app = self._server.streamable_http_app(
            streamable_http_path="/mcp",
            json_response=True,
            stateless_http=True,
            max_request_body_size=MOST_BODY_BYTES,
            transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),  # the guard's part
        )
        self._app.router.redirect_slashes = False
        self._ready = asyncio.Event()
        self._running: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request (ASGI)."""
        if self._running is None:
            self._running = asyncio.get_running_loop().create_task(self._run(), name="mcp")
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await self._ready.wait()
                await self._app(scope, receive, send)
        except TimeoutError:  # nothing of the answer was sent: it is one document
            await PlainTextResponse("it takes too long; ask for less", 503)(scope, receive, send)

    async def close(self) -> None:
        """Stop answering."""
        if self._running is not None:
            self._running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._running

    async def _run(self) -> None:
        """Keep what the SDK's requests run in."""
        async with self._server.session_manager.run():
            self._ready.set()
            await asyncio.Event().wait()


class _Inside(httpx.BaseTransport):
    """Asks an application of the loop from another thread."""

    def __init__(self, app: App, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        self._loop = loop

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Wait for the answer as long as the client does."""
        asked = asyncio.run_coroutine_threadsafe(self._ask(request), self._loop)
        try:
            return asked.result(request.extensions["timeout"]["read"])
        except TimeoutError:
            asked.cancel()
            raise httpx.ReadTimeout("it takes too long", request=request) from None

    async def _ask(self, request: httpx.Request) -> httpx.Response:
        answer = await self._transport.handle_async_request(request)
        return httpx.Response(answer.status_code, headers=answer.headers, content=await answer.aread())
