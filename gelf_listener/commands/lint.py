"""``gelf-listener lint``: what is wrong with GELF, in a file or as it comes, for people and for CI."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import logging
import signal
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, TypeVar

import typer

from gelf_listener.address import Address
from gelf_listener.assembly import make_input
from gelf_listener.codec.graylog_index import GraylogIndex
from gelf_listener.codec.lint import Verdict, finding, lint
from gelf_listener.commands.printing import leaving_quietly
from gelf_listener.config import Spec
from gelf_listener.errors import ConfigError, Rejected, describe
from gelf_listener.inputs import Input
from gelf_listener.message import Message, Peer
from gelf_listener.notes import Deviation
from gelf_listener.pipeline import Pipeline
from gelf_listener.quantities import counted
from gelf_listener.rendering.sanitise import clean

T = TypeVar("T", bytes, bytearray)

_DEVIATES = 1
_MOST_BYTES = 64 << 20
"""Of a payload in a file; what is longer has lost its end."""
_READ_BYTES = 1 << 16
_MAGIC = (b"\x1f\x8b", b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda", b"\x1e\x0f")
"""Of gzip, zlib and chunks."""


class _Report:
    """
    Prints verdicts and counts them.

    Args:
        praise: Whether to say, on standard error, that a payload is fine: somebody waits for it.
    """

    def __init__(self, *, praise: bool = False) -> None:
        self._index = GraylogIndex()
        self.payloads = 0
        self.deviating = 0
        self._praise = praise

    def judge(self, payload: bytes, where: str, peer: Peer | None = None) -> None:
        """Print what is to be said of a payload."""
        self.payloads += 1
        verdict = lint(payload, peer)
        where += f" ({verdict.client})" if verdict.client else ""
        conflicts = self._conflicts(verdict)
        if conflicts or not verdict.clean:
            self.deviating += 1
            for line in [*verdict.lines(), *conflicts]:
                typer.echo(clean(line) if line.startswith(" ") else f"{where}: {clean(line)}")
        elif self._praise:
            typer.echo(f"{where}: fine", err=True)

    def _conflicts(self, verdict: Verdict) -> list[str]:
        """Say what a Graylog's index loses of a payload because of those before it."""
        kind = Deviation.TYPE_CONFLICT
        lines = []
        for message in verdict.stored:
            fields = message.fields if message.level is None else message.fields | {"level": message.level}
            for conflict in self._index.take(fields, message.host).conflicts:
                lines += finding(str(conflict), kind.graylog, kind.cause, kind.advice)
        return lines

    def end(self) -> None:
        """
        Print the sum.

        Raises:
            typer.Exit: With status 1 if anything deviates, or there was nothing to judge.
        """
        typer.echo(f"{counted(self.payloads, 'payload')}, {self.deviating:,} with deviations", err=True)
        if self.deviating or not self.payloads:
            raise typer.Exit(_DEVIATES)


def lint_file(path: str) -> None:
    """
    Judge what is in a file, or on standard input (``-``): one payload, or one on each line, or with NUL behind each.

    Lines and frames are judged as they come, so that standard input may be what somebody writes at the moment.

    Raises:
        ConfigError: If it cannot be read.
        typer.Exit: With status 1 if anything deviates.
    """
    name = "standard input" if path == "-" else path
    report = _Report()
    try:
        with leaving_quietly(), sys.stdin.buffer if path == "-" else _open(path) as file:
            for number, payload in _payloads(file):
                report.judge(payload, f"{name}:{number}")
    except _EndlessError:
        raise ConfigError(f"{name}: a payload of more than {_MOST_BYTES >> 20} MiB") from None
    report.end()


def lint_arrivals(inputs: Sequence[str], count: int, seconds: float) -> None:
    """
    Judge what clients send, until so many payloads came, the time is over, or Ctrl-C.

    Raises:
        ConfigError: If an input cannot be opened.
        typer.Exit: With status 1 if anything deviates, or nothing came.
    """
    report = _Report(praise=True)
    logging.getLogger("gelf_listener.rejections").setLevel(logging.CRITICAL)  # the report has them
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


class _EndlessError(Exception):
    """A payload is longer than any."""


def _open(path: str) -> BinaryIO:
    try:
        return Path(path).open("rb")
    except OSError as error:
        raise ConfigError(f"{path}: {describe(error)}") from None


def _payloads(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Find the payloads in a file; with the number of the line, or of the frame, each begins at."""
    first = _bounded(file.readline(_MOST_BYTES + 1))
    if first.startswith(_MAGIC):
        yield 1, _rest(first, file)
        return
    if first.lstrip().startswith(b"{") and b"\0" not in first and not _is_object(first):
        first = _rest(first, file)  # an object over several lines, perhaps
        if _is_object(first):
            yield 1, first.strip()
            return
    parts = _frames(first, file) if b"\0" in first else _lines(first, file)
    yield from ((number, part) for number, part in enumerate(parts, 1) if part.strip())


def _lines(first: bytes, file: BinaryIO) -> Iterator[bytes]:
    yield from first.removesuffix(b"\n").split(b"\n")
    while line := _bounded(file.readline(_MOST_BYTES + 1)):
        yield line.removesuffix(b"\n")


def _frames(first: bytes, file: BinaryIO) -> Iterator[bytes]:
    pending, data = bytearray(), first
    while data:
        pending += data
        if b"\0" in data:
            *whole, rest = pending.split(b"\0")
            yield from map(bytes, whole)
            pending = rest
        _bounded(pending)
        data = file.read1(_READ_BYTES) if isinstance(file, io.BufferedReader) else file.read(_READ_BYTES)
    yield bytes(pending)


def _rest(first: bytes, file: BinaryIO) -> bytes:
    return _bounded(first + file.read(_MOST_BYTES + 1 - len(first)))


def _bounded(payload: T) -> T:
    if len(payload) > _MOST_BYTES:
        raise _EndlessError
    return payload


def _is_object(text: bytes) -> bool:
    with contextlib.suppress(ValueError, RecursionError):
        return isinstance(json.loads(text), dict)
    return False
