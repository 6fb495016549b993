"""Universal search: shapes, pages, filters, formats and errors."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest

from gelf_listener.message import Message
from gelf_listener.timeranges import parse_moment
from tests.unit.api.native.asking import Client, Service, add, asking, logged

URL = "/api/search/universal"
NOW = 1_700_000_000.0


def recent(text: str, ago: float, **fields: Any) -> Message:
    return logged(text, time.time() - ago - NOW, **fields)


def searching(main: Any) -> None:
    asking(main, outputs=["memory:"])


def test_shape() -> None:
    """Every member of the answer, and of a message."""

    async def main(service: Service, client: Client) -> None:
        (id,) = await add(service, recent("Order 4711 paid", 10.0, user_id=42))
        answer = await client.get(f"{URL}/relative", params={"query": "paid", "range": 300})
        assert answer.status_code == 200
        found = answer.json()
        assert (found["query"], found["built_query"], found["used_indices"], found["total_results"]) == (
            "paid",
            "paid",
            [],
            1,
        )
        assert found["fields"] == []
        assert found["decoration_stats"] is None
        assert isinstance(found["time"], int)
        span = parse_moment(found["to"], 0) - parse_moment(found["from"], 0)
        assert span == pytest.approx(300, abs=0.01)
        (hit,) = found["messages"]
        assert set(hit) == {"highlight_ranges", "message", "index", "decoration_stats"}
        assert hit["highlight_ranges"] == {"message": [{"start": 11, "length": 4}]}
        message = hit["message"]
        assert (message["_id"], message["gl2_message_id"], message["user_id"]) == (id, id, 42)
        assert (message["source"], message["message"], message["level"]) == ("web", "Order 4711 paid", 6)
        assert message["streams"] == ["000000000000000000000001"]
        assert message["gl2_source_input"] == "udp"
        assert (message["gl2_remote_ip"], message["gl2_remote_port"]) == ("192.0.2.7", 4)
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", message["timestamp"])

    searching(main)


@pytest.mark.parametrize(
    ("query", "ranges"),
    [
        ("PAI?", {"message": [(0, 4)]}),
        ("message:/p.*/", {"message": [(0, 4), (18, 6)]}),
        ("message:payd~1", {"message": [(0, 4)]}),
        ("source:WE*", {"source": [(0, 3)]}),
        ("user:Al* AND NOT message:o*", {"user": [(0, 5)]}),
        ("user:al*", None),
        ("p* AND NOT café*", None),
        ("caf?", {"message": [(12, 4)]}),
        ("level:6 AND _exists_:user", {}),
    ],
)
def test_highlights_of_patterns(query: str, ranges: dict[str, list[tuple[int, int]]] | None) -> None:
    """Are the words they match, of other fields the whole value; None: the message is not found."""

    async def main(service: Service, client: Client) -> None:
        await add(service, recent("paid in the Café, parlor", 10.0, user="Alice"))
        found = (await client.get(f"{URL}/relative.json", params={"query": query, "range": 300})).json()["messages"]
        marked = [
            {
                name: [(each["start"], each["length"]) for each in places]
                for name, places in hit["highlight_ranges"].items()
            }
            for hit in found
        ]
        assert marked == ([] if ranges is None else [ranges])

    searching(main)


def test_ranges() -> None:
    """From is inclusive, to exclusive; 0 is all time; words."""

    async def main(service: Service, client: Client) -> None:
        await add(service, logged("first", 0.0), logged("second", 60.0), recent("third", 5.0))

        async def texts(kind: str, **params: Any) -> list[str]:
            answer = await client.get(f"{URL}/{kind}", params={"query": "*", **params})
            assert answer.status_code == 200, answer.text
            return [hit["message"]["message"] for hit in answer.json()["messages"]]

        assert await texts("relative", range=0) == ["third", "second", "first"]
        assert await texts("relative", range=60) == ["third"]
        both = {"from": "2023-11-14T22:13:20.000Z", "to": "2023-11-14 22:14:20"}
        assert await texts("absolute", **both) == ["first"]
        assert await texts("keyword", keyword="last 5 minutes", timezone="UTC") == ["third"]
        assert await texts("relative", range=0, sort="timestamp:asc", limit=1, offset=1) == ["second"]

    searching(main)


def test_lines_in_csv() -> None:
    """A text of several lines stays on one, as the CSV of universal searches has it in Graylog."""

    async def main(service: Service, client: Client) -> None:
        await add(service, logged("a", 0.0, trace="one\r\n  two"))
        for path in ("relative", "relative/export"):
            params: dict[str, str | int] = {"query": "*", "range": 0, "fields": "trace"}
            answer = await client.get(f"{URL}/{path}", params=params, headers={"Accept": "text/csv"})
            assert answer.text.splitlines()[1] == '"2023-11-14T22:13:20.000Z","one\\r\\n  two"'

    searching(main)


def test_fields_and_csv() -> None:
    """Only the fields that were asked for; CSV by the header or the ending, timestamp first, every value quoted."""

    async def main(service: Service, client: Client) -> None:
        await add(service, logged('say "hi"', 0.0, **{"a.b": 1.5, "ok": True}))
        params: dict[str, Any] = {"query": "*", "range": 0, "fields": "message,a.b,ok,none"}
        found = (await client.get(f"{URL}/relative", params=params | {"fields": "message"})).json()
        assert set(found["messages"][0]["message"]) == {"_id", "timestamp", "message"}
        expected = '"timestamp","message","a.b","ok","none"\n"2023-11-14T22:13:20.000Z","say ""hi""","1.5","true",""\n'
        by_header = await client.get(f"{URL}/relative", params=params, headers={"Accept": "text/csv"})
        by_ending = await client.get(f"{URL}/relative.csv", params=params)
        exported = await client.get(f"{URL}/relative/export", params=params, headers={"Accept": "*/*"})
        for answer in (by_header, by_ending, exported):
            assert answer.text == expected
            assert answer.headers["content-type"].startswith("text/csv")
        assert exported.headers["content-disposition"] == 'attachment; filename="graylog-search-result-relative-0.csv"'
        without = await client.get(f"{URL}/relative.csv", params={"query": "*", "range": 0})
        assert (without.status_code, "must not be empty" in without.text) == (400, True)
        usual = await client.get(f"{URL}/relative", params=params, headers={"Accept": "*/*"})
        assert usual.text == expected  # as in Graylog

    searching(main)


@pytest.mark.parametrize(
    ("kind", "params", "status", "text"),
    [
        ("relative", {"query": "level:(3", "range": 0}, 400, "column"),
        ("relative", {"range": 0}, 400, "must not be empty"),
        ("relative", {"query": "*"}, 400, "must not be empty"),
        ("relative", {"query": "*", "range": -1}, 400, "greater than or equal to 0"),
        ("relative", {"query": "*", "range": "nan"}, 404, "range"),
        ("relative", {"query": "*", "range": 0, "limit": 10_001}, 400, "Result window is too large"),
        ("relative", {"query": "*", "range": 0, "limit": 9_000, "offset": 1_001}, 400, "Result window"),
        ("relative", {"query": "*", "range": 0, "sort": "timestamp"}, 400, "field:asc"),
        ("absolute", {"query": "*", "from": "x", "to": "y"}, 400, "is not a time"),
        ("keyword", {"query": "*", "keyword": "blue cheese", "timezone": "UTC"}, 400, "Invalid timerange parameters"),
        ("keyword", {"query": "*", "keyword": "yesterday"}, 400, "timezone"),
        ("keyword", {"query": "*", "keyword": "yesterday", "timezone": "Mars"}, 400, "time zone"),
        ("fieldhistogram", {"query": "*"}, 404, "404"),
    ],
)
def test_errors(kind: str, params: dict[str, Any], status: int, text: str) -> None:
    """What is wrong is told, and searches go on."""

    async def main(service: Service, client: Client) -> None:
        answer = await client.get(f"{URL}/{kind}", params=params)
        assert answer.status_code == status, answer.text
        assert text in answer.text
        (await client.get(f"{URL}/relative", params={"query": "*", "range": 0})).raise_for_status()

    searching(main)


def test_without_a_store() -> None:
    """503, and why."""

    async def main(service: Service, client: Client) -> None:
        answer = await client.get(f"{URL}/relative", params={"query": "*", "range": 0})
        assert answer.status_code == 503
        assert "store:" in answer.json()["message"]

    asking(main)
