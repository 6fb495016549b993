"""Message: the one value, its laws and its id."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gelf_listener.message import SEQUENCE_BITS, FieldValue, Message, Peer, ids_of, ulid, ulid_key, ulid_milliseconds


def make(**changes: object) -> Message:
    values: dict[str, object] = {
        "timestamp": 1700000000.5,
        "host": "web",
        "short_message": "hello",
        "full_message": None,
        "level": 6,
        "raw": b"{}",
        "received_at": 1700000001.0,
    }
    return Message(**(values | changes))  # type: ignore[arg-type]


def test_sequence_and_id_increase() -> None:
    """Messages made one after the other sort by id in that order, also within a millisecond."""
    messages = [make() for _ in range(1000)]
    assert sorted(message.id for message in messages) == [message.id for message in messages]
    assert len({message.id for message in messages}) == 1000


@given(st.floats(0, 1e10), st.floats(0, 1e10), st.integers(0, 2**40), st.integers(0, 2**40))
def test_ulid_sorts_by_time_first(one: float, two: float, first: int, second: int) -> None:
    """Time decides, then the sequence."""
    low, high = sorted(((int(one * 1000), first), (int(two * 1000), second)))
    if low != high:
        assert ulid(low[0] / 1000 + 1e-7, low[1]) < ulid(high[0] / 1000 + 1e-7, high[1])
    assert len(ulid(one, first)) == 26


def test_ulid_survives_odd_clocks() -> None:
    """A clock before 1970 or far in the future does not raise."""
    assert ulid(-5.0, 1).startswith("0000000000")
    assert len(ulid(1e30, 1)) == 26


@given(
    st.lists(
        st.tuples(
            st.sampled_from((-1.0, 1.7e9, 1.7e9 + 0.0004, 1.7e9 + 0.001, 1e30)),
            st.integers(0, 600) | st.integers(0, 1 << 70),
            st.sampled_from(("", "", "01JDCTWK6ZABCDEFGHJKMNPQRS")),
        )
    )
)
def test_ids_of_many_are_those_of_each(parts: list[tuple[float, int, str]]) -> None:
    """Also of those from other processes, and of some that were stored before."""
    messages = [make(received_at=at, sequence=sequence, stored_id=id) for at, sequence, id in parts]
    messages += [make(sequence=number | 5 << SEQUENCE_BITS) for number in range(700)]
    assert ids_of(messages) == [message.id for message in messages]


@given(st.text(st.sampled_from("0123456789ABCDEFGHJKMNPQRSTVWXYZ") | st.characters(), max_size=30))
def test_numbers_of_ulids(id: str) -> None:
    """Whatever stands in them: a sign, a blank, an underscore and digits of other scripts count as 0."""
    values = ["0123456789ABCDEFGHJKMNPQRSTVWXYZ".find(character) for character in id]
    number = 0
    for value in values[:10]:
        number = number << 5 | max(value, 0)
    assert ulid_milliseconds(id) == number
    number = 0
    for value in values[-13:]:
        number = number << 5 | max(value, 0)
    assert ulid_key(id) == number & (1 << 64) - 1


def test_document_is_gelf_1_1() -> None:
    """The document has the known keys first and a prefix on every additional field; no nulls."""
    message = make(full_message="long", _fields={"user_id": 42, "ok": True})
    assert message.document() == {
        "version": "1.1",
        "host": "web",
        "short_message": "hello",
        "full_message": "long",
        "timestamp": 1700000000.5,
        "level": 6,
        "_user_id": 42,
        "_ok": True,
    }
    assert msgspec.json.decode(message.to_gelf()) == message.document()
    assert "level" not in make(level=None).document()


def test_exact_payload_is_not_encoded_again() -> None:
    """An exact message writes what it received."""
    assert make(raw=b'{"as":"received"}', exact=True).to_gelf() == b'{"as":"received"}'


def test_fields_are_opened_once() -> None:
    """The codec's part of a lazy message runs on first use only, for fields and notes together."""
    calls = []

    def open_fields(raw: bytes) -> tuple[dict[str, object], tuple[()]]:
        calls.append(raw)
        return {"a": 1}, ()

    message = make(_open=open_fields)
    assert message.notes == ()
    assert message.fields == {"a": 1}
    assert message.fields is message.fields
    assert calls == [b"{}"]


def test_peer_reads_as_an_address() -> None:
    """IPv6 is in brackets."""
    assert str(Peer("::1", 5)) == "[::1]:5"
    assert str(Peer("127.0.0.1", 5)) == "127.0.0.1:5"
    for peer in (Peer("::1", 5), Peer("127.0.0.1", 0)):
        assert Peer.parse(str(peer)) == peer
    assert Peer.parse(None) is Peer.parse("") is None


def test_it_is_shown_in_a_line() -> None:
    """As it stands in a failed assertion: what tells it from others, however much it holds."""
    fields: dict[str, FieldValue] = {f"f{number}": "v" * 100 for number in range(20)}
    message = Message(1.0, "web", "x" * 1000, "trace" * 1000, 3, b"raw" * 1000, 1.0, _fields=fields)
    assert len(repr(message)) < 700
    assert repr(message).startswith("<Message level=3 'web' 'xxx")
    small = Message(1.0, "web", "paid", None, 6, b"", 1.0, _fields={"user_id": 42})
    assert repr(small) == "<Message level=6 'web' 'paid' user_id='42'>"


def test_other_names_are_explained() -> None:
    """Graylog's, and those of additional fields."""
    message = Message(1.0, "web", "paid", None, 6, b"", 1.0, _fields={"user_id": 42})
    with pytest.raises(AttributeError, match="no attribute 'message'; it is short_message"):
        _ = message.message
    with pytest.raises(AttributeError, match=r"no attribute 'user_id'; additional fields are in \.fields"):
        _ = message.user_id
    assert not hasattr(message, "nothing")
