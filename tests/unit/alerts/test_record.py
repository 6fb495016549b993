"""What a look makes of what is remembered: notices once, reminders, silence, new values."""

from __future__ import annotations

from typing import Any

from gelf_listener.alerts.conditions import Look
from gelf_listener.alerts.definition import Alert
from gelf_listener.alerts.record import Record


def alert(**more: Any) -> Alert:
    return Alert.from_values({"name": "a", "more_than": 5, "to": ["ops"]} | more, "test")


def states(record: Record) -> list[str]:
    return [notice["state"] for notice in record.pending]


def test_a_notice_when_it_begins_and_one_when_it_ends() -> None:
    """However often it is looked at, and through a restart."""
    record, watched = Record(), alert()
    assert record.looked(watched, Look(False, 0), 10)
    assert not record.looked(watched, Look(False, 3), 20)
    assert record.looked(watched, Look(True, 9), 30)
    for now in (40, 50):
        assert not record.looked(watched, Look(True, 8), now)
    record = Record.of(record.document() | {"of a later version": 1})
    assert not record.looked(watched, Look(True, 8), 60)
    assert record.looked(watched, Look(False, 1), 90)
    assert not record.looked(watched, Look(False, 1), 100)
    begin, end = record.pending
    assert begin["text"] == "alert a: 9 messages in 5m, 5 is the limit"
    assert end["text"] == "alert a is over after 1m: 1 message in 5m, 5 is the limit"
    assert [begin["state"], end["state"]] == ["firing", "ok"]
    assert [(each["at"], each["state"]) for each in record.history] == [(30, "firing"), (90, "ok")]


def test_reminders() -> None:
    record, watched = Record(), alert(remind="1h")
    for now in (0, 1800, 3599, 3600, 5000, 7200):
        record.looked(watched, Look(True, 9), now)
    assert states(record) == ["firing", "reminder", "reminder"]


def test_silence() -> None:
    """Nothing is said; what still fires afterwards is said then, and an end that nobody knows of is none."""
    record, watched = Record(), alert()
    record.silence(100, 0)
    record.looked(watched, Look(True, 9), 10)
    assert (record.state(10), states(record)) == ("silenced", [])
    record.looked(watched, Look(True, 9), 100)
    assert (record.state(100), states(record)) == ("firing", ["firing"])
    record.silence(300, 110)
    record.looked(watched, Look(False, 1), 120)
    assert states(record) == ["firing"]
    record.looked(watched, Look(True, 9), 130)
    record.looked(watched, Look(False, 1), 140)
    record.silence(0, 150)
    assert (record.state(150), states(record)) == ("ok", ["firing"])
    assert "silence ended" in [each["state"] for each in record.history]


def test_a_store_that_cannot_answer() -> None:
    """Changes nothing else: what fires still fires, and nobody is told twice."""
    record, watched = Record(), alert()
    record.looked(watched, Look(True, 9), 10)
    assert record.failed("away", 20)
    assert not record.failed("still away", 30)
    assert (record.state(30), record.unknown, record.firing) == ("unknown", "still away", True)
    assert record.looked(watched, Look(True, 9), 40)
    assert (record.state(40), states(record)) == ("firing", ["firing"])


def test_new_values() -> None:
    """What the first look sees is known; a new one fires for a window."""
    record, watched = Record(), alert(more_than=None, new_value_of="version", window="1m")
    record.looked(watched, Look(False, 2, ["1.0", 2]), 0)
    record.looked(watched, Look(False, 2, ["1.0", "2"]), 10)
    assert not record.firing
    record.looked(watched, Look(False, 3, ["1.0", "3.0"]), 20)
    assert (record.firing, record.text) == (True, "new values of version: 3.0")
    record.looked(watched, Look(False, 3, ["1.0", "3.0"]), 79)
    assert record.firing
    record.looked(watched, Look(False, 3, ["1.0", "3.0"]), 80)
    assert (record.firing, states(record)) == (False, ["firing", "ok"])
    record.looked(watched, Look(False, 3, ["3.0"]), 90)
    assert not record.firing


def test_what_is_kept_is_bounded() -> None:
    record, watched = Record(), alert(more_than=None, new_value_of="id", window="1s")
    for now in range(300):
        record.looked(watched, Look(False, 20, [f"{now}-{n}" * 100 for n in range(20)]), 2 * now)
        record.looked(watched, Look(False, 0), 2 * now + 1)
    assert len(record.history) <= 100
    assert len(record.pending) <= 20
    assert record.known is not None
    assert len(record.known) <= 1000
    assert len(str(record.document())) < 256 * 1024
