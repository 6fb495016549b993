"""Messages, pages of them, rejected payloads and what is said about queries."""

from __future__ import annotations

from pydantic import BaseModel, Field

from gelf_listener.api.native.described import Described, described_by
from gelf_listener.store.answers import Missing

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


MISSING = Field(description="What the search could not look at; null when that is nothing.")


class SearchPage(BaseModel):
    """One page of messages."""

    query: str
    total: int = Field(description="How many messages match, on all pages.")
    messages: list[MessageShape]
    cursor: str | None = Field(description="Give it back for the next page; null when this is the last.")
    nothing: str | None = Field(description="Why nothing matches; null when something does.")
    missing: MissingShape | None = MISSING


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
    missing: MissingShape | None = MISSING
