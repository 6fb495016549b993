"""Long arrays: read element by element, so others have their turn, and what is behind the end of one does not matter."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gelf_listener.codec import Batch, GelfDecoder
from gelf_listener.codec.gelf.tolerant import MAX_REPAIR_CHARACTERS
from gelf_listener.errors import Reason

DOCUMENTS: list[dict[str, Any]] = [
    {"host": "web1", "short_message": f"message {number}", "_text": "ä\n]}," * 20, "_number": number}
    for number in range(MAX_REPAIR_CHARACTERS // 100)
]
TEXTS = [document["short_message"] for document in DOCUMENTS]


def decoded(payload: bytes) -> tuple[Batch, list[int]]:
    """Decode in steps; return the batch, and how many messages it had after each."""
    batch = Batch()
    decoder = GelfDecoder()
    return batch, [batch.count for _ in decoder.decode_in_steps([payload], 1e9, None, batch)]


@pytest.mark.parametrize("form", [{}, {"indent": 1}, {"separators": (",", ":")}, {"ensure_ascii": False}])
def test_gives_what_its_elements_give(form: dict[str, Any]) -> None:
    """However it is written; those of a short array, and notes, are the same."""
    batch, counts = decoded(json.dumps(DOCUMENTS, **form).encode())
    short, _ = decoded(json.dumps(DOCUMENTS[:2], **form).encode())
    assert [message.short_message for message in batch.messages] == TEXTS
    assert batch.rejected == []
    assert [(m.raw, m.notes, m.fields) for m in batch.messages[:2]] == [
        (m.raw, m.notes, m.fields) for m in short.messages
    ]
    assert len(counts) > len(DOCUMENTS) / 100


def test_is_not_looked_at_as_a_whole_first() -> None:
    """The first step gives messages although the end of the array cannot be parsed, and nothing is lost for it."""
    payload = json.dumps(DOCUMENTS).encode()
    batch, counts = decoded(payload[:-1] + b', {"short_message" nonsense}]')
    assert 0 < counts[1] < 200
    assert [message.short_message for message in batch.messages] == TEXTS
    assert [rejected.reason for rejected in batch.rejected] == [Reason.INVALID_JSON]


def test_one_that_is_cut_off_gives_what_came() -> None:
    """As a client leaves it that ends within a request."""
    batch, _ = decoded(json.dumps(DOCUMENTS).encode()[:-20])
    assert [message.short_message for message in batch.messages] == TEXTS[:-1]
    assert [rejected.reason for rejected in batch.rejected] == [Reason.INVALID_JSON]


def test_several_behind_one_another() -> None:
    """And what else is there: an element that is no object, an empty array."""
    long = json.dumps([1, *DOCUMENTS]).encode()
    batch, _ = decoded(long + b"\n[]\n" + long + b'{"short_message": "last"}')
    assert [message.short_message for message in batch.messages] == [*TEXTS, *TEXTS, "last"]
    assert [rejected.reason for rejected in batch.rejected] == [Reason.NOT_AN_OBJECT] * 2
