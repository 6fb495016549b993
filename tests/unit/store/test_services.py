"""``service``: the first of the fields that name a service, in queries, figures and lists, the same in both stores."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gelf_listener.message import FieldValue, Message
from gelf_listener.query import parse
from gelf_listener.query.fields import SERVICE_FIELDS, getter
from gelf_listener.query.graylog import parse_graylog
from gelf_listener.query.nodes import Exists, MatchAll, Node, Term
from gelf_listener.store.memory_store import MemoryStore
from gelf_listener.store.parameters import EVERYTHING, Metric, Sort, TimeGroup, ValuesGroup
from tests.unit.store.embedded import opened
from tests.unit.store.samples import PHASES, START, plain

TEXTS = st.sampled_from(["api", "Web", "", "7"])
ANY = TEXTS | st.sampled_from([7, 7.5, True])


def messages_with(values: st.SearchStrategy[FieldValue]) -> st.SearchStrategy[list[Message]]:
    """Messages whose services are named by any of the fields."""
    message = st.builds(
        lambda at, fields: Message(START + at, "web", "text", None, 6, b"", START + at, "udp", None, _fields=fields),
        st.sampled_from([0.0, 1.0, 60.0, 61.0]),
        st.dictionaries(st.sampled_from(SERVICE_FIELDS), values, max_size=4),
    )
    return st.lists(message, min_size=1, max_size=12)


async def agree(messages: list[Message], path: Path) -> None:
    judge = MemoryStore(clock=lambda: START)
    await judge.add(messages)
    async with opened(path, clock=lambda: START, partition_messages=5) as store:
        await store.add(messages)
        terms = [Term("service", text) for text in ("api", "web", "", "7", "true")]
        questions: list[Node] = [Exists("service"), *terms]
        questions += [parse("service:(api OR Web) AND NOT service:7").node, parse_graylog("service:api").node]
        for question in questions:
            found = await store.search(question, EVERYTHING, sort=Sort("service"))
            expected = await judge.search(question, EVERYTHING, sort=Sort("service"))
            assert [each.id for each in found.messages] == [each.id for each in expected.messages], question


async def agree_on_figures(messages: list[Message], path: Path) -> None:
    judge = MemoryStore(clock=lambda: START)
    await judge.add(messages)
    async with opened(path, clock=lambda: START, partition_messages=5) as store:
        await store.add(messages)
        top = ValuesGroup("service", 20, missing=True)
        metrics = [Metric("card", "service"), Metric("count", "service")]
        asked: list[list[Any]] = [[top], [TimeGroup(), ValuesGroup("service", 20)], [top, TimeGroup()], []]
        for groups in asked:
            assert await store.aggregate(MatchAll(), EVERYTHING, groups, metrics) == await judge.aggregate(
                MatchAll(), EVERYTHING, groups, metrics
            ), groups
        assert await store.suggest("service", "a") == await judge.suggest("service", "a")


def run(check: Callable[[list[Message], Path], Coroutine[Any, Any, None]], messages: list[Message]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        asyncio.run(check(messages, Path(directory)))


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck), phases=PHASES)
@given(messages_with(ANY))
def test_the_store_agrees_with_the_messages(messages: list[Message]) -> None:
    """Whatever names the service, empty ones and numbers among them."""
    run(agree, messages)


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck), phases=PHASES)
@given(messages_with(TEXTS))
def test_figures_of_services(messages: list[Message]) -> None:
    """How many messages have one, and how many there are."""
    run(agree_on_figures, messages)


def test_statistics_of_services() -> None:
    """As of a field that is stored."""

    async def main() -> None:
        messages = [plain(service_name="a"), plain(tag="b"), plain(tag="b", service=""), plain()]
        judge = MemoryStore(clock=lambda: START)
        await judge.add(messages)
        with tempfile.TemporaryDirectory() as directory:
            async with opened(Path(directory), clock=lambda: START) as store:
                await store.add(messages)
                found = await store.statistics(MatchAll(), EVERYTHING, "service")
                assert found == await judge.statistics(MatchAll(), EVERYTHING, "service")
                assert (found.messages, found.present, found.distinct) == (4, 3, 2)

    asyncio.run(main())


def test_the_first_that_is_not_empty_counts() -> None:
    """In the order of the table; ``_service`` is the field of that name."""

    def both(**fields: FieldValue) -> tuple[FieldValue | None, FieldValue | None]:
        message = plain(**fields)
        return getter("service")(message), getter("_service")(message)

    assert both(tag="t", service_name="s") == ("s", None)
    assert both(service="", facility="f") == ("f", "")
    assert both(service=0, service_name="s") == (0, 0)
    assert both() == (None, None)
    assert getter("service", graylog=True)(plain(service_name="s")) is None
