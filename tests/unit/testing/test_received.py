"""Received: order, bounds, and watches that miss nothing."""

from __future__ import annotations

import threading

from gelf_listener.errors import Reason, Rejected
from gelf_listener.message import Message
from gelf_listener.testing.received import Received
from tests.unit.fakes import message


def received(max_messages: int = 100, max_bytes: int = 1_000_000) -> Received:
    return Received(max_messages, max_bytes)


def texts(messages: list[Message]) -> list[str]:
    return [each.short_message for each in messages]


def give(into: Received, *words: str) -> None:
    into.accept([message(word) for word in words], 0)


def test_order_and_counts() -> None:
    """As they arrived; clearing forgets them, but not how many there were."""
    kept = received()
    give(kept, "a", "b")
    give(kept, "c")
    assert texts(kept.messages()) == ["a", "b", "c"]
    kept.clear()
    assert kept.messages() == []
    assert kept.arrived == 3


def test_the_oldest_give_way() -> None:
    """At the limit nothing goes; one over, the oldest does; and room is there again after clearing."""
    kept = received(max_messages=2)
    give(kept, "a", "b")
    assert kept.forgotten == 0
    give(kept, "c")
    assert texts(kept.messages()) == ["b", "c"]
    assert kept.forgotten == 1
    kept.clear()
    assert kept.forgotten == 0
    give(kept, "d", "e")
    assert texts(kept.messages()) == ["d", "e"]


def test_bytes_are_bounded() -> None:
    """Long messages count for what they are; one that is too long by itself is not kept at all."""
    kept = received(max_bytes=10_000)
    kept.accept([message("long", b"x" * 6000), message("longer", b"x" * 7000)], 13_000)
    assert texts(kept.messages()) == ["longer"]
    kept.accept([message("too long", b"x" * 20_000)], 20_000)
    assert kept.messages() == []
    assert kept.forgotten == 3
    give(kept, "honest")
    assert texts(kept.messages()) == ["honest"]


def test_watch_sees_what_is_there_and_what_comes() -> None:
    """The first so many, in order; the callback once; nothing after that."""
    kept, called = received(), []
    give(kept, "a1", "b", "a2")
    with kept.watch(lambda each: "a" in each.short_message, 3, lambda: called.append(1)) as watch:
        assert texts(watch.found) == ["a1", "a2"]
        assert not watch.complete
        give(kept, "c", "a3", "a4")
        give(kept, "a5")
        assert watch.complete
    assert texts(watch.found) == ["a1", "a2", "a3"]
    assert called == [1]


def test_watch_sees_what_is_forgotten_at_once() -> None:
    """A flood between two looks cannot hide a message."""
    kept = received(max_messages=1)
    with kept.watch(lambda each: each.short_message == "needle", 1, lambda: None) as watch:
        give(kept, "hay", "needle", "hay", "hay")
    assert texts(watch.found) == ["needle"]
    assert texts(kept.messages()) == ["hay"]


def test_watch_ends_with_its_block() -> None:
    """Also when the block fails."""
    kept = received()
    try:
        with kept.watch(lambda _: True, 1, lambda: None) as watch:
            raise KeyboardInterrupt
    except KeyboardInterrupt:
        pass
    give(kept, "late")
    assert watch.found == []


def test_rejections_are_bounded_and_hold_no_frames() -> None:
    """The latest thousand, without the payload's frames; the count is of all."""
    kept = received()
    for number in range(1001):
        try:
            raise Rejected(Reason.INVALID_JSON, str(number))
        except Rejected as rejected:
            kept.reject(rejected)
    assert len(kept.rejected()) == 1000
    assert kept.rejected()[-1].detail == "1000"
    assert kept.rejected()[0].__traceback__ is None
    assert kept.refused == 1001


def test_since() -> None:
    """What came after a mark, as far as it is kept."""
    kept = received(max_messages=3)
    give(kept, "a", "b")
    mark = kept.arrived, kept.refused
    assert kept.messages_since(mark[0]) == []
    assert kept.rejected_since(mark[1]) == []
    give(kept, "c")
    kept.reject(Rejected(Reason.EMPTY_PAYLOAD, "r"))
    assert texts(kept.messages_since(mark[0])) == ["c"]
    assert [each.detail for each in kept.rejected_since(mark[1])] == ["r"]
    give(kept, "d", "e", "f")
    assert texts(kept.messages_since(mark[0])) == ["d", "e", "f"]


def test_it_never_holds_up_an_input() -> None:
    """Inputs are called back at once and never asked to stop."""
    kept, called = received(max_messages=1), []
    give(kept, *"abc")
    assert not kept.full
    assert not kept.crowded
    kept.when_ready(lambda: called.append("ready"))
    kept.when_calm(lambda: called.append("calm"))
    kept.when_safe(lambda problem: called.append(f"safe {problem}"))
    assert called == ["ready", "calm", "safe None"]


def test_many_threads() -> None:
    """Watching while others add: everything is seen once."""
    kept = received(max_messages=10)
    done = threading.Event()
    with kept.watch(lambda _: True, 4000, done.set) as watch:
        threads = [
            threading.Thread(target=lambda name=name: [give(kept, f"{name}{number}") for number in range(1000)])
            for name in "wxyz"
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert done.wait(5)
    assert len({each.short_message for each in watch.found}) == 4000
    assert kept.forgotten == 3990
