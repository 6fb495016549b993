"""Line columns: lines like those before them, read together, say what each says when it is read by itself."""

from __future__ import annotations

import datetime as dt
import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gelf_listener.codec.batch import Batch
from gelf_listener.codec.text.line_columns import LineColumns
from gelf_listener.codec.text.lines import LineDecoder
from gelf_listener.codec.text.record_columns import Said
from gelf_listener.message import FieldValue

NOW = 1_795_913_692.5
ZONE = dt.timezone(dt.timedelta(hours=2))
VECTORS = Path(__file__).parents[3] / "vectors" / "lines"
RECORDS = sorted(
    {
        line
        for path in VECTORS.glob("*.json")
        for vector in json.loads(path.read_text())
        for line in vector["lines"].split("\n")
        if line[:1] == "{" or "=" in line
    }
)
JSON = b'{"time":"2026-11-29T16:00:00.123Z","level":"INFO","msg":"it","order":1}'
PAIRS = b'time=2026-11-29T16:00:00.123Z level=info msg="it was" order=1'


def decoded(pieces: Sequence[bytes], fields: dict[str, FieldValue] | None = None) -> list[tuple[Any, ...]]:
    """Return what is said by messages of lines that came in pieces."""
    decoder, batch = LineDecoder("here", input="lines", zone=ZONE, fields=fields), Batch()
    for piece in pieces:
        decoder.feed(piece, NOW, batch)
    decoder.feed_eof(NOW, batch)
    assert not batch.rejected
    assert batch.size == sum(len(message.raw) for message in batch.messages)
    return [
        (m.timestamp, m.host, m.short_message, m.full_message, m.level, m.raw, m.fields, m.notes)
        for m in batch.messages
    ]


def assert_same(lines: Sequence[str], fields: dict[str, FieldValue] | None = None) -> None:
    """Check that lines that came together say what they say one by one, when they are too few for columns."""
    each = [line.encode() + b"\n" for line in lines]
    assert decoded([b"".join(each)] if len(each) < 256 else [b"".join(each[:256]), b"".join(each[256:])], fields) == (
        decoded(each, fields)
    )


TEXTS = st.sampled_from(
    ("order placed", "", " ", "{}", "a\nb", "ends ", '"quoted" \\ "text"', "\x1b[31mred", "é\u2028")
)
TIMES = st.sampled_from(
    (
        *("2026-11-29T16:00:00.123Z", "2026-11-29 16:00:00", "2026-11-29 16:00:00,5+01:00", "1970-01-01T00:00:00Z"),
        *("yesterday", "", 1_795_913_692, 1_795_913_692_123, 1_795_913_692.25, 0, True),
    )
)
LEVELS = st.sampled_from(("info", "INFO", "warning", "7", "", "nobody knows", 6, 30, True))
VALUES = st.one_of(
    *(
        TEXTS,
        st.booleans(),
        st.none(),
        st.integers(-(1 << 64), 1 << 64),
        st.floats(allow_nan=False, allow_infinity=False),
    ),
    *(st.lists(st.integers(0, 9), max_size=2), st.dictionaries(TEXTS, st.integers(0, 9), max_size=1)),
)


@st.composite
def records(draw: st.DrawFn) -> dict[str, Any]:
    """Records as loggers write them, usual in most respects."""
    names: dict[str, st.SearchStrategy[Any]] = {
        **draw(st.sampled_from(({"time": TIMES}, {"@timestamp": TIMES}, {"ts": TIMES}, {}))),
        **draw(st.sampled_from(({"level": LEVELS}, {"severity": LEVELS}, {"at": LEVELS}, {"log.level": LEVELS}))),
        draw(st.sampled_from(("msg", "message", "text"))): TEXTS,
        **draw(st.sampled_from(({}, {"hostname": TEXTS}, {"host": TEXTS, "version": st.sampled_from(("1.1", "7"))}))),
        **draw(st.sampled_from(({}, {"k": VALUES}, {"user": VALUES, "n": VALUES}, {"log": TEXTS}, {"err": TEXTS}))),
    }
    return {name: draw(values) for name, values in names.items()}


def as_pairs(record: dict[str, Any]) -> str:
    """Write a record as logfmt does, and now and then otherwise."""
    pairs = []
    for name, value in record.items():
        text = str(value).replace("\n", " ")
        pairs.append(f"{name}={json.dumps(text, ensure_ascii=False) if ' ' in text or chr(34) in text else text}")
    return " ".join(pairs)


@settings(deadline=None, max_examples=60)
@given(st.lists(records(), min_size=1, max_size=3), st.lists(records(), max_size=12), st.booleans())
def test_they_change_nothing(often: list[dict[str, Any]], some: list[dict[str, Any]], has_fields: bool) -> None:
    """JSON and pairs, whatever came before, and whatever stands beside it."""
    lines = [write(record) for record in [*often * 90, *some, *often] for write in (json.dumps, as_pairs)]
    assert_same(lines, {"k": "own", "stream": "stdout"} if has_fields else None)


@pytest.mark.parametrize("seed", range(8))
def test_nor_do_those_of_real_programs(seed: int) -> None:
    """Each often enough to be known, changed now and then, in between lines of text."""
    chance = random.Random(seed)
    for known in chance.sample(RECORDS, 25):
        lines = [known] * 300
        for at in chance.sample(range(300), 40):
            where = chance.randrange(len(known) + 1)
            lines[at] = (
                known[:where]
                + chance.choice(("", "x", '"', " ", "=", "}", "\\", "5", "\x1b", "\r", "\0"))
                + (known[where + chance.choice((0, 1, 5)) :])
            )
        for at in chance.sample(range(300), 9):
            lines[at] = chance.choice(("2026-11-29 16:00:00,123 ERROR a: b", "some prose", "  at x.y(Z.java:1)", ""))
        assert_same(lines)


def taught(line: bytes) -> LineColumns:
    """Columns that have seen a line often enough."""
    columns = LineColumns(ZONE)
    for _ in range(3):
        columns.read([line] * 128, [line[:1]] * 128, NOW)
    return columns


def read(columns: LineColumns, lines: list[bytes]) -> list[Said | None]:
    return columns.read(lines, [line[:1] for line in lines], NOW) or [None] * len(lines)


@pytest.mark.parametrize(("line", "text", "values"), [(JSON, "it", (1,)), (PAIRS, "it was", ("1",))])
def test_a_line_like_those_before_is_read_with_others(line: bytes, text: str, values: tuple[object, ...]) -> None:
    """All but those in between that are something else."""
    found = read(taught(line), [line, b"text", *[line] * 8, b"ERROR: x=y z"])
    assert [at for at, said in enumerate(found) if said is None] == [1, 10]
    assert {said[1:] for said in found if said is not None} == {(1795968000.123, "", text, 6, values)}


@pytest.mark.parametrize("line", [JSON, PAIRS])
def test_few_lines_are_read_one_by_one(line: bytes) -> None:
    """Which costs less."""
    assert read(taught(line), [line] * 7) == [None] * 7


@pytest.mark.parametrize(
    "line",
    [
        JSON.replace(b"1}", b"true}"),
        JSON.replace(b"1}", b"null}"),
        JSON.replace(b"INFO", b"?"),
        JSON.replace(b'"it"', b'"{it}"'),
        JSON.replace(b"2026", b"1970"),
        JSON.replace(b"1}", b"1,}"),
    ],
)
def test_objects_that_need_a_second_look(line: bytes) -> None:
    """Are left to the reader of single lines."""
    assert read(taught(JSON), [*[JSON] * 8, line])[-1] is None


@pytest.mark.parametrize(
    "line",
    [
        PAIRS.replace(b"info", b"?"),
        PAIRS.replace(b"it was", b'it \\"was\\"'),
        PAIRS.replace(b'"it was"', b"'it was'"),
        PAIRS.replace(b"2026", b"1970"),
        PAIRS.replace(b"it", b"\x1b[31mit"),
        PAIRS + b" flag",
        PAIRS + b"\r",
        PAIRS + b"\0",
        PAIRS + b' "',
    ],
)
def test_pairs_that_need_a_second_look(line: bytes) -> None:
    """Are left to the reader of single lines."""
    assert read(taught(PAIRS), [line, *[PAIRS] * 8])[0] is None


@pytest.mark.parametrize(
    "line",
    [
        b"ERROR=true lvl=info msg=x time=2026-11-29T16:00:00Z",
        b"at=info msg=x time=2026-11-29T16:00:00Z",
        b"method=GET path=/ status=200",
        b"a=b msg=x level=info level=error",
        b"level=info msg=hi err=boom",
    ],
)
def test_pairs_that_are_read_otherwise_are_not_learnt(line: bytes) -> None:
    """The level that is a name, Heroku's, requests, names that are there twice, traces."""
    assert read(taught(line), [line] * 9) == [None] * 9


def test_shapes_are_forgotten() -> None:
    """Those that came often once, when others come now."""
    columns = taught(PAIRS)
    for number in range(20):
        line = PAIRS.replace(b"order", b"order%d" % number)
        for _ in range(4):
            read(columns, [line] * 128)
        assert None not in read(columns, [line] * 8)
    assert read(columns, [PAIRS] * 8) == [None] * 8
