"""
Session: one connection of the forward protocol, in its four modes and in JSON.

An event, or a chunk of them, is read piece by piece: what it holds is handed over as it comes, and its acknowledgement
is answered behind the last of it. So no chunk has to fit into memory, and long ones leave others their turn.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator
from typing import Any, NamedTuple, TypeAlias

import msgspec

from gelf_listener.codec.forward.chunks import Pieces, is_compressed
from gelf_listener.codec.forward.entries import Chunk
from gelf_listener.codec.forward.handshake import Handshake
from gelf_listener.codec.forward.json_scanner import JsonScanner
from gelf_listener.codec.forward.scanner import Scanner, length_of
from gelf_listener.codec.forward.values import read_value, text_of
from gelf_listener.codec.inflater import Inflater
from gelf_listener.codec.receipt import Receipt
from gelf_listener.codec.scrub import encode_json
from gelf_listener.codec.session import Session
from gelf_listener.errors import Reason, Rejected

_NIL = 0xC0
"""A value by itself, which some clients send as a heartbeat."""
_BLANKS = b" \t\r\n"
_COMPRESSED_PIECE = 4096
_HEAD = "not Fluentd's forward protocol: an event is an array of a tag, and a time with a record or events"

_loosely = json.JSONDecoder(strict=False, parse_constant=str)

Steps: TypeAlias = Generator[None, None, Any]
"""Stops where bytes are missing, or where others should have their turn; returns what it read."""


class ForwardLimits(NamedTuple):
    """
    What a connection may take.

    Attributes:
        max_event_bytes: Longest event.
    """

    max_event_bytes: int


class ForwardSession(Session):
    """
    Events in, acknowledgements out.

    Args:
        limits: What it may take.
        inflater: Knows who sends decompression bombs; of the input.
        handshake: Comes first, where the server has a shared key.
    """

    def __init__(self, limits: ForwardLimits, inflater: Inflater, handshake: Handshake | None = None) -> None:
        self._limits = limits
        self._inflater = inflater
        self._buffer = bytearray()
        self._at = 0
        """How much of the buffer was read."""
        self._scanner = Scanner(limits.max_event_bytes)
        self._entries: _Entries | None = None
        self._answers: list[bytes] = []
        self._receipt: Receipt
        if handshake is not None:
            self.greeting = handshake.hello
        self._steps = self._run(handshake)

    @property
    def pending_bytes(self) -> int:
        """Bytes of an event or a chunk that has not ended."""
        pending = len(self._buffer) - self._at
        return pending if self._entries is None else pending + self._entries.pending_bytes

    def feed(self, data: bytes, receipt: Receipt) -> bytes:
        """Take bytes; return acknowledgements."""
        if self._at:
            del self._buffer[: self._at]
            self._at = 0
        self._buffer += data
        self._receipt = receipt
        self.has_more = False
        next(self._steps, None)
        answers, self._answers = self._answers, []
        return b"".join(answers)

    def feed_eof(self, receipt: Receipt) -> bytes:
        """End the stream; a chunk that has not ended is the client's to send again."""
        answers = self.feed(b"", receipt)
        while self.has_more:
            answers += self.feed(b"", receipt)
        if self.pending_bytes and not self.ended:
            detail = "the connection ended in the middle of an event"
            receipt.reject(Reason.FRAME_TRUNCATED, detail, self._buffer[self._at :])
            self._buffer.clear()
            self._at = 0
        return answers

    # What is expected, step by step

    def _run(self, handshake: Handshake | None) -> Iterator[None]:
        if handshake is not None:
            yield from self._shake_hands(handshake)
        while not self.ended:
            while self._at >= len(self._buffer):
                yield
            first = self._buffer[self._at]
            if first == _NIL or first in _BLANKS:
                self._at += 1
            elif first in b"[{":
                yield from self._json_event()
            else:
                yield from self._event()

    def _shake_hands(self, handshake: Handshake) -> Steps:
        while not self._buffer:
            yield
        kind, _, _ = yield from self._head()
        if kind != "array":
            raise Rejected(Reason.UNEXPECTED_PROTOCOL, "a client without a shared key", self._buffer)
        raw = yield from self._raw()
        pong, refused = handshake.answer(read_value(raw))
        self._answers.append(pong)
        if refused:
            self._receipt.reject(Reason.PEER_NOT_ALLOWED, refused)  # without its digests
            self.ended = True
            self._buffer.clear()
            self._at = 0

    def _event(self) -> Steps:
        """Read an event, or a chunk of them."""
        kind, count, size = yield from self._head()
        if kind != "array" or count < 2:
            raise Rejected(Reason.UNEXPECTED_PROTOCOL, _HEAD, self._buffer[self._at :])
        self._at += size
        tag = text_of(read_value((yield from self._raw())))
        kind, length, size = yield from self._head()
        used = 2
        if kind == "bytes":
            self._at += size
            yield from self._packed(tag, length)
        elif kind == "array":
            self._at += size
            chunk = Chunk(tag)
            for _ in range(length):
                _take_packed(chunk, (yield from self._raw()), self._receipt)
        elif count < 3:
            raise Rejected(Reason.UNEXPECTED_PROTOCOL, _HEAD, self._buffer[self._at :])
        else:
            used = 3
            time = read_value((yield from self._raw()))
            raw = yield from self._raw()
            Chunk(tag).take(time, read_value(raw), raw, self._receipt)
        for number in range(used, count):
            option = read_value((yield from self._raw()))
            if number == used and isinstance(option, dict) and option.get("chunk"):
                self._answers.append(msgspec.msgpack.encode({"ack": option["chunk"]}))

    def _head(self) -> Steps:
        """Return the head of the next value; see `length_of`."""
        while (found := length_of(self._buffer, self._at)) is None:
            yield
        return found

    def _raw(self) -> Steps:
        """Return the next value as it came."""
        while not (end := self._scanner.end(self._buffer, self._at)):
            yield
        raw = bytes(self._buffer[self._at : end])
        self._at = end
        return raw

    def _packed(self, tag: str, length: int) -> Steps:
        """Read events of which only the bytes are known, plain or compressed, whatever the options say."""
        while len(self._buffer) - self._at < min(length, 4):
            yield
        start = self._buffer[self._at : self._at + 4]
        entries = self._entries = _Entries(tag, self._limits.max_event_bytes)
        try:
            if length >= 4 and is_compressed(start):
                room = self._inflater.room(self._receipt)
                yield from self._compressed(entries, Pieces(start, room), length)
            else:
                yield from self._plain(entries, length)
        finally:
            self._entries = None

    def _plain(self, entries: _Entries, left: int) -> Steps:
        while left:
            piece = yield from self._some(left)
            left -= len(piece)
            entries.feed(piece, self._receipt)
        entries.finish(self._receipt)

    def _compressed(self, entries: _Entries, pieces: Pieces, length: int) -> Steps:
        left = length
        while left:
            piece = yield from self._some(min(left, _COMPRESSED_PIECE))
            left -= len(piece)
            if entries.is_broken:
                continue
            try:
                for plain in pieces.feed(piece, last=not left):
                    entries.feed(plain, self._receipt)
                    if entries.is_broken:  # what is wrong with the rest of the piece would depend on how it was read
                        break
                    yield from self._let_others()
            except Rejected as rejected:
                self._judge(rejected, entries)
        self._inflater.judge(length, pieces.total, self._receipt)
        if not (pieces.is_whole or entries.is_broken):
            entries.give_up(Reason.CORRUPT_COMPRESSION, "a compressed chunk that is cut short", self._receipt)
        entries.finish(self._receipt)

    def _judge(self, rejected: Rejected, entries: _Entries) -> None:
        """Go on behind a damaged chunk, which the client would send again and again; not behind one that is a bomb."""
        if rejected.reason is Reason.PAYLOAD_TOO_LARGE:
            self._inflater.strike(self._receipt)
            raise rejected
        entries.give_up(rejected.reason, rejected.detail, self._receipt)

    def _some(self, most: int) -> Steps:
        """Return what there is, some of it at least."""
        while self._at >= len(self._buffer):
            yield
        piece = bytes(self._buffer[self._at : self._at + most])
        self._at += len(piece)
        return piece

    def _let_others(self) -> Steps:
        """Stop for a moment, although there is more to do."""
        self.has_more = True
        yield

    def _json_event(self) -> Steps:
        """Read an event in JSON: a tag, a time and a record, or events."""
        scanner = JsonScanner(self._limits.max_event_bytes)
        while not (end := scanner.end(self._buffer, self._at)):
            yield
        raw = bytes(self._buffer[self._at : end])
        self._at = end
        value, strict = _read_json(raw)
        if not isinstance(value, list) or len(value) < 2:
            raise Rejected(Reason.UNEXPECTED_PROTOCOL, _HEAD, raw)
        chunk, used = Chunk(text_of(value[0])), 2
        if isinstance(value[1], list):
            for entry in value[1]:
                _take_pair(
                    chunk, entry, raw if len(value[1]) == 1 else encode_json(entry), self._receipt, strict=strict
                )
        elif len(value) > 2:
            used = 3
            chunk.take(value[1], value[2], raw, self._receipt, strict=strict)
        else:
            raise Rejected(Reason.UNEXPECTED_PROTOCOL, _HEAD, raw)
        option = value[used] if len(value) > used else None
        if isinstance(option, dict) and option.get("chunk"):
            self._answers.append(encode_json({"ack": option["chunk"]}))


class _Entries:
    """
    Events one behind the other: what a packed chunk holds.

    Args:
        tag: Of all of them.
        max_bytes: Longest one.
    """

    def __init__(self, tag: str, max_bytes: int) -> None:
        self._chunk = Chunk(tag)
        self._buffer = bytearray()
        self._scanner = Scanner(max_bytes)
        self.is_broken = False
        """Whether what came cannot be read, so that neither can the rest of the chunk."""

    @property
    def pending_bytes(self) -> int:
        """Bytes of an event that has not ended."""
        return len(self._buffer)

    def feed(self, data: bytes, receipt: Receipt) -> None:
        """Take bytes of them."""
        if self.is_broken:
            return
        buffer, scanner, at = self._buffer, self._scanner, 0
        buffer += data
        try:
            while at < len(buffer) and (end := scanner.end(buffer, at)):
                _take_packed(self._chunk, bytes(buffer[at:end]), receipt)
                at = end
        except Rejected as rejected:
            if rejected.reason is Reason.FRAME_TOO_LARGE:
                raise
            self.give_up(rejected.reason, rejected.detail, receipt)
        else:
            del buffer[:at]

    def give_up(self, reason: Reason, detail: str, receipt: Receipt) -> None:
        """Reject what cannot be read, and with it the rest."""
        receipt.reject(reason, detail, self._buffer)
        self._buffer.clear()
        self.is_broken = True

    def finish(self, receipt: Receipt) -> None:
        """End them."""
        if self._buffer:
            self.give_up(Reason.FRAME_TRUNCATED, "a chunk that ends in the middle of an event", receipt)


def _take_packed(chunk: Chunk, raw: bytes, receipt: Receipt) -> None:
    _take_pair(chunk, read_value(raw), raw, receipt)


def _take_pair(chunk: Chunk, entry: object, raw: bytes, receipt: Receipt, *, strict: bool = True) -> None:
    """Take one of several events: a time and a record."""
    if not isinstance(entry, list) or len(entry) < 2:
        receipt.reject(Reason.NOT_AN_OBJECT, "an event that is not a pair of a time and a record", raw)
        return
    chunk.take(entry[0], entry[1], raw, receipt, strict=strict)


def _read_json(raw: bytes) -> tuple[Any, bool]:
    """
    Parse JSON; return it, and whether a strict parser read it.

    Raises:
        Rejected: If it is none.
    """
    try:
        return msgspec.json.decode(raw), True
    except (ValueError, RecursionError):
        pass
    try:
        return _loosely.decode(raw.decode("utf-8", "replace")), False
    except (ValueError, RecursionError) as error:
        raise Rejected(Reason.INVALID_JSON, f"an event in JSON that is not valid: {error}", raw) from None
