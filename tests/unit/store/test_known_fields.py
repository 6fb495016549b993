"""The table of known fields: each is searched, sorted, grouped, exported and shown, in both stores alike."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from gelf_listener.api.graylog.message_encoding import flat
from gelf_listener.api.native.encoding import message_document
from gelf_listener.api.native.search import _csv_writer
from gelf_listener.api.pages import find_page
from gelf_listener.message import Message, Peer
from gelf_listener.query import compile_predicate, fields
from gelf_listener.query.fields import KNOWN_FIELDS, KNOWN_NAMES, Known, getter, is_time_field
from gelf_listener.query.nodes import Exists, Node, Term
from gelf_listener.rendering.graylog_times import iso
from gelf_listener.store.memory_store import MemoryStore
from gelf_listener.store.parameters import EVERYTHING, Sort, ValuesGroup
from tests.unit.store.embedded import opened
from tests.unit.store.samples import START, decoded, plain

NAMES = [
    name
    for known in KNOWN_FIELDS
    for name in (known.name, *known.aliases)
    if name != "gl2_source_node"  # an embedded store is one listener's; see test_shared_listeners for the others
]


def messages() -> list[Message]:
    """Every one different in every known field, and one that has only what every message has."""
    found = []
    for number in range(1, 5):
        message = plain(f"word{number}", f"Web-{number}", at=number, level=number, full_message=f"full{number}")
        message.peer = Peer(f"10.0.0.{number}", 1000 + number)
        message.input = f"gelf+udp-{number}"
        message.node = f"listener-{number}"
        message.received_at = START + 100 + number
        found.append(message)
    bare = plain("bare", "other", level=None)
    bare.input, bare.received_at = "", START + 200
    return [*found, bare]


def asked(name: str, message: Message) -> Term:
    value = getter(name)(message)
    return Term(name, iso(float(str(value))) if is_time_field(name) else str(value))


@pytest.fixture
def size() -> Iterator[str]:
    """Another known field, added as anybody would: with one line."""
    known = Known("gl2_size", lambda message: len(message.short_message), "exact", "long", always=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(fields.KNOWN_NAMES, "gl2_size", known)
        yield "gl2_size"


def check(name: str, path: Path) -> None:
    async def main() -> None:
        judge, found = MemoryStore(clock=lambda: START), messages()
        await judge.add(found)
        async with opened(path, clock=lambda: START) as store:
            await store.add(found)
            questions: list[Node] = [Exists(name), *(asked(name, message) for message in found[:4])]
            for question in questions:
                hits = await store.search(question, EVERYTHING)
                expected = await judge.search(question, EVERYTHING)
                assert [each.id for each in hits.messages] == [each.id for each in expected.messages], question
                assert hits.total
            for descending in (False, True):
                sort = Sort(name, descending)
                hits = await store.search(Exists(name), EVERYTHING, sort=sort)
                expected = await judge.search(Exists(name), EVERYTHING, sort=sort)
                assert [each.id for each in hits.messages] == [each.id for each in expected.messages]
            rows = await store.aggregate(Exists(name), EVERYTHING, [ValuesGroup(name)])
            assert rows == await judge.aggregate(Exists(name), EVERYTHING, [ValuesGroup(name)])
            assert await store.statistics(Exists(name), EVERYTHING, name) == await judge.statistics(
                Exists(name), EVERYTHING, name
            )

    asyncio.run(main())


@pytest.mark.parametrize("name", NAMES)
def test_a_known_field_is_asked_like_any_other(name: str, tmp_path: Path) -> None:
    """Search, presence, sort both ways, top values, statistics."""
    check(name, tmp_path)


@pytest.mark.parametrize("name", ["version", "_version", "_host", "_source", "_message", "_level", "host_"])
def test_a_sent_field_is_found_as_it_was_sent(name: str, tmp_path: Path) -> None:
    """Whatever it is stored as: GELF's `_host` is not its `host`; searched, counted, grouped and sorted by."""

    async def main() -> None:
        sent = [
            b'{"version":"1.1","host":"web","short_message":"hello","level":6,"_version":"%d","_host":"%d",'
            b'"_source":"%d","_message":"%d","_level":"%d"}' % ((number,) * 5)
            for number in (1, 2, 2)
        ]
        async with opened(tmp_path, clock=lambda: START) as store:
            await store.add(decoded(*sent))
            rows = await store.aggregate(Exists(name), EVERYTHING, [ValuesGroup(name)])
            assert [(row.keys, row.messages) for row in rows] == [(("2",), 2), (("1",), 1)]
            assert await store.count(Term(name, "2"), EVERYTHING) == 2
            hits = await store.search(Exists(name), EVERYTHING, sort=Sort(name, descending=False))
            assert [getter(name)(message) for message in hits.messages] == ["1", "2", "2"]
            assert (await store.statistics(Exists(name), EVERYTHING, name)).distinct == 2

    asyncio.run(main())


def test_another_known_field_is_one_line(size: str, tmp_path: Path) -> None:
    """Without a place in the index it is slower, and means the same."""
    check(size, tmp_path)


@pytest.mark.parametrize("known", KNOWN_FIELDS, ids=lambda known: known.name)
def test_a_known_field_is_exported_and_shown(known: Known) -> None:
    """In CSV by any of its names, and in Graylog's document under its own."""
    message, other = messages()[:2]
    value = known.get(message)
    assert value is not None
    for name in (known.name, *known.aliases):
        row = _csv_writer((name,), raw=True)([message]).decode().strip()
        assert row.startswith(iso(float(value))[:-1]) if known.matching == "time" else row == str(value)
    shown = flat(message, (), "node")[known.name]
    if known.matching == "time":  # gl2_receive_timestamp is written as Graylog's store has it
        assert str(shown).replace(" ", "T").removesuffix("Z") + "Z" == iso(float(value))
    else:
        assert shown == value
    predicate = compile_predicate(asked(known.name, message))
    assert predicate(message)
    assert predicate(other) is (known.get(other) == value)


@pytest.mark.parametrize("name", NAMES)
def test_a_known_field_is_on_the_page(name: str) -> None:
    """Its script gets the table, and a message of the API has the value where the table says."""
    page = find_page("/ui/known.js")
    assert page is not None
    match = re.search(rb"KNOWN = (\[.*\]);", page.body)
    assert match is not None
    (known,) = [each for each in json.loads(match[1]) if name in (each["name"], *each["aliases"])]
    for message in messages():
        document = message_document(message)
        value = document[known["property"]] if known["property"] else document["known"].get(known["name"])
        assert (None if value == "" else value) == KNOWN_NAMES[name].get(message)


def test_both_stores_list_them() -> None:
    """With the type that Graylog's mapping has."""

    async def main() -> None:
        assert [(each.name, each.types) for each in await MemoryStore().fields()] == sorted(
            (known.name, (known.type,)) for known in KNOWN_FIELDS
        )

    asyncio.run(main())
