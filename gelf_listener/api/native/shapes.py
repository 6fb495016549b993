"""Shapes: what the native routes answer with, for OpenAPI. The routes write the JSON themselves."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from gelf_listener.api.native.described import Described, described_by
from gelf_listener.figures import OutputFigures, WorkerFigures
from gelf_listener.senders import Sender
from gelf_listener.store.answers import FieldStatistics, Missing, StoreInfo

__all__ = [
    "AggregateShape",
    "ConflictShape",
    "Deleted",
    "DistributionShape",
    "FieldShape",
    "FieldsShape",
    "GroupShape",
    "Hint",
    "HistogramBucket",
    "HistogramSeries",
    "HistogramShape",
    "Imported",
    "InputStats",
    "KeptRejection",
    "LintShape",
    "MessageDetail",
    "MessageShape",
    "NearMiss",
    "NodeShape",
    "NodesShape",
    "NoteShape",
    "OutputStats",
    "PatternsShape",
    "RangeShape",
    "RejectedPage",
    "RejectedShape",
    "RetryShape",
    "SearchPage",
    "SenderShape",
    "SendersShape",
    "StatisticsShape",
    "StatsShape",
    "StoreStats",
    "SuggestShape",
    "Surrounding",
    "TopShape",
    "TopValue",
    "Validity",
    "Waited",
]

Value = str | int | float | bool


class MessageShape(BaseModel):
    """A message, in GELF's words."""

    id: str = Field(description="A ULID; increases in receive order.")
    timestamp: float = Field(description="When it was logged, UTC Unix seconds.")
    received_at: float = Field(description="When it arrived, UTC Unix seconds.")
    host: str
    short_message: str
    full_message: str | None
    level: int | None = Field(description="Syslog severity, 0 (emergency) to 7 (debug).")
    fields: dict[str, Value] = Field(description="Additional fields, without the leading underscore.")
    known: dict[str, Value] = Field(
        default_factory=dict, description="What the listener knows besides, such as gl2_remote_ip."
    )
    input: str = Field(description="Name of the input that took it.")
    peer: str | None = Field(description="Who sent it, host:port.")


class NoteShape(BaseModel):
    """A deviation from GELF 1.1."""

    deviation: str = Field(description="Its name; docs/decoding.md lists all.")
    field: str = Field(description="The key as it was sent; empty when the payload as a whole is meant.")
    detail: str = Field(description="What was made of it, where that is not obvious.")
    text: str = Field(description="One line for a person.")
    graylog: str = Field(description="What a real Graylog does.")
    advice: str = Field(description="What the client should do.")
    cause: str = Field(description="The client's likely bug.")


class RejectedShape(BaseModel):
    """Bytes that could not become a message."""

    reason: str
    detail: str
    peer: str | None
    input: str
    received_at: float = Field(description="UTC Unix seconds.")
    payload_bytes: int = Field(description="Length of the whole payload.")
    payload_hex: str = Field(description="Its first KiB.")
    payload_text: str = Field(description="The same as text, where it is UTF-8; other bytes are replaced.")
    advice: str = Field(description="What the client probably does wrong, and how to repair it.")


class LintShape(BaseModel):
    """What is to be said of a payload."""

    clean: bool = Field(description="Whether it is GELF 1.1 as it should be, and Graylog stores all of it.")
    text: list[str] = Field(description="The verdict for a person.")
    notes: list[NoteShape]
    messages: list[MessageShape] = Field(description="What gelf-listener makes of it.")
    rejected: list[RejectedShape] = Field(description="What even gelf-listener refuses.")
    graylog_messages: list[MessageShape] = Field(description="What a real Graylog would store.")
    graylog_rejected: list[RejectedShape] = Field(description="What a real Graylog would refuse, and why.")


class MessageDetail(MessageShape):
    """A message with everything that is known of it."""

    types: dict[str, str] = Field(description="JSON type of every additional field: string, number or boolean.")
    notes: list[NoteShape]
    raw_text: str = Field(description="The payload as it was received, inflated and in UTF-8; empty without one.")
    raw_base64: str = Field(description="The same payload, byte by byte.")
    raw_bytes: int
    client: str | None = Field(description="The program that probably sent it; null when nothing tells.")
    exact: bool = Field(description="Whether a relay passes the payload on as it came.")
    graylog: LintShape | None = Field(
        description="What a real Graylog would do with the payload; null where it did not come as GELF."
    )


class Surrounding(BaseModel):
    """Messages before and after one, oldest first."""

    field: str
    value: Value
    before: list[MessageShape]
    after: list[MessageShape]


@described_by(Missing)
class MissingShape(Described):
    """What a search could not look at."""

    text: str = Field(description="All of it, for a person.")


_MISSING = Field(description="What the search could not look at; null when that is nothing.")


class SearchPage(BaseModel):
    """One page of messages."""

    query: str
    total: int = Field(description="How many messages match, on all pages.")
    messages: list[MessageShape]
    cursor: str | None = Field(description="Give it back for the next page; null when this is the last.")
    nothing: str | None = Field(description="Why nothing matches; null when something does.")
    missing: MissingShape | None = _MISSING


class Validity(BaseModel):
    """Whether a query can be understood."""

    valid: bool
    error: str | None
    line: int | None
    column: int | None
    hints: list[Hint] = Field(description="What is allowed but probably not meant.")
    normalised: str | None = Field(description="The query as it was understood.")


class Hint(BaseModel):
    """Something that is allowed but probably not meant."""

    text: str
    column: int


class Deleted(BaseModel):
    """How many messages are gone."""

    deleted: int


class Imported(BaseModel):
    """What became of a file."""

    messages: int
    rejected: int
    reasons: dict[str, int]


class KeptRejection(RejectedShape):
    """Bytes that could not become a message, and where."""

    node: str | None = Field(description="Which listener, where several share a store; null elsewhere.")


class RejectedPage(BaseModel):
    """What could not become a message, newest first."""

    total: int = Field(description="All rejections since the start, also those that are no longer kept.")
    by_reason: dict[str, int] = Field(description="All of them by reason.")
    kept: int = Field(description="How many are kept.")
    rejected: list[KeptRejection]


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
    missing: MissingShape | None = _MISSING


class SuggestShape(BaseModel):
    """Values of a field that begin with a text, most frequent first."""

    field: str
    values: list[TopValue]


@described_by(FieldStatistics)
class StatisticsShape(Described):
    """What a field holds; the figures of numbers are null where there are none."""

    field: str
    missing: MissingShape | None = _MISSING


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
    missing: MissingShape | None = _MISSING


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
    missing: MissingShape | None = _MISSING


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
    missing: MissingShape | None = _MISSING


class RangeShape(BaseModel):
    """A range of messages, and how many of them were looked at."""

    query: str
    start: float | None
    end: float | None
    messages: int = Field(description="How many match.")
    looked_at: int = Field(description="How many were counted: all, or the newest.")
    looked_at_since: float | None = Field(description="The oldest that was counted; null when all were.")


class Example(BaseModel):
    """A message as an example."""

    id: str
    short_message: str = Field(description="At most 500 characters of it.")


class PatternShape(BaseModel):
    """Messages whose texts look alike."""

    pattern: str = Field(description="Their text; `<*>` stands for what varies.")
    messages: int = Field(description="Of those that were looked at.")
    before: int | None = Field(description="How many the range before has; null when that is not known.")
    new: bool | None = Field(description="Whether the range before has none; null when that is not known.")
    first_seen: float | None
    last_seen: float | None
    level: int | None = Field(description="The most severe level of them.")
    example: Example
    query: str = Field(description="Finds them, and perhaps some more.")


class PatternsShape(RangeShape):
    """Messages grouped by what their texts look like, those with most messages first."""

    before: RangeShape | None = Field(description="The range before, as long; null when the range has no beginning.")
    patterns: list[PatternShape]
    other_patterns: int = Field(description="Patterns that are not given.")
    other_messages: int = Field(description="Messages of none of these patterns.")
    missing: MissingShape | None = _MISSING


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
    missing: MissingShape | None = _MISSING


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
    missing: MissingShape | None = _MISSING


class AlertChange(BaseModel):
    """A change of an alert's state."""

    at: float = Field(description="UTC Unix seconds.")
    state: str = Field(description="firing, ok, unknown, silenced or silence ended.")
    text: str


class AlertShape(BaseModel):
    """An alert and its state."""

    name: str
    definition: dict[str, Any] = Field(description="Its settings, as they are put.")
    condition: str = Field(description="When it fires, for a person.")
    interval_seconds: float = Field(description="How often it is looked at.")
    configured: bool = Field(description="Whether the configuration makes it; it is changed there then.")
    state: str = Field(description="ok, firing, silenced or unknown.")
    firing: bool = Field(description="Whether its condition held when that could be told last.")
    since: float | None = Field(description="Since when that is so; null before the first look.")
    text: str = Field(description="What was found last.")
    unknown: str | None = Field(description="Why it cannot be told at the moment; null when it can.")
    figure: float | None = Field(description="Messages, or the metric, at the last look.")
    silenced_until: float | None
    pending_notices: int = Field(description="Notices that are not delivered yet.")
    history: list[AlertChange] = Field(description="Newest first, at most 100.")


class AlertsShape(BaseModel):
    """All alerts by name, and where they can send notices."""

    alerts: list[AlertShape]
    destinations: list[str]


class AlertTrial(BaseModel):
    """What an alert would find now."""

    condition: str
    holds: bool = Field(description="Whether it would fire; for new values never, as it knows none before it looks.")
    figure: float | None
    values: list[Value] = Field(description="Values of the field, for an alert on new ones.")


class NearMiss(BaseModel):
    """A message that arrived and did not match, and the clauses that failed."""

    message: MessageShape
    why: list[str]


class Waited(BaseModel):
    """What was waited for."""

    query: str
    wanted: int
    matched: int
    messages: list[MessageShape]
    near_misses: list[NearMiss] = Field(description="Those that came closest, when too few matched.")
    missed: int = Field(description="Messages that arrived faster than they could be looked at, and are in no store.")
    missing: MissingShape | None = _MISSING


@described_by(Sender)
class SenderShape(Described):
    """Who sends."""

    node: str | None = Field(description="Which listener, where several share a store; null elsewhere.")
    client: str | None = Field(description="The program that probably sends; null when nothing tells.")


class ConflictShape(BaseModel):
    """A field whose values differ in kind between messages: an index of a Graylog keeps only the first kind."""

    field: str = Field(description="Its name in the index.")
    kept: str = Field(description="What the first value made of it, for example: a number.")
    kept_sender: str = Field(description="The host that sent that; empty for what is so in every index.")
    lost: str = Field(description="What a later value was, whose message a Graylog would lose.")
    lost_sender: str = Field(description="The host that sent the last of them.")
    messages: int = Field(description="Messages with such a value; an estimate in a flood.")
    last_seen: float
    text: str = Field(description="All of it in one sentence.")


class NodeShape(BaseModel):
    """A listener that shares the store."""

    name: str = Field(description="As its messages are marked: `gl2_source_node`.")
    own: bool = Field(description="Whether it is the one that answers.")
    alive: bool = Field(description="Whether it said something within the last 20 seconds.")
    last_seen: float = Field(description="When it said something last, by its own clock.")
    url: str = Field(description="Where its API listens; empty without one.")
    host: str = Field(description="The name of its machine.")
    version: str
    started_at: float
    messages: int
    messages_per_second: float
    rejected: int


class NodesShape(BaseModel):
    """The listeners that share the store."""

    nodes: list[NodeShape]
    trouble: str | None = Field(description="Why the cluster cannot be asked for them; they are as they were last.")


class RetryShape(BaseModel):
    """An output that is to be tried again."""

    name: str
    circuit: str = Field(description="As it was when it was asked: closed, open or half_open.")


class SendersShape(BaseModel):
    """Who sends, most messages first."""

    senders: list[SenderShape]
    forgotten: int = Field(description="Senders that gave way to others, for their number is bounded.")
    conflicts: list[ConflictShape] = Field(description="Fields that a Graylog would lose messages for.")


class InputStats(BaseModel):
    """One input; rates are messages a second, over the last second and the last minute."""

    node: str | None = Field(description="Which listener, where several share a store; null elsewhere.")
    name: str
    listening: list[str]
    reading: bool = Field(description="False while a full buffer stops all inputs.")
    messages: int
    bytes: int
    messages_per_second: float
    messages_per_second_minute: float
    rejected: int
    rejected_by_reason: dict[str, int]
    counters: dict[str, float] = Field(description="The transport's own: kernel_drops_total, connections, ...")


@described_by(OutputFigures, "written", "buffer_bytes", "max_messages", "max_bytes", "oldest_at", "problem")
class OutputStats(Described):
    """One output and the buffer in front of it."""

    circuit: str = Field(description="closed while it works, open while it is left alone, half_open while it is tried.")
    error: str | None = Field(description="Why it fails now.")
    last_error: str | None
    messages: int
    messages_per_second: float
    messages_per_second_minute: float
    dropped: int
    oldest_seconds: float
    buffer: str = Field(description="memory or disk.")
    buffer_problem: str | None = Field(description="Why the buffer cannot write to its disk.")


class OrphanStats(BaseModel):
    """A buffer on disk with messages in it that no output writes: its output was removed, or has another address."""

    name: str = Field(description="What `gelf-listener buffers` calls it.")
    directory: str
    waiting: int = Field(description="Messages.")
    waiting_bytes: int
    oldest_seconds: float


@described_by(StoreInfo)
class StoreStats(Described):
    """How much is stored."""

    partitions: int


@described_by(WorkerFigures)
class WorkerStats(Described):
    """One of the processes that take messages."""


class StatsShape(BaseModel):
    """What the listener does."""

    version: str
    started_at: float
    uptime_seconds: float
    messages: int
    bytes: int
    messages_per_second: float
    messages_per_second_minute: float
    rejected: int
    rejected_by_reason: dict[str, int]
    reading: bool
    inputs: list[InputStats]
    outputs: list[OutputStats]
    workers: list[WorkerStats] = Field(description="Empty where the listener takes messages itself.")
    orphaned_buffers: list[OrphanStats]
    store: StoreStats | None
    watchers: int
    senders: int
