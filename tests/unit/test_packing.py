"""Packer: what is unpacked is the message that was packed, whatever it was read from."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from gelf_listener.codec.gelf.lenient import read_fields
from gelf_listener.message import Message, Peer
from gelf_listener.packing import Packer
from tests.unit.codec.test_vectors import VECTORS, decode, payload_of
from tests.unit.fakes import message

PACKER = Packer(read_fields)


def values(message: Message) -> dict[str, Any]:
    """All that a message says; texts of numbers, so that NaN equals itself and 1 is not 1.0."""
    names = "id key timestamp host short_message full_message level raw received_at input peer exact fields notes"
    return {name: repr(getattr(message, name)) for name in names.split()}


@pytest.mark.parametrize(("vector", "mode"), VECTORS)
def test_round_trip(vector: dict[str, Any], mode: str) -> None:
    """Of every vector of the codec; and once more, as a message that came back from a disk goes to another."""
    for made in decode([payload_of(vector)], mode).messages:
        back = PACKER.unpack(PACKER.pack(made))
        assert values(back) == values(made)
        assert values(PACKER.unpack(PACKER.pack(back))) == values(made)


def test_an_exact_payload_is_kept_once() -> None:
    """What the payload says is read from it again: neither its text nor the id as text are packed."""
    payload = b'{"version":"1.1","host":"web","short_message":"hello","timestamp":1.5,"level":6,"_user_id":42}'
    [made] = decode([payload], "lenient").messages
    packed = PACKER.pack(made)
    assert packed.count(b"hello") == 1
    assert len(packed) < len(payload) + 60
    assert PACKER.unpack(packed).fields == {"user_id": 42}


def test_an_id_from_elsewhere_stays() -> None:
    """Such as the message id of a broker."""
    made = message(stored_id="01JDCTWK6ZABCDEFGHJKMNPQRS")
    assert PACKER.unpack(PACKER.pack(made)).id == "01JDCTWK6ZABCDEFGHJKMNPQRS"


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1, 2**64, 10**400, -(10**400)])
def test_large_integers(value: int) -> None:
    """Msgpack has no room for them; a text in the array has."""
    back = PACKER.unpack(PACKER.pack(message(_fields={"large": value})))
    assert back.fields == {"large": value}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xc1",
        b"rot",
        msgspec.msgpack.encode(None),
        msgspec.msgpack.encode([]),
        msgspec.msgpack.encode(["id", 1.0, "in", None, 0]),
        msgspec.msgpack.encode(["id", 1.0, "in", None, 0, b"{}"]),
        msgspec.msgpack.encode([["x"], 1.0, "in", None, 0, b"{}"]),
        msgspec.msgpack.encode([[1, 2], "soon", "in", None, 0, b"{}"]),
        msgspec.msgpack.encode(["id", 1.0, "in", None, 0, b"{}", 1.0, "h", "s", None, 6, True, [], []]),
    ],
)
def test_no_packed_message(data: bytes) -> None:
    """What something else wrote, or a disk broke."""
    with pytest.raises(ValueError, match="no packed message"):
        PACKER.unpack(data)


def test_what_stands_before_payloads_is_read_of_many() -> None:
    """Their number is passed over, however large, and so is their length."""
    heads, expected = [], []
    for size, sequence in ((1, 1), (300, 200), (70_000, 70_000), (3, 1 << 40)):
        payload = b'{"version":"1.1","host":"h","short_message":"%b","timestamp":1}' % (b"x" * size)
        [made] = decode([payload], "lenient").messages
        made.sequence, made.peer = sequence, Peer("::1", size)
        heads.append(PACKER.pack(made).removesuffix(payload))
        expected.append((made.received_at, made.input, "::1", size))
    assert Packer.open_heads(heads) == expected
    assert Packer.open_heads([*heads, heads[0][:-2]]) is None
    assert Packer.open_heads([b"\x96\x92"]) is None
    assert Packer.open_heads([PACKER.pack(message())]) is None
