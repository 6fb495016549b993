"""Batches: what one process packs, another has as it was, ids included."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from gelf_listener.codec import Batch, GelfDecoder
from gelf_listener.codec.gelf.lenient import read_fields
from gelf_listener.message import SEQUENCE_BITS, Message, Peer
from gelf_listener.workers.batches import BatchPacker
from tests.unit.fakes import message

PACKER = BatchPacker(read_fields)


def decoded(*payloads: bytes, peer: Peer | None = None, now: float = 1700000000.5) -> list[Message]:
    batch = Batch()
    peers = [peer or Peer("192.0.2.1", 4000)] * len(payloads)
    GelfDecoder("lenient", "udp").decode_datagrams(list(payloads), peers, now, batch)
    return batch.messages


def values(found: Message) -> dict[str, Any]:
    """All that anybody can ask a message."""
    names: tuple[str, ...] = (
        "timestamp",
        "host",
        "short_message",
        "full_message",
        "level",
        "raw",
        "received_at",
        "input",
        "peer",
    )
    names += ("exact", "fields", "notes", "id", "key")
    return {name: getattr(found, name) for name in names}


EXACT = b'{"version":"1.1","host":"web","short_message":"a","timestamp":1.5,"level":3,"_n":1,"_t":"x"}'
PAYLOADS = [
    EXACT,
    b'{"version":"1.1","host":"web","short_message":"b","full_message":"c\\nd","timestamp":2,"_x":0.5}',
    b'{"host":"no version","message":"old key","level":"warning","_nested":{"a":[1,true]}}',
    b'{"version":"1.1","host":"big","short_message":"n","timestamp":3,"_n":123456789012345678901234567890}',
    b'{"version":"1.1","host":"big","short_message":"l","timestamp":3,"level":123456789012345678901234567890}',
]


def test_what_was_packed_is_unpacked() -> None:
    """Payloads that are in order and those that were repaired, in one batch."""
    messages = decoded(*PAYLOADS)
    assert [found.exact for found in messages].count(True) >= 2
    again, size = PACKER.unpack(PACKER.pack(messages))
    assert [values(found) for found in again] == [values(found) for found in messages]
    assert size == sum(len(found.raw) for found in messages)


def test_several_peers_and_reads() -> None:
    """In the order they came, whatever they have in common with their neighbours."""
    one, other = Peer("192.0.2.1", 1), Peer("2001:db8::1", 2)
    messages = decoded(EXACT, EXACT, peer=one) + decoded(EXACT, peer=other) + decoded(EXACT, peer=one, now=2.5)
    messages += [message("from a file", peer=None, input="file")]
    again, _ = PACKER.unpack(PACKER.pack(messages))
    assert [values(found) for found in again] == [values(found) for found in messages]


def test_a_stored_message_keeps_its_id() -> None:
    """One that had an id before it came here."""
    stored = message("a", stored_id="01HF7YAT00000000000000000A")
    again, _ = PACKER.unpack(PACKER.pack([stored]))
    assert again[0].id == "01HF7YAT00000000000000000A"


def test_ids_of_another_process() -> None:
    """Are the same in both, and its sequences are not mistaken for ours."""
    script = (
        "import sys; from gelf_listener.workers.batches import BatchPacker\n"
        "from gelf_listener.codec.gelf.lenient import read_fields\n"
        "from tests.unit.workers.test_batches import EXACT, decoded\n"
        "found = decoded(EXACT, b'{}', EXACT)\n"
        "sys.stdout.buffer.write(BatchPacker(read_fields).pack(found))\n"
        "sys.stderr.write(' '.join(f'{each.id} {each.key}' for each in found))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, timeout=120, check=True)
    there, _ = PACKER.unpack(done.stdout)
    assert " ".join(f"{each.id} {each.key}" for each in there) == done.stderr.decode()
    here = decoded(EXACT)[0]
    assert here.sequence < 1 << SEQUENCE_BITS
    assert all(each.sequence >= 1 << SEQUENCE_BITS for each in there)
    assert len({each.sequence for each in there}) == len(there) == 2


def test_what_cannot_be_written() -> None:
    """Half an emoji, which no valid payload can bring here."""
    with pytest.raises(ValueError, match="surrogates not allowed"):
        PACKER.pack([message("\ud83d")])


def test_damage() -> None:
    """Bytes that are something else."""
    with pytest.raises(ValueError, match="not a packed batch"):
        PACKER.unpack(b"\x93\x01\x02\x03")
