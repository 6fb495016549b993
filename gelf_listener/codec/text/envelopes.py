# ruff: noqa: E501  (a row a shape: a table is read by its columns)
"""
Envelopes: what a container runtime or a log viewer puts around each line.

The line within is read as if it had come by itself; the envelope says when and on which stream it was printed, by whom,
and whether it goes on in the next one.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from gelf_listener.codec.text.plain import read_header
from gelf_listener.codec.text.stamps import read_stamp
from gelf_listener.message import FieldValue


class Envelope(NamedTuple):
    """
    What is around a line.

    Attributes:
        text: The line within.
        key: What tells its source from others on the same stream.
        seconds: When it was printed; None when the envelope does not say.
        stream: ``stdout`` or ``stderr``; empty when it does not say.
        fields: Who printed it.
        goes_on: Whether the next one of the source has the rest of the line.
    """

    text: str
    key: str = ""
    seconds: float | None = None
    stream: str = ""
    fields: dict[str, FieldValue] = {}  # noqa: RUF012  (never changed)
    goes_on: bool = False


class EnvelopeShape(NamedTuple):
    """
    One kind of envelope.

    Attributes:
        name: As docs/inputs/lines.md lists it.
        needs: A text that it always has, which is cheaper to look for than the pattern.
        pattern: Matches it at the beginning of a line; what is behind is the line within.
        read: Makes the envelope of a match; None when it is a line's own beginning after all.
    """

    name: str
    needs: str
    pattern: re.Pattern[str]
    read: Callable[[re.Match[str], str, float, dt.tzinfo | None], Envelope | None]


def _cri(match: re.Match[str], text: str, now: float, zone: dt.tzinfo | None) -> Envelope:
    stamp = read_stamp(match[1], 0, now, zone)
    stream = match[2]
    seconds = None if stamp is None else stamp.seconds
    return Envelope(text[match.end() :], stream, seconds, stream, {"stream": stream}, match[3] == "P")


def _named(match: re.Match[str], text: str, _now: float, _zone: dt.tzinfo | None) -> Envelope:
    return Envelope(text[match.end() :], match[1], fields={"container": match[1]})


def _kubectl(match: re.Match[str], text: str, _now: float, _zone: dt.tzinfo | None) -> Envelope:
    return Envelope(text[match.end() :], match[0], fields={"pod": match[1], "container": match[2]})


_STAMP = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{1,9}(?:Z|[+-]\d\d:\d\d)"


def _stamped(match: re.Match[str], text: str, now: float, zone: dt.tzinfo | None) -> Envelope | None:
    """Read a time in nanoseconds, unless it is the line's own, without which its level is not one (log4j2's status)."""
    inner = text[match.end() :]
    if (
        inner[:1] != "{"
        and read_header(inner, now, zone).level is None
        and read_header(text, now, zone).level is not None
    ):
        return None
    stamp = read_stamp(match[1], 0, now, zone)
    return Envelope(inner, "", None if stamp is None else stamp.seconds)


def _printed(match: re.Match[str], text: str, now: float, zone: dt.tzinfo | None) -> Envelope:
    """Read what a platform says of each line: when it was printed, by which process, and sometimes on which stream."""
    groups = match.groupdict()
    stamp = read_stamp(match["stamp"], 0, now, zone)
    stream = _STREAMS.get(groups.get("stream") or "", "")
    fields: dict[str, FieldValue] = {"container": match["name"], **({"stream": stream} if stream else {})}
    return Envelope(text[match.end() :], match["name"], None if stamp is None else stamp.seconds, stream, fields)


_STREAMS = {"OUT": "stdout", "ERR": "stderr"}
"""Cloud Foundry's words."""

ENVELOPES = (
    EnvelopeShape("CRI (containerd, CRI-O)", " std", re.compile(rf"({_STAMP}) (stdout|stderr) ([FP])(?::\S{{0,40}})?(?: |\Z)"), _cri),
    EnvelopeShape("docker compose logs", "| ", re.compile(r"([A-Za-z0-9][\w.-]{0,100}[-_.]\d{1,5}(?:\.\w{25}@[\w.-]{1,64})?) *\| "), _named),
    EnvelopeShape("docker compose logs", "| {", re.compile(r"([A-Za-z0-9][\w.-]{0,100}) +\| (?=\{)"), _named),
    EnvelopeShape("tilt", "\u2502 {", re.compile("\\s{0,64}([A-Za-z0-9][\\w.-]{0,100}) *\u2502 (?=\\{)"), _named),
    EnvelopeShape("docker compose logs", "level=", re.compile(r"([A-Za-z0-9][\w.-]{0,100}) *\| (?=(?:time|ts|t|level|lvl)=\S)"), _named),
    EnvelopeShape("pm2 logs", "|", re.compile(r"(?:\d\d:\d\d:\d\d )?\d{1,4}\|([\w.-]{1,64}) *\| "), _named),
    EnvelopeShape("honcho, foreman", "| ", re.compile(r"\d\d:\d\d:\d\d ([a-z][\w.-]{0,63}) *\| "), _named),
    EnvelopeShape("cf logs (Cloud Foundry)", "] ", re.compile(r"\s{0,4}(?P<stamp>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{1,9}[+-]\d{4}) \[(?P<name>[A-Z]{2,10}(?:/[\w-]{1,60}){1,4})\] (?P<stream>OUT|ERR)(?: |\Z)"), _printed),
    EnvelopeShape("fly logs (Fly.io)", "] ", re.compile(r"(?P<stamp>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z?) (?P<name>(?:app|runner|proxy|health)\[\w{6,40}\]) [a-z]{3} \[[a-z]{3,8}\] ?"), _printed),
    EnvelopeShape("heroku logs", "app[", re.compile(r"(?P<stamp>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}[+-]\d\d:\d\d) app\[(?P<name>[a-z][\w-]{0,40}\.\d{1,6})\]: "), _printed),
    EnvelopeShape("kubectl logs --prefix", "[pod/", re.compile(r"\[pod/([\w.-]{1,253})/([\w.-]{1,253})\] "), _kubectl),
    EnvelopeShape("docker logs -t, kubectl logs --timestamps", "Z ", re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7,9}Z) "), _stamped),
)  # fmt: skip


_LONGEST = 640
"""Most characters of an envelope: the names of a pod and a container."""


def open_envelope(text: str, now: float, zone: dt.tzinfo | None) -> Envelope | None:
    """
    Take the envelope off a line.

    Args:
        text: Without colours.
        now: UTC Unix seconds: what an absurd time is measured by.
        zone: Of times without an offset; None: this machine's.

    Returns:
        None when it has none.
    """
    beginning = text[:_LONGEST]
    for shape in ENVELOPES:
        if shape.needs in beginning:
            match = shape.pattern.match(text)
            envelope = None if match is None else shape.read(match, text, now, zone)
            if envelope is not None:
                return envelope
    return None


_IN_COLUMN = re.compile("\\s{0,64}([A-Za-z@][\\w@./-]{0,100}) {0,64}[|\u2502](?: |\\Z)")
"""The name of a process and a bar, which is how rows of many tables begin, too."""
_MAX_NAMES = 256


class Names:
    """
    Names of processes that stand before each line: docker compose with `container_name`, overmind, hivemind, tilt.

    A name is known once a line behind it had a logger's header or was a record; from then on all of its lines are taken
    out. Rows of a table look alike, but have no such lines.
    """

    def __init__(self) -> None:
        self._known: set[str] = set()

    def open(self, text: str, now: float, zone: dt.tzinfo | None) -> Envelope | None:
        """Take a name off a line; None when there is none that is known."""
        match = _IN_COLUMN.match(text)
        if match is None or match[1].isupper():  # INFO | main | x
            return None
        name, inner = match[1], text[match.end() :]
        if name not in self._known:
            if not _is_logged(inner, now, zone) or len(self._known) >= _MAX_NAMES:
                return None
            self._known.add(name)
        return Envelope(inner, name, fields={"container": name})


def _is_logged(text: str, now: float, zone: dt.tzinfo | None) -> bool:
    """Whether a line has a logger's header: a time, or a level, and it is not of a table."""
    header = read_header(text, now, zone)
    if header.level is None or header.guessed or " " not in text.strip() or text.rstrip()[-1:] == "|":
        return False
    return (header.stamped and header.seconds is not None) or not (" | " in text or " \u2502 " in text)


_DOCKER = frozenset(("log", "stream", "time", "attrs"))


def open_docker_json(record: Mapping[str, Any], now: float, zone: dt.tzinfo | None) -> Envelope | None:
    """Take a line of Docker's json-file driver apart: a line longer than 16 KiB is in several, without its end."""
    text, stream = record.get("log"), record.get("stream")
    if not isinstance(text, str) or stream not in ("stdout", "stderr") or not record.keys() <= _DOCKER:
        return None
    stamp = read_stamp(str(record.get("time", "")), 0, now, zone)
    seconds = None if stamp is None else stamp.seconds
    whole = text.endswith("\n")
    return Envelope(text.rstrip("\r\n"), stream, seconds, stream, {"stream": stream}, not whole)
