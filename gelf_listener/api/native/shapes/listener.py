"""The listener itself: senders, nodes, inputs, outputs and stores."""

from __future__ import annotations

from pydantic import BaseModel, Field

from gelf_listener.api.native.described import Described, described_by
from gelf_listener.figures import OutputFigures, WorkerFigures
from gelf_listener.senders import Sender
from gelf_listener.store.answers import StoreInfo


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
