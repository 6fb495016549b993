"""System, metrics, users, sessions, fields, messages: shapes and figures."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gelf_listener.errors import Reason, Rejected
from tests.unit.api.graylog.recorded import entries
from tests.unit.api.native.asking import Client, Service, add, asking, logged


async def get(client: Client, path: str, **params: Any) -> Any:
    answer = await client.get(f"/api/{path}", params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_system() -> None:
    """Graylog's members."""

    async def main(service: Service, client: Client) -> None:
        found = await get(client, "system")
        assert set(found) == {
            "facility", "codename", "node_id", "cluster_id", "version", "started_at", "is_processing", "hostname",
            "lifecycle", "lb_status", "timezone", "operating_system", "is_leader",
        }  # fmt: skip
        assert (found["is_processing"], found["lb_status"], found["lifecycle"]) == (True, "alive", "running")
        assert (await get(client, ""))["cluster_id"] == found["cluster_id"]

    asking(main)


def test_the_same_by_node() -> None:
    """What monitoring asks each node of a cluster is what it would ask this one; other nodes are not here."""

    async def main(service: Service, client: Client) -> None:
        name = (await get(client, "system"))["node_id"]
        node = await get(client, "system/cluster/node")
        assert node["node_id"] == name
        assert set(await get(client, f"system/cluster/nodes/{name}")) == set(node)
        assert set(await get(client, f"cluster/{name}/journal")) == set(await get(client, "system/journal"))
        assert await get(client, f"cluster/{name}/metrics/names") == await get(client, "system/metrics/names")
        asked = {"metrics": ["org.graylog2.throughput.input.1-sec-rate", "no.such"]}
        own = (await client.post(f"/api/cluster/{name}/metrics/multiple", json=asked)).json()
        assert own["total"] == 1
        assert (await client.post("/api/cluster/metrics/multiple", json=asked)).json() == {name: own}
        found = await get(client, f"cluster/{name}/metrics/namespace/org.graylog2.throughput")
        assert found["total"] == 4
        states = (await get(client, "system/inputstates"))["states"]
        assert await get(client, "cluster/inputstates") == {name: states}
        for path in ("system/cluster/nodes/x", "cluster/x/journal", "cluster/x/metrics/names"):
            assert (await client.get(f"/api/{path}")).status_code == 404

    asking(main)


def test_what_a_listener_has_none_of() -> None:
    """Empty lists, and notices that can be dismissed, as a client of Graylog for assistants does."""

    async def main(service: Service, client: Client) -> None:
        assert await get(client, "system/plugins") == {"plugins": [], "total": 0}
        assert await get(client, "system/jobs") == {"jobs": []}
        assert await get(client, "system/indexer/cluster/name") == {"name": "gelf-listener"}
        assert await get(client, "streams/000000000000000000000001/pipelines") == []
        assert (await client.get("/api/streams/000000000000000000000009/pipelines")).status_code == 404
        assert (await client.delete("/api/system/notifications/no_input_running")).status_code == 204
        assert (await client.delete("/api/system/notifications/a:b")).status_code == 400

    asking(main)


def test_load_balancers() -> None:
    """ALIVE, throttled while a buffer is full, and what somebody says it is."""

    async def main(service: Service, client: Client) -> None:
        async def status() -> tuple[int, str]:
            answer = await client.get("/api/system/lbstatus", headers={"Accept": "*/*"})
            return answer.status_code, answer.text

        assert await status() == (200, "ALIVE")
        for accepted in ("", "text/*", "application/json"):  # a Graylog answers the last with 406
            answer = await client.get("/api/system/lbstatus", headers={"Accept": accepted})
            assert answer.status_code == 200
        runner = service.pipeline.runners[0]
        assert runner._task is not None
        runner._task.cancel()  # nobody writes
        service.pipeline.accept([logged("a"), logged("b")], 10)
        assert await status() == (429, "THROTTLED")
        assert not (await get(client, "system"))["is_processing"]
        journal = await get(client, "system/journal")
        assert (journal["uncommitted_journal_entries"], journal["enabled"]) == (2, False)
        assert (await client.put("/api/system/lbstatus/override/dead")).status_code == 204
        assert await status() == (503, "DEAD")

    asking(main, outputs=["null:?max_buffer_messages=2&linger=0"])


def test_metrics() -> None:
    """Graylog's names and ours; one, several, by beginning; one that does not exist."""

    async def main(service: Service, client: Client) -> None:
        service.pipeline.accept([logged("a"), logged("b")], 10)
        names = (await get(client, "system/metrics/names"))["names"]
        assert {"org.graylog2.throughput.input", "org.graylog2.journal.entries-uncommitted"} <= set(names)
        assert await get(client, "system/metrics/org.graylog2.throughput.input") == {"count": 2}
        body = {"metrics": ["org.graylog2.throughput.input", "nope"]}
        several = (await client.post("/api/system/metrics/multiple", json=body)).json()
        expected = {
            "full_name": "org.graylog2.throughput.input",
            "name": "input",
            "type": "counter",
            "metric": {"count": 2},
        }
        assert several == {"total": 1, "metrics": [expected]}
        journal = await get(client, "system/metrics/namespace/org.graylog2.journal")
        assert journal["total"] == 7
        everything = await get(client, "system/metrics")
        assert everything["counters"]["org.graylog2.throughput.input"] == {"count": 2}
        missing = await client.get("/api/system/metrics/x")
        assert (missing.status_code, missing.json()["message"]) == (404, "I do not have a metric called [x].")
        assert (await client.get("/api/system/metrics/namespace/x")).status_code == 404

    asking(main)


def test_rejections() -> None:
    """They stand where Graylog has what could not be indexed."""

    async def main(service: Service, client: Client) -> None:
        for number in range(3):
            at = 1_700_000_000.0 + number
            service.pipeline.reject(Rejected(Reason.INVALID_JSON, f"no {number}", b"x", input="udp", received_at=at))
        found = await get(client, "system/indexer/failures", limit=1, offset=1)
        assert found["total"] == 3
        (failure,) = found["failures"]
        assert (failure["type"], failure["message"], failure["timestamp"]) == (
            "invalid_json", "no 1", "2023-11-14T22:13:21.000Z",
        )  # fmt: skip
        count = await get(client, "system/indexer/failures/count", since="2023-11-14T22:13:21.000Z")
        assert count == {"count": 2}
        texts = [event["content"] for event in (await get(client, "system/messages"))["messages"]]
        assert any("no 0" in text for text in texts)

    asking(main)


def test_fields() -> None:
    """Names, and types in Graylog's words."""

    async def main(service: Service, client: Client) -> None:
        await add(service, logged("a", 0.0, n=1, mixed="x", **{"a.b": "y"}), logged("b", 1.0, mixed=2))
        names = (await get(client, "system/fields"))["fields"]
        assert {"message", "source", "timestamp", "n", "a_b", "mixed"} <= set(names)
        by_get = {field["name"]: field["type"] for field in await get(client, "views/fields")}
        answer = await client.post("/api/views/fields", json={"streams": []})
        assert {field["name"]: field["type"] for field in answer.json()} == by_get
        assert by_get["n"] == {"type": "long", "properties": ["numeric", "enumerable"], "index_names": []}
        assert by_get["message"]["properties"] == ["full-text-search"]
        assert by_get["mixed"]["type"] == "string"  # as the first message has it

    asking(main, outputs=["memory:"])


@pytest.mark.parametrize(
    ("query", "status", "types"),
    [
        ("source:web", "OK", []),
        ("", "OK", []),
        ("a_b:x", "OK", []),
        ("a.b:x", "WARNING", ["UNKNOWN_FIELD"]),
        ("_n:3", "WARNING", ["UNKNOWN_FIELD"]),
        ("host:web", "WARNING", ["UNKNOWN_FIELD"]),
        ("_exists_:nosuch", "WARNING", ["UNKNOWN_FIELD"]),
        ("n:-1", "ERROR", ["QUERY_PARSING_ERROR"]),
        ("*:x", "OK", []),
        ("source:(", "ERROR", ["QUERY_PARSING_ERROR"]),
        ("foo:1 AND source:x", "WARNING", ["UNKNOWN_FIELD"]),
        ("source:a and source:b", "WARNING", ["INVALID_OPERATOR"]),
        ("streams:000000000000000000000001", "OK", []),
        ("n:x", "WARNING", ["INVALID_VALUE_TYPE"]),
        ("n:[1 TO x]", "WARNING", ["INVALID_VALUE_TYPE"]),
        ("n:(>1 AND <=2.5) n:1* n:/1/ level:3", "OK", []),
        ("level:error", "WARNING", ["INVALID_VALUE_TYPE"]),
    ],
)
def test_validate(query: str, status: str, types: list[str]) -> None:
    """Errors and warnings with their place."""

    async def main(service: Service, client: Client) -> None:
        await add(service, logged("a", 0.0, n=1, **{"a.b": "x"}))
        found = (await client.post("/api/search/validate", json={"query": query})).json()
        explanations = found.get("explanations", [])
        assert (found["status"], [each["error_type"] for each in explanations]) == (status, types)
        for each in explanations:
            assert each["begin_line"] == 1
            assert 0 <= each["begin_column"] <= each["end_column"] <= len(query) + 1
            assert each["error_message"]

    asking(main, outputs=["memory:"])


def test_validate_tells_where_and_what() -> None:
    """In Graylog's words, and in the right line."""

    async def main(service: Service, client: Client) -> None:
        body = {"query": {"type": "elasticsearch", "query_string": "a\nnot foo:1"}}
        operator, field = (await client.post("/api/search/validate", json=body)).json()["explanations"]
        places = ("begin_line", "begin_column", "end_line", "end_column")
        assert [operator[place] for place in places] == [2, 0, 2, 3]
        assert operator["error_message"].startswith('Query contains invalid operator "not". All AND / OR / NOT')
        assert [field[place] for place in places] == [2, 4, 2, 7]
        assert (field["error_message"], field["related_property"]) == ("Query contains unknown field: foo", "foo")

    asking(main, outputs=["memory:"])


@pytest.mark.parametrize(
    ("query", "columns"),
    [("timestamp:abc", (10, 13)), ("n:1 OR n:[a TO 2]", (7, 8)), ("foo:1 n:x", (8, 9)), ('"x', (0, None))],
)
def test_validate_tells_the_column(query: str, columns: tuple[int, int | None]) -> None:
    """Of a value, of the field of a range, and all before what cannot be read; as Graylog 7.0.1."""

    async def main(service: Service, client: Client) -> None:
        await add(service, logged("a", 0.0, n=1))
        found = (await client.post("/api/search/validate", json={"query": query})).json()["explanations"][-1]
        assert found["begin_column"] == columns[0]
        assert columns[1] in (None, found["end_column"])

    asking(main, outputs=["memory:"])


def test_suggest() -> None:
    """The most frequent values that begin so."""

    async def main(service: Service, client: Client) -> None:
        await add(service, *(logged("a", 0.0, app=app) for app in ("web", "web", "worker", "db")))
        found = (await client.post("/api/search/suggest", json={"field": "app", "input": "w"})).json()
        assert found["suggestions"] == [
            {"value": "web", "occurrence": 2},
            {"value": "worker", "occurrence": 1},
        ]
        assert found["sum_other_docs_count"] == 0
        found = (await client.post("/api/search/suggest", json={"field": "app", "input": "", "size": 1})).json()
        assert (len(found["suggestions"]), found["sum_other_docs_count"]) == (1, 2)
        for field, word in (("none", "no mapping"), ("message", "words")):
            found = (await client.post("/api/search/suggest", json={"field": field, "input": "a"})).json()
            assert word in found["error"]["reason"]

    asking(main, outputs=["memory:"])


def test_messages() -> None:
    """One by its id, words of a text, what a codec makes of a payload."""

    async def main(service: Service, client: Client) -> None:
        (id,) = await add(service, logged("a text", 0.0, n=1))
        found = await get(client, f"messages/graylog_0/{id}")
        assert (found["index"], found["message"]["id"], found["message"]["fields"]["n"]) == ("graylog_0", id, 1)
        assert found["message"]["stream_ids"] == ["000000000000000000000001"]
        (recorded,) = (entry["answer"] for entry in entries("rest") if entry["name"] == "parse raw")
        assert found["message"].keys() == recorded["message"].keys()  # the same class there
        for path in (f"messages/other/{id}", "messages/graylog_0/nope"):
            answer = await client.get(f"/api/{path}")
            assert (answer.status_code, answer.json()["type"]) == (404, "ApiError")
        assert await get(client, "messages/graylog_0/analyze", string="Ein Wort") == {"tokens": ["ein", "wort"]}
        payload = json.dumps({"version": "1.1", "host": "h", "short_message": "hi", "_flag": True, "_n": 1})
        sender = {"remote_address": "192.0.2.1"}
        parsed = (await client.post("/api/messages/parse", json={"message": payload, "codec": "gelf"} | sender)).json()
        assert parsed["message"]["message"] == "hi"
        assert parsed["message"]["fields"]["n"] == 1
        assert "flag" not in parsed["message"]["fields"], "Graylog drops truth values"
        line = {"message": "<13>Oct 11 22:14:15 h app: hi", "codec": "syslog"} | sender
        assert (await client.post("/api/messages/parse", json=line)).json()["message"]["source"] == "h"
        raw = (await client.post("/api/messages/parse", json={"message": "x", "codec": "raw"} | sender)).json()
        assert (raw["message"]["source"], raw["message"]["message"]) == ("192.0.2.1", "x")
        for wrong in ({"message": "x"}, {"message": "{}", "codec": "none"}, {"message": "{}", "codec": "gelf"}):
            assert (await client.post("/api/messages/parse", json=wrong | sender)).status_code == 400
        assert (await client.post("/api/messages/parse", json=line | {"remote_address": None})).status_code == 400

    asking(main, outputs=["memory:"])


def test_tokens() -> None:
    """Shown once, found by their hash, gone when revoked; nothing of them is stored."""

    async def main(service: Service, client: Client) -> None:
        assert service.auth is not None
        assert [user["username"] for user in (await get(client, "users"))["users"]] == ["admin"]
        made = (await client.post("/api/users/local:admin/tokens/ci", json={"token_ttl": "P1D"})).json()
        assert (made["name"], len(made["token"]) >= 40) == ("ci", True)
        assert await service.auth._of_token(made["token"]) is not None
        (listed,) = (await get(client, "users/local:admin/tokens"))["tokens"]
        assert listed["id"] == made["id"]
        assert "token" not in listed
        assert made["token"] not in str(service.catalog.all("tokens"))
        assert (await client.delete(f"/api/users/local:admin/tokens/{made['id']}")).status_code == 204
        assert (await client.delete(f"/api/users/local:admin/tokens/{made['id']}")).status_code == 404
        assert (await service.auth._of_token(made["token"])) is None
        assert (await client.get("/api/users/nobody")).status_code == 404

    asking(main, api="127.0.0.1:0", api_auth="on", api_password="secret")


def test_tokens_that_are_good_no_longer() -> None:
    """Those whose time is over, and those of users who are no longer in the settings."""

    async def main(service: Service, client: Client) -> None:
        assert service.auth is not None
        for wrong in ("30 days", "P", "PT", "P1Y", "-PT1H"):
            assert (await client.post("/api/users/local:admin/tokens/ci", json={"token_ttl": wrong})).status_code == 400
        made = (await client.post("/api/users/local:admin/tokens/ci", json={"token_ttl": "P1DT12H"})).json()
        document = service.catalog.get("tokens", made["id"])
        assert document is not None
        assert document["expires_at"] - document["created_at"] == 36 * 3600
        by_name = await client.get("/api/users/admin/tokens")
        assert (by_name.status_code, "local:admin" in by_name.text) == (400, True)
        assert await service.auth._of_token(made["token"]) is not None
        for change in ({"expires_at": document["created_at"]}, {"user": "bob"}):
            await service.catalog.put("tokens", made["id"], document | change)
            assert await service.auth._of_token(made["token"]) is None, change

    asking(main, api="127.0.0.1:0", api_auth="on", api_password="secret")


def test_sessions() -> None:
    """Right and wrong passwords; the session that is made is good."""

    async def main(service: Service, client: Client) -> None:
        assert service.auth is not None
        wrong = await client.post("/api/system/sessions", json={"username": "admin", "password": "x", "host": ""})
        assert (wrong.status_code, wrong.content) == (401, b"")
        right = await client.post("/api/system/sessions", json={"username": "admin", "password": "secret", "host": ""})
        found = right.json()
        assert (right.status_code, found["username"]) == (200, "admin")
        assert right.cookies["authentication"] == found["session_id"]
        assert service.auth.sessions.use(found["session_id"]) is not None
        assert (await client.delete(f"/api/system/sessions/{found['session_id']}")).status_code == 200
        assert service.auth.sessions.use(found["session_id"]) is None

    asking(main, api="127.0.0.1:0", api_auth="on", api_password="secret")
