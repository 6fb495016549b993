"""Waiting with a store: what was there before, what was received since, and what came closest."""

from __future__ import annotations

import asyncio
import time

import pytest

from gelf_listener.api.native.received import received_at, received_since, since_id
from gelf_listener.api.native.shapes.messages import Waited
from gelf_listener.budget import Budget
from gelf_listener.query.nodes import MatchAll
from gelf_listener.store.parameters import EVERYTHING
from tests.unit.api.native.asking import Client, Service, add, asking, logged


def test_stored_before(storing: str) -> None:
    """At once, the first so many in receive order."""

    async def main(service: Service, client: Client) -> None:
        await add(service, logged("order 1"), logged("order 2"), logged("order 3"))
        answer = await client.get("/api/gelf/wait?query=order&count=2&timeout=0")
        assert answer.status_code == 200
        found = Waited.model_validate(answer.json(), strict=True)
        assert [each.short_message for each in found.messages] == ["order 1", "order 2"]
        assert service.live.subscriptions == []

    asking(main, outputs=[storing])


def test_stored_and_arriving(storing: str) -> None:
    """One of each; one that is in both counts once."""

    async def main(service: Service, client: Client) -> None:
        await add(service, logged("order 1"))
        waiting = asyncio.ensure_future(client.get("/api/gelf/wait?query=order&count=2&timeout=20"))
        while not service.live.subscriptions:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
        assert service.store is not None
        (first,) = (await service.store.search(MatchAll(), EVERYTHING)).messages
        service.pipeline.accept([first], 1)
        await asyncio.sleep(0.05)
        assert not waiting.done()
        service.pipeline.accept([logged("order 2")], 1)
        assert (await waiting).json()["matched"] == 2

    asking(main, outputs=[storing])


def test_since(storing: str) -> None:
    """When a message was received decides, whatever its sender's clock says."""

    async def main(service: Service, client: Client) -> None:
        await add(service, logged("old"), logged("new", 100))
        url = f"/api/gelf/wait?query=*&timeout=0&count=2&since={1_700_000_100}.0"
        found = (await client.get(url)).json()
        assert [each["short_message"] for each in found["messages"]] == ["new"]
        assert (await client.get("/api/gelf/wait?query=*&timeout=0&since=1h")).status_code == 504
        assert (await client.get("/api/gelf/wait?query=*&timeout=0&since=nope")).status_code == 400

    asking(main, outputs=[storing])


def test_near_misses(storing: str) -> None:
    """Fewest failing clauses first; among equals the latest; what matches is none."""

    async def main(service: Service, client: Client) -> None:
        await add(
            service,
            logged("unlike", 0),
            logged("order", 1, user_id=43),
            logged("order", 2, user_id=44),
            logged("order", 3, user_id=42),
        )
        query = "order AND user_id:42 AND level:6"
        answer = await client.get("/api/gelf/wait", params={"query": query, "timeout": 0, "count": 2})
        assert answer.status_code == 504
        found = Waited.model_validate(answer.json(), strict=True)
        assert found.matched == 1
        assert [each.why for each in found.near_misses] == [
            ["user_id:42: user_id is 44"],
            ["user_id:42: user_id is 43"],
            ["order: no field has it", "user_id:42: there is no field 'user_id'"],
        ]

    asking(main, outputs=[storing])


def test_since_a_message(storing: str) -> None:
    """For a client that comes back: what was received after the last one it saw, by its id alone."""

    async def main(service: Service, client: Client) -> None:
        ids = await add(service, logged("a", 0), logged("b", 0), logged("c", 0.0001), logged("d", 5))
        store = service.store
        assert store is not None
        assert [each.short_message for each in await since_id(store, MatchAll(), ids[0], 10)] == ["b", "c", "d"]
        assert [each.short_message for each in await since_id(store, MatchAll(), ids[0], 2)] == ["c", "d"]
        assert await since_id(store, MatchAll(), ids[3], 10) == []
        for nonsense in ("nope", "I" * 26, "0" * 27, "Z" * 26):
            assert list(await since_id(store, MatchAll(), nonsense, 10)) == []

    asking(main, outputs=[storing])


def test_the_time_in_an_id() -> None:
    """To the millisecond."""
    message = logged("a", 0.1234)
    assert received_at(message.id) == int(message.received_at * 1000) / 1000
    assert received_at("") is None
    assert str(received_since(MatchAll(), 0.0)).endswith("""1970-01-01T00:00:00.000Z" TO *]""")
    assert str(received_since(MatchAll(), time.time() * 1e9))


def test_on_its_way_to_the_store(storing: str) -> None:
    """Neither seen arriving nor found at first: found a moment later."""

    async def main(service: Service, client: Client) -> None:
        waiting = asyncio.ensure_future(client.get("/api/gelf/wait?query=order&timeout=20"))
        while not service.live.subscriptions:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        await add(service, logged("order 1"))  # not through the pipeline: nobody sees it arrive
        assert (await asyncio.wait_for(waiting, 5)).json()["matched"] == 1

    asking(main, outputs=[storing])


@pytest.mark.parametrize("stored", [True, False])
def test_more_than_can_be_looked_at(storing: str, stored: bool) -> None:
    """What a wait has no time for it finds in the store; without one it says how much that is."""

    async def main(service: Service, client: Client) -> None:
        service.live.waits = Budget(0.001)
        with service.live.waits.spending():
            time.sleep(0.1)
        waiting = asyncio.ensure_future(client.get("/api/gelf/wait?query=order&timeout=2&count=1000"))
        while not service.live.subscriptions:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.3)
        service.pipeline.accept([logged(f"order {number}") for number in range(1000)], 1)
        found = (await waiting).json()
        assert (found["matched"], found["missed"]) == ((1000, 0) if stored else (0, 1000))

    asking(main, outputs=[storing if stored else "null:"])
