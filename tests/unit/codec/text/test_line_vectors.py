"""Lines as real programs print them (tests/vectors/lines): level, time, text, trace and fields, in every way text arrives."""

from __future__ import annotations

import datetime as dt
import json
import zoneinfo
from pathlib import Path
from typing import Any

import pytest

from gelf_listener.codec import Batch, GelfDecoder, Receipt
from gelf_listener.codec.syslog.decoder import SyslogDecoder, SyslogOptions
from gelf_listener.codec.text.bodies import decode_text, foreign_record
from gelf_listener.codec.text.containers import ContainerReader
from gelf_listener.codec.text.lines import LineDecoder
from gelf_listener.codec.text.plain import is_prose
from gelf_listener.codec.text.traces import begins
from gelf_listener.message import Message, Peer

FOLDER = Path(__file__).parents[3] / "vectors" / "lines"
VECTORS: list[Any] = [
    pytest.param(vector, id=f"{path.stem}-{number}-{vector['program']}")
    for path in sorted(FOLDER.glob("*.json"))
    for number, vector in enumerate(json.loads(path.read_text()))
]
NOW = dt.datetime(2026, 11, 29, 8, tzinfo=dt.UTC).timestamp()


def decode(data: bytes, level: int, step: int = 0) -> list[Message]:
    """Decode a stream cut into pieces of some bytes."""
    decoder, batch = LineDecoder("here", level, input="lines", zone=dt.UTC), Batch()
    for at in range(0, len(data), step or len(data)):
        decoder.feed(data[at : at + (step or len(data))], NOW, batch)
    decoder.feed_eof(NOW, batch)
    assert batch.rejected == []
    return batch.messages


def check(message: Message, wanted: dict[str, Any], unsaid: int) -> None:
    """Hold a message to what a vector says of it."""
    for name, value in wanted.items():
        if name == "timestamp":
            expected = NOW if value is None else dt.datetime.fromisoformat(value).timestamp()
            assert message.timestamp == pytest.approx(expected, abs=1e-6)
        elif name == "fields":
            assert value.items() <= message.fields.items()
        elif name == "level":
            assert message.level == (unsaid if wanted.get("level_unsaid") else value)
        elif name not in ("level_unsaid", "level_of_trace"):
            assert getattr(message, name) == value
    assert message.host == wanted.get("host", "here")


@pytest.mark.parametrize("vector", VECTORS)
@pytest.mark.parametrize("unsaid", [6, 3], ids=["stdout", "stderr"])
def test_by_pipe_and_stdin(vector: dict[str, Any], unsaid: int) -> None:
    """A stream of lines: what `pipe` and `stdin:` read; standard error counts as an error where a line says nothing."""
    data = vector["lines"].encode() + b"\n"
    for step in (0, 1):
        made = decode(data, unsaid, step)
        assert len(made) == len(vector["messages"]), [message.short_message for message in made]
        for message, wanted in zip(made, vector["messages"], strict=True):
            check(message, wanted, unsaid)


@pytest.mark.parametrize(
    "stamp",
    ["1970-01-01 00:00:00", "0001-01-01 00:00:00", "9999-12-31 23:59:59", "2026-13-01 00:00:00", "2027-06-01 00:00:00"],
)
def test_an_absurd_time_is_not_believed(stamp: str) -> None:
    """The time of reading is used instead, and the level is read all the same."""
    (made,) = decode(f"{stamp} WARNING it\n".encode(), 6)
    assert (made.timestamp, made.level) == (NOW, 4)


def test_the_zone_of_a_time_without_an_offset() -> None:
    """It is the one that was set; an offset or a zone in the line goes before."""
    berlin = zoneinfo.ZoneInfo("Europe/Berlin")
    for line, hour in (
        ("2026-11-28 10:00:00 INFO x", 9),
        ("2026-11-28 10:00:00Z INFO x", 10),
        ("2026-11-28 10:00:00 -0500 INFO x", 15),
        ("2026-11-28 10:00:00.5 EST [7] LOG:  x", 15),
    ):
        decoder, batch = LineDecoder("here", zone=berlin), Batch()
        decoder.feed(f"{line}\n".encode(), NOW, batch)
        decoder.feed_eof(NOW, batch)
        assert dt.datetime.fromtimestamp(batch.messages[0].timestamp, dt.UTC).hour == hour


def test_a_guessed_level_has_a_note() -> None:
    """One in a known place has none."""
    sure, guessed = decode(b"10:00:00 [app] ERROR it\n10:00:00 app ERROR it\n", 6)
    assert sure.notes == ()
    assert [note.deviation.label for note in guessed.notes] == ["guessed"]


def is_record(vector: dict[str, Any]) -> bool:
    """Whether a vector is one JSON object that is read as a record, and so may be a body."""
    wanted = vector["messages"]
    return (
        vector["lines"].startswith("{")
        and not vector["lines"].startswith(("{'", "{ level"))  # Python's and Node.js', which are not JSON
        and "\n" not in vector["lines"]
        and len(wanted) == 1
        and "level_unsaid" not in wanted[0]
    )


@pytest.mark.parametrize("vector", [each for each in VECTORS if not each.values[0].get("needs_blank_lines")])
def test_by_docker(vector: dict[str, Any]) -> None:
    """Each line a GELF message of Docker's driver, which leaves empty lines out and has a time of its own."""
    lines = [line for line in vector["lines"].split("\n") if line]
    first = next((wanted["timestamp"] for wanted in vector["messages"] if wanted["timestamp"] is not None), None)
    printed = NOW if first is None else dt.datetime.fromisoformat(first).timestamp()
    reader, batch = ContainerReader("docker", zone=dt.UTC), Batch()
    for line in lines:
        fields: dict[str, Any] = {"container_id": "abc", "image_name": "shop:1"}
        reader.take(Message(printed, "here", line, None, 6, line.encode(), NOW, "docker", _fields=fields), NOW, batch)
    reader.release(NOW, batch)
    assert len(batch.messages) == len(vector["messages"])
    for message, wanted in zip(batch.messages, vector["messages"], strict=True):
        wanted = dict(wanted)
        if wanted["timestamp"] is None:
            wanted["timestamp"] = dt.datetime.fromtimestamp(printed, dt.UTC).isoformat()
        if wanted["level"] is None:
            wanted["level"] = 6  # Docker said so
        if "full_message" in wanted:
            kept = "\n".join(line for line in wanted["full_message"].split("\n") if line)
            assert (message.full_message or "").replace("\n\n", "\n").replace("\n\n", "\n") == kept
            del wanted["full_message"]
        check(message, wanted, 6)
        assert message.fields["container_id"] == "abc"
        assert message.input == "docker"


@pytest.mark.parametrize("vector", VECTORS)
def test_by_http(vector: dict[str, Any]) -> None:
    """A body of plain text is read line by line; one object is a body of JSON, by HTTP, AMQP and Kafka."""
    batch = Batch()
    if is_record(vector):
        decoder = GelfDecoder("lenient", "web", foreign=foreign_record)
        decoder.decode(vector["lines"].encode(), NOW, Peer("here", 1), batch)
    else:
        decode_text(vector["lines"].encode(), Receipt("web", Peer("here", 1), NOW, batch), dt.UTC)
    assert batch.rejected == []
    assert len(batch.messages) == len(vector["messages"])
    for message, wanted in zip(batch.messages, vector["messages"], strict=True):
        check(message, wanted, 6)
        assert message.peer == Peer("here", 1)


@pytest.mark.parametrize("vector", [each for each in VECTORS if is_record(each.values[0])])
def test_by_syslog(vector: dict[str, Any]) -> None:
    """A record as the text of a syslog message: what it says goes before the header, which says the rest."""
    batch = Batch()
    payload = f"<13>1 2026-11-29T08:00:00Z here app 7 - - {vector['lines']}".encode()
    SyslogDecoder("in", SyslogOptions(zone=dt.UTC)).decode_all([(payload, Peer("here", 1))], NOW, batch)
    assert batch.rejected == []
    (message,) = batch.messages
    wanted = dict(vector["messages"][0])
    if wanted.get("level", 0) is None or wanted.get("level_of_trace"):
        wanted["level"] = 5  # the header says so
    check(message, wanted, 5)


def is_trace(vector: dict[str, Any]) -> bool:
    """Whether a vector is one message with a trace, printed as plain lines."""
    wanted = vector["messages"]
    return len(wanted) == 1 and bool(wanted[0].get("full_message")) and "\n" in vector["lines"]


@pytest.mark.parametrize("vector", [each for each in VECTORS if is_trace(each.values[0])])
def test_a_trace_by_syslog(vector: dict[str, Any]) -> None:
    """Text and trace of a message of several lines; level and time are those of the header."""
    batch = Batch()
    payload = f"<11>1 2026-11-29T08:00:00Z here app 7 - - {vector['lines']}".encode()
    SyslogDecoder("in", SyslogOptions(zone=dt.UTC)).decode_all([(payload, Peer("here", 1))], NOW, batch)
    (message,) = batch.messages
    wanted = vector["messages"][0]
    assert message.full_message == wanted["full_message"]
    assert message.short_message == wanted["short_message"]
    assert (message.level, message.timestamp) == (3, NOW)


def test_no_line_of_a_trace_is_taken_for_prose() -> None:
    """Prose is not asked whether it goes on with what is before."""
    lines = {line for vector in VECTORS for line in vector.values[0]["lines"].split("\n") if line}
    assert [line for line in lines if is_prose(line) and begins(line) is not None] == []


def test_a_cause_belongs_to_the_line_before_it() -> None:
    """However that was read: at once, byte by byte, and in pieces because it is too long."""
    data = b"could not load\n\nCaused by:\n    No such file\n"
    for text in (data, b"x" * 300_000 + b"\n" + data):
        for step in (0, 1000, 1):
            last = decode(text, 6, step)[-1]
            assert (last.short_message, last.full_message) == ("could not load", "Caused by:\n    No such file")
