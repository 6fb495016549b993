"""Syslog in all its forms: RFC examples, what real senders write, and what is broken."""

from __future__ import annotations

import datetime as dt
import json
import pickle
import struct
import zoneinfo
from typing import Any

import pytest

from gelf_listener.codec.batch import Batch
from gelf_listener.codec.syslog.decoder import SyslogDecoder, SyslogOptions
from gelf_listener.codec.syslog.facilities import FACILITIES
from gelf_listener.errors import Rejected
from gelf_listener.message import Message, Peer

PEER = Peer("192.0.2.7", 40000)
NOW = dt.datetime(2026, 11, 23, 18, 20, 5, tzinfo=dt.UTC).timestamp()
BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")


def at(text: str) -> float:
    return dt.datetime.fromisoformat(text).timestamp()


def decode(payload: bytes, **options: Any) -> Batch:
    batch = Batch()
    options = {"zone": dt.UTC} | options
    SyslogDecoder("in", SyslogOptions(**options)).decode_all([(payload, PEER)], NOW, batch)
    assert len(batch.messages) + len(batch.rejected) == 1
    assert batch.size == sum(len(message.raw) for message in batch.messages)
    return batch


def message(payload: bytes, **options: Any) -> Message:
    (made,) = decode(payload, **options).messages
    assert made.raw == payload
    assert not made.exact
    assert (made.input, made.peer, made.received_at) == ("in", PEER, NOW)
    return made


def rejection(payload: bytes, **options: Any) -> Rejected:
    (made,) = decode(payload, **options).rejected
    assert (made.input, made.peer, made.received_at) == ("in", PEER, NOW)
    return made


def labels(made: Message) -> list[str]:
    return [note.deviation.label for note in made.notes]


def fields(made: Message) -> dict[str, Any]:
    """Additional fields but for the facility, which has tests of its own."""
    return {name: value for name, value in made.fields.items() if not name.startswith("facility")}


STRUCTURED = [
    (
        "RFC 5424, example 1",
        b"<34>1 2003-10-11T22:14:15.003Z mymachine.example.com su - ID47 - \xef\xbb\xbf'su root' failed",
        ("mymachine.example.com", "'su root' failed", 2, "2003-10-11T22:14:15.003Z"),
        {"application_name": "su", "message_id": "ID47"},
        [],
    ),
    (
        "RFC 5424, example 2",
        b"<165>1 2003-08-24T05:14:15.000003-07:00 192.0.2.1 myproc 8710 - - %% It's time to make the do-nuts.",
        ("192.0.2.1", "%% It's time to make the do-nuts.", 5, "2003-08-24T05:14:15.000003-07:00"),
        {"application_name": "myproc", "process_id": "8710"},
        [],
    ),
    (
        "RFC 5424, example 4, two elements and no text",
        b'<165>1 2003-10-11T22:14:15.003Z h app - ID47 [exampleSDID@32473 iut="3" eventSource="A"][pri@32473 class="high"]',
        ("h", 'ID47 iut="3" eventSource="A" class="high"', 5, "2003-10-11T22:14:15.003Z"),
        {
            "application_name": "app",
            "message_id": "ID47",
            "iut": "3",
            "eventSource": "A",
            "class": "high",
        },
        ["short_message_blank"],
    ),
    (
        "escapes in structured data",
        rb'<14>1 2026-11-23T18:20:05Z h a - - [x@1 q="say \"hi\" \\ \] \n" e=""] text',
        ("h", "text", 6, "2026-11-23T18:20:05Z"),
        {"application_name": "a", "q": 'say "hi" \\ ] \\n', "e": ""},
        [],
    ),
    (
        "a bracket that is not escaped (log4j2)",
        b'<14>1 2026-11-23T18:20:05Z h a - - [x@1 list="[1, 2] and" b="] "] text',
        ("h", "text", 6, "2026-11-23T18:20:05Z"),
        {"application_name": "a", "list": "[1, 2] and", "b": "] "},
        [],
    ),
    (
        "names that the header has too, twice, and of foreign characters",
        '<14>1 2026-11-23T18:20:05Z h a 1 - [x@1 process_id="2" a="1" a="2" größe="3"] text'.encode(),
        ("h", "text", 6, "2026-11-23T18:20:05Z"),
        {"application_name": "a", "process_id": "1", "process_id_2": "2", "a": "1", "a_2": "2", "gr__e": "3"},
        [],
    ),
    ("nothing is known", b"<14>1 - - - - - - text", ("192.0.2.7", "text", 6, None), {}, []),
    ("nothing at all", b"<14>1 - - - - - -", ("192.0.2.7", "", 6, None), {}, ["short_message_blank"]),
    (
        "an element without parameters, behind the text a newline and a NUL",
        b"<14>1 - h - - - [ping] text\n\0",
        ("h", "text", 6, None),
        {},
        [],
    ),
    (
        "structured data that does not end",
        b'<14>1 - h - - - [x@1 a="1" text',
        ("h", '[x@1 a="1" text', 6, None),
        {},
        ["syslog_structured_data"],
    ),
    (
        "structured data left out",
        b"<14>1 - h a - - text",
        ("h", "text", 6, None),
        {"application_name": "a"},
        ["syslog_structured_data"],
    ),
    (
        "nothing behind the message id",
        b"<14>1 2026-11-23T18:20:05Z h a 1 ID47",
        ("h", "", 6, "2026-11-23T18:20:05Z"),
        {"application_name": "a", "process_id": "1", "message_id": "ID47"},
        ["syslog_structured_data", "short_message_blank"],
    ),
    (
        "a leap second, which RFC 5424 forbids",
        b'<14>1 2016-12-31T23:59:60Z h a - - [x@1 a="1"] text',
        ("h", "text", 6, None),
        {"application_name": "a", "a": "1", "original_timestamp": "2016-12-31T23:59:60Z"},
        ["timestamp_invalid"],
    ),
    (
        "a text of several lines",
        b"<11>1 2026-11-23T18:20:05Z h a - - - Traceback\n  File x\nE: y\n",
        ("h", "Traceback\n  File x\nE: y", 3, "2026-11-23T18:20:05Z"),
        {"application_name": "a"},
        [],
    ),
    (
        "gelf-handlers' element",
        b'<11>1 2026-11-23T18:20:05Z h a - - [gelf@32473 full_message="all of it" order="A-17"] text',
        ("h", "text", 3, "2026-11-23T18:20:05Z"),
        {"application_name": "a", "order": "A-17"},
        [],
    ),
]


@pytest.mark.parametrize(
    ("payload", "known", "more", "noted"), [pytest.param(*case[1:], id=case[0]) for case in STRUCTURED]
)
def test_structured(payload: bytes, known: tuple[Any, ...], more: dict[str, Any], noted: list[str]) -> None:
    """RFC 5424: header, structured data and text."""
    made = message(payload)
    stamp = NOW if known[3] is None else at(known[3])
    assert (made.host, made.short_message, made.level, made.timestamp) == (*known[:3], stamp)
    assert fields(made) == more
    assert labels(made) == noted


def test_full_message_in_structured_data() -> None:
    """What gelf-handlers sends as a parameter becomes the message's own again; others' parameters do not."""
    assert message(b'<11>1 - h a - - [gelf@32473 full_message="all\nof it"] text').full_message == "all\nof it"
    other = message(b'<11>1 - h a - - [x@1 full_message="all"] text')
    assert (other.full_message, other.fields["full_message_"]) == (None, "all")


BSD = [
    ("RFC 3164", b"<34>Oct 11 22:14:15 mymachine su: 'su root' failed", ("mymachine", "'su root' failed", "2026-10-11T22:14:15Z"), {"application_name": "su"}, []),
    ("RFC 3164, no tag", b"<13>Feb  5 17:32:18 10.0.0.99 Use the BFG!", ("10.0.0.99", "Use the BFG!", "2026-02-05T17:32:18Z"), {}, []),
    ("RFC 3164, zone and year", b"<165>Aug 24 05:34:00 CST 1987 mymachine myproc[10]: %% It's time", ("mymachine", "%% It's time", "1987-08-24T05:34:00-06:00"), {"application_name": "myproc", "process_id": "10"}, ["guessed"]),
    ("logger -u, the C library: no host", b"<30>Nov 23 18:20:01 sshd[123]: hello", ("192.0.2.7", "hello", "2026-11-23T18:20:01Z"), {"application_name": "sshd", "process_id": "123"}, ["host_missing"]),
    ("rsyslog's forwarding format", b"<30>2026-11-23T18:20:01.123456+01:00 web1 nginx: hello", ("web1", "hello", "2026-11-23T18:20:01.123456+01:00"), {"application_name": "nginx"}, []),
    ("a year before", b"<30>2025 Nov 23 18:20:01 web1 nginx: hello", ("web1", "hello", "2025-11-23T18:20:01Z"), {"application_name": "nginx"}, []),
    ("a year within", b"<30>Nov 23 2025 18:20:01 web1 nginx: hello", ("web1", "hello", "2025-11-23T18:20:01Z"), {"application_name": "nginx"}, []),
    ("fraction and offset", b"<30>Nov 23 18:20:01.25 +02:00 web1 nginx: hello", ("web1", "hello", "2026-11-23T18:20:01.25+02:00"), {"application_name": "nginx"}, []),
    ("a host in capitals is not a zone", b"<30>Nov 23 18:20:01 MAIL smtpd: hello", ("MAIL", "hello", "2026-11-23T18:20:01Z"), {"application_name": "smtpd"}, []),
    ("an IPv6 host, a tag with a slash", b"<22>Nov 23 18:20:01 fe80::1 postfix/smtpd[9]: hello", ("fe80::1", "hello", "2026-11-23T18:20:01Z"), {"application_name": "postfix/smtpd", "process_id": "9"}, []),
    ("last year's December", b"<30>Dec 31 23:59:59 h a: hello", ("h", "hello", "2025-12-31T23:59:59Z"), {"application_name": "a"}, []),
    ("a clock that is ahead", b"<30>Nov 25 01:00:00 h a: hello", ("h", "hello", "2026-11-25T01:00:00Z"), {"application_name": "a"}, []),
    ("a leap day", b"<30>Feb 29 01:00:00 h a: hello", ("h", "hello", None), {"application_name": "a", "original_timestamp": "Feb 29 01:00:00"}, ["timestamp_invalid"]),
    ("no such day", b"<30>Feb 30 01:00:00 h a: hello", ("h", "hello", None), {"application_name": "a", "original_timestamp": "Feb 30 01:00:00"}, ["timestamp_invalid"]),
    ("no such time", b"<30>Nov 23 99:99:99 h a: hello", ("h", "hello", None), {"application_name": "a", "original_timestamp": "Nov 23 99:99:99"}, ["timestamp_invalid"]),
    ("Python's SysLogHandler", b"<14>hello world\0", ("192.0.2.7", "hello world", None), {}, ["syslog_no_header", "host_missing"]),
    ("a tag alone", b"<14>app[12]: hello", ("192.0.2.7", "hello", None), {"application_name": "app", "process_id": "12"}, ["syslog_no_header", "host_missing"]),
    ("what might be a tag stays in the text", b"<14>ERROR: hello", ("192.0.2.7", "ERROR: hello", None), {}, ["syslog_no_header", "host_missing"]),
    ("a number is not a version", b"<14>1 apples and pears for all of us", ("192.0.2.7", "1 apples and pears for all of us", None), {}, ["syslog_no_header", "host_missing"]),
    ("words that are not a time", b"<14>1 apples and pears for all - of us", ("192.0.2.7", "1 apples and pears for all - of us", None), {}, ["syslog_no_header", "host_missing"]),
    ("a BOM behind the header", b"<14>Nov 23 18:20:01 h a: \xef\xbb\xbfhello", ("h", "hello", "2026-11-23T18:20:01Z"), {"application_name": "a"}, []),
    ("Cisco", b"<14>123: *Nov 23 18:20:01.483 UTC: %SYS-5-CONFIG_I: hello", ("192.0.2.7", "%SYS-5-CONFIG_I: hello", "2026-11-23T18:20:01.483Z"), {"sequence_number": 123}, ["host_missing"]),
    ("Cisco with its name", b"<14>148094: SW01: 148093: Nov 23 2026 18:20:01.1 CET: %LINK-3-UPDOWN: hello", ("SW01", "%LINK-3-UPDOWN: hello", "2026-11-23T18:20:01.1+01:00"), {"sequence_number": 148094}, []),
    ("no such time, with a year", b"<30>Nov 31 2026 01:00:00.5 h a: hello", ("h", "hello", None), {"application_name": "a", "original_timestamp": "Nov 31 2026 01:00:00.5"}, ["timestamp_invalid"]),
    ("Cisco's ASA with its name", b"<14>Nov 23 2026 18:20:01 asa : %ASA-6-302013: hello", ("asa", "%ASA-6-302013: hello", "2026-11-23T18:20:01Z"), {}, []),
    ("Cisco without a clock", b"<14>17: %SYS-5-CONFIG_I: hello", ("192.0.2.7", "%SYS-5-CONFIG_I: hello", None), {"sequence_number": 17}, ["syslog_no_header", "host_missing"]),
    (
        "FortiGate",
        b'<14>date=2026-11-23 time=20:20:01 devname="FG1" devid=F1 level="notice" tz="+0200" msg="a \\"b\\"" x=',
        ("FG1", 'date=2026-11-23 time=20:20:01 devname="FG1" devid=F1 level="notice" tz="+0200" msg="a \\"b\\"" x=', "2026-11-23T18:20:01Z"),
        {"date": "2026-11-23", "time": "20:20:01", "devname": "FG1", "devid": "F1", "tz": "+0200", "msg": 'a \\"b\\"', "x": ""},
        [],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("payload", "known", "more", "noted"), [pytest.param(*case[1:], id=case[0]) for case in BSD])
def test_bsd(payload: bytes, known: tuple[Any, ...], more: dict[str, Any], noted: list[str]) -> None:
    """RFC 3164 and what is sent in its name; the text's end does not matter."""
    for end in (b"", b"\0", b"\n", b"\r\n"):
        made = message(payload + end)
        stamp = NOW if known[2] is None else at(known[2])
        assert (made.host, made.short_message, made.timestamp) == (*known[:2], stamp)
        assert made.level == int(payload[1:3]) & 7 if payload[3:4] == b">" else True
        assert fields(made) == more
        assert labels(made) == noted


@pytest.mark.parametrize(
    ("payload", "text", "noted"),
    [
        (b"no header at all\n", "no header at all", ["syslog_priority", "syslog_no_header", "host_missing"]),
        (b"<192>too much", "too much", ["syslog_priority", "syslog_no_header", "host_missing"]),
        (b"<0014>zeros", "zeros", ["syslog_priority", "syslog_no_header", "host_missing"]),
        (b"<14 broken", "<14 broken", ["syslog_priority", "syslog_no_header", "host_missing"]),
        (b"<x>broken", "<x>broken", ["syslog_priority", "syslog_no_header", "host_missing"]),
        (b"Nov 23 18:20:01 h a: text", "text", ["syslog_priority"]),
        (b"\xef\xbb\xbf<14>text", "text", ["byte_order_mark", "syslog_no_header", "host_missing"]),
        (b"<14>caf\xe9", "caf\ufffd", ["invalid_utf8", "syslog_no_header", "host_missing"]),
        (b"<14>", "", ["syslog_no_header", "host_missing", "short_message_blank"]),
    ],
)  # fmt: skip
def test_broken(payload: bytes, text: str, noted: list[str]) -> None:
    """What cannot be taken apart is a message all the same, and says so."""
    made = message(payload)
    assert made.short_message == text
    assert labels(made) == noted
    known = "syslog_priority" not in noted
    assert (made.level, made.fields.get("facility")) == ((6, "user-level") if known else (None, None))


def test_every_priority() -> None:
    """Level and facility, by number and in Graylog's words."""
    for priority in range(192):
        for form in (b"<%d>1 - - - - - - x", b"<%d>Nov 23 18:20:01 h a: x", b"<%d>x"):
            made = message(form % priority)
            assert made.level == priority & 7
            assert made.fields["facility_num"] == priority >> 3
            assert made.fields["facility"] == FACILITIES[priority >> 3]


@pytest.mark.parametrize("payload", [b"", b"\0", b" \r\n\0"])
def test_nothing(payload: bytes) -> None:
    """No text, no message."""
    assert rejection(payload).reason == "empty_payload"


def test_pickles_are_not_loaded() -> None:
    """DatagramHandler's bytes are refused with what to use instead."""
    record = pickle.dumps({"msg": "hello", "args": ()}, 1)
    for payload in (struct.pack(">L", len(record)) + record, record, pickle.dumps({"a": 1}, 4)):
        made = rejection(payload)
        assert made.reason == "unexpected_protocol"
        assert "SysLogHandler" in made.detail


def test_options_of_graylog() -> None:
    """The whole text, SD-IDs before names, no message without a time, a zone for times without one."""
    structured = b'<14>1 2026-11-23T18:20:05Z h a - - [x@1 b="1"] text'
    assert message(structured, store_full_message=True).full_message == structured.decode()
    assert message(structured, expand_structured_data=True).fields["x@1_b"] == "1"
    assert message(structured, allow_override_date=False).short_message == "text"
    for payload in (b"<14>text", b"<14>Feb 30 01:00:00 h a: text", b"<14>1 - - - - - - text"):
        assert rejection(payload, allow_override_date=False).reason == "invalid_timestamp"
    summer, winter = b"<14>Jul 11 12:00:00 h a: x", b"<14>Nov 11 12:00:00 h a: x"
    assert message(summer, zone=BERLIN).timestamp == at("2026-07-11T10:00:00Z")
    assert message(winter, zone=BERLIN).timestamp == at("2026-11-11T11:00:00Z")
    assert message(b"<14>2026-07-11T12:00:00 h a: x", zone=BERLIN).timestamp == at("2026-07-11T10:00:00Z")
    local = dt.datetime(2026, 7, 11, 12).timestamp()
    assert message(summer, zone=None).timestamp == local


def test_gelf_inside() -> None:
    """A GELF document as the text keeps its types; what it does not say, the header does."""
    document = {"version": "1.1", "short_message": "hello", "full_message": "all", "_count": 3, "_ok": True}
    made = message(b"<11>1 2026-11-23T18:20:05Z web1 app 7 - - " + json.dumps(document).encode())
    assert (made.host, made.short_message, made.full_message, made.level) == ("web1", "hello", "all", 3)
    assert made.timestamp == at("2026-11-23T18:20:05Z")
    assert fields(made) == {"count": 3, "ok": True, "application_name": "app", "process_id": "7"}
    own = message(
        b"<11>" + json.dumps(document | {"host": "db1", "timestamp": 1700000000.5, "level": 4}).encode() + b"\0"
    )
    assert (own.host, own.timestamp, own.level) == ("db1", 1700000000.5, 4)


def test_cee() -> None:
    """JSON behind the cookie of CEE is read, and so is a logger's; what is neither stays a text."""
    made = message(b'<14>Nov 23 18:20:01 h a: @cee: {"msg":"hello","user":{"id":7}}')
    assert (made.short_message, made.fields["user.id"]) == ("hello", 7)
    assert message(b'<14>Nov 23 18:20:01 h a: {"msg":"hello","level":"warn"}').level == 4
    for text in (b'{"a":"hello"}', b'{"short_message":', b"[1]", b"@cee: 7", b"@home"):
        assert message(b"<14>Nov 23 18:20:01 h a: " + text).short_message == text.decode()


def test_written_messages_read_the_same() -> None:
    """What an output writes of a syslog message is GELF that says the same."""
    made = message(STRUCTURED[3][1])
    document = json.loads(made.to_gelf())
    assert document["_q"] == 'say "hi" \\ ] \\n'
    assert (document["host"], document["short_message"], document["_facility"]) == ("h", "text", "user-level")


@pytest.mark.parametrize("expand", [True, False])
def test_the_facility_of_gelf_handlers_is_the_service_as_in_its_gelf_messages(expand: bool) -> None:
    """Graylog lets structured data win over the name of the syslog facility; the number keeps that."""
    payload = b'<14>1 2026-11-23T18:20:05Z h shop - - [gelf@32473 facility="orders" a="1"] paid'
    fields = message(payload, expand_structured_data=expand).fields
    assert (fields["facility"], fields["facility_num"]) == ("orders", 1)
    other = message(payload.replace(b"gelf@32473", b"x@1")).fields
    assert (other["facility"], other["facility_2"]) == ("user-level", "orders")


@pytest.mark.parametrize(
    "text", ['{"short_message":"\\ud83d cut"}', '{"message":"x","n":{"k":"\\ud83d"}}', '@cee:{"msg":"\\ud83d"}']
)
def test_half_an_emoji_costs_no_other_datagram(text: str) -> None:
    """One read may hold the datagrams of many senders."""
    payloads = [b"<13>Nov 29 13:00:00 h app: before", f"<13>Nov 29 13:00:00 h app: {text}".encode()]
    payloads.append(b"<13>Nov 29 13:00:00 h app: after")
    batch = Batch()
    SyslogDecoder("in", SyslogOptions(zone=dt.UTC)).decode_all([(each, PEER) for each in payloads], NOW, batch)
    assert len(batch.messages) == 3
    assert batch.rejected == []


def test_a_bug_costs_one_datagram(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is rejected with its bytes and its sender."""

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("a bug")

    decoder = SyslogDecoder("in", SyslogOptions(zone=dt.UTC))
    whole = decoder._decode
    monkeypatch.setattr(
        decoder, "_decode", lambda payload, receipt: fail() if b"odd" in payload else whole(payload, receipt)
    )
    batch = Batch()
    decoder.decode_all([(b"<13>odd", PEER), (b"<13>Nov 29 13:00:00 h app: after", PEER)], NOW, batch)
    assert [message.short_message for message in batch.messages] == ["after"]
    (rejected,) = batch.rejected
    assert (bytes(rejected.payload), rejected.peer) == (b"<13>odd", PEER)
