"""The section in the report of a failed test: readable, bounded, harmless."""

from __future__ import annotations

from gelf_listener.errors import Reason, Rejected
from gelf_listener.message import Message, Peer
from gelf_listener.testing.report import rejected_line, report


def logged(text: str, full: str | None = None, **fields: str) -> Message:
    return Message(1_700_000_000.0, "web", text, full, 3, b"{}", 0.0, _fields=dict(fields))


def test_nothing_is_nothing() -> None:
    """No section for a test that received nothing."""
    assert report([], []) == ""


def test_messages_in_order_with_traceback() -> None:
    """One line each, a traceback below its message."""
    lines = report([logged("first", a="1"), logged("second", "second\nTraceback\n  boom")], []).splitlines()
    assert lines[0].endswith("ERROR  web first  a=1")
    assert lines[1].endswith("ERROR  web second")
    assert lines[2:] == ["    Traceback", "      boom"]


def test_the_latest_are_shown() -> None:
    """A hundred of them, and how many came before."""
    lines = report([logged(f"m{number}") for number in range(103)], []).splitlines()
    assert lines[0] == "(3 earlier messages)"
    assert lines[1].endswith(" m3")
    assert lines[-1].endswith(" m102")
    assert len(lines) == 101
    assert len(report([logged(f"m{number}") for number in range(100)], []).splitlines()) == 100


def test_rejections_follow() -> None:
    """The latest twenty."""
    rejections = [Rejected(Reason.EMPTY_PAYLOAD, f"d{number}", peer=Peer("::1", 7)) for number in range(21)]
    lines = report([], rejections).splitlines()
    assert lines[0] == "rejected (1 earlier ones):"
    assert lines[1] == "    empty_payload from [::1]:7: d1: b''"
    assert len(lines) == 21


def test_a_section_is_bounded() -> None:
    """However long messages are; what is cut is told."""
    messages = [logged("x" * 5000, "y" * 50_000, **{f"f{n}": "z" * 5000 for n in range(20)}) for _ in range(100)]
    text = report(messages, [])
    assert len(text) < 66_000
    assert text.startswith("(")
    assert "characters before)…" in text


def test_a_rejection_is_one_harmless_line() -> None:
    """Its payload is an excerpt, its detail cut."""
    line = rejected_line(Rejected(Reason.INVALID_JSON, "\x1b\u202e" + "d" * 9000, b"\x00" * 5000))
    assert line.startswith("invalid_json from unknown: \\x1b\\u202e")
    assert line.endswith("'…")
    assert len(line) < 1200
    assert line.isprintable()
