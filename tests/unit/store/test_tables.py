"""Tables: whatever bytes are laid out as tables come back, one by one and all together."""

from __future__ import annotations

import random
import uuid

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from gelf_listener.store.tables import Block, pack_block, unpack_block

HEADS = st.sampled_from([b"", b"\x96\x01", b"\x96\x02", b',"', b', "', b'{"'])
FIELDS = st.sampled_from(
    [
        b"",
        b'a":1',
        b'a":2',
        b'b":"x"',
        b'b":"y,',
        b'b":"',
        b'b": "y"',
        b'c":""',
        b'c":"x"}',
        b'c":2}',
        b'":',
        b",",
        b'"',
    ]
)
PAYLOADS = st.builds(
    lambda cut, fields: b'{"' + cut.join(fields),
    st.sampled_from([b',"', b', "', b","]),
    st.lists(FIELDS, min_size=2, max_size=4),
)
ROWS = st.lists(st.builds(lambda head, payload: head + payload, HEADS, PAYLOADS), max_size=40)
ANY = st.lists(st.binary(max_size=12), max_size=20)


def service(chance: random.Random, number: int) -> bytes:
    """Return what one line of a service might be."""
    id = uuid.UUID(int=chance.getrandbits(128))
    level, path = chance.choice((3, 6)), f"/orders/{chance.randrange(1000)}"
    return (
        f'{{"host":"web-{number % 3}","level":{level},"_id":"{id}","_serial":"{number:08d}","_path":"{path}"}}'.encode()
    )


@settings(max_examples=200, deadline=None)
@given(ROWS | ANY)
def test_what_was_packed_is_unpacked(messages: list[bytes]) -> None:
    """In any order."""
    block = unpack_block(b"".join(pack_block(messages)))
    for _ in range(2):
        assert [block[place] for place in range(len(messages))] == messages
    assert list(block) == messages
    assert len(block) == len(messages)
    assert block[1:3] == messages[1:3]


@settings(max_examples=200, deadline=None)
@given(ROWS | ANY, st.data())
def test_some_messages_are_those_at_their_places(messages: list[bytes], data: st.DataObject) -> None:
    """However many are asked for."""
    chosen = data.draw(st.sets(st.sampled_from(range(len(messages)))) if messages else st.just(set()))
    block = unpack_block(b"".join(pack_block([*messages, *messages, *messages])))
    assert isinstance(block, Block)
    places = sorted(chosen | {place + len(messages) for place in chosen})
    for some in (places[:3], places, range(len(block))):
        assert block.pick(some) == [(messages * 3)[place] for place in some]


def test_messages_with_as_many_fields_are_a_table() -> None:
    """It holds once what is in all of them, and takes half of them or less."""
    chance = random.Random(1)
    messages = [service(chance, number) for number in range(300)]
    messages[7] = b"nobody is like me"
    messages[9] = b'{"' + b',"' * 600  # so many columns are not worth it
    data = b"".join(pack_block(messages))
    block = unpack_block(data)
    assert isinstance(block, Block)
    assert len(block.tables) == 1
    assert block.numbers.count(0) == 2
    assert block.tables[0].texts[1:3] == [b'{"host":"', b'","level":']
    assert len(block.tables[0].columns) == 6
    assert len(data) < sum(map(len, messages)) * 0.6
    assert list(block) == messages


def test_blocks_of_earlier_versions() -> None:
    """Are lists of messages."""
    messages = [b"one", b"two"]
    assert unpack_block(msgspec.msgpack.encode(messages)) == messages
