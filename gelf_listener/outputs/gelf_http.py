"""gelf+http, gelf+https: pass messages on to a Graylog or another listener, by HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field

from gelf_listener.errors import Retry
from gelf_listener.message import Message
from gelf_listener.outputs.forwarding import Forwarding, Loop
from gelf_listener.outputs.http_batch import HttpBatchOutput, Request
from gelf_listener.outputs.http_client import HttpOutputSettings
from gelf_listener.outputs.progress import Progress


class GelfHttpSettings(HttpOutputSettings):
    """Settings of `gelf+http://`."""

    path: str = Field("/gelf", description="Path of the input.", repr=False)
    bulk: bool = Field(
        False, description="Several messages in a request, one a line: our own listener, Graylog with bulk receiving."
    )
    connections: int = Field(
        1,
        ge=1,
        le=256,
        description="Requests on their way at the same time, without `bulk`; more than one gives up the order.",
    )
    forwarder: str = Field(
        "", description="Name for the field `_forwarder`; `auto` is this machine's. Empty: no such field."
    )


class GelfHttpOutput(HttpBatchOutput):
    """
    Posts GELF.

    Guarantee: at least once. A message counts as written once the server answered with a success. Without `bulk`, only
    what was not answered is sent again.
    """

    Settings: ClassVar[type[GelfHttpSettings]] = GelfHttpSettings
    port = 12201
    concurrent = False

    def __init__(self, settings: GelfHttpSettings) -> None:
        super().__init__(settings)
        self._path = "/" + settings.path.lstrip("/")
        self._forwarding = Forwarding(settings.forwarder)

    def encode(self, messages: Sequence[Message]) -> Request:
        """Return a line for each message: Graylog's bulk receiving drops a body without a line end."""
        lines = [self._forwarding.payload(message).replace(b"\n", b" ") + b"\n" for message in messages]
        return Request(self._path, b"".join(lines), "application/json")

    async def _post(self, messages: Sequence[Message], progress: Progress) -> Retry | None:
        """Send messages that did not come from here, together or each by itself; see `HttpBatchOutput`."""
        messages = [message for message in messages if self._is_sent(message, progress)]
        if not self.settings.bulk:
            return await self._post_each(messages, progress)
        return await super()._post(messages, progress) if messages else None

    def _is_sent(self, message: Message, progress: Progress) -> bool:
        """Whether a message may be sent; one that comes from here is refused."""
        try:
            self._forwarding.mark_of(message)
        except Loop as error:
            progress.refused(message, str(error))
            return False
        return True

    async def _post_each(self, messages: Sequence[Message], progress: Progress) -> Retry | None:
        """Post each message by itself, several at the same time; stop when the server should be left alone."""
        waiting = iter(messages)
        post = super()._post
        problems: list[Retry] = []

        async def work() -> None:
            for message in waiting:
                if problems:
                    return
                problem = await post((message,), progress)
                if problem is not None:
                    problems.append(problem)

        await asyncio.gather(*(work() for _ in range(min(self.settings.connections, len(messages)))))
        return problems[0] if problems else None


class GelfHttpsOutput(GelfHttpOutput):
    """
    Posts GELF with TLS.

    Guarantee: as `GelfHttpOutput`.
    """

    tls = True
