"""Messages by their shape, and two ranges compared."""

from __future__ import annotations

from typing import Any

import pytest

from gelf_listener.api.native import patterns as module
from gelf_listener.api.native.shapes.patterns import ComparisonShape, PatternsShape
from tests.unit.api.native.asking import Client, Service, add, asking, logged

START = 1_700_000_000


async def some(service: Service) -> None:
    """An hour of payments, and the hour after it, with a failure and a newer release."""
    before = [logged(f"order {number} paid", 10 * number, version="1") for number in range(100)]
    paid = [logged(f"order {number} paid", 3600 + 10 * number, version="2") for number in range(100)]
    failed = [
        logged(
            f"order {number} could not be paid", 3600 + 20 * number, level=3, version="2", host="web2", function="pay"
        )
        for number in range(50)
    ]
    await add(service, *before, *paid, *failed)


async def ask(client: Client, **parameters: Any) -> PatternsShape:
    answer = await client.get("/api/gelf/patterns", params=parameters)
    assert answer.status_code == 200, answer.text
    return PatternsShape.model_validate(answer.json(), strict=True)


HOUR = {"from": START + 3600, "to": START + 7200}


def test_patterns(storing: str) -> None:
    """With what is new since the hour before; without a beginning there is nothing before."""

    async def main(service: Service, client: Client) -> None:
        await some(service)
        found = await ask(client, **HOUR)
        paid, failed = found.patterns
        assert (paid.pattern, paid.messages, paid.before, paid.new) == ("order <*> paid", 100, 100, False)
        assert (failed.pattern, failed.messages, failed.before, failed.new) == (
            "order <*> could not be paid", 50, 0, True,
        )  # fmt: skip
        assert (failed.first_seen, failed.last_seen, failed.level) == (START + 3600, START + 3600 + 980, 3)
        assert failed.example.short_message == "order 49 could not be paid"
        assert (found.messages, found.looked_at, found.looked_at_since) == (150, 150, None)
        assert found.before is not None
        assert (found.before.start, found.before.end, found.before.messages) == (START, START + 3600, 100)
        total = (await client.get("/api/gelf/search", params={"query": failed.query, "limit": 0})).json()["total"]
        assert total == 50
        new = await ask(client, **HOUR, new=True)
        assert [each.pattern for each in new.patterns] == [failed.pattern]
        assert (new.other_patterns, new.other_messages, new.nothing) == (0, 0, None)
        none = await ask(client, query="failed", **HOUR)
        assert (none.patterns, none.nothing) == ([], "nothing among 150 messages in that time; none at any other time")
        first = await ask(client, **{"from": START - 1, "to": START + 3600})
        assert [(each.before, each.new) for each in first.patterns] == [(None, None)]  # there was nothing at all before
        every = await ask(client, query="level:error")
        assert [(each.messages, each.before, each.new) for each in every.patterns] == [(50, None, None)]
        assert every.before is None

    asking(main, outputs=[storing])


def test_what_is_left_out_is_said(storing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A limit of patterns, of messages that are looked at, and of time."""

    async def main(service: Service, client: Client) -> None:
        await some(service)
        found = await ask(client, **HOUR, limit=1)
        assert (len(found.patterns), found.other_patterns, found.other_messages) == (1, 1, 50)
        found = await ask(client, **HOUR, look_at=10)
        assert (found.messages, found.looked_at) == (150, 10)
        assert sum(each.messages for each in found.patterns) == 10
        assert found.looked_at_since is not None
        assert found.looked_at_since < START + 3600 + 500
        await add(service, *(logged("flood", 3600 + 1000 + at / 1000) for at in range(300)))
        found = await ask(client, **HOUR, look_at=60)
        assert found.looked_at == 60
        assert {each.pattern for each in found.patterns} == {
            "order <*> paid", "order <*> could not be paid", "flood",
        }  # fmt: skip
        monkeypatch.setattr(module, "_LONGEST_SECONDS", -1.0)
        await add(service, *(logged(f"more {number}", 7000) for number in range(2000)))
        found = await ask(client, **HOUR)
        assert 0 < found.looked_at < found.messages == 2450

    asking(main, outputs=[storing])


def test_new_compared_with_what(storing: str) -> None:
    async def main(service: Service, client: Client) -> None:
        answer = await client.get("/api/gelf/patterns", params={"new": "true"})
        assert (answer.status_code, "give since or from" in answer.text) == (400, True)
        empty = await ask(client, since="1h")
        assert (empty.patterns, empty.messages, empty.looked_at) == ([], 0, 0)

    asking(main, outputs=[storing])


async def compared(client: Client, **parameters: Any) -> ComparisonShape:
    answer = await client.get("/api/gelf/compare", params=parameters)
    assert answer.status_code == 200, answer.text
    return ComparisonShape.model_validate(answer.json(), strict=True)


def test_compare_with_the_range_before(storing: str) -> None:
    """Shapes and values, those that chance explains least first; what is as frequent in both is left out."""

    async def main(service: Service, client: Client) -> None:
        await some(service)
        found = await compared(client, **HOUR)
        assert [each.messages for each in found.ranges] == [150, 100]
        assert (found.ranges[1].start, found.ranges[1].end) == (START, START + 3600)
        assert {each.pattern: each.counts for each in found.patterns} == {
            "order <*> could not be paid": [50, 0],
            "order <*> paid": [100, 100],
        }
        more, less = sorted(found.patterns, key=lambda each: -each.strength)
        assert (more.shares[0], less.shares) == (pytest.approx(1 / 3), [pytest.approx(2 / 3), 1.0])
        assert more.strength > 0 > less.strength
        values = {(each.field, each.value): each.counts for each in found.values}
        assert values["version", "2"] == [150, 0]
        assert values["source", "web2"] == values["level", 3] == [50, 0]
        assert ("function", "pay") not in values
        spoken_of = await compared(client, **HOUR, query="* OR function:pay")
        assert ("function", "pay") in {(each.field, each.value) for each in spoken_of.values}
        strengths = [abs(each.strength) for each in found.values]
        assert strengths == sorted(strengths, reverse=True)
        assert len((await compared(client, **HOUR, limit=1)).values) == 1

    asking(main, outputs=[storing])


def test_compare_with_something_else(storing: str) -> None:
    """Another query of the same time, or another time."""

    async def main(service: Service, client: Client) -> None:
        await some(service)
        found = await compared(client, **HOUR, query="level:3", other_query="NOT level:3")
        assert [(each.query, each.messages) for each in found.ranges] == [("level:3", 50), ("NOT level:3", 100)]
        assert ("source", "web2", [50, 0]) in [(each.field, each.value, each.counts) for each in found.values]
        assert "version" not in {each.field for each in found.values}
        found = await compared(client, **HOUR, other_from=START, other_to=START + 500)
        assert found.ranges[1].messages == 50
        same = await compared(client, **HOUR, other_from=START + 3600, other_to=START + 7200)
        assert (same.patterns, same.values) == ([], [])
        answer = await client.get("/api/gelf/compare")
        assert (answer.status_code, "compare what?" in answer.text) == (400, True)

    asking(main, outputs=[storing])
