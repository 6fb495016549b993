"""When an index is committed while somebody searches."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from gelf_listener.store import schedule
from gelf_listener.store.background import in_background
from gelf_listener.store.schedule import Schedule

_START = 1000.0


class _Clock:
    now = _START

    def monotonic(self) -> float:
        return self.now


def _partition(*, given: int, saved: int) -> Any:
    blocks = SimpleNamespace(saved=saved, last=saved, first=1)
    return SimpleNamespace(
        given=given,
        committed=0,
        uncommitted=given,
        unindexed=saved - given,
        blocks=blocks,
        broken=False,
        rebuilding=False,
    )


@pytest.mark.parametrize(("took", "pause"), [(0.001, 0.2), (0.1, 0.3), (4.0, 0.5)])
def test_a_flood_is_committed_now_and_then(took: float, pause: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """The faster that is, the more often, within bounds; a search that waits has it done, once its place is reached."""
    clock = _Clock()
    monkeypatch.setattr(schedule, "time", clock)

    async def main() -> None:
        partition = _partition(given=10, saved=20)
        made = Schedule(SimpleNamespace(list=[partition], current=partition))  # type: ignore[arg-type]
        made.added(5000)
        clock.now += 1.0
        made.added(5000)
        made.committed(took)
        search = asyncio.create_task(made.wait(20, rebuilt=False, seconds=None))
        await asyncio.sleep(0)
        clock.now += pause - 0.01
        assert not made.commit_due(partition, 10)
        clock.now += 0.02
        assert made.commit_due(partition, 10)
        assert not made.commit_due(partition, 9)  # the last one is not among them
        made.settle(hopeless=True)
        await search

    asyncio.run(main())


def test_without_a_flood_nobody_waits_for_the_next_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Messages that come now and then are found at once."""
    clock = _Clock()
    monkeypatch.setattr(schedule, "time", clock)

    async def main() -> None:
        partition = _partition(given=10, saved=20)
        made = Schedule(SimpleNamespace(list=[partition], current=partition))  # type: ignore[arg-type]
        made.added(100)
        clock.now += 1.0
        made.added(100)
        made.committed(4.0)
        assert not made.commit_due(partition, 10)
        search = asyncio.create_task(made.wait(20, rebuilt=False, seconds=None))
        await asyncio.sleep(0)
        assert made.commit_due(partition, 10)
        made.settle(hopeless=True)
        await search

    asyncio.run(main())


def test_what_nobody_waits_for_is_not_followed_by_more_commits(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a search what comes in is committed every second for a while; after one in the background it is not."""
    clock = _Clock()
    monkeypatch.setattr(schedule, "time", clock)
    partition = _partition(given=10, saved=20)
    made = Schedule(SimpleNamespace(list=[partition], current=partition))  # type: ignore[arg-type]
    made.committed(0.01)
    clock.now += 2.0
    with in_background():
        made.asked()
    assert not made.commit_due(partition, 5)
    made.asked()
    assert made.commit_due(partition, 5)
