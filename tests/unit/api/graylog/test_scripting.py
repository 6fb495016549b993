"""The scripting API: messages and aggregations, in three formats."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.api.native.asking import Client, Service, add, asking, logged

ALL = {"type": "relative", "range": 0}


async def fill(service: Service) -> None:
    await add(
        service,
        logged("one", 0.0, facility="test", took=10),
        logged("two", 30.0, facility="another-test", took=20),
        logged("three", 3600.0, facility="another-test", took=60),
        logged("four", 7200.0, host="db", level=3),
    )


async def ask(client: Client, path: str, accept: Any = "application/json", **body: Any) -> Any:
    body = {"timerange": ALL} | body
    answer = await client.post(f"/api/search/{path}", json=body, headers={"Accept": accept})
    assert answer.status_code == 200, answer.text
    return answer.json() if accept == "application/json" else answer.text


def test_messages() -> None:
    """A schema, rows, and when was searched; a dash where there is nothing."""

    async def main(service: Service, client: Client) -> None:
        await fill(service)
        found = await ask(
            client, "messages", fields=["source", "facility", "timestamp", "streams", "streams#id"], size=2
        )
        assert found["schema"][:2] == [
            {"column_type": "field", "type": "string", "field": "source", "name": "field: source"},
            {"column_type": "field", "type": "string", "field": "facility", "name": "field: facility"},
        ]
        assert [column["type"] for column in found["schema"]] == ["string", "string", "date", "stream", "stream"]
        assert found["datarows"] == [
            ["db", "-", "2023-11-15T00:13:20.000Z", ["Default Stream"], ["000000000000000000000001"]],
            ["web", "another-test", "2023-11-14T23:13:20.000Z", ["Default Stream"], ["000000000000000000000001"]],
        ]
        assert found["metadata"]["effective_timerange"]["type"] == "absolute"
        oldest = await ask(client, "messages", sort_order="Ascending", size=1, **{"from": 1})
        assert oldest["datarows"] == [["web", "2023-11-14T22:13:50.000Z"]]
        by_get = await client.get(
            "/api/search/messages.csv", params={"query": "two", "timerange": "90y", "fields": "source,took"}
        )
        assert by_get.text == '"field: source","field: took"\n"web","20"\n'

    asking(main, outputs=["memory:"])


def test_values_as_text() -> None:
    """Truth values as JSON writes them and lists without brackets, in CSV and in the table."""

    async def main(service: Service, client: Client) -> None:
        await add(service, logged("one", ok=True))
        asked = {"timerange": "90y", "fields": "ok,streams,nope"}
        text = (await client.get("/api/search/messages.csv", params=asked)).text
        assert text.splitlines()[1] == '"true","Default Stream","-"'
        table = (await client.get("/api/search/messages", params=asked, headers={"Accept": "text/plain"})).text
        assert "│true " in table
        assert "│Default Stream " in table

    asking(main, outputs=["memory:"])


def test_the_last_day_is_the_default() -> None:
    """As in Graylog."""

    async def main(service: Service, client: Client) -> None:
        await fill(service)
        for answer in (
            await client.post("/api/search/messages", json={}),
            await client.get("/api/search/messages"),
            await client.get("/api/search/aggregate", params={"groups": "source"}),
        ):
            assert answer.status_code == 200
            assert answer.json()["datarows"] == []

    asking(main, outputs=["memory:"])


def test_aggregate() -> None:
    """Values, the most frequent first; messages without the field are a group."""

    async def main(service: Service, client: Client) -> None:
        await fill(service)
        metrics = [{"function": "count", "field": "facility"}, {"function": "max", "field": "took"}]
        asked = {"group_by": [{"field": "facility"}], "metrics": metrics}
        found = await ask(client, "aggregate", **asked)
        assert found["schema"] == [
            {"column_type": "grouping", "type": "string", "field": "facility", "name": "grouping: facility"},
            {"column_type": "metric", "type": "numeric", "function": "count", "field": "facility",
             "name": "metric: count(facility)"},
            {"column_type": "metric", "type": "numeric", "function": "max", "field": "took", "name": "metric: max(took)"},
        ]  # fmt: skip
        assert found["datarows"][0] == ["another-test", 2, 60.0]
        assert found["datarows"][1:] == [["test", 1, 10.0], ["(Empty Value)", 0, "-Infinity"]]
        table = await ask(client, "aggregate", "text/plain", **asked)
        assert table.splitlines()[:4] == [
            "┌─────────────────────────┬─────────────────────────┬─────────────────────────┐",
            "│grouping: facility       │metric: count(facility)  │metric: max(took)        │",
            "├─────────────────────────┼─────────────────────────┼─────────────────────────┤",
            "│another-test             │2                        │60.0                     │",
        ]
        text = await ask(client, "aggregate", "text/csv", **asked)
        assert text.splitlines()[1] == '"another-test","2","60.0"'
        by_get = await client.get(
            "/api/search/aggregate",
            params={
                "query": "_exists_:facility",
                "timerange": "90y",
                "groups": "facility",
                "metrics": "count:,avg:took",
            },
        )
        assert by_get.json()["datarows"] == [["another-test", 2, 40.0], ["test", 1, 10.0]]

    asking(main, outputs=["memory:"])


@pytest.mark.parametrize(
    ("group", "keys"),
    [
        ({"timeunit": "1h"}, ["2023-11-14T22:00:00.000Z", "2023-11-14T23:00:00.000Z", "2023-11-15T00:00:00.000Z"]),
        ({"timeunit": "1d"}, ["2023-11-14T00:00:00.000Z", "2023-11-15T00:00:00.000Z"]),
        ({"timeunit": "1M"}, ["2023-11-01T00:00:00.000Z"]),
    ],
)
def test_times(group: dict[str, Any], keys: list[str]) -> None:
    """Stretches of time, oldest first."""

    async def main(service: Service, client: Client) -> None:
        await fill(service)
        asked = {"group_by": [{"field": "timestamp", **group}], "metrics": [{"function": "count"}]}
        found = await ask(client, "aggregate", **asked)
        assert [row[0] for row in found["datarows"]] == keys
        assert sum(row[1] for row in found["datarows"]) == 4

    asking(main, outputs=["memory:"])


def test_scaling_and_order() -> None:
    """Stretches that are chosen, with those that are empty, and groups by a figure."""

    async def main(service: Service, client: Client) -> None:
        await fill(service)
        count = [{"function": "count"}]
        few = await ask(client, "aggregate", group_by=[{"field": "timestamp", "scaling": 100}], metrics=count)
        many = await ask(client, "aggregate", group_by=[{"field": "timestamp", "scaling": 0.5}], metrics=count)
        assert few["datarows"] == [["2023-11-14T12:00:00.000Z", 3], ["2023-11-15T00:00:00.000Z", 1]]
        assert len(many["datarows"]) > 10
        assert [row[1] for row in many["datarows"] if row[1]] == [2, 1, 1]
        lowest = [{"function": "min", "field": "took", "sort": "asc"}]
        found = await ask(client, "aggregate", query="_exists_:took", group_by=[{"field": "facility"}], metrics=lowest)
        assert found["datarows"] == [["test", 10.0], ["another-test", 20.0]]
        nested = await ask(client, "aggregate", group_by=[{"field": "source"}, {"field": "facility"}], metrics=count)
        assert ["web", "another-test", 2] in nested["datarows"]
        assert ["db", "(Empty Value)", 1] in nested["datarows"]

    asking(main, outputs=["memory:"])


@pytest.mark.parametrize(
    ("function", "value"),
    [("avg", 30.0), ("card", 3), ("count", 3), ("latest", 60), ("max", 60), ("min", 10), ("stddev", 21.602469),
     ("sum", 90), ("sumofsquares", 4100), ("variance", 466.666667), ("percentage", 1.0)],
)  # fmt: skip
def test_functions(function: str, value: float) -> None:
    """Each of Graylog's; a percentage is a share of one."""

    async def main(service: Service, client: Client) -> None:
        await fill(service)
        metrics = [{"function": function, "field": "took"}]
        found = await ask(client, "aggregate", query="source:web", group_by=[{"field": "source"}], metrics=metrics)
        assert found["datarows"] == [["web", pytest.approx(value, abs=1e-5)]]

    asking(main, outputs=["memory:"])


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"group_by": [], "metrics": [{"function": "count"}]}, "arg0.groupings"),
        ({"group_by": [{"field": "a"}], "metrics": []}, "arg0.metrics"),
        ({"group_by": [{"field": "a", "limit": 1, "timeunit": "1h"}], "metrics": [{"function": "count"}]}, "Only one attribute"),
        ({"group_by": [{"field": "a", "timeunit": "soon"}], "metrics": [{"function": "count"}]}, "Time unit"),
        ({"group_by": [{"field": "source"}], "metrics": [{"function": "max", "field": "facility"}]}, "Failed to obtain results."),
        ({"group_by": [{"field": "source"}], "metrics": [{"function": "max"}]}, "requires field name"),
        ({"group_by": [{"field": "source"}], "metrics": [{"function": "nonsense"}]}, "Unrecognized metric"),
        ({"group_by": [{"field": "source"}], "metrics": [{"function": "percentile", "field": "took"}]}, "percentile"),
        ({"query": "a:(", "group_by": [{"field": "source"}], "metrics": [{"function": "count"}]}, "column"),
        ({"timerange": {"type": "x"}, "group_by": [{"field": "source"}], "metrics": [{"function": "count"}]}, "relative"),
    ],
)  # fmt: skip
def test_errors(body: dict[str, Any], text: str) -> None:
    """400 with what is wrong."""

    async def main(service: Service, client: Client) -> None:
        await fill(service)
        answer = await client.post("/api/search/aggregate", json={"timerange": ALL} | body)
        assert answer.status_code == 400, answer.text
        assert text in answer.text

    asking(main, outputs=["memory:"])


def test_half_characters() -> None:
    """JSON may hold half of a surrogate pair; it is replaced, for no index and no answer can hold it."""

    async def main(service: Service, client: Client) -> None:
        await fill(service)
        headers = {"Content-Type": "application/json", "X-Requested-By": "x"}
        for body in (b'{"query": "\\ud800"}', b'{"query": "*", "sort": "\\ud800"}'):
            answer = await client.post("/api/search/messages", content=body, headers=headers)
            assert answer.status_code in (200, 400), answer.text

    asking(main, outputs=["memory:"])
