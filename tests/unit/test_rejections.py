"""Rejections: counted always, kept for a while, logged now and then."""

from __future__ import annotations

import zlib

import pytest

from gelf_listener.errors import EXCERPT_BYTES, Reason, Rejected
from gelf_listener.message import Peer
from gelf_listener.rejections import Rejections


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def rejection(number: int = 0, input: str = "in") -> Rejected:
    return Rejected(Reason.NO_MESSAGE, f"number {number}", b"payload", peer=Peer("1.2.3.4", 5), input=input)


def test_counts() -> None:
    """By input and reason."""
    made = Rejections()
    made.add(rejection())
    made.add(rejection())
    made.add(rejection(input="other"))
    assert made.counts == {("in", "no_message"): 2, ("other", "no_message"): 1}
    assert made.total == 3


def test_keeps_the_last_ones() -> None:
    """At the limit all, over it the newest; the counts go on."""
    made = Rejections(keep=3)
    for number in range(3):
        made.add(rejection(number))
    assert [kept.detail for kept in made.recent] == ["number 0", "number 1", "number 2"]
    made.add(rejection(3))
    assert [kept.detail for kept in made.recent] == ["number 1", "number 2", "number 3"]
    assert made.total == 4


def test_keeps_no_payloads() -> None:
    """An excerpt and the whole size, and nothing that a traceback would hold."""
    made = Rejections()
    try:
        try:
            zlib.decompress(b"nothing")
        except zlib.error:
            raise Rejected(Reason.INVALID_JSON, "bad", bytes(10_000))  # noqa: B904
    except Rejected as error:
        made.add(error)
    (kept,) = made.recent
    assert (len(kept.payload), kept.payload_bytes) == (EXCERPT_BYTES, 10_000)
    assert kept.__traceback__ is kept.__context__ is None


def test_logs_once_in_ten_seconds(caplog: pytest.LogCaptureFixture) -> None:
    """A flood of garbage is not a flood of log lines; the next line says how many there were."""
    clock = Clock()
    made = Rejections(clock=clock)
    for number in range(5):
        made.add(rejection(number))
    clock.now += 9.99
    made.add(rejection(5))
    assert len(caplog.records) == 1
    assert caplog.messages[0] == "rejected no_message from 1.2.3.4:5: number 0: b'payload'"
    clock.now += 0.01
    made.add(rejection(6))
    assert caplog.messages[1] == "rejected no_message from 1.2.3.4:5: number 6: b'payload' (5 more since the last line)"
    clock.now += 10
    made.add(rejection(7))
    assert "more" not in caplog.messages[2]


def test_a_payload_cannot_forge_log_lines(caplog: pytest.LogCaptureFixture) -> None:
    """Line ends and escapes of a peer come out as text, and not much of it."""
    Rejections().add(Rejected(Reason.INVALID_JSON, "bad", b"\n\x1b[31mroot logged in\r" + b"x" * 500))
    assert "\n" not in caplog.messages[0]
    assert "\x1b" not in caplog.messages[0]
    assert len(caplog.messages[0]) < 300
    assert "from unknown" in caplog.messages[0]


def test_those_of_another_process(caplog: pytest.LogCaptureFixture) -> None:
    """Are counted and kept, and were logged there."""
    made = Rejections(keep=3)
    made.add(rejection(0))
    caplog.clear()
    made.counted({("in", "no_message"): 7, ("other", "invalid_json"): 1}, [rejection(number) for number in range(5, 8)])
    assert made.counts == {("in", "no_message"): 8, ("other", "invalid_json"): 1}
    assert [kept.detail for kept in made.recent] == ["number 5", "number 6", "number 7"]
    assert caplog.text == ""
