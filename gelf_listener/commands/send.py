"""``gelf-listener send``: a GELF client, for trying things out and for load."""

from __future__ import annotations

import re
import socket
import sys
import time
from collections.abc import Iterable, Iterator, Mapping

from gelf_listener.address import Address
from gelf_listener.codec.batch import Batch
from gelf_listener.codec.text.lines import LineDecoder
from gelf_listener.commands.delivery import Delivery
from gelf_listener.commands.progress_bar import ProgressBar
from gelf_listener.errors import ConfigError, OutputError
from gelf_listener.message import FieldValue, Message
from gelf_listener.quantities import counted
from gelf_listener.query.levels import LEVEL_WORDS, nearest_level

_COMPRESSIONS = ("none", "zlib", "gzip")
_TOGETHER = 500
"""Messages handed over at once where nothing has to be waited for."""
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
"""A number as JSON writes it."""
_LARGEST_INTEGER = 2**63 - 1


def parse_field(text: str) -> tuple[str, str | int | float]:
    """
    Read ``name=value``; what JSON calls a number becomes one, as long as every peer can hold it.

    Raises:
        ConfigError: If there is no name or no ``=``.
    """
    name, equals, value = text.partition("=")
    name = name.strip().removeprefix("_")
    if not name or not equals:
        raise ConfigError(f"setting 'field' is {text!r}: expected name=value")
    if _NUMBER.fullmatch(value):
        if value.lstrip("-").isdigit():
            number = int(value) if len(value) < 20 else _LARGEST_INTEGER + 1
            return (name, number) if abs(number) <= _LARGEST_INTEGER else (name, value)
        if abs(float(value)) != float("inf"):
            return name, float(value)
    return name, value


def parse_level(text: str) -> int:
    """
    Read a severity as number or name; the names are those of queries, not all that programs abbreviate.

    Raises:
        ConfigError: If it is neither.
    """
    if text in tuple("01234567"):
        return int(text)
    level = LEVEL_WORDS.get(text.lower())
    if level is None:
        near = nearest_level(text)
        meant = f"did you mean {near}?" if near else "expected 0 to 7, or a name such as error, warning, info, debug"
        raise ConfigError(f"setting 'level' is {text!r}: {meant}")
    return level


def send_messages(
    message: str | None,
    *,
    fields: list[str],
    to: str,
    level: str,
    host: str | None,
    full_message: str | None,
    compress: str,
    chunk_bytes: str | None,
    count: int,
    rate: float,
) -> None:
    """
    Send a message, or one for each line of standard input, `count` times.

    Raises:
        ConfigError: If a setting is unusable.
        OutputError: If the destination cannot be reached or refuses.
    """
    made = _Maker(host, parse_level(level), full_message, dict(map(parse_field, fields)))
    lines = _texts(message)
    delivery = Delivery(to, _defaults(Address.parse(to).scheme, compress, chunk_bytes), patient=False)
    sent = 0
    try:
        delivery.start()
        with ProgressBar("sending", count if isinstance(lines, tuple) else None) as progress:
            for batch in _batches(lines, count, rate):
                messages = [message for text in batch for message in made.messages(text)]
                delivery.put(messages)
                sent += len(messages)
                progress.advance(len(batch))
        delivery.finish()
    except OutputError as error:
        delivery.finish(0.0)
        raise OutputError(f"{delivery.address}: {error}") from None
    if delivery.refused or delivery.lost:
        raise OutputError(f"{delivery.address}: {delivery.problem}")
    print(f"sent {counted(sent - delivery.kept)} to {delivery.address}", file=sys.stderr)
    if delivery.kept:
        print(f"{counted(delivery.kept)} left in the buffer: {delivery.problem}", file=sys.stderr)


def _defaults(scheme: str, compress: str, chunk_bytes: str | None) -> Mapping[str, object]:
    """Return the settings of an output that the options stand for."""
    if compress not in _COMPRESSIONS:
        raise ConfigError(f"setting 'compress' is {compress!r}: expected {', '.join(_COMPRESSIONS)}")
    if scheme == "gelf+udp":
        return {"compression": compress} | ({} if chunk_bytes is None else {"chunk_bytes": chunk_bytes})
    if scheme in ("gelf+http", "gelf+https"):
        return {"compress": compress}
    if compress != "none":
        raise ConfigError(f"setting 'compress' is {compress!r}: GELF over TCP is not compressed; only UDP and HTTP are")
    return {}


class _Maker:
    """Makes messages that differ in their text and time."""

    def __init__(
        self, host: str | None, level: int, full_message: str | None, fields: Mapping[str, FieldValue]
    ) -> None:
        self._host = host or socket.gethostname() or "localhost"
        self._level = level
        self._full_message = full_message
        self._fields = dict(fields)

    def messages(self, text: str) -> list[Message]:
        """Make a message that is logged now; of a record in JSON, what it says, as `pipe` does."""
        now = round(time.time(), 6)
        if text.startswith("{"):
            batch = Batch()
            decoder = LineDecoder(self._host, self._level, fields=self._fields)
            decoder.feed(text.encode("utf-8", "replace"), now, batch)
            decoder.feed_eof(now, batch)
            return batch.messages
        fields = dict(self._fields)
        return [Message(now, self._host, text, self._full_message, self._level, b"", now, _fields=fields)]


def _batches(texts: Iterable[str], count: int, rate: float) -> Iterator[list[str]]:
    """Give each text `count` times: one by one at a rate, as many together as there are without."""
    pace = _Pace(rate)
    for text in texts:
        left = count
        while left:
            pace.wait()
            number = 1 if rate else min(left, _TOGETHER)
            yield [text] * number
            left -= number


def _texts(message: str | None) -> Iterable[str]:
    """Return the texts to send: the argument, or the lines of standard input."""
    if message is not None and message != "-":
        return (message,)
    if message is None and sys.stdin.isatty():
        raise ConfigError("no message: give one as an argument, or pipe lines into standard input")
    return _stdin_lines()


def _stdin_lines() -> Iterator[str]:
    for line in sys.stdin:
        text = line.rstrip("\r\n")
        if text.strip():
            yield text


class _Pace:
    """Keeps to a rate by sleeping until the next message is due."""

    def __init__(self, rate: float) -> None:
        self._interval = 1 / rate if rate else 0.0
        self._due = time.monotonic()

    def wait(self) -> None:
        if not self._interval:
            return
        pause = self._due - time.monotonic()
        if pause > 0:
            time.sleep(pause)
        self._due += self._interval
