"""
GraylogIndex: which values a field of a Graylog's index takes, for the first one decides.

A Graylog stores in OpenSearch with dynamic mapping: the first value of a field makes it a whole number (`long`), a
decimal number (32-bit `float`), a date or a text (`keyword`), and a later message whose value does not fit is lost as a
whole. The rules are OpenSearch 2.19's, measured value by value (tests/vectors/graylog/conflicts.json, tests/services).
"""

from __future__ import annotations

import datetime as dt
import enum
import math
import re
import struct
from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import cache, lru_cache
from typing import NamedTuple
from zoneinfo import available_timezones

from gelf_listener.codec.gelf.jackson import java_double
from gelf_listener.message import FieldValue

MAX_FIELDS = 983
"""Additional fields an empty index has room for: 1000 less those of Graylog's mapping and those the server adds."""

MAX_NAMES = 10_000
"""Fields that are remembered; more have no kind."""
_MAX_REMEMBERED_CHARACTERS = 255
"""Of a field's name and a sender's."""

_MAX_TERM_BYTES = 32_766
"""Lucene's longest term: a longer text in a field that is not analysed loses the message."""

_NOT_LIMITED = frozenset(("message", "full_message"))
"""Texts that are cut into words."""

_METADATA = frozenset(
    ("_routing", "_field_names", "_ignored", "_seq_no", "_version", "_nested_path", "_data_stream_timestamp")
)
"""OpenSearch's own; Graylog lets a client's fields of these names pass."""

_LONG = 1 << 63
_INTEGER = re.compile(r"[+-]?\d+")
_DECIMAL = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,9})?")
_JAVA_FLOAT = re.compile(
    r"[\0- ]*(?:(?P<decimal>[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)|"
    r"(?P<hex>[+-]?0[xX](?:[0-9a-fA-F]+\.?[0-9a-fA-F]*|\.[0-9a-fA-F]+)[pP][+-]?[0-9]+))[fFdD]?[\0- ]*"
)
_EPOCH_MILLIS = re.compile(r"-?[0-9]{1,19}(?:\.[0-9]{0,6})?")
_ISO_DATE = re.compile(
    r"(?P<year>[0-9]{4}|-[0-9]{4,9}|\+[0-9]{5,9})(?:-(?P<month>[0-9]{2})(?:-(?P<day>[0-9]{2}))?)?"
    r"(?:T(?:(?:[01][0-9]|2[0-3])(?::[0-5][0-9](?::[0-5][0-9](?:[.,][0-9]{1,9})?)?)?(?P<zone>.+)?)?)?",
    re.DOTALL,
)
_SLASH_DATE = re.compile(
    r"(?P<year>[0-9]{4}|\+[0-9]{5,9})/(?P<month>[0-9]{2})/(?P<day>[0-9]{2})"
    r"(?: (?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9])?"
)
_ORIGINAL_TIMESTAMP = re.compile(
    r"(?P<year>[0-9]{4}|-[0-9]{4,9}|\+[0-9]{5,9})-(?P<month>[0-9]{2})-(?P<day>[0-9]{2})"
    r" (?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\.[0-9]{3}"
)
_OFFSET = re.compile(
    r"[+-](?:(?P<hours>0[0-9]|1[0-7])(?::?[0-5][0-9]|:[0-5][0-9]:[0-5][0-9])?|18(?::?00|:00:00)?)", re.ASCII
)
_ZONE_PREFIX = re.compile(r"UTC|GMT|UT|(?=[+-])")
_NOT_JAVAS = frozenset(("EST", "MST", "HST", "localtime", "Factory"))
"""Zones of the system that Java has no region for."""


class FieldKind(enum.Enum):
    """What the first value makes of a field; the value says it to a person."""

    LONG = "a number"
    FLOAT = "a decimal number"
    DATE = "a date"
    SLASH_DATE = "a date with slashes"
    TEXT = "a text"


class Conflict(NamedTuple):
    """
    A field whose values no index keeps together.

    Attributes:
        field: Its name in the index.
        kept: What the first value made of it.
        kept_sender: Who sent that; empty for what is so in every index that is in use.
        lost: What a later value is.
        lost_sender: Who sent it.
    """

    field: str
    kept: FieldKind
    kept_sender: str
    lost: FieldKind
    lost_sender: str

    def __str__(self) -> str:
        """Return one sentence for a person."""
        lost = f"{self.lost.value} that does not fit" if self.kept is self.lost else self.lost.value
        if not self.kept_sender:
            sender = self.lost_sender
            return f"field `{self.field}` was {lost} in messages of {sender}: a Graylog index keeps numbers there"
        return (
            f"field `{self.field}` was {self.kept.value} in messages of {self.kept_sender} and {lost} in those of "
            f"{self.lost_sender}: a Graylog index keeps only the first kind"
        )


class Answer(NamedTuple):
    """
    What an index says to a message.

    Attributes:
        refusal: Why it is lost whatever came before; empty when it is not.
        conflicts: Why it is lost after those that came before.
    """

    refusal: str = ""
    conflicts: Sequence[Conflict] = ()


class GraylogIndex:
    """
    The fields of one index.

    `level` and `line` are numbers from the start: in every index that anybody uses, a message with a number came first.

    Args:
        most: Fields that are remembered; those beyond conflict with nothing.
    """

    def __init__(self, most: int = MAX_NAMES) -> None:
        self._most = most
        self._kinds: dict[str, tuple[FieldKind, str]] = {
            "level": (FieldKind.LONG, ""),
            "line": (FieldKind.LONG, ""),
        }

    def __len__(self) -> int:
        return len(self._kinds)

    def take(self, fields: Mapping[str, FieldValue], sender: str) -> Answer:
        """
        Take a message; its fields have their kinds then if they had none, unless it is lost while it is parsed.

        Args:
            fields: By name, as Graylog would store them, without those that each message has.
            sender: The host that sent it.
        """
        kinds = self._kinds
        if len(fields) > MAX_FIELDS:
            return Answer(f"{len(fields)} additional fields, more than the 1000 of an index allow")
        conflicts, new, too_long = [], [], ""
        for name, value in fields.items():
            if isinstance(value, bool) or value == "":
                continue  # never stored
            known = kinds.get(name)
            refusal = _refused(name, value) or ("" if known is not None else _refused_first(name, value))
            if refusal:
                return Answer(refusal)
            if known is None:
                new.append((name, value))
            elif not accepts(known[0], value):
                conflicts.append(Conflict(name, *known, kind_of(value), sender[:_MAX_REMEMBERED_CHARACTERS]))
            if isinstance(value, str) and _is_too_long(name, value):
                too_long = f"{name} is a text of more than {_MAX_TERM_BYTES} bytes"
        if not conflicts:
            for name, value in new:
                if len(kinds) < self._most and len(name) <= _MAX_REMEMBERED_CHARACTERS:
                    kinds[name] = (kind_of(value), sender[:_MAX_REMEMBERED_CHARACTERS])
        return Answer(too_long, conflicts)


def _refused(name: str, value: FieldValue) -> str:
    """Say why any index refuses a value, whatever its field is; empty for nothing."""
    if not name:
        return "an empty field name"
    if name in _METADATA or name == "gl2_second_sort_field":
        return f"{name} is a field of the index itself"
    if name == "_doc_count" and (isinstance(value, bool) or not isinstance(value, int) or value <= 0):
        return f"{name} is a field of the index itself"
    if name == "gl2_original_timestamp" and not _is_original_timestamp(value):
        return f"{name} is not a time as 2024-05-01 10:00:00.000"
    return ""


def _refused_first(name: str, value: FieldValue) -> str:
    """Say why a field cannot begin with a value; empty for nothing."""
    if isinstance(value, float) and not _fits_float(value):
        return f"{name} is beyond the 32-bit floats that an index keeps"
    if isinstance(value, str) and "/" in value[4:11]:
        match = _SLASH_DATE.fullmatch(value)
        if match is not None and match["year"] != "0000" and not _is_day(match):
            return f"{name} looks like a date, and there is no such day"
    return ""


def _is_too_long(name: str, value: str) -> bool:
    """Whether a text is longer than a term may be, which is found out after the message was parsed."""
    if name in _NOT_LIMITED or len(value) * 4 <= _MAX_TERM_BYTES:
        return False
    return len(value.encode("utf-8", "surrogatepass")) > _MAX_TERM_BYTES


def kind_of(value: FieldValue) -> FieldKind:
    """Return what a value makes of a field nobody used before."""
    if isinstance(value, int):
        return FieldKind.LONG
    if isinstance(value, float):
        return FieldKind.FLOAT
    if "-" in value or "/" in value or "T" in value:
        if _is_iso_date(value) and not _DECIMAL.fullmatch(value):
            return FieldKind.DATE
        if _is_slash_date(value):
            return FieldKind.SLASH_DATE
    return FieldKind.TEXT


def accepts(kind: FieldKind, value: FieldValue) -> bool:
    """Whether a field of a kind takes a value; the message is lost otherwise."""
    if kind is FieldKind.TEXT:
        return True
    if kind is FieldKind.LONG:
        return _is_long(value)
    if kind is FieldKind.FLOAT:
        return _is_float(value)
    text = java_double(value) if isinstance(value, float) else str(value)
    if _is_epoch_millis(text):
        return True
    return _is_iso_date(text) if kind is FieldKind.DATE else _is_slash_date(text)


def _is_long(value: FieldValue) -> bool:
    if isinstance(value, int):
        return True
    if isinstance(value, float):
        return abs(value) <= _LONG
    if _INTEGER.fullmatch(value) and len(value) <= 20:
        return -_LONG <= int(value) < _LONG
    if not _DECIMAL.fullmatch(value):
        return False
    return -_LONG - 1 < Decimal(value) < _LONG


def _is_float(value: FieldValue) -> bool:
    if not isinstance(value, str):
        return _fits_float(float(value))
    match = _JAVA_FLOAT.fullmatch(value)
    if match is None:
        return False
    try:
        return _fits_float(float.fromhex(match["hex"]) if match["hex"] else float(match["decimal"]))
    except OverflowError:
        return False


def _fits_float(number: float) -> bool:
    """Whether a number stays finite as a 32-bit float."""
    try:
        (single,) = struct.unpack("f", struct.pack("f", number))
    except OverflowError:
        return False
    return math.isfinite(single)


def _is_epoch_millis(text: str) -> bool:
    return _EPOCH_MILLIS.fullmatch(text) is not None and abs(int(text.partition(".")[0])) < _LONG


def _is_iso_date(text: str) -> bool:
    match = _ISO_DATE.fullmatch(text)
    return match is not None and _is_day(match) and (match["zone"] is None or _is_zone(match["zone"]))


def _is_slash_date(text: str) -> bool:
    match = _SLASH_DATE.fullmatch(text)
    return match is not None and match["year"] != "0000" and _is_day(match)


def _is_original_timestamp(value: FieldValue) -> bool:
    match = _ORIGINAL_TIMESTAMP.fullmatch(str(value))
    return match is not None and _is_day(match)


def _is_day(match: re.Match[str]) -> bool:
    """Whether the calendar has a day, in any year: it repeats itself after 400."""
    try:
        dt.date(2000 + int(match["year"]) % 400, int(match["month"] or 1), int(match["day"] or 1))
    except ValueError:
        return False
    return True


@lru_cache(maxsize=64)
def _is_zone(text: str) -> bool:
    if text in ("Z", "UTCZ", "GMTZ", "UTZ") or _OFFSET.fullmatch(text):
        return True
    prefix = _ZONE_PREFIX.match(text)
    if prefix is not None and (prefix.end() == len(text) or _OFFSET.fullmatch(text, prefix.end())):
        return True
    return text in _regions()


@cache
def _regions() -> frozenset[str]:
    """Return the regions Java knows; finding them reads the whole directory of zones."""
    old = [f"SystemV/{name}" for name in ("AST4", "EST5", "CST6", "MST7", "PST8", "YST9", "HST10")]
    summer = [f"SystemV/{name}" for name in ("AST4ADT", "EST5EDT", "CST6CDT", "MST7MDT", "PST8PDT", "YST9YDT")]
    return frozenset(available_timezones() - _NOT_JAVAS | {*old, *summer})
