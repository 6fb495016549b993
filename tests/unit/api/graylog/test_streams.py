"""Streams: saved routes, made of rules or a query, in searches and on messages."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.api.native.asking import Client, Service, add, asking, logged
from tests.unit.conftest import Install

DEFAULT = "000000000000000000000001"


async def create(client: Client, **body: Any) -> str:
    answer = await client.post("/api/streams", json={"entity": {"title": "a stream"} | body, "share_request": None})
    assert answer.status_code == 201, answer.text
    id: str = answer.json()["stream_id"]
    return id


async def found(client: Client, query: str = "*", **params: Any) -> list[str]:
    answer = await client.get("/api/search/universal/relative", params={"query": query, "range": 0, **params})
    assert answer.status_code == 200, answer.text
    return sorted(hit["message"]["message"] for hit in answer.json()["messages"])


async def fill(service: Service) -> None:
    await add(
        service,
        logged("disk full", 0.0, n=5, app="backup"),
        logged("login", 1.0, n=50, app="web shop"),
        logged("idle", 2.0, host="db"),
    )


@pytest.mark.parametrize(
    ("rules", "matching", "expected"),
    [
        ([{"type": 1, "field": "app", "value": "web shop"}], "AND", ["login"]),
        ([{"type": 1, "field": "app", "value": "web shop", "inverted": True}], "AND", ["disk full", "idle"]),
        ([{"type": 2, "field": "app", "value": "^back"}], "AND", ["disk full"]),
        ([{"type": 2, "field": "app", "value": "shop$"}], "AND", ["login"]),
        ([{"type": 2, "field": "app", "value": "a.k|b s"}], "AND", ["disk full", "login"]),
        ([{"type": 2, "field": "app", "value": "a/b|web"}], "AND", ["login"]),
        ([{"type": 2, "field": "app", "value": "a\\/b|web"}], "AND", ["login"]),
        ([{"type": 2, "field": "message", "value": "^disk fu.+$"}], "AND", ["disk full"]),
        ([{"type": 2, "field": "message", "value": "^di.k|idle$"}], "AND", ["disk full", "idle"]),
        ([{"type": 2, "field": "app", "value": "^web|up$"}], "AND", ["disk full", "login"]),
        ([{"type": 3, "field": "n", "value": "5"}], "AND", ["login"]),
        ([{"type": 4, "field": "n", "value": "50"}], "AND", ["disk full"]),
        ([{"type": 5, "field": "n", "value": ""}], "AND", ["disk full", "login"]),
        ([{"type": 6, "field": "app", "value": "b s"}], "AND", ["login"]),
        ([{"type": 6, "field": "message", "value": "disk full"}], "AND", ["disk full"]),
        ([{"type": 7, "field": "", "value": ""}], "AND", ["disk full", "idle", "login"]),
        ([{"type": 8, "field": "", "value": "udp"}], "AND", ["disk full", "idle", "login"]),
        ([{"type": 1, "field": "source", "value": "db"}, {"type": 3, "field": "n", "value": "9"}], "OR", ["idle", "login"]),
        ([{"type": 5, "field": "n", "value": ""}, {"type": 1, "field": "app", "value": "backup"}], "AND", ["disk full"]),
        ([], "AND", []),
    ],
)  # fmt: skip
def test_rules(rules: list[dict[str, Any]], matching: str, expected: list[str]) -> None:
    """Each type of rule finds what it says, in a filter, a query and on the messages."""

    async def main(service: Service, client: Client) -> None:
        await fill(service)
        id = await create(client, rules=rules, matching_type=matching)
        assert await found(client, filter=f"streams:{id}") == expected
        assert await found(client, streams=id) == expected
        assert await found(client, f"streams:{id}") == expected
        everything = (await client.get("/api/search/universal/relative", params={"query": "*", "range": 0})).json()
        on = sorted(hit["message"]["message"] for hit in everything["messages"] if id in hit["message"]["streams"])
        assert on == expected

    asking(main, outputs=["memory:"])


def test_life_of_a_stream() -> None:
    """Made (with a query), listed, changed, paused, resumed, copied, tried, deleted."""

    async def main(service: Service, client: Client) -> None:
        await fill(service)
        id = await create(client, title="full", query="disk")
        listed = (await client.get("/api/streams")).json()
        assert (listed["total"], [each["id"] for each in listed["streams"]]) == (2, [DEFAULT, id])
        stream = (await client.get(f"/api/streams/{id}")).json()
        assert (stream["title"], stream["query"], stream["disabled"], stream["is_default"]) == (
            "full",
            "disk",
            False,
            False,
        )
        assert await found(client, f"streams:{id}") == ["disk full"]
        changed = await client.put(
            f"/api/streams/{id}", json={"title": "new", "rules": [{"type": 5, "field": "n", "value": ""}]}
        )
        assert (changed.status_code, changed.json()["title"]) == (200, "new")
        assert await found(client, f"streams:{id}") == ["disk full", "login"]
        assert await found(client, f"NOT streams:{id}") == ["idle"]
        assert (await client.post(f"/api/streams/{id}/pause")).status_code == 204
        assert [each["id"] for each in (await client.get("/api/streams/enabled")).json()["streams"]] == [DEFAULT]
        assert (await client.post(f"/api/streams/{id}/resume")).status_code == 204
        rule = changed.json()["rules"][0]
        message = {"_id": "1", "message": "x", "source": "y", "n": 3}
        tried = await client.post(f"/api/streams/{id}/testMatch", json={"message": message})
        assert tried.json() == {"matches": True, "rules": {rule["id"]: True}}
        assert (await client.get(f"/api/streams/{id}/rules")).json() == {"total": 1, "stream_rules": [rule]}
        assert (await client.get(f"/api/streams/{id}/rules/{rule['id']}")).json() == rule
        assert (await client.get(f"/api/streams/{id}/rules/none")).status_code == 404
        copy = await client.post(f"/api/streams/{id}/clone", json={"title": "copy"})
        assert copy.status_code == 201
        page = (await client.get("/api/streams/paginated", params={"query": "cop"})).json()
        assert [each["title"] for each in page["elements"]] == ["copy"]
        assert (await client.delete(f"/api/streams/{id}")).status_code == 204
        assert (await client.get(f"/api/streams/{id}")).status_code == 404
        assert await found(client, f"streams:{id}") == []

    asking(main, outputs=["memory:"])


def test_rules_one_by_one() -> None:
    """Added, changed and deleted, as Terraform's provider does; the others keep their ids."""

    async def main(service: Service, client: Client) -> None:
        await fill(service)
        id = await create(client, rules=[])
        assert await found(client, f"streams:{id}") == []
        made = await client.post(f"/api/streams/{id}/rules", json={"type": 5, "field": "n", "value": ""})
        first = made.json()["streamrule_id"]
        assert (made.status_code, made.headers["location"]) == (201, f"/api/streams/{id}/rules/{first}")
        assert await found(client, f"streams:{id}") == ["disk full", "login"]
        wanted = {"type": 6, "field": "message", "value": "disk", "inverted": False, "description": "d"}
        second = (await client.post(f"/api/streams/{id}/rules", json=wanted)).json()["streamrule_id"]
        assert await found(client, f"streams:{id}") == ["disk full"]
        changed = await client.put(f"/api/streams/{id}/rules/{second}", json=wanted | {"inverted": True})
        assert (changed.status_code, changed.json()) == (200, {"streamrule_id": second})
        assert await found(client, f"streams:{id}") == ["login"]
        assert (await client.get(f"/api/streams/{id}/rules/{second}")).json() == wanted | {
            "inverted": True,
            "id": second,
            "stream_id": id,
        }
        assert (await client.delete(f"/api/streams/{id}/rules/{second}")).status_code == 204
        listed = (await client.get(f"/api/streams/{id}/rules")).json()
        assert [each["id"] for each in listed["stream_rules"]] == [first]
        assert (await client.delete(f"/api/streams/{id}/rules/{second}")).status_code == 404
        assert (await client.post(f"/api/streams/{id}/rules", json={"type": 1, "value": "x"})).status_code == 400
        assert (await client.post(f"/api/streams/{DEFAULT}/rules", json=wanted)).status_code == 400
        written = await create(client, query="disk")
        assert (await client.post(f"/api/streams/{written}/rules", json=wanted)).status_code == 400

    asking(main, outputs=["memory:"])


def test_leaving_the_default_stream() -> None:
    """What a stream removes is in it alone."""

    async def main(service: Service, client: Client) -> None:
        await fill(service)
        await create(client, query="disk", remove_matches_from_default_stream=True)
        assert await found(client, f"streams:{DEFAULT}") == ["idle", "login"]

    asking(main, outputs=["memory:"])


async def grouped(client: Client, *fields: str, limit: int = 15) -> list[list[Any]]:
    """Return the rows of an aggregation by some fields."""
    body = {
        "query": "*",
        "timerange": {"type": "relative", "range": 0},
        "group_by": [{"field": field, "limit": limit} for field in fields],
        "metrics": [{"function": "count"}],
    }
    answer = await client.post("/api/search/aggregate", json=body)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["datarows"])


def test_groups_by_stream() -> None:
    """Streams may stand anywhere among the groups: a message counts in each of its own, and in none that it is not in."""

    async def main(service: Service, client: Client) -> None:
        await fill(service)
        await create(client, title="disks", query="disk")
        assert await grouped(client, "streams") == [["Default Stream", 3], ["disks", 1]]
        assert await grouped(client, "source", "streams") == [
            ["web", "Default Stream", 2],
            ["web", "disks", 1],
            ["db", "Default Stream", 1],
        ]
        assert await grouped(client, "source", "streams", limit=1) == [["web", "Default Stream", 2]]
        assert await grouped(client, "source", "streams", "n") == [
            ["web", "Default Stream", "5", 1],
            ["web", "Default Stream", "50", 1],
            ["web", "disks", "5", 1],
            ["db", "Default Stream", "(Empty Value)", 1],
        ]

    asking(main, outputs=["memory:"])


def test_streams_outlive_a_restart() -> None:
    """They are on disk when the answer comes."""

    async def make(service: Service, client: Client) -> str:
        return await create(client, query="disk")

    async def look(service: Service, client: Client) -> list[str]:
        return [each["id"] for each in (await client.get("/api/streams")).json()["streams"]]

    id = asking(make)
    assert asking(look) == [DEFAULT, id]


@pytest.mark.parametrize(
    ("rules", "matching", "message", "expected"),
    [
        ([{"type": 4, "field": "level", "value": "4"}], "AND", {"level": 3}, [True]),
        ([{"type": 4, "field": "level", "value": "4"}], "AND", {"level": 5}, [False]),
        ([{"type": 1, "field": "source", "value": "db"}, {"type": 5, "field": "a_b", "value": ""}], "AND", {"source": "db"}, [True, False]),
        ([{"type": 1, "field": "source", "value": "db"}, {"type": 5, "field": "x", "value": ""}], "OR", {"x": 1}, [False, True]),
        ([{"type": 6, "field": "full_message", "value": "Trace"}], "AND", {"full_message": "a Traceback"}, [True]),
    ],
)  # fmt: skip
def test_which_rules_match(
    rules: list[dict[str, Any]], matching: str, message: dict[str, Any], expected: list[bool]
) -> None:
    """Each by its id; without an id of its own a message is not a message."""

    async def main(service: Service, client: Client) -> None:
        id = await create(client, rules=rules, matching_type=matching)
        ids = [rule["id"] for rule in (await client.get(f"/api/streams/{id}")).json()["rules"]]
        body = {"message": {"_id": "1", "message": "a", "source": "web"} | message}
        found = (await client.post(f"/api/streams/{id}/testMatch", json=body)).json()
        assert found["rules"] == dict(zip(ids, expected, strict=True))
        assert found["matches"] is (any(expected) if matching == "OR" else all(expected))
        body["message"].pop("_id")
        answer = await client.post(f"/api/streams/{id}/testMatch", json=body)
        assert (answer.status_code, "_id" in answer.text) == (400, True)

    asking(main)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"title": ""}, "title"),
        ({"title": "t", "query": "a:("}, "column"),
        ({"title": "t", "rules": [{"type": 9, "field": "a", "value": "b"}]}, "type"),
        ({"title": "t", "rules": [{"type": 1, "value": "b"}]}, "field"),
    ],
)
def test_errors(body: dict[str, Any], text: str) -> None:
    """400 with what is wrong, and nothing is made."""

    async def main(service: Service, client: Client) -> None:
        answer = await client.post("/api/streams", json={"entity": body})
        assert answer.status_code == 400, answer.text
        assert text in answer.text
        assert (await client.get("/api/streams")).json()["total"] == 1
        assert (await client.delete(f"/api/streams/{DEFAULT}")).status_code == 400

    asking(main)


def test_a_filter_for_all_streams(install: Install) -> None:
    """What two terminal clients ask unless they are told otherwise: every message is in some stream."""
    install("memory", "tests.unit.api.native.asking:StoringOutput")

    async def main(service: Service, client: Client) -> None:
        await fill(service)
        assert len(await found(client, filter="streams:*")) == 3
        assert len(await found(client, "streams:*")) == 3
        assert len(await found(client, f"streams:{DEFAULT}")) == 3
        assert await found(client, "streams:nope") == []

    asking(main, outputs=["memory:"])
