"""
Syslog -> Message as a real Graylog does it: the `graylog` mode, for testing senders.

Graylog's input takes much less apart than a syslog server: tag, process id and host of RFC 3164 stay in the text, and
often MSGID; a text that is JSON stays a text. What it does beyond that is here as it was measured with a Graylog 7.0.1
and its own codec (tests/vectors/graylog/syslog.json, tests/services), quirks included: dates that overflow, a host that
is the first word, a missing time stamp in RFC 5424 that moves all words on.
"""

from __future__ import annotations

import calendar
import datetime as dt
import re
import zoneinfo
from typing import NamedTuple

from gelf_listener.codec.gelf.jackson import decode_utf8
from gelf_listener.codec.graylog_index import GraylogIndex
from gelf_listener.codec.payload_decoder import PayloadDecoder
from gelf_listener.codec.receipt import Receipt
from gelf_listener.codec.syslog.decoder import SyslogOptions
from gelf_listener.codec.syslog.facilities import FACILITIES
from gelf_listener.errors import Reason, Rejected
from gelf_listener.message import FieldValue

_TRIMMED = "".join(map(chr, range(0x21)))
"""What Java's `String.trim` takes off."""

_MONTHS = dict(
    zip(("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), range(1, 13), strict=True)
)
_PRIORITY = re.compile(r"-?\d+")
_STRUCTURED = re.compile(r"<\d{1,3}>\d{1,3} ")
_CISCO = re.compile(r"<\d{1,3}>(\d{0,9}): +")
_FORTIGATE = re.compile(r"<\d{1,3}>date=")
_PAIR = re.compile(r'(?<!\w)(\w++)=(?:"([^"]*)"|([^\s"]+))', re.ASCII)
_BSD_DATE = re.compile(r"([A-Za-z]{3})[ \t]+(\d{1,3})[ \t]+(\d{1,3}):[ \t]*(\d{1,3}):[ \t]*(\d{1,3})[ \t]*", re.ASCII)
_BSD_CHARACTERS = 15
_CISCO_DATE = re.compile(
    r"\*?(?:(?P<year>\d{4}) )?(?P<month>[A-Z][a-z]{2}) (?P<day> [1-9]|0[1-9]|[12]\d|3[01]) (?P<time>\d\d:\d\d:\d\d)"
    r"(?:\.(?P<ms>\d{3}))?(?: (?P<zone>UTC|GMT|EST|EDT|CST|CDT|MST|MDT|PST8PDT|CET|MET|EET|WET))?: ",
    re.ASCII,
)
_CISCO_DATE_WITH_YEAR = re.compile(r"([A-Za-z]{3}) +(\d{1,2}) (\d{4}) (\d\d):(\d\d):(\d\d).", re.ASCII)
_ISO_DATE = re.compile(
    r"(?:(?P<year>\d{1,9}(?=-\d+-)|\d{4})-(?P<month>\d{1,2})(?:-(?P<day>\d{1,2}))?"
    r"|(?P<only_year>\d{4})(?:-(?P<day_of_year>\d{3})|(?=[Tt])))"
    r"(?:[Tt](?:(?P<hour>\d{1,2})(?::(?P<minute>\d{1,2})(?::(?P<second>\d{1,2}))?)?(?:[.,](?P<part>\d{1,9}))?)?"
    r"(?P<zone>[Zz]|[+-]\d\d(?::?\d\d)?)?)?",
    re.ASCII,
)
_PARAMETERS = r'(?:\s++[^="\]]*+="(?:[^"\\]|\\.)*+")*+'
_DATA = re.compile(rf"[^\s\[]\S*+ (?P<data>(?:\[[^\s\]]*+{_PARAMETERS}\])++)(?!\[)(?P<text>.*)", re.DOTALL)
_ELEMENT = re.compile(rf"\[([^\s\]]*+)({_PARAMETERS})\]", re.DOTALL)
_PARAMETER = re.compile(r'\s++([^="\]]*+)="((?:[^"\\]|\\.)*+)"', re.DOTALL)
_END_OF_DATA = re.compile(r"(?<!\\)\](?!\[)")
_VALID_NAME = re.compile(r"[A-Za-z0-9_.@-]*")
_NIL = "- - "
_KEPT = ("application_name", "process_id")
"""What structured data does not replace, if the header has it."""

_KEPT_OF_FORTIGATE = ("level",)
_ZONES = {
    **dict.fromkeys(("EST", "EDT"), "America/New_York"),
    **dict.fromkeys(("CST", "CDT"), "America/Chicago"),
    **dict.fromkeys(("MST", "MDT"), "America/Denver"),
}
"""Regions, for the short names in Cisco's dates that are not regions themselves."""


class _Parts:
    """What was found in a line."""

    def __init__(self, text: str, priority: int | None) -> None:
        self.text = text
        self.source = ""
        self.seconds: float | None = None
        self.priority = priority
        self.fields: dict[str, FieldValue] = {}


class _Header(NamedTuple):
    priority: int | None
    rest: str
    looks_on: bool
    """Whether anything is looked for in the rest."""


class GraylogSyslog(PayloadDecoder):
    """
    Decodes syslog as Graylog would.

    Guarantee: every payload becomes one message or one rejection; none raises.

    Args:
        input: Name put on messages and rejections.
        options: Of Graylog's input.
    """

    def __init__(self, input: str = "", options: SyslogOptions = SyslogOptions()) -> None:  # noqa: B008
        super().__init__(input)
        self.options = options

    def decode(self, payload: bytes, receipt: Receipt) -> None:
        """Make a message; see `PayloadDecoder.decode`."""
        whole = decode_utf8(payload)
        parts = self._parse(whole, receipt)
        fields = _named(parts)
        seconds = parts.seconds
        if seconds is None:
            if not self.options.allow_override_date:
                raise Rejected(Reason.INVALID_TIMESTAMP, "no time stamp, and allow_override_date is off", payload)
            seconds = receipt.time
        text = str(fields.pop("message", parts.text)).strip(_TRIMMED)
        if not text:
            raise Rejected(Reason.EMPTY_PAYLOAD, "nothing is left of the text: dropped as incomplete", payload)
        source = str(fields.pop("source", parts.source)).strip(_TRIMMED) or receipt.host
        full_message = fields.pop("full_message", None)
        if self.options.store_full_message:
            full_message = whole.strip(_TRIMMED)
        self._check(fields, source, payload)
        level = fields.get("level")
        if isinstance(level, int) and level >= 0:
            del fields["level"]
        message = receipt.message(
            payload,
            timestamp=seconds,
            host=source,
            short_message=text,
            full_message=None if full_message is None else str(full_message),
            level=level if isinstance(level, int) and level >= 0 else None,
            fields=fields,
            notes=(),
        )
        receipt.add(message)

    def _check(self, fields: dict[str, FieldValue], source: str, payload: bytes) -> None:
        """Refuse what an index refuses; of what came before it only knows that levels are numbers."""
        refusal, conflicts = GraylogIndex().take(fields, source)
        problem = refusal or next(map(str, conflicts), "")
        if problem:
            raise Rejected(Reason.REFUSED_BY_INDEX, f"{problem}: the index would refuse the message"[:500], payload)

    def _parse(self, whole: str, receipt: Receipt) -> _Parts:
        header = _header(whole)
        if not header.looks_on:
            return _Parts(header.rest, None)
        if _STRUCTURED.match(whole):
            return self._structured(header, receipt)
        cisco = _CISCO.match(whole)
        if cisco is not None:
            return self._cisco(header, cisco, whole, receipt)
        if _FORTIGATE.match(whole):
            return _fortigate(header)
        return self._bsd(header, receipt)

    def _bsd(self, header: _Header, receipt: Receipt) -> _Parts:
        """Read RFC 3164: a date, and the first word behind it for the host, which stays in the text."""
        parts = _Parts(header.rest, header.priority)
        rest = self._take_date(header.rest, parts, receipt)
        parts.text = rest
        parts.source = rest.partition(" ")[0] if " " in rest else ""
        return parts

    def _take_date(self, text: str, parts: _Parts, receipt: Receipt) -> str:
        """
        Take a date off the beginning of a text; return the rest.

        Raises:
            Rejected: If there is one that Graylog cannot read.
        """
        if len(text) <= _BSD_CHARACTERS + 1:
            return text
        if text[0].isdigit():
            first, blank, rest = text.partition(" ")
            parts.seconds = self._iso_seconds(first) if blank else None
            if parts.seconds is None:
                raise Rejected(
                    Reason.INVALID_TIMESTAMP, f"begins with {first[:50]!r}, which is not a date", text.encode()
                )
            return rest
        padded = f"{text[:4]} {text[4:]}" if text[5:6] == " " else text
        match = _BSD_DATE.fullmatch(padded[:_BSD_CHARACTERS])
        if match is None or match[1].lower() not in _MONTHS:
            return text
        now = dt.datetime.fromtimestamp(receipt.time, self.options.zone).astimezone(self.options.zone)
        parts.seconds = self._seconds(now.year, _MONTHS[match[1].lower()], *map(int, match.groups()[1:]))
        return padded[_BSD_CHARACTERS + 1 :]

    def _seconds(self, year: int, month: int, day: int, hour: int, minute: int, second: int) -> float:
        """Return Unix seconds of local time; what is too large overflows, as in Java's lenient calendar."""
        first = dt.datetime(year, month, 1, tzinfo=dt.UTC)
        stamp = first + dt.timedelta(days=day - 1, hours=hour, minutes=minute, seconds=second)
        return _local_seconds(stamp, self.options.zone)

    def _iso_seconds(self, text: str) -> float | None:
        match = _ISO_DATE.fullmatch(text)
        if match is None:
            return None
        hour, minute, second = (int(match[name] or 0) for name in ("hour", "minute", "second"))
        year, month, day = int(match["year"] or match["only_year"]), int(match["month"] or 1), int(match["day"] or 1)
        days = int(match["day_of_year"] or 1) - 1
        try:
            stamp = dt.datetime(year, month, day, hour, minute, second, tzinfo=dt.UTC) + dt.timedelta(days=days)
            if stamp.year != year:
                return None
            zone = _offset(match["zone"]) if match["zone"] else self.options.zone
            seconds = _local_seconds(stamp, zone)
        except (ValueError, OverflowError):
            return None
        unit = 1 if match["second"] else 60 if match["minute"] else 3600  # a part of what is written last
        return seconds + int(float(f"0.{match['part'] or 0}") * unit * 1000 + 1e-6) / 1000

    def _structured(self, header: _Header, receipt: Receipt) -> _Parts:
        """Read RFC 5424; without a time stamp, which has to begin with a digit, host and program are three words on."""
        rest = header.rest.partition(" ")[2]
        parts = _Parts(rest, header.priority)
        first, blank, behind = rest.partition(" ")
        if not blank:
            parts.fields["application_name"] = "unknown"
            return parts
        if first[:1].isdigit() and len(rest) <= _BSD_CHARACTERS + 1:
            names = _words(rest.split(" "), 0, parts)
        elif first[:1].isdigit():
            parts.seconds = self._iso_seconds(first)
            if parts.seconds is None:
                raise Rejected(Reason.INVALID_TIMESTAMP, f"{first[:50]!r} is not a date", rest.encode())
            names = _words(behind.split(" "), 0, parts)
        else:
            names = _words(self._take_date(rest, parts, receipt).split(" "), 3, parts)
        for name, value in zip(_KEPT, [each.strip(_TRIMMED) for each in names], strict=True):
            if value not in ("", "-"):
                parts.fields[name] = value
        self._take_data(parts)
        return parts

    def _take_data(self, parts: _Parts) -> None:
        """Take structured data off MSGID, data and text; where there is no text behind it, all of them stay."""
        text = parts.text
        if text.startswith(_NIL):
            if text[len(_NIL) :]:
                parts.text = text[len(_NIL) :]
            return
        match = _DATA.fullmatch(text)
        if match is None:
            return
        elements = dict(_ELEMENT.findall(match["data"]))  # of several with an id the last
        for identifier, parameters in sorted(elements.items(), key=lambda element: _java_bucket(element[0])):
            for name, value in _PARAMETER.findall(parameters):
                named = f"{identifier}_{name}" if self.options.expand_structured_data else name
                clean = value.replace("\\", "").strip(_TRIMMED)
                if _VALID_NAME.fullmatch(named) and not (named in _KEPT and named in parts.fields):
                    parts.fields[named] = clean
        end = _END_OF_DATA.search(text)
        if end is not None and match["text"][1:]:
            parts.text = text[end.end() + 1 :]

    def _cisco(self, header: _Header, match: re.Match[str], whole: str, receipt: Receipt) -> _Parts:
        """Read what Cisco's devices send: a sequence number, a date of theirs, then `%FACILITY-1-MNEMONIC:`."""
        rest = whole[match.end() :]
        if ":" not in rest:
            raise Rejected(
                Reason.INVALID_TIMESTAMP, "a sequence number without anything that ends with a colon", rest.encode()
            )
        parts = _Parts(rest, header.priority)
        parts.fields["sequence_number"] = int(match[1] or 0)
        date, with_year = _CISCO_DATE.match(rest), _CISCO_DATE_WITH_YEAR.match(rest)
        if date is not None and date["month"].lower() in _MONTHS:
            year = int(date["year"] or dt.datetime.fromtimestamp(receipt.time, dt.UTC).year)
            month = _MONTHS[date["month"].lower()]
            last = calendar.monthrange(year, month)[1]
            hours, minutes, seconds = map(int, date["time"].split(":"))
            midnight = dt.datetime(year, month, min(int(date["day"]), last), tzinfo=dt.UTC)
            stamp = midnight + dt.timedelta(hours=hours, minutes=minutes, seconds=seconds)
            name = date["zone"]
            zone = self.options.zone if name is None else zoneinfo.ZoneInfo(_ZONES.get(name, name))
            parts.seconds = _local_seconds(stamp, zone) + int(date["ms"] or 0) / 1000
            parts.text = rest[date.end() :]
        elif with_year is not None and with_year[1].lower() in _MONTHS:
            _, day, in_year, *clock = with_year.groups()
            parts.seconds = self._seconds(int(in_year), _MONTHS[with_year[1].lower()], int(day), *map(int, clock))
            parts.source, _, parts.text = rest[with_year.end() :].partition(" ")
        elif not rest.startswith("%") and ": %" in rest:
            parts.source, _, parts.text = rest.removeprefix("*").partition(" ")
        return parts


def _header(whole: str) -> _Header:
    """Take the priority; where nothing says that there is one, nothing else is looked for."""
    end = whole.find(">")
    if not whole.startswith("<") or not 0 < end <= 4:
        return _Header(None, whole, looks_on=False)
    if not _PRIORITY.fullmatch(whole, 1, end):
        return _Header(None, whole, looks_on=True)
    return _Header(int(whole[1:end]), whole[end + 1 :], looks_on=True)


def _words(words: list[str], shift: int, parts: _Parts) -> tuple[str, str]:
    """Take host, program and process id; those that are not there are taken without the shift, if at all."""
    many = len(words)
    if many > 1 + shift:
        parts.source = words[shift]
    elif shift and many > 1:
        parts.source = words[0]
    name = words[1 + shift] if many > 2 + shift else words[1] if many > 2 else "unknown"
    process = words[2 + shift] if many > 3 + shift else words[2] if many > 3 else ""
    taken = min(many - 1, 3 + shift)
    if shift and many <= 1 + shift:
        taken = min(many - 1, 3)
    parts.text = " ".join(words[taken:])
    return name, process


def _fortigate(header: _Header) -> _Parts:
    """
    Read what FortiGate's devices send: pairs, which stay in the text.

    Raises:
        Rejected: If there is a date that is none.
    """
    parts = _Parts(header.rest, header.priority)
    found = _PAIR.findall(header.rest.strip(_TRIMMED))
    pairs: dict[str, str] = {name: plain for name, _, plain in found if plain}
    pairs.update({name: quoted for name, quoted, plain in found if not plain})  # one in quotes has precedence
    parts.fields.update({name: value for name, value in pairs.items() if value and name not in _KEPT_OF_FORTIGATE})
    parts.source = pairs.get("devname", "")
    if "time" in pairs:
        stamp = f"{pairs['date']}T{pairs['time']}{pairs.get('tz', '+0000') or '?'}"
        try:
            parts.seconds = dt.datetime.fromisoformat(stamp).timestamp()
        except ValueError:
            raise Rejected(Reason.INVALID_TIMESTAMP, f"{stamp[:50]!r} is not a date", header.rest.encode()) from None
    return parts


def _named(parts: _Parts) -> dict[str, FieldValue]:
    """Return all fields of a message: what its text says stands for what the header says."""
    number = -1 if parts.priority is None else parts.priority >> 3
    fields: dict[str, FieldValue] = {
        "facility": FACILITIES[number] if 0 <= number < len(FACILITIES) else "Unknown",
        "facility_num": number,
        "level": -1 if parts.priority is None else parts.priority & 7,
    }
    for name, value in parts.fields.items():
        if value != "":
            fields[name.replace(".", "_")] = value
    if fields.pop("timestamp", None) is not None:
        parts.seconds = None
    return fields


def _offset(text: str) -> dt.tzinfo:
    if text in "Zz":
        return dt.UTC
    digits = text[1:].replace(":", "").ljust(4, "0")
    minutes = int(digits[:2]) * 60 + int(digits[2:])
    return dt.timezone(dt.timedelta(minutes=-minutes if text[0] == "-" else minutes))


def _local_seconds(stamp: dt.datetime, zone: dt.tzinfo | None) -> float:
    """Return Unix seconds of what a clock in a zone shows; None: this machine's."""
    shown = stamp.replace(tzinfo=None)
    return (shown.astimezone() if zone is None else shown.replace(tzinfo=zone)).timestamp()


def _java_bucket(text: str) -> int:
    """Return where a small hash table of Java keeps a text: the order in which Graylog goes through elements."""
    number = 0
    for unit in memoryview(text.encode("utf-16-le", "surrogatepass")).cast("H"):
        number = (number * 31 + unit) & 0xFFFFFFFF
    return (number ^ number >> 16) & 15
