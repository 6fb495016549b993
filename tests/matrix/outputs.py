"""Outputs: what each registered one writes to a stand-in for its server, read by what its format says."""

from __future__ import annotations

import contextlib
import logging
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from gelf_listener.codec.gelf.field_columns import field_columns_of
from gelf_listener.codec.gelf.lenient import read_fields
from gelf_listener.message import Message
from gelf_listener.outputs import Output
from gelf_listener.plugins import INPUT_GROUP, OUTPUT_GROUP, load
from gelf_listener.query.nodes import MatchAll
from gelf_listener.store.parameters import EVERYTHING, Sort
from gelf_listener.store.tantivy_store import TantivyStore
from gelf_listener.testing.contracts import run
from tests.matrix.losses import (
    EVENT_TIME,
    LARGE_FLOATS,
    LARGE_INTEGERS,
    LOGGING_FULL_TEXT,
    NUL,
    ONE_TEXT,
    ONLY_TEXTS,
    PYTHON_LEVELS,
    SERVICE_NAME,
    SYSLOG_DEFAULTS,
    SYSLOG_HOST,
    SYSLOG_NAMES,
    SYSLOG_PROCESS,
    Loss,
)
from tests.matrix.meaning import Meaning, meaning_of
from tests.matrix.readers import (
    read_event,
    read_gelf,
    read_index,
    read_loki,
    read_loki_texts,
    read_otlp,
    read_packed,
    read_record,
    read_syslog,
    read_webhook,
)
from tests.unit.outputs.conftest import replaced
from tests.unit.outputs.destinations import (
    ForwardDestination,
    ListenerDestination,
    WebDestination,
    bulk_answer,
)
from tests.unit.outputs.web import Asked, answer

__all__ = ["OUTPUTS", "Destination", "Row", "expected", "parts_of", "written"]


_MOST_SECONDS, _STEP_SECONDS = 20.0, 0.005


class Destination(NamedTuple):
    """A stand-in for a server that has started."""

    settings: dict[str, Any]
    """Of the output: where it is."""

    found: Callable[[], Sequence[Meaning]]
    """Returns what it has, in the order of arrival, as far as there is one."""


class Row(NamedTuple):
    """An output in the matrix."""

    scheme: str
    open: Callable[[Path], AbstractContextManager[Destination]] | None
    """Opens the stand-in; None where only a real server is one (tests/services/test_matrix.py)."""

    page: str
    """Its page in docs/outputs."""

    losses: tuple[Loss, ...] = ()
    settings: dict[str, Any] = {}
    same: tuple[str, ...] = ()
    """Schemes of classes derived from it: the same with TLS."""


@contextlib.contextmanager
def _listener(scheme: str, read: Callable[[bytes], Meaning]) -> Iterator[Destination]:
    """Stand in with our own input, of whose messages only the bytes are taken."""
    plugin: Any = load(INPUT_GROUP, scheme)
    with ListenerDestination(lambda: plugin(plugin.Settings(host="127.0.0.1", port=0))) as opened:
        where = {"host": "127.0.0.1", "port": opened.port}
        yield Destination(where, lambda: [read(message.raw) for message in opened.messages])


def _to_listener(scheme: str, read: Callable[[bytes], Meaning]) -> Callable[[Path], Any]:
    return lambda _: _listener(scheme, read)


@contextlib.contextmanager
def _web(read: Callable[[Asked], Sequence[Meaning]], say: Callable[[Asked], bytes]) -> Iterator[Destination]:
    with WebDestination(read, say) as opened:
        yield Destination({"host": "127.0.0.1", "port": opened.port}, opened.found)


def _to_web(
    read: Callable[[Asked], Sequence[Meaning]], say: Callable[[Asked], bytes] = lambda _: answer(200)
) -> Callable[[Path], Any]:
    return lambda _: _web(read, say)


@contextlib.contextmanager
def _fluentd(_: Path) -> Iterator[Destination]:
    def found() -> list[Meaning]:
        return [read_event(at, record) for at, record in opened.events]

    with ForwardDestination() as opened:
        yield Destination({"host": "127.0.0.1", "port": opened.port}, found)


@contextlib.contextmanager
def _store(folder: Path) -> Iterator[Destination]:
    async def stored() -> list[Message]:
        store = TantivyStore(folder / "store", read_fields)
        await store.open()
        order = Sort("gl2_message_id", descending=False)
        messages = (await store.search(MatchAll(), EVERYTHING, limit=10_000, sort=order)).messages
        await store.close()
        return list(messages)

    yield Destination({"path": str(folder / "store")}, lambda: [meaning_of(message) for message in run(stored())])


@contextlib.contextmanager
def _file(folder: Path) -> Iterator[Destination]:
    path = folder / "app.jsonl"
    yield Destination({"path": str(path)}, lambda: [read_gelf(line) for line in path.read_bytes().splitlines()])


@contextlib.contextmanager
def _standard_output(folder: Path) -> Iterator[Destination]:
    path = folder / "out"
    fd = os.open(path, os.O_WRONLY | os.O_CREAT)
    with replaced(1, fd):
        yield Destination({}, lambda: [read_gelf(line) for line in path.read_bytes().splitlines()])
    os.close(fd)


class _Keeper(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@contextlib.contextmanager
def _logger(_: Path) -> Iterator[Destination]:
    """The root logger of a process without others: a message finds the logger it names, whoever made that one."""
    keeper, root = _Keeper(), logging.getLogger()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(root.manager, "loggerDict", {})
        patch.setattr(root, "level", logging.DEBUG)
        root.addHandler(keeper)
        try:
            yield Destination({}, lambda: [read_record(each) for each in keeper.records if hasattr(each, "gelf_id")])
        finally:
            root.removeHandler(keeper)


_SYSLOG_LOSSES = (SYSLOG_DEFAULTS, SYSLOG_PROCESS, ONE_TEXT, ONLY_TEXTS, SYSLOG_HOST, SYSLOG_NAMES)

_ROWS = (
    Row("gelf+udp", _to_listener("gelf+udp", read_gelf), "gelf"),
    Row("gelf+tcp", _to_listener("gelf+tcp", read_gelf), "gelf", same=("gelf+tls",)),
    Row("gelf+http", _to_listener("gelf+http", read_gelf), "gelf", same=("gelf+https",)),
    Row("webhook+http", _to_web(read_webhook), "webhook", same=("webhook+https",)),
    Row("file", _file, "file"),
    Row("console", _standard_output, "console"),
    Row("store", _store, "store"),
    Row("opensearch+http", _to_web(read_index, bulk_answer), "opensearch", same=("opensearch+https",)),
    Row("store+opensearch+http", _to_web(read_packed, bulk_answer), "store", same=("store+opensearch+https",)),
    Row("loki+http", _to_web(read_loki, lambda _: answer(204)), "loki", same=("loki+https",)),
    Row(
        "loki+http",
        _to_web(read_loki_texts, lambda _: answer(204)),
        "loki",
        (ONE_TEXT, ONLY_TEXTS),
        {"line": "message", "metadata": True},
    ),
    Row("otlp+http", _to_web(read_otlp), "otlp", (SERVICE_NAME, LARGE_INTEGERS), same=("otlp+https",)),
    Row("forward", _fluentd, "forward", (EVENT_TIME,), same=("forward+tls",)),
    Row("syslog+udp", _to_listener("syslog+udp", read_syslog), "syslog", _SYSLOG_LOSSES, {"max_bytes": 65507}),
    Row("syslog+tcp", _to_listener("syslog+tcp", read_syslog), "syslog", _SYSLOG_LOSSES, same=("syslog+tls",)),
    Row("logging", _logger, "logging", (PYTHON_LEVELS, LOGGING_FULL_TEXT)),
    Row("amqp", None, "amqp"),
    Row("kafka", None, "kafka"),
    Row("nats", None, "nats"),
    Row("redis", None, "redis"),
    Row("postgresql", None, "postgresql", (NUL, LARGE_FLOATS)),
)
OUTPUTS = {" ".join((row.scheme, *row.settings)): row for row in _ROWS}
"""By scheme, and names of settings where they are not the defaults."""


def written(name: str, batches: Sequence[Sequence[Message]], folder: Path) -> list[list[Meaning]]:
    """
    Write batches, one after another, by an output of `OUTPUTS` to a stand-in, and return what that has of each.

    Args:
        name: Of the row.
        batches: Of messages.
        folder: An empty one, for files.
    """
    row = OUTPUTS[name]
    assert row.open is not None
    with row.open(folder) as destination:
        plugin: Any = load(OUTPUT_GROUP, row.scheme)
        output = plugin(plugin.Settings(**destination.settings, **row.settings))
        if hasattr(output, "open_fields"):
            output.open_fields = read_fields
        if hasattr(output, "read_columns"):
            output.read_columns = field_columns_of
        return parts_of(output, destination.found, batches)


def parts_of(
    output: Output, found: Callable[[], Sequence[Meaning]], batches: Sequence[Sequence[Message]]
) -> list[list[Meaning]]:
    """Write batches, one after another, and return what was found of each at the destination."""

    async def write() -> None:
        await output.start()
        try:
            for batch in batches:
                await output.write(batch)
        finally:
            await output.close()

    run(write())
    arrived = iter(_complete(found, sum(map(len, batches))))
    return [list(islice(arrived, len(batch))) for batch in batches]


def _complete(found: Callable[[], Sequence[Meaning]], total: int) -> Sequence[Meaning]:
    """Return what was found once it is all there: what has no acknowledgement may still be on its way."""
    end = time.monotonic() + _MOST_SECONDS
    while len(arrived := found()) < total and time.monotonic() < end:
        time.sleep(_STEP_SECONDS)
    assert len(arrived) == total
    return arrived


def expected(messages: Sequence[Message], name: str) -> list[Meaning]:
    """Return what the destination of an output of `OUTPUTS` has of messages: all, but for what its page says."""
    meanings = [meaning_of(message) for message in messages]
    for loss in OUTPUTS[name].losses:
        meanings = [loss.of(meaning) for meaning in meanings]
    return meanings
