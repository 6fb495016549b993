"""``gelf-listener buffers``: see what waits on disk, and empty or deliver it while no listener has it open."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import typer

from gelf_listener.address import Address
from gelf_listener.assembly import make_output
from gelf_listener.buffers.batch_file import FILE_NAME, BatchFile, CannotSave, Totals
from gelf_listener.buffers.disk import DiskBuffer
from gelf_listener.codec.gelf.lenient import read_fields
from gelf_listener.commands.progress_bar import ProgressBar
from gelf_listener.config import Spec
from gelf_listener.directories import buffers_directory
from gelf_listener.errors import ConfigError, Rejected, describe
from gelf_listener.lock import DirectoryLock, LockedError
from gelf_listener.message import Message
from gelf_listener.packing import Packer
from gelf_listener.quantities import counted, format_duration, format_size
from gelf_listener.runner import Runner
from gelf_listener.settings import OutputSettings

_READ_MESSAGES = 5000
_READ_BYTES = 8 * 1024 * 1024
_DRAIN_SECONDS = 5.0
_ADVICE = "stop that one first"


class _Found(NamedTuple):
    """A buffer's directory, and what is known of it without opening it."""

    path: Path
    totals: Totals
    pid: int | None
    """Who has it open; 0 if that is not known, None if nobody has."""
    damaged: int
    problem: str


def show(path: Path | None) -> None:
    """Print what waits in every buffer."""
    directory = path or buffers_directory()
    found = [_look(each) for each in _directories(directory)]
    if not found:
        typer.echo(f"no buffers in {directory}")
    for each in found:
        totals = each.totals
        text = f"{each.path.name}: {counted(totals.messages)}, {format_size(totals.bytes)}"
        if totals.oldest_at is not None:
            text += f", the oldest {format_duration(time.time() - totals.oldest_at)} old"
        if each.pid is not None:
            text += f"; open in process {each.pid or '?'}"
        elif totals.messages:
            text += "; not open"
        if each.damaged:
            text += f"; {counted(each.damaged, 'damaged file')} set aside"
        typer.echo(text + (f"; {each.problem}" if each.problem else ""))


def export(name: str, path: Path | None) -> None:
    """Write what waits as GELF, a line each, the oldest first; it stays in the buffer."""
    with contextlib.suppress(BrokenPipeError), _opened(name, path) as file:
        for messages in _batches(file):
            sys.stdout.buffer.write(b"".join(message.to_gelf() + b"\n" for message in messages))
        sys.stdout.buffer.flush()


def clear(name: str, path: Path | None, *, yes: bool) -> None:
    """Delete what waits, after asking."""
    with _opened(name, path) as file:
        messages = file.totals().messages
        if messages and not yes:
            typer.confirm(f"Delete {counted(messages)} from {file.path.parent}?", abort=True)
        file.clear()
        typer.echo(f"{counted(messages)} deleted")


def send(name: str, path: Path | None, to: str, seconds: float) -> None:
    """
    Write what waits to an output; what is written leaves the buffer, and what is refused goes to a file beside it.

    Raises:
        typer.Exit: With status 1 if something is left, or was refused.
    """
    directory = _directory(name, path)
    address = Address.parse(to)
    output = make_output(Spec(address))
    if output.settings.where:
        raise ConfigError("setting 'where': all that waits is sent, or nothing")
    refused: list[Rejected] = []
    kept = directory / f"refused-{time.strftime('%Y%m%dT%H%M%S')}.jsonl"

    changed = asyncio.Event()
    problem = ""

    def keep(messages: Sequence[Message]) -> None:
        nonlocal problem
        try:
            with open(kept, "ab", opener=_private) as file:
                file.write(b"".join(message.to_gelf() + b"\n" for message in messages))
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:  # then they stay in the buffer
            problem = f"{kept}: {describe(error)}"
            changed.set()
            raise

    async def main() -> Runner:
        buffer = DiskBuffer(directory, OutputSettings(buffer="disk"), Packer(read_fields))
        runner = Runner(output.settings.shown(address), output, buffer, None, refused.append, changed.set, keep)
        await runner.start()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                with ProgressBar("sending", BatchFile.peek(directory).messages) as progress:
                    while not problem and (not buffer.counted or buffer.messages):
                        changed.clear()
                        await changed.wait()
                        progress.reach(runner.written + runner.refused)
        await runner.drain(_DRAIN_SECONDS)
        return runner

    runner = asyncio.run(main())
    typer.echo(f"{counted(runner.written)} written, {runner.refused:,} refused, {runner.buffer.messages:,} left")
    for each in refused[:10]:
        typer.echo(f"  {each.detail}", err=True)
    if kept.is_file():
        typer.echo(f"  what was refused is in {kept}", err=True)
    if runner.buffer.messages:
        typer.echo(f"  {problem or runner.last_error or f'not done within {format_duration(seconds)}'}", err=True)
    if runner.buffer.messages or refused:
        raise typer.Exit(1)


def _private(path: str, flags: int) -> int:
    """Open a file that only its owner reads."""
    return os.open(path, flags, 0o600)


def _directories(directory: Path) -> list[Path]:
    """Return the buffers in a directory, or the directory itself if it is one."""
    if (directory / FILE_NAME).exists():
        return [directory]
    return sorted(file.parent for file in directory.glob(f"*/{FILE_NAME}"))


def _directory(name: str, path: Path | None) -> Path:
    """Find a buffer by its name, or a part of it that only one has."""
    directory = path or buffers_directory()
    known = _directories(directory)
    found = [each for each in known if each.name == name] or [each for each in known if name in each.name]
    if len(found) != 1:
        names = ", ".join(each.name for each in known) or "none"
        raise ConfigError(
            f"{'no' if not found else 'more than one'} buffer {name!r} in {directory}; there are: {names}"
        )
    return found[0]


def _look(directory: Path) -> _Found:
    lock = DirectoryLock(directory, "buffer", _ADVICE)
    pid = None
    try:
        lock.acquire()
    except LockedError as error:
        pid = error.pid or 0
    except ConfigError as error:
        return _Found(directory, Totals(), None, 0, str(error))
    damaged = len(list(directory.glob("*damaged-*")))
    try:
        return _Found(directory, BatchFile.peek(directory), pid, damaged, "")
    except CannotSave as error:
        return _Found(directory, Totals(), pid, damaged, str(error))
    finally:
        lock.release()


@contextlib.contextmanager
def _opened(name: str, path: Path | None) -> Iterator[BatchFile]:
    directory = _directory(name, path)
    lock = DirectoryLock(directory, "buffer", _ADVICE)
    lock.acquire()
    file = BatchFile(directory, "interval", Packer(read_fields))
    try:
        file.open()
        yield file
    finally:
        file.close()
        lock.release()


def _batches(file: BatchFile) -> Iterator[list[Message]]:
    last = 0
    while rows := file.read(last, _READ_MESSAGES, _READ_BYTES):
        last = rows[-1].id
        for row in rows:
            yield row.messages
