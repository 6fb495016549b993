"""
GELF from Kafka topics, as a member of a consumer group.

Laws:

* An offset is stored for committing when the messages before it are safe (`Intake.when_safe`), in the order of
  reading. When some could not be made safe, partitions are read again from the first of them.
* What librdkafka fetched ahead is bounded. While a buffer is crowded, partitions are paused, and polling goes on, so
  that the group does not take us for dead.
* A record that is read again gives a message of the same id: that of its header ``id``, or one made from its topic,
  partition and offset.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import threading
import time
import zlib
from collections import deque
from collections.abc import Sequence
from time import perf_counter
from typing import Any, ClassVar, Literal, Self

from confluent_kafka import TIMESTAMP_NOT_AVAILABLE, Consumer, KafkaException, TopicPartition
from pydantic import Field, model_validator

from gelf_listener.brokers.kafka import KafkaClient, KafkaSettings, make_client
from gelf_listener.codec import Batch, Receipt
from gelf_listener.codec.text.bodies import decode_text
from gelf_listener.errors import Reason, Rejected
from gelf_listener.inputs import Intake
from gelf_listener.inputs.consumer import CHUNK_ADVICE, ConsumerSettings, is_chunk
from gelf_listener.inputs.container_intake import reading_containers
from gelf_listener.inputs.room import Room
from gelf_listener.inputs.turns import READ_SECONDS
from gelf_listener.message import ulid
from gelf_listener.settings import Duration, Milliseconds, Size, zone_named

_log = logging.getLogger(__name__)

_ULID = re.compile(rb"[0-7][0-9A-HJKMNP-TV-Z]{25}")
_POLL_SECONDS = 0.1
_RECORDS_A_STEP = 100
_PAUSE_AFTER_ERROR_SECONDS = 1.0
_LONGEST_REVOKE_SECONDS = 2.0
"""How long a rebalance waits for messages to become safe, so that the next owner of a partition repeats fewer."""
_LONGEST_CLOSE_SECONDS = 5.0
_STEP_SECONDS = 0.01

Offsets = dict[tuple[str, int], tuple[int, int]]
"""First offset read and next offset to read, by topic and partition."""


class KafkaInputSettings(ConsumerSettings, KafkaSettings):
    """Settings of `gelf+kafka://`."""

    path: str = Field(
        description="Topics, after the slash: `/logs`, `/logs,audit`, or all that match a pattern: `/^logs-.*`."
    )
    group: str = Field("gelf-listener", min_length=1, description="Consumer group; its members share the partitions.")
    offset_reset: Literal["earliest", "latest"] = Field(
        "earliest", description="Where a group begins that has no offset yet."
    )
    batch: int = Field(1000, ge=1, le=100_000, description="Most records taken at once.")
    fetch_min_bytes: Size = Field(1, ge=1, description="Bytes a broker waits for before it answers.")
    fetch_wait_max: Milliseconds = Field(
        0.1,
        validate_default=False,
        le=300,
        description="Longest time it waits for them; a plain number is milliseconds, as Kafka's own setting.",
    )
    max_fetched_bytes: Size = Field(
        16 * 1024 * 1024, ge=1024, description="Bytes of records fetched ahead of what we take."
    )
    commit_interval_seconds: Duration = Field(
        1.0, gt=0, le=3600, description="Interval of commits: what is read again after a crash."
    )
    keep_ids: bool = Field(
        True, description="Keep a header `id` that is a ULID, as our own output gives, as the message's id."
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if not self.topics():
            raise ValueError("the path has to name a topic, for example gelf+kafka://localhost/logs")
        return self

    def topics(self) -> list[str]:
        """Return the topics, or the pattern."""
        text = self.path.removeprefix("/")
        return [text] if text.startswith("^") else [part for part in text.split(",") if part]


class _Read:
    """Records that become safe together: first offset and next offset of each partition."""

    __slots__ = ("error", "generation", "offsets", "settled")

    def __init__(self, offsets: Offsets, generation: int) -> None:
        self.offsets = offsets
        self.generation = generation
        self.settled = False
        self.error: str | None = None


class KafkaInput:
    """
    Reads GELF from topics.

    Guarantee: at least once, when an output has ``buffer=disk``: offsets are committed once the messages before them
    are in every such buffer. Without one they are committed when the messages are taken into memory.
    """

    Settings: ClassVar[type[KafkaInputSettings]] = KafkaInputSettings

    def __init__(self, settings: KafkaInputSettings) -> None:
        self.settings = settings
        self.name = settings.name or f"gelf+kafka-{settings.path.removeprefix('/')}"
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        self.listening = [f"gelf+kafka://{host}:{settings.port}/{topic}" for topic in settings.topics()]
        self._decoder = settings.decoder(self.name)
        self._client = KafkaClient(self.name)
        self._config = _configuration(settings)
        self._thread: threading.Thread | None = None
        self._ended = asyncio.Event()
        self._consumer: Any = None
        self._intake: Intake
        self._closing = False
        self._paused = False
        self._unsettled: deque[_Read] = deque()
        self._generation = 0
        """Counts what makes offsets read before worthless: a rebalance, or reading again."""
        self._safe: deque[Offsets] = deque()
        """What the thread is to store for committing."""
        self._again: deque[Offsets] = deque()
        """What the thread is to read again."""
        self._partitions = 0
        self._counts = {"records": 0, "tombstones": 0, "reread": 0, "rebalances": 0}

    async def start(self, intake: Intake) -> None:
        """Join the group; a cluster that is away is tried again and again. See `Input.start`."""
        self._intake = reading_containers(intake, self.settings, self.name)
        self._room = Room(self._intake)
        self._consumer = make_client(Consumer, self._config, self.settings.properties, self._client)
        self._consumer.subscribe(
            self.settings.topics(), on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_lost
        )
        self._loop = asyncio.get_running_loop()
        # A daemon: a cluster that does not answer must not keep the process from ending.
        self._thread = threading.Thread(target=self._work, name=f"gelf-listener {self.name}", daemon=True)
        self._thread.start()

    async def close(self) -> None:
        """Stop reading, wait, not indefinitely, for what is to become safe, and leave the group. See `Input.close`."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        self._closing = True
        try:
            async with asyncio.timeout(2 * _LONGEST_CLOSE_SECONDS):
                await self._ended.wait()
        except TimeoutError:
            _log.warning("%s: the group was not left in time", self.name)

    def counters(self) -> dict[str, float]:
        """Return what was read."""
        return {
            "partitions": self._partitions,
            "rebalances_total": self._counts["rebalances"],
            "records_total": self._counts["records"],
            "records_reread_total": self._counts["reread"],
            "tombstones_total": self._counts["tombstones"],
        }

    def _take(self, records: Sequence[Any], taken: threading.Event) -> None:
        """
        Decode records and hand their messages over, in the loop; their offsets wait until these are safe.

        After some milliseconds the loop looks at everything else: records may be long, or compressed.
        """
        count = 0
        try:
            ends_at = perf_counter() + READ_SECONDS
            while count < len(records) and perf_counter() < ends_at:
                step = records[count : count + _RECORDS_A_STEP]
                count += len(step)
                self._hand_over(step)
        except BaseException:
            taken.set()
            raise
        if count < len(records):
            self._loop.call_soon(self._take, records[count:], taken)
        else:
            taken.set()

    def _hand_over(self, records: Sequence[Any]) -> None:
        offsets: Offsets = {}
        payloads = []
        for record in records:
            if record.error() is not None:
                self._client.on_error(record.error())
                continue
            place, offset = (record.topic(), record.partition()), record.offset()
            offsets[place] = (offsets[place][0] if place in offsets else offset, offset + 1)
            self._counts["records"] += 1
            if record.value() is None:
                self._counts["tombstones"] += 1
            else:
                payloads.append(record)
        if not offsets:
            return
        self._client.last_error = ""
        batch = self._decode(payloads)
        batch.hand_over(self._intake)
        read = _Read(offsets, self._generation)
        self._unsettled.append(read)
        self._intake.when_safe(lambda error: self._settle(read, error))

    def _decode(self, records: Sequence[Any]) -> Batch:
        batch = Batch()
        now = time.time()
        for record in records:
            payload = record.value()
            if is_chunk(payload):
                Receipt(self.name, None, now, batch).reject(Reason.UNEXPECTED_PROTOCOL, CHUNK_ADVICE, payload)
                continue
            before = len(batch.messages)
            receipt = Receipt(self.name, None, now, batch)
            try:
                payload = self.settings.unwrapped(payload)
            except Rejected as rejected:
                receipt.add_rejection(rejected)
                continue
            if self.settings.takes_text(payload):
                decode_text(payload, receipt, zone_named(self.settings.timezone))
            else:
                self._decoder.decode(payload, now, None, batch)
            if len(batch.messages) == before + 1:
                batch.messages[before].stored_id = self._id_of(record)
        return batch

    def _id_of(self, record: Any) -> str:
        """Return the id its producer gave a record, or one that is the same whenever the record is read."""
        if self.settings.keep_ids:
            for name, value in record.headers() or ():
                if name == "id" and value is not None and _ULID.fullmatch(value):
                    return str(value, "ascii")
        kind, milliseconds = record.timestamp()
        seconds = 0.0 if kind == TIMESTAMP_NOT_AVAILABLE else milliseconds / 1000
        origin = zlib.crc32(f"{record.topic()} {record.partition()}".encode())
        return ulid(seconds, record.offset(), origin)

    def _settle(self, read: _Read, error: str | None) -> None:
        """Note what became of records; store offsets in the order of reading."""
        read.settled, read.error = True, error
        while self._unsettled and self._unsettled[0].settled:
            done = self._unsettled.popleft()
            if done.generation != self._generation:
                continue  # they are read again, by us or by somebody else
            if done.error is None:
                self._safe.append(done.offsets)
            else:
                _log.warning("%s: reading again: %s", self.name, done.error)
                self._generation += 1
                self._counts["reread"] += sum(after - first for first, after in done.offsets.values())
                self._again.append(done.offsets)

    # In the thread

    def _work(self) -> None:
        """Read until the input closes; nothing the cluster does ends it before."""
        while not self._closing:
            try:
                self._read()
            except KafkaException as error:
                self._client.on_error(error.args[0])
                time.sleep(_PAUSE_AFTER_ERROR_SECONDS)
            except RuntimeError:  # the loop is closed, or the consumer
                _log.debug("%s ends", self.name, exc_info=True)
                break
            except Exception:  # noqa: BLE001  (what the library did not foresee must not end the input)
                _log.exception("%s failed", self.name)
                time.sleep(_PAUSE_AFTER_ERROR_SECONDS)
        deadline = time.monotonic() + _LONGEST_CLOSE_SECONDS
        while self._unsettled and time.monotonic() < deadline:
            time.sleep(_STEP_SECONDS)
        self._store()
        self._consumer.close()  # commits what was stored, and leaves the group
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._ended.set)

    def _read(self) -> None:
        self._store()
        while self._again:
            self._read_again(self._again.popleft())
        if bool(self._room) == self._paused:
            self._pause(not self._paused)
        records = self._poll()
        if records:
            taken = threading.Event()
            self._loop.call_soon_threadsafe(self._take, records, taken)
            while not taken.wait(_POLL_SECONDS):
                if self._loop.is_closed():
                    return

    def _store(self) -> None:
        """Store what is safe; called from another thread than the one that polls, this hangs (confluent-kafka 2.16)."""
        while self._safe:
            for (topic, partition), (_, after) in self._safe.popleft().items():
                # A partition that belongs to somebody else by now is none of our business.
                with contextlib.suppress(KafkaException):
                    self._consumer.store_offsets(offsets=[TopicPartition(topic, partition, after)])

    def _poll(self) -> list[Any]:
        """Return the records that are there, at most a batch; wait a little for the first."""
        first = self._consumer.poll(_POLL_SECONDS)
        if first is None:
            return []
        if self.settings.batch == 1:
            return [first]
        return [first, *self._consumer.consume(self.settings.batch - 1, 0)]

    def _pause(self, pause: bool) -> None:
        assigned = self._consumer.assignment()
        (self._consumer.pause if pause else self._consumer.resume)(assigned)
        self._paused = pause

    def _read_again(self, offsets: Offsets) -> None:
        """Go back; not at once, for what went wrong may last."""
        time.sleep(_PAUSE_AFTER_ERROR_SECONDS)
        for (topic, partition), (first, _) in offsets.items():
            with contextlib.suppress(KafkaException):
                self._consumer.seek(TopicPartition(topic, partition, first))

    def _on_assign(self, _consumer: Any, partitions: Sequence[TopicPartition]) -> None:
        self._counts["rebalances"] += 1
        self._partitions = len(partitions)
        self._paused = False  # new partitions are not
        _log.info("%s: reads %d partitions", self.name, len(partitions))

    def _on_revoke(self, _consumer: Any, _partitions: Sequence[TopicPartition]) -> None:
        """Wait until what was read is safe; its offsets are committed before the next owner begins."""
        deadline = time.monotonic() + _LONGEST_REVOKE_SECONDS
        while self._unsettled and time.monotonic() < deadline:
            time.sleep(_STEP_SECONDS)
        self._store()
        self._on_lost(_consumer, _partitions)

    def _on_lost(self, _consumer: Any, _partitions: Sequence[TopicPartition]) -> None:
        self._generation += 1
        self._safe.clear()
        self._partitions = 0


def _configuration(settings: KafkaInputSettings) -> dict[str, Any]:
    return settings.client_config() | {
        "group.id": settings.group,
        "auto.offset.reset": settings.offset_reset,
        # Offsets are committed by the clock and when the group changes, but only those we stored.
        "enable.auto.commit": True,
        "enable.auto.offset.store": False,
        "auto.commit.interval.ms": max(round(settings.commit_interval_seconds * 1000), 1),
        "fetch.min.bytes": settings.fetch_min_bytes,
        "fetch.wait.max.ms": round(settings.fetch_wait_max * 1000),
        "queued.max.messages.kbytes": max(settings.max_fetched_bytes // 1024, 1),
        "fetch.max.bytes": max(settings.max_fetched_bytes, 1_000_000),
        "topic.metadata.refresh.interval.ms": 30_000,  # how soon a new topic of a pattern is found
    }
