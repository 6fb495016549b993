"""gelf+http, gelf+https: pass messages on to a Graylog or another listener, by HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field

from gelf_listener.errors import OutputError, Retry
from gelf_listener.message import Message
from gelf_listener.outputs.forwarding import Forwarding, Loop
from gelf_listener.outputs.http_client import Denied, HttpClient, HttpOutputSettings
from gelf_listener.outputs.progress import Progress

_PORT = 12201


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


class GelfHttpOutput:
    """
    Posts GELF.

    Guarantee: at least once. A message counts as written once the server answered with a success. Without `bulk`, only
    what was not answered is sent again.
    """

    Settings: ClassVar[type[GelfHttpSettings]] = GelfHttpSettings
    parallel: ClassVar[bool] = True
    tls: ClassVar[bool] = False

    def __init__(self, settings: GelfHttpSettings) -> None:
        self.settings = settings
        self._client = HttpClient(settings, _PORT, tls=self.tls)
        self._path = "/" + settings.path.lstrip("/")
        self._forwarding = Forwarding(settings.forwarder)
        self._progress = Progress()
        self._requests = 0
        self._closed = False

    async def start(self) -> None:
        """Nothing to open: connections are made as they are needed; see `Output.start`."""
        self._closed = False

    async def write(self, batch: Sequence[Message]) -> None:
        """Post a batch; see `Output.write`."""
        if self._closed:
            raise Retry("the output is closed")
        payloads: list[tuple[Message, bytes]] = []
        for message in self._progress.begin(batch):
            try:
                payloads.append((message, self._forwarding.payload(message)))
            except Loop as error:
                self._progress.refused(message, str(error))
        retry = await (self._post_together(payloads) if self.settings.bulk else self._post_each(payloads))
        if retry is not None and retry.after_seconds is not None:
            raise retry
        self._progress.finish(str(retry or ""))

    async def close(self) -> None:
        """Close the connections; see `Output.close`."""
        self._closed = True
        await self._client.close()

    def counters(self) -> dict[str, float]:
        """Return what was posted."""
        return {"written_messages_total": self._progress.written_messages, "requests_total": self._requests}

    async def _post_together(self, payloads: list[tuple[Message, bytes]]) -> Retry | None:
        """Post messages in one request; in two when the server finds that too large, and so on."""
        if not payloads:
            return None
        body = b"".join(_line(payload) for _, payload in payloads)
        try:
            await self._post(body)
        except Retry as error:
            return error
        except Denied as error:
            if len(payloads) == 1:
                self._progress.refused(payloads[0][0], str(error))
                return None
            half = len(payloads) // 2  # one of them is at fault, or there are too many
            first = await self._post_together(payloads[:half])
            return first or await self._post_together(payloads[half:])
        self._progress.written([message for message, _ in payloads])
        return None

    async def _post_each(self, payloads: list[tuple[Message, bytes]]) -> Retry | None:
        """Post each message by itself, several at the same time; stop when the server should be left alone."""
        waiting = iter(payloads)
        problems: list[Retry] = []

        async def work() -> None:
            for message, payload in waiting:
                if problems:
                    return
                try:
                    await self._post(_line(payload))
                except Retry as error:
                    problems.append(error)
                except OutputError as error:
                    self._progress.refused(message, str(error))
                else:
                    self._progress.written((message,))

        await asyncio.gather(*(work() for _ in range(min(self.settings.connections, len(payloads)))))
        return problems[0] if problems else None

    async def _post(self, body: bytes) -> None:
        self._requests += 1
        await self._client.post(self._path, body, "application/json")


def _line(payload: bytes) -> bytes:
    """Return a payload as a line: a Graylog input with bulk receiving drops a body without an end of line."""
    return payload.replace(b"\n", b" ") + b"\n"


class GelfHttpsOutput(GelfHttpOutput):
    """
    Posts GELF with TLS.

    Guarantee: as `GelfHttpOutput`.
    """

    tls = True
