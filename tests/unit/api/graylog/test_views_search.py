"""Views search: messages and pivots, at once, stored, as a job; export."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from gelf_listener.api.graylog.jobs import MAX_JOBS, MAX_MESSAGES, Jobs
from tests.unit.api.native.asking import Client, Service, add, asking, logged

ALL = {"type": "relative", "range": 0}
LEAF = "row-leaf"


async def fill(service: Service) -> None:
    await add(
        service,
        logged("one", 0.0, a="x", n=1),
        logged("two", 60.0, a="x", n=2, b="p"),
        logged("three", 120.0, a="y", n=4, b="q"),
    )


def search(*types: dict[str, Any], query: str = "", **more: Any) -> dict[str, Any]:
    asked = {
        "id": "q",
        "query": {"type": "elasticsearch", "query_string": query},
        "timerange": ALL,
        "search_types": types,
    }
    return {"id": "s", "queries": [asked | more]}


async def sync(client: Client, body: dict[str, Any]) -> dict[str, Any]:
    answer = await client.post("/api/views/search/sync", json=body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    assert found["execution"] == {"done": True, "cancelled": False, "completed_exceptionally": "errors" in found}
    return found


def test_minimal_request() -> None:
    """Graylog's own minimalistic-request.json."""

    async def main(service: Service, client: Client) -> None:
        body = {"queries": [{"query": {"type": "elasticsearch", "query_string": ""},
                             "timerange": {"type": "relative", "from": 300}, "search_types": [{"type": "messages"}]}]}  # fmt: skip
        found = await sync(client, body)
        (result,) = found["results"].values()
        assert (result["state"], result["errors"]) == ("COMPLETED", [])
        (messages,) = result["search_types"].values()
        assert (messages["type"], messages["messages"], messages["total_results"]) == ("messages", [], 0)
        assert set(messages["effective_timerange"]) == {"type", "from", "to"}

    asking(main, outputs=["memory:"])


def test_messages() -> None:
    """A page, sorted; only what the filter's streams have; only the fields that are asked for."""

    async def main(service: Service, client: Client) -> None:
        await fill(service)
        asked = {"id": "m", "type": "messages", "limit": 1, "offset": 1, "sort": [{"field": "n", "order": "ASC"}]}
        found = (await sync(client, search(asked, query="n:>0")))["results"]["q"]["search_types"]["m"]
        assert found["total_results"] == 3
        assert [hit["message"]["message"] for hit in found["messages"]] == ["two"]
        found = (await sync(client, search({"id": "m", "type": "messages", "fields": ["a"]})))["results"]["q"]
        assert set(found["search_types"]["m"]["messages"][0]["message"]) == {"_id", "timestamp", "a"}
        none = {"type": "or", "filters": [{"type": "stream", "id": "5f" * 12}]}
        found = (await sync(client, search({"id": "m", "type": "messages"}, filter=none)))["results"]["q"]
        assert found["search_types"]["m"]["total_results"] == 0

    asking(main, outputs=["memory:"])


def test_pivot() -> None:
    """Rows, columns, figures, and the row of all."""

    async def main(service: Service, client: Client) -> None:
        await fill(service)
        asked = {
            "id": "p",
            "type": "pivot",
            "row_groups": [{"type": "values", "fields": ["a"], "limit": 10}],
            "column_groups": [{"type": "values", "fields": ["b"], "skip_empty_values": True}],
            "series": [{"type": "count", "id": "count()"}, {"type": "sum", "field": "n"}],
            "rollup": True,
        }
        found = (await sync(client, search(asked)))["results"]["q"]["search_types"]["p"]
        assert (found["type"], found["total"]) == ("pivot", 3)
        rows = {tuple(row["key"]): row for row in found["rows"]}
        assert set(rows) == {("x",), ("y",), ()}
        assert rows["x",]["source"] == "leaf"
        assert rows["x",]["values"] == [
            {"key": ["count()"], "value": 2, "rollup": True, "source": LEAF},
            {"key": ["sum(n)"], "value": 3, "rollup": True, "source": LEAF},
            {"key": ["p", "count()"], "value": 1, "rollup": False, "source": "col-leaf"},
            {"key": ["p", "sum(n)"], "value": 2, "rollup": False, "source": "col-leaf"},
        ]
        assert rows[()]["source"] == "non-leaf"
        assert [value["value"] for value in rows[()]["values"]] == [3, 7]

    asking(main, outputs=["memory:"])


def test_pivot_over_time() -> None:
    """So many units, or what fits."""

    async def main(service: Service, client: Client) -> None:
        await fill(service)

        async def keys(interval: dict[str, Any]) -> list[str]:
            group = {"type": "time", "fields": ["timestamp"], "interval": interval}
            asked = {"id": "p", "type": "pivot", "row_groups": [group], "series": [{"type": "count"}], "rollup": False}
            found = (await sync(client, search(asked)))["results"]["q"]
            assert found["errors"] == []
            return [row["key"][0] for row in found["search_types"]["p"]["rows"]]

        minutes = ["2023-11-14T22:13:00.000Z", "2023-11-14T22:14:00.000Z", "2023-11-14T22:15:00.000Z"]
        assert await keys({"type": "timeunit", "value": 1, "unit": "minutes"}) == minutes
        assert await keys({"type": "timeunit", "timeunit": "1h"}) == ["2023-11-14T22:00:00.000Z"]
        assert len(await keys({"type": "auto", "scaling": 1.0})) >= 1

    asking(main, outputs=["memory:"])


def test_one_of_two_fails() -> None:
    """What works is given, what does not is told with its place."""

    async def main(service: Service, client: Client) -> None:
        await fill(service)
        good, bad = {"id": "good", "type": "messages"}, {"id": "bad", "type": "events"}
        found = (await sync(client, search(good, bad)))["results"]["q"]
        assert (found["state"], set(found["search_types"])) == ("COMPLETED", {"good"})
        assert found["errors"][0]["search_type_id"] == "bad"
        job = await sync(client, search(good, query="a:("))
        found = job["results"]["q"]
        assert (found["search_types"], job["execution"]["completed_exceptionally"]) == ({}, True)
        assert job["errors"] == found["errors"]
        assert "line 1, column " in found["errors"][0]["description"]

    asking(main, outputs=["memory:"])


def test_stored_search() -> None:
    """Stored, found, executed, asked for its status; and what does not exist."""

    async def main(service: Service, client: Client) -> None:
        await fill(service)
        created = await client.post("/api/views/search", json=search({"id": "m", "type": "messages"}))
        assert (created.status_code, created.json()["id"]) == (201, "s")
        assert (await client.get("/api/views/search/s")).json()["queries"][0]["id"] == "q"
        assert [each["id"] for each in (await client.get("/api/views/search")).json()] == ["s"]
        override = {"global_override": {"query": {"type": "elasticsearch", "query_string": "two"}}}
        job = await client.post("/api/views/search/s/execute", json=override)
        assert job.status_code == 201
        for _ in range(500):
            status = (await client.get(f"/api/views/search/status/{job.json()['id']}")).json()
            if status["execution"]["done"]:
                break
            await asyncio.sleep(0.01)
        assert status["results"]["q"]["search_types"]["m"]["total_results"] == 1
        assert (await client.delete(f"/api/views/search/cancel/{job.json()['id']}")).status_code == 200
        for method, path in (
            ("GET", "nope"),
            ("POST", "nope/execute"),
            ("GET", "status/nope"),
            ("DELETE", "cancel/nope"),
        ):
            answer = await client.request(method, f"/api/views/search/{path}")
            assert (answer.status_code, answer.json()["type"]) == (404, "ApiError")

    asking(main, outputs=["memory:"])


def test_bounds() -> None:
    """So many search types and messages together, not one more, and searches go on; results of `sync` are not kept."""

    async def main(service: Service, client: Client) -> None:
        await fill(service)
        few, lists = {"type": "messages", "limit": 1}, {"type": "messages", "limit": 10_000}
        for path, status in (("search/sync", 200), ("search", 201)):
            for types, right in (([few] * 100, True), ([few] * 101, False), ([lists] * 2, True), ([lists] * 3, False)):
                answer = await client.post(f"/api/views/{path}", json=search(*types))
                assert answer.status_code == (status if right else 400), answer.text
                assert right or "at most" in answer.json()["message"]
        found = await sync(client, search(few))
        assert (await client.get(f"/api/views/search/status/{found['id']}")).status_code == 404
        large = search({"type": "pivot", "name": "x" * 300_000})
        assert (await client.post("/api/views/search", json=large)).status_code == 400

    asking(main, outputs=["memory:"])


def test_wrong_requests() -> None:
    """What cannot be executed is told with its place before anything is; a kind that is unknown among the results."""
    group: dict[str, Any] = {"type": "values", "fields": ["a"]}
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"type": "messages", "limit": "many"}, "limit"),
        ({"type": "messages", "sort": {"field": "n"}}, "sort"),
        ({"type": "messages", "query": {"query_string": 5}}, "query_string"),
        ({"type": "pivot", "series": [{"type": "percentile", "field": "n", "percentile": 101}]}, "percentile"),
        ({"type": "pivot", "series": [{"type": "count"}] * 21}, "series"),
        ({"type": "pivot", "row_groups": [{"type": "nosuch", "fields": ["a"]}]}, "values', 'time', 'range"),
        ({"type": "pivot", "row_groups": [{"type": "values"}]}, "at least one field"),
        ({"type": "pivot", "row_groups": [group | {"limit": 10_001}]}, "limit"),
        ({"type": "pivot", "column_groups": [group] * 7}, "column_groups of a pivot name at most 6 fields"),
        ({"type": "pivot", "row_groups": [{"type": "time", "field": "t", "interval": {"type": "x"}}]}, "timeunit"),
        ({"type": "pivot", "row_groups": [{"type": "range", "field": "n", "ranges": [{"from": "a"}]}]}, "from"),
    ]

    async def main(service: Service, client: Client) -> None:
        for asked, where in wrong:
            for path in ("search/sync", "search"):
                answer = await client.post(f"/api/views/{path}", json=search(asked))
                assert (answer.status_code, answer.json()["type"]) == (400, "RequestError"), asked
                assert where in answer.text, answer.text
        unknown = {"id": "u", "type": "nosuch", "extra": 1}
        created = (await client.post("/api/views/search", json=search(unknown))).json()
        (shown,) = created["queries"][0]["search_types"]
        assert shown.items() >= {"type": "nosuch", "extra": 1, "time_range": None, "filters": None}.items()

    asking(main, outputs=["memory:"])


def test_search_of_an_earlier_version() -> None:
    """A stored search that can no longer be executed says why; others are executed with all that was stored."""

    async def main(service: Service, client: Client) -> None:
        await fill(service)
        pivot = {"type": "pivot", "row_groups": [{"type": "range", "field": "n", "ranges": [{"from": 1, "to": 3}]}]}
        stored = (await client.post("/api/views/search", json=search({"id": "p", **pivot}))).json()
        (shown,) = stored["queries"][0]["search_types"]
        assert shown["row_groups"] == [{"type": "range", "fields": ["n"], "ranges": [{"from": 1.0, "to": 3.0}]}]
        await service.catalog.put("searches", "old", {"id": "old"} | search({"type": "messages", "limit": "many"}))
        for answer in (await client.get("/api/views/search/old"), await client.post("/api/views/search/old/execute")):
            assert answer.status_code == 400
            assert "limit: " in answer.json()["message"]
        assert [each["id"] for each in (await client.get("/api/views/search")).json()] == ["s"]

    asking(main, outputs=["memory:"])


def test_jobs_are_forgotten() -> None:
    """The oldest, when there are too many or their results may be too large."""

    async def main() -> None:
        async def nothing() -> dict[str, Any]:
            return {}

        jobs = Jobs()
        started = [jobs.start("s", "admin", nothing()) for _ in range(MAX_JOBS + 1)]
        assert [jobs.get(job.id) is None for job in started] == [True, *[False] * MAX_JOBS]
        large = jobs.start("s", "admin", nothing(), MAX_MESSAGES)
        assert jobs.get(started[-1].id) is started[-1]
        jobs.start("s", "admin", nothing(), 1)
        assert jobs.get(large.id) is None

    asyncio.run(main())


def test_export() -> None:
    """CSV with every value quoted, JSON lines, and an error that says what is wrong."""

    async def main(service: Service, client: Client) -> None:
        await fill(service)
        body: dict[str, Any] = {
            "query_string": "n:>1",
            "timerange": ALL,
            "fields_in_order": ["timestamp", "message", "b"],
        }
        csv = {"Accept": "text/csv"}
        assert (await client.post("/api/views/search/messages", json=body)).status_code == 415  # it gives no JSON
        answer = await client.post("/api/views/search/messages", json=body, headers=csv)
        assert answer.text.splitlines() == [
            '"timestamp","message","b"',
            '"2023-11-14T22:14:20.000Z","two","p"',
            '"2023-11-14T22:15:20.000Z","three","q"',
        ]
        lines = await client.post("/api/views/search/messages.ndjson", json=body | {"limit": 1})
        assert [json.loads(line) for line in lines.text.splitlines()] == [
            {"timestamp": "2023-11-14T22:14:20.000Z", "message": "two", "b": "p"}
        ]
        wrong = await client.post("/api/views/search/messages", json=body | {"query_string": "a:("}, headers=csv)
        assert (wrong.status_code, wrong.json()["message"][:27]) == (400, "Request validation failed: ")

    asking(main, outputs=["memory:"])
