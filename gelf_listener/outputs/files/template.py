"""
Template: which file a message belongs to, and which files on disk belong to an output.

A path may hold ``{source}``, ``{input}``, ``{level}``, ``{date}``, ``{hour}`` and ``{_field}``. Laws:

* The components before the first placeholder are the base directory; what a peer sends cannot lead out of it,
  because a value never holds a slash or ``..``.
* No value holds an ``@``, so a rotated file (``app@20261123T143052Z.1.jsonl``) is never mistaken for the
  file of another value.
* Date and hour are those of receiving, so a peer cannot spread its messages over files of many years.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from gelf_listener.message import Message
from gelf_listener.outputs.files.names import MIN_NAME, OVERFLOW, safe_name
from gelf_listener.rendering.levels import level_name
from gelf_listener.rendering.values import value_text

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_TIMES = ("date", "hour")
_MAX_COMPONENT = 200
"""Longest component: file systems take 255 bytes, and a rotated name is up to 40 longer."""
_MAX_VALUE = 80
_MAX_KNOWN = 4096
_MAX_KNOWN_VALUE = 255
_BUCKET_SECONDS = 900
"""Every zone's hour starts at a quarter of an hour of UTC."""

_STAMP = r"@\d{8}T\d{6}Z\.\d+"
_AFTER_VALUES = ("rotated", "compressed")
"""Groups of the last component's pattern that are not placeholders."""
_ANY_VALUE = r"[A-Za-z0-9_][A-Za-z0-9._-]*"
_PATTERNS = {"date": r"\d{4}-\d\d-\d\d", "hour": r"\d\d"}


class Destination(NamedTuple):
    """
    A file messages belong to.

    Attributes:
        relative: Path below the base directory.
        bucket: Quarter of an hour the path's date and hour were made for; 0 when it has none.
    """

    relative: str
    bucket: int


class Found(NamedTuple):
    """
    A file on disk that belongs to a template.

    Attributes:
        key: Values of the placeholders other than date and hour.
        dated: Values of date and hour, in the order of the template.
        rotated: Whether the name says that it was rotated.
        compressed: Whether it is compressed.
    """

    key: tuple[str, ...]
    dated: tuple[str, ...]
    rotated: bool
    compressed: bool


class PathTemplate:
    """
    A path with placeholders.

    Args:
        text: Relative to the working directory, or absolute.
        utc: Date and hour in UTC instead of local time.

    Raises:
        ValueError: If it is not a path of a file, or has a placeholder that does not exist.
    """

    def __init__(self, text: str, *, utc: bool = True) -> None:
        _check(text)
        whole = Path(text).absolute()
        # Links the operator made are followed once, here; below the base none is ever followed.
        if "{" in text:
            first = next(index for index, part in enumerate(whole.parts) if "{" in part)
            self.base, relative = _resolve(Path(*whole.parts[:first])), whole.parts[first:]
        else:
            whole = _resolve(whole)
            self.base, relative = whole.parent, (whole.name,)
        self.components = relative
        self._utc = utc
        self._pieces: list[str] = _PLACEHOLDER.split("/".join(relative))
        names = self._pieces[1::2]
        self.timed = any(name in _TIMES for name in names)
        self.per_message = any(name not in _TIMES for name in names)
        self._getters = [_getter(name) for name in names if name not in _TIMES]
        self._max_value = min(map(_room, relative))
        if self._max_value < MIN_NAME:
            raise ValueError(f"a part of {text!r} is too long, or has too many placeholders")
        self.suffix = _suffix(relative[-1])
        self._matchers = [re.compile(_pattern(part)) for part in relative[:-1]]
        last = relative[-1].removesuffix(self.suffix)
        self._file_matcher = re.compile(
            f"{_pattern(last)}(?P<rotated>{_STAMP})?{re.escape(self.suffix)}(?P<compressed>\\.gz)?"
        )
        self._known: dict[tuple[int, tuple[str | None, ...]], Destination] = {}
        self._times: tuple[int, tuple[str, str]] = (-1, ("", ""))

    def group(self, batch: Sequence[Message]) -> list[tuple[Destination, Sequence[Message]]]:
        """Divide a batch by file, keeping the order within each file."""
        if not self.per_message and self._bucket(batch[0]) == self._bucket(batch[-1]):
            return [(self._destination((), self._bucket(batch[0])), batch)]
        groups: dict[Destination, list[Message]] = {}
        known = self._known
        for message in batch:
            bucket = self._bucket(message)
            values = tuple([get(message) for get in self._getters])
            destination = known.get((bucket, values))
            if destination is None:
                destination = self._destination(values, bucket)
            group = groups.get(destination)
            if group is None:
                group = groups[destination] = []
            group.append(message)
        return list(groups.items())

    def overflow(self, destination: Destination) -> Destination:
        """Return the file that stands in for one too many."""
        relative = self._fill([OVERFLOW] * len(self._getters), destination.bucket)
        return Destination(relative, destination.bucket)

    def rotated(self, relative: str, now: float, counter: int) -> str:
        """Return the path a file is renamed to when it is rotated: stem, time and counter, suffix."""
        stem = relative.removesuffix(self.suffix)
        return f"{stem}@{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime(now))}.{counter}{self.suffix}"

    def match_directory(self, depth: int, name: str) -> bool:
        """Tell whether a directory, so deep below the base, may hold files of this template."""
        return depth < len(self._matchers) and self._matchers[depth].fullmatch(name) is not None

    def match(self, relative: str) -> Found | None:
        """Tell what a file below the base is to this template; None when it is not its own."""
        *directories, name = relative.split("/")
        if len(directories) != len(self._matchers):
            return None
        matches = [matcher.fullmatch(part) for matcher, part in zip(self._matchers, directories, strict=True)]
        last = self._file_matcher.fullmatch(name)
        values: list[str] = []
        for match in matches:
            if match is None:
                return None
            values += match.groups()
        if last is None:
            return None
        values += last.groups()[: -len(_AFTER_VALUES)]
        names = self._pieces[1::2]
        return Found(
            tuple(value for name, value in zip(names, values, strict=True) if name not in _TIMES),
            tuple(value for name, value in zip(names, values, strict=True) if name in _TIMES),
            *(last[group] is not None for group in _AFTER_VALUES),
        )

    def is_past(self, found: Found, now: float) -> bool:
        """Tell whether a file's date and hour are over."""
        if not self.timed:
            return False
        date, hour = self._time(int(now // _BUCKET_SECONDS))
        names = [name for name in self._pieces[1::2] if name in _TIMES]
        values = dict(zip(names, found.dated, strict=True))
        if "date" not in values:
            return False  # an hour alone comes again tomorrow
        return (values["date"], values.get("hour", "")) < (date, hour if "hour" in values else "")

    def _bucket(self, message: Message) -> int:
        return int(message.received_at // _BUCKET_SECONDS) if self.timed else 0

    def _destination(self, values: tuple[str | None, ...], bucket: int) -> Destination:
        names = [safe_name(value, self._max_value) for value in values]
        destination = Destination(self._fill(names, bucket), bucket)
        if all(value is None or len(value) <= _MAX_KNOWN_VALUE for value in values):
            if len(self._known) >= _MAX_KNOWN:
                self._known.clear()
            self._known[bucket, values] = destination
        return destination

    def _fill(self, names: Sequence[str], bucket: int) -> str:
        """Put names, date and hour in their places."""
        pieces = self._pieces.copy()
        rest = iter(names)
        for index in range(1, len(pieces), 2):
            if pieces[index] in _TIMES:
                pieces[index] = self._time(bucket)[_TIMES.index(pieces[index])]
            else:
                pieces[index] = next(rest)
        return "".join(pieces)

    def _time(self, bucket: int) -> tuple[str, str]:
        """Return date and hour of a quarter of an hour."""
        if self._times[0] != bucket:
            seconds = bucket * _BUCKET_SECONDS
            parts = time.gmtime(seconds) if self._utc else time.localtime(seconds)
            self._times = (bucket, (time.strftime("%Y-%m-%d", parts), time.strftime("%H", parts)))
        return self._times[1]


def _check(text: str) -> None:
    """Refuse what cannot be the path of a file."""
    if not text or text.endswith(("/", "/.", "/..")):
        raise ValueError("expected the path of a file")
    if not text.isprintable():
        raise ValueError("a path has no control characters")
    for name in _PLACEHOLDER.findall(text):
        if name not in ("source", "input", "level", *_TIMES) and not (name.startswith("_") and len(name) > 1):
            raise ValueError(
                f"unknown placeholder {{{name}}}; known are {{source}} {{input}} {{level}} {{date}} {{hour}} and "
                "{_field} for any additional field"
            )
    rest = _PLACEHOLDER.sub("", text)
    if "{" in rest or "}" in rest:
        raise ValueError("a brace has no partner")
    if "{" in text and ".." in text[text.index("{") :].split("/"):
        raise ValueError("'..' cannot follow a placeholder")


def _resolve(path: Path) -> Path:
    try:
        return path.resolve()
    except (OSError, RuntimeError) as error:  # links in a circle
        raise ValueError(f"cannot follow {path}: {error}") from None


def _suffix(component: str) -> str:
    """Return the extension of a file name, with its dot; a value never counts as one."""
    literal = component.rpartition("}")[2]
    start = literal.rfind(".")
    return literal[start:] if start > 0 or (start == 0 and literal != component) else ""


def _getter(name: str) -> Callable[[Message], str | None]:
    if name == "source":
        return lambda message: message.host
    if name == "input":
        return lambda message: message.input
    if name == "level":
        return lambda message: None if message.level is None else level_name(message.level)
    field = name[1:]

    def value(message: Message) -> str | None:
        found = message.fields.get(field)
        return None if found is None else value_text(found)

    return value


def _room(component: str) -> int:
    """Return how long a value may be for a component to stay short enough."""
    values = [name for name in _PLACEHOLDER.findall(component) if name not in _TIMES]
    fixed = (
        len(_PLACEHOLDER.sub("", component).encode()) + 10 * component.count("{date}") + 2 * component.count("{hour}")
    )
    rest = _MAX_COMPONENT - fixed
    return min(_MAX_VALUE, rest // len(values)) if values else (_MAX_VALUE if rest >= 0 else 0)


def _pattern(component: str) -> str:
    """Return a pattern for a component on disk, with a group for each placeholder."""
    pieces = _PLACEHOLDER.split(component)
    for index in range(len(pieces)):
        pieces[index] = f"({_PATTERNS.get(pieces[index], _ANY_VALUE)})" if index % 2 else re.escape(pieces[index])
    return "".join(pieces)
