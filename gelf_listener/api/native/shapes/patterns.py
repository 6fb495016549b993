"""Patterns, comparisons and traces."""

from __future__ import annotations

from pydantic import BaseModel, Field

from gelf_listener.api.native.shapes.messages import MISSING, MessageShape, MissingShape, Value


class RangeShape(BaseModel):
    """A range of messages, and how many of them were looked at."""

    query: str
    start: float | None
    end: float | None
    messages: int = Field(description="How many match.")
    looked_at: int = Field(description="How many were counted: all, or a sample of the whole time.")
    looked_at_since: float | None = Field(description="The oldest that was counted; null when all were.")
    nothing: str | None = Field(description="Why nothing matches; null when something does.")


class Example(BaseModel):
    """A message as an example."""

    id: str
    short_message: str = Field(description="At most 500 characters of it.")


class PatternShape(BaseModel):
    """Messages whose texts look alike."""

    pattern: str = Field(description="Their text; `<*>` stands for what varies.")
    messages: int = Field(description="Of those that were looked at.")
    before: int | None = Field(
        description="How many the range before has; null when there is none, or it has no messages."
    )
    new: bool | None = Field(description="Whether the range before has none; null as `before`.")
    first_seen: float | None
    last_seen: float | None
    level: int | None = Field(description="The most severe level of them.")
    example: Example
    query: str = Field(description="Finds them, and perhaps some more.")


class PatternsShape(RangeShape):
    """Messages grouped by what their texts look like, those with most messages first."""

    before: RangeShape | None = Field(description="The range before, as long; null when the range has no beginning.")
    patterns: list[PatternShape]
    other_patterns: int = Field(description="Patterns that were asked for and are not given.")
    other_messages: int = Field(description="Messages of none of the given patterns; with `new`, of those new ones.")
    missing: MissingShape | None = MISSING


class DifferenceShape(BaseModel):
    """How frequent something is in two ranges."""

    counts: list[int] = Field(description="Messages that have it, in each range.")
    shares: list[float] = Field(description="Of the messages of each range, 0 to 1.")
    strength: float = Field(
        description="How little it can be chance (G test); negative when it is less frequent in the first range."
    )


class PatternDifference(PatternShape, DifferenceShape):
    """A pattern that is more frequent in one of two ranges."""


class ValueDifference(DifferenceShape):
    """A value of a field that is more frequent in one of two ranges."""

    field: str
    value: Value


class ComparisonShape(BaseModel):
    """What is more frequent in one of two ranges, the strongest first."""

    ranges: list[RangeShape]
    patterns: list[PatternDifference]
    values: list[ValueDifference]
    missing: MissingShape | None = MISSING


class TraceId(BaseModel):
    """A field that names a trace, and its value."""

    field: str
    value: Value


class TraceService(BaseModel):
    """A service of a trace: how many messages it has, from when to when, and the most severe level."""

    name: str
    messages: int
    first: float
    last: float
    level: int | None


class TraceMessage(MessageShape):
    """A message of a trace."""

    service: str = Field(description="What it is of; the host where it names no service.")


class TraceShape(BaseModel):
    """Everything that one request caused, oldest first."""

    ids: list[TraceId]
    total: int
    start: float | None
    end: float | None
    services: list[TraceService] = Field(description="Of the messages that are given, in the order they come.")
    messages: list[TraceMessage]
    missing: MissingShape | None = MISSING
