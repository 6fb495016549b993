"""What a real Graylog 7.0.1 did with 354 payloads and 93 pairs of values, and what the `graylog` mode does."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gelf_listener.codec import Batch, GelfDecoder
from gelf_listener.codec.graylog_index import FieldKind, GraylogIndex, accepts, kind_of
from gelf_listener.codec.lint import lint
from gelf_listener.errors import Reason
from gelf_listener.message import Peer
from gelf_listener.notes import Deviation
from tests.graylog_vectors import document, entries, payload, same

NOW = 1_800_000_000.25
PEER = Peer("192.0.2.7", 40000)
EXCEPTIONS = {
    "x_surr": "a lone surrogate is U+FFFD here: nothing that writes UTF-8 can pass it on",
    "new_us_full_num": "full_message is always a text here; Graylog keeps the number a client sent as _full_message",
}
TYPES = {
    FieldKind.LONG: {"type": "long"},
    FieldKind.FLOAT: {"type": "float"},
    FieldKind.DATE: {"type": "date"},
    FieldKind.SLASH_DATE: {"type": "date", "format": "yyyy/MM/dd HH:mm:ss||yyyy/MM/dd||epoch_millis"},
    FieldKind.TEXT: {"type": "keyword"},
}
CODEC = [pytest.param(entry, id=entry["name"]) for entry in entries("codec")]
CONFLICTS = [pytest.param(entry, id=entry["name"]) for entry in entries("conflicts")]


def stored(entry: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what Graylog stored of a payload, over whatever transport takes it."""
    for recorded in (entry.get("udp"), entry["tcp"], entry["http"]["stored"]):
        if isinstance(recorded, list):
            return recorded
    raise AssertionError(entry["name"])


def decode(*payloads: bytes, type_conflicts: Any = "note") -> Batch:
    batch = Batch()
    decoder = GelfDecoder("graylog", "test", type_conflicts=type_conflicts)
    for each in payloads:
        decoder.decode(each, NOW, PEER, batch)
    return batch


@pytest.mark.parametrize("entry", CODEC)
def test_payload(entry: dict[str, Any]) -> None:
    """A payload is stored as Graylog stored it, or rejected where Graylog lost it."""
    recorded, batch = stored(entry), decode(payload(entry))
    ours = [document(message) for message in batch.messages]
    alike = len(ours) == len(recorded) and all(same(*pair) for pair in zip(recorded, ours, strict=True))
    assert alike != (entry["name"] in EXCEPTIONS), (recorded, ours, batch.rejected)
    assert len(batch.rejected) == 1 - len(ours)


@pytest.mark.parametrize("entry", CODEC)
def test_what_lint_claims(entry: dict[str, Any]) -> None:
    """What `lint` says of a Graylog is what happened there, for every payload."""
    verdict, recorded = lint(payload(entry), PEER), stored(entry)
    assert len(verdict.stored) == len(recorded), verdict.lines()
    lines = "\n".join(verdict.lines())
    if not recorded:
        assert not verdict.clean
        assert any(f"Graylog {loses}" in lines for loses in ("rejects", "never indexes", "loses")), lines
        return
    assert not any(f"Graylog {loses} it" in lines for loses in ("rejects", "loses")), lines
    for note in verdict.notes:
        claim, name = note.deviation.graylog, note.field.removeprefix("_")
        assert not claim.startswith(("rejects the message", "never indexes")), note
        if claim == "drops the field":
            assert name not in recorded[0], note
        elif claim == "stores its JSON text":
            assert isinstance(recorded[0].get(name, ""), (str, dict)), note


@pytest.mark.parametrize("entry", CONFLICTS)
def test_pair_of_values(entry: dict[str, Any]) -> None:
    """The second of two messages is lost exactly where the index lost it, and the field gets the same kind."""
    payloads = []
    for value in (entry["first"], entry["second"]):
        if isinstance(value, dict) and "<long text>" in value:
            value = value["<long text>"]["starts"][0] * value["<long text>"]["characters"]
        payloads.append(value)
    sent = [b'{"version":"1.1","host":"h","short_message":"m","_x":' + _json(value) + b"}" for value in payloads]
    batch = decode(*sent, type_conflicts="reject")
    lost = [not entry["first_lost"], not entry["second_lost"]]
    assert len(batch.messages) == sum(lost)
    assert {rejected.reason for rejected in batch.rejected} <= {Reason.REFUSED_BY_INDEX}
    kept = iter(batch.messages)
    values = [next(kept).fields.get("x") if came else None for came in lost]
    assert same(dict(enumerate(entry["stored"])), dict(enumerate(values)))
    first = next((value for value in values if value is not None), None)
    assert entry["mapped"] == (None if first is None else TYPES[kind_of(first)])


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()


def test_a_conflict_is_noted_by_default() -> None:
    """Without `type_conflicts=reject` both messages are kept, and the second says what an index would do."""
    one = b'{"version":"1.1","host":"a","short_message":"m","_status":200}'
    two = b'{"version":"1.1","host":"b","short_message":"m","_status":"n/a"}'
    first, second = decode(one, two).messages
    assert Deviation.TYPE_CONFLICT not in [note.deviation for note in first.notes]
    (found,) = [note for note in second.notes if note.deviation is Deviation.TYPE_CONFLICT]
    assert found.detail == (
        "field `status` was a number in messages of a and a text in those of b: a Graylog index keeps only the first kind"
    )


def test_a_lost_message_teaches_nothing() -> None:
    """The index learns from stored messages only: the text in `b` of the lost one makes no text of it."""
    template = b'{"version":"1.1","host":"h","short_message":"m",%s}'
    parts = (b'"_a":1', b'"_a":"x","_b":"x"', b'"_b":1', b'"_b":"x"')
    batch = decode(*[template % part for part in parts], type_conflicts="reject")
    assert [message.fields for message in batch.messages] == [{"a": 1}, {"b": 1}]


def test_the_index_is_bounded() -> None:
    """A flood of names is forgotten, not remembered, and names that are known keep their kind."""
    index = GraylogIndex(most=5)
    for number in range(100):
        assert index.take({f"f{number}": number}, "h") == ("", [])
    assert len(index) == 5
    assert index.take({"f99": "text"}, "h") == ("", [])
    (conflict,) = index.take({"f0": "text"}, "x" * 1000).conflicts
    assert len(conflict.lost_sender) == 255
    assert index.take({"n" * 1000: 1}, "h") == ("", [])


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("2024", FieldKind.TEXT),
        ("2024-06", FieldKind.DATE),
        ("2024T10", FieldKind.DATE),
        ("2024-06-03T10:00:00,5+0200", FieldKind.DATE),
        ("2024-06-03T10:00:00Europe/Berlin", FieldKind.DATE),
        ("2024-06-03T10:00:00UTC+02:00", FieldKind.DATE),
        ("2024-06-03T10:00:00GMT+2", FieldKind.TEXT),
        ("2024-06-03T10:00:00EST", FieldKind.TEXT),
        ("2024-06-03T10:00:00+18:01", FieldKind.TEXT),
        ("2024-06-03T24:00:00Z", FieldKind.TEXT),
        ("2024-06-03Z", FieldKind.TEXT),
        ("-0001-01-01", FieldKind.DATE),
        ("+12024-06-03", FieldKind.DATE),
        ("2023-02-29", FieldKind.TEXT),
        ("2024/06/03 10:00", FieldKind.TEXT),
        ("2024/06/03 23:59:59", FieldKind.SLASH_DATE),
        ("0000/01/01", FieldKind.TEXT),
    ],
)
def test_dates_are_detected(text: str, kind: FieldKind) -> None:
    """As OpenSearch detects them, asked value by value."""
    assert kind_of(text) is kind


@pytest.mark.parametrize(
    ("kind", "taken", "lost"),
    [
        (
            FieldKind.LONG,
            ["+5", ".5", "1e18", "٥", "9223372036854775807.9", 9.2e18],
            [" 5", "5d", "1e19", "0x1", 9.3e18],
        ),
        (FieldKind.FLOAT, [" 5 ", "5d", "0x1p3", "1e19", 3.40282356e38], ["٥", "5L", "NaN", "1e39", 3.4028236e38]),
        (
            FieldKind.DATE,
            ["5", "-5.", "1.5", "2024", 1.5, 0.001, 5],
            ["+5", "1e3", 1e7, 0.0001, -(2**63), "10000-01-01"],
        ),
        (FieldKind.SLASH_DATE, ["2024/06/03", "2024", 1.5], ["2024-06-03", "2024/13/03", "2024/6/3"]),
        (FieldKind.TEXT, ["x", 5, 1.5], []),
    ],
)
def test_what_a_field_takes(kind: FieldKind, taken: list[Any], lost: list[Any]) -> None:
    """As OpenSearch takes it, asked value by value."""
    assert [value for value in taken if not accepts(kind, value)] == []
    assert [value for value in lost if accepts(kind, value)] == []


@pytest.mark.parametrize(
    ("fields", "refused"),
    [
        ({"a": "x" * 32766}, False),
        ({"a": "x" * 32767}, True),
        ({"a": "\U0001f600" * 8192}, True),
        ({"full_message": "x" * 40000}, False),
        ({"a": 3.40282356e38}, False),
        ({"a": 3.4028236e38}, True),
        ({"": 1}, True),
        ({"_version": 1}, True),
        ({"_doc_count": 1}, False),
        ({"_doc_count": 0}, True),
        ({"gl2_original_timestamp": "2024-06-03 10:00:00.000"}, False),
        ({"gl2_original_timestamp": "2024-06-03T10:00:00.000Z"}, True),
        ({"a": "2024/02/30"}, True),
        ({f"f{number}": 1 for number in range(983)}, False),
        ({f"f{number}": 1 for number in range(984)}, True),
    ],
)
def test_what_any_index_refuses(fields: dict[str, Any], refused: bool) -> None:
    """At each limit, and one beyond."""
    assert bool(GraylogIndex().take(fields, "h").refusal) is refused
