"""
Measures: one metric of a group, as an engine is asked for it, added up over partitions, and worked out.

Percentiles and numbers of distinct values cannot be added up. They are worked out from the values themselves where
those are few (`EXACT_MESSAGES`, `FEW_VALUES`), and estimated from the engine's sketches elsewhere, which costs a tenth:
a percentile is then at most 1 % off. Of several partitions, whose sketches the engine does not give away, a percentile
is where their distributions together reach it, each known at `_GRID` and interpolated in between: up to 10 % off in a
sparse tail.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from collections.abc import Sequence
from typing import Any, NamedTuple

from gelf_listener.message import FieldValue
from gelf_listener.store.columns import Column, value_in
from gelf_listener.store.grouping import figure_of
from gelf_listener.store.parameters import Metric
from gelf_listener.store.percentiles import percentile_of
from gelf_listener.store.readings import read_value

EXACT_MESSAGES = 20_000
"""Of so many messages percentiles and numbers of distinct values are exact."""

FEW_VALUES = 256
"""They are exact also where a field has no more than so many different values."""

_LISTED = 10_000
"""Values that are listed of each partition, where the sketches of several cannot be added up."""

_GRID = (0.0, 1.0, *(float(percent) for percent in range(4, 96, 4)), 97.5, 99.0, 99.5, 99.9, 100.0)
"""Percentiles at which a partition's distribution is known."""

SPREAD = frozenset(("stddev", "sumofsquares", "variance"))
"""Statistics that need the squares of numbers."""

_UNSAFE = re.compile(r"([^\w.])")
_ESCAPED = r"\\\1"
"""How names of columns stand in a query. ``value_count`` counts the numbers only, where there are texts beside them."""

Parts = dict[str, Any]
"""What was added up of one metric so far."""


class Measure(NamedTuple):
    """
    A metric of a column.

    Attributes:
        metric: What to compute.
        column: Of which field; None for the number of messages.
        name: Of its part of an engine's answer; percentiles of one field share one, and so do its statistics.
        percents: All percentiles that are asked of the field.
        exact: Whether its values are few enough to be listed.
        several: Whether more than one partition is asked.
        united: Whether different values of several partitions are told apart, as far as they can be listed.
        spread: Whether statistics that share its name need squares, which take the engine twice as long.
    """

    metric: Metric
    column: Column | None
    name: str
    percents: tuple[float, ...] = ()
    exact: bool = True
    several: bool = False
    united: bool = True
    spread: bool = False

    @property
    def listed(self) -> bool:
        """Whether it is worked out from the values themselves, as long as they are few."""
        return self.column is not None and (
            self.metric.function in ("card", "percentile") or self.metric.reading == "single"
        )

    def cheaper(self) -> Measure:
        """Return what takes less of the engine."""
        return self._replace(exact=not self.listed, united=False)

    def request(self) -> dict[str, Any]:
        """Write what an engine is to compute."""
        if self.column is None:
            return {}
        name, function, field = self.name, self.metric.function, {"field": self.column.path}
        if function == "count" and not self.column.mixed:
            return {name: {"value_count": field}}
        if function == "count":
            return {name: {"filter": f"{_UNSAFE.sub(_ESCAPED, self.column.path)}:*"}}
        values = {name: {"terms": field | {"size": EXACT_MESSAGES if self.exact else _LISTED}}}
        if self.listed and self.exact:
            return values
        if function == "card":
            return {name + "e": {"cardinality": field}} | (values if self.several and self.united else {})
        if function == "percentile":
            percents = sorted({*_GRID, *self.percents} if self.several else self.percents)
            counted = {name + "n": {"value_count": field}} if self.several else {}
            return {name + "e": {"percentiles": field | {"percents": percents}}} | counted
        return {name: {"extended_stats" if self.spread else "stats": field}}

    def take(self, parts: Parts, found: dict[str, Any]) -> None:
        """Add what one partition answered."""
        name, column = self.name, self.column
        if column is None:
            return
        if self.metric.function == "count":
            parts["count"] = parts.get("count", 0) + found[name]["doc_count" if column.mixed else "value"]
        elif self.listed and self.exact:
            self._take_values(parts, found[name], column)
        elif self.metric.function == "card":
            parts.setdefault("estimates", []).append(found[name + "e"]["value"])
            if self.several and self.united:
                self._take_values(parts, found[name], column)
        elif self.metric.function == "percentile":
            self._take_distribution(parts, found, column)
        else:
            self._take_statistics(parts, found[name], column.scale)

    def _take_values(self, parts: Parts, answer: dict[str, Any], column: Column) -> None:
        """Add up how often each value occurs."""
        values = parts.setdefault("values", {})
        for bucket in answer["buckets"]:
            value = read_value(value_in(bucket, column), self.metric.reading)
            key = (type(value) is bool, value)
            values[key] = values.get(key, 0) + bucket["doc_count"]
        parts["other"] = parts.get("other", 0) + answer.get("sum_other_doc_count", 0)

    def _take_distribution(self, parts: Parts, found: dict[str, Any], column: Column) -> None:
        """Add how the values of one partition are distributed: how many, and the value at each percentile."""
        curve = [
            (float(percent), value / column.scale)
            for percent, value in found[self.name + "e"]["values"].items()
            if value is not None and not math.isnan(value)
        ]
        if curve:
            count = found[self.name + "n"]["value"] if self.several else 1
            parts.setdefault("curves", []).append((count, sorted(curve)))

    @staticmethod
    def _take_statistics(parts: Parts, answer: dict[str, Any], scale: float) -> None:
        if not answer["count"]:
            return
        count, total, before = answer["count"], answer["sum"] / scale, parts.get("count", 0)
        # From squares of large numbers, such as times, nothing is left of how far they are apart.
        apart = (answer.get("variance_population") or 0.0) * count / scale**2
        if before:
            gap = total / count - parts["sum"] / before
            apart += gap * gap * before * count / (before + count)  # infinite for huge numbers, where `**` raises
        parts["apart"] = parts.get("apart", 0.0) + apart
        parts["count"] = before + count
        parts["sum"] = parts.get("sum", 0.0) + total
        parts["squares"] = parts.get("squares", 0.0) + answer.get("sum_of_squares", 0.0) / scale**2
        parts["min"] = min(parts.get("min", math.inf), answer["min"] / scale)
        parts["max"] = max(parts.get("max", -math.inf), answer["max"] / scale)

    def figure(self, parts: Parts, messages: int) -> FieldValue | None:
        """Work the figure out of what was added up; None where there is nothing to compute it of."""
        function = self.metric.function
        count: int = messages if self.column is None else int(parts.get("count", 0))
        if function == "count":
            return count
        if function == "card":
            known = len(parts.get("values", ()))
            return known if self.exact else max(known, round(max(parts.get("estimates", (0,)))))
        if function == "percentile" and not self.exact:
            return _percentile_of_curves(parts.get("curves", []), self.metric.percentile)
        if self.listed and self.exact:
            return self._figure_of_values(parts)
        if not count:
            return None
        number = _number(parts, function, count)
        return number if math.isfinite(number) else None  # larger than a number can be

    def _figure_of_values(self, parts: Parts) -> FieldValue | None:
        numbers = sorted(
            (value, count) for (_, value), count in parts.get("values", {}).items()
            if isinstance(value, (int, float)) and not isinstance(value, bool)
        )  # fmt: skip
        if not numbers:
            return None
        if self.metric.function == "percentile":
            return float(percentile_of(numbers, self.metric.percentile))
        return figure_of([value for value, often in numbers for _ in range(often)], self.metric.function)


def _number(parts: Parts, function: str, count: int) -> float:
    if function in ("min", "max", "sum"):
        return float(parts[function])
    if function == "sumofsquares":
        return float(parts["squares"])
    if function == "avg":
        return float(parts["sum"] / count)
    variance = parts["apart"] / count
    return float(variance) if function == "variance" else math.sqrt(variance)


Curve = Sequence[tuple[float, float]]
"""Percentiles and their values, in rising order."""


def _percentile_of_curves(curves: Sequence[tuple[int, Curve]], percentile: float) -> float | None:
    """
    Return a percentile of several distributions together.

    Args:
        curves: How many values each has, and their values at some percentiles.
        percentile: Between 0 and 100.
    """
    if not curves:
        return None
    if len(curves) == 1:
        return dict(curves[0][1])[percentile]
    total = sum(count for count, _ in curves)
    low = min(curve[0][1] for _, curve in curves)
    high = max(curve[-1][1] for _, curve in curves)
    for _ in range(60):  # halving as often as a number has digits
        middle = (low + high) / 2
        if sum(count * _share_below(curve, middle) for count, curve in curves) < percentile / 100 * total:
            low = middle
        else:
            high = middle
    return high


def _share_below(curve: Curve, value: float) -> float:
    """Return which share of a distribution is at most a value, between 0 and 1."""
    after = bisect_right([each for _, each in curve], value)
    if after == 0:
        return 0.0
    if after == len(curve):
        return 1.0
    (lower, start), (upper, end) = curve[after - 1], curve[after]
    return (lower + (upper - lower) * (value - start) / (end - start)) / 100
