"""
The error hierarchy: whose fault is it?

::

    GelfError
    ├── ConfigError      the operator's: a setting is wrong (exit status 2)
    ├── Rejected         the peer's: bytes that are not a message; never stops an input
    ├── QueryError       the searcher's: with the column
    └── OutputError      the destination's
        ├── Retry        try the same batch again later
        │   └── Busy     it answers, and cannot do it at the moment
        └── Refused      these messages will never be taken

Anything else that escapes is ours: a bug.
"""

from __future__ import annotations

import enum
import os
import re
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gelf_listener.message import Message, Peer


def describe(error: BaseException) -> str:
    """Say in one line what went wrong: the error's own words, and its kind where it has none."""
    words = str(getattr(error, "strerror", None) or " ".join(str(error).split()))
    if not words and isinstance(error, TimeoutError):
        return "no answer in time"
    if not words or words.startswith(_VAGUE):
        return _system_words(error) or words or type(error).__name__
    return words


_VAGUE = ("[Errno ", "Connect call failed", "Multiple exceptions: ", "All connection attempts failed")
"""How asyncio and httpx speak of a failed connection; the system says why."""
_LONGEST_CHAIN = 10


def _system_words(error: BaseException | None) -> str:
    """Return what the system calls an error or the first of its causes that came from it; empty without one."""
    for _ in range(_LONGEST_CHAIN):
        if error is None:
            break
        number = error.errno if isinstance(error, OSError) else None
        if number is None and (written := re.search(r"\[Errno (\d+)\]", str(error))):
            number = int(written[1])
        if number and number > 0:
            return os.strerror(number)
        if number:  # a name that cannot be resolved: the numbers of getaddrinfo are below zero
            return str(getattr(error, "strerror", None) or "")
        error = error.exceptions[0] if isinstance(error, BaseExceptionGroup) else error.__cause__ or error.__context__
    return ""


EXCERPT_BYTES = 1024
"""How much of a rejected payload is kept: enough to see what was sent, small enough to keep a thousand of them."""


class GelfError(Exception):
    """Root of every error this package raises on purpose."""

    exit_status = 1
    """Of a command that ends with it."""


class ConfigError(GelfError):
    """
    A setting is missing, unknown or has an unusable value.

    The text names the setting, the value and what is allowed.
    """


class Reason(enum.StrEnum):
    """Why bytes were rejected. The value is also the metric label, so the set is closed."""

    EMPTY_PAYLOAD = "empty_payload"
    UNKNOWN_COMPRESSION = "unknown_compression"
    CORRUPT_COMPRESSION = "corrupt_compression"
    PAYLOAD_TOO_LARGE = "payload_too_large"
    CHUNK_TOO_SHORT = "chunk_too_short"
    CHUNK_COUNT_OUT_OF_RANGE = "chunk_count_out_of_range"
    CHUNK_NUMBER_OUT_OF_RANGE = "chunk_number_out_of_range"
    CHUNK_COUNT_MISMATCH = "chunk_count_mismatch"
    CHUNK_NESTED = "chunk_nested"
    CHUNKS_INCOMPLETE = "chunks_incomplete"
    CHUNKS_EVICTED = "chunks_evicted"
    FRAME_TOO_LARGE = "frame_too_large"
    FRAME_TRUNCATED = "frame_truncated"
    INVALID_JSON = "invalid_json"
    INVALID_PROTOBUF = "invalid_protobuf"
    INVALID_LABELS = "invalid_labels"
    NOT_AN_OBJECT = "not_an_object"
    TOO_COMPLEX = "too_complex"
    NO_MESSAGE = "no_message"
    INVALID_SHORT_MESSAGE = "invalid_short_message"
    EMPTY_SHORT_MESSAGE = "empty_short_message"
    INVALID_HOST = "invalid_host"
    EMPTY_HOST = "empty_host"
    TIMESTAMP_OUT_OF_RANGE = "timestamp_out_of_range"
    INVALID_TIMESTAMP = "invalid_timestamp"
    UNEXPECTED_PROTOCOL = "unexpected_protocol"
    PEER_NOT_ALLOWED = "peer_not_allowed"
    REFUSED_BY_INDEX = "refused_by_index"
    REFUSED_BY_OUTPUT = "refused_by_output"


class Rejected(GelfError):
    """
    Bytes from a peer that could not become a message.

    It is raised by the codec and kept as a value afterwards: counted by ``reason``, shown with the
    peer and an excerpt of the payload.

    Args:
        reason: The class of failure (a metric label).
        detail: One sentence for a person.
        payload: The offending bytes; only the first 1024 are kept, with the whole size.
        peer: Who sent it, if known.
        input: Name of the input that received it.
        received_at: UTC Unix seconds; the current time by default.
    """

    def __init__(
        self,
        reason: Reason,
        detail: str,
        payload: bytes | bytearray | memoryview = b"",
        *,
        peer: Peer | None = None,
        input: str = "",
        received_at: float | None = None,
    ) -> None:
        super().__init__(f"{reason.value}: {detail}")
        self.reason = reason
        self.detail = detail
        self.payload = bytes(payload[:EXCERPT_BYTES])
        self.payload_bytes = len(payload)
        self.peer = peer
        self.input = input
        self.received_at = time.time() if received_at is None else received_at

    def forget_frames(self) -> None:
        """Let go of where it was raised, and of the error before it: their frames hold what was inflated so far."""
        self.__traceback__ = self.__context__ = self.__cause__ = None


class QueryError(GelfError):
    """
    A query cannot be understood.

    Args:
        detail: What is wrong, and what would be right.
        query: The whole query.
        column: 1-based column of the first offending character.
    """

    def __init__(self, detail: str, query: str, column: int) -> None:
        super().__init__(f"{detail} (column {column} of {query!r})")
        self.detail = detail
        self.query = query
        self.column = column


class OutputError(GelfError):
    """A destination did not take a batch."""


class Retry(OutputError):
    """
    The destination is unavailable: the same batch should be offered again.

    Args:
        detail: What happened.
        after_seconds: When the destination asks to be left alone for a while (``Retry-After``).
    """

    def __init__(self, detail: str, after_seconds: float | None = None) -> None:
        super().__init__(detail)
        self.after_seconds = after_seconds


class Busy(Retry):
    """The destination answers, and cannot do what it is asked at the moment (HTTP 503)."""


class Refused(OutputError):
    """
    The destination will never take these messages; the rest of the batch was taken.

    Args:
        messages: The messages that were refused.
        detail: Why, in the destination's words.
    """

    def __init__(self, messages: Sequence[Message], detail: str) -> None:
        super().__init__(detail)
        self.messages = messages
