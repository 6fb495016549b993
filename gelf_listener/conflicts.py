"""Conflicts: fields whose values differ in kind between messages, which a Graylog's index would not keep together."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gelf_listener.codec import Batch
from gelf_listener.codec.gelf.graylog import GraylogGelf
from gelf_listener.codec.graylog_index import Conflict, GraylogIndex
from gelf_listener.errors import Reason
from gelf_listener.message import Message

MAX_CONFLICTS = 200
"""Conflicts that are remembered, each a field and a kind that it lost."""

_MOST_A_SECOND = 200
"""Messages that are looked at, at some 50 microseconds each: a conflict comes again and again."""

_MOST_A_BATCH = 32
_MOST_BYTES = 64 * 1024
"""Of a payload that is read once more."""


@dataclass(slots=True)
class FieldConflict:
    """
    One field, and values of it that an index would lose.

    Attributes:
        conflict: The last of them.
        messages: How many were seen; an estimate in a flood, which is looked at by samples.
        last_seen: UTC Unix seconds.
    """

    conflict: Conflict
    messages: int = 0
    last_seen: float = 0.0


class Samples:
    """
    Chooses some messages of each batch, within what a second has room for.

    Args:
        look: Looks at them.
    """

    def __init__(self, look: Callable[[Sequence[Message]], None]) -> None:
        self._look = look
        self._second = 0
        self._left = _MOST_A_SECOND

    def saw(self, messages: Sequence[Message]) -> None:
        """Choose of a batch."""
        second = int(messages[-1].received_at)
        if second != self._second:
            self._second, self._left = second, _MOST_A_SECOND
        if self._left > 0:
            chosen = messages[:: -(-len(messages) // _MOST_A_BATCH)][: self._left]
            self._left -= len(chosen)
            self._look(chosen)


class Conflicts:
    """
    Watches what kinds of values fields have, as one index of a Graylog would see the messages of all inputs.

    Args:
        most: Conflicts that are remembered; beyond, the one that was not seen for longest gives way.
    """

    def __init__(self, most: int = MAX_CONFLICTS) -> None:
        self._most = most
        self._index = GraylogIndex()
        self._gelf = GraylogGelf(on_conflict=self._found, index=self._index)
        self._conflicts: OrderedDict[tuple[str, str], FieldConflict] = OrderedDict()
        self._now = 0.0
        self.saw = Samples(self.look).saw
        """Looks at a batch, or at some of a large one, within what a second has room for."""

    def look(self, messages: Sequence[Message]) -> None:
        """Look at samples."""
        self._now = messages[-1].received_at
        for message in messages:
            self._look_at(message)

    def found(self) -> list[FieldConflict]:
        """Return what was found, most messages first."""
        return sorted(self._conflicts.values(), key=lambda found: (-found.messages, found.conflict.field))

    def _look_at(self, message: Message) -> None:
        """Read the payload as Graylog would; of what is not GELF take the fields that we made of it."""
        if message.raw[:1] == b"{" and len(message.raw) <= _MOST_BYTES:
            batch = Batch()
            self._gelf.decode(message.raw, message.received_at, message.peer, batch)
            if batch.messages or batch.rejected[0].reason is Reason.REFUSED_BY_INDEX:
                return
        fields = message.fields if message.level is None else message.fields | {"level": message.level}
        for conflict in self._index.take(fields, message.host).conflicts:
            self._found(conflict)

    def _found(self, conflict: Conflict) -> None:
        key = (conflict.field, conflict.lost.name)
        known = self._conflicts.get(key)
        if known is None:
            if len(self._conflicts) >= self._most:
                self._conflicts.popitem(last=False)
            known = self._conflicts[key] = FieldConflict(conflict)
        self._conflicts.move_to_end(key)
        known.conflict = conflict
        known.messages += 1
        known.last_seen = self._now
