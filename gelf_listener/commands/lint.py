"""``gelf-listener lint``: what is wrong with GELF, in a file or as it comes, for people and for CI."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import typer

from gelf_listener.address import Address
from gelf_listener.codec.lint import lint
from gelf_listener.commands.printing import leaving_quietly
from gelf_listener.config import Spec
from gelf_listener.errors import ConfigError, Rejected
from gelf_listener.inputs import Input
from gelf_listener.message import Message, Peer
from gelf_listener.pipeline import Pipeline
from gelf_listener.rendering.sanitise import clean
from gelf_listener.service import make_input

__all__ = ["lint_arrivals", "lint_file"]

_DEVIATES = 1
_MOST_BYTES = 1 << 30
_MAGIC = (b"\x1f\x8b", b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda", b"\x1e\x0f")
"""Of gzip, zlib and chunks."""


class _Report:
    """Prints verdicts and counts them."""

    def __init__(self) -> None:
        self.payloads = 0
        self.deviating = 0

    def judge(self, payload: bytes, where: str, peer: Peer | None = None) -> None:
        """Print what is to be said of a payload; nothing of a clean one."""
        self.payloads += 1
        verdict = lint(payload, peer)
        if not verdict.clean:
            self.deviating += 1
            for line in verdict.lines():
                typer.echo(f"{where}: {clean(line)}")

    def end(self) -> None:
        """
        Print the sum.

        Raises:
            typer.Exit: With status 1 if anything deviates, or there was nothing to judge.
        """
        typer.echo(f"{self.payloads} payloads, {self.deviating} with deviations", err=True)
        if self.deviating or not self.payloads:
            raise typer.Exit(_DEVIATES)


def lint_file(path: str) -> None:
    """
    Judge what is in a file, or on standard input (``-``): one payload, or one on each line, or with NUL behind each.

    Raises:
        ConfigError: If it cannot be read.
        typer.Exit: With status 1 if anything deviates.
    """
    try:
        with sys.stdin.buffer if path == "-" else Path(path).open("rb") as file:
            data = file.read(_MOST_BYTES)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    report = _Report()
    with leaving_quietly():
        for number, payload in _payloads(data):
            report.judge(payload, f"{'standard input' if path == '-' else path}:{number}")
    report.end()


def lint_arrivals(inputs: Sequence[str], count: int, seconds: float) -> None:
    """
    Judge what clients send, until so many payloads came, the time is over, or Ctrl-C.

    Raises:
        ConfigError: If an input cannot be opened.
        typer.Exit: With status 1 if anything deviates, or nothing came.
    """
    report = _Report()
    with leaving_quietly():
        asyncio.run(_listen([make_input(Spec(Address.parse(address))) for address in inputs], report, count, seconds))
    report.end()


async def _listen(inputs: Sequence[Input], report: _Report, count: int, seconds: float) -> None:
    done = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, done.set)
    pipeline = Pipeline()

    def judge(payload: bytes, peer: Peer | None, input: str) -> None:
        if not done.is_set():
            report.judge(payload, f"{peer or input}", peer)
            if count and report.payloads >= count:
                done.set()

    def saw(messages: Sequence[Message]) -> None:
        for message in messages:
            judge(message.raw, message.peer, message.input)

    def refused(rejected: Rejected) -> None:
        judge(rejected.payload, rejected.peer, rejected.input)

    pipeline.taps.append(saw)
    pipeline.rejections.taps.append(refused)
    try:
        for input in inputs:
            await input.start(pipeline)
            for url in input.listening:
                typer.echo(f"judging what comes to {url}", err=True)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds or None):
                await done.wait()
    finally:
        await asyncio.gather(*(input.close() for input in inputs))


def _payloads(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Find the payloads in a file; with the number of the line, or of the frame, each begins at."""
    if data.startswith(_MAGIC):
        yield 1, data
        return
    if b"\0" in data:
        yield from ((number, part) for number, part in enumerate(data.split(b"\0"), 1) if part.strip())
        return
    with contextlib.suppress(ValueError, RecursionError):
        if isinstance(json.loads(data), dict):  # perhaps over several lines
            yield 1, data.strip()
            return
    yield from ((number, line) for number, line in enumerate(data.split(b"\n"), 1) if line.strip())
