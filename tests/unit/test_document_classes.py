"""Document classes: what comes often is written faster, and the same."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gelf_listener.document_classes import DocumentClasses
from gelf_listener.message import FieldValue, Message

TIMES = 100
"""So often names come before a class is made of them."""

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


def message(fields: dict[str, FieldValue], text: str = "hello", level: int | None = 6) -> Message:
    return Message(1700000000.5, "web", text, None, level, b"", 1700000001.0, _fields=fields)


def learn(documents: DocumentClasses, names: tuple[str, ...]) -> bool:
    """Ask until it should be known."""
    return [documents.find(names) is not None for _ in range(TIMES)][-1]


@given(
    st.dictionaries(TEXTS, TEXTS | st.integers(-(1 << 63), 1 << 63) | st.floats() | st.booleans(), max_size=5), TEXTS
)
def test_it_is_written_as_a_dict_is(fields: dict[str, FieldValue], text: str) -> None:
    """Before and after its names are known, names that JSON escapes too."""
    written = {message(fields, text).to_gelf() for _ in range(TIMES + 5)}
    assert written == {msgspec.json.encode(message(fields, text).document())}


def test_what_comes_often_is_known() -> None:
    """In its order, from the hundredth time on."""
    documents = DocumentClasses()
    assert [documents.find(("a", "b")) is not None for _ in range(TIMES)] == [False] * (TIMES - 1) + [True]
    assert documents.find(("b", "a")) is None
    made = documents.find(("a", "b"))("1.1", "web", "hello", 1.5, 6, "x", 2)
    assert list(msgspec.json.decode(msgspec.json.encode(made))) == [
        *("version", "host", "short_message", "timestamp", "level", "_a", "_b")
    ]


@pytest.mark.parametrize(
    ("names", "known"),
    [
        (tuple(f"n{number}" for number in range(64)), True),
        (tuple(f"n{number}" for number in range(65)), False),
        (("n" * 4096,), True),
        (("n" * 4097,), False),
        (('say "hi"',), False),
    ],
    ids=lambda value: str(value)[:20],
)
def test_names_are_bounded(names: tuple[str, ...], known: bool) -> None:
    """What is too long, or has to be escaped, is written as a dict; an honest one is known afterwards."""
    documents = DocumentClasses()
    assert learn(documents, names) is known
    assert learn(documents, ("honest",))


def test_many_shapes_are_forgotten() -> None:
    """Whoever sends other names each time costs no memory; what comes often is learnt again."""
    documents = DocumentClasses()
    for number in range(600):
        documents.find((f"once{number}",))
    assert len(documents._counts) <= 512
    for number in range(257):
        assert learn(documents, (f"often{number}",))
    assert len(documents._classes) == 1
    assert learn(documents, ("often0",))
