"""Odd values: whatever stands where a client usually sends something else, the decoder answers and goes on."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import msgpack
import pytest

from gelf_listener.codec import Batch, GelfDecoder, Receipt
from gelf_listener.codec.elasticsearch.bulk import parse_bulk, take_documents
from gelf_listener.codec.forward.session import ForwardLimits, ForwardSession
from gelf_listener.codec.gelf.lenient import LenientGelf
from gelf_listener.codec.hec.events import split_events, take_event
from gelf_listener.codec.inflater import Inflater
from gelf_listener.codec.loki.push import decode_push
from gelf_listener.codec.otlp.export import Signal, export
from gelf_listener.codec.text.bodies import foreign_record
from gelf_listener.codec.text.lines import LineDecoder
from gelf_listener.codec.text.logrecord import LogRecords
from gelf_listener.errors import Rejected
from gelf_listener.message import Peer

NOW = 1_796_000_000.0
PEER = Peer("192.0.2.1", 5000)

ODD = (
    *('"NaN"', '"-Infinity"', "NaN", "1e400", "-1e400", '"1e400"', "1e308", "5e-324", "-0.0", "-1", '"-1"', '"1_000"'),
    *("1" + "0" * 24, '"1' + "0" * 24 + '"', "1" + "0" * 400, '"' + "9" * 400 + '"', "18446744073709551616"),
    *("253402300800", "253402300800000000000", '"9999-12-31T23:59:59.999999999Z"', '"0000-00-00T00:00:00Z"'),
    *(
        '"2026-11-30T10:00:00+99:99"',
        '"²"',
        '"٣"',
        '""',
        '" "',
        '"-"',
        '"a\\nb"',
        '"\\u0000"',
        '"\\ud800"',
        '"\\u2028"',
    ),
    *(
        "true",
        "null",
        "[]",
        "{}",
        "[[[]]]",
        '[null, 1, "x", {"a": []}]',
        '{"": {"": ""}}',
        '"{\\"message\\": \\"x\\"}"',
    ),
    *('{"seconds": 1e300, "nanos": "x"}', '{"seconds": 1, "nanos": 1' + "0" * 400 + "}", '{"$date": "x"}', '"{"'),
)
"""JSON of values that stand where none of their kind is expected."""

_RECORD = {
    "message": "boom",
    "level": "error",
    "time": "2026-11-30T10:00:00Z",
    "host": {"name": "web"},
    "log": {"level": "error", "logger": "shop"},
    "stream": "stderr",
    "source": "stderr",
    "container_id": "abc",
    "timestamp": {"seconds": 1796000000, "nanos": 5},
    "error": {"message": "x", "stack_trace": "E: x\n\tat a.b(C.java:1)", "frames": [{"file": "a", "line": 1}]},
    "exception": [{"exc_type": "E", "exc_value": "x", "frames": [{"filename": "a", "lineno": 1, "name": "f"}]}],
    "kubernetes": {"pod_name": "p", "labels": {"app": "x"}},
    "tags": ["a", 1],
}
_ATTRIBUTE = {"key": "a", "value": {"kvlistValue": {"values": [{"key": "b", "value": {"intValue": "5"}}]}}}
_DOCUMENTS: dict[str, Any] = {
    "gelf": {"version": "1.1", "host": "h", "short_message": "x", "timestamp": 1.5, "level": 3, "_a": {"b": [1]}},
    "foreign": _RECORD,
    "record": {"name": "shop", "msg": "%s x", "args": ["a"], "levelno": 40, "created": 1.5, "exc_info": None},
    "line": _RECORD,
    "docker": {"log": json.dumps(_RECORD) + "\n", "stream": "stderr", "time": "2026-11-30T10:00:00.123456789Z"},
    "bulk": _RECORD,
    "hec": {"event": _RECORD, "time": 1796000000.5, "host": "h", "fields": {"a": 1}, "source": "s"},
    "hec line": {"event": {"line": "x", "source": "stdout", "tag": "t"}, "time": "1796000000.5"},
    "loki": {"streams": [{"stream": {"app": "x"}, "values": [["1796000000000000000", "x", {"trace_id": "1"}]]}]},
    "otlp": {
        "resourceLogs": [
            {
                "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]},
                "scopeLogs": [
                    {
                        "scope": {"name": "x"},
                        "logRecords": [
                            {
                                "timeUnixNano": "1796000000000000000",
                                "severityNumber": 17,
                                "severityText": "ERROR",
                                "body": {"stringValue": "x"},
                                "traceId": "0af7651916cd43dd8448eb211c80319c",
                                "flags": 1,
                                "attributes": [_ATTRIBUTE],
                            }
                        ],
                    }
                ],
            }
        ]
    },
}


def paths(value: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Every place of a value, itself included."""
    yield path
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in parts:
        yield from paths(part, (*path, key))


def put(value: Any, path: tuple[str | int, ...], new: object) -> object:
    """A copy with another value at a place."""
    if not path:
        return new
    if isinstance(value, dict):
        return {key: put(part, path[1:], new) if key == path[0] else part for key, part in value.items()}
    return [put(part, path[1:], new) if index == path[0] else part for index, part in enumerate(value)]


def _gelf(data: bytes, batch: Batch) -> None:
    GelfDecoder("lenient", "in", foreign=foreign_record).decode(data, NOW, PEER, batch)


def _record(data: bytes, batch: Batch) -> None:
    LogRecords(LenientGelf("in")).decode(data, NOW, PEER, batch)


def _line(data: bytes, batch: Batch) -> None:
    decoder = LineDecoder("here", 6)
    decoder.feed(data + b"\n", NOW, batch)
    decoder.feed_eof(NOW, batch)


def _bulk(data: bytes, batch: Batch) -> None:
    receipt = Receipt("in", PEER, NOW, batch)
    take_documents(parse_bulk(b'{"create":{}}\n' + data + b"\n", "logs"), receipt)


def _hec(data: bytes, batch: Batch) -> None:
    receipt = Receipt("in", PEER, NOW, batch)
    for value, raw in split_events(data):
        take_event(value, raw, {}, receipt)


def _loki(data: bytes, batch: Batch) -> None:
    for _ in decode_push(data, Receipt("in", PEER, NOW, batch), is_json=True, tenant=""):
        pass


def _otlp(data: bytes, batch: Batch) -> None:
    for _ in export(Signal.LOGS, data, Receipt("in", PEER, NOW, batch), is_json=True, events=True):
        pass


_DECODERS: dict[str, Callable[[bytes, Batch], None]] = {
    "gelf": _gelf,
    "foreign": _gelf,
    "record": _record,
    "line": _line,
    "docker": _line,
    "bulk": _bulk,
    "hec": _hec,
    "hec line": _hec,
    "loki": _loki,
    "otlp": _otlp,
}


@pytest.mark.parametrize("name", _DOCUMENTS)
def test_of_json(name: str, caplog: pytest.LogCaptureFixture) -> None:
    """Nothing is raised but a rejection, and no decoder had to be saved from a bug."""
    caplog.set_level(logging.ERROR)
    mark = "in its place"
    for path in paths(_DOCUMENTS[name]):
        text = json.dumps(put(_DOCUMENTS[name], path, mark))
        for odd in ODD:
            batch = Batch()
            try:
                _DECODERS[name](text.replace(f'"{mark}"', odd).encode(), batch)
            except Rejected:
                continue
            for message in batch.messages:
                message.short_message.encode()
                message.host.encode()
                assert message.fields is not None
            assert caplog.records == [], (path, odd)


_VALUES: tuple[object, ...] = (
    *(None, True, -1, 2**64 - 1, -(2**63), float("inf"), float("nan"), "", "x", "9" * 400, b"", b"\xff\xfe", [], {}),
    *([[[]]], {"": {"": ""}}, {1: 2}, {None: 1}, {b"\xff": 1}, "\u2028", '{"level": "error", "msg": "x"}', "gzip"),
    *(
        msgpack.ExtType(0, b""),
        msgpack.ExtType(0, b"\xff" * 8),
        msgpack.ExtType(0, b"\0" * 7),
        msgpack.ExtType(5, b"x"),
    ),
    *(msgpack.Timestamp(0, 0), msgpack.Timestamp(2**63 - 1, 999_999_999), {"a": msgpack.ExtType(0, b"\0" * 8)}),
)
_TIME = msgpack.ExtType(0, b"\x6b\x0d\x49\x20\0\0\0\x05")
_EVENTS: tuple[list[object], ...] = (
    ["tag", 1796000000, _RECORD | {"log": "x ERROR y", "source": "stderr"}],
    ["tag", _TIME, _RECORD, {"chunk": "abc", "size": 1}],
    ["tag", [[_TIME, _RECORD], [1796000000.5, _RECORD]], {"chunk": "x"}],
    ["tag", [[[_TIME, {"meta": 1}], {"message": "x"}]], {"size": 1}],
    ["tag", msgpack.packb([_TIME, {"message": "x"}]) * 2, {"chunk": "x", "size": 2, "compressed": "text"}],
)


@pytest.mark.parametrize("event", _EVENTS)
def test_of_messagepack(event: list[object], caplog: pytest.LogCaptureFixture) -> None:
    """On a connection of the forward protocol what comes behind it is read, or the connection is given up for a reason."""
    caplog.set_level(logging.ERROR)
    last = msgpack.packb(["tag", 1796000000, {"message": "last"}])
    for path in paths(event):
        for value in _VALUES:
            session, receipt = ForwardSession(ForwardLimits(4096), Inflater(65_536)), Receipt("in", PEER, NOW, Batch())
            try:
                session.feed(msgpack.packb(put(event, path, value)) + last, receipt)
                while session.has_more:
                    session.feed(b"", receipt)
            except Rejected:
                continue
            assert [message.short_message for message in receipt.batch.messages][-1:] == ["last"], (path, value)
            assert caplog.records == [], (path, value)
