"""LiveFeed: nothing while nobody watches; bounded time and room while somebody does; what is missed is counted."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

import pytest

from gelf_listener.live import MAX_BYTES, MAX_MESSAGES, MAX_SUBSCRIPTIONS, LiveFeed, TooManySubscriptions
from gelf_listener.message import Message
from gelf_listener.pipeline import Pipeline
from tests.unit.fakes import message, run

Taps = list[Callable[[Sequence[Message]], None]]


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
            assert (watcher.missed, watcher.behind) == (0, 0)

    run(main())


def test_waiting() -> None:
    """Until something comes, until the time is over, or until the feed closes."""

    async def main() -> None:
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


@pytest.mark.parametrize(("raw", "count"), [(b"1", MAX_MESSAGES), (b"x" * (MAX_BYTES // 10), 10)])
def test_a_slow_reader(raw: bytes, count: int) -> None:
    """What is kept for it is bounded, the oldest is let go, and counted; who looks in time misses nothing."""

    async def main() -> None:
        taps: Taps = []
        feed = LiveFeed(taps)
        with feed.subscribe(everything) as slow, feed.subscribe(everything) as quick:
            seen = []
            for number in range(count + 25):
                taps[0]([message(str(number), raw=raw)])
                if number % 5 == 0:
                    seen += await quick.take(0)
            assert feed.end - feed.first == count
            found = []
            while slow.behind:
                found += texts(await slow.take(60, 100))
            assert found == [str(number) for number in range(25, count + 25)]
            assert slow.missed == 25
            taps[0]([message("again")])
            assert texts(await slow.take(0)) == ["again"]
            while quick.behind:
                seen += await quick.take(60)
            assert texts(seen)[:-1] == [str(number) for number in range(count + 25)]
            assert quick.missed == 0
        assert feed.first == feed.end, "nothing is kept when nobody watches"

    run(main())


def test_one_batch_that_is_too_much() -> None:
    """Of it, too, the oldest go; a batch of long messages is kept whole, for one message may be longer than all."""

    async def main() -> None:
        taps: Taps = []
        with LiveFeed(taps).subscribe(everything) as watcher:
            taps[0]([message(str(number)) for number in range(MAX_MESSAGES + 3)])
            assert texts(await watcher.take(0, 1)) == ["3"]
            assert watcher.missed == 3
            taps[0]([message("long", raw=b"x" * (MAX_BYTES + 1))])
            assert texts(await watcher.take(0)) == ["long"]

    run(main())


def test_noting_costs_the_inputs_nothing() -> None:
    """However dear the queries are: they are asked in the watchers' turns, not in the input's."""

    async def main() -> None:
        taps: Taps = []
        feed = LiveFeed(taps)
        asked = []

        def dear(found: Message) -> bool:
            asked.append(found)
            return False

        watchers = [feed.subscribe(dear) for _ in range(MAX_SUBSCRIPTIONS)]
        taps[0]([message()] * 100)
        assert asked == []
        assert await watchers[0].take(0) == []
        assert len(asked) <= 100

    run(main())


def test_dear_queries_take_their_share_of_the_time() -> None:
    """Ten watchers that would keep a processor busy leave most of it to others."""

    async def main() -> None:
        taps: Taps = []
        feed = LiveFeed(taps)
        spent = 0.0

        def dear(_: Message) -> bool:
            nonlocal spent
            began = time.perf_counter()
            while time.perf_counter() < began + 0.0002:
                pass
            spent += 0.0002
            return False

        async def watch() -> None:
            with feed.subscribe(dear, feed.waits) as watcher:
                await watcher.take(2)

        watching = [asyncio.ensure_future(watch()) for _ in range(10)]
        await asyncio.sleep(0)
        began = time.perf_counter()
        while time.perf_counter() < began + 1.5:
            taps[0]([message()] * 100)
            await asyncio.sleep(0.01)
        took = time.perf_counter() - began
        for watcher in feed.subscriptions:
            watcher.close()
        await asyncio.gather(*watching)
        assert 0.03 * took < spent < 0.15 * took

    asyncio.run(main())


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


def test_others_are_told_that_somebody_watches() -> None:
    """By the first and the last one alone; what they could not send in time is missed."""

    async def main() -> None:
        feed = LiveFeed([])
        told: list[bool] = []
        feed.on_watch.append(told.append)
        feed.note([message("nobody sees it")])
        assert feed.end == 0
        with feed.subscribe(everything) as first:
            with feed.subscribe(everything):
                assert told == [True]
            feed.skip(7)
            feed.note([message("a")])
            assert (texts(await first.take(1)), first.missed) == (["a"], 7)
        assert told == [True, False]

    run(main())
