"""Ids: a message is found by its id, whether it was made when the message arrived or came with it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from gelf_listener.message import Message, is_ulid, ulid, ulid_milliseconds
from gelf_listener.query import parse
from gelf_listener.store.parameters import EVERYTHING
from gelf_listener.store.tantivy_store import TantivyStore
from tests.unit.store.samples import plain

ARRIVED = 1_700_000_000.9996


def arriving(text: str, received_at: float = ARRIVED, stored_id: str = "") -> Message:
    message = plain(text)
    message.received_at, message.stored_id = received_at, stored_id
    return message


async def filled(path: Path, messages: list[Message]) -> TantivyStore:
    from gelf_listener.codec.gelf.lenient import read_fields

    store = TantivyStore(path, read_fields, commit_seconds=0)
    await store.open()
    await store.add(messages)
    return store


@pytest.mark.parametrize("received_at", [ARRIVED, 0.0, -5.0, 0.0009995, 1e300, 1_700_000_000.0, 1_700_000_000.9999999])
def test_messages_of_one_moment_are_told_apart(tmp_path: Path, received_at: float) -> None:
    """By the API and by a query; also where their time is not one that an id can begin with."""

    async def main() -> None:
        messages = [arriving(f"m{number}", received_at) for number in range(300)]
        store = await filled(tmp_path, messages)
        for message in messages[::50]:
            found = await store.get(message.id)
            assert found is not None
            assert found.short_message == message.short_message
            for query in (f"_id:{message.id}", message.id):
                hits = await store.search(parse(query).node, EVERYTHING)
                assert [hit.id for hit in hits.messages] == [message.id]
            assert await store.count(parse(f"NOT _id:{message.id}").node, EVERYTHING) == 299
        await store.close()

    asyncio.run(main())


def test_an_id_of_another_time(tmp_path: Path) -> None:
    """A message from a queue keeps the id it came with, whatever time that says, and is there once."""

    async def main() -> None:
        ids = [ulid(1_600_000_000.0, 1), ulid(1_600_000_000.0, 2), "not a ULID, but 26 letters", "short"]
        store = await filled(tmp_path, [arriving(id, stored_id=id) for id in ids])
        await store.add([arriving(id, ARRIVED + 10, stored_id=id) for id in ids])
        assert await store.count(parse("*").node, EVERYTHING) == 4
        for id in ids[:3]:
            found = await store.get(id)
            assert found is not None
            assert found.short_message == id
        assert await store.get(ulid(1_600_000_000.0, 3)) is None
        assert await store.get(ulid(ARRIVED, 1)) is None
        await store.close()

    asyncio.run(main())


def test_what_was_received_comes_again_with_its_id(tmp_path: Path) -> None:
    """From a disk buffer, after a crash, thousands at once: none is there twice, and what is new is taken."""

    async def main() -> None:
        messages = [arriving(f"m{number}", ARRIVED + number / 1000) for number in range(500)]
        store = await filled(tmp_path, messages)
        again = [arriving(message.short_message, message.received_at, message.id) for message in messages]
        await store.add([*again, arriving("new", ARRIVED, ulid(ARRIVED, 1, 7))])
        assert await store.count(parse("*").node, EVERYTHING) == 501
        await store.close()

    asyncio.run(main())


def test_the_time_in_an_id() -> None:
    """In milliseconds, cut off; a text of other characters is not an id."""
    assert ulid_milliseconds(ulid(ARRIVED, 5)) == 1_700_000_000_999
    assert ulid_milliseconds(ulid(-1.0, 5)) == 0
    assert is_ulid(ulid(ARRIVED, 5))
    assert not is_ulid("u" * 26)
    assert not is_ulid("")
