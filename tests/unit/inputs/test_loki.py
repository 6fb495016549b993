"""Loki's push API: what clients push is read, and answered as Loki answers."""

from __future__ import annotations

import gzip
import json
import zlib
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gelf_listener.codec import Batch, Receipt
from gelf_listener.codec.loki.entries import take_entry
from gelf_listener.codec.loki.labels import parse_labels
from gelf_listener.codec.loki.push import decode_push
from gelf_listener.codec.snappy import unsnap
from gelf_listener.errors import Reason, Rejected
from gelf_listener.message import Message
from gelf_listener.testing.contracts import RecordingIntake
from tests.unit.inputs import http_clients
from tests.unit.inputs.http_clients import Answer
from tests.unit.inputs.loki_requests import pushed, snap
from tests.unit.inputs.wire import assert_read, clients, requests_of

exchange = partial(http_clients.exchange, "loki+http")
NOW = 1_795_913_700.0
TIME = 1_795_913_697_911_092_480
PUSH = "/loki/api/v1/push"
PROTOBUF, JSON = "application/x-protobuf", "application/json"


def inflate(block: bytes, room: int = 1_000_000) -> bytes:
    steps = unsnap(block, room)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return bytes(end.value)


def push(
    body: bytes | dict[str, Any], kind: str = PROTOBUF, path: str = PUSH, **headers: str
) -> tuple[RecordingIntake, Answer]:
    if isinstance(body, dict):
        body, kind = json.dumps(body).encode(), JSON
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    intake, answers = exchange([http_clients.request(body, kind, path, named)])
    return intake, answers[0]


@pytest.mark.parametrize("client", clients("loki"))
def test_reads_what_clients_push(client: str) -> None:
    """Requests as they came on the wire, head and all."""
    intake, answers = exchange(requests_of(client))
    assert [(answer.status, answer.body) for answer in answers] == [(204, b"")] * len(answers)
    assert intake.rejected == []
    assert_read(client, intake.messages)


def test_the_tenant_is_a_field() -> None:
    """As the client of Go says it."""
    intake, _ = exchange(requests_of("loki/go-protobuf-snappy"))
    assert {message.fields["tenant"] for message in intake.messages} == {"shop-tenant"}


@pytest.mark.parametrize("path", [PUSH, "/api/prom/push", "/gateway/loki/api/v1/push/"])
def test_both_paths_take_every_form(path: str) -> None:
    """JSON of today and of before 1.0, and protobuf."""
    forms: list[bytes | dict[str, Any]] = [
        snap(pushed((TIME, "hello"))),
        {"streams": [{"stream": {"app": "shop"}, "values": [[str(TIME), "hello"]]}]},
        {
            "streams": [
                {"labels": '{app="shop"}', "entries": [{"ts": "2026-11-29T00:54:57.911092480+00:00", "line": "hello"}]}
            ]
        },
    ]
    for form in forms:
        intake, answer = push(form, path=path)
        assert answer.status == 204
        (message,) = intake.messages
        assert (message.short_message, message.fields) == ("hello", {"app": "shop"})
        assert message.timestamp == pytest.approx(TIME / 1e9, abs=1e-6)


@pytest.mark.parametrize(
    ("encoding", "encode"), [("gzip", gzip.compress), ("deflate", zlib.compress), ("snappy", snap)]
)
def test_undoes_encodings_of_json(encoding: str, encode: Any) -> None:
    """Fluent Bit sends gzip, Vector snappy."""
    body = json.dumps({"streams": [{"stream": {}, "values": [[str(TIME), "hello"]]}]}).encode()
    intake, answer = push(encode(body), JSON, Content_Encoding=encoding)
    assert (answer.status, intake.texts) == (204, ["hello"])
    intake, answer = push(snap(pushed((TIME, "hello"))), Content_Encoding="snappy")
    assert (answer.status, intake.texts) == (204, ["hello"])


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "text/plain", ""])
def test_json_of_another_type_is_told_what_it_lacks(kind: str) -> None:
    """What curl sends without a header; Loki takes it for protobuf, too."""
    body = b'{"streams": [{"stream": {}, "values": [["1795913697911092480", "hello"]]}]}'
    intake, answer = push(body, kind)
    assert (answer.status, intake.reasons) == (400, [Reason.CORRUPT_COMPRESSION])
    assert answer.body.endswith(b"; JSON needs Content-Type: application/json\n")


def test_is_ready() -> None:
    """Clients and health checks ask before they push."""
    _, answers = exchange([http_clients.request(b"", path="/ready", method="GET")])
    assert (answers[0].status, answers[0].body) == (200, b"ready\n")


def test_other_paths_and_methods() -> None:
    """Are refused with a line of text."""
    assert push(b"", path="/loki/api/v1/query")[1].status == 404
    _, answers = exchange([http_clients.request(b"", path=PUSH, method="GET")])
    assert (answers[0].status, answers[0].body) == (405, b"push with POST\n")


@pytest.mark.parametrize(
    ("body", "kind", "reason", "status"),
    [
        (b"hello", JSON, Reason.INVALID_JSON, 400),
        (b"{}", JSON, Reason.NO_MESSAGE, 400),
        (b"[" * 100_000, JSON, Reason.TOO_COMPLEX, 413),
        (b'{"streams":[5]}', JSON, Reason.NOT_AN_OBJECT, 400),
        (b'{"streams":[{"labels":"app=shop","entries":[]}]}', JSON, Reason.INVALID_LABELS, 400),
        (b'{"streams":[{"stream":{},"values":[["soon","hello"]]}]}', JSON, Reason.INVALID_TIMESTAMP, 400),
        (b'{"streams":[{"stream":{},"values":[["nan","hello"]]}]}', JSON, Reason.INVALID_TIMESTAMP, 400),
        (b'{"streams":[{"stream":{},"values":[["-inf","hello"]]}]}', JSON, Reason.INVALID_TIMESTAMP, 400),
        (b'{"streams":[{"stream":{},"values":[["1",5]]}]}', JSON, Reason.INVALID_SHORT_MESSAGE, 400),
        (b"hello", PROTOBUF, Reason.CORRUPT_COMPRESSION, 400),
        (snap(b"\xff" * 20), PROTOBUF, Reason.INVALID_PROTOBUF, 400),
        (snap(pushed((TIME, "x"), labels="{")), PROTOBUF, Reason.INVALID_LABELS, 400),
        (b"\xff\xff\xff\xff\x0f", PROTOBUF, Reason.PAYLOAD_TOO_LARGE, 413),
        (snap(b"\x0a\x00" * 100_001), PROTOBUF, Reason.TOO_COMPLEX, 413),
    ],
)
def test_refuses_what_is_no_push(body: bytes, kind: str, reason: Reason, status: int) -> None:
    """With Loki's status, a line of text, and a rejection."""
    intake, answer = push(body, kind)
    assert answer.status == status
    assert answer.body.endswith(b"\n")
    assert [each.reason for each in intake.rejected] == [reason]
    assert intake.messages == []


def test_takes_what_is_in_order_beside_what_is_not() -> None:
    """And answers 400 all the same, as Loki does."""
    values = [[str(TIME), "one"], ["never", "two"], [str(TIME), "three", {"a": "b"}]]
    intake, answer = push({"streams": [{"stream": {}, "values": values}, 7]})
    assert (answer.status, intake.texts, len(intake.rejected)) == (400, ["one", "three"], 2)
    assert b"never" in answer.body


def test_asks_to_try_again() -> None:
    """Loki answers 429 when there is too much."""
    intake = RecordingIntake()
    intake.full = True
    _, answers = exchange([http_clients.request(b"", PROTOBUF, PUSH)], intake)
    assert answers[0].status == 429
    assert answers[0].headers["retry-after"]


def test_a_long_request_is_taken_in_steps() -> None:
    """All of it, in order."""
    texts = [f"text {number}" for number in range(3000)]
    intake, answer = push(snap(pushed(*((TIME + number, text) for number, text in enumerate(texts)))))
    assert (answer.status, intake.texts) == (204, texts)


def entry(
    line: str, labels: dict[str, str] | None = None, metadata: dict[str, Any] | None = None, time: int = TIME
) -> Message:
    batch = Batch()
    take_entry(Receipt("loki", None, NOW, batch), b"raw", line, time, labels or {}, metadata or {}, "")
    (message,) = batch.messages
    return message


LINES = st.sampled_from(
    (
        *(
            "order placed",
            "",
            "  ",
            "\u3000",
            "ERROR x",
            "2026-11-29 10:00:00 ERROR x",
            "level=warn msg=x n=1",
            "x\r\n",
        ),
        *('{"level":"warn","msg":"x","n":1}', "a\nb", "boom\n  File x", "[main] c.S - x", "l=INFO c=a.B t=main | x"),
        'Traceback (most recent call last):\n  File "a.py", line 1, in f\n    g()\nValueError: no',
    )
) | st.text(max_size=30)
LABELS = st.dictionaries(
    st.sampled_from(
        ("app", "level", "detected_level", "host", "pod", "stream", "source", "tenant", "stacktrace", "a b")
    ),
    st.sampled_from(("shop", "warn", "loud", " ", "", "stderr", "stdout", "a\nb", "\x1b[31merror\x1b[39m")),
    max_size=4,
)
NANOSECONDS = st.sampled_from((TIME, 0, 1, 1 << 70))


METADATA: st.SearchStrategy[dict[str, Any]] = st.just({}) | st.dictionaries(
    st.sampled_from(("trace_id", "user", "level", "host", "pod", "app", "stacktrace", "a b", "id", "a_b", "tenant")),
    st.sampled_from(("7", "", "warn", "x\ny", "\ud83d", "Größe", 7, None, True)),
    max_size=3,
)


@given(LABELS, st.lists(st.tuples(LINES, NANOSECONDS, METADATA), max_size=4), st.sampled_from(("", "shop-tenant")))
def test_entries_of_a_stream_say_what_each_does_alone(
    labels: dict[str, str], entries: list[tuple[str, int, dict[str, Any]]], tenant: str
) -> None:
    """What labels say is decided once for a stream, and changes nothing."""
    values = [[str(time), line, metadata] for line, time, metadata in [("first", TIME, {}), *entries, *entries]]
    together, alone = Batch(), Batch()
    body = json.dumps({"streams": [{"stream": labels, "values": values}]}, ensure_ascii=False)
    for _ in decode_push(
        body.encode("utf-8", "replace"), Receipt("loki", None, NOW, together), is_json=True, tenant=tenant
    ):
        pass
    read = json.loads(body.encode("utf-8", "replace"))["streams"][0]
    for time, line, metadata in read["values"]:
        take_entry(Receipt("loki", None, NOW, alone), b"", line, int(time), read["stream"], metadata, tenant)
    assert [said(each) for each in together.messages] == [said(each) for each in alone.messages]


def said(message: Message) -> tuple[Any, ...]:
    """Everything but where it came from."""
    return (
        *(message.timestamp, message.host, message.short_message, message.full_message, message.level),
        list(message.fields.items()),
        message.notes,
    )


@pytest.mark.parametrize(
    ("line", "labels", "metadata", "level", "fields"),
    [
        ("x", {"level": "warn"}, {}, 4, {}),
        ("x", {"severity": "ERROR"}, {"level": "info"}, 6, {"severity": "ERROR"}),
        ("x", {"level": "loud"}, {}, None, {"level_": "loud"}),
        ("ERROR x", {"level": "info"}, {}, 6, {}),
        ("2026-11-29 10:00:00 ERROR x", {}, {}, 3, {}),
        ('{"level":"warn","msg":"x","n":1}', {"n": "1"}, {}, 4, {"n": 1}),
        ('level=warn msg="x" n=1', {}, {}, 4, {"n": "1"}),
        ("x", {"stream": "stderr"}, {}, 3, {"stream": "stderr"}),
        ("x", {"source": "stdout"}, {}, 6, {"source_": "stdout"}),
        ("x", {}, {"detected_level": "error"}, 3, {}),
        ("x", {"level": "error", "detected_level": "error"}, {}, 3, {}),
        ("x", {}, {}, None, {}),
        ("x", {"severity": "level 25"}, {}, 5, {}),
    ],
)
def test_levels(
    line: str, labels: dict[str, str], metadata: dict[str, str], level: int | None, fields: dict[str, Any]
) -> None:
    """From structured metadata or labels, or else from the text, or else from the stream it was printed on."""
    message = entry(line, labels, metadata)
    assert (message.level, message.fields) == (level, fields)


def test_a_level_that_is_said_is_not_guessed() -> None:
    """A traceback in the line would make it an error."""
    trace = "late\nTraceback (most recent call last):\n  File \"a.py\", line 1, in b\n    c()\nKeyError: 'd'"
    said, guessed = entry(trace, {"severity": "warning"}), entry(trace)
    assert (said.level, said.short_message, said.notes) == (4, "late", ())
    assert (guessed.level, [note.field for note in guessed.notes]) == (3, ["level"])


def test_json_in_a_line_is_no_odd_gelf() -> None:
    """Nested values and booleans are nothing to note, as in other protocols' records."""
    message = entry('{"level":"info","message":"x","paid":true,"shop":{"tags":["a"]}}')
    assert (message.fields, message.notes) == ({"paid": True, "shop.tags": '["a"]'}, ())


def test_hosts() -> None:
    """What the labels say of it; a node and a pod are fields too."""
    assert entry("x", {"hostname": "web-1"}).host == "web-1"
    message = entry("x", {"node_name": "node-1", "pod": "shop-1"})
    assert (message.host, message.fields) == ("node-1", {"node_name": "node-1", "pod": "shop-1"})
    assert entry("x").host == "unknown"


def test_times() -> None:
    """The entry's, or what its text says, or when it came."""
    assert entry("x").timestamp == TIME / 1e9
    assert entry('{"time":"2026-11-29T10:00:00Z","msg":"x","level":"info"}', time=0).timestamp == 1_795_946_400.0
    assert entry("x", time=0).timestamp == NOW
    message = entry("x", time=-5)
    assert (message.timestamp, message.fields) == (NOW, {"original_timestamp": -5})


def test_blank_lines_are_none() -> None:
    """Files have them; with structured metadata they say something."""
    intake, answer = push({"streams": [{"stream": {}, "values": [[str(TIME), " \n"], [str(TIME), "", {"a": "b"}]]}]})
    assert (answer.status, intake.texts) == (204, ["(an entry without a line)"])


@pytest.mark.parametrize(
    ("line", "metadata", "text", "fields"),
    [
        ("[main] c.e.s.Orders - placed\n", {"thread": "main", "logger": "com.example.shop.Orders"}, "placed", 2),
        ("[main] shop.orders - placed", {"thread": "other", "logger": "shop.orders"}, "[main] shop.orders - placed", 2),
        ("[main] shop.orders - placed", {}, "[main] shop.orders - placed", 0),
        ("l=INFO h=web-1 c=c.e.Orders t=main | placed ", {}, "placed", 2),
        ("l=INFO c=c.e.Orders t=main | placed ", {}, "placed", 2),
        ("l=INFO c=c.e.Orders t=main | placed ", {"level": "INFO"}, "placed", 2),
    ],
)
def test_headers_of_loki4j(line: str, metadata: dict[str, str], text: str, fields: int) -> None:
    """Are taken off where they repeat structured metadata, or name what they say."""
    message = entry(line, {}, metadata)
    assert (message.short_message, len(message.fields)) == (text, fields)
    assert (message.host == "web-1", message.level == 6) == ("h=web-1" in line, "l=INFO" in line)


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("{}", {}),
        ('{a="b"}', {"a": "b"}),
        (' { a = "b" , c="" , } ', {"a": "b", "c": ""}),
        (r'{a="say \"hi\", {x}", path="C:\\x\n"}', {"a": 'say "hi", {x}', "path": "C:\\x\n"}),
        (r'{a="\x41\u00fc\U0001F600\101\t"}', {"a": "Aü😀A\t"}),
        ("{a=`raw \\n`}", {"a": "raw \\n"}),
        ('{a.b="1", c-d="2", ü="3"}', {"a.b": "1", "c-d": "2", "ü": "3"}),
    ],
)
def test_labels(text: str, labels: dict[str, str]) -> None:
    """Go's quoting, in both its forms."""
    assert parse_labels(text) == labels


@pytest.mark.parametrize("text", ["", "a", "{", '{a="b"', "{a=b}", '{a="b" c="d"}', '{="b"}', "{a}", '{a="b\\"}'])
def test_refuses_other_labels(text: str) -> None:
    """With what is wrong."""
    with pytest.raises(Rejected) as caught:
        parse_labels(text)
    assert caught.value.reason is Reason.INVALID_LABELS


@given(st.text(max_size=200), st.integers(0, 5000))
def test_labels_take_no_time(text: str, count: int) -> None:
    """Whatever is in them."""
    for labels in (
        text,
        "{" + text + "}",
        '{a="' + text * 10,
        "{" + 'a="b",' * count + "}",
        '{a="' + "\\" * count + "}",
    ):
        try:
            parse_labels(labels)
        except Rejected:
            continue


@given(st.binary(max_size=500))
def test_snappy_literals(data: bytes) -> None:
    """What went in comes out; of what is cut or changed, nothing."""
    assert inflate(snap(data)) == data
    for block in (snap(data)[:-1], snap(data) + b"\x00a", data):
        try:
            inflate(block, 1000)
        except Rejected as rejected:
            assert rejected.reason in (Reason.CORRUPT_COMPRESSION, Reason.PAYLOAD_TOO_LARGE)  # noqa: PT017


@pytest.mark.parametrize(
    ("block", "plain"),
    [
        (b"\x0b\x04ab\x15\x02\x00", b""),
        (b"\x08\x04ab\x09\x02", b"abababab"),
        (b"\x0a\x0cabcd\x16\x04\x00", b"abcdabcdab"),
        (b"\x0a\x0cabcd\x17\x04\x00\x00\x00", b"abcdabcdab"),
        (b"\x04\xf0\x03abcd", b"abcd"),
        (b"\x05\x00a\x0d\x01", b""),
        (b"\x00", b""),
    ],
)
def test_snappy_copies(block: bytes, plain: bytes) -> None:
    """Of each kind, overlapping too; an empty text stands for damage."""
    if plain or block == b"\x00":
        assert inflate(block) == plain
    else:
        with pytest.raises(Rejected):
            inflate(block)


@pytest.mark.parametrize(
    "block", [b"", b"\x05", b"\x02\x09\x01", b"\x04\x00a\x09\x02", b"\x04\x00a\x02\x00\x00", b"\x01\x04ab"]
)
def test_refuses_damaged_snappy(block: bytes) -> None:
    """Too short, too long, or copying from nowhere."""
    with pytest.raises(Rejected) as caught:
        inflate(block)
    assert caught.value.reason is Reason.CORRUPT_COMPRESSION


def test_takes_opentelemetry_as_loki_does() -> None:
    """On a path of its own, with its own answers."""
    export = {"resourceLogs": [{"scopeLogs": [{"logRecords": [{"body": {"stringValue": "hello"}}]}]}]}
    body = gzip.compress(json.dumps(export).encode())
    intake, answer = push(body, JSON, "/otlp/v1/logs", Content_Encoding="gzip")
    assert (answer.status, answer.json, intake.texts) == (200, {}, ["hello"])
    intake, answer = push(b"{", JSON, "/otlp/v1/logs")
    assert (answer.status, answer.json["code"]) == (400, 3)


def test_levels_may_have_colours() -> None:
    """As winston's `colorize` leaves them."""
    assert entry("x", {"level": "\x1b[33mwarn\x1b[39m"}).level == 4


def test_half_an_emoji_takes_no_other_line_with_it() -> None:
    """A lone surrogate becomes U+FFFD; a pair stays what it is."""
    body = (
        b'{"streams":[{"stream":{"a":"b"},"values":[["1795913697911092480","half \\ud83d, whole \\ud83d\\ude00"],'
        b'["1795913697911092481","back \\\\ud83d"]]}]}'
    )
    intake, answer = push(body, JSON)
    assert answer.status == 204
    assert [message.short_message for message in intake.messages] == ["half \ufffd, whole \U0001f600", "back \\ud83d"]
