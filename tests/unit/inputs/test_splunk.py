"""Splunk's HTTP Event Collector: events, raw lines, tokens, acknowledgements, and Splunk's numbers for what fails."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
from typing import Any

import pytest

from gelf_listener.codec.hec.acks import MAX_CHANNELS, MAX_PENDING, Acks
from gelf_listener.errors import Reason
from gelf_listener.inputs.splunk import SplunkHecInput, SplunkHecSettings
from gelf_listener.testing.contracts import RecordingIntake, run, until
from tests.unit.inputs.asking import Answer, ask, request
from tests.unit.inputs.clients import send_stream
from tests.unit.inputs.wire import assert_read, clients, requests_of

AT = 1795913000
EVENT = "/services/collector/event"
CHANNEL = "11111111-2222-3333-4444-555555555555"


def exchange(raw: list[bytes], **settings: Any) -> tuple[RecordingIntake, list[Answer]]:
    return ask(lambda: SplunkHecInput(SplunkHecSettings(port=0, **settings)), raw)


def post(body: Any, path: str = EVENT, **more: Any) -> tuple[RecordingIntake, Answer]:
    settings = more.pop("settings", {})
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    intake, answers = exchange([request(sent, path, **more)], **settings)
    return intake, answers[0]


@pytest.mark.parametrize("client", clients("hec"))
def test_reads_what_clients_send(client: str) -> None:
    """Requests as they came on the wire, with their token."""
    intake, answers = exchange(requests_of(client), token="11111111-2222-3333-4444-555555555555")
    assert [(answer.status, answer.json) for answer in answers] == [(200, {"text": "Success", "code": 0})] * len(
        answers
    )
    assert intake.rejected == []
    assert_read(client, intake.messages)


@pytest.mark.parametrize(
    "path",
    [
        *("/services/collector", "/services/collector/", EVENT, "/services/collector/event/1.0"),
        "/services/collector/event?auto_extract_timestamp=true",
    ],
)
def test_paths(path: str) -> None:
    """Of all versions."""
    assert post({"event": "x"}, path)[0].texts == ["x"]


@pytest.mark.parametrize("between", ["", " ", "\n", "\r\n\r\n", ",", ", "])
def test_events_one_behind_the_other(between: str) -> None:
    """Whatever is between them, and in an array; each is its own payload."""
    events = [json.dumps({"event": f"text {number}"}) for number in range(3)]
    for body in (between.join(events), "[" + ",".join(events) + "]", "\ufeff" + between.join(events)):
        intake, answer = post(body.encode())
        assert (answer.json["code"], intake.texts) == (0, ["text 0", "text 1", "text 2"])
        assert [message.raw.decode() for message in intake.messages] == events


def test_a_long_request() -> None:
    """In steps, all of it and in order."""
    intake, _ = post(b"".join(b'{"event": "text %d"}' % number for number in range(5000)))
    assert intake.texts == [f"text {number}" for number in range(5000)]


def test_what_is_around_an_event() -> None:
    """Time, host, source, sourcetype, index and indexed fields; a level among them."""
    around = {"time": AT + 0.25, "host": "web-1", "source": "shop", "sourcetype": "_json", "index": "main"}
    fields = {"otel.log.severity.text": "ERROR", "trace_id": "4bf9", "n": 7, "tags": ["a", "b"]}
    intake, _ = post({**around, "event": "it failed", "fields": fields})
    (message,) = intake.messages
    assert (message.short_message, message.host, message.timestamp) == ("it failed", "web-1", AT + 0.25)
    assert message.level == 3
    assert message.fields == {
        "sourcetype": "_json", "index": "main", "service": "shop", "trace_id": "4bf9", "n": 7, "tags": '["a","b"]'
    }  # fmt: skip


@pytest.mark.parametrize(
    ("time", "expected"),
    [(AT, AT), (f"{AT}.192", AT + 0.192), (AT * 1000, AT), (str(AT * 1000), AT), ("2026-11-29T00:43:20Z", AT)],
)
def test_times(time: Any, expected: float) -> None:
    """Numbers and texts, in seconds, in milliseconds as some clients have them, and ISO 8601."""
    intake, _ = post({"time": time, "event": "x"})
    assert intake.messages[0].timestamp == pytest.approx(expected)


@pytest.mark.parametrize("time", ["", "soon", None, True, {}, -1, 1e300])
def test_times_that_are_none(time: Any) -> None:
    """The receive time."""
    (message,) = post({"time": time, "event": "x"})[0].messages
    assert message.timestamp == message.received_at


@pytest.mark.parametrize(
    ("event", "text", "level", "fields"),
    [
        (
            {"message": "x", "severity": "WARN", "logger": "a.B", "thread": "main"},
            "x",
            4,
            {"logger": "a.B", "thread": "main"},
        ),
        ({"message": {"text": "x", "n": 1}, "severity": "info"}, "x", 6, {"n": 1}),
        ({"Severity": "Error", "Message": "x", "Logger": "a"}, "x", 3, {"Logger": "a"}),
        (
            {"Level": "Warning", "MessageTemplate": "Stock {N}", "RenderedMessage": "Stock 1", "Properties": {"N": 1}},
            *("Stock 1", 4, {"message_template": "Stock {N}", "N": 1}),
        ),
        ('{"level": "error", "msg": "x", "n": 1}', "x", 3, {"n": 1}),
        ("{'message': 'x', 'level': 'debug', 'n': None}", "x", 7, {}),
        ("2026-11-29 00:43:20,123 ERROR x", "2026-11-29 00:43:20,123 ERROR x", 3, {}),
        ({"user": "ann", "action": "login"}, "user=ann action=login", None, {"user": "ann", "action": "login"}),
        ({"line": "x", "source": "stderr", "tag": "c0ffee"}, "x", 3, {"stream": "stderr", "tag": "c0ffee"}),
        (
            {"line": {"msg": "x", "level": "info"}, "source": "stdout", "tag": "t"},
            "x",
            6,
            {"stream": "stdout", "tag": "t"},
        ),
        (["a", 1], '["a",1]', None, {}),
        (17, "17", None, {}),
    ],
)
def test_events(event: Any, text: str, level: int | None, fields: dict[str, Any]) -> None:
    """Java's and .NET's appenders, Docker's driver, JSON and dicts in a text, and what has no text."""
    (message,) = post({"event": event, "time": AT})[0].messages
    assert (message.short_message, message.level, message.fields) == (text, level, fields)


DOCKERS = {"source": "stderr", "line": "x", "tag": "web"}


@pytest.mark.parametrize("source", [{"ip": "192.0.2.1"}, ["a"], 7, "stdout"])
def test_the_source_in_an_event_may_be_anything(source: Any) -> None:
    """ECS has an object there; it was answered 500."""
    for line in ({}, {"line": "started"}):
        intake, answer = post({"event": {"message": "placed", "source": source, **line}})
        assert (answer.status, len(intake.messages), intake.reasons) == (200, 1, [])


def test_what_stands_around_every_event_is_not_mixed_up() -> None:
    """What was remembered of one changes for no other, whether a line adds to it or a value is of another type."""
    events = [
        {"event": "x", "source": "shop", "fields": {"level": "warn", "n": "1"}},
        {"event": DOCKERS, "source": "shop", "fields": {"level": "warn", "n": "1"}},
        {"event": "x", "source": "shop", "fields": {"level": "warn", "n": 1}},
        {"event": "x", "source": "shop", "fields": {"level": "warn", "n": True}},
    ] * 3
    intake, _ = post(events)
    found = [(message.level, list(message.fields.items())) for message in intake.messages]
    assert found[:4] * 3 == found
    assert found[0] == (4, [("service", "shop"), ("n", "1")])
    assert found[1] == (3, [("service", "shop"), ("n", "1"), ("stream", "stderr"), ("tag", "web")])
    assert [type(message.fields["n"]) for message in intake.messages[:4]] == [str, str, int, bool]


@pytest.mark.parametrize("source", ["/var/log/shop.log", "http:token", "udp:514", "C:\\logs\\a.txt"])
def test_a_source_that_is_no_service(source: str) -> None:
    """A file or an address."""
    assert post({"event": "x", "source": source})[0].messages[0].fields == {"log_source": source}


def test_raw() -> None:
    """Lines, with what the query says of them; traces are joined, JSON is read."""
    body = b'plain text\n{"level":"warn","msg":"from JSON"}\nERROR it broke\nTraceback (most recent call last):\n  File "x"\nValueError: no\n'
    query = f"host=web-1&source=shop&sourcetype=app&index=main&time={AT}"
    intake, answer = post(body, f"/services/collector/raw?{query}")
    assert (answer.status, answer.json["code"]) == (200, 0)
    assert intake.texts == ["plain text", "from JSON", "ERROR it broke"]
    assert [message.level for message in intake.messages] == [6, 4, 3]
    assert {message.host for message in intake.messages} == {"web-1"}
    assert {message.timestamp for message in intake.messages} == {AT}
    assert intake.messages[0].fields == {"service": "shop", "sourcetype": "app", "index": "main"}
    assert (intake.messages[2].full_message or "").startswith("Traceback")


def test_the_query_says_what_events_do_not() -> None:
    """An event's own values come first."""
    intake, _ = post({"event": "x", "host": "own"}, f"{EVENT}?host=other&index=main")
    assert (intake.messages[0].host, intake.messages[0].fields) == ("own", {"index": "main"})


def test_gzip() -> None:
    """As Fluent Bit, Vector and OpenTelemetry's exporter send it."""
    assert post(gzip.compress(b'{"event": "x"}'), Content_Encoding="gzip")[0].texts == ["x"]


@pytest.mark.parametrize(
    ("body", "code", "number", "reason"),
    [
        (b"", 5, None, Reason.EMPTY_PAYLOAD),
        (b" \n", 5, None, Reason.EMPTY_PAYLOAD),
        (b"[]", 5, None, Reason.EMPTY_PAYLOAD),
        (b"no JSON", 6, 0, Reason.INVALID_JSON),
        (b"[" * 100_000, 6, 0, Reason.INVALID_JSON),
        (b"17", 6, 0, Reason.NOT_AN_OBJECT),
        (b'{"message": "x"}', 12, 0, Reason.NO_MESSAGE),
        (b'{"event": null}', 12, 0, Reason.NO_MESSAGE),
        (b'{"event": ""}', 13, 0, Reason.NO_MESSAGE),
        (b'{"event": " "}', 13, 0, Reason.NO_MESSAGE),
        (b'{"event": {}}', 13, 0, Reason.NO_MESSAGE),
    ],
)
def test_what_is_wrong_has_a_number(body: bytes, code: int, number: int | None, reason: Reason) -> None:
    """Splunk's, and the number of the event."""
    intake, answer = post(body)
    assert (answer.status, answer.json["code"], answer.json.get("invalid-event-number")) == (400, code, number)
    assert (intake.texts, intake.reasons) == ([], [reason])


def test_a_bad_event_does_not_stop_the_others() -> None:
    """The first that is wrong is named; those that are right are taken, for few clients send a refused batch again."""
    intake, answer = post(b'{"event": "a"}{"event": ""}{"event": "b"}{"no": 1}{"event": "c"}{broken')
    assert (answer.status, answer.json["code"], answer.json["invalid-event-number"]) == (400, 13, 1)
    assert intake.texts == ["a", "b", "c"]
    assert intake.reasons == [Reason.NO_MESSAGE, Reason.NO_MESSAGE, Reason.INVALID_JSON]


# Who may send


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("authorization", "query", "status", "code"),
    [
        ("Splunk sesame", "", 200, 0),
        ("splunk  sesame", "", 200, 0),
        ("Bearer sesame", "", 200, 0),
        (basic("x:sesame"), "", 200, 0),
        (basic(":sesame"), "", 200, 0),
        ("", "?token=sesame", 200, 0),
        ("Splunk wrong", "", 403, 4),
        (basic("x:wrong"), "", 403, 4),
        ("", "?token=wrong", 403, 4),
        ("Digest sesame", "", 401, 3),
        ("Basic ???", "", 401, 3),
        ("Splunk", "", 401, 3),
        ("", "", 401, 2),
    ],
)
def test_tokens(authorization: str, query: str, status: int, code: int) -> None:
    """In a header as Splunk's or a bearer's, as a password of any user, and in the query."""
    headers = {"Authorization": authorization} if authorization else {}
    intake, answer = post({"event": "x"}, EVENT + query, settings={"token": "sesame"}, **headers)
    assert (answer.status, answer.json["code"]) == (status, code)
    assert intake.texts == (["x"] if status == 200 else [])


def test_users() -> None:
    """A user of the settings, with its password."""
    settings = {"user": "ann", "password": "pw"}
    assert post({"event": "x"}, settings=settings, Authorization=basic("ann:pw"))[1].status == 200
    assert post({"event": "x"}, settings=settings, Authorization=basic("ann:no"))[1].status == 403


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        *(("GET", EVENT, 405), ("PUT", EVENT, 405), ("POST", "/services/other", 404), ("POST", "/", 404)),
        *(("POST", "/services/collectors", 404), ("OPTIONS", EVENT, 200), ("POST", "/services/collector/s2s", 404)),
    ],
)
def test_other_requests(method: str, path: str, status: int) -> None:
    """Docker's driver looks with OPTIONS whether somebody is there."""
    answer = exchange([request(b"", path, method)])[1][0]
    assert answer.status == status


@pytest.mark.parametrize("path", ["/services/collector/health", "/services/collector/health/1.0"])
def test_health(path: str) -> None:
    """Without a token; not healthy while buffers are full."""
    intake = RecordingIntake()
    for full, status, code in ((False, 200, 17), (True, 503, 18)):
        intake.full = full
        make = lambda: SplunkHecInput(SplunkHecSettings(port=0, token="sesame"))  # noqa: E731
        _, answers = ask(make, [request(b"", path, "GET")], intake)
        assert (answers[0].status, answers[0].json["code"]) == (status, code)


def test_busy_and_too_large() -> None:
    """Numbers of their own."""
    intake = RecordingIntake()
    intake.full = True
    _, answers = ask(lambda: SplunkHecInput(SplunkHecSettings(port=0)), [request(b'{"event": 1}', EVENT)], intake)
    assert (answers[0].status, answers[0].json["code"]) == (503, 9)
    body = json.dumps({"event": "x" * 2000}).encode()
    sent = [
        request(body, EVENT),
        request(gzip.compress(body), EVENT, Content_Encoding="gzip"),
        request(b'{"event": "y"}', EVENT),
    ]
    intake, answers = exchange(sent, max_body_bytes=2000, max_payload_bytes=2000)
    assert [(answer.status, answer.json["code"]) for answer in answers] == [(413, 27), (413, 27), (200, 0)]
    assert intake.texts == ["y"]


def test_too_many_events(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those up to the limit are taken, as of a raw request."""
    monkeypatch.setattr("gelf_listener.codec.hec.events.MAX_EVENTS", 3)
    intake, answer = post(b'{"event": "x"}' * 4)
    assert (answer.status, len(intake.texts), intake.reasons) == (413, 3, [Reason.TOO_COMPLEX])
    intake, answer = post(b"x\n" * 4, "/services/collector/raw")
    assert (answer.status, intake.reasons) == (413, [Reason.TOO_COMPLEX])


# Acknowledgements


def ack(*ids: Any, channel: str = CHANNEL) -> bytes:
    return request(json.dumps({"acks": list(ids)}).encode(), f"/services/collector/ack?channel={channel}")


def test_acknowledgements() -> None:
    """A request with a channel gets an id, which is true once; each channel counts by itself."""
    first = request(b'{"event": "a"}', EVENT, X_Splunk_Request_Channel=CHANNEL)
    second = request(b"b", f"/services/collector/raw?channel={CHANNEL}")
    other = request(b'{"event": "c"}', EVENT, X_Splunk_Request_Channel="other")
    _, answers = exchange(
        [first, second, other, ack(0, 1, 2), ack(0, 1), ack(0, channel="other"), ack(0, channel="new")]
    )
    assert [answer.json for answer in answers] == [
        {"text": "Success", "code": 0, "ackId": 0},
        {"text": "Success", "code": 0, "ackId": 1},
        {"text": "Success", "code": 0, "ackId": 0},
        {"acks": {"0": True, "1": True, "2": False}},
        {"acks": {"0": False, "1": False}},
        {"acks": {"0": True}},
        {"acks": {"0": False}},
    ]


@pytest.mark.parametrize(
    ("body", "path", "code"),
    [
        (b'{"acks": [0]}', "/services/collector/ack", 10),
        *(
            (body, f"/services/collector/ack?channel={CHANNEL}", 6)
            for body in (b"", b"x", b"[]", b'{"acks": "0"}', b'{"acks": [true]}')
        ),
    ],
)
def test_questions_that_make_no_sense(body: bytes, path: str, code: int) -> None:
    """A channel is missing, or ids are."""
    answer = exchange([request(body, path)])[1][0]
    assert (answer.status, answer.json["code"]) == (400, code)


def test_an_id_is_not_true_before_its_messages_are_safe() -> None:
    """Not even for who guesses it; and never when they could not be made safe."""
    intake = RecordingIntake()

    async def main() -> None:
        made = SplunkHecInput(SplunkHecSettings(port=0))
        await made.start(intake)

        async def answer(raw: bytes) -> Answer:
            return Answer(await send_stream(made.listening[0], raw))

        intake.unsafe = True
        for failure, expected in ((None, True), ("the disk is full", False)):
            sending = asyncio.ensure_future(answer(request(b'{"event": "a"}', EVENT, X_Splunk_Request_Channel=CHANNEL)))
            await until(lambda: intake.safe)
            id = 0 if failure is None else 1
            assert (await answer(ack(id))).json == {"acks": {str(id): False}}
            intake.settle(failure)
            answered = await sending
            assert answered.status == (200 if expected else 503)
            assert (await answer(ack(id))).json == {"acks": {str(id): expected}}
        await made.close()

    run(main())


def test_what_acknowledgements_remember_is_bounded() -> None:
    """Channels and ids: the oldest are forgotten."""
    acks = Acks()
    for number in range(MAX_PENDING + 1):
        acks.confirm("a", number)
    assert acks.ask("a", [0, 1, MAX_PENDING]) == {"0": False, "1": True, str(MAX_PENDING): True}
    for number in range(MAX_CHANNELS):
        acks.new(str(number))
    assert acks.ask("a", [2]) == {"2": False}
