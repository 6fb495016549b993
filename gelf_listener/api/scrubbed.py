"""Scrubbed bodies: requests whose JSON has no half characters, which Python takes and no index or answer can hold."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

from gelf_listener.api.asgi import App, Receive, Scope, Send
from gelf_listener.codec.scrub import scrub_escapes


class ScrubbedBodies:
    r"""Replaces lone surrogates that a body has as escapes (``\ud800``) by U+FFFD, a piece at a time (ASGI)."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""

        async def scrubbed() -> MutableMapping[str, Any]:
            message = await receive()
            body = message.get("body", b"")
            return {**message, "body": scrub_escapes(body)} if b"\\ud" in body or b"\\uD" in body else message

        await self._app(scope, scrubbed, send)
