"""Entries: what an entry of a stream says, with its labels and structured metadata, -> Message."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from gelf_listener.codec.levels import severity_of_text
from gelf_listener.codec.receipt import Receipt
from gelf_listener.codec.record import OF_GELF_ONLY, make_message, read_fields, read_plain_fields
from gelf_listener.codec.scrub import scrub
from gelf_listener.codec.text.reader import STREAM_LEVELS
from gelf_listener.codec.text.reading import Reading
from gelf_listener.codec.text.whole import read_whole
from gelf_listener.codec.times import SECONDS_MAX, SECONDS_MIN
from gelf_listener.message import Message
from gelf_listener.notes import Deviation
from gelf_listener.rows import Names, Row, shared_names

_LEVELS = (
    *("level", "Level", "LEVEL", "severity", "Severity", "SEVERITY", "lvl", "loglevel", "log_level", "levelname"),
    *("severity_text", "severityText", "logLevel", "priority", "detected_level"),
)
"""Labels that say how severe an entry is; the last is Loki's own guess."""

_LEVEL_NAMES = frozenset(_LEVELS)

_HOSTS = ("host", "hostname", "host.name")
_NODES = ("node_name", "nodename", "node", "pod", "instance")
"""Labels that say where an entry comes from; those of the second kind say more than that and stay fields."""

_STREAMS = ("stream", "source", "std_stream")
"""Labels of the stream that a container printed on: promtail's, Docker's driver's."""

_TRACES = ("exception.stacktrace", "exception_stacktrace", "stack_trace", "stacktrace")

_TRACE_NAMES = frozenset(_TRACES)

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
"""winston's `colorize` puts them around levels, which winston-loki makes labels of."""

_LOKI4J = re.compile(r"\[([^\]]{1,100})\] ([\w.$-]{1,200}) - ")
"""What loki4j (2.x) puts before a text by default, besides saying it in structured metadata."""

_LOKI4J_1 = re.compile(r"l=(\w{1,20}) (?:h=(\S{0,200}) )?c=(\S{1,200}) t=([^|]{1,100}) \| ")
"""The same of 1.x, with a host or without, which says it nowhere else."""


_GUESSED_LEVEL = (Deviation.GUESSED, "level")
_SAYS_MORE = frozenset((*_LEVELS, *_HOSTS, *_NODES, *_STREAMS, *_TRACES, "tenant"))
"""Names of structured metadata that are looked at beside the line."""
_MAX_KNOWN = 16
_NOTHING: Mapping[str, Any] = {}


class Stream:
    """
    What the labels of a stream say of all its entries, decided once.

    Args:
        receipt: How the request arrived.
        labels: Of the stream.
        tenant: Whose it is; empty for nobody's.
    """

    def __init__(self, receipt: Receipt, labels: Mapping[str, str], tenant: str) -> None:
        self.labels = labels
        said: dict[str, Any] = dict(labels)
        self._level = _pop_level(said)
        host = _pop_host(said)
        self._host = scrub(host) if host and not host.isspace() else receipt.host
        self._printed_on = _printed_on(said)
        self._is_usual = _TRACE_NAMES.isdisjoint(said)
        self._said = dict(said)
        if tenant:
            said.setdefault("tenant", tenant)
        self._behind = (tenant,) if len(said) > len(self._said) else ()
        self._names: dict[tuple[str, ...], Names | None] = {}
        fields, notes = read_fields(said, receipt)
        self._row = Row(shared_names((*fields,), notes), (*fields.values(),))

    def take(
        self, receipt: Receipt, raw: bytes, line: str, nanoseconds: int, metadata: Mapping[str, Any] = _NOTHING
    ) -> bool:
        """
        Make the message of an entry, as `take_entry` does.

        Returns:
            False when it needs a second look; nothing is made of it then.
        """
        seconds = nanoseconds / 1_000_000_000
        if line[:1] in _CLOSER or line[:2] == "l=" or line.isspace():
            return False
        if not (self._is_usual and SECONDS_MIN <= seconds < SECONDS_MAX):
            return False
        reading = read_whole(line, receipt.time)
        row = self._row if not metadata else self._row_with(metadata)
        if row is None or reading.fields or reading.notes or not reading.text:
            return False
        level = self._level
        if level is None:
            level = self._printed_on if reading.level is None else reading.level
        receipt.add(
            Message(
                seconds,
                reading.host or self._host,
                reading.text,
                reading.full_message,
                level,
                raw,
                receipt.time,
                receipt.input,
                receipt.peer,
                False,
                row,
            )
        )
        return True

    def _row_with(self, metadata: Mapping[str, Any]) -> Row | None:
        """Return the fields of an entry with structured metadata; None when they need a second look."""
        values = (*metadata.values(),)
        if not all([type(value) is str and (value.isascii() or scrub(value) == value) for value in values]):
            return None
        keys = (*metadata,)
        if keys in self._names:
            names = self._names[keys]
        else:
            if len(self._names) >= _MAX_KNOWN:
                self._names.clear()
            names = self._names[keys] = self._names_with(metadata)
        return None if names is None else Row(names, (*self._said.values(), *values, *self._behind))

    def _names_with(self, metadata: Mapping[str, Any]) -> Names | None:
        """Return the names of labels and structured metadata; None where one of them may say more than a field."""
        if not (_SAYS_MORE.isdisjoint(metadata) and self.labels.keys().isdisjoint(metadata)):
            return None
        if any([scrub(value) != value for value in self._said.values()]):
            return None
        said: dict[str, Any] = {**self._said, **metadata}
        if self._behind:
            said["tenant"] = self._behind[0]
        known = read_plain_fields(said)
        return None if known is None else shared_names((*known[0],), known[1])


_CLOSER = frozenset(("", " ", "\t", "\r", "\n", "[", "{"))
"""First characters of lines that need a second look: there is a header, or more, in them."""


def take_entry(
    receipt: Receipt,
    raw: bytes,
    line: str,
    nanoseconds: int,
    labels: Mapping[str, str],
    metadata: Mapping[str, Any],
    tenant: str,
) -> None:
    """
    Make the message of an entry; one of blanks only, without structured metadata, is none.

    Args:
        receipt: Takes it.
        raw: The entry as it came.
        line: Its text.
        nanoseconds: When it was logged, since 1970; 0: it does not say.
        labels: Of its stream.
        metadata: Its structured metadata.
        tenant: Whose it is; empty for nobody's.
    """
    if not metadata and (not line or line.isspace()):
        return
    said: dict[str, Any] = {**labels, **metadata}
    level = _pop_level(said)
    host = _pop_host(said)
    line, header = _without_header(line, said)
    reading = read_whole(line, receipt.time)
    if header:
        said = {**said, **header}
        own_level = _pop_level(said)
        level = own_level if level is None else level
        host = host or _pop_host(said)
    full_message = reading.full_message or _pop_trace(said)
    notes = reading.notes
    if notes:  # what the line was guessed to be is not what was taken, where a label says it
        beside = _GUESSED_LEVEL if level is not None else None
        notes = tuple(
            [each for each in notes if each.deviation not in OF_GELF_ONLY and (each.deviation, each.field) != beside]
        )
    if level is None:
        level = _level_of(reading, said)
    if tenant:
        said.setdefault("tenant", tenant)
    seconds = nanoseconds / 1_000_000_000
    in_time = SECONDS_MIN <= seconds < SECONDS_MAX
    if nanoseconds and not in_time:
        said["original_timestamp"] = nanoseconds
    message = make_message(
        receipt,
        raw,
        short_message=reading.text or "(an entry without a line)",
        fields={**said, **reading.fields},
        timestamp=reading.seconds,
        nanoseconds=nanoseconds if in_time else None,
        host=reading.host or host,
        level=level,
        full_message=full_message,
    )
    message._notes += notes  # noqa: SLF001  (it is ours until it is added)
    receipt.add(message)


def _pop_level(said: dict[str, Any]) -> int | None:
    """Take the level off; one that nobody knows stays a field."""
    if _LEVEL_NAMES.isdisjoint(said):
        return None
    for name in _LEVELS:
        value = said.get(name)
        level = severity_of_text(_COLOURS.sub("", value)) if isinstance(value, str) else None
        if level is not None:
            del said[name]
            guess = said.get("detected_level")
            if isinstance(guess, str) and severity_of_text(guess) == level:
                del said["detected_level"]
            return level
    return None


def _pop_host(said: dict[str, Any]) -> str:
    for name in _HOSTS:
        value = said.get(name)
        if isinstance(value, str) and value.strip():
            del said[name]
            return value
    return next((said[name] for name in _NODES if isinstance(said.get(name), str) and said[name].strip()), "")


def _pop_trace(said: dict[str, Any]) -> str | None:
    if _TRACE_NAMES.isdisjoint(said):
        return None
    for name in _TRACES:
        value = said.get(name)
        if isinstance(value, str) and "\n" in value.strip():
            del said[name]
            return value.rstrip("\n")
    return None


def _level_of(reading: Reading, said: Mapping[str, Any]) -> int | None:
    """Return what the text says, or else the stream that it was printed on."""
    return _printed_on(said) if reading.level is None else reading.level


def _printed_on(said: Mapping[str, Any]) -> int | None:
    """Return what it means that a text was printed on a stream; None when that is not said."""
    return next((STREAM_LEVELS[said[name]] for name in _STREAMS if said.get(name) in ("stdout", "stderr")), None)


def _without_header(line: str, said: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
    """Take off what loki4j puts before a text, where that is said elsewhere, or is named."""
    if line[:1] == "[":
        match = _LOKI4J.match(line)
        if (
            match is not None
            and said.get("thread") == match[1]
            and _is_short_for(match[2], str(said.get("logger", "")))
        ):
            return line[match.end() :], {}
    elif line[:2] == "l=":
        match = _LOKI4J_1.match(line)
        if match is not None:
            level, host, logger, thread = match.groups()
            named = {"level": level, "host": host, "logger": logger, "thread": thread.strip()}
            text = line[match.end() :].removesuffix(" ")  # before an exception, where there is one
            return text, {name: value for name, value in named.items() if name not in said and value}
    return line, {}


def _is_short_for(short: str, logger: str) -> bool:
    """Whether a logger's name is another one, or abbreviated as logback does: `c.e.shop.Orders`."""
    shorts, parts = short.split("."), logger.split(".")
    return len(shorts) == len(parts) and all(part.startswith(each) for each, part in zip(shorts, parts, strict=True))
