"""
A coverage-guided fuzz target for the codec (atheris).

By hand: ``python -m tests.fuzz.fuzz_codec CORPUS_DIR -max_total_time=60``. The first byte of an input chooses what is
fuzzed; the rest is fed to it. Anything but messages and rejections is a finding.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Generator
from contextlib import suppress
from typing import Any

import atheris
import msgspec

with atheris.instrument_imports(include=["gelf_listener"]):
    from gelf_listener.codec import Batch, GelfDecoder, Limits, Mode, Receipt
    from gelf_listener.codec.elasticsearch.bulk import parse_bulk, take_document, take_documents
    from gelf_listener.codec.elasticsearch.outcomes import bulk_answer, filtered
    from gelf_listener.codec.forward.session import ForwardLimits, ForwardSession
    from gelf_listener.codec.framing.gelf_frames import GelfFramer
    from gelf_listener.codec.framing.syslog_frames import SyslogFramer
    from gelf_listener.codec.gelf.lenient import LenientGelf
    from gelf_listener.codec.hec.event_columns import take_events
    from gelf_listener.codec.hec.events import split_events, split_usual, take_event, take_raw
    from gelf_listener.codec.inflater import Inflater
    from gelf_listener.codec.journal.entries import take_entry
    from gelf_listener.codec.journal.export import ExportParser
    from gelf_listener.codec.loki.push import decode_push
    from gelf_listener.codec.otlp.export import Signal, export
    from gelf_listener.codec.snappy import unsnap
    from gelf_listener.codec.syslog.decoder import SyslogDecoder
    from gelf_listener.codec.text.bodies import decode_text
    from gelf_listener.codec.text.containers import ContainerReader
    from gelf_listener.codec.text.lines import LineDecoder
    from gelf_listener.codec.text.logrecord import LogRecords
    from gelf_listener.codec.text.reader import read_text
    from gelf_listener.errors import Reason, Rejected
    from gelf_listener.message import Message, Peer
    from gelf_listener.query import QueryError, parse


class _Findings(logging.Handler):
    """What a decoder catches and logs, so that others' messages live, is a finding here."""

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and record.exc_info[1]:
            raise record.exc_info[1]


logging.getLogger("gelf_listener").addHandler(_Findings())

PEER = Peer("192.0.2.1", 5000)
LIMITS = Limits(max_payload_bytes=65_536, max_pending_messages=16, max_pending_bytes=65_536)
NAME = re.compile(r"[A-Za-z0-9_.@-]+")


def decode(data: bytes, mode: Mode = "lenient") -> Batch:
    """Decode one datagram; whatever is in it, this does not raise."""
    decoder = GelfDecoder(mode, "fuzz", LIMITS)
    batch = Batch()
    decoder.decode(data, 1e9, PEER, batch)
    decoder.expire(2e9, batch)
    return batch


def check(batch: Batch) -> None:
    """Look into everything a batch has: lazy parts must not raise either."""
    for message in batch.messages:
        assert message.host
        assert type(message.timestamp) is float
        line = message.to_gelf()
        assert b"\n" not in line
        line.decode()
        for name, value in message.fields.items():
            assert NAME.fullmatch(name), name
            assert type(value) in (str, int, float, bool)
        msgspec.json.decode(msgspec.json.encode(message.document()))
        assert all(str(note).encode() for note in message.notes)
    for rejected in batch.rejected:
        assert rejected.detail
        assert rejected.input == "fuzz"


def parts(message: Message) -> tuple[object, ...]:
    """Return what has to survive being written and read again."""
    return message.host, message.short_message, message.full_message, message.timestamp, message.level, message.fields


def fuzz_lenient(data: bytes) -> None:
    """Decode, write and decode again: the same."""
    batch = decode(data)
    check(batch)
    for message in batch.messages:
        (again,) = decode(message.to_gelf()).messages
        assert parts(again) == parts(message), (again, message)


def fuzz_graylog(data: bytes) -> None:
    """Each payload is one message or one rejection."""
    batch = decode(data, "graylog")
    check(batch)
    assert len(batch.messages) + len(batch.rejected) == 1


def fuzz_chunks(data: bytes) -> None:
    """Feed datagrams of a length that their first byte says; nothing is held afterwards."""
    decoder = GelfDecoder("lenient", "fuzz", LIMITS)
    batch = Batch()
    at = 0
    while at < len(data):
        size = data[at]
        datagram, at = b"\x1e\x0f" + data[at + 1 : at + 1 + size], at + 1 + size
        decoder.decode(datagram, 1e9 + at / 100, Peer("192.0.2.1", size % 3), batch)
        assert decoder.reassembler.pending_bytes <= LIMITS.max_pending_bytes
        assert len(decoder.reassembler) <= LIMITS.max_pending_messages
    decoder.expire(2e9, batch)
    assert len(decoder.reassembler) == decoder.reassembler.pending_bytes == 0
    check(batch)


def cut(pieces: list[bytes]) -> tuple[list[bytes], list[Reason]]:
    """Cut a stream into frames, which come as they would in any other reads of it."""
    framer = GelfFramer(max_frame_bytes=65_536, max_payload_bytes=65_536)
    receipt = Receipt("in", PEER, 0.0, Batch())
    frames = [frame for piece in pieces for frame in framer.feed(piece, receipt)]
    frames += framer.feed_eof(receipt)
    assert framer.pending_bytes == 0
    return [frame.strip() for frame in frames], [each.reason for each in receipt.batch.rejected]


def fuzz_framer(data: bytes) -> None:
    """The frames of a stream depend on its bytes, not on how it was read; each can be decoded."""
    middle = len(data) // 2
    frames, reasons = cut([data])
    assert (frames, reasons) == cut([piece for piece in (data[:middle], data[middle:]) if piece])
    assert (frames, reasons) == cut([data[at : at + 1] for at in range(len(data))])
    for frame in frames:
        check(decode(frame))


def fuzz_query(data: bytes) -> None:
    """Parse a query; what parses must print and parse to the same."""
    text = data[:2000].decode("utf-8", "replace")
    try:
        node = parse(text).node
    except QueryError as error:
        assert 1 <= error.column <= len(text) + 2  # noqa: PT017  (a fuzz target, not a test)
        return
    assert parse(str(node)).node == node


def fuzz_syslog(data: bytes) -> None:
    """Each message is one message or one rejection."""
    batch = Batch()
    SyslogDecoder("fuzz").decode_all([(data, PEER)], 1.7e9, batch)
    check(batch)
    assert len(batch.messages) + len(batch.rejected) == 1


def cut_syslog(pieces: list[bytes]) -> tuple[list[bytes], list[Reason]]:
    """Cut a stream of syslog."""
    framer = SyslogFramer(max_frame_bytes=1000)
    receipt = Receipt("in", PEER, 0.0, Batch())
    frames = [frame for piece in pieces for frame in framer.feed(piece, receipt)]
    frames += framer.feed_eof(receipt)
    assert framer.pending_bytes == 0
    return frames, [each.reason for each in receipt.batch.rejected]


def fuzz_syslog_framer(data: bytes) -> None:
    """Without NULs, which the first read may settle, frames do not depend on how the stream was read."""
    frames, _ = cut_syslog([data])
    for frame in frames:
        fuzz_syslog(frame)
    plain = data.replace(b"\0", b"")
    middle = len(plain) // 2
    whole = cut_syslog([plain])
    assert whole == cut_syslog([piece for piece in (plain[:middle], plain[middle:]) if piece])
    assert whole == cut_syslog([plain[at : at + 1] for at in range(len(plain))])


def fuzz_lines(data: bytes) -> None:
    """Lines give the same messages however they were read."""
    found = []
    for step in (len(data), 1):
        decoder, batch = LineDecoder("h", max_line_bytes=500, max_join_bytes=1000), Batch()
        for at in range(0, len(data), step):
            decoder.feed(data[at : at + step], 1.7e9, batch)
        decoder.feed_eof(1.7e9, batch)
        batch.rejected.clear()  # what looks like GELF and is none; its input is not set
        check(batch)
        found.append([message.short_message for message in batch.messages])
    assert found[0] == found[1]


def fuzz_text(data: bytes) -> None:
    """Bodies of text, whole texts and what containers print give messages, and never an error."""
    batch = Batch()
    decode_text(data, Receipt("fuzz", PEER, 1.7e9, batch))
    batch.rejected.clear()  # what looks like GELF and is not
    text = data.decode("utf-8", "replace")
    read_text(text, 1.7e9)
    reader = ContainerReader("fuzz")
    for line in text.split("\n"):
        message = Message(1.7e9, "h", line, None, 6, line.encode(), 1.7e9, "fuzz", _fields={"container_id": "a"})
        reader.take(message, 1.7e9, batch)
    reader.release(1.7e9, batch)
    batch.rejected.clear()
    check(batch)


def fuzz_records(data: bytes) -> None:
    """Forms and JSON of log records."""
    batch = Batch()
    LogRecords(LenientGelf("fuzz")).decode(data, 1.7e9, PEER, batch)
    check(batch)
    assert batch.messages or batch.rejected


def fuzz_otlp(data: bytes) -> None:
    """Requests of OTLP, in both forms and of all signals."""
    for signal in Signal:
        for is_json in (False, True):
            receipt = Receipt("fuzz", PEER, 1.7e9, Batch())
            with suppress(Rejected):
                for _ in export(signal, data, receipt, is_json=is_json, events=True):
                    pass
            check(receipt.batch)


def take_forward(data: bytes, step: int) -> Batch:
    """Read a connection of the forward protocol."""
    session = ForwardSession(ForwardLimits(4096), Inflater(65_536))
    receipt = Receipt("fuzz", PEER, 1.7e9, Batch())
    try:
        for at in range(0, len(data), step):
            session.feed(data[at : at + step], receipt)
            while session.has_more:
                session.feed(b"", receipt)
        session.feed_eof(receipt)
    except Rejected as rejected:
        receipt.add_rejection(rejected)
    return receipt.batch


def fuzz_forward(data: bytes) -> None:
    """Events do not depend on how a connection was read; neither does what is wrong with it."""
    whole, bytewise = take_forward(data, len(data)), take_forward(data, 1)
    check(whole)
    assert [parts(message) for message in whole.messages] == [parts(message) for message in bytewise.messages]
    assert [each.reason for each in whole.rejected] == [each.reason for each in bytewise.rejected]


def fuzz_loki(data: bytes) -> None:
    """Push requests in both forms, and compressed."""
    plain = b""
    with suppress(Rejected):
        plain = _last(unsnap(data, 65_536))
    for body, is_json in ((data, False), (data, True), (plain, False)):
        receipt = Receipt("fuzz", PEER, 1.7e9, Batch())
        with suppress(Rejected):
            _last(decode_push(body, receipt, is_json=is_json, tenant="fuzz"))
        check(receipt.batch)


def _last(steps: Generator[None, None, Any]) -> Any:
    """Return what a generator returns."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def fuzz_elasticsearch(data: bytes) -> None:
    """Requests of the bulk API, and patterns of what their answers may hold."""
    receipt = Receipt("fuzz", PEER, 1.7e9, Batch())
    with suppress(Rejected):
        operations = parse_bulk(data, "logs")
        ids = [
            take_document(document or b"", head.index_name, head.id, receipt)
            for head, document in zip(*operations, strict=True)
        ]
        errors = {number: "no" for number, id in enumerate(ids) if not id}
        answer = msgspec.json.decode(bulk_answer(operations.heads, ids, errors, 1))
        assert len(answer["items"]) == len(ids)
        filtered(answer, data[:100].decode("latin-1"))
        assert [not id for id in take_documents(operations, receipt)] == [not id for id in ids]
    check(receipt.batch)


def fuzz_hec(data: bytes) -> None:
    """Events one behind the other, and raw lines."""
    receipt = Receipt("fuzz", PEER, 1.7e9, Batch())
    with suppress(Rejected):
        for value, raw in split_events(data):
            with suppress(Rejected):
                take_event(value, raw, {"host": "h"}, receipt)
    events = split_usual(data)
    if events is not None:
        assert events == [raw for _, raw in split_events(data)]
        take_events(events, receipt)
    for _ in take_raw(data, {"time": "1e9"}, receipt):
        pass
    receipt.batch.rejected.clear()  # what looks like GELF and is not
    check(receipt.batch)


def take_journal(data: bytes, step: int) -> Batch:
    """Read an upload of a journal."""
    parser, receipt = ExportParser(2000), Receipt("fuzz", PEER, 1.7e9, Batch())
    try:
        for at in range(0, len(data), step):
            for entry in parser.feed(data[at : at + step], receipt):
                take_entry(entry, b"raw", receipt)
        last = parser.finish(receipt)
        if last is not None:
            take_entry(last, b"raw", receipt)
    except Rejected as rejected:
        receipt.add_rejection(rejected)
    return receipt.batch


def fuzz_journal(data: bytes) -> None:
    """Entries do not depend on how an upload was read."""
    whole, bytewise = take_journal(data, len(data)), take_journal(data, 1)
    check(whole)
    assert [parts(message) for message in whole.messages] == [parts(message) for message in bytewise.messages]
    assert [each.reason for each in whole.rejected] == [each.reason for each in bytewise.rejected]


TARGETS = (
    *(fuzz_lenient, fuzz_graylog, fuzz_framer, fuzz_query, fuzz_chunks),
    *(fuzz_syslog, fuzz_syslog_framer, fuzz_lines, fuzz_text, fuzz_records),
    *(fuzz_otlp, fuzz_forward, fuzz_loki, fuzz_elasticsearch),
    *(fuzz_hec, fuzz_journal),
)


def fuzz_one(data: bytes) -> None:
    """Choose by the first byte."""
    if len(data) > 1:
        TARGETS[data[0] % len(TARGETS)](data[1:])


if __name__ == "__main__":
    atheris.Setup(sys.argv, fuzz_one)
    atheris.Fuzz()
