"""HTTP batch: outputs that send many messages in one request."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

from gelf_listener.errors import Retry
from gelf_listener.message import Message
from gelf_listener.outputs.http_client import Denied, HttpClient
from gelf_listener.outputs.progress import Progress


class Request(NamedTuple):
    """What is sent for some messages."""

    path: str
    body: bytes
    content_type: str
    headers: dict[str, str] = {}  # noqa: RUF012  (never changed)


class HttpBatchOutput:
    """
    Sends a batch in one request, and in halves when the server denies it: one message may be at fault, or all together.

    A derived class says what a request is (`encode`), and what an answer means (`settle`).
    """

    Settings: ClassVar[type[Any]]
    parallel: ClassVar[bool] = True
    tls: ClassVar[bool] = False
    port: ClassVar[int]
    """The server's port when the settings name none."""
    concurrent: ClassVar[bool] = True

    def __init__(self, settings: Any) -> None:
        self.settings = settings
        self.client = HttpClient(settings, self.port, tls=self.tls)
        self.requests = 0
        self._written = 0
        self._progress: dict[int, Progress] = {}
        """By batch, the one tried last at the end; as many as are written at the same time."""
        self._closed = False

    def encode(self, messages: Sequence[Message]) -> Request:
        """Return the request for messages, one at least."""
        raise NotImplementedError

    def settle(self, messages: Sequence[Message], answer: bytes, progress: Progress) -> str:  # noqa: ARG002
        """
        Note what became of messages after an answer of success: all are written, unless a derived class knows better.

        Returns:
            Why some have to be offered again; empty when none has.
        """
        progress.written(messages)
        return ""

    async def start(self) -> None:
        """Nothing to open: connections are made as they are needed; see `Output.start`."""
        self._closed = False

    async def write(self, batch: Sequence[Message]) -> None:
        """Send a batch; see `Output.write`."""
        if self._closed:
            raise Retry("the output is closed")
        progress = self._progress_of(batch)
        left = progress.begin(batch)
        before = progress.written_messages
        try:
            retry = await self._post(left, progress) if left else None
        finally:
            self._written += progress.written_messages - before
        if retry is not None:
            raise retry
        self._progress.pop(id(batch), None)
        progress.finish()

    async def close(self) -> None:
        """Close the connections; see `Output.close`."""
        self._closed = True
        self._progress.clear()
        await self.client.close()

    def counters(self) -> dict[str, float]:
        """Return what was sent."""
        return {"written_messages_total": self._written, "requests_total": self.requests}

    def _progress_of(self, batch: Sequence[Message]) -> Progress:
        """Return what became of a batch so far; forget what was tried longest ago: the runner has given it up."""
        progress = self._progress.pop(id(batch), None) or Progress()
        while len(self._progress) >= self.settings.concurrency:
            del self._progress[next(iter(self._progress))]
        self._progress[id(batch)] = progress
        return progress

    async def _post(self, messages: Sequence[Message], progress: Progress) -> Retry | None:
        """Send messages; return why some have to be offered again."""
        request = self.encode(messages)
        self.requests += 1
        try:
            answer = await self.client.post(request.path, request.body, request.content_type, request.headers)
        except Retry as error:
            return error
        except Denied as error:
            if len(messages) == 1:
                progress.refused(messages[0], str(error))
                return None
            half = len(messages) // 2
            first = await self._post(messages[:half], progress)
            return first or await self._post(messages[half:], progress)
        why = self.settle(messages, answer, progress)
        return Retry(f"{self.client.base}: {why}") if why else None
