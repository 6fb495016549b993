"""Shapes: what the native routes answer with, for OpenAPI. The routes write the JSON themselves."""

from __future__ import annotations

from pydantic import BaseModel, Field

__all__ = [
    "AggregateShape",
    "ConflictShape",
    "Deleted",
    "FieldShape",
    "FieldsShape",
    "GroupShape",
    "Hint",
    "HistogramBucket",
    "HistogramSeries",
    "HistogramShape",
    "Imported",
    "InputStats",
    "LintShape",
    "MessageDetail",
    "MessageShape",
    "NearMiss",
    "NoteShape",
    "OutputStats",
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
    raw_text: str = Field(description="The payload as it was received, inflated and in UTF-8.")
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


class MissingShape(BaseModel):
    """What a search could not look at."""

    late: int = Field(description="Messages that were stored before it was asked and are not indexed yet.")
    unindexable: int = Field(description="Messages that cannot be indexed.")
    damaged: int = Field(description="Parts of the store that could not be read and were set aside.")
    trouble: str = Field(description="Why messages cannot be saved or indexed at the moment; empty when they can.")
    cut: str = Field(description="Why only the newest messages were looked at; empty when all of them were.")
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


class RejectedPage(BaseModel):
    """What could not become a message, newest first."""

    total: int = Field(description="All rejections since the start, also those that are no longer kept.")
    by_reason: dict[str, int] = Field(description="All of them by reason.")
    kept: int = Field(description="How many are kept.")
    rejected: list[RejectedShape]


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


class StatisticsShape(BaseModel):
    """What a field holds; the figures of numbers are null where there are none."""

    field: str
    messages: int
    present: int
    distinct: int
    minimum: float | None
    maximum: float | None
    mean: float | None
    total: float | None
    deviation: float | None
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
    messages: int = Field(description="Messages that match the query, in a group or not.")
    groups: list[GroupShape]
    missing: MissingShape | None = _MISSING


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


class SenderShape(BaseModel):
    """Who sends."""

    host: str = Field(description="As the messages say.")
    address: str = Field(description="Where they came from; empty when unknown.")
    messages: int
    bytes: int
    rejected: int
    client: str | None = Field(description="The program that probably sends; null when nothing tells.")
    first_seen: float
    last_seen: float


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


class OutputStats(BaseModel):
    """One output and the buffer in front of it."""

    name: str
    where: str
    failing_since: float | None
    circuit: str = Field(description="closed while it works, open while it is left alone, half_open while it is tried.")
    next_try_at: float | None = Field(description="When it is tried again, while its circuit is open.")
    error: str | None = Field(description="Why it fails now.")
    last_error: str | None
    messages: int
    messages_per_second: float
    messages_per_second_minute: float
    batches: int
    retries: int
    refused: int
    dropped: int
    waiting: int
    waiting_bytes: int
    oldest_seconds: float
    full: bool
    buffer: str = Field(description="memory or disk.")
    buffer_problem: str | None = Field(description="Why the buffer cannot write to its disk.")
    buffer_damaged: int
    counters: dict[str, float]


class OrphanStats(BaseModel):
    """A buffer on disk with messages in it that no output writes: its output was removed, or has another address."""

    name: str = Field(description="What `gelf-listener buffers` calls it.")
    directory: str
    waiting: int = Field(description="Messages.")
    waiting_bytes: int
    oldest_seconds: float


class StoreStats(BaseModel):
    """How much is stored."""

    location: str
    messages: int
    bytes: int
    first: float | None
    last: float | None
    partitions: int


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
    orphaned_buffers: list[OrphanStats]
    store: StoreStats | None
    watchers: int
    senders: int
