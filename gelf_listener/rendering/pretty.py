"""
Pretty: messages as lines for a person.

One line a message: time, level, host (and service), text, then the additional fields as ``name=value``. The rest of a
text of many lines, a ``full_message`` that says more and a stack trace in a field stand below, indented.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from gelf_listener.message import FieldValue, Message
from gelf_listener.rendering import Fields, shown
from gelf_listener.rendering.levels import level_name
from gelf_listener.rendering.lines import LineRenderer, are_plain
from gelf_listener.rendering.sanitise import clean, clean_text, quote
from gelf_listener.rendering.timestamps import Timestamps
from gelf_listener.rendering.usual import service_field
from gelf_listener.rendering.values import value_text

_RESET = "\x1b[0m"
_DIM = "\x1b[2m"
_HOST = "\x1b[36m"
_SEVERITIES = (
    ("EMERG ", "\x1b[1;37;41m"),
    ("ALERT ", "\x1b[1;37;41m"),
    ("CRIT  ", "\x1b[1;31m"),
    ("ERROR ", "\x1b[31m"),
    ("WARN  ", "\x1b[33m"),
    ("NOTICE", "\x1b[34m"),
    ("INFO  ", "\x1b[32m"),
    ("DEBUG ", "\x1b[2m"),
)
_INDENT = "    "
_TAB = "    "
_DOUBLED_LINES = 4
"""graypy doubles the line ends of a traceback; so many lines of which every second is empty are not a coincidence."""

_TRACE_NAMES = frozenset((
    *("stacktrace", "stack_trace", "stack", "error_stack", "error.stack", "err.stack", "err_stack", "stack_info"),
    *("error.stack_trace", "exception", "exception.stacktrace", "exception.stack_trace", "exc_info", "exc_text"),
    *("traceback", "backtrace", "error.stacktrace", "exception_stacktrace", "thrown.extendedstacktrace"),
    "code.stacktrace",
))  # fmt: skip
"""Fields that loggers put a trace in, in small letters: logstash-gelf, Quarkus, winston, pino, ECS, OpenTelemetry."""

_TRACE = re.compile(r"Traceback \(most recent call last\)|\n\s+at \S|\n\s+File \"|\n#0 |\ngoroutine \d|\n\tfrom ")
"""What shows a trace in a field of any name."""


class PrettyRenderer(LineRenderer):
    """
    Writes messages for a person to read.

    Args:
        color: Colour by severity, with terminal sequences.
        fields: Additional fields to show.
        utc: Timestamps in UTC instead of local time.
        max_value_characters: Longest host, text or value; 0 is no limit.
        max_full_message_characters: Longest part below the line; 0 is no limit.
        service: Show the service beside the host, and not again among all fields.
        hidden: Fields that are left out of all fields.
    """

    def __init__(
        self,
        fields: Fields = None,
        *,
        color: bool = False,
        utc: bool = False,
        max_value_characters: int = 0,
        max_full_message_characters: int = 0,
        service: bool = False,
        hidden: frozenset[str] = frozenset(),
    ) -> None:
        super().__init__(9 if color else 1)  # four parts, each coloured and reset, and a newline
        self._fields = fields
        self._service = service
        self._hidden = hidden
        self._timestamps = Timestamps(utc=utc, separator=" ")
        self._zone = "Z" if utc else ""
        self._max_value = max_value_characters
        self._max_full = max_full_message_characters
        self._reset, self._dim, self._host = (_RESET, _DIM, _HOST) if color else ("", "", "")
        self._levels: dict[int | None, str] = {
            number: f"{colour}{label}{_RESET}" if color else label for number, (label, colour) in enumerate(_SEVERITIES)
        }
        # As many sequences as the others, so that every line has the same number of control bytes.
        self._levels[None] = f"{_DIM}-     {_RESET}" if color else "-     "

    def _quick(self, message: Message) -> str:
        """Return a line; see `LineRenderer._quick`. Texts of many lines and long ones need care."""
        short_message = message.short_message
        level = self._levels.get(message.level)
        host = self._beside(message)
        if (
            level is None
            or "\n" in short_message
            or (message.full_message is not None and message.full_message != short_message)
            or (self._max_value and len(short_message) + len(host) > self._max_value)
        ):
            return ""
        if self._fields is None or self._fields:
            fields = self._shown(message)
            pairs = " ".join([f"{name}={value}" for name, value in fields.items()])
            if "\n" in pairs and any(_is_trace(name, value) for name, value in fields.items()):
                return ""
            if fields and (not are_plain(pairs, len(fields)) or (self._max_value and len(pairs) > self._max_value)):
                pairs = self._pairs(fields)
        else:
            pairs = ""
        reset, dim = self._reset, self._dim
        gap = "  " if pairs else ""
        return (
            f"{dim}{self._timestamps.milliseconds(message.timestamp)}{self._zone}{reset} {level} "
            f"{self._host}{host}{reset} {short_message}{gap}{dim}{pairs}{reset}\n"
        )

    def _careful(self, message: Message) -> str:
        """Return what is shown of any message; see `LineRenderer._careful`."""
        reset, dim = self._reset, self._dim
        level = self._levels.get(message.level) or clean(f"{level_name(message.level):6}")
        first, below = _parts(message)
        fields = self._shown(message)
        traces = [str(value) for name, value in fields.items() if _is_trace(name, value)]
        if traces:
            fields = {name: value for name, value in fields.items() if not _is_trace(name, value)}
        pairs = self._pairs(fields)
        gap = "  " if pairs else ""
        blocks = "".join([self._block(trace) for trace in dict.fromkeys(traces) if trace.strip() not in below])
        return (
            f"{dim}{self._timestamps.milliseconds(message.timestamp)}{self._zone}{reset} {level} "
            f"{self._host}{self._text(self._beside(message))}{reset} {self._text(first)}{gap}"
            f"{dim}{pairs}{reset}\n{self._block(below)}{blocks}"
        )

    def _beside(self, message: Message) -> str:
        """Return the host, with the service if it says more."""
        if not self._service:
            return message.host
        fields = message.fields
        name = service_field(fields)
        if name is None or fields[name] == message.host:
            return message.host
        return f"{message.host}/{value_text(fields[name])}"

    def _shown(self, message: Message) -> Mapping[str, FieldValue]:
        """Return the additional fields to show."""
        fields = shown(message, self._fields)
        if self._fields is not None or not (self._service or self._hidden):
            return fields
        service = service_field(fields) if self._service else None
        hidden = self._hidden
        return {name: value for name, value in fields.items() if name != service and name not in hidden}

    def _text(self, text: str) -> str:
        return clean_text(_cut(text, self._max_value))

    def _pairs(self, fields: Mapping[str, FieldValue]) -> str:
        return " ".join([f"{self._name(name)}={self._value(value)}" for name, value in fields.items()])

    def _name(self, name: str) -> str:
        name = self._text(name)
        return quote(name) if not name or " " in name or "=" in name or '"' in name else name

    def _value(self, value: FieldValue) -> str:
        text = _cut(value_text(value), self._max_value)
        needs_quotes = not text or " " in text or "=" in text or '"' in text
        return quote(text) if needs_quotes else clean_text(text)

    def _block(self, text: str) -> str:
        """Indent the lines below the first; what is cut off is said on a line of its own."""
        if not text:
            return ""
        rest = len(text) - self._max_full if self._max_full else 0
        if rest > 0:
            text = text[: self._max_full]
        texts = text.replace("\r\n", "\n").rstrip("\n").split("\n")
        if len(texts) > _DOUBLED_LINES and not any(texts[1::2]):
            texts = texts[::2]
        lines = [clean_text(line.replace("\t", _TAB)) for line in texts]
        if rest > 0:
            lines.append(_more(rest))
        return "".join([f"{_INDENT}{line}\n" for line in lines])


def _is_trace(name: str, value: FieldValue) -> bool:
    """Whether a field holds a stack trace: lines to be read as lines."""
    if not isinstance(value, str) or "\n" not in value:
        return False
    return name.lower() in _TRACE_NAMES or _TRACE.search(value) is not None


def _parts(message: Message) -> tuple[str, str]:
    """Divide the texts of a message into a first line and what stands below, without saying anything twice."""
    short_message, full_message = message.short_message.strip("\r\n"), message.full_message or ""
    first, _, rest = short_message.partition("\n")
    full_message = full_message.strip("\r\n")
    end = len(short_message)
    if full_message.startswith(short_message) and full_message[end : end + 1] in ("", "\n", "\r"):
        rest += full_message[end:]
    elif full_message:
        rest = f"{rest}\n{full_message}" if rest else full_message
    return first.removesuffix("\r"), rest.strip("\r\n")


def _cut(text: str, limit: int) -> str:
    """Shorten a text, and say by how much."""
    return text if not limit or len(text) <= limit else text[:limit] + _more(len(text) - limit)


def _more(characters: int) -> str:
    return f"…[{characters} more characters]"
