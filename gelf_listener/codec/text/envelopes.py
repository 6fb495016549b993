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

__all__ = ["ENVELOPES", "Envelope", "EnvelopeShape", "open_docker_json", "open_envelope"]


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


ENVELOPES = (
    EnvelopeShape("CRI (containerd, CRI-O)", " std", re.compile(rf"({_STAMP}) (stdout|stderr) ([FP])(?::\S{{0,40}})?(?: |\Z)"), _cri),
    EnvelopeShape("docker compose logs", "| ", re.compile(r"([A-Za-z0-9][\w.-]{0,100}[-_.]\d{1,5}(?:\.\w{25}@[\w.-]{1,64})?) *\| "), _named),
    EnvelopeShape("docker compose logs", "| {", re.compile(r"([A-Za-z0-9][\w.-]{0,100}) *\| (?=\{)"), _named),
    EnvelopeShape("docker compose logs", "level=", re.compile(r"([A-Za-z0-9][\w.-]{0,100}) *\| (?=(?:time|ts|t|level|lvl)=\S)"), _named),
    EnvelopeShape("pm2 logs", "|", re.compile(r"(?:\d\d:\d\d:\d\d )?\d{1,4}\|([\w.-]{1,64}) *\| "), _named),
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
