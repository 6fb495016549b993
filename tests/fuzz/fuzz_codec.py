"""
A coverage-guided fuzz target for the codec (atheris).

By hand: ``python tests/fuzz/fuzz_codec.py CORPUS_DIR -max_total_time=60``. The first byte of an input chooses what is
fuzzed; the rest is fed to it. Anything but messages and rejections is a finding.
"""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["gelf_listener"]):
    from gelf_listener.codec import Batch, Decoder, Limits
    from gelf_listener.codec.framing import Framer
    from gelf_listener.message import Peer
    from gelf_listener.query import QueryError, parse

PEER = Peer("192.0.2.1", 5000)
LIMITS = Limits(max_payload_bytes=65_536, max_pending_messages=16, max_pending_bytes=65_536)
DECODERS = (Decoder("lenient", "fuzz", LIMITS), Decoder("graylog", "fuzz", LIMITS))


def check(batch: Batch) -> None:
    """Look into everything a batch has: lazy parts must not raise either."""
    for message in batch.messages:
        assert message.host
        assert b"\n" not in message.to_gelf()
        for name, value in message.fields.items():
            assert name
            assert type(value) in (str, int, float, bool)
        assert all(str(note) for note in message.notes)
    for rejected in batch.rejected:
        assert rejected.detail


def fuzz_decoder(data: bytes, decoder: Decoder) -> None:
    """Feed one datagram."""
    batch = Batch()
    decoder.decode(data, 1e9, PEER, batch)
    decoder.expire(2e9, batch)
    check(batch)


def fuzz_framer(data: bytes) -> None:
    """Feed a stream in two cuts and look at the frames."""
    framer = Framer(max_frame_bytes=4096, max_payload_bytes=4096)
    batch = Batch()
    middle = len(data) // 2
    frames = framer.feed(data[:middle], batch.rejected) if middle else []
    frames += framer.feed(data[middle:], batch.rejected)
    frames += framer.feed_eof(batch.rejected)
    assert framer.pending_bytes == 0
    for frame in frames:
        assert len(frame) <= 4096
        DECODERS[0].decode(frame, 1e9, PEER, batch)
    check(batch)


def fuzz_query(data: bytes) -> None:
    """Parse a query; what parses must print and parse to the same."""
    text = data[:2000].decode("utf-8", "replace")
    try:
        node = parse(text).node
    except QueryError as error:
        assert 1 <= error.column <= len(text) + 2  # noqa: PT017  (a fuzz target, not a test)
        return
    assert parse(str(node)).node == node


def fuzz_one(data: bytes) -> None:
    """Choose by the first byte."""
    if not data:
        return
    choice, rest = data[0] % 4, data[1:]
    if choice == 2 and rest:
        fuzz_framer(rest)
    elif choice == 3:
        fuzz_query(rest)
    elif rest:
        fuzz_decoder(rest, DECODERS[choice % 2])


if __name__ == "__main__":
    atheris.Setup(sys.argv, fuzz_one)
    atheris.Fuzz()
