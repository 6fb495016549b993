"""Lint: everything in which a payload deviates from GELF 1.1, and what a real Graylog would do with it."""

from __future__ import annotations

import re
import time
from typing import NamedTuple

from gelf_listener.codec.batch import Batch
from gelf_listener.codec.clients import guess_client
from gelf_listener.codec.gelf.decoder import GelfDecoder, Mode
from gelf_listener.codec.gelf.keys import note
from gelf_listener.codec.gelf.tolerant import find_values
from gelf_listener.errors import Reason, Rejected
from gelf_listener.message import Message, Peer
from gelf_listener.notes import Deviation, Note

_JAVA_SPACE = "".join(map(chr, range(0x21)))
"""What Graylog takes off both ends of a value."""
_NAMED_BLANK = ("version", "host", "short_message")
"""What decoding has a note for when it is blank."""
_LOST_LATER = (Reason.REFUSED_BY_INDEX, Reason.TIMESTAMP_OUT_OF_RANGE)
"""The client gets no error, and the codec none either."""
_DROPPED = (Deviation.BOOLEAN, Deviation.NULL)
"""What Graylog drops in additional fields."""

_CHUNKING = (
    "it does not chunk as GELF does",
    "send a header of 12 bytes with the same id and count in each chunk, numbered from 0, at most 128",
)
_COMPRESSION = ("it cuts what it compressed, or compresses in another way", "send zlib, gzip, or plain JSON")
_BUGS: dict[Reason, tuple[str, str]] = {
    Reason.EMPTY_PAYLOAD: ("it sends blank lines, or something to keep a connection alive", "send messages only"),
    Reason.UNKNOWN_COMPRESSION: _COMPRESSION,
    Reason.CORRUPT_COMPRESSION: _COMPRESSION,
    Reason.PAYLOAD_TOO_LARGE: ("it logs whole documents", "cut texts before sending"),
    Reason.CHUNK_TOO_SHORT: _CHUNKING,
    Reason.CHUNK_COUNT_OUT_OF_RANGE: _CHUNKING,
    Reason.CHUNK_NUMBER_OUT_OF_RANGE: _CHUNKING,
    Reason.CHUNK_COUNT_MISMATCH: _CHUNKING,
    Reason.CHUNK_NESTED: _CHUNKING,
    Reason.CHUNKS_INCOMPLETE: ("it sends faster than the network takes, or not all chunks", "send over TCP, or less"),
    Reason.FRAME_TOO_LARGE: ("it does not end messages, or logs whole documents", "send a NUL after each message"),
    Reason.FRAME_TRUNCATED: ("it closes the connection within a message", "send a NUL after each message, then close"),
    Reason.INVALID_JSON: ("it writes JSON by hand, cuts it, or sends something else", "use a JSON encoder"),
    Reason.NOT_AN_OBJECT: ("it sends a bare text or value", 'send an object: {"version": "1.1", "host": ...}'),
    Reason.TOO_COMPLEX: ("it sends a whole graph of objects", "send flat fields"),
    Reason.NO_MESSAGE: ("it sends fields only, or has another name for the text", "send short_message"),
    Reason.UNEXPECTED_PROTOCOL: ("it speaks another protocol than this port", "choose another port or protocol"),
}
"""Of a rejection: the client's likely bug, and the fix."""
_OTHER_BUG = ("it does not write GELF 1.1", "see what GELF 1.1 has")
_SYSLOG_BUG = ("it speaks syslog", "send it to a syslog input (--also-input syslog+udp://, or syslog+tcp://), or GELF")
_TLS_BUG = ("it speaks TLS, and this port does not", "send it to gelf+tls (port 12204 with --tls-cert), or without TLS")
_HTTP_BUG = ("it speaks HTTP", "send it to gelf+http, port 12203")
_TEXT_BUG = (
    "it sends plain text",
    "run the program with gelf-listener pipe, have the input read text (gelf+udp://...?read=text), or send GELF",
)
_TEXT = re.compile(rb"[\w<\[(\"'/.-]", re.ASCII)
_HTTP = re.compile(rb"(?:GET|HEAD|POST|PUT|DELETE|OPTIONS|PATCH) \S+ HTTP/")


class Verdict(NamedTuple):
    """
    What is to be said of a payload.

    Attributes:
        notes: Deviations from GELF 1.1, each with what Graylog does (`Deviation.graylog`) and advice.
        messages: What the `lenient` mode makes of the payload.
        rejected: What even that mode refuses.
        stored: What a real Graylog would store.
        refused: Why a real Graylog would refuse the payload, in its words; empty when it would not.
    """

    notes: tuple[Note, ...]
    messages: tuple[Message, ...]
    rejected: tuple[Rejected, ...]
    stored: tuple[Message, ...]
    refused: tuple[Rejected, ...]

    @property
    def clean(self) -> bool:
        """Whether the payload is GELF 1.1 as it should be, and Graylog stores all of it."""
        return bool(self.stored) and not (self.notes or self.rejected or self.refused)

    @property
    def client(self) -> str:
        """The client that probably sent it; empty when nothing tells."""
        payloads = [message.raw for message in self.messages] or [rejected.payload for rejected in self.rejected]
        return guess_client(payloads[0]) if payloads else ""

    def lines(self) -> list[str]:
        """
        Return the verdict for a person.

        Each finding is a line, followed by indented ones: what Graylog does, the client's likely bug, and the fix.
        """
        lines = []
        for rejected in self.rejected:
            cause, advice = _bug(rejected)
            if self.stored:
                graylog = "drops it and keeps what came first" if self.messages else "stores it"
                lines += finding(f"refused here: {rejected.detail}", graylog, cause, advice)
            else:
                lines += finding(f"refused by both: {rejected.detail}", "rejects it", cause, advice)
        for each in self.notes:
            lines += finding(str(each), each.deviation.graylog, each.deviation.cause, each.deviation.advice)
        if not self.rejected:
            for refused in self.refused:
                does = "loses" if refused.reason in _LOST_LATER else "rejects"
                lines.append(f"Graylog {does} it: {refused.detail}")
        if not (self.messages or self.rejected):
            lines.append("a chunk: the rest of its message is missing")
        return lines


def lint(payload: bytes, peer: Peer | None = None) -> Verdict:
    """
    Judge a payload as it came from the wire, compressed or not.

    Args:
        payload: A datagram, frame or body.
        peer: Who sent it, which stands in for a missing host.
    """
    ours, graylogs = _decode("lenient", payload, peer), _decode("graylog", payload, peer)
    notes: dict[tuple[Deviation, str], Note] = {}
    for message in ours.messages:
        for each in (*message.notes, *_space_notes(message.raw)):
            if each.deviation in _DROPPED and any(
                each.field.removeprefix("_") in kept.fields for kept in graylogs.messages
            ):
                continue  # facility, file and line of GELF 1.0 become texts and numbers
            notes.setdefault((each.deviation, each.field.removeprefix("_")), each)
    for message in graylogs.messages:
        for each in message.notes:
            notes.setdefault((each.deviation, each.field.removeprefix("_")), each)
    return Verdict(
        tuple(notes.values()),
        tuple(ours.messages),
        tuple(ours.rejected),
        tuple(graylogs.messages),
        tuple(graylogs.rejected),
    )


def advice(rejected: Rejected) -> str:
    """Say what a client probably does wrong, and how to repair it: a sentence."""
    cause, fix = _bug(rejected)
    return f"{cause[:1].upper()}{cause[1:]}: {fix}."


def _bug(rejected: Rejected) -> tuple[str, str]:
    """Return the client's likely bug, and the fix; what was sent tells more than why it was refused."""
    payload = rejected.payload.lstrip()
    if payload[:2] == b"\x16\x03":
        return _TLS_BUG
    if guess_client(rejected.payload).startswith("syslog"):
        return _SYSLOG_BUG
    if rejected.reason is Reason.INVALID_JSON and _TEXT.match(payload) is not None:
        return _HTTP_BUG if _HTTP.match(payload) is not None else _TEXT_BUG
    return _BUGS.get(rejected.reason, _OTHER_BUG)


def finding(wrong: str, graylog: str, cause: str, advice: str) -> list[str]:
    """Return the lines of a finding: what is wrong, what Graylog does, the likely bug and the fix."""
    return [wrong, f"    Graylog {graylog}", f"    likely bug: {cause}", f"    fix: {advice}"]


def _decode(mode: Mode, payload: bytes, peer: Peer | None) -> Batch:
    batch = Batch()
    GelfDecoder(mode, "lint").decode(payload, time.time(), peer, batch)
    return batch


def _space_notes(raw: bytes) -> list[Note]:
    """Note empty and padded strings, which decoding does not look for because it keeps them."""
    notes = []
    found = next(find_values(raw), None)
    for key, value in found.value.items() if found is not None and isinstance(found.value, dict) else ():
        if not isinstance(value, str) or (key in _NAMED_BLANK and not value.strip(_JAVA_SPACE)):
            continue
        if not value.strip(_JAVA_SPACE):
            notes.append(note(Deviation.EMPTY_VALUE, key))
        elif value != value.strip(_JAVA_SPACE):
            notes.append(note(Deviation.SURROUNDING_SPACE, key))
    return notes
