"""Lint: what deviates, and what a Graylog would do with it."""

from __future__ import annotations

import json
import zlib
from pathlib import Path

import pytest

from gelf_listener.codec.lint import lint
from gelf_listener.errors import Reason
from gelf_listener.message import Peer
from gelf_listener.notes import Deviation

CLEAN = {"version": "1.1", "host": "h", "short_message": "m", "timestamp": 1700000000.5, "_a": "b", "_n": 1}


def labels(payload: bytes) -> set[str]:
    return {note.deviation.label for note in lint(payload).notes}


@pytest.mark.parametrize("pack", [bytes, zlib.compress], ids=["plain", "zlib"])
def test_clean(pack: object) -> None:
    """A clean message gives no lines, compressed or not."""
    verdict = lint(pack(json.dumps(CLEAN).encode()))  # type: ignore[operator]
    assert verdict.clean
    assert verdict.lines() == []
    assert verdict.stored[0].fields == {"a": "b", "n": 1}


def test_spaces_and_empty_values() -> None:
    """Values that Graylog trims or drops are named by their keys, though decoding keeps them."""
    verdict = lint(json.dumps(CLEAN | {"_empty": "", "_blank": " ", "_padded": " x", "_fine": "x y"}).encode())
    assert [(note.deviation, note.field) for note in verdict.notes] == [
        (Deviation.EMPTY_VALUE, "_empty"),
        (Deviation.EMPTY_VALUE, "_blank"),
        (Deviation.SURROUNDING_SPACE, "_padded"),
    ]
    assert set(verdict.stored[0].fields) == {"a", "n", "padded", "fine"}


def test_what_graylog_drops() -> None:
    """What both modes say of a field is said once."""
    verdict = lint(json.dumps(CLEAN | {"_ok": True, "_a b": 1, "_c.d": 2}).encode())
    assert [note.deviation.label for note in verdict.notes] == ["field_name", "dotted_name", "boolean"]
    assert any("Graylog drops the field" in line for line in verdict.lines())


def test_lines() -> None:
    """What is wrong, then what Graylog does, the client's likely bug, and the fix."""
    assert lint(json.dumps(CLEAN | {"timestamp": 1700000000500}).encode()).lines() == [
        "timestamp: timestamp is not in seconds (milli-, micro- or nanoseconds) (it was in milliseconds)",
        "    Graylog takes it for seconds: the message is in the far future, or lost after the year 9999",
        "    likely bug: it sends what Date.now() or System.currentTimeMillis() gives",
        "    fix: send seconds since the Unix epoch, with decimals",
        "Graylog loses it: timestamp 1700000000500 lies after the year 9999: Graylog would never index the message",
    ]


def test_a_blank_host_is_said_once() -> None:
    """It is more than an empty value: Graylog refuses the message."""
    verdict = lint(json.dumps(CLEAN | {"host": " "}).encode())
    assert [note.deviation for note in verdict.notes] == [Deviation.HOST_INVALID]


@pytest.mark.parametrize(
    ("payload", "client", "bug"),
    [
        (b"<14>Nov 27 10:00:00 web app: hello", "syslog (RFC 3164)", "it speaks syslog"),
        (b"hello", "", "it sends plain text"),
        (b'{"short_message": "cut', "", "it writes JSON by hand, cuts it, or sends something else"),
        (b"GET / HTTP/1.1\r\n\r\n", "", "it speaks HTTP"),
        (b"\x16\x03\x01\x02\x00\x01", "", "it speaks TLS, and this port does not"),
        (b'"hello"', "", "it sends a bare text or value"),
    ],
)
def test_what_is_no_gelf(payload: bytes, client: str, bug: str) -> None:
    """Has a likely bug and a fix too."""
    verdict = lint(payload)
    assert verdict.client == client
    assert verdict.lines()[1:3] == ["    Graylog rejects it", f"    likely bug: {bug}"]
    assert verdict.lines()[3].startswith("    fix: ")


def test_the_client_is_guessed() -> None:
    """From what lenient mode made of it, compressed or not."""
    assert lint(zlib.compress(json.dumps(CLEAN | {"_stringLevel": "x"}).encode())).client == "Serilog"
    assert lint(json.dumps(CLEAN).encode()).client == ""


def test_refused_by_graylog_only() -> None:
    """A payload that lenient mode survives and Graylog does not."""
    verdict = lint(json.dumps(CLEAN).encode() + b"\0")
    assert [rejected.reason for rejected in verdict.refused] == [Reason.INVALID_JSON]
    assert verdict.messages
    assert "trailing_bytes" in {note.deviation.label for note in verdict.notes}
    assert not verdict.clean


def test_refused_by_both() -> None:
    """A payload without any message."""
    verdict = lint(b"{}")
    assert [rejected.reason for rejected in verdict.rejected] == [Reason.NO_MESSAGE]
    assert verdict.lines()[0].startswith("refused by both")


def test_a_chunk_alone() -> None:
    """A chunk is not a message, and no mistake either."""
    verdict = lint(b"\x1e\x0f" + b"someid42" + bytes([0, 2]) + b"{", Peer("192.0.2.1", 1))
    assert not verdict.clean
    assert verdict.lines() == ["a chunk: the rest of its message is missing"]


def test_every_vector_can_be_judged() -> None:
    """No payload of any client makes the linter raise, and what deviates has something said about it."""
    for path in (Path(__file__).parents[2] / "vectors" / "codec").glob("*.json"):
        for vector in json.loads(path.read_text()):
            if "payload" in vector:
                verdict = lint(vector["payload"].encode("utf-8", "surrogatepass"))
                assert verdict.clean or verdict.lines(), vector["name"]
