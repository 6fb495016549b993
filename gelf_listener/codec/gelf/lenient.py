"""
GELF JSON -> Message, leniently: accept what can be understood, lose nothing silently, say so in the notes.

Rules and their sources are in docs/decoding.md. The fast path takes a document that deviates from GELF 1.1 in
nothing but its additional fields: one typed parse checks the known fields and the syntax of the rest, which is
read when somebody asks for it. Everything else goes through the `Normaliser`, key by key.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Annotated, Any

import msgspec

from gelf_listener.codec.batch import Batch
from gelf_listener.codec.gelf.keys import note
from gelf_listener.codec.gelf.normaliser import Normaliser, pick_fields, read_plain
from gelf_listener.codec.gelf.tolerant import Found, find_values
from gelf_listener.codec.pickles import PICKLE_ADVICE, is_pickle
from gelf_listener.codec.receipt import Receipt
from gelf_listener.codec.strikes import Strikes
from gelf_listener.codec.times import SECONDS_MAX, SECONDS_MIN
from gelf_listener.errors import Reason
from gelf_listener.message import FieldValue, Message, Peer
from gelf_listener.notes import Deviation, Note

MAX_STRUCTURE = 1_000_000
"""Most brackets and commas in one payload: parsed, each may cost a hundred times its byte."""

MAX_FAILURES_A_SECOND = 200
"""Payloads of one sender that are looked at closely, in vain, in a second."""

_BYTES_A_FAILURE = 1024
"""A failure counts once more for each so many bytes, because looking closely costs a microsecond for each."""

VALUES_A_STEP = 64
"""Values of one payload that are decoded before others have their turn; some of them take a millisecond."""

MAX_IN_VAIN = 100
"""Values of one payload, in a row, that may not be messages before the rest is given up as a whole."""

_MAX_KNOWN_HOSTS = 4096
_MAX_KNOWN_HOST = 255


class _Known(msgspec.Struct, gc=False):
    """A document whose known fields are in order; the parser checks them and skips the rest."""

    host: str
    short_message: str
    timestamp: Annotated[float, msgspec.Meta(ge=SECONDS_MIN, lt=SECONDS_MAX)]
    level: Annotated[int, msgspec.Meta(ge=0, le=7)] | None = None
    full_message: str | None = None


_KNOWN_ONLY = msgspec.json.Decoder(_Known)
"""Parses 415 bytes in 1.4 microseconds, a dict of them takes 2.2 and as much again to keep and free (`make bench`)."""


_NO_RECEIPT = Receipt("", None, 0.0, Batch())
"""For reading the fields of a message that arrived long ago: nothing is added to it."""

_SURROGATE_PAIR = re.compile(rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}")
_SURROGATE = re.compile(rb"\\u[dD][89abAB][0-9a-fA-F]{2}|\\u[dD][c-fC-F][0-9a-fA-F]{2}")


Foreign = Callable[[dict[str, Any], bytes, Receipt, bool], bool]
"""
Takes a document that is not GELF: the object, its payload, how it arrived, and whether a strict parser read it.

Returns False for one it cannot read either.
"""


class LenientGelf:
    """
    Decodes GELF payloads in the `lenient` mode.

    Guarantee: every object in a payload becomes either one message or one rejection in the batch. After a hundred
    values in a row that are none, the rest of the payload becomes one rejection.

    Args:
        input: Name put on messages and rejections.
        foreign: Reads documents that are not GELF, such as those of other loggers; without it they are read as GELF.
    """

    def __init__(self, input: str = "", foreign: Foreign | None = None) -> None:
        self.input = input
        self._foreign = foreign
        self._failures = Strikes(MAX_FAILURES_A_SECOND)
        self._hosts: set[str] = set()
        """Hosts seen before that are not blank: one look-up instead of three checks."""

    def decode_all(
        self,
        payloads: Iterable[tuple[bytes, Peer | None]],
        received_at: float,
        batch: Batch,
        most: int | None = None,
    ) -> None:
        """
        Decode inflated payloads.

        One loop with everything in local names, because it runs once per log line: see `make bench`.

        Args:
            payloads: Bytes and who sent them. Each is one GELF document, or several: newline-delimited,
                concatenated or in an array.
            received_at: UTC Unix seconds.
            batch: Takes the results.
            most: Values of one payload that are decoded; the rest of it is rejected. None: all.
        """
        parse = _KNOWN_ONLY.decode
        input = self.input
        hosts = self._hosts
        append = batch.messages.append
        size = 0
        for payload, peer in payloads:
            try:
                known = parse(payload)
            except (ValueError, RecursionError):
                self._decode_carefully(payload, Receipt(input, peer, received_at, batch), most=most)
                continue
            host = known.host
            short_message = known.short_message
            if (
                (host in hosts or self._is_usable(host))
                # The first test alone tells nearly always that the text is not blank.
                and ("!" <= short_message < "\x7f" or short_message.strip())
                and (payload.isascii() or _is_utf8(payload))  # the parser does not look into strings it skips
            ):
                append(
                    Message(
                        known.timestamp,
                        host,
                        short_message,
                        known.full_message,
                        known.level,
                        payload,
                        received_at,
                        input,
                        peer,
                        10 not in payload
                        and (92 not in payload or not _has_lone_surrogate(payload)),  # newline, backslash
                        read_fields,
                    )
                )
                size += len(payload)
                continue
            self._decode_carefully(payload, Receipt(input, peer, received_at, batch), most=most)
        batch.size += size

    def decode(self, payload: bytes, received_at: float, peer: Peer | None, batch: Batch) -> None:
        """Decode one payload; see `decode_all`."""
        self.decode_all(((payload, peer),), received_at, batch)

    def decode_in_steps(self, payload: bytes, received_at: float, peer: Peer | None, batch: Batch) -> Iterator[None]:
        """Decode one payload that may hold many documents; each `yield` lets others have their turn."""
        try:
            _KNOWN_ONLY.decode(payload)
        except (ValueError, RecursionError):
            yield from self._careful_steps(payload, Receipt(self.input, peer, received_at, batch))
        else:
            self.decode(payload, received_at, peer, batch)

    def _is_usable(self, host: str) -> bool:
        """Look at a host for the first time, and remember it when it is not blank."""
        if not host.strip():
            return False
        if len(host) <= _MAX_KNOWN_HOST:
            if len(self._hosts) >= _MAX_KNOWN_HOSTS:
                self._hosts.clear()
            self._hosts.add(host)
        return True

    def decode_noted(self, payload: bytes, noted: Note, receipt: Receipt) -> None:
        """Decode one payload whose messages get a note."""
        self._decode_carefully(payload, receipt, (noted,))

    def _decode_carefully(
        self, payload: bytes, receipt: Receipt, notes: tuple[Note, ...] = (), most: int | None = None
    ) -> None:
        """Decode at once what the fast path does not take."""
        for number, _ in enumerate(self._careful_steps(payload, receipt, notes), 1):
            if most is not None and number * VALUES_A_STEP >= most:
                detail = f"more than {most} messages in one payload; the rest of it was not looked at"
                receipt.reject(Reason.TOO_COMPLEX, detail, payload)
                return

    def _careful_steps(self, payload: bytes, receipt: Receipt, notes: tuple[Note, ...] = ()) -> Iterator[None]:
        """Decode what the fast path does not take, some values at a time."""
        if too_complex(payload):
            receipt.reject(Reason.TOO_COMPLEX, f"more than {MAX_STRUCTURE} brackets and commas", payload)
            return
        document = _parse_object(payload)
        if document is None and payload.endswith(b"\0"):  # C clients count the end of their string
            payload = payload.rstrip(b"\0 \t\r\n")
            notes = (*notes, note(Deviation.TRAILING_BYTES))
            document = _parse_object(payload)
        if document is None:
            yield from self._tolerant_steps(payload, notes, receipt)
        else:
            _decode_document(document, payload, notes, receipt, self._foreign, strict=True)

    def _tolerant_steps(self, payload: bytes, notes: tuple[Note, ...], receipt: Receipt) -> Iterator[None]:
        """Decode what the strict parser refused, or what is not a single object."""
        if is_pickle(payload):
            receipt.reject(Reason.UNEXPECTED_PROTOCOL, PICKLE_ADVICE, payload)
            return
        if self._failures.exceeded(receipt.sender, receipt.time):
            detail = f"no JSON; not looked at closely, because this sender sent more than {MAX_FAILURES_A_SECOND} such"
            receipt.reject(Reason.INVALID_JSON, detail, payload)
            return
        in_vain: list[int] = []
        yield from _decode_values(payload, notes, receipt, self._foreign, in_vain.append)
        if in_vain:
            self._failures.add(receipt.sender, len(in_vain) + sum(in_vain) // _BYTES_A_FAILURE)


def _decode_values(
    payload: bytes,
    notes: tuple[Note, ...],
    receipt: Receipt,
    foreign: Foreign | None,
    failed: Callable[[int], None],
) -> Iterator[None]:
    """Decode each value of a payload; tell how long each was that is not a message."""
    found: Found | None = None
    in_vain = 0
    """Values in a row that were not messages."""

    def reject(reason: Reason, detail: str, raw: bytes) -> None:
        receipt.reject(reason, detail, raw)
        failed(len(raw))

    for count, found in enumerate(find_values(payload)):
        if count and count % VALUES_A_STEP == 0:
            yield
        raw = found.text.encode("utf-8", "replace")
        messages = len(receipt.batch.messages)
        if found.error is not None:
            reject(Reason.INVALID_JSON, found.error, raw)
        elif type(found.value) is not dict:
            reject(Reason.NOT_AN_OBJECT, f"JSON, but not an object: {type(found.value).__name__}", raw)
        else:
            _decode_document(found.value, raw, notes + found.notes, receipt, foreign, strict=False)
            if len(receipt.batch.messages) == messages:
                failed(len(raw))
        in_vain = 0 if len(receipt.batch.messages) > messages else in_vain + 1
        if in_vain == MAX_IN_VAIN:
            detail = f"{in_vain} values in a row were not messages; the rest of the payload was not looked at"
            reject(Reason.TOO_COMPLEX, detail, payload)
            return
    if found is None:
        reject(Reason.EMPTY_PAYLOAD, "nothing but white space and NULs" if payload else "no bytes but NULs", payload)


def _decode_document(
    document: dict[str, Any],
    raw: bytes,
    notes: tuple[Note, ...],
    receipt: Receipt,
    foreign: Foreign | None,
    *,
    strict: bool,
) -> None:
    """Normalise one document and file the result."""
    if foreign is not None and "short_message" not in document and foreign(document, raw, receipt, strict):
        return
    message = Normaliser(document, notes, receipt, strict=strict).message(raw)
    if message is None:
        receipt.reject(Reason.NO_MESSAGE, "no short_message, message or full_message with any text", raw)
    else:
        receipt.add(message)


def _has_lone_surrogate(payload: bytes) -> bool:
    """Whether half of an escaped surrogate pair seems to be there: it may not be passed on to strict parsers."""
    if b"\\ud" not in payload and b"\\uD" not in payload:
        return False
    unescaped = payload.replace(b"\\\\", b"")  # an escaped backslash before a u escapes nothing
    return _SURROGATE.search(_SURROGATE_PAIR.sub(b"", unescaped)) is not None


def _is_utf8(payload: bytes) -> bool:
    try:
        payload.decode()
    except UnicodeDecodeError:
        return False
    return True


def _parse_object(payload: bytes) -> dict[str, Any] | None:
    if payload[:1] == b"[":
        return None  # whatever is in it, and however long that would take
    try:
        document = msgspec.json.decode(payload)
    except (ValueError, RecursionError):
        return None
    return document if type(document) is dict else None


def too_complex(payload: bytes) -> bool:
    """Whether parsing would cost memory out of all proportion; small payloads cannot."""
    if len(payload) <= 2 * MAX_STRUCTURE:
        return False
    return payload.count(b",") + payload.count(b"[") + payload.count(b"{") > MAX_STRUCTURE


def read_fields(payload: bytes) -> tuple[dict[str, FieldValue], tuple[Note, ...]]:
    """
    Read the additional fields of a payload whose known fields are in order.

    Returns:
        The fields, and the notes on them.
    """
    if too_complex(payload):
        return {}, (note(Deviation.TOO_MANY_FIELDS),)
    strict = True
    try:
        document = msgspec.json.decode(payload)
    except (ValueError, RecursionError):  # a number out of range or a lone surrogate, which the fast path skips over
        document = next(iter(find_values(payload))).value
        strict = False
    if type(document) is not dict:  # nested deeper than the stack was, when the fast path skipped over it
        return {}, (note(Deviation.DEEP_NESTING),)
    if strict and _is_plain(document):
        read = read_plain(document)  # what nearly all are, without an object for each
        if read is not None:
            return read[0], tuple(read[1])
    normaliser = Normaliser(document, (), _NO_RECEIPT, strict=strict)
    normaliser.note_version()
    normaliser.note_nulls()
    normaliser.read_fields()
    return normaliser.fields, tuple(normaliser.notes)


def _is_plain(document: dict[str, Any]) -> bool:
    """Whether there is nothing to note on a document but what its additional fields have."""
    return (
        document.get("version") == "1.1"
        and document.get("level", 0) is not None
        and document.get("full_message", 0) is not None
    )


def read_document(payload: bytes) -> tuple[dict[str, Any], tuple[str, ...], tuple[Any, ...]] | None:
    """
    Read a payload whose known fields are in order, all at once: for an index, which needs every value of it.

    Returns:
        The whole document, and the names and values of its additional fields, unread (see `pick_fields`). None when
        they have to be read by `read_fields`; that finds the same of texts, floats and whole numbers of 64 bits.
    """
    try:
        document = msgspec.json.decode(payload)
    except (ValueError, RecursionError):
        return None
    if type(document) is not dict or not _is_plain(document):
        return None
    picked = pick_fields(document)
    return None if picked is None else (document, *picked)
