"""Everything that one request caused."""

from __future__ import annotations

from typing import Any

from gelf_listener.api.native.shapes.patterns import TraceShape
from tests.unit.api.native.asking import Client, Service, add, asking, logged


async def some(service: Service) -> list[str]:
    """A request through two services that name it differently, and another one."""
    return await add(
        service,
        logged("paid", 3, service="billing", correlation_id="r-1", trace_id="t-1"),
        logged("asked", 1, service="shop", request_id="r-1"),
        logged("span", 2, "db", 3, trace_id="t-1"),
        logged("other", 2, service="shop", request_id="r-11"),
    )


async def ask(client: Client, **parameters: Any) -> TraceShape:
    answer = await client.get("/api/gelf/trace", params=parameters)
    assert answer.status_code == 200, answer.text
    return TraceShape.model_validate(answer.json(), strict=True)


def test_by_its_id(storing: str) -> None:
    """Whatever field it is in; oldest first, and what is of which service."""

    async def main(service: Service, client: Client) -> None:
        await some(service)
        found = await ask(client, id="r-1")
        assert [(each.short_message, each.service) for each in found.messages] == [
            ("asked", "shop"),
            ("paid", "billing"),
        ]
        assert {(each.field, each.value) for each in found.ids} == {("request_id", "r-1"), ("correlation_id", "r-1")}
        assert (found.total, found.start, found.end) == (2, 1_700_000_001, 1_700_000_003)
        found = await ask(client, id="t-1", limit=1)
        assert [each.short_message for each in found.messages] == ["span"]
        assert found.total == 2
        nothing = await ask(client, id="nobody")
        assert (nothing.total, nothing.start, nothing.services, nothing.ids) == (0, None, [], [])

    asking(main, outputs=[storing])


def test_from_a_message(storing: str) -> None:
    """All its ids count; the host stands for a service that has no name."""

    async def main(service: Service, client: Client) -> None:
        paid, _, _, _ = await some(service)
        found = await ask(client, message=paid)
        assert [each.short_message for each in found.messages] == ["span", "paid"]
        assert [(each.field, each.value) for each in found.ids] == [("trace_id", "t-1"), ("correlation_id", "r-1")]
        assert [each.model_dump() for each in found.services] == [
            {"name": "db", "messages": 1, "first": 1_700_000_002, "last": 1_700_000_002, "level": 3},
            {"name": "billing", "messages": 1, "first": 1_700_000_003, "last": 1_700_000_003, "level": 6},
        ]

    asking(main, outputs=[storing])


def test_what_cannot_be_asked(storing: str) -> None:
    async def main(service: Service, client: Client) -> None:
        (plain,) = await add(service, logged("plain"))
        for parameters, status, text in (
            ({}, 400, "either id or message"),
            ({"id": "a", "message": "b"}, 400, "either id or message"),
            ({"message": plain}, 400, "none of the fields trace_id"),
            ({"message": "0" * 26}, 404, "no message has the id"),
        ):
            answer = await client.get("/api/gelf/trace", params=parameters)
            assert (answer.status_code, text in answer.text) == (status, True), answer.text

    asking(main, outputs=[storing])
