"""
Host: a store in a process of its own, so that it can be killed in the middle of anything.

Requests and answers are pickled, each with its length before it, over standard input and output: what the process that
started it makes, and nothing else.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import pickle
import signal
import struct
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple

from gelf_listener.codec.gelf.lenient import read_fields
from gelf_listener.errors import ConfigError, QueryError, Retry
from gelf_listener.message import Message
from gelf_listener.store.answers import Missing
from gelf_listener.store.indexer_process import IndexerProcess
from gelf_listener.store.parameters import EVERYTHING, Sort
from gelf_listener.store.tantivy_store import TantivyStore
from tests.unit.store.contract import node

__all__ = ["Answer", "Host", "HostIsGone"]

ROOT = Path(__file__).parents[4]
_LENGTH = struct.Struct(">I")


class Answer(NamedTuple):
    """
    What a request gave.

    Attributes:
        value: What the store returned; None if it raised something.
        error: The name of what it raised, and its text; empty when it did not.
        missing: What the store said that the answer lacks.
        evicted: How many messages retention has deleted since it was opened.
    """

    value: Any
    error: str
    missing: Missing
    evicted: int


class HostIsGone(Exception):
    """The process ended before it answered."""


class Host:
    """
    The process, as the test has it.

    Args:
        path: The store's directory.
        settings: Of `TantivyStore`.
        now: What its clock says, UTC Unix seconds.
        log: Where it writes what it logs.
    """

    def __init__(self, path: Path, settings: dict[str, Any], now: float, log: IO[bytes]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.unit.store.model.host"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._to, self._from = self._process.stdin, self._process.stdout
        _send(self._to, (path, settings, now))

    def send(self, request: str, *arguments: Any) -> None:
        """Ask for something, and do not wait for the answer."""
        try:
            _send(self._to, (request, arguments))
        except OSError:
            raise HostIsGone from None

    def receive(self) -> Answer:
        """Wait for an answer."""
        answer = _receive(self._from)
        if answer is None:
            raise HostIsGone
        assert isinstance(answer, Answer)
        return answer

    def ask(self, request: str, *arguments: Any) -> Answer:
        """Ask for something and wait for the answer."""
        self.send(request, *arguments)
        return self.receive()

    def kill(self) -> None:
        """End it as the kernel does; its indexer sees that by itself."""
        self._process.kill()
        self.wait()

    def wait(self) -> int:
        """Wait for its end, and return its status."""
        status = self._process.wait(300)
        for pipe in (self._to, self._from):
            with contextlib.suppress(OSError):
                pipe.close()
        return status


def _send(pipe: IO[bytes], value: object) -> None:
    data = pickle.dumps(value)
    pipe.write(_LENGTH.pack(len(data)) + data)
    pipe.flush()


def _receive(pipe: IO[bytes]) -> Any:
    head = pipe.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    data = pipe.read(*_LENGTH.unpack(head))
    return pickle.loads(data)


class _Served:
    """What a host answers: the store's own methods, and what a test needs beside them."""

    def __init__(self, store: TantivyStore, clock: Callable[[float], None]) -> None:
        self.store = store
        self.set_clock = clock
        self._made: list[Message] = []

    async def open(self) -> None:
        await self.store.open()

    async def ids(self, messages: list[Message]) -> list[str]:
        """Take a batch, and say which ids it has: `add` gives it to the store."""
        self._made = messages
        return [message.id for message in messages]

    async def add(self) -> None:
        await self.store.add(self._made)

    async def everything(self) -> list[Message]:
        """Return all messages in receive order."""
        batches = self.store.scan(node(), EVERYTHING, sort=Sort("gl2_receive_timestamp", descending=False))
        return [message async for batch in batches for message in batch]

    async def scan(self, *arguments: Any) -> list[Message]:
        return [message async for batch in self.store.scan(*arguments[:2], sort=arguments[2]) for message in batch]

    async def page(self, query: Any, span: Any, limit: int, offset: int, sort: Sort) -> Any:
        hits = await self.store.search(query, span, limit=limit, offset=offset, sort=sort)
        return hits.total, list(hits.messages)

    async def retain(self) -> None:
        await self.store._in(self.store._adding, self.store._retain)

    async def clock(self, now: float) -> None:
        self.set_clock(now)

    async def kill_indexer(self) -> bool:
        indexer = self.store._indexes.indexer
        if not isinstance(indexer, IndexerProcess) or indexer.pid is None:
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(indexer.pid, signal.SIGKILL)
        return True

    async def together(self, *requests: tuple[str, tuple[Any, ...]]) -> list[Any]:
        """Do several things at the same time; what goes wrong with one is in its place."""
        return await asyncio.gather(*(self.answer(*each) for each in requests))

    async def answer(self, request: str, arguments: Sequence[Any]) -> Answer:
        value, error = None, ""
        own = getattr(self, request, None)
        try:
            value = await (own or getattr(self.store, request))(*arguments)
        except (Retry, QueryError, ConfigError) as found:
            error = f"{type(found).__name__}: {found}"
        return Answer(value, error, self.store.missing(), self.store.evicted)


async def _serve(orders: IO[bytes], answers: IO[bytes]) -> None:
    path, settings, now = _receive(orders)
    at = [now]
    store = TantivyStore(path, read_fields, clock=lambda: at[0], **settings)
    served = _Served(store, lambda now: at.__setitem__(0, now))
    loop = asyncio.get_running_loop()
    while (order := await loop.run_in_executor(None, _receive, orders)) is not None:
        answer = await asyncio.create_task(served.answer(*order))
        await loop.run_in_executor(None, _send, answers, answer)


def main() -> None:
    orders, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    asyncio.run(_serve(orders, answers))


if __name__ == "__main__":
    from tests.unit.store.model import host  # the same classes for both halves

    host.main()
