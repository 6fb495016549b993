"""Messages counted by shape."""

from __future__ import annotations

import random

import pytest

from gelf_listener.message import Message
from gelf_listener.patterns import shapes as module
from gelf_listener.patterns.shapes import Shapes
from gelf_listener.query import compile_predicate, parse


def logged(text: str, timestamp: float = 0.0, level: int | None = 6) -> Message:
    return Message(timestamp, "host", text, None, level, b"", timestamp, stored_id=f"id of {text} at {timestamp}")


def found(shapes: Shapes) -> dict[str, list[int]]:
    return {str(shape): shape.counts for shape in shapes.merged()}


def test_what_a_shape_knows() -> None:
    """When it was first and last seen, the worst level, the latest message."""
    shapes = Shapes()
    shapes.add([logged("order 7 failed", 20, 4), logged("order 9 failed", 10, 3), logged("order 8 failed", 15, None)])
    (shape,) = shapes.merged()
    assert (str(shape), shape.counts, shape.first, shape.last, shape.level) == ("order <*> failed", [3], 10, 20, 3)
    assert (shape.text, shape.example) == ("order 7 failed", "id of order 7 failed at 20")
    assert shapes.messages == [3]


def test_two_ranges() -> None:
    """Times are of the first; an example is of the second where the first has none."""
    shapes = Shapes(2)
    shapes.add([logged("came 1", 30)], 0)
    shapes.add([logged("came 2", 10), logged("went 1", 20)], 1)
    came, went = shapes.merged()
    assert (came.counts, came.first, came.last, came.text) == ([1, 1], 30, 30, "came 1")
    assert (went.counts, went.first, went.text) == ([0, 1], float("inf"), "went 1")
    assert shapes.messages == [1, 2]


def test_names_in_one_place_are_one_shape() -> None:
    """When there are many of them; a few are different messages."""
    shapes = Shapes()
    shapes.add(logged(f"user {name} logged in") for name in ("ann", "bob", "cid", "dan", "eve"))
    shapes.add(logged(f"service {state} by operator") for state in ("started", "stopped"))
    assert found(shapes) == {
        "user <*> logged in": [5],
        "service started by operator": [1],
        "service stopped by operator": [1],
    }


def test_names_in_two_places() -> None:
    shapes = Shapes()
    names, things = ("ann", "bob", "cid", "dan", "eve", "fay"), ("apples", "pears", "plums", "figs", "nuts", "dates")
    shapes.add(logged(f"customer {name} has bought {thing} today") for name in names for thing in things)
    assert found(shapes) == {"customer <*> has bought <*> today": [36]}


def test_short_texts_stay_what_they_are() -> None:
    """Two words have too little in common, whatever they are."""
    shapes = Shapes()
    shapes.add(logged(f"{name} started") for name in ("ann", "bob", "cid", "dan", "eve", "fay"))
    assert len(found(shapes)) == 6


def test_the_order_does_not_matter() -> None:
    texts = [f"{verb} {name} in room {name}" for verb in ("met", "saw") for name in "abcdefgh"]
    texts += [f"job {number} of {name} is done" for number in range(5) for name in ("ann", "bob", "cid", "dan", "eve")]
    results = []
    for seed in range(5):
        random.Random(seed).shuffle(texts)
        shapes = Shapes()
        shapes.add(map(logged, texts))
        results.append(found(shapes))
    assert all(each == results[0] for each in results)


def test_room_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """What there is no room for is counted; what is known already goes on being counted."""
    monkeypatch.setattr(module, "_MOST_TEXTS", 3)
    shapes = Shapes(2)
    shapes.add(map(logged, ("one", "two", "three")), 0)
    shapes.add(map(logged, ("four", "one", "five")), 1)
    assert found(shapes) == {"one": [1, 1], "three": [1, 0], "two": [1, 0]}
    assert (shapes.others, shapes.messages) == ([0, 2], [3, 3])


@pytest.mark.parametrize(
    "text", ["order 4711 could not be paid", 'said "x y" to \\7 and went: 12%', "17", "", "a 1 b 2 c 3 d"]
)
def test_its_query_finds_its_messages(text: str) -> None:
    shapes = Shapes()
    shapes.add([logged(text)])
    (shape,) = shapes.merged()
    assert compile_predicate(parse(shape.query))(logged(text)), shape.query
