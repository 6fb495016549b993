"""Fields, their values and figures, and messages over time."""

from __future__ import annotations

from typing import Any

import pytest

from gelf_listener.api.native.shapes import FieldsShape, HistogramShape, StatisticsShape, SuggestShape, TopShape
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
