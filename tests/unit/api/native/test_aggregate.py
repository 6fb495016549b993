"""Figures of groups of messages."""

from __future__ import annotations

from typing import Any

import pytest

from gelf_listener.api.native.shapes.fields import AggregateShape
from tests.unit.api.native.asking import Client, Service, add, asking, logged


async def some(service: Service) -> None:
    """Two services, the slow one with fewer messages; one message without a duration."""
    shop = [logged("shop", number * 60, service="shop", ms=number) for number in range(10)]
    slow = [logged("slow", number * 60, service="billing", ms=100 * number, level=3) for number in range(1, 5)]
    await add(service, *shop, *slow, logged("none", 30, service="shop"))


async def ask(client: Client, **parameters: Any) -> AggregateShape:
    answer = await client.get("/api/gelf/aggregate", params=parameters)
    assert answer.status_code == 200, answer.text
    return AggregateShape.model_validate(answer.json(), strict=True)


def test_by_a_field(storing: str) -> None:
    """The first metric decides which come first; messages without the field of a metric do not count for it."""

    async def main(service: Service, client: Client) -> None:
        await some(service)
        found = await ask(client, by="service")
        assert [(each.keys, each.values) for each in found.groups] == [(["shop"], [11]), (["billing"], [4])]
        found = await ask(client, by="service", metric="max:ms,count:ms, avg:ms,distinct:ms")
        assert found.metrics == ["max:ms", "count:ms", "avg:ms", "distinct:ms"]
        assert [(each.keys, each.messages, each.values) for each in found.groups] == [
            (["billing"], 4, [400, 4, 250, 4]),
            (["shop"], 11, [9, 10, 4.5, 10]),
        ]
        (billing,) = (await ask(client, by="service", metric="p50:ms", limit=1)).groups
        assert billing.keys == ["billing"]
        assert 200 <= float(billing.values[0] or 0) <= 300

    asking(main, outputs=[storing])


def test_by_time(storing: str) -> None:
    """With a field beside it; the query's meaning is that of a search."""

    async def main(service: Service, client: Client) -> None:
        await some(service)
        found = await ask(client, by="time,service", interval="1h", query="_exists_:ms")
        assert (found.seconds, found.messages) == (3600, 14)
        first, last = 1_700_000_000.0, 1_700_000_540.0
        assert (found.start, found.end) == (first, pytest.approx(last + 0.001))
        ranged = await ask(client, by="time", **{"from": first - 600, "to": first + 30})
        assert (ranged.start, ranged.end, ranged.messages) == (first - 600, first + 30, 1)
        assert sum(each.messages for each in found.groups) == 14
        assert {each.keys[1] for each in found.groups} == {"shop", "billing"}
        assert all(float(each.keys[0] or 0) % 3600 == 0 for each in found.groups)
        total = (await client.get("/api/gelf/search", params={"query": "level:error"})).json()["total"]
        assert (await ask(client, query="level:error")).messages == total == 4

    asking(main, outputs=[storing])


def test_of_everything_and_of_nothing(storing: str) -> None:
    """One group of everything without `by`; no groups where nothing matches."""

    async def main(service: Service, client: Client) -> None:
        await some(service)
        (whole,) = (await ask(client, metric="count,sum:ms")).groups
        assert (whole.keys, whole.values) == ([], [15, 1045])
        nothing = await ask(client, by="time,service", query="nowhere")
        assert (nothing.messages, nothing.groups, nothing.start) == (0, [], None)

    asking(main, outputs=[storing])


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"by": "a,b,c"}, "at most 2 fields"),
        ({"by": "time,time"}, "time and a field"),
        ({"metric": "p95"}, "p95 with a field"),
        ({"metric": "p101:ms"}, "p95 with a field"),
        ({"metric": "mode:ms"}, "expected count, or one of"),
        ({"metric": ","}, "1 to 8 metrics"),
        ({"metric": ",".join(["count"] * 9)}, "1 to 8 metrics"),
        ({"by": "time", "interval": "soon"}, "interval='soon'"),
        ({"by": "time,service", "interval": "1ms"}, "more than 50000 groups"),
        ({"by": "service,ms", "limit": 1000}, "more than 50000 groups"),
        ({"metric": "avg:service"}, "service"),
    ],
)
def test_what_is_refused(storing: str, parameters: dict[str, Any], words: str) -> None:
    """By name, with what is allowed."""

    async def main(service: Service, client: Client) -> None:
        await some(service)
        answer = await client.get("/api/gelf/aggregate", params=parameters)
        assert answer.status_code == 400
        assert words in answer.json()["message"]

    asking(main, outputs=[storing])
