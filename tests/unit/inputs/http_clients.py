"""Requests on the wire and their answers, for inputs of protocols on top of HTTP."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from gelf_listener.plugins import INPUT_GROUP, load
from gelf_listener.testing.contracts import RecordingIntake
from tests.unit.inputs.clients import send_stream

__all__ = ["Answer", "exchange", "request"]


class Answer:
    """What a request was answered with."""

    def __init__(self, data: bytes) -> None:
        head, _, self.body = data.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        self.status = int(lines[0].split()[1])
        self.headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def request(
    body: bytes, kind: str = "", path: str = "/", headers: dict[str, str] | None = None, method: str = "POST"
) -> bytes:
    """Write a request that is the only one on its connection."""
    lines = [f"{method} {path} HTTP/1.1", "Host: x", f"Content-Length: {len(body)}", "Connection: close"]
    lines += [f"Content-Type: {kind}"] if kind else []
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def exchange(
    scheme: str, requests: list[bytes], intake: RecordingIntake | None = None, **settings: Any
) -> tuple[RecordingIntake, list[Answer]]:
    """Send requests, each on a connection of its own, to an input; return what it took and answered."""
    intake = intake or RecordingIntake()

    async def main() -> list[Answer]:
        plugin = load(INPUT_GROUP, scheme)
        made = plugin(plugin.Settings(port=0, **settings))
        await made.start(intake)
        try:
            return [Answer(await send_stream(made.listening[0], each)) for each in requests]
        finally:
            await made.close()

    return intake, asyncio.run(main())
