"""LiveFeed: nothing while nobody watches; bounded time and room while somebody does; what is missed is counted."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from gelf_listener.live import BUDGET_SECONDS, MAX_SUBSCRIPTIONS, WINDOW_SECONDS, LiveFeed, TooManySubscriptions
from gelf_listener.message import Message
from gelf_listener.pipeline import Pipeline
from tests.unit.fakes import message, run

Taps = list[Callable[[Sequence[Message]], None]]


class Clock:
    """Seconds that pass when a predicate looks at a message."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def everything(_: Message) -> bool:
    return True


def texts(messages: Sequence[Message]) -> list[str]:
    return [found.short_message for found in messages]


def test_nobody_watches() -> None:
    """The pipeline has nobody to call; the last one to go leaves nothing behind."""

    async def main() -> None:
        pipeline = Pipeline()
        feed = LiveFeed(pipeline.taps)
        assert pipeline.taps == []
        with feed.subscribe(everything), feed.subscribe(everything):
            assert len(pipeline.taps) == 1
        assert pipeline.taps == []
        pipeline.accept([message()], 5)

    run(main())


def test_a_watcher_gets_what_matches() -> None:
    """In order, from several batches, and the outputs get all of it as before."""

    async def main() -> None:
        pipeline = Pipeline()
        feed = LiveFeed(pipeline.taps)
        with feed.subscribe(lambda found: found.short_message != "b") as watcher:
            pipeline.accept([message("a"), message("b")], 2)
            pipeline.accept([message("c")], 1)
            assert texts(await watcher.take(0, 1)) == ["a"]
            assert texts(await watcher.take(0)) == ["c"]
            assert (watcher.dropped, watcher.skipped) == (0, 0)

    run(main())


def test_waiting() -> None:
    """Until something comes, until the time is over, or until the feed closes."""

    async def main() -> None:
        import asyncio

        taps: Taps = []
        feed = LiveFeed(taps)
        loop = asyncio.get_running_loop()
        with feed.subscribe(everything) as watcher:
            loop.call_later(5, lambda: taps[0]([message("late")]))
            assert texts(await watcher.take(10)) == ["late"]
            began = loop.time()
            assert await watcher.take(10) == []
            assert loop.time() - began == pytest.approx(10)
            loop.call_later(5, feed.close)
            assert await watcher.take(100) == []
            assert watcher.closed
        assert taps == []
        assert feed.subscribe(everything).closed, "a closed feed takes nobody"

    run(main())


@pytest.mark.parametrize(("limit", "kept"), [({"max_messages": 3}, 3), ({"max_bytes": 10}, 2)])
def test_a_slow_reader(limit: dict[str, int], kept: int) -> None:
    """Its queue stays bounded; what did not fit is counted, later batches unseen; room again, messages again."""

    async def main() -> None:
        taps: Taps = []
        with LiveFeed(taps).subscribe(everything, **limit) as watcher:
            taps[0]([message(str(number), raw=b"12345") for number in range(5)])
            assert (watcher.dropped, watcher.skipped) == (5 - kept, 0)
            taps[0]([message("unseen")])
            assert (watcher.dropped, watcher.skipped) == (5 - kept, 1)
            assert texts(await watcher.take(0)) == ["0", "1", "2"][:kept]
            taps[0]([message("again")])
            assert texts(await watcher.take(0)) == ["again"]

    run(main())


def test_time_is_bounded() -> None:
    """A quarter of each window for all watchers; but whoever must see every message does."""

    async def main() -> None:
        clock = Clock()
        taps: Taps = []
        feed = LiveFeed(taps, clock)

        def slow(_: Message) -> bool:
            clock.now += BUDGET_SECONDS / 100
            return True

        batch = [message() for _ in range(1000)]
        with feed.subscribe(slow) as first, feed.subscribe(everything, every=True) as exact:
            taps[0](batch)
            looked = 1000 - first.skipped
            assert 100 <= looked <= 128, "in slices"
            assert len(await exact.take(0, 5000)) == 1000
            taps[0](batch)
            assert 1000 - (first.skipped - (1000 - looked)) == 0, "nothing in the rest of the window"
            clock.now += WINDOW_SECONDS
            taps[0](batch)
            assert len(await first.take(0, 5000)) == 2 * looked

    run(main())


def test_watchers_take_turns() -> None:
    """One with a dear query does not use up everybody's time in every window."""

    async def main() -> None:
        clock = Clock()
        taps: Taps = []
        feed = LiveFeed(taps, clock)

        def dear(_: Message) -> bool:
            clock.now += BUDGET_SECONDS
            return True

        with feed.subscribe(dear) as first, feed.subscribe(dear) as second:
            for _ in range(4):
                taps[0]([message()])
                clock.now += WINDOW_SECONDS
            assert (first.skipped, second.skipped) == (2, 2)

    run(main())


def test_most_watchers() -> None:
    """One more is refused, and one fewer lets another in."""

    async def main() -> None:
        taps: Taps = []
        feed = LiveFeed(taps)
        watchers = [feed.subscribe(everything) for _ in range(MAX_SUBSCRIPTIONS)]
        with pytest.raises(TooManySubscriptions):
            feed.subscribe(everything)
        feed.unsubscribe(watchers[0])
        feed.unsubscribe(watchers[0])
        feed.subscribe(everything)
        assert len(taps) == 1

    run(main())
