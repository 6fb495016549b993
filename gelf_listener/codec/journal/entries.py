"""
Entries: an entry of the journal -> Message.

What the journal knows of itself gets the names that lines of `journalctl -o json` have (docs/inputs/lines.md); a field
of a service keeps its own. An entry keeps its identity: sent again, it has the same id, which is made of its cursor.
"""

from __future__ import annotations

import hashlib

from gelf_listener.codec.journal.export import Entry
from gelf_listener.codec.receipt import Receipt
from gelf_listener.codec.text.carried import carried_message
from gelf_listener.errors import Reason
from gelf_listener.message import ulid

_WELL_KNOWN = frozenset(
    (
        *("MESSAGE_ID", "CODE_FILE", "CODE_LINE", "CODE_FUNC", "ERRNO", "INVOCATION_ID", "USER_INVOCATION_ID"),
        *("SYSLOG_FACILITY", "SYSLOG_RAW", "SYSLOG_TIMESTAMP", "DOCUMENTATION", "TID", "UNIT", "USER_UNIT"),
        *("COREDUMP_UNIT", "COREDUMP_USER_UNIT", "OBJECT_PID", "TRACE_ID", "SPAN_ID", "LOGGER", "THREAD_NAME"),
    )
)
"""Fields of systemd.journal-fields(7), and those that tracing and Python's handler have made usual."""
_TRACES = ("CODE_TRACEBACK", "EXCEPTION_TEXT", "EXCEPTION_INFO", "STACK_TRACE", "STACKTRACE", "BACKTRACE")
_TAKEN = frozenset(
    ("MESSAGE", "PRIORITY", "_HOSTNAME", "SYSLOG_IDENTIFIER", "_PID", "SYSLOG_PID", "_SOURCE_REALTIME_TIMESTAMP")
)
_PRINTED = "stdout"
"""Transport of what a service printed: its priority is that of the stream, and its text may know better."""


def take_entry(entry: Entry, raw: bytes, receipt: Receipt) -> None:
    """
    Make a message of an entry, or reject it.

    Args:
        entry: Its fields.
        raw: The same as it came.
        receipt: Takes the result.
    """
    values: dict[str, object] = {}
    for name, value in entry:
        known = values.get(name)
        found = _value(value)
        values[name] = found if known is None else [*known, found] if isinstance(known, list) else [known, found]
    text = _first(values.get("MESSAGE"))
    if not text.strip():
        if not any(name[:2] != "__" for name in values):
            receipt.reject(Reason.NO_MESSAGE, "an entry without any field of its own", raw)
            return
        text = "(an entry without a MESSAGE)"
    priority = _first(values.get("PRIORITY"))
    level = int(priority) if priority in _PRIORITIES else None
    message = carried_message(
        receipt,
        raw,
        text,
        seconds=_seconds(values),
        host=_first(values.get("_HOSTNAME")),
        level=level,
        fields=_fields(values),
    )
    trace = next((_first(values[name]) for name in _TRACES if "\n" in _first(values.get(name))), None)
    if trace is not None and message.full_message is None:
        message.full_message = trace.rstrip("\n")
    if level is not None and values.get("_TRANSPORT") != _PRINTED and message.short_message == text.strip("\r\n"):
        message.level = level
    cursor = _first(values.get("__CURSOR"))
    if cursor:
        number = int.from_bytes(hashlib.blake2b(cursor.encode(), digest_size=10).digest())
        message.stored_id = ulid(message.timestamp, number >> 32, number)
    receipt.add(message)


_PRIORITIES = frozenset("01234567")


def _fields(values: dict[str, object]) -> dict[str, object]:
    """Return the fields of a message."""
    program = _first(values.get("SYSLOG_IDENTIFIER")) or _first(values.get("_COMM"))
    process_id = _first(values.get("_PID")) or _first(values.get("SYSLOG_PID"))
    fields: dict[str, object] = {"application_name": program or None, "process_id": process_id or None}
    trace = next((name for name in _TRACES if "\n" in _first(values.get(name))), None)
    for name, value in values.items():
        if name not in _TAKEN and name[:2] != "__" and name != trace:
            fields.setdefault(_name(name), value)
    return fields


def _name(name: str) -> str:
    return name.lstrip("_").lower() if name[:1] == "_" or name in _WELL_KNOWN else name


def _value(value: bytes) -> object:
    """Return a value as a text, where it is one."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value


def _first(value: object) -> str:
    """Return a value as a text, of several the first."""
    if isinstance(value, list):
        value = value[0]
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value if isinstance(value, str) else ""


def _seconds(values: dict[str, object]) -> float | None:
    microseconds = _first(values.get("__REALTIME_TIMESTAMP"))
    return int(microseconds) / 1_000_000 if microseconds.isdecimal() and len(microseconds) < 20 else None
