"""
Containers: GELF of Docker's driver, whose short_message is a line that a container printed.

The driver takes each line for a message: JSON stays a text, everything is information (or an error, on standard error),
a trace comes in pieces, and a line of more than 16 KiB in several. Here the lines of a container are read as such.
"""

from __future__ import annotations

import datetime as dt

from gelf_listener.codec.batch import Batch
from gelf_listener.codec.text.origin import Origin
from gelf_listener.codec.text.reader import TextReader
from gelf_listener.message import Message

_PIECE_BYTES = 16 * 1024
"""Docker cuts longer lines at this many bytes; its gelf driver does not say that it did, its fluentd driver does."""
_PARTIAL = frozenset(("partial_message", "partial_id", "partial_ordinal", "partial_last"))


class ContainerReader:
    """
    Reads what containers printed.

    Guarantee: every line that is not blank is in exactly one message; what no container printed is passed on as it is.

    Args:
        input: Name put on messages.
        zone: Of times without an offset; None: this machine's.
        join_seconds: How long a line waits for the next of its container.
    """

    def __init__(self, input: str = "", *, zone: dt.tzinfo | None = None, join_seconds: float = 0.3) -> None:
        self._reader = TextReader(input, zone=zone, join_seconds=join_seconds)

    @property
    def deadline(self) -> float | None:
        """When `expire` has something to do, if nothing comes before."""
        return self._reader.deadline

    def take(self, message: Message, now: float, batch: Batch) -> None:
        """
        Take a message.

        Args:
            message: As it was decoded.
            now: UTC Unix seconds.
            batch: Takes messages that are complete.
        """
        container = message.fields.get("container_id")
        if not isinstance(container, str) or message.full_message:
            batch.messages.append(message)
            batch.size += len(message.raw)
            return
        fields = message.fields
        last = fields.get("partial_last") if "partial_message" in fields else None
        if last is not None:
            fields = {name: value for name, value in fields.items() if name not in _PARTIAL}
        origin = Origin(
            message.host,
            6 if message.level is None else message.level,
            fields,
            message.timestamp,
            message.notes,
            message.peer,
            message.level,
            in_gelf=True,
        )
        line = message.short_message.encode("utf-8", "replace")
        key = f"{container}/{message.level}"  # standard output and standard error have a level each
        # A character that was cut in two is U+FFFD for each of its bytes.
        size = len(line) - 2 * message.short_message.count("\ufffd")
        goes_on = size == _PIECE_BYTES if last is None else last != "true"
        self._reader.take(line, now, origin, batch, key, goes_on=goes_on)

    def expire(self, now: float, batch: Batch) -> None:
        """Give out messages that waited long enough."""
        self._reader.expire(now, batch)

    def release(self, now: float, batch: Batch) -> None:
        """Give out everything."""
        self._reader.release(now, batch)
