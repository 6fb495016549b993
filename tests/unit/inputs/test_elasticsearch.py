"""Elasticsearch's bulk API: what clients send is read, each item is answered, and so is what clients ask first."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

import pytest

from gelf_listener.errors import Reason
from gelf_listener.inputs.elasticsearch import ElasticsearchHttpInput, ElasticsearchHttpSettings
from gelf_listener.testing.contracts import RecordingIntake
from tests.unit.inputs.asking import Answer, ask, request
from tests.unit.inputs.wire import assert_read, clients, requests_of

AT = "2026-11-29T00:43:20.123456Z"


def exchange(raw: list[bytes], **settings: Any) -> tuple[RecordingIntake, list[Answer]]:
    return ask(lambda: ElasticsearchHttpInput(ElasticsearchHttpSettings(port=0, **settings)), raw)


def lines(*values: Any) -> bytes:
    return b"".join(json.dumps(value).encode() + b"\n" for value in values)


def bulk(body: bytes, path: str = "/_bulk", **more: Any) -> tuple[RecordingIntake, Answer]:
    settings = more.pop("settings", {})
    intake, answers = exchange([request(body, path, **more)], **settings)
    return intake, answers[0]


def get(path: str, method: str = "GET", **more: Any) -> Answer:
    settings = more.pop("settings", {})
    return exchange([request(b"", path, method, **more)], **settings)[1][0]


INDEX = {"index": {"_index": "logs-shop"}}


@pytest.mark.parametrize("client", clients("es-bulk"))
def test_reads_what_clients_send(client: str) -> None:
    """Requests as they came on the wire, head and all; every item says that it was created."""
    intake, answers = exchange(requests_of(client))
    assert [answer.status for answer in answers] == [200] * len(answers)
    assert {answer.headers["x-elastic-product"] for answer in answers} == {"Elasticsearch"}
    bulks = [answer.json for answer in answers if "items" in answer.json]
    items = [item for bulk in bulks for each in bulk["items"] for item in each.values()]
    assert {bulk["errors"] for bulk in bulks} == {False}
    assert {item["status"] for item in items} == {201}
    assert len({item["_id"] for item in items}) == len(intake.messages)
    assert intake.rejected == []
    assert_read(client, intake.messages)
    indices = {message.fields["index"] for message in intake.messages}
    assert {item["_index"] for item in items} == indices <= {"logs-shop", "logs-shop-2026"}


def test_every_kind_of_operation() -> None:
    """What adds a document is taken; what changes one is an error of its item, and the rest goes on."""
    body = lines(
        *({"index": {"_index": "a", "_id": 7}}, {"message": "one", "@timestamp": AT}),
        *({"create": {"_index": "b", "_type": "_doc", "dynamic_templates": {}}}, {"message": "two"}),
        *({"update": {"_index": "a", "_id": "7"}}, {"doc": {"message": "three"}}),
        {"delete": {"_index": "a", "_id": "7"}},
        *({"index": {}, "attempts": 1}, {"message": "four"}),
    )
    intake, answer = bulk(body, "/logs/_bulk")
    assert intake.texts == ["one", "two", "four"]
    assert answer.json["errors"] is True
    items = [(action, item["_index"], item["status"]) for each in answer.json["items"] for action, item in each.items()]
    assert items == [
        ("index", "a", 201), ("create", "b", 201), ("update", "a", 400), ("delete", "a", 400), ("index", "logs", 201)
    ]  # fmt: skip
    assert answer.json["items"][0]["index"]["_id"] == "7"
    assert answer.json["items"][1]["create"]["_id"] == intake.messages[1].id
    assert "only added" in answer.json["items"][2]["update"]["error"]["reason"]
    assert intake.messages[0].fields == {"index": "a", "document_id": "7"}
    assert intake.messages[0].timestamp == pytest.approx(1795913000.123456)
    assert intake.reasons == [Reason.UNEXPECTED_PROTOCOL] * 2


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (b"{not JSON}", Reason.INVALID_JSON),
        (b'"text"', Reason.NOT_AN_OBJECT),
        (b"[1]", Reason.NOT_AN_OBJECT),
        (b"{}", Reason.NO_MESSAGE),
        (b"[" * 100_000, Reason.INVALID_JSON),
    ],
)
def test_a_bad_document_is_an_error_of_its_item(document: bytes, reason: Reason) -> None:
    """Documents before and after it are taken."""
    good = lines(INDEX, {"message": "good"})
    intake, answer = bulk(good + lines(INDEX) + document + b"\n" + good)
    assert intake.texts == ["good", "good"]
    assert intake.reasons == [reason]
    statuses = [item["index"]["status"] for item in answer.json["items"]]
    assert (answer.status, answer.json["errors"], statuses) == (200, True, [201, 400, 201])
    assert answer.json["items"][1]["index"]["error"]["type"] == "document_parsing_exception"


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"\n\n", b"no JSON\n{}\n", b"[]\n{}\n", b'{"drop": {}}\n{}\n', b'{"index": 1}\n{}\n', lines(INDEX)),
        *(lines(INDEX, {"message": "x"}, INDEX), b'{"index": {}, "create": {}}\n{}\n'),
        lines({"index": {"_index": "x" * 513}}, {"message": "x"}),
    ],
)
def test_a_request_that_makes_no_sense_is_refused_whole(body: bytes) -> None:
    """In Elasticsearch's words, before any of its documents is taken."""
    intake, answer = bulk(body)
    assert (answer.status, intake.texts, len(intake.rejected)) == (400, [], 1)
    assert answer.json["status"] == 400
    assert answer.json["error"]["reason"]
    assert answer.headers["x-elastic-product"] == "Elasticsearch"


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [
        ("/_bulk", "POST", 200),
        ("/_bulk", "PUT", 200),
        ("/logs-shop-default/_bulk?pipeline=x&refresh=true", "POST", 200),
        ("/logs/_doc/_bulk", "POST", 200),
        ("/prefix/of/a/proxy/_bulk", "POST", 200),
        ("/%3Clogs-%7Bnow%2Fd%7D%3E/_bulk", "POST", 200),
    ],
)
def test_where_bulk_requests_go(path: str, method: str, status: int) -> None:
    """With an index, an old type, a date in the index, or a prefix."""
    intake, answer = bulk(lines({"index": {}}, {"message": "x"}), path, method=method)
    assert (answer.status, intake.texts) == (status, ["x"])


@pytest.mark.parametrize(
    ("path", "method"),
    [
        ("/a/_doc", "POST"),
        ("/a/_doc/7", "PUT"),
        ("/a/_create/7", "PUT"),
        ("/a/event", "POST"),
        ("/a/event/7", "PUT"),
        ("/a/event/7/_create", "PUT"),
    ],
)
def test_single_documents(path: str, method: str) -> None:
    """With and without an id, below `_doc`, `_create` and types of old."""
    intake, answer = bulk(b'{"message": "x"}', path, method=method)
    assert (answer.status, intake.texts, answer.json["result"]) == (201, ["x"], "created")
    assert answer.json["_id"] == ("7" if "/7" in path else intake.messages[0].id)
    intake, answer = bulk(b"no JSON", path, method=method)
    assert (answer.status, intake.texts, intake.reasons) == (400, [], [Reason.INVALID_JSON])


@pytest.mark.parametrize(
    ("path", "method", "action"),
    [
        ("/a/_update/7", "POST", "update"),
        ("/a/event/7/_update", "POST", "update"),
        ("/a/_doc/7", "DELETE", "delete"),
        ("/a/event/7", "DELETE", "delete"),
    ],
)
def test_a_single_document_is_not_changed(path: str, method: str, action: str) -> None:
    """A success would say that what the update holds is kept."""
    intake, answer = bulk(b'{"doc": {"message": "x"}}', path, method=method)
    assert (answer.status, intake.texts, intake.reasons) == (400, [], [Reason.UNEXPECTED_PROTOCOL])
    assert answer.json["error"]["reason"] == f"{action} is not supported: messages are only added"


def test_encodings_and_line_ends() -> None:
    """gzip as Beats and Fluent Bit send it, CRLF, no newline at the end."""
    body = lines(INDEX, {"message": "x"}) * 3
    for sent, headers in (
        (gzip.compress(body), {"Content_Encoding": "gzip"}),
        (body.replace(b"\n", b"\r\n"), {}),
        (body.rstrip(), {}),
        (body.replace(b"\n", b"\n\n \n"), {}),
    ):
        intake, answer = bulk(sent, **headers)
        assert (answer.status, intake.texts) == (200, ["x", "x", "x"])


def test_a_long_request() -> None:
    """In steps, all of it and in order."""
    intake, answer = bulk(b"".join(lines(INDEX, {"message": f"text {number}"}) for number in range(3000)))
    assert intake.texts == [f"text {number}" for number in range(3000)]
    assert len(answer.json["items"]) == 3000


def document(number: int) -> dict[str, Any]:
    """One of many alike; now and then there is one that is not."""
    own: dict[str, Any] = {"@timestamp": AT, "log": {"level": "info"}, "message": f"text {number}", "count": number}
    if number % 50 == 7:
        own |= {"message": "two\nlines", "tags": ["a"]}
    return {**own, "host": {"name": "web-1"}, "service": {"name": "shop"}}


def read_of(intake: RecordingIntake) -> list[tuple[Any, ...]]:
    return [
        (each.timestamp, each.host, each.short_message, each.full_message, each.level, each.fields, each.notes)
        for each in intake.messages
    ]


def test_documents_that_are_alike_are_read_as_each_by_itself() -> None:
    """Two hundred of one shape in a request say what two hundred requests of one document do, in their order."""
    heads = [INDEX, {"create": {"_index": 'a "b"', "_id": 'é "1"'}}]
    pairs = [lines(heads[number % 3 == 0], document(number)) for number in range(200)]
    bulk(b"".join(pairs))  # teaches it
    together, answer = bulk(b"".join(pairs))
    alone, answers = exchange([request(pair, "/_bulk") for pair in pairs])
    assert read_of(together) == read_of(alone)
    assert [each.sequence for each in together.messages] == sorted(each.sequence for each in together.messages)
    ids = [message.fields.get("document_id", message.id) for message in together.messages]
    items = [(action, item) for each in answer.json["items"] for action, item in each.items()]
    assert [item["_id"] for _, item in items] == ids
    assert [item["_seq_no"] for _, item in items] == list(range(200))
    for (action, item), one in zip(items, answers, strict=True):
        expected = one.json["items"][0][action]
        assert {**expected, "_id": item["_id"], "_seq_no": item["_seq_no"]} == item


def test_one_that_is_wrong_among_many_alike() -> None:
    """Its item says why, and no other's."""
    documents = [json.dumps(document(number)).encode() for number in range(200)]
    documents[100], documents[150] = b"{oops", b"[]"
    body = b"".join(lines(INDEX) + each + b"\n" for each in documents)
    bulk(body)
    intake, answer = bulk(body)
    failed = [number for number, each in enumerate(answer.json["items"]) if each["index"]["status"] != 201]
    assert (answer.json["errors"], failed) == (True, [100, 150])
    assert "not valid JSON" in answer.json["items"][100]["index"]["error"]["reason"]
    assert "not an object" in answer.json["items"][150]["index"]["error"]["reason"]
    assert (len(intake.messages), len(intake.rejected)) == (198, 2)


@pytest.mark.parametrize(
    ("filter_path", "expected"),
    [
        ("errors", {"errors": True}),
        ("errors,items.*.status", {"errors": True, "items": [{"index": {"status": 201}}, {"delete": {"status": 400}}]}),
        ("items.*.error.type", {"items": [{"delete": {"error": {"type": "illegal_argument_exception"}}}]}),
        ("**.type", {"items": [{"delete": {"error": {"type": "illegal_argument_exception"}}}]}),
        ("-items,-took", {"errors": True}),
        (
            "items,-items.*._*,-items.*.error,-items.*.result",
            {"items": [{"index": {"status": 201}}, {"delete": {"status": 400}}]},
        ),
        ("nothing", {}),
    ],
)
def test_filter_path(filter_path: str, expected: Any) -> None:
    """What Beats and Logstash ask for; names with stars, and what is left out."""
    body = lines(INDEX, {"message": "x"}, {"delete": {"_index": "a", "_id": "1"}})
    _, answer = bulk(body, f"/_bulk?filter_path={filter_path}")
    assert answer.json == expected


def test_media_types() -> None:
    """The one that the client accepts, with its version, or plain JSON."""
    body = lines(INDEX, {"message": "x"})
    accepted = "application/vnd.elasticsearch+json; compatible-with=8"
    for accept, expected in ((accepted, accepted), ("*/*", "application/json"), ("text/html", "application/json")):
        assert bulk(body, Accept=accept)[1].headers["content-type"] == expected


# What is read of a document


def test_a_trace_of_blanks_makes_no_text() -> None:
    """A separator of lines is a blank, and there is nothing else to make a text of."""
    intake, answer = bulk('{"exception": ["\u2028"], "n": 1}'.encode(), "/a/_doc")
    assert (answer.status, intake.texts, intake.reasons) == (201, ["n=1"], [])


def test_ecs_as_filebeat_sends_it() -> None:
    """Level and text of a line, host, trace of an error, and everything else as dotted fields."""
    document = {
        "@timestamp": AT,
        "message": "payment failed",
        "log": {"level": "error", "logger": "shop.pay", "file": {"path": "/var/log/shop.log"}, "offset": 12},
        "host": {"name": "web-1"},
        "service": {"name": "shop"},
        "trace": {"id": "4bf92f3577b34da6a3ce929d0e0e4736"},
        "error": {
            "type": "CardError",
            "message": "declined",
            "stack_trace": "CardError: declined\n  at pay (a.js:1:2)",
        },
        "agent": {"type": "filebeat", "version": "9.1.0"},
        "tags": ["a", "b"],
        "labels": {},
    }
    intake, _ = bulk(lines({"create": {"_index": "filebeat-9.1.0"}}, document))
    (message,) = intake.messages
    assert (message.short_message, message.level, message.host) == ("payment failed", 3, "web-1")
    assert message.full_message == "CardError: declined\n  at pay (a.js:1:2)"
    assert message.timestamp == pytest.approx(1795913000.123456)
    assert message.fields == {
        "index": "filebeat-9.1.0", "log.logger": "shop.pay", "log.file.path": "/var/log/shop.log", "log.offset": 12,
        "service.name": "shop", "trace.id": "4bf92f3577b34da6a3ce929d0e0e4736", "error.type": "CardError",
        "error.message": "declined", "agent.type": "filebeat", "agent.version": "9.1.0", "tags": '["a","b"]',
    }  # fmt: skip


def test_a_line_of_a_file_is_read() -> None:
    """Filebeat and Logstash ship lines as they stand: JSON, a level, a trace."""
    documents = [
        {"@timestamp": AT, "message": "2026-11-29 00:43:20,123 ERROR shop: no stock"},
        {"@timestamp": AT, "message": '{"level":"warn","msg":"from JSON","order":7}', "host": "web-1"},
        {"@timestamp": AT, "message": 'it broke\nTraceback (most recent call last):\n  File "x"\nValueError: no'},
        {"@timestamp": AT, "metricset": {"name": "cpu"}, "event": {"dataset": "system.cpu"}, "system": {"cpu": 0.5}},
    ]
    intake, _ = bulk(lines(*[each for document in documents for each in (INDEX, document)]))
    first, second, third, fourth = intake.messages
    assert (first.short_message, first.level) == ("2026-11-29 00:43:20,123 ERROR shop: no stock", 3)
    assert (second.short_message, second.level, second.host, second.fields["order"]) == ("from JSON", 4, "web-1", 7)
    assert (third.short_message, third.level) == ("it broke", 3)
    assert third.full_message == 'Traceback (most recent call last):\n  File "x"\nValueError: no'
    assert fourth.fields["system.cpu"] == 0.5


# What clients ask first


@pytest.mark.parametrize("agent", ["elasticsearch-py/9.5.1 (Python/3.11.7)", "opensearch-js/3.9.0", ""])
def test_the_root(agent: str) -> None:
    """A server of the client's own family, which its product check accepts."""
    answer = get("/", User_Agent=agent, settings={"server_version": "8.19.3"})
    assert answer.status == 200
    assert answer.headers["x-elastic-product"] == "Elasticsearch"
    version = answer.json["version"]
    if "opensearch" in agent:
        assert version["distribution"] == "opensearch"
    else:
        assert (version["number"], version["build_flavor"]) == ("8.19.3", "default")
        assert answer.json["tagline"] == "You Know, for Search"
    head = get("/", "HEAD", User_Agent=agent)
    assert (head.status, head.body) == (200, b"")


@pytest.mark.parametrize(
    ("method", "path", "status", "key"),
    [
        ("GET", "/_license?human=false", 200, "license"),
        ("GET", "/_xpack?categories=license", 200, "license"),
        ("GET", "/_xpack/license", 200, "license"),
        ("GET", "/_cluster/health", 200, "status"),
        ("GET", "/_cluster/settings", 200, "persistent"),
        ("PUT", "/_cluster/settings", 200, "acknowledged"),
        ("GET", "/_stats", 200, "indices"),
        ("GET", "/_nodes/_all/http", 200, "nodes"),
        ("GET", "/_nodes/http", 200, "nodes"),
        ("GET", "/_template", 200, None),
        ("GET", "/_template/logstash", 404, "error"),
        ("HEAD", "/_index_template/ecs-logstash", 404, None),
        ("PUT", "/_index_template/ecs-logstash", 200, "acknowledged"),
        ("PUT", "/_component_template/x", 200, "acknowledged"),
        ("GET", "/_ilm/policy/filebeat", 404, "error"),
        ("PUT", "/_ilm/policy/filebeat", 200, "acknowledged"),
        ("GET", "/_ilm/status", 200, "operation_mode"),
        ("GET", "/_data_stream/filebeat-9.1.0", 404, "error"),
        ("PUT", "/_data_stream/filebeat-9.1.0", 200, "acknowledged"),
        ("HEAD", "/_alias/filebeat", 404, None),
        ("PUT", "/_ingest/pipeline/x", 200, "acknowledged"),
        ("HEAD", "/logs-shop", 404, None),
        ("PUT", "/logs-shop", 200, "index"),
        ("DELETE", "/logs-shop", 200, "acknowledged"),
        ("PUT", "/logs-shop/_mapping", 200, "acknowledged"),
        ("POST", "/logs-shop/_refresh", 200, "_shards"),
        ("POST", "/_refresh", 200, "_shards"),
        ("POST", "/_monitoring/bulk?system_id=beats", 200, "ignored"),
        ("GET", "/_security/_authenticate", 200, "username"),
        ("POST", "/_security/user/_has_privileges", 200, "has_all_requested"),
        ("POST", "/logs/_search", 400, "error"),
        ("POST", "/logs/_update_by_query", 400, "error"),
        ("POST", "/logs/_delete_by_query?q=x", 400, "error"),
        ("POST", "/_reindex", 400, "error"),
        ("GET", "/_nonsense", 400, "error"),
        ("PATCH", "/_bulk", 400, "error"),
    ],
)  # fmt: skip
def test_what_clients_ask(method: str, path: str, status: int, key: str | None) -> None:
    """Each is answered so that the client goes on."""
    answer = get(path, method)
    assert answer.status == status
    assert answer.headers["x-elastic-product"] == "Elasticsearch"
    if key is not None:
        assert key in answer.json


def test_what_is_created_has_a_body_that_is_forgotten() -> None:
    """A template is not a document."""
    intake, answer = bulk(b'{"index_patterns": ["logs-*"]}', "/_index_template/x", method="PUT")
    assert (answer.status, intake.messages, intake.rejected) == (200, [], [])


def test_cat_and_nodes() -> None:
    """Lists are empty, as text or as JSON; who looks for nodes is led back to here."""
    assert get("/_cat/templates/logstash").body == b""
    assert get("/_cat/indices?format=json").json == []
    (node,) = get("/_nodes/http").json["nodes"].values()
    assert node["http"]["publish_address"] == "listener:9200"


# Who may send, and how much


def basic(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        (f"Basic {basic('elastic:pw')}", 200),
        (f"Basic {basic('elastic:no')}", 401),
        ("Bearer sesame", 200),
        ("ApiKey sesame", 200),
        (f"ApiKey {basic('my-id:sesame')}", 200),
        (f"ApiKey {basic('sesame:my-id')}", 401),
        ("ApiKey ", 401),
        ("", 401),
    ],
)
def test_who_may_send(authorization: str, status: int) -> None:
    """User and password, or the token as a bearer's or as an API key."""
    settings = {"user": "elastic", "password": "pw", "token": "sesame"}
    intake, answer = bulk(lines(INDEX, {"message": "x"}), Authorization=authorization, settings=settings)
    assert answer.status == status
    assert intake.texts == (["x"] if status == 200 else [])
    if status == 401:
        assert answer.json["error"]["type"] == "security_exception"
        assert "www-authenticate" in answer.headers


def test_too_large() -> None:
    """As sent and inflated: 413, and an honest request afterwards is taken."""
    body = lines(INDEX, {"message": "x" * 2000})
    settings = {"max_body_bytes": 2000, "max_payload_bytes": 2000}
    small = lines(INDEX, {"message": "small"})
    sent = [
        request(body, "/_bulk"),
        request(gzip.compress(body), "/_bulk", Content_Encoding="gzip"),
        request(small, "/_bulk"),
    ]
    intake, answers = exchange(sent, **settings)
    assert [answer.status for answer in answers] == [413, 413, 200]
    assert intake.texts == ["small"]


def test_too_many_operations(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refused before they cost memory."""
    monkeypatch.setattr("gelf_listener.codec.elasticsearch.bulk.MAX_OPERATIONS", 3)
    good = lines(INDEX, {"message": "x"})
    assert bulk(good * 3)[1].status == 200
    intake, answer = bulk(good * 4)
    assert (answer.status, intake.reasons) == (413, [Reason.TOO_COMPLEX])


def test_busy() -> None:
    """Clients send again after 429."""
    intake = RecordingIntake()
    intake.full = True
    make = lambda: ElasticsearchHttpInput(ElasticsearchHttpSettings(port=0))  # noqa: E731
    _, answers = ask(make, [request(lines(INDEX, {"message": "x"}), "/_bulk")], intake)
    assert answers[0].status == 429
    assert answers[0].json["error"]["type"] == "es_rejected_execution_exception"
