"""Receipt: messages and rejections carry how they arrived; a batch hands both over."""

from __future__ import annotations

import zlib

import pytest

from gelf_listener.codec import Batch, Receipt
from gelf_listener.errors import Reason, Rejected
from gelf_listener.message import Peer
from gelf_listener.notes import Deviation, Note
from tests.unit.fakes import FakeIntake

PEER = Peer("192.0.2.7", 5140)


def receipt() -> Receipt:
    return Receipt("in", PEER, 1e9, Batch())


def test_a_message_says_how_it_arrived() -> None:
    """What is not given is empty; the raw payload counts for the size of the batch."""
    of = receipt()
    message = of.message(b"raw", timestamp=5.0, host="h", short_message="text")
    of.add(message)
    assert (message.received_at, message.input, message.peer, message.raw) == (1e9, "in", PEER, b"raw")
    assert (message.full_message, message.level, message.fields, message.notes) == (None, None, {}, ())
    assert not message.exact
    assert of.batch.messages == [message]
    assert of.batch.size == 3


def test_a_message_keeps_what_it_is_given() -> None:
    """Every keyword arrives where it belongs."""
    notes = (Note(Deviation.BOOLEAN, "b"),)
    message = receipt().message(
        b"raw",
        timestamp=5.0,
        host="h",
        short_message="text",
        full_message="more",
        level=3,
        fields={"a": 1},
        notes=notes,
        id="01ARZ3NDEKTSV4RRFFQ69G5FAV",
    )
    assert (message.full_message, message.level, message.fields, message.notes) == ("more", 3, {"a": 1}, notes)
    assert message.id == "01ARZ3NDEKTSV4RRFFQ69G5FAV"


def test_messages_do_not_share_fields() -> None:
    """One that is given none gets a dict of its own."""
    of = receipt()
    first = of.message(b"", timestamp=1.0, host="h", short_message="1")
    first.fields["x"] = 1
    assert of.message(b"", timestamp=1.0, host="h", short_message="2").fields == {}


def test_a_rejection_says_how_the_payload_arrived() -> None:
    """Peer, input and time are those of the payload."""
    of = receipt()
    of.reject(Reason.INVALID_JSON, "why", b"bytes")
    (rejected,) = of.batch.rejected
    assert (rejected.reason, rejected.detail, rejected.payload) == (Reason.INVALID_JSON, "why", b"bytes")
    assert (rejected.peer, rejected.input, rejected.received_at) == (PEER, "in", 1e9)


def decode_nothing() -> None:
    try:
        zlib.decompress(b"nothing")
    except zlib.error as error:
        raise Rejected(Reason.EMPTY_PAYLOAD, "nothing") from error


def test_a_raised_rejection_is_stamped_and_lets_go_of_its_frames() -> None:
    """They would keep the inflated payload alive, and so would those of the error that it was raised for."""
    of = receipt()
    with pytest.raises(Rejected) as raised:
        decode_nothing()
    of.add_rejection(raised.value)
    assert of.batch.rejected == [raised.value]
    assert (raised.value.peer, raised.value.input, raised.value.received_at) == (PEER, "in", 1e9)
    assert raised.value.__traceback__ is raised.value.__cause__ is raised.value.__context__ is None


@pytest.mark.parametrize(("peer", "host", "sender"), [(PEER, "192.0.2.7", "192.0.2.7"), (None, "unknown", "")])
def test_who_sent_it(peer: Peer | None, host: str, sender: str) -> None:
    """The peer's address stands in for a host; limits count by it."""
    of = Receipt("in", peer, 0.0, Batch())
    assert (of.host, of.sender) == (host, sender)


def test_a_batch_is_handed_over_once() -> None:
    """Messages with their size in one call, rejections one by one; nothing of nothing."""
    intake = FakeIntake()
    Batch().hand_over(intake)
    assert (intake.messages, intake.sizes, intake.rejected) == ([], [], [])
    of = receipt()
    of.add(of.message(b"raw", timestamp=5.0, host="h", short_message="text"))
    of.reject(Reason.INVALID_JSON, "why")
    of.batch.hand_over(intake)
    assert (intake.messages, intake.sizes) == (of.batch.messages, [3])
    assert intake.rejected == of.batch.rejected
