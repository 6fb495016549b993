"""Fields, their values and figures, and messages over time."""

from __future__ import annotations

from typing import Any

import pytest

from gelf_listener.api.native.buckets import edges_of
from gelf_listener.api.native.shapes.fields import (
    DistributionShape,
    FieldsShape,
    HistogramShape,
    StatisticsShape,
    SuggestShape,
    TopShape,
)
from gelf_listener.store import Store
from tests.unit.api.native.asking import Client, Service, add, asking, logged

EPOCH = 1_700_000_000


async def some(service: Service) -> None:
    await add(
        service,
        *(logged(str(number), number * 10, level=6 if number % 3 else 3, user_id=number % 2) for number in range(10)),
        logged("without", 95),
    )


def test_fields(storing: str) -> None:
    async def main(service: Service, client: Client) -> None:
        await some(service)
        found = FieldsShape.model_validate((await client.get("/api/gelf/fields")).json(), strict=True)
        names = {field.name: field.types for field in found.fields}
        assert "long" in names["user_id"]
        assert "source" in names

    asking(main, outputs=[storing])


def test_services(storing: str) -> None:
    """Whatever names them, they are one field."""

    async def main(service: Service, client: Client) -> None:
        assert "service" not in str((await client.get("/api/gelf/fields")).json())
        await add(service, logged("a", 0, service_name="shop"), logged("b", 1, tag="shop"), logged("c", 2, tag="cron"))
        found = FieldsShape.model_validate((await client.get("/api/gelf/fields")).json(), strict=True)
        assert {field.name: field.types for field in found.fields}["service"] == ["string"]
        top = TopShape.model_validate((await client.get("/api/gelf/fields/service/top")).json(), strict=True)
        assert [(each.value, each.messages) for each in top.values] == [("shop", 2), ("cron", 1)]
        split = (await client.get("/api/gelf/histogram?split=service")).json()
        assert [(each["value"], each["messages"]) for each in split["series"]] == [("shop", 2), ("cron", 1)]

    asking(main, outputs=[storing])


def test_top(storing: str) -> None:
    """Most frequent first; the rest is counted. A name may have any characters."""

    async def main(service: Service, client: Client) -> None:
        await some(service)
        await add(service, logged("slash", 0, **{"a/b": "x"}))
        answer = await client.get("/api/gelf/fields/level/top?limit=1&query=_exists_:user_id")
        found = TopShape.model_validate(answer.json(), strict=True)
        assert (found.field, found.messages, found.other) == ("level", 10, 4)
        assert [(each.value, each.messages) for each in found.values] == [(6, 6)]
        found = TopShape.model_validate((await client.get("/api/gelf/fields/a%2Fb/top")).json(), strict=True)
        assert ([(each.value, each.messages) for each in found.values], found.other) == ([("x", 1)], 11)

    asking(main, outputs=[storing])


def test_suggestions(storing: str) -> None:
    """Values that begin with what was typed, most frequent first."""

    async def main(service: Service, client: Client) -> None:
        await some(service)
        answer = await client.get("/api/gelf/fields/user_id/suggest?prefix=1&limit=5")
        found = SuggestShape.model_validate(answer.json(), strict=True)
        assert [(each.value, each.messages) for each in found.values] == [(1, 5)]
        found = SuggestShape.model_validate((await client.get("/api/gelf/fields/no_such/suggest")).json())
        assert found.values == []

    asking(main, outputs=[storing])


def test_statistics(storing: str) -> None:
    """Of numbers the figures, of texts their number."""

    async def main(service: Service, client: Client) -> None:
        await some(service)
        answer = await client.get("/api/gelf/fields/user_id/statistics")
        found = StatisticsShape.model_validate(answer.json(), strict=True)
        assert (found.messages, found.present, found.distinct) == (11, 10, 2)
        assert (found.minimum, found.maximum, found.mean, found.total, found.deviation) == (0, 1, 0.5, 5, 0.5)
        found = StatisticsShape.model_validate((await client.get("/api/gelf/fields/source/statistics")).json())
        assert (found.present, found.mean) == (11, None)

    asking(main, outputs=[storing])


async def histogram(client: Client, **parameters: Any) -> HistogramShape:
    answer = await client.get("/api/gelf/histogram", params=parameters)
    assert answer.status_code == 200, answer.text
    found = HistogramShape.model_validate(answer.json(), strict=True)
    assert sum(bucket.messages for bucket in found.buckets) == found.messages
    assert all(
        later.start - one.start == found.seconds for one, later in zip(found.buckets, found.buckets[1:], strict=False)
    )
    return found


def test_histogram(storing: str) -> None:
    """From the first message to the last, without gaps, aligned to what a person can read."""

    async def main(service: Service, client: Client) -> None:
        await some(service)
        found = await histogram(client, interval="30s")
        assert (found.messages, found.seconds, found.buckets[0].start) == (11, 30, EPOCH - 20)
        assert [bucket.messages for bucket in found.buckets] == [1, 3, 3, 4]
        found = await histogram(client, buckets=10)
        assert (found.seconds, found.messages) == (10, 11)
        wide = {"from": str(EPOCH - 1000), "to": str(EPOCH + 1000)}
        found = await histogram(client, **wide)
        assert (found.seconds, found.messages) == (30, 11)
        assert found.buckets[0].start <= EPOCH - 1000
        assert found.buckets[-1].start + 30 >= EPOCH + 1000
        assert found.buckets[0].messages == 0

    asking(main, outputs=[storing])


def test_split(storing: str) -> None:
    """The most frequent values, each with a count in every bucket."""

    async def main(service: Service, client: Client) -> None:
        await some(service)
        found = await histogram(client, interval="50s", split="level")
        assert [(each.value, each.messages) for each in found.series] == [(6, 7), (3, 4)]
        assert all(len(each.counts) == len(found.buckets) for each in found.series)
        together = [sum(counts) for counts in zip(*(each.counts for each in found.series), strict=True)]
        assert together == [bucket.messages for bucket in found.buckets]
        found = await histogram(client, interval="50s", split="level", limit=1)
        assert [each.value for each in found.series] == [6]
        found = await histogram(client, interval="50s", split="service")
        assert (found.messages, found.series) == (11, [])

    asking(main, outputs=[storing])


def test_whole_and_parts_are_of_one_look(storing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What arrives while they are counted is in both or in neither: the rest would be told as without a level."""

    async def main(service: Service, client: Client) -> None:
        await some(service)
        store = service.store
        assert store is not None
        look = type(store).aggregate

        async def aggregate(self: Store, *asked: Any) -> Any:
            found = await look(self, *asked)
            await add(service, logged("arrives meanwhile", 0, level=6))
            return found

        monkeypatch.setattr(type(store), "aggregate", aggregate)
        found = await histogram(client, split="level")
        assert found.messages == sum(each.messages for each in found.series)

    asking(main, outputs=[storing])


def test_nothing_to_count(storing: str) -> None:
    """An empty store, or a query that matches nothing; a given time range keeps its buckets."""

    async def main(service: Service, client: Client) -> None:
        assert (await histogram(client)).buckets == []
        await some(service)
        assert (await histogram(client, query="nothing", split="level")).series == []
        found = await histogram(client, query="nothing", **{"from": str(EPOCH), "to": str(EPOCH + 60)}, interval="10s")
        assert [bucket.messages for bucket in found.buckets] == [0] * 6
        found = await histogram(client, **{"from": str(EPOCH + 60), "to": str(EPOCH)})
        assert found.buckets == []

    asking(main, outputs=[storing])


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("interval=x", "expected a duration"),
        ("interval=0s", "more than 0"),
        ("interval=1s&from=0&to=1e9", "more than"),
        ("buckets=0", "buckets"),
    ],
)
def test_mistakes(storing: str, query: str, words: str) -> None:
    """No answer has more buckets than a screen has use for."""

    async def main(service: Service, client: Client) -> None:
        await some(service)
        answer = await client.get(f"/api/gelf/histogram?{query}")
        assert answer.status_code == 400
        assert words in answer.json()["message"]

    asking(main, outputs=[storing])


def test_distribution(storing: str) -> None:
    """Ranges that can be read, with everything in them; what is far beyond the others makes no range of its own."""

    async def main(service: Service, client: Client) -> None:
        await add(
            service,
            *(logged("x", number, ms=number / 2, kind="a") for number in range(400)),
            logged("far", 1, ms=90_000),
        )
        path = "/api/gelf/fields/ms/distribution"
        found = DistributionShape.model_validate((await client.get(path, params={"buckets": 10})).json())
        assert (found.minimum, found.maximum) == (0, 90_000)
        assert found.p50 == pytest.approx(100, rel=0.05)
        assert found.p99 == pytest.approx(198, rel=0.05)
        assert [each.from_ for each in found.buckets] == [20.0 * number for number in range(11)]
        assert [each.messages for each in found.buckets] == [40] * 10 + [1]
        assert found.buckets[-1].to is None
        found = DistributionShape.model_validate(
            (await client.get(path, params={"query": "ms:<4", "buckets": 4})).json()
        )
        assert [(each.from_, each.to, each.messages) for each in found.buckets] == [
            (0, 1, 2),
            (1, 2, 2),
            (2, 3, 2),
            (3, 4, 2),
        ]
        none = DistributionShape.model_validate((await client.get("/api/gelf/fields/nosuch/distribution")).json())
        assert (none.minimum, none.p95, none.buckets) == (None, None, [])
        texts = await client.get("/api/gelf/fields/kind/distribution")
        assert texts.status_code == 400

    asking(main, outputs=[storing])


@pytest.mark.parametrize(
    ("low", "high", "most", "edges"),
    [
        (5, 5, 5, [5.0, 5.5]),
        (0, 0, 0, [0.0, 0.1]),
        (-10, 10, 10, [-10.0, -8.0, -6.0, -4.0, -2.0, 0.0, 2.0, 4.0, 6.0, 8.0, 10.0, 12.0]),
        (0.001, 0.002, 0.002, None),
        (1e300, 2e300, 2e300, None),
    ],
)
def test_edges(low: float, high: float, most: float, edges: list[float] | None) -> None:
    """The first range has the lowest number; all of them have one length."""
    found = edges_of(low, high, most, 10)
    assert found == edges if edges else len(found) <= 14
    assert found[0] <= low
    assert found[-1] > most
    assert found == sorted(set(found))
