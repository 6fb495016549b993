"""Conditions: one look at the store, and whether an alert's condition holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from gelf_listener.alerts.definition import Alert
from gelf_listener.errors import GelfError
from gelf_listener.message import FieldValue
from gelf_listener.query import parse
from gelf_listener.store import Store
from gelf_listener.store.parameters import Span, ValuesGroup
from gelf_listener.store.written import parse_metric

_AHEAD_SECONDS = 60.0
"""Messages of clocks that are ahead count too."""
_MOST_VALUES = 1000
_EXAMPLES = 3
_MOST_EXAMPLE = 300


class Unknown(GelfError):
    """The store cannot answer at the moment."""


class Look(NamedTuple):
    """
    What a look found.

    Attributes:
        holds: Whether the condition does; for new values, decided by who knows the earlier ones.
        figure: What was compared: messages, or the metric; None when there is none.
        values: Values of the field, for an alert on new ones.
    """

    holds: bool
    figure: float | None = None
    values: Sequence[FieldValue] = ()


async def look(store: Store, alert: Alert, now: float) -> Look:
    """
    Ask the store.

    Args:
        store: Where to look.
        alert: What to look for.
        now: UTC Unix seconds.

    Raises:
        Unknown: If what it says may be wrong, because the store cannot save or find messages.
        GelfError: If it cannot answer.
    """
    node = parse(alert.query).node
    span = Span(now - alert.window, now + _AHEAD_SECONDS)
    if alert.metric:
        (row,) = await store.aggregate(node, span, (), [parse_metric(alert.metric)])
        value = row.values[0]
        figure = float(value) if isinstance(value, (int, float)) else None
        found = Look(figure is not None and alert.above is not None and figure > alert.above, figure)
    elif alert.new_value_of:
        rows = await store.aggregate(node, span, [ValuesGroup(alert.new_value_of, _MOST_VALUES)])
        values = [key for row in rows if isinstance(key := row.keys[0], (str, int, float))]
        found = Look(holds=False, figure=len(values), values=values)
    else:
        count = await store.count(node, span)
        found = Look(count == 0 if alert.none else count > (alert.more_than or 0), count)
    missing = store.missing()
    if missing.trouble:
        raise Unknown(f"the store cannot save messages: {missing.trouble}")
    is_sure = found.holds and alert.more_than is not None  # what cannot be seen would only make them more
    if missing.unseen and not is_sure:
        raise Unknown(f"parts of the store cannot be searched: {missing.unseen}")
    if alert.none and found.holds and missing.late:
        raise Unknown(f"{missing.late} messages are not indexed yet")
    return found


async def examples(store: Store, alert: Alert, now: float) -> list[str]:
    """Return the texts of the newest messages that the alert is about."""
    hits = await store.search(parse(alert.query).node, Span(now - alert.window, now + _AHEAD_SECONDS), limit=_EXAMPLES)
    return [f"{each.host}: {each.short_message[:_MOST_EXAMPLE]}" for each in hits.messages]
