"""The journal's export format: fields of every form, cut anywhere, bounded; and what becomes of an entry."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from gelf_listener.codec import Batch, Receipt
from gelf_listener.codec.journal.entries import take_entry
from gelf_listener.codec.journal.export import MAX_FIELDS, Entry, ExportParser
from gelf_listener.errors import Reason, Rejected
from gelf_listener.message import Message

NOW = 1795914000.0


def receipt() -> Receipt:
    return Receipt("journal", None, NOW, Batch())


def export(*entries: dict[str, Any]) -> bytes:
    """Write entries as the journal does: what has a line end, or is bytes, with its length."""
    parts = []
    for entry in entries:
        for name, value in entry.items():
            if isinstance(value, bytes) or "\n" in value:
                data = value if isinstance(value, bytes) else value.encode()
                parts.append(name.encode() + b"\n" + struct.pack("<Q", len(data)) + data + b"\n")
            else:
                parts.append(f"{name}={value}\n".encode())
        parts.append(b"\n")
    return b"".join(parts)


def parse(data: bytes, step: int = 0, max_entry_bytes: int = 4096) -> tuple[list[Entry], Receipt, ExportParser]:
    parser, took = ExportParser(max_entry_bytes), receipt()
    found: list[Entry] = []
    for at in range(0, len(data), step or len(data) or 1):
        found += parser.feed(data[at : at + (step or len(data))], took)
        assert parser.pending_bytes <= 2 * max_entry_bytes + (step or len(data))
    last = parser.finish(took)
    return [*found, last] if last is not None else found, took, parser


def read(**fields: Any) -> Message:
    took = receipt()
    (entry,), _, _ = parse(export(fields))
    take_entry(entry, b"raw", took)
    (message,) = took.batch.messages
    return message


@pytest.mark.parametrize("step", [0, 1, 3])
def test_entries(step: int) -> None:
    """Lines, values with line ends, binary values, values with an equals sign, and none at all."""
    entries: list[dict[str, Any]] = [
        {"__CURSOR": "s=1;i=1", "MESSAGE": "one", "EMPTY": ""},
        {"MESSAGE": "two\nlines\n\nof text", "BINARY": b"\0\xff=\n", "NOTHING": b""},
        {"MESSAGE": "three"},
    ]
    for data in (export(*entries), export(*entries)[:-1], b"\n\n" + export(*entries) + b"\n"):
        found, took, _ = parse(data, step)
        assert [{name: value.decode("latin-1") for name, value in entry} for entry in found] == [
            {name: value.decode("latin-1") if isinstance(value, bytes) else value for name, value in entry.items()}
            for entry in entries
        ]
        assert took.batch.rejected == []


@pytest.mark.parametrize("step", [0, 1, 50])
@pytest.mark.parametrize("long", ["x" * 5000, b"x\n" * 2500, "x\n" * 2500])
def test_a_long_entry_is_rejected_once_and_skipped(step: int, long: Any) -> None:
    """Those before and after it are taken, and nothing of it is held."""
    data = export({"MESSAGE": "before"}, {"MESSAGE": "a", "LONG": long, "B": "b", "AGAIN": long}, {"MESSAGE": "after"})
    found, took, _ = parse(data, step)
    assert [dict(entry)["MESSAGE"] for entry in found] == [b"before", b"after"]
    assert [rejected.reason for rejected in took.batch.rejected] == [Reason.FRAME_TOO_LARGE]


@pytest.mark.parametrize("step", [0, 1, 50])
@pytest.mark.parametrize("kind", [str, bytes])
def test_an_entry_at_the_limit(step: int, kind: type) -> None:
    """One byte more is too long."""
    for size, count in ((4096 - 3, 1), (4096 - 2, 0)):
        value = "x" * size if kind is str else b"x" * (size - 1) + b"\n"
        found, took, _ = parse(export({"A": value}), step)
        assert (len(found), len(took.batch.rejected)) == (count, 1 - count)


def test_too_many_fields() -> None:
    """As many as systemd-journal-remote takes, and no more."""
    fields = {f"F{number}": "" for number in range(MAX_FIELDS)}
    found, took, _ = parse(export(fields, {"A": "after"}), 0, 1 << 20)
    assert (len(found), took.batch.rejected) == (2, [])
    found, took, _ = parse(export({**fields, "MORE": ""}, {"A": "after"}), 0, 1 << 20)
    assert (len(found), [rejected.reason for rejected in took.batch.rejected]) == (1, [Reason.FRAME_TOO_LARGE])


@pytest.mark.parametrize(
    "data",
    [
        b"A\n" + struct.pack("<Q", 1 << 63) + b"x\n",
        b"A\n" + struct.pack("<Q", 2) + b"xxxx\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 500,
        b"x" * 5000,
        b"N" * 65 + b"=x\n\n",
        b"N" * 65 + b"\n" + struct.pack("<Q", 1) + b"x\n\n",
    ],
)
@pytest.mark.parametrize("step", [0, 1])
def test_what_is_not_the_format(data: bytes, step: int) -> None:
    """Ends the upload: nobody can tell where the next entry begins."""
    with pytest.raises(Rejected) as caught:
        parse(data, step)
    assert caught.value.reason is Reason.UNEXPECTED_PROTOCOL


def test_an_end_in_the_middle() -> None:
    """Is counted; what was whole before it is taken."""
    for data in (b"MESSAGE=cut", b"MESSAGE\n" + struct.pack("<Q", 100) + b"cut", b"MESSAGE\n\1"):
        found, took, _ = parse(export({"MESSAGE": "whole"}) + data)
        assert len(found) == 1
        assert [rejected.reason for rejected in took.batch.rejected] == [Reason.FRAME_TRUNCATED]


def test_names_that_cannot_be_fields() -> None:
    """They are left out, as the journal does."""
    found, _, _ = parse(b"=x\nA B=x\n" + b"N" * 64 + b"=x\nCAF\xc3\x89=x\nMESSAGE=m\n\n")
    assert found == [[("N" * 64, b"x"), ("MESSAGE", b"m")]]


# What becomes of an entry


def test_a_message() -> None:
    """Text, time, level, host, program, and fields by their names."""
    message = read(
        __CURSOR="s=1",
        __REALTIME_TIMESTAMP="1795913000123456",
        __MONOTONIC_TIMESTAMP="1",
        _HOSTNAME="web-1",
        _TRANSPORT="journal",
        PRIORITY="4",
        SYSLOG_IDENTIFIER="shop",
        _PID="4711",
        _COMM="python3",
        _SYSTEMD_UNIT="shop.service",
        CODE_FILE="app.py",
        TRACE_ID="4bf9",
        MESSAGE="stock is low",
        ORDER="17",
        USER_ID="42",
    )
    assert (message.short_message, message.level, message.host) == ("stock is low", 4, "web-1")
    assert message.timestamp == 1795913000.123456
    assert message.fields == {
        "application_name": "shop", "process_id": "4711", "comm": "python3", "systemd_unit": "shop.service",
        "transport": "journal", "code_file": "app.py", "trace_id": "4bf9", "ORDER": "17", "USER_ID": "42",
    }  # fmt: skip


def test_an_entry_that_is_sent_again_has_the_same_id() -> None:
    """Of its cursor; another has another, and ids sort by time."""
    first, again = (read(__CURSOR="s=1;i=1", __REALTIME_TIMESTAMP="1795913000000000", MESSAGE="x") for _ in range(2))
    other = read(__CURSOR="s=1;i=2", __REALTIME_TIMESTAMP="1795913001000000", MESSAGE="x")
    assert first.id == again.id
    assert first.id < other.id
    assert read(MESSAGE="x").id != read(MESSAGE="x").id


def test_levels() -> None:
    """The priority counts, but for what a service printed, whose text may know better; and in JSON."""
    text = "2026-11-29 00:43:20 ERROR no"
    assert read(MESSAGE=text, PRIORITY="6", _TRANSPORT="journal").level == 6
    assert read(MESSAGE=text, PRIORITY="6", _TRANSPORT="stdout").level == 3
    assert read(MESSAGE="plain", PRIORITY="6", _TRANSPORT="stdout").level == 6
    assert read(MESSAGE='{"level":"warn","msg":"x"}', PRIORITY="6", _TRANSPORT="journal").level == 4
    for priority in ("8", "-1", "x", ""):
        assert read(MESSAGE="plain", PRIORITY=priority).level is None


def test_texts_and_traces() -> None:
    """Of several lines, with a trace behind it or in a field, not UTF-8, or none."""
    assert read(MESSAGE="a\n  b").short_message == "a\n  b"
    message = read(MESSAGE='failed\nTraceback (most recent call last):\n  File "x"\nValueError: no', PRIORITY="3")
    assert message.short_message == "failed"
    assert (message.full_message or "").endswith("ValueError: no")
    message = read(MESSAGE="failed", CODE_TRACEBACK="Traceback\n  x\nE: no\n", EXCEPTION_TEXT="no")
    assert (message.full_message, message.fields) == ("Traceback\n  x\nE: no", {"EXCEPTION_TEXT": "no"})
    assert read(MESSAGE=b"caf\xe9").short_message == "caf\ufffd"
    assert read(MESSAGE="x", DUMP=b"\xff\0").fields == {"DUMP": "/wA="}
    assert read(_COMM="x", COREDUMP_PID="7").short_message == "(an entry without a MESSAGE)"


def test_a_field_that_comes_several_times() -> None:
    """All its values are kept."""
    took = receipt()
    (entry,), _, _ = parse(b"MESSAGE=a\nMESSAGE=b\nTAG=x\nTAG=y\nTAG=z\n\n")
    take_entry(entry, b"raw", took)
    (message,) = took.batch.messages
    assert (message.short_message, message.fields["TAG"]) == ("a", '["x","y","z"]')


def test_an_entry_without_fields_of_its_own() -> None:
    """Addresses alone are not a message."""
    took = receipt()
    (entry,), _, _ = parse(export({"__CURSOR": "s=1", "__REALTIME_TIMESTAMP": "1"}))
    take_entry(entry, b"raw", took)
    assert [rejected.reason for rejected in took.batch.rejected] == [Reason.NO_MESSAGE]
