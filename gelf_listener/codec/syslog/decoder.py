"""
Syslog -> Message: RFC 5424, RFC 3164 and what is sent in their name.

Fields are those of Graylog's syslog input: ``level``, ``facility`` (its name), ``facility_num``, ``application_name``,
``process_id`` and the parameters of structured data; ``message_id`` besides, and tag and process id of RFC 3164, which
Graylog leaves in the text. What cannot be taken apart is kept whole, with a note. A text that is a GELF document, by
itself or behind the CEE cookie, is read as one, so a record keeps its types this way too; and so is other loggers'
JSON.
"""

from __future__ import annotations

import datetime as dt
import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from gelf_listener.codec.batch import Batch
from gelf_listener.codec.gelf.keys import note, read_key
from gelf_listener.codec.gelf.normaliser import Normaliser
from gelf_listener.codec.pickles import PICKLE_ADVICE, is_pickle
from gelf_listener.codec.receipt import Receipt
from gelf_listener.codec.syslog.bsd import parse_bsd
from gelf_listener.codec.syslog.devices import SAYS_MORE, read_device
from gelf_listener.codec.syslog.facilities import FACILITIES
from gelf_listener.codec.syslog.stamps import Clock, iso_seconds, read_stamp
from gelf_listener.codec.syslog.structured_data import StructuredData, parse_structured_data
from gelf_listener.codec.syslog.texts import CEE, NO_TAG, read_body, undo_escapes
from gelf_listener.codec.text.plain import read_header
from gelf_listener.codec.text.reading import Reading
from gelf_listener.codec.times import SECONDS_MAX, SECONDS_MIN
from gelf_listener.errors import Reason, Rejected
from gelf_listener.message import FieldValue, Message, Peer
from gelf_listener.notes import Deviation, Note

_log = logging.getLogger(__name__)


_PRIORITIES = {f"<{number}>": (number & 7, number >> 3) for number in range(192)}
_VERSIONED = {f"{text}1": priority for text, priority in _PRIORITIES.items()}
"""Priority and version of RFC 5424: one look-up finds out both."""

_PRIORITY = re.compile(r"<(\d{1,10})>", re.ASCII)
_LOOSE = re.compile(
    r"(?:<([^<>\s]{0,16})>)?(1) +(-|\d{4}-\d\d-\d\d[Tt ]+\d\d:\d\d:\d\d[^ ]*) +(?=[^ ])(.*)", re.DOTALL | re.ASCII
)
"""RFC 5424 with blanks where one should be, a priority that is not a number, or none."""
_BLANKS = re.compile(" +")
_TRAILING = "\0\r\n"
_GELF_ELEMENT = "gelf@32473"
"""SD-ID under which gelf-handlers sends a GELF message; its ``full_message`` and ``facility`` are the message's own."""


_FULL_MESSAGE = "full message"
"""Where that stands for a moment; no field has a blank in its name."""

_RESERVED = frozenset(
    ("facility", "facility_num", "application_name", "process_id", "message_id", "original_timestamp")
)


@lru_cache(maxsize=1024)
def _stored_names(names: tuple[tuple[str, str], ...], expand: bool) -> list[str]:
    """Return the field names of parameters: clean, different from each other and from those of the header."""
    stored: list[str] = []
    used = set(_RESERVED)
    for identifier, name in names:
        if name == "full_message" and identifier == _GELF_ELEMENT:
            stored.append(_FULL_MESSAGE)
            continue
        if name == "facility" and identifier == _GELF_ELEMENT:  # the service's, as in its GELF messages
            stored.append(name)
            continue
        clean = unique = read_key(f"_{identifier}_{name}" if expand else f"_{name}").clean
        number = 1
        while unique in used:
            number += 1
            unique = f"{clean}_{number}"
        used.add(unique)
        stored.append(unique)
    return stored


_RELAYED = re.compile(
    r"(?P<priority><\d{1,3}>)"
    r"(?:1 (?:\d{4}-\d\d-\d\dT|- )|[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \S|\d{4}-\d\d-\d\dT\d\d:)"
    r"|1 \d{4}-\d\d-\d\dT[\d:.]{8,18}(?:Z|[+-]\d\d:\d\d) \S{1,255} \S{1,48} \S{1,128} \S{1,32} (?:-|\[)"
)
"""A whole message behind the header of a relay."""


class SyslogOptions(NamedTuple):
    """
    Options of Graylog's syslog input.

    Attributes:
        store_full_message: Keep the text as it came as ``full_message``.
        expand_structured_data: Put the SD-ID before the names of parameters.
        allow_override_date: Use the receive time for a time stamp that is missing or unusable; otherwise reject.
        zone: Of time stamps without an offset; None: this machine's.
        host: Of messages that name none; empty: the peer's address, with a note.
        charset: Of messages that are not UTF-8; empty: none.
        zone_names: What names of zones mean, where that is not what `zones.ZONES` says.
    """

    store_full_message: bool = False
    expand_structured_data: bool = False
    allow_override_date: bool = True
    zone: dt.tzinfo | None = None
    zone_names: Mapping[str, dt.tzinfo] = {}
    charset: str = ""
    host: str = ""


class _Parts(NamedTuple):
    """What was found in a payload, before the options say what becomes of it."""

    payload: bytes
    whole: str
    """The payload as text."""
    timestamp: float | None
    host: str
    text: str
    full_message: str | None
    level: int | None
    fields: dict[str, FieldValue]
    notes: tuple[Note, ...]
    is_read: bool = False
    """Whether the text is plain, or in a device's own way of writing, which was read: it needs no second look."""


class SyslogDecoder:
    """
    Decodes syslog messages.

    Guarantee: every payload becomes one message or one rejection; none raises.

    Args:
        input: Name put on messages and rejections.
        options: Of Graylog's input.
    """

    def __init__(self, input: str = "", options: SyslogOptions = SyslogOptions()) -> None:  # noqa: B008
        self.input = input
        self.options = options
        self._depth = 0
        """Within how many headers a message is."""
        self._fast = not options.store_full_message
        self._expand = options.expand_structured_data
        self._clock = Clock(0.0, options.zone, options.zone_names)

    def decode_datagrams(
        self, payloads: Sequence[bytes], peers: Sequence[Peer | None], now: float, batch: Batch
    ) -> None:
        """Decode what one read gave, a message a datagram; see `decode_all`."""
        self.decode_all(zip(payloads, peers, strict=True), now, batch)

    def decode_all(self, payloads: Iterable[tuple[bytes, Peer | None]], now: float, batch: Batch) -> None:
        """
        Decode payloads.

        Args:
            payloads: Bytes and who sent them, a message each.
            now: UTC Unix seconds: the receive time.
            batch: Takes the results.
        """
        receipt = Receipt(self.input, None, now, batch)
        self._clock = self._clock._replace(now=now)
        for payload, peer in payloads:
            receipt.peer = peer
            try:
                message = self._decode(payload, receipt)
            except Rejected as rejected:
                receipt.add_rejection(rejected)
            except Exception:  # noqa: BLE001  (a bug in reading one payload must not lose the others)
                _log.exception("%s: a payload of %s failed", self.input, peer)
                receipt.reject(Reason.UNEXPECTED_PROTOCOL, "a bug of the decoder; the log has the details", payload)
            else:
                batch.messages.append(message)
                batch.size += len(payload)

    def _decode(self, payload: bytes, receipt: Receipt) -> Message:
        notes: tuple[Note, ...] = ()
        try:
            text = payload.decode()
        except UnicodeDecodeError:
            charset = self.options.charset
            text = payload.decode(charset or "utf-8", "replace")
            notes = () if charset else (note(Deviation.INVALID_UTF8),)
        text = text.rstrip(_TRAILING)
        if "#0" in text:
            text, undone = undo_escapes(text)
            notes += undone
        # What nearly all are: seven words, of which the last holds structured data and text (see `make bench`).
        words = text.split(" ", 6)
        if len(words) >= 6 and words[0] in _VERSIONED and words[2] and words[3] and words[4] and words[5]:
            stamp = words[1]
            seconds = None if stamp == "-" else iso_seconds(stamp, self.options.zone)
            if len(words) == 6:
                words.append("")  # nothing behind MSGID: structured data is missing
            if words[3][:4] in ("CEF:", "LEEF"):  # CyberArk, QRadar: nothing between host and text
                words[3:] = ["-", "-", "-", "- " + text.split(" ", 3)[3]]
            # A time that is none (23:59:60, a 32nd) is told from other formats by structured data, where it has to be.
            if stamp == "-" or (
                stamp[10:11] == "T" and (seconds is not None or (words[6][:1] in ("-", "[") and "0" <= stamp[0] <= "9"))
            ):
                return self._decode_5424(words, seconds, payload, text, notes, receipt)
        if not text.strip():
            raise Rejected(
                Reason.EMPTY_PAYLOAD, "nothing but blanks and NULs" if payload else "no bytes at all", payload
            )
        if text[0] != "<" and is_pickle(payload):
            raise Rejected(Reason.UNEXPECTED_PROTOCOL, PICKLE_ADVICE, payload)
        loose = _loose_5424(text, self.options.zone)
        if loose is not None:
            if loose[0][0] not in _VERSIONED:
                notes += (note(Deviation.SYSLOG_PRIORITY, "", loose[0][0] or "missing"),)
            return self._decode_5424(*loose, payload, text, notes, receipt)
        return self._within(self._message(self._parse_bsd(text, payload, notes), receipt), payload, receipt)

    def _within(self, message: Message, payload: bytes, receipt: Receipt) -> Message:
        """Return the message that a relay put a header of its own in front of; what a program prints is its text."""
        text = message.short_message
        match = _RELAYED.match(text) if text[:1] in "<1" and not self._depth else None
        if match is None or "application_name" in message.fields:
            return message
        head = payload[: payload.find(b">") + 1] if match["priority"] is None and payload[:1] == b"<" else b""
        self._depth = 1
        try:
            found = self._decode(head + text.encode(), receipt)
        except Rejected:
            return message
        finally:
            self._depth = 0
        found.raw = payload
        found.fields.setdefault("relay", message.host)
        return found

    def _decode_5424(
        self,
        words: list[str],
        seconds: float | None,
        payload: bytes,
        whole: str,
        notes: tuple[Note, ...],
        receipt: Receipt,
    ) -> Message:
        """Make a message of RFC 5424's seven words."""
        head, stamp, host, app, process_id, message_id, rest = words
        priority = _VERSIONED.get(head)
        level = None if priority is None else priority[0]
        fields: dict[str, FieldValue] = (
            {} if priority is None else {"facility": FACILITIES[priority[1]], "facility_num": priority[1]}
        )
        if seconds is None and stamp != "-":
            notes += (note(Deviation.TIMESTAMP_INVALID, "timestamp"),)
            fields["original_timestamp"] = stamp
        if app != "-":
            fields["application_name"] = app
        if process_id != "-":
            fields["process_id"] = process_id
        if message_id != "-":
            fields["message_id"] = message_id
        full_message = None
        data: StructuredData | None = None
        if rest[:2] == "- ":
            text = rest[2:]
        else:
            parsed = parse_structured_data(rest)
            if parsed is None:
                text = rest
                notes += (note(Deviation.SYSLOG_STRUCTURED_DATA),)
            else:
                data, text = parsed
                full_message = self._take_data(data, fields)
        first = text[:1]
        if first in ("\ufeff", " "):  # a blank: rsyslog's template passes on the one of RFC 3164
            text = text[1:]
        elif (
            self._fast
            and "A" <= first <= "z"
            and host not in ("", "-")
            and seconds is not None
            and SECONDS_MIN <= seconds < SECONDS_MAX
            and "\n" not in text
            and SAYS_MORE.match(text) is None
        ):  # what nearly all are: `_message` has nothing to look at, and keywords cost time (see `make bench`, syslog)
            return Message(
                *(seconds, host, text, full_message, level, payload, receipt.time),
                *(receipt.input, receipt.peer, False, None, fields, notes),
            )
        if not text and data is not None and data[0]:
            text = _rendered(message_id, data)
            notes += (note(Deviation.SHORT_MESSAGE_BLANK, "short_message", "made of the structured data"),)
        host = "" if host == "-" else host
        device = read_device(text, self._clock)
        if device is not None:
            for name, value in device.fields.items():
                fields.setdefault(read_key("_" + name).clean, value)
            host = host or device.host
            seconds = device.seconds if stamp == "-" else seconds
        parts = _Parts(
            payload, whole, seconds, host, text, full_message, level, fields, notes, is_read=device is not None
        )
        return self._within(self._message(parts, receipt), payload, receipt)

    def _parse_bsd(self, text: str, payload: bytes, notes: tuple[Note, ...]) -> _Parts:
        """Take anything else apart."""
        whole = text
        level = None
        fields: dict[str, FieldValue] = {}
        if text[:1] == "\ufeff":
            text = text[1:]
            notes += (note(Deviation.BYTE_ORDER_MARK),)
        match = _PRIORITY.match(text)
        if match is not None and match[0] in _PRIORITIES:
            level, facility = _PRIORITIES[match[0]]
            fields["facility"] = FACILITIES[facility]
            fields["facility_num"] = facility
        else:
            notes += (note(Deviation.SYSLOG_PRIORITY, "", "missing" if match is None else match[0]),)
        if match is not None:
            text = text[match.end() :].lstrip(" ")
        clock = self._clock
        if text.startswith(NO_TAG):
            text = text[2:]
        if (
            text.startswith("1 ") and read_stamp(text, clock, 2) is not None
        ):  # RFC 5424's version before RFC 3164's time
            text = text[2:]
        header = parse_bsd(text, clock)
        notes += header.notes
        if not header.stamped:
            own = read_header(header.text, clock.now, clock.zone)  # as a line of a file has it
            header = header._replace(timestamp=own.seconds)
            level = own.level if level is None else level
            detail = "" if own.seconds is None else "the time in the text is used"
            notes += (note(Deviation.SYSLOG_NO_HEADER, "", detail),)
        elif header.timestamp is None:
            notes += (note(Deviation.TIMESTAMP_INVALID, "timestamp"),)
        if not header.host and not self.options.host:
            notes += (note(Deviation.HOST_MISSING, "host"),)
        for name, value in header.fields.items():
            fields[read_key("_" + name).clean] = value
        body = header.text[1:] if header.text[:1] == "\ufeff" else header.text
        return _Parts(payload, whole, header.timestamp, header.host, body, None, level, fields, notes, header.is_read)

    def _take_data(self, data: StructuredData, fields: dict[str, FieldValue]) -> str | None:
        """Put the parameters of structured data among the fields; return gelf-handlers' full message."""
        names, values = data
        if not names:
            return None
        fields.update(zip(_stored_names(names, self._expand), values, strict=True))
        return str(fields.pop(_FULL_MESSAGE)) if _FULL_MESSAGE in fields else None

    def _message(self, parts: _Parts, receipt: Receipt) -> Message:
        """Make the message, of a GELF document if the text is one."""
        timestamp, host, text = parts.timestamp, parts.host or self.options.host or receipt.host, parts.text
        if timestamp is None or not SECONDS_MIN <= timestamp < SECONDS_MAX:
            if not self.options.allow_override_date:
                detail = "no usable time stamp, and allow_override_date is off"
                raise Rejected(Reason.INVALID_TIMESTAMP, detail, parts.payload)
            timestamp = receipt.time
        full_message = parts.whole if self.options.store_full_message else parts.full_message
        notes = parts.notes
        reading = None
        if "\n" in text or not (parts.is_read or SAYS_MORE.match(text) is None):
            reading = read_body(text, self._clock)
        if text[:1] in ("{", "@"):
            given: dict[str, Any] = {"version": "1.1", "timestamp": timestamp, "host": host}
            if parts.level is not None:
                given["level"] = parts.level
            if full_message is not None:
                given["full_message"] = full_message
            found = _embedded(parts, given, receipt, is_record=reading is not None)
            if found is not None:
                return found
        if reading is not None:
            return _of_reading(reading, parts, timestamp, host, full_message, receipt)
        if not text.strip():
            notes += (note(Deviation.SHORT_MESSAGE_BLANK, "short_message"),)
        return receipt.message(
            parts.payload,
            timestamp=timestamp,
            host=host,
            short_message=text,
            full_message=full_message,
            level=parts.level,
            fields=parts.fields,
            notes=notes,
        )


def _loose_5424(text: str, zone: dt.tzinfo | None) -> tuple[list[str], float | None] | None:
    """
    Take RFC 5424 apart that was not written to the letter.

    Returns:
        Its seven words and its time; None when it is something else.
    """
    match = _LOOSE.match(text)
    if match is None:
        return None
    priority, version, stamp, rest = match.groups()
    day, *time = stamp.split(" ")
    seconds = None if stamp == "-" else iso_seconds(stamp if not time else f"{day}T{time[-1]}", zone)
    if seconds is None and stamp != "-":
        return None
    head = "" if priority is None else f"<{priority}>{version}"
    wide, narrow = _BLANKS.split(rest, 4), rest.split(" ", 4)  # an empty word: there is none, or a blank too many
    for words in (wide, narrow):
        if len(words) == 5 and parse_structured_data(words[4]) is not None:
            return [head, stamp, *(word or "-" for word in words[:4]), words[4]], seconds
    if priority is None or time or len(wide) < 4:
        return None
    return [head, stamp, *wide, *[""] * (5 - len(wide))], seconds


def _rendered(message_id: str, data: StructuredData) -> str:
    """Make a text of structured data: what the message is, and its parameters."""
    names, values = data
    pairs = [f'{name}="{value}"' for (_, name), value in zip(names, values, strict=True)]
    return " ".join(pairs if message_id == "-" else [message_id, *pairs])


def _of_reading(
    reading: Reading, parts: _Parts, timestamp: float, host: str, full_message: str | None, receipt: Receipt
) -> Message:
    """Make the message of a text that a logger wrote; what it does not say, the header does."""
    fields = reading.fields
    for name, value in parts.fields.items():
        fields.setdefault(name, value)
    return receipt.message(
        parts.payload,
        timestamp=timestamp if reading.seconds is None else reading.seconds,
        host=reading.host or host,
        short_message=reading.text,
        full_message=full_message or reading.full_message,
        level=parts.level if reading.level is None else reading.level,
        fields=fields,
        notes=parts.notes + reading.notes,
    )


def _embedded(parts: _Parts, given: dict[str, Any], receipt: Receipt, *, is_record: bool) -> Message | None:
    """Read a text that is a GELF document, or JSON behind the CEE cookie that is not a record; None for any other."""
    cee = parts.text.startswith(CEE)
    try:
        document: Any = msgspec.json.decode(parts.text.removeprefix(CEE).strip())
    except (ValueError, RecursionError):
        return None
    if type(document) is not dict or not ("short_message" in document or (cee and not is_record)):
        return None
    if "short_message" not in document:
        text = document.pop("msg", None)
        document = {f"_{name}": value for name, value in document.items()}
        document["short_message"] = text if isinstance(text, str) else parts.text.removeprefix(CEE).strip()
    elif cee and "full_message" not in document and isinstance(document.get("message"), str):
        whole = document.pop("message")  # of cee-syslog-handler: the same text again, or a trace
        if whole != document["short_message"]:
            document["full_message"] = whole
    found = Normaliser(given | document, parts.notes, receipt, strict=True).message(parts.payload)
    if found is not None:
        for name, value in parts.fields.items():
            found.fields.setdefault(name, value)
    return found
