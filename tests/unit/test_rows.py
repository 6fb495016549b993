"""Rows: a message that holds values only says and writes what one with a dict does."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from gelf_listener.message import FieldValue, Message, gelf_lines
from gelf_listener.notes import Deviation, Note
from gelf_listener.rows import Names, Row

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
VALUES = TEXTS | st.integers(-(1 << 63), (1 << 63) - 1) | st.floats(allow_nan=False) | st.booleans()


def message(names: Names, values: tuple[FieldValue, ...], level: int | None = 6) -> Message:
    return Message(1700000000.5, "web", "hello", None, level, b"", 1700000001.0, _open=Row(names, values))


@given(st.lists(st.tuples(TEXTS, VALUES), max_size=5), st.none() | st.integers(0, 7))
def test_it_is_written_as_a_dict_is(fields: list[tuple[str, FieldValue]], level: int | None) -> None:
    """Before and after somebody asked for its fields, with names that are there twice or that JSON escapes too."""
    names, values = Names(tuple(name for name, _ in fields)), tuple(value for _, value in fields)
    for _ in range(120):
        message(names, values, level).to_gelf()  # which teaches them
    one = message(names, values, level)
    written = one.to_gelf()
    assert one.fields == dict(fields)
    assert written == one.to_gelf() == msgspec.json.encode(one.document())
    assert list(one.fields) == list(dict(fields))


def test_what_comes_often_is_written_by_a_class() -> None:
    """Names with which a few messages come are not worth one."""
    names = Names(("a", "b"))
    written = {message(names, (1, "x")).to_gelf() for _ in range(120)}
    assert names.document is not None
    assert len(written) == 1
    few = Names(("a",))
    message(few, (1,)).to_gelf()
    assert few.document is None


def test_lines_of_many_are_those_of_each() -> None:
    """Rows that are written by a class and others, messages with a dict, without a level, and exact ones."""
    often, few, twice = Names(("a", "b")), Names(("a",)), Names(("a", "a"))
    for _ in range(120):
        message(often, (1, "x")).to_gelf()

    def some() -> list[Message]:
        asked, full = message(often, (1, "x")), message(often, (2, "x"))
        _ = asked.fields
        full.full_message = "two\nlines"
        exact = Message(1.5, "web", "hello", None, 6, b'{"short_message":"as it came"}', 2.0, exact=True)
        dict_ = Message(1.5, "web", "hello", None, 6, b"", 2.0, _fields={"c": 1.5})
        rows = [message(often, (3, "é")), message(few, (1,)), message(twice, (1, 2)), message(often, (1, "x"), None)]
        return [*rows, asked, full, exact, dict_]

    expected = [each.to_gelf() for each in some()]
    assert gelf_lines(some()) == b"".join(line + b"\n" for line in expected)
    assert gelf_lines(some()[::-1]) == b"".join(line + b"\n" for line in expected[::-1])
    assert gelf_lines([]) == b""


def test_what_was_found_out_about_names_is_a_note() -> None:
    """Of every message that has them."""
    note = Note(Deviation.GUESSED, "a", "")
    assert message(Names(("a",), (note,)), (1,)).notes == (note,)
    assert message(Names(("a",)), (1,)).notes == ()
