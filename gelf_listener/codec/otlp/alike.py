"""Alike: what records of one line of code have in common -> their messages, whichever form the records came in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

from gelf_listener.codec.otlp.records import TRACE_NAMES, Scope, Taker, is_plain_body
from gelf_listener.codec.otlp.severity import read_severity
from gelf_listener.codec.record import read_plain_fields
from gelf_listener.message import FieldValue, Message
from gelf_listener.notes import Note
from gelf_listener.rows import Names, Row

_MAX_SCOPES = 16
"""Sets of names that the scopes of a shape have: a service has one or two."""
_NOTHING = Names(())


class Unusual(Exception):
    """A record is not what records of a shape are."""


class Alike:
    """
    What the records of a shape have in common.

    Args:
        own: Names of what each says for itself.
        number: Severity number.
        text: Severity text; empty for none.
        flags: Of W3C's trace context.
        event_name: Empty for none.

    Raises:
        Unusual: If the names need a second look.
    """

    def __init__(self, own: Sequence[str], number: int, text: str, flags: int, event_name: str) -> None:
        severity = read_severity(number, text)
        always: dict[str, FieldValue] = {"trace_flags": flags & 0xFF} if flags else {}
        always |= {"event_name": event_name} if event_name else {}
        always |= {"severity_number": severity.number} if severity.number else {}
        always |= {"severity_text": severity.text} if severity.text else {}
        known = read_plain_fields({**dict.fromkeys(own, ""), **always})
        if known is None or len(known[0]) < len(own) + len(always) or not TRACE_NAMES.isdisjoint(own):
            raise Unusual
        fields, self.notes = known
        self.level = severity.level
        self.always = tuple(always.values())
        """Values that are behind a record's own."""
        self._names = tuple(fields)
        self._whole: dict[tuple[tuple[str, ...], tuple[Note, ...]], Names] = {}

    def within(self, scope: Scope) -> tuple[Names, tuple[FieldValue, ...]]:
        """
        Say what the messages of a scope have in common; see `Scope.with_own`.

        Returns:
            The names of their fields, and the values that come behind those of a record.
        """
        rest = {name: value for name, value in scope.fields.items() if name not in self._names}
        key = (*rest,), scope.notes
        names = self._whole.get(key)
        if names is None:
            if len(self._whole) >= _MAX_SCOPES:
                self._whole.clear()
            names = self._whole[key] = Names(self._names + key[0], scope.notes + self.notes)
        return names, (*rest.values(),)


Read: TypeAlias = tuple[Alike, float, str, tuple[FieldValue, ...]]
"""What a record says: its shape, when it happened or was observed (UTC Unix seconds), its body, and its own values."""


def take_alike(
    records: Iterable[tuple[bytes, Scope]],
    reads: Iterable[Read | None],
    taker: Taker,
    otherwise: Callable[[bytes, Scope, Taker], None],
) -> None:
    """
    Make the messages of records.

    Args:
        records: As they came, and the scopes they are in.
        reads: What each says; None for one that is to be taken otherwise.
        taker: Of the request.
        otherwise: Takes a record by itself.
    """
    receipt, batch = taker.receipt, taker.receipt.batch
    names = _NOTHING
    more: tuple[FieldValue, ...] = ()
    last: tuple[Alike, Scope] | None = None
    for (record, scope), read in zip(records, reads, strict=True):
        if read is None or not is_plain_body(read[2]):
            otherwise(record, scope, taker)
            continue
        alike, seconds, body, values = read
        if last is None or alike is not last[0] or scope is not last[1]:
            last = alike, scope
            names, more = alike.within(scope)
        message = Message(
            seconds,
            scope.host,
            body,
            None,
            alike.level,
            record,
            receipt.time,
            receipt.input,
            receipt.peer,
            False,
            Row(names, values + more),
        )
        batch.messages.append(message)
        batch.size += len(record)
