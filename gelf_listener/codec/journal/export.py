"""
Export: a stream in the journal's export format -> entries, piece by piece (systemd, "Journal Export Formats").

A field is a line ``NAME=value``, or, where its value has line ends or is binary, a line ``NAME``, eight bytes of length
(little-endian), the value and a line end. An empty line ends an entry. A stream may be longer than memory; an entry
that is longer than its bound is rejected once, and skipped to its end.
"""

from __future__ import annotations

from collections.abc import Iterator

from gelf_listener.codec.receipt import Receipt
from gelf_listener.errors import Reason, Rejected

MAX_FIELDS = 1024
"""Most fields of an entry, as systemd-journal-remote has it."""

_MAX_NAME = 64
"""Longest name of a field, as the journal has it."""
_MOST_BYTES_SKIPPED = 1 << 40
"""A value that claims to be longer makes no sense, and neither does what follows it."""

Entry = list[tuple[str, bytes]]
"""Names and values, in order; a name may come several times."""


class ExportParser:
    """
    Reads one stream.

    Args:
        max_entry_bytes: Longest entry.
    """

    def __init__(self, max_entry_bytes: int) -> None:
        self._max_entry_bytes = max_entry_bytes
        self._buffer = bytearray()
        self._fields: Entry = []
        self._size = 0
        """Of the entry so far, with what is still in the buffer of it left out."""
        self._skipped = 0
        """Bytes of a long value that are still to come, and are not kept."""
        self._is_skipping = False
        """Whether the rest of the entry is left out."""

    @property
    def pending_bytes(self) -> int:
        """Bytes of an entry that has not ended."""
        return len(self._buffer) + self._size

    def feed(self, data: bytes, receipt: Receipt) -> Iterator[Entry]:
        """
        Take bytes, cut anywhere; yield entries that have ended.

        Args:
            data: Some of the stream.
            receipt: Takes the rejection of an entry that is too long.

        Raises:
            Rejected: If the stream cannot be read any further.
        """
        buffer = self._buffer
        buffer += data
        at = 0
        while True:
            if self._skipped:
                step = min(self._skipped, len(buffer) - at)
                at += step
                self._skipped -= step
                if self._skipped:
                    break
            end = buffer.find(b"\n", at)
            if end < 0:
                break
            if end == at:
                at += 1
                entry = self._end()
                if entry is not None:
                    yield entry
                continue
            equals = buffer.find(b"=", at, end)
            if (equals if equals >= 0 else end) - at > _MAX_NAME:
                raise _no_name(buffer[at:])
            if equals >= 0:
                self._field(bytes(buffer[at:equals]), bytes(buffer[equals + 1 : end]), receipt)
                at = end + 1
                continue
            after = self._binary(buffer, at, end, receipt)
            if not after:
                break
            at = after
        del buffer[:at]
        if b"\n" not in buffer:  # a value with a length is bounded by it
            self._bound_line(buffer, receipt)

    def finish(self, receipt: Receipt) -> Entry | None:
        """End the stream: return its last entry, which may lack the empty line."""
        if self._buffer or self._skipped:
            receipt.reject(Reason.FRAME_TRUNCATED, "the upload ends in the middle of an entry", self._buffer)
            self._fields = []
            return None
        return self._end()

    def _binary(self, buffer: bytearray, at: int, end: int, receipt: Receipt) -> int:
        """Take a value with its length; return where it ends, or 0 when it has not come whole."""
        start = end + 9
        if start > len(buffer):
            return 0
        length = int.from_bytes(buffer[end + 1 : start], "little")
        if length > _MOST_BYTES_SKIPPED:
            detail = f"not the journal's export format: a value of {length} bytes"
            raise Rejected(Reason.UNEXPECTED_PROTOCOL, detail, buffer[at : at + 1024])
        if length + self._size > self._max_entry_bytes:
            self._give_up(receipt)
            self._skipped = length + 1
            return start
        if start + length >= len(buffer):
            return 0
        if buffer[start + length] != 0x0A:
            detail = "not the journal's export format: a value does not end with its length"
            raise Rejected(Reason.UNEXPECTED_PROTOCOL, detail, buffer[at : at + 1024])
        self._field(bytes(buffer[at:end]), bytes(buffer[start : start + length]), receipt)
        return start + length + 1

    def _field(self, name: bytes, value: bytes, receipt: Receipt) -> None:
        """Add a field to the entry; one whose name cannot be a field's is left out."""
        if self._is_skipping:
            return
        self._size += len(name) + len(value) + 2
        if self._size > self._max_entry_bytes or len(self._fields) >= MAX_FIELDS:
            self._give_up(receipt)
        elif name and name.replace(b"_", b"").isalnum() and name.isascii():
            self._fields.append((name.decode(), value))

    def _end(self) -> Entry | None:
        """End an entry; return it unless it is empty or was too long."""
        fields = self._fields
        self._fields, self._size, self._is_skipping = [], 0, False
        return fields or None

    def _give_up(self, receipt: Receipt) -> None:
        """Reject the entry, once."""
        if not self._is_skipping:
            beginning = b"\n".join(name.encode() + b"=" + value[:100] for name, value in self._fields[:20])
            detail = f"an entry longer than {self._max_entry_bytes} bytes, or of more than {MAX_FIELDS} fields"
            receipt.reject(Reason.FRAME_TOO_LARGE, detail, beginning)
        self._is_skipping, self._fields, self._size = True, [], 0

    def _bound_line(self, buffer: bytearray, receipt: Receipt) -> None:
        """Let go of the beginning of a long line; one that has no name at its beginning makes no sense."""
        if len(buffer) > _MAX_NAME and b"=" not in buffer[: _MAX_NAME + 1]:
            raise _no_name(buffer)
        if len(buffer) + self._size > self._max_entry_bytes:
            self._give_up(receipt)
            buffer[:] = b"="  # the rest of it is the value of a field that is left out


def _no_name(data: bytearray) -> Rejected:
    detail = f"not the journal's export format: a name longer than {_MAX_NAME} bytes"
    return Rejected(Reason.UNEXPECTED_PROTOCOL, detail, data[:1024])
