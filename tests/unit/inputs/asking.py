"""Requests to inputs that speak HTTP, each on a connection of its own, and their answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from gelf_listener.inputs import Input
from gelf_listener.testing.contracts import RecordingIntake, run
from tests.unit.inputs.clients import send_stream

__all__ = ["Answer", "ask", "request"]


class Answer:
    """The last answer on a connection; one that says to continue comes before it."""

    def __init__(self, data: bytes) -> None:
        self.continued = data.startswith(b"HTTP/1.1 100")
        if self.continued:
            data = data.partition(b"\r\n\r\n")[2]
        head, _, self.body = data.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        self.status = int(lines[0].split()[1]) if lines[0] else 0
        self.headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def request(body: bytes = b"", path: str = "/", method: str = "POST", **headers: str) -> bytes:
    """Write a request; headers have underscores for hyphens."""
    lines = [f"{method} {path} HTTP/1.1", "Host: listener:9200", f"Content-Length: {len(body)}", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def ask(
    make: Callable[[], Input], raw: Sequence[bytes], intake: RecordingIntake | None = None
) -> tuple[RecordingIntake, list[Answer]]:
    """Send requests, one after the other, each on a connection of its own."""
    intake = intake or RecordingIntake()

    async def main() -> list[Answer]:
        made = make()
        await made.start(intake)
        try:
            return [Answer(await send_stream(made.listening[0], each)) for each in raw]
        finally:
            await made.close()

    return intake, run(main())
