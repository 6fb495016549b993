"""Fields, their values and figures of groups of messages."""

from __future__ import annotations

from pydantic import BaseModel, Field

from gelf_listener.api.native.described import Described, described_by
from gelf_listener.api.native.shapes.messages import MISSING, MissingShape, Value
from gelf_listener.store.answers import FieldStatistics


class FieldShape(BaseModel):
    """A field that is stored."""

    name: str
    types: list[str]


class FieldsShape(BaseModel):
    """All fields that are stored."""

    fields: list[FieldShape]


class TopValue(BaseModel):
    """A value and how many messages have it; null stands for messages without the field."""

    value: Value | None
    messages: int


class TopShape(BaseModel):
    """The most frequent values of a field."""

    field: str
    messages: int = Field(description="Messages that match the query.")
    values: list[TopValue]
    other: int = Field(description="Messages that match and have none of these values.")
    missing: MissingShape | None = MISSING


class SuggestShape(BaseModel):
    """Values of a field that begin with a text, most frequent first."""

    field: str
    values: list[TopValue]


@described_by(FieldStatistics)
class StatisticsShape(Described):
    """What a field holds; the figures of numbers are null where there are none."""

    field: str
    missing: MissingShape | None = MISSING


class NumbersShape(BaseModel):
    """How many messages have a number from `from` up to, not including, `to`."""

    from_: float = Field(alias="from")
    to: float | None = Field(description="Null: what is beyond all others.")
    messages: int


class DistributionShape(BaseModel):
    """How the numbers of a field are distributed; figures are null where there are none."""

    field: str
    minimum: float | None
    maximum: float | None
    p50: float | None
    p95: float | None
    p99: float | None
    buckets: list[NumbersShape]
    missing: MissingShape | None = MISSING


class HistogramBucket(BaseModel):
    """One stretch of time."""

    start: float = Field(description="UTC Unix seconds.")
    messages: int


class HistogramSeries(BaseModel):
    """One value of the field that splits, with its messages in every bucket."""

    value: Value | None
    messages: int
    counts: list[int]


class HistogramShape(BaseModel):
    """Messages over time."""

    seconds: float = Field(description="Length of a bucket.")
    messages: int
    buckets: list[HistogramBucket]
    split: str | None
    series: list[HistogramSeries] = Field(description="Most frequent values first; empty without `split`.")
    missing: MissingShape | None = MISSING


class GroupShape(BaseModel):
    """A group: its keys from the outermost on, how many messages it has, and its figures."""

    keys: list[Value | None] = Field(description="Values; for `time` the start, UTC Unix seconds.")
    messages: int
    values: list[Value | None] = Field(
        description="In the order of the metrics; null where there is nothing to compute."
    )


class AggregateShape(BaseModel):
    """Figures of groups of messages."""

    by: list[str]
    metrics: list[str]
    seconds: float | None = Field(description="Length of a stretch of time; null when none is asked for.")
    start: float | None = Field(
        description="Where the stretches of time begin, UTC Unix seconds: the range asked for, open ends closed "
        "by what matches; null when none are asked for, or nothing matches."
    )
    end: float | None = Field(description="Where they end, exclusive.")
    messages: int = Field(description="Messages that match the query, in a group or not.")
    groups: list[GroupShape]
    nothing: str | None = Field(description="Why nothing matches; null when something does.")
    missing: MissingShape | None = MISSING
