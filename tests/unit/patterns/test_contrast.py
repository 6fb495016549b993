"""What is more frequent in one range than in another."""

from __future__ import annotations

from typing import Any

import pytest

from gelf_listener.message import Message
from gelf_listener.patterns import contrast
from gelf_listener.patterns.contrast import Values, difference


def logged(**fields: Any) -> Message:
    return Message(0.0, "host", "text", None, 6, b"", 0.0, _fields=fields)


def test_a_difference() -> None:
    """With its direction; the same share of ranges of different size is none."""
    more = difference((50, 10), (100, 100))
    assert more is not None
    assert (more.counts, more.shares) == ((50, 10), (0.5, 0.1))
    less = difference((10, 50), (100, 100))
    assert less is not None
    assert more.strength == pytest.approx(-less.strength) == pytest.approx(40.6, abs=0.1)
    assert difference((50, 500), (100, 1000)) is None
    assert difference((100, 100), (100, 100)) is None


def test_chance_is_no_difference() -> None:
    """Two of ten against one of ten may be luck; two hundred of a thousand against a hundred are not."""
    assert difference((2, 1), (10, 10)) is None
    assert difference((200, 100), (1000, 1000)) is not None
    assert difference((0, 4), (10, 10)) is not None


def test_nothing_to_compare_with() -> None:
    assert difference((0, 5), (0, 10)) is None
    assert difference((5, 0), (10, 0)) is None


def test_values() -> None:
    """Of every field, host and level among them; values of one text and number are told apart."""
    values = Values()
    values.add([logged(user="ann", n=1), logged(user="bob")], 0)
    values.add([logged(user="ann", n="1")], 1)
    assert sorted(values.items(), key=repr) == sorted(
        [
            ("source", "host", (2, 1)),
            ("level", 6, (2, 1)),
            ("user", "ann", (1, 1)),
            ("user", "bob", (1, 0)),
            ("n", 1, (1, 0)),
            ("n", "1", (0, 1)),
        ],
        key=repr,
    )


def test_ids_are_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """A field whose values are all different would fill the memory and says nothing."""
    monkeypatch.setattr(contrast, "_MOST_VALUES", 5)
    monkeypatch.setattr(contrast, "_MOST_FIELDS", 4)
    values = Values()
    values.add((logged(id=f"r-{number}", kind="a", more="b") for number in range(100)), 0)
    assert sorted({name for name, _, _ in values.items()}) == ["kind", "level", "source"]
    long = Values()
    long.add([logged(text="x" * 1000)], 0)
    assert [len(str(value)) for name, value, _ in long.items() if name == "text"] == [200]
