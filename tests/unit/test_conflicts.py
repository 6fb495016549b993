"""Conflicts: what a Graylog's index would lose, told of all inputs' messages, within bounds."""

from __future__ import annotations

import json
from typing import Any

from gelf_listener.codec import Batch, GelfDecoder
from gelf_listener.conflicts import Conflicts, Samples
from gelf_listener.message import Message, Peer

PEER = Peer("192.0.2.1", 4000)


def decoded(host: str, at: float = 1000.0, **fields: Any) -> Message:
    """A message as the lenient mode makes it."""
    batch = Batch()
    document = {"version": "1.1", "host": host, "short_message": "m"} | {f"_{k}": v for k, v in fields.items()}
    GelfDecoder("lenient", "in").decode(json.dumps(document).encode(), at, PEER, batch)
    return batch.messages[0]


def plain(host: str, fields: dict[str, Any], at: float = 1000.0) -> Message:
    """A message of an input that takes no GELF."""
    return Message(at, host, "m", None, None, b"text", at, "in", PEER, False, None, fields, ())


def said(conflicts: Conflicts) -> list[tuple[str, int]]:
    return [(str(each.conflict), each.messages) for each in conflicts.found()]


def test_a_number_and_a_text() -> None:
    """Whoever sends second loses, however often."""
    conflicts = Conflicts()
    conflicts.saw([decoded("a", user=5)])
    conflicts.saw([decoded("b", user="bob"), decoded("b", user="eve"), decoded("c", user=6)])
    assert said(conflicts) == [
        (
            "field `user` was a number in messages of a and a text in those of b: a Graylog index keeps only the first kind",
            2,
        )
    ]
    assert conflicts.found()[0].last_seen == 1000.0


def test_dates() -> None:
    """A text that looks like a date makes a field of dates."""
    conflicts = Conflicts()
    conflicts.saw([decoded("a", due="2024-05-01"), decoded("b", due="n/a"), decoded("b", due="2024-05-02T10:00:00Z")])
    assert [(each.conflict.kept.value, each.conflict.lost.value) for each in conflicts.found()] == [
        ("a date", "a text")
    ]


def test_what_graylog_sees_counts() -> None:
    """An object is a text there, a boolean nothing; a name of a level loses the message in every index."""
    conflicts = Conflicts()
    conflicts.saw([decoded("a", ctx={"id": 5}), decoded("a", ctx="x"), decoded("a", ok=True), decoded("a", ok="yes")])
    assert said(conflicts) == []
    batch = Batch()
    GelfDecoder("lenient").decode(b'{"host":"a","short_message":"m","level":"WARN"}', 1000.0, PEER, batch)
    conflicts.saw(batch.messages)
    assert [each.conflict.field for each in conflicts.found()] == ["level"]


def test_messages_that_are_no_gelf() -> None:
    """Are compared by the fields that were made of them."""
    conflicts = Conflicts()
    conflicts.saw([plain("a", {"code": 5}), plain("b", {"code": "E5"})])
    assert [(each.conflict.kept_sender, each.conflict.lost_sender) for each in conflicts.found()] == [("a", "b")]


def test_bounds() -> None:
    """A flood is looked at by samples, and what is remembered is bounded."""
    conflicts = Conflicts(most=3)
    for number in range(5):
        at = 1000.0 + number
        conflicts.saw([decoded("a", at, **{f"f{number}": 1}), decoded("b", at, **{f"f{number}": "x"})])
    assert sorted(each.conflict.field for each in conflicts.found()) == ["f2", "f3", "f4"]
    flood = [decoded("c", 2000.0, f4="y")] * 5000
    conflicts.saw(flood)
    conflicts.saw(flood)
    assert 0 < next(each.messages for each in conflicts.found() if each.conflict.field == "f4") < 250
    conflicts.saw([decoded("c", 2000.5, **{f"x{n}": 1}) for n in range(300)])
    conflicts.saw([decoded("d", 2001.0, f2="z")])
    assert next(each for each in conflicts.found() if each.conflict.field == "f2").conflict.lost_sender == "d"


def test_samples_of_other_processes() -> None:
    """Are chosen there, as many as one process looks at, and looked at here."""
    looked: list[int] = []
    samples = Samples(lambda chosen: looked.append(len(chosen)))
    for second in (1000.0, 1001.0):
        for _ in range(20):
            samples.saw([decoded("a", at=second)] * 1000)
    assert sum(looked) == 400
    assert max(looked) <= 32
    conflicts = Conflicts()
    conflicts.look([decoded("a", user=5), decoded("b", user="bob")])
    assert [each.messages for each in conflicts.found()] == [1]
