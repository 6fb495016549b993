"""Outputs that speak HTTP: what they send, and what they make of the answers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsPartialSuccess,
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)

from gelf_listener.errors import ConfigError, OutputError, Refused, Retry
from gelf_listener.message import Message
from gelf_listener.outputs.gelf_http import GelfHttpOutput
from gelf_listener.outputs.loki import LokiOutput
from gelf_listener.outputs.opensearch import OpenSearchOutput
from gelf_listener.outputs.otlp import OtlpOutput
from gelf_listener.outputs.webhook import WebhookOutput
from tests.unit.outputs.messages import RECEIVED_AT, make_batch, make_message
from tests.unit.outputs.web import Asked, Web, answer

Respond = Callable[[Asked], bytes | None]


class Wrote:
    """What writing came to: for each try what was raised, the requests, and the output's counters."""

    def __init__(self, tries: list[OutputError | None], asked: list[Asked], counters: dict[str, float]) -> None:
        self.tries = tries
        self.asked = asked
        self.counters = counters

    @property
    def refused(self) -> list[str]:
        [error] = [each for each in self.tries if isinstance(each, Refused)]
        return [message.short_message for message in error.messages]


def write(kind: type[Any], messages: Sequence[Message], respond: Respond, tries: Any = 1, **settings: Any) -> Wrote:
    """Write a batch, as often as wanted."""

    async def main() -> Wrote:
        async with Web(respond) as web:
            made = kind.Settings(host="127.0.0.1", port=web.port, **{"timeout_seconds": 5, **settings})
            output = kind(made)
            await output.start()
            raised: list[OutputError | None] = []
            for _ in range(tries):
                try:
                    await output.write(messages)
                    raised.append(None)
                except OutputError as error:
                    raised.append(error)
            await output.close()
            with pytest.raises(Retry):
                await output.write(messages)
            return Wrote(raised, web.asked, output.counters())

    return asyncio.run(main())


def fine(_: Asked) -> bytes:
    return answer(200)


def without(text: bytes, status: int = 400) -> Respond:
    """A server that denies whatever holds a text."""
    return lambda asked: answer(status if text in asked.body else 200, b"no such text")


class TestEveryOutput:
    """All of them."""

    KINDS = pytest.mark.parametrize(
        ("kind", "settings"),
        [
            (WebhookOutput, {}),
            (LokiOutput, {}),
            (OtlpOutput, {}),
            (GelfHttpOutput, {"bulk": True}),
            (GelfHttpOutput, {"connections": 1}),
        ],
    )

    @KINDS
    def test_one_message_at_fault(self, kind: type[Any], settings: dict[str, Any]) -> None:
        """Is found and refused; the others are written."""
        batch = make_batch(7)
        done = write(kind, batch, without(b"message 4"), **settings)
        assert done.refused == ["message 4"]
        assert "no such text" in str(done.tries[0])
        assert done.counters["written_messages_total"] == 6

    @KINDS
    def test_away_for_a_while(self, kind: type[Any], settings: dict[str, Any]) -> None:
        """The batch is written in the end, and counted once."""
        answers = iter([answer(503, retry_after="3"), b""])
        done = write(kind, make_batch(3), lambda _: next(answers, answer(200)), tries=3, **settings)
        first, second, third = done.tries
        assert isinstance(first, Retry)
        assert first.after_seconds == 3
        assert isinstance(second, Retry)
        assert third is None
        assert done.counters["written_messages_total"] == 3

    @KINDS
    def test_half_a_batch(self, kind: type[Any], settings: dict[str, Any]) -> None:
        """What was taken is not sent again when the server is busy in the middle of a batch that it denied as a whole."""
        seen: list[int] = []

        def respond(asked: Asked) -> bytes:
            seen.append(len(asked.body))
            if len(seen) == 1:
                return answer(200 if "connections" in settings else 413)
            return answer(503) if len(seen) == 3 else answer(200)

        done = write(kind, make_batch(4), respond, tries=2, **settings)
        assert isinstance(done.tries[0], Retry)
        assert done.tries[1] is None
        assert done.counters["written_messages_total"] == 4
        last = done.asked[-1].body
        assert b"message 0" not in last


def test_webhook_bodies() -> None:
    """An array or lines, with ids or as GELF."""
    batch = [make_message("a\nb", fields={"n": 1}), make_message("c")]
    array, lines = (
        write(WebhookOutput, batch, fine, **settings).asked[0]
        for settings in ({}, {"body": "lines", "format": "gelf", "path": "x?y=z"})
    )
    documents = json.loads(array.body)
    assert [document["short_message"] for document in documents] == ["a\nb", "c"]
    assert [document["id"] for document in documents] == [message.id for message in batch]
    assert (array.path, array.headers["content-type"]) == ("/", "application/json")
    assert [json.loads(line)["short_message"] for line in lines.body.splitlines()] == ["a\nb", "c"]
    assert "id" not in json.loads(lines.body.splitlines()[0])
    assert (lines.path, lines.headers["content-type"]) == ("/x?y=z", "application/x-ndjson")


def test_loki() -> None:
    """Streams by label, times in nanoseconds as text, labels without a value left out."""
    batch = [
        make_message("a", host="web1", timestamp=1790000000.123456, fields={"app": "shop", "n": 1}),
        make_message("b", host="web1", fields={"app": "shop"}),
        make_message("c", host="db", level=None),
    ]
    labels = "source={source},level={level},app={_app}"
    asked = write(LokiOutput, batch, fine, labels=labels, metadata=True, tenant="t1").asked[0]
    first, second = json.loads(asked.body)["streams"]
    assert asked.path == "/loki/api/v1/push"
    assert asked.headers["x-scope-orgid"] == "t1"
    assert first["stream"] == {"source": "web1", "level": "info", "app": "shop"}
    assert first["values"][0][0] == "1790000000123456000"
    assert json.loads(first["values"][0][1])["short_message"] == "a"
    assert first["values"][0][2] == {"app": "shop", "n": "1"}
    assert second["stream"] == {"source": "db"}
    lines = write(LokiOutput, [make_message("a", full_message="a\nb")], fine, line="message", labels="").asked[0]
    assert json.loads(lines.body)["streams"][0]["values"][0][1] == "a\nb"
    assert json.loads(lines.body)["streams"][0]["stream"] == {"job": "gelf"}


@pytest.mark.parametrize("labels", ["source", "1a=b", "a-b=c", "=x", "a={nobody}"])
def test_labels_that_are_none(labels: str) -> None:
    """Are told of at the start."""
    with pytest.raises(ConfigError, match="setting 'labels'"):
        LokiOutput(LokiOutput.Settings(labels=labels))


def test_otlp() -> None:
    """Severity, times, typed attributes, trace and span, a resource for each service."""
    batch = [
        make_message(
            "a",
            level=3,
            full_message="long",
            fields={
                "service": "shop", "n": 1, "big": 1 << 80, "f": 1.5, "b": True, "trace_id": "ab" * 16, "span_id": "no",
            },
        ),
        make_message("b", host="db", level=None),
    ]  # fmt: skip
    asked = write(OtlpOutput, batch, fine).asked[0]
    assert (asked.path, asked.headers["content-type"]) == ("/v1/logs", "application/x-protobuf")
    shop, db = ExportLogsServiceRequest.FromString(asked.body).resource_logs
    names = {attribute.key: attribute.value.string_value for attribute in shop.resource.attributes}
    assert names == {"service.name": "shop", "host.name": "web1"}
    [record] = shop.scope_logs[0].log_records
    assert (record.severity_number, record.severity_text, record.body.string_value) == (17, "error", "a")
    assert record.time_unix_nano == int(RECEIVED_AT) * 1_000_000_000
    assert record.trace_id == b"\xab" * 16
    assert record.span_id == b""
    values = {attribute.key: attribute.value for attribute in record.attributes}
    assert values["n"].int_value == 1
    assert values["big"].string_value == str(1 << 80)
    assert values["f"].double_value == 1.5
    assert values["b"].bool_value is True
    assert values["full_message"].string_value == "long"
    assert values["gelf.id"].string_value == batch[0].id
    assert db.scope_logs[0].log_records[0].severity_number == 0


def test_otlp_severities() -> None:
    """Syslog's levels by the table of OpenTelemetry's log data model (appendix B)."""
    batch = [make_message("a", level=level) for level in range(8)]
    [resource] = ExportLogsServiceRequest.FromString(write(OtlpOutput, batch, fine).asked[0].body).resource_logs
    numbers = [record.severity_number for record in resource.scope_logs[0].log_records]
    assert numbers == [21, 19, 18, 17, 13, 10, 9, 5]


@pytest.mark.parametrize(
    ("level", "fields", "expected"),
    [
        (6, {"severity_number": 11, "severity_text": "Hint"}, (11, "Hint", set())),
        (6, {"severity_number": 10, "severity_text": "Notice"}, (10, "info", {"severity_text"})),
        (3, {"severity_text": "WARN"}, (17, "WARN", set())),
        (3, {"severity_number": 13}, (17, "error", {"severity_number"})),
        (3, {"severity_number": 0}, (17, "error", {"severity_number"})),
        (3, {"severity_number": "17"}, (17, "error", {"severity_number"})),
    ],
)
def test_otlp_severity_fields(level: int, fields: dict[str, Any], expected: tuple[int, str, set[str]]) -> None:
    """They become the severity again only where that says the message's level; else they are attributes."""
    asked = write(OtlpOutput, [make_message("a", level=level, fields=fields)], fine).asked[0]
    [record] = ExportLogsServiceRequest.FromString(asked.body).resource_logs[0].scope_logs[0].log_records
    kept = {attribute.key for attribute in record.attributes} & set(fields)
    assert (record.severity_number, record.severity_text, kept) == expected


def test_otlp_partial_success(caplog: pytest.LogCaptureFixture) -> None:
    """Is counted and logged; garbage in an answer of success is not a failure."""
    partial = ExportLogsPartialSuccess(rejected_log_records=2, error_message="too old")
    said = ExportLogsServiceResponse(partial_success=partial).SerializeToString()
    done = write(OtlpOutput, make_batch(3), lambda _: answer(200, said))
    assert done.tries == [None]
    assert done.counters["rejected_records_total"] == 2
    assert "rejected 2 of 3 records: too old" in caplog.text
    assert write(OtlpOutput, make_batch(3), lambda _: answer(200, b"\xff\xff{}")).tries == [None]


def bulk(*statuses: int, error: Any = None) -> bytes:
    """An answer of the bulk API."""
    items = [{"create": {"status": status, **({"error": error} if status >= 400 else {})}} for status in statuses]
    return answer(200, json.dumps({"errors": any(status >= 400 for status in statuses), "items": items}).encode())


def indexing(messages: Sequence[Message], *answers: bytes, tries: Any = 1, **settings: Any) -> Wrote:
    waiting = list(answers)
    return write(OpenSearchOutput, messages, lambda _: waiting.pop(0), tries=tries, template=False, **settings)


def test_opensearch_requests() -> None:
    """Create under the message's id, in the index of its own day; fields with a name of ours keep their underscore."""
    message = make_message("a", host="Web 1", fields={"source": "x", "n": 1}, timestamp=1790000000.5)
    done = indexing([message], bulk(201), path="/Logs-{source}-{date}".lower(), api_key="abc=", prefix="/p/")
    [asked] = done.asked
    action, document = (json.loads(line) for line in asked.body.splitlines())
    assert asked.path.startswith("/p/_bulk?")
    assert asked.headers["authorization"] == "ApiKey abc="
    assert action == {"create": {"_index": "logs-web_1-2026.09.21", "_id": message.id}}
    assert (document["message"], document["source"], document["_source"], document["n"]) == ("a", "Web 1", "x", 1)
    assert document["@timestamp"] == "2026-09-21T14:13:20.500000Z"


def test_opensearch_tells_results_apart() -> None:
    """Written, there already, denied, and busy: only what is busy comes again."""
    batch = make_batch(5)
    reason = {"type": "mapper_parsing_exception", "reason": "bad", "caused_by": {"type": "x", "reason": "deeper"}}
    done = indexing(batch, bulk(201, 409, 429, 400, 503, error=reason), bulk(201, 201), tries=2)
    first, second = done.tries
    assert isinstance(first, Retry)
    assert "status 429: mapper_parsing_exception: bad: deeper" in str(first)
    assert isinstance(second, Refused)
    assert done.counters["written_messages_total"] == 4
    assert done.counters["duplicate_messages_total"] == 1


def test_opensearch_conflicts() -> None:
    """A document whose fields the index cannot map is sent again at once, with its fields as one text."""
    batch = [make_message("a", fields={"n": 1}), make_message("b", fields={"n": "x"})]
    done = indexing(batch, bulk(201, 400), bulk(201))
    assert done.tries == [None]
    again = [json.loads(line) for line in done.asked[1].body.splitlines()]
    assert again[0]["create"]["_id"] == batch[1].id
    assert (json.loads(again[1]["unmapped"]), "n" in again[1]) == ({"n": "x"}, False)
    assert done.counters["unmapped_messages_total"] == 1
    refused = indexing(batch, bulk(201, 400), bulk(400, error={"type": "t", "reason": "still"}))
    assert (refused.refused, "t: still" in str(refused.tries[0])) == (["b"], True)


@pytest.mark.parametrize(
    "said",
    [answer(200, b"<html>"), answer(200, b"{}"), answer(200, b'{"errors": true, "items": []}'), answer(200, b"[]")],
)
def test_opensearch_garbage(said: bytes) -> None:
    """Nothing is believed to be written."""
    done = indexing(make_batch(2), said, bulk(201, 201), tries=2)
    assert isinstance(done.tries[0], Retry)
    assert done.tries[1] is None


def test_opensearch_template() -> None:
    """Is made at the start; a server that denies it is told of, one that is busy is tried again."""

    async def start(said: bytes) -> list[Asked]:
        async with Web(lambda _: said) as web:
            output = OpenSearchOutput(OpenSearchOutput.Settings(host="127.0.0.1", port=web.port, data_stream=True))
            try:
                await output.start()
            finally:
                await output.close()
            return web.asked

    asked = asyncio.run(start(answer(200)))[-1]  # it has looked for stores before
    assert (asked.method, asked.path) == ("PUT", "/_index_template/gelf-listener-gelf-_")
    assert json.loads(asked.body)["index_patterns"] == ["gelf-*"]
    with pytest.raises(ConfigError, match="template=no leaves it out"):
        asyncio.run(start(answer(400)))
    with pytest.raises(Retry, match="template=no leaves it out"):
        asyncio.run(start(answer(404)))


def test_names_of_indices_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """In number and length: peers make them."""
    monkeypatch.setattr("gelf_listener.outputs.opensearch._MOST_INDICES", 3)
    batch = [make_message("x", host=f"h{number}") for number in range(5)] + [make_message("x", host="h" * 500)]
    done = indexing(batch, bulk(*[201] * 6), path="/l-{source}-{year}")
    names = [json.loads(line)["create"]["_index"] for line in done.asked[0].body.splitlines()[::2]]
    assert names == ["l-h0-2026", "l-h1-2026", "l-h2-2026", "l-other-other", "l-other-other", "l-other-other"]


@pytest.mark.parametrize("path", ["/", "/Upper", "/-a", "/{nobody}", "/_a"])
def test_indices_that_are_none(path: str) -> None:
    """Are told of at the start."""
    with pytest.raises(ConfigError, match="index"):
        OpenSearchOutput(OpenSearchOutput.Settings(path=path))


def test_gelf_http_sends_what_came() -> None:
    """Byte for byte and in order, a message a request, or a line each; a line ends, or a bulk input drops it."""
    batch = make_batch(3)
    each = write(GelfHttpOutput, batch, fine, path="gelf").asked
    assert [asked.body for asked in each] == [message.raw + b"\n" for message in batch]
    assert {asked.path for asked in each} == {"/gelf"}
    [together] = write(GelfHttpOutput, batch, fine, bulk=True).asked
    assert together.body == b"".join(message.raw + b"\n" for message in batch)


def test_batches_that_were_given_up_are_forgotten() -> None:
    """A runner with `retry` gives batches up without a word: they must not pile up here."""

    async def main() -> None:
        async with Web(lambda _: answer(503)) as web:
            output = WebhookOutput(WebhookOutput.Settings(host="127.0.0.1", port=web.port, concurrency=2))
            await output.start()
            for _ in range(5):
                with pytest.raises(Retry):
                    await output.write(make_batch(1))
            assert len(output._progress) == 2
            await output.close()

    asyncio.run(main())


def test_as_many_requests_at_the_same_time_as_asked_for() -> None:
    """A server that answers nobody before all are there."""

    async def main() -> None:
        barrier = asyncio.Barrier(40)

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]))
            await barrier.wait()
            writer.write(answer(202))
            writer.close()

        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            output = GelfHttpOutput(GelfHttpOutput.Settings(host="127.0.0.1", port=port, connections=40))
            await output.start()
            await output.write(make_batch(40))
            await output.close()

    asyncio.run(asyncio.wait_for(main(), 20))
