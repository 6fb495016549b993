"""``gelf-listener store``: look after a store that no listener has open."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Literal, TypeVar

import typer

from gelf_listener.codec.gelf.lenient import read_fields
from gelf_listener.commands.progress_bar import ProgressBar
from gelf_listener.directories import state_directory
from gelf_listener.errors import ConfigError
from gelf_listener.message import Message
from gelf_listener.quantities import counted, format_size
from gelf_listener.query import parse
from gelf_listener.rendering.gelf import JsonRenderer
from gelf_listener.store.parameters import EVERYTHING, Sort, Span
from gelf_listener.store.tantivy_store import TantivyStore
from gelf_listener.timeranges import TimeRangeError, parse_instant

T = TypeVar("T")


def info(path: Path | None) -> None:
    """Print how much is stored."""

    async def show(store: TantivyStore) -> None:
        found = await store.info()
        typer.echo(f"{found.location}: {counted(found.messages)}, {format_size(found.bytes)}")
        if found.first is not None and found.last is not None:
            typer.echo(f"from {_time(found.first)} to {_time(found.last)}")
        for each in found.partitions:
            typer.echo(f"  {each.name}  {counted(each.messages):>20}  {format_size(each.bytes):>10}")

    _with_store(path, show)


def compact(path: Path | None) -> None:
    """Give back the room of what was deleted."""

    async def work(store: TantivyStore) -> None:
        before = (await store.info()).bytes
        with ProgressBar("compacting", store.messages) as progress:
            await store.compact(progress.advance)
        after = (await store.info()).bytes
        typer.echo(f"{format_size(before)} before, {format_size(after)} after")

    _with_store(path, work)


def clear(path: Path | None, query: str, since: str, *, yes: bool) -> None:
    """Delete messages, after asking."""
    node, span = parse(query).node, _span(since)

    async def work(store: TantivyStore) -> None:
        messages = await store.count(node, span)
        if messages and not yes:
            typer.confirm(f"Delete {counted(messages)} from {store.path}?", abort=True)
        typer.echo(f"{counted(await store.delete(node, span))} deleted")

    _with_store(path, work)


def export(path: Path | None, query: str, since: str, form: Literal["gelf", "json"], output: Path | None) -> None:
    """Write messages, a line each, the oldest first."""
    node, span = parse(query).node, _span(since)
    render = JsonRenderer(None).render if form == "json" else _gelf
    target = sys.stdout.buffer if output is None else output.open("wb")

    async def work(store: TantivyStore) -> None:
        with ProgressBar("exporting", await store.count(node, span)) as progress:
            async for batch in store.scan(node, span, sort=Sort("timestamp", descending=False)):
                target.write(render(batch))
                progress.advance(len(batch))
            target.flush()

    try:
        _with_store(path, work)
    except BrokenPipeError:  # `| head` has seen enough
        sys.stderr.close()
    finally:
        if output is not None:
            target.close()


def _gelf(batch: Sequence[Message]) -> bytes:
    return b"".join(message.to_gelf() + b"\n" for message in batch)


def _with_store(path: Path | None, work: Callable[[TantivyStore], Awaitable[T]]) -> T:
    """Open a store, work with it, close it."""
    directory = path or state_directory() / "store"
    if not directory.is_dir():
        raise ConfigError(f"there is no store at {directory}; --path names another directory")

    async def main() -> T:
        store = TantivyStore(directory, read_fields)
        await store.open()
        try:
            return await work(store)
        finally:
            await store.close()

    return asyncio.run(main())


def _span(since: str) -> Span:
    if not since:
        return EVERYTHING
    try:
        return Span(parse_instant(since, time.time(), None), None)
    except TimeRangeError as error:
        raise ConfigError(f"--since: {error}") from None


def _time(seconds: float) -> str:
    try:
        return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(seconds))
    except (ValueError, OverflowError, OSError):
        return f"{seconds:g} s"
