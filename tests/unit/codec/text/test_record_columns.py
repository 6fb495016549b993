"""Record columns: records like those before them, read by columns, say what each says when it is read by itself."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gelf_listener.codec.batch import Batch
from gelf_listener.codec.receipt import Receipt
from gelf_listener.codec.text.carried import carried_message
from gelf_listener.codec.text.record_columns import RecordShapes, Said

NOW = 1_795_913_692.5
TEXTS = st.one_of(
    st.sampled_from(
        ("order placed", "", " ", "{}", "a\nb", "ends ", "\tbegins", '"quoted" \\ "text"', "é\u2028", "\x00")
    ),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
)
TIMES = st.sampled_from(
    (
        *(
            "2026-11-29T16:00:00.123Z",
            "2026-11-29T16:00:00Z",
            "2026-11-29 16:00:00,123456+01:00",
            "1970-01-01T00:00:00Z",
        ),
        *("2026-11-29T16:00:00.123456Z", "2026-11-29T16:00:00.654321+00:00", "2026-11-29T16:00:00.1_3456Z"),
        *("2026-11-29T16:00:00.123456789Z", "2026-11-29T16:00:00.1+00:00", "2026-11-29T16:00:00+00:00"),
        *("2026-11-29T16:00:00.1234565Z", "2026-11-29T16:00:00.9999999Z", "2026-11-29T16:00:00.1234567891Z"),
        *("2026-11-29T16:00:00.Z", "2026-11-29T16:00:00.12345678+01:00"),
        *("yesterday", "", 1_795_913_692, 1_795_913_692_123, 1_795_913_692.25, 0, True, "2026-11-29T16:00:00.12Z"),
    )
)
LEVELS = st.sampled_from(("info", "INFO", "warning", "emerg", "7", "", "nobody knows", 6, 30, 30.0, True, 10))
LINES = st.one_of(
    TEXTS,
    st.sampled_from(
        ("2026-11-29 16:00:00,123 ERROR order failed", "[INFO] started", "level=warn msg=hi", "stock is low")
    ),
    st.sampled_from(
        ("E1129 16:00:00.000000 1 a.go:7] x", "Traceback (most recent call last):", "<3>x", "\x1b[31mERROR x")
    ),
)
WITHIN = st.one_of(
    st.fixed_dictionaries(
        {"level": LEVELS, "msg": TEXTS},
        optional={"time": TIMES, "id": st.integers(0, 9), "host": st.just("web-2"), "a/b": st.just("x"), "user": TEXTS},
    ).map(json.dumps),
    st.sampled_from(("{}", '{"a": 1}', '{"level": "info"', '{"level": "info", "msg": "x", "error": "a\\n b\\n c"} ')),
    st.just('{"level": "info", "msg": "outer", "log": "{\\"level\\": \\"warn\\", \\"msg\\": \\"inner\\"}"}'),
)
OFFSETS = st.fixed_dictionaries({"offset": st.integers(0, 9), "file": st.fixed_dictionaries({"path": st.just("a")})})
HOSTS = st.sampled_from(("web-1", "", " ", 7))
SCALARS = st.one_of(
    TEXTS, st.booleans(), st.floats(allow_nan=False, allow_infinity=False), st.integers(-(1 << 64), 1 << 64)
)
OTHERS = st.one_of(
    SCALARS, st.none(), st.lists(st.integers(0, 9), max_size=2), st.dictionaries(TEXTS, SCALARS, max_size=2)
)


@st.composite
def flat(draw: st.DrawFn) -> dict[str, Any]:
    """Records as loggers write them, usual in most respects."""
    names: dict[str, st.SearchStrategy[Any]] = {
        draw(st.sampled_from(("time", "@timestamp", "ts"))): TIMES,
        **draw(st.sampled_from(({"level": LEVELS}, {"severity": LEVELS}, {"log.level": LEVELS}, {}, {"type": LEVELS}))),
        draw(st.sampled_from(("msg", "message", "text", "log"))): TEXTS | WITHIN,
        **draw(st.sampled_from(({}, {"hostname": HOSTS}, {"host": HOSTS}))),
        **draw(st.sampled_from(({}, {"user": SCALARS, "n": SCALARS}, {"user": OTHERS, "a.b": SCALARS}))),
        **draw(st.sampled_from(({}, {"id": SCALARS, "a/b": OTHERS}, {"timestamp": TIMES}, {"date": TIMES}))),
    }
    return {name: draw(values) for name, values in names.items()}


ABSENT = object()


@st.composite
def varied(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Records of one line of code: the same names, of which some have no value now and then, and lists."""
    values: dict[str, st.SearchStrategy[Any]] = {
        "@timestamp": TIMES,
        **draw(st.sampled_from(({"level": LEVELS}, {"severity": LEVELS}, {"log.level": LEVELS}, {"log": OFFSETS}))),
        draw(st.sampled_from(("message", "@m", "text", "log"))): LINES | LINES.map(lambda line: line + "\n") | WITHIN,
        "tags": st.lists(st.one_of(SCALARS, st.none(), st.lists(TEXTS, max_size=1)), min_size=1, max_size=2),
        "error": st.none(),
        "user": SCALARS,
        "n": st.integers(0, 9),
        "method": SCALARS,
        "path": SCALARS,
        "v": st.just(0),
        "time": st.dictionaries(TEXTS, SCALARS, max_size=1) | TIMES,
        "labels": st.fixed_dictionaries({"app.kubernetes.io/name": SCALARS, "id": SCALARS}),
        "id": SCALARS,
        "event": st.dictionaries(st.sampled_from(("dataset", "text")), TEXTS, min_size=1, max_size=2),
        "level.name": TEXTS,
        "hostname": HOSTS,
        "host": HOSTS,
        "http": st.fixed_dictionaries({"status": SCALARS, "of": st.fixed_dictionaries({"a": SCALARS, "b": SCALARS})}),
        "of": st.fixed_dictionaries({"ip": st.just(["::1"]), "a": SCALARS, "nothing": st.just({})}),
    }
    kept = [*list(values)[:3], *draw(st.lists(st.sampled_from(list(values)[3:]), unique=True, max_size=6))]
    rare = draw(st.sampled_from((st.none(), st.just(ABSENT))))

    def one() -> dict[str, Any]:
        said = {name: draw(values[name] if draw(st.integers(0, 5)) else rare) for name in kept}
        return {name: value for name, value in said.items() if value is not ABSENT}

    return [one() for _ in range(draw(st.integers(1, 6)))]


@st.composite
def nested(draw: st.DrawFn) -> dict[str, Any]:
    """Records in objects, as those of ECS are."""
    record = {
        "@timestamp": draw(TIMES),
        "log": draw(st.fixed_dictionaries({"level": LEVELS}) | OFFSETS),
        "message": draw(LINES),
        "host": {"name": draw(HOSTS)},
        "http": {"request": {"method": draw(SCALARS)}, "status": draw(OTHERS)},
    }
    if draw(st.booleans()):
        record[draw(st.sampled_from(("error", "a b", "http.status", "trace", "short_message")))] = draw(OTHERS)
    return record


def told(record: dict[str, Any]) -> tuple[Any, ...]:
    """Return what a record says that is read by itself."""
    message = carried_message(Receipt("input", None, NOW, Batch()), b"", record)
    return (
        *(message.timestamp, message.host, message.short_message, message.full_message, message.level),
        dict(sorted(message.fields.items())),
        message.notes,
    )


def in_columns(said: Said) -> tuple[Any, ...]:
    stored, seconds, host, text, level, values = said
    fields = dict(sorted(dict(zip(stored.behind(()).names, values, strict=True)).items()))
    notes = stored.behind(()).notes
    return NOW if seconds is None else seconds, host or "unknown", text, None, level, fields, notes


@settings(deadline=None, max_examples=100)
@given(st.lists(flat() | nested(), min_size=1, max_size=4), st.lists(flat() | nested(), max_size=20))
def test_they_change_nothing(often: list[dict[str, Any]], some: list[dict[str, Any]]) -> None:
    """Whatever came before, and whatever stands beside it."""
    shapes = RecordShapes()
    records = [*often * 80, *some, *often]
    documents = [json.dumps(record).encode() for record in records]
    for start in range(0, len(records), 16):
        found = shapes.read(documents[start : start + 16], NOW)
        for record, said in zip(records[start:], found, strict=False):
            if said is not None:
                assert in_columns(said) == told(record)


@settings(deadline=None, max_examples=200)
@given(st.data())
def test_neither_do_records_that_lack_something(data: st.DataObject) -> None:
    """Values that are null or missing, and lists."""
    shapes = RecordShapes()
    records = data.draw(varied())
    for record in [*records * 40, *data.draw(varied()), *records]:
        said = shapes.read([json.dumps(record).encode()], NOW)[0]
        if said is not None:
            assert in_columns(said) == told(record)


USUAL = {"@timestamp": "2026-11-29T16:00:00.123Z", "log.level": "info", "message": "order placed", "count": 3}


def taught(record: dict[str, Any]) -> RecordShapes:
    """Shapes that have seen a record often enough."""
    shapes = RecordShapes()
    for _ in range(3):
        shapes.read([json.dumps(record).encode()] * 32, NOW)
    return shapes


def read_one(shapes: RecordShapes, document: bytes) -> Said | None:
    return shapes.read([document], NOW)[0]


def test_a_record_like_those_before_is_read_at_once() -> None:
    """Of other values, in another order, with blanks."""
    said = read_one(taught(USUAL), json.dumps({**dict(reversed(USUAL.items())), "message": "é", "count": 1.5}).encode())
    assert said is not None
    assert said[1:] == (1795968000.123, "", "é", 6, (1.5,))


@pytest.mark.parametrize(
    "other",
    [
        b"",
        b"no JSON",
        b"[]",
        json.dumps({**USUAL, "more": 1}).encode(),
        json.dumps({**USUAL, "message": None}).encode(),
        json.dumps({**USUAL, "log.level": None}).encode(),
        json.dumps({**USUAL, "count": [1]}).encode(),
        json.dumps({**USUAL, "count": {"a": 1}}).encode(),
        json.dumps({**USUAL, "count": 1 << 63}).encode(),
        json.dumps({**USUAL, "message": "two\nlines"}).encode(),
        json.dumps({**USUAL, "message": 5}).encode(),
        json.dumps({**USUAL, "log.level": "?"}).encode(),
        json.dumps({**USUAL, "@timestamp": "?"}).encode(),
        json.dumps({**USUAL, "message": "half \ud83d"}).encode(),
        json.dumps(USUAL).encode()[:-1],
        json.dumps(USUAL).encode() + b"x",
        b"\xff" + json.dumps(USUAL).encode(),
    ],
)
def test_another_record_is_read_by_itself(other: bytes) -> None:
    """What a shape takes as given is different."""
    assert read_one(taught(USUAL), other) is None


def test_a_record_without_a_value_is_read_at_once() -> None:
    """Whether it is null or missing."""
    shapes = taught({**USUAL, "user": "u", "error": None})
    missing = {name: value for name, value in USUAL.items() if name != "count"}
    for record in ({**missing, "user": None, "error": None}, missing, {**missing, "count": None}):
        said = read_one(shapes, json.dumps(record).encode())
        assert said is not None
        assert in_columns(said) == told(record)
        assert said[-1] == ()


def test_records_without_a_level_are_read_at_once() -> None:
    """Their texts say it, or nobody."""
    beat = {
        "@timestamp": "2026-11-29T16:00:00.123Z",
        "log": {"offset": 7},
        "message": "placed",
        "host": {"name": "web-1"},
    }
    shapes = taught(beat)
    for text, level in (("stock is low", None), ("2026-11-29 16:00:00,123 ERROR order failed", 3)):
        said = read_one(shapes, json.dumps({**beat, "message": text}).encode())
        assert said is not None
        assert said[1:5] == (1795968000.123, "web-1", text, level)
        assert in_columns(said) == told({**beat, "message": text})
    for text in ("level=warn msg=hi", "\x1b[31mERROR x", "x\0"):
        assert read_one(shapes, json.dumps({**beat, "message": text}).encode()) is None
    assert read_one(taught({**beat, "type": "error"}), json.dumps({**beat, "type": "error"}).encode()) is None


def test_a_record_in_a_text_is_read_at_once() -> None:
    """As Fluent Bit sends what a service in Kubernetes prints."""
    inner = {"level": "warn", "time": "2026-11-29T16:00:00.5Z", "msg": "stock is low", "id": 7, "n": 1}
    record = {"@timestamp": "2026-11-29T16:00:00.123Z", "log": json.dumps(inner), "n": 2, "kubernetes": {"a/b": "c"}}
    said = read_one(taught(record), json.dumps(record).encode())
    assert said is not None
    stored, seconds, _, text, level, values = said
    assert (text, level, seconds) == ("stock is low", 4, 1_795_968_000.5)
    assert dict(zip(stored.names, values, strict=True)) == {"n": 1, "kubernetes.a_b": "c", "id": 7}
    assert in_columns(said) == told(record)


def test_an_object_that_is_the_text_comes_before_a_record_in_another() -> None:
    """A record in a text is read by itself where an object may be the text."""
    record = {
        "ts": "2026-11-29T16:00:00Z",
        "level": "error",
        "log": '{"level": "warn", "msg": "in"}',
        "event": {"a": 1},
    }
    assert read_one(taught(record), json.dumps(record).encode()) is None


def test_lists_are_read_at_once() -> None:
    """Of any values, in nested records too."""
    shapes = taught({**USUAL, "host": {"ip": ["::1"], "name": "web-1"}, "tags": ["a"], "user": "u"})
    record = {**USUAL, "host": {"ip": [1, None, {"a": []}], "name": "web-2"}, "tags": ["b", "c"], "user": None}
    said = read_one(shapes, json.dumps(record).encode())
    assert said is not None
    assert in_columns(said) == told(record)
    assert said[-1] == (3, '[1,null,{"a":[]}]', '["b","c"]')
    assert read_one(shapes, json.dumps({**record, "tags": []}).encode()) is None


@pytest.mark.parametrize(
    "odd",
    [
        [b"%s%s", b'{"a":{}', b'"b":%s}'],
        [b"%s%s", b"%s", b""],
        [b"%s,%s", b"%s", b""],
        [b"%s%s", b'{"of":', b"%s}"],
        [b"%s %s", b'{"of":{}', b",%s}"],
        [b"%s%s", b'{"message":"', b'%s"}'],
        [b"%s\n%s", b"{}", b"%s"],
        [b"[%s,%s]", b"%s", b"%s"],
    ],
)
def test_documents_that_are_read_together_end_where_each_ends(odd: list[bytes]) -> None:
    """What is two documents in one place, and half of one in another, is not taken for what it would be in all."""
    shapes = taught(USUAL)
    document = json.dumps(USUAL).encode()
    documents = [part.replace(b"%s", document) for part in odd]
    found = shapes.read([document, *documents, document], NOW)
    whole = [each == document for each in documents]
    assert [said is not None for said in found] == [True, *whole, True]


def test_few_shapes_are_kept_and_none_that_does_not_come_again() -> None:
    """So that a record which has none of them costs little."""
    shapes = RecordShapes()
    several = [json.dumps({**USUAL, f"name_{number}": 1}).encode() for number in range(20)]
    for document in several:
        shapes.read([document] * 40, NOW)
    known = [document for document in several if read_one(shapes, document) is not None]
    assert 1 <= len(known) <= 8
    assert several[-1] in known
    for number in range(300):
        shapes.read([json.dumps({**USUAL, f"other_{number}": 1}).encode()] * 2, NOW)
    assert sum(read_one(shapes, document) is not None for document in known) <= 1
