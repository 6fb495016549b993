"""What a real Graylog 7.0.1 stored of 78 syslog lines, over UDP and TCP, and what `mode=graylog` stores."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from gelf_listener.codec import Batch, FramedSession, Receipt
from gelf_listener.codec.framing.syslog_frames import SyslogFramer
from gelf_listener.codec.syslog.decoder import SyslogOptions
from gelf_listener.codec.syslog.graylog import GraylogSyslog
from gelf_listener.errors import Reason
from gelf_listener.message import Peer
from tests.graylog_vectors import document, entries, payload, same

NOW = dt.datetime(2026, 11, 15, 12, tzinfo=dt.UTC).timestamp()
"""In the year of the recording, which dates without one got."""

PEER = Peer("192.0.2.7", 514)
LINES = [pytest.param(entry, id=entry["name"]) for entry in entries("syslog")]
OPTIONS = SyslogOptions(zone=dt.UTC)


def decode(line: bytes, options: SyslogOptions = OPTIONS) -> Batch:
    batch = Batch()
    GraylogSyslog("test", options).decode_all([(line, PEER)], NOW, batch)
    return batch


def check(batch: Batch, recorded: list[dict[str, Any]]) -> None:
    ours = [document(message) for message in batch.messages]
    assert len(ours) == len(recorded), batch.rejected
    for theirs, our in zip(recorded, ours, strict=True):
        assert same(theirs, our), (theirs, our)


@pytest.mark.parametrize("entry", LINES)
def test_datagram(entry: dict[str, Any]) -> None:
    """A line is stored to the letter, or lost where Graylog lost it."""
    check(decode(payload(entry)), entry["udp"])


@pytest.mark.parametrize("entry", LINES)
def test_stream(entry: dict[str, Any]) -> None:
    """The same by TCP, where a newline ends the message."""
    batch = Batch()
    receipt = Receipt("test", PEER, NOW, batch)
    FramedSession(SyslogFramer(), GraylogSyslog("test", OPTIONS)).feed(payload(entry) + b"\n", receipt)
    check(batch, entry["udp"] if entry["tcp"] == "same" else entry["tcp"])


@pytest.mark.parametrize(
    ("line", "stored"),
    [
        ("<165>1 - H A P M - text", {"source": "P", "application_name": "M", "message": "text"}),
        ("<165>1 2024-05-01T10:00:00Z H A P", {"source": "H", "application_name": "A", "message": "P"}),
        ('<165>1 2024-05-01T10:00:00Z H A P M [x c="d"]', {"c": "d", "message": 'M [x c="d"]'}),
        ('<165>1 2024-05-01T10:00:00Z H A P M [x c="d" ] text', {"message": 'M [x c="d" ] text'}),
        ('<165>1 2024-05-01T10:00:00Z H A P M [x c="a\\\\\\]b"] text', {"c": "a]b", "message": "text"}),
        ('<165>1 2024-05-01T10:00:00Z H A P M [x a="1"][x b="2"] t', {"b": "2", "message": "t"}),
        ("<13>May 1 10:00:00 web1 app: x", {"source": "web1", "timestamp": "2026-05-01 10:00:00.000"}),
        ("<13>May 32 25:00:00 web1 app", {"timestamp": "2026-06-02 01:00:00.000"}),
        ("<13>Dec 31 23:59:59: web1 app", {"source": "<address of the sender>", "message": "web1 app"}),
        ("<-1>hello world", {"level": 7, "facility_num": -1, "source": "hello"}),
        ("<1234>hello world", {"level": -1, "message": "<1234>hello world"}),
        ("<189>123: *May  1 10:00:00 EDT: %A-1-B: t", {"timestamp": "2026-05-01 14:00:00.000", "message": "%A-1-B: t"}),
        ("<189>123: host1: May  1 10:00:00: %A-1-B: t", {"source": "host1:", "message": "May  1 10:00:00: %A-1-B: t"}),
        ("<189>123: May  1 2024 10:00:00 UTC: %A-1-B: t", {"source": "UTC:", "timestamp": "2024-05-01 10:00:00.000"}),
        ("<13>May  1 10:00:0: web1 app", {"source": "May", "message": "May  1 10:00:0: web1 app"}),
        ("<13>May  1 10: 00:00 web1 app", {"message": "web1 app", "timestamp": "2026-05-01 10:00:00.000"}),
        ("<13>May  1 10:0:00 web1 app: x", {"message": "eb1 app: x", "source": "eb1"}),
        ("<165>1 2024-05-01T0:00.5Z H A P M text", {"timestamp": "2024-05-01 00:00:30.000", "source": "H"}),
        ("<165>1 2024-122T10:00:00Z H A P M text", {"timestamp": "2024-05-01 10:00:00.000"}),
        ("<165>1 24-5-1T10:00:00Z H A P M text", {"source": "H", "message": "M text"}),
        ("<165>1 2024-0:00 web a", {"source": "2024-0:00", "application_name": "web", "message": "a"}),
        ("<165>1 2024-05-01T10:00:00Z H \tA P\n M text", {"application_name": "A", "process_id": "P"}),
        ('<189>date=2024-05-01 time=10:00:00 devname="F 1" msg="a b"', {"source": "F 1", "msg": "a b"}),
    ],
)
def test_quirk(line: str, stored: dict[str, Any]) -> None:
    """As Graylog's own codec answered."""
    (message,) = decode(line.encode()).messages
    found = document(message)
    assert {name: found.get(name) for name in stored} == stored


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"", Reason.EMPTY_PAYLOAD),
        (b"<13>", Reason.EMPTY_PAYLOAD),
        (b"<13>2024-05-01T99:00:00Z web1 app", Reason.INVALID_TIMESTAMP),
        (b"<13>1714557600 web1 app", Reason.INVALID_TIMESTAMP),
        (b"<13>2024-05-01T10:00:00+92:00 web1 app", Reason.INVALID_TIMESTAMP),
        (b"<13>2024-366T10:00:00Z web1 app", None),
        (b"<13>2023-366T10:00:00Z web1 app", Reason.INVALID_TIMESTAMP),
        (b"<189>date=bad time=10:00:00 devname=F", Reason.INVALID_TIMESTAMP),
        (b'<165>1 2024-05-01T10:00:00Z H A P M [x level="WARN"] text', Reason.REFUSED_BY_INDEX),
        (b"<13>May  1 10:00:00 web1 " + b"x" * 10 + b'<165>1 - - - - - [x a="' + b"y" * 40000 + b'"] t', None),
        (b'<165>1 2024-05-01T10:00:00Z H A P M [x a="' + b"y" * 40000 + b'"] t', Reason.REFUSED_BY_INDEX),
    ],
)
def test_what_is_lost(line: bytes, reason: Reason | None) -> None:
    """A rejection says why; a long text is only lost in a field."""
    assert [rejected.reason for rejected in decode(line).rejected] == ([] if reason is None else [reason])


@pytest.mark.parametrize(
    "line",
    [
        b"<165>1 2024-05-01T10:00:00Z H A P M [x" + b'  a="1"' * 8000 + b" !",
        b"<165>1 2024-05-01T10:00:00Z H A P M " + b"[x]" * 20000 + b"[",
        b"<189>date=" + b"a" * 60000,
        b"<189>date=x " + b'a="' * 20000,
        b"<13>" + b" " * 60000 + b"x",
    ],
)
def test_hostile_lines_are_cheap(line: bytes) -> None:
    """Nothing backtracks: what takes milliseconds would take longer than anybody waits otherwise."""
    batch = decode(line)
    assert len(batch.messages) + len(batch.rejected) == 1


def test_options() -> None:
    """The options of Graylog's input."""
    options = OPTIONS._replace(store_full_message=True, expand_structured_data=True, allow_override_date=False)
    line = b'<165>1 2024-05-01T10:00:00Z H A P M [x c="d"] text'
    (message,) = decode(line, options).messages
    assert message.fields["x_c"] == "d"
    assert message.full_message == line.decode()
    (rejected,) = decode(b"<13>hello world", options).rejected
    assert rejected.reason is Reason.INVALID_TIMESTAMP
