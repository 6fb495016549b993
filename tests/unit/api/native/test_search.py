"""Searching and exporting: pages, cursors, formats, times."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest

from gelf_listener.api.native.shapes.messages import SearchPage
from tests.unit.api.native.asking import Client, Service, add, asking, logged
from tests.unit.store.samples import plain

EPOCH = 1_700_000_000  # 2023-11-14T22:13:20Z


def texts(page: Any) -> list[str]:
    return [message["short_message"] for message in page["messages"]]


def test_a_page(storing: str) -> None:
    """Newest first, everything that is known of each; what was asked is said again."""

    async def main(service: Service, client: Client) -> None:
        await add(service, logged("a", 1, user_id=42, ok=True), logged("b", 2), logged("c", 3, host="db"))
        answer = await client.get("/api/gelf/search", params={"query": "source:web"})
        page = SearchPage.model_validate(answer.json(), strict=True)
        assert (page.query, page.total, page.cursor) == ("source:web", 2, None)
        assert [message.short_message for message in page.messages] == ["b", "a"]
        found = page.messages[1]
        assert (found.timestamp, found.received_at) == (EPOCH + 1.0, EPOCH + 1.25)
        assert (found.host, found.level, found.fields) == ("web", 6, {"user_id": 42, "ok": True})
        assert (found.input, found.peer, found.full_message) == ("udp", "192.0.2.7:4", None)

    asking(main, outputs=[storing])


def test_sort_limit_offset_fields(storing: str) -> None:
    """By any field."""

    async def main(service: Service, client: Client) -> None:
        await add(service, *(logged(str(number), number, n=number % 3, other=1) for number in range(6)))
        page = (await client.get("/api/gelf/search?sort=n:asc&limit=2&offset=1&fields=_n,x")).json()
        assert texts(page) == ["3", "1"]
        assert [message["fields"] for message in page["messages"]] == [{"n": 0}, {"n": 1}]
        assert (page["total"], page["cursor"]) == (6, None)
        page = (await client.get("/api/gelf/search?limit=0&fields=")).json()
        assert (page["total"], page["messages"]) == (6, [])

    asking(main, outputs=[storing])


@pytest.mark.parametrize("direction", ["asc", "desc"])
@pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
def test_cursors(storing: str, direction: str, limit: int) -> None:
    """Each message once and in order, many of one timestamp too, while others arrive."""

    async def main(service: Service, client: Client) -> None:
        times = [0, 0, 0, 0, 0, 1, 2, 2, 2, 3, 3.000001]
        await add(service, *(logged(str(number), at) for number, at in enumerate(times)))
        whole = texts((await client.get(f"/api/gelf/search?sort=timestamp:{direction}")).json())
        found, cursor = [], ""
        while True:
            url = f"/api/gelf/search?limit={limit}&sort=timestamp:{direction}{cursor}"
            page = (await client.get(url)).json()
            assert page["total"] >= len(times)
            found += texts(page)
            if page["cursor"] is None:
                break
            cursor = f"&cursor={page['cursor']}"
            if direction == "desc":
                await add(service, logged("new", 100))
        assert [text for text in found if text != "new"] == whole

    asking(main, outputs=[storing])


@pytest.mark.parametrize(
    ("parameters", "found"),
    [
        ({}, "dcba"),
        ({"from": "2023-11-14T22:13:20Z"}, "dcba"),
        ({"from": "2023-11-14 22:13:22"}, "dcb"),
        ({"from": "2023-11-14T23:13:22+01:00"}, "dcb"),
        ({"from": str(EPOCH + 2), "to": str(EPOCH + 20)}, "b"),
        ({"to": "2023-11-14T22:13:40"}, "cba"),
        ({"to": str(EPOCH + 20)}, "ba"),
        ({"to": "2023-11-14"}, "cba"),
        ({"from": "now-1h"}, ""),
        ({"since": "15m"}, ""),
        ({"since": "52w"}, ""),
        ({"since": "2023-11-15"}, "d"),
        ({"from": "2023-11-14T22:13:20Z||+1d"}, "d"),
        ({"keyword": "2023-11-14"}, "cba"),
        ({"keyword": "2023-11-14", "zone": "Asia/Tokyo"}, ""),
        ({"keyword": "2023-11-15", "zone": "Asia/Tokyo"}, "cba"),
        ({"keyword": "last 5 minutes"}, ""),
        ({"keyword": "yesterday"}, ""),
    ],
)
def test_times(storing: str, parameters: dict[str, str], found: str) -> None:
    """A written end reaches as far as its precision; Unix seconds are exact."""

    async def main(service: Service, client: Client) -> None:
        await add(service, logged("a", 0), logged("b", 2), logged("c", 20), logged("d", 86400))
        answer = await client.get("/api/gelf/search", params=parameters)
        assert "".join(texts(answer.json())) == found

    asking(main, outputs=[storing])


def test_streams(storing: str) -> None:
    """A stream of Graylog's API means the same here: searched, counted, waited for, and without a hint."""

    async def main(service: Service, client: Client) -> None:
        await add(service, logged("a", 0, app="web"), logged("b", 10, app="db"))
        x = {"X-Requested-By": "test"}
        made = await client.post("/api/streams", json={"entity": {"title": "web", "query": "app:web"}}, headers=x)
        query = {"query": f"streams:{made.json()['stream_id']}"}
        found = (await client.get("/api/gelf/search", params=query)).json()
        assert [message["short_message"] for message in found["messages"]] == ["a"]
        assert (await client.get("/api/gelf/fields/app/top", params=query)).json()["messages"] == 1
        waited = await client.get("/api/gelf/wait", params=query | {"timeout": "0"})
        assert (waited.status_code, waited.json()["matched"]) == (200, 1)
        judged = (await client.post("/api/gelf/validate", params=query, headers=x)).json()
        assert (judged["valid"], judged["hints"]) == (True, [])
        assert (await client.get("/api/gelf/search", params={"query": "streams:none"})).json()["total"] == 0

    asking(main, outputs=[storing])


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("query=level:(", "column"),
        ("since=nope", "since='nope' is not a time"),
        ("from=nope", "from='nope' is not a time"),
        ("to=2023-13-01", "to='2023-13-01' is not a time"),
        ("from=nan", "is not a time"),
        ("from=1e300", "is not a time"),
        ("since=1h&from=now", "mutually exclusive"),
        ("keyword=gibberish of no day", "is not a time range"),
        ("keyword=yesterday&zone=Nowhere", "is not a time zone"),
        ("keyword=yesterday&since=1h", "mutually exclusive"),
        ("sort=timestamp:up", "write field:asc"),
        ("sort=:asc", "write field:asc"),
        ("cursor=nope", "is not a cursor this server issued"),
        ("cursor=W10", "is not a cursor this server issued"),
        ("cursor=WzFlNDAwLCAxXQ", "is not a cursor this server issued"),
        ("cursor=WzEsIDFlNDAwXQ", "is not a cursor this server issued"),
        ("since=99999999999999999999w", "is not a time"),
        ("cursor=WzEsIDFd&sort=level", "a cursor goes with"),
        ("limit=10001", "limit"),
        ("offset=10001", "offset"),
        ("limit=-1", "limit"),
    ],
)
def test_mistakes(storing: str, query: str, words: str) -> None:
    """400, and which parameter."""

    async def main(service: Service, client: Client) -> None:
        answer = await client.get(f"/api/gelf/search?{query}")
        assert answer.status_code == 400
        assert words in answer.text

    asking(main, outputs=[storing])


def test_export_as_jsonl_and_gelf(storing: str) -> None:
    """One on each line, oldest first; GELF can be read again."""

    async def main(service: Service, client: Client) -> None:
        await add(service, *(logged(f"m{number}", number, n=number) for number in range(5)))
        answer = await client.get("/api/gelf/export?query=n:>0&fields=x")
        assert answer.headers["content-type"] == "application/x-ndjson"
        assert answer.headers["content-disposition"] == 'attachment; filename="gelf-listener-export.jsonl"'
        lines = [json.loads(line) for line in answer.text.splitlines()]
        assert [(line["short_message"], line["fields"]) for line in lines] == [(f"m{n}", {}) for n in range(1, 5)]
        answer = await client.get("/api/gelf/export?format=gelf&limit=2")
        lines = [json.loads(line) for line in answer.text.splitlines()]
        assert [(line["version"], line["host"], line["_n"]) for line in lines] == [("1.1", "web", 0), ("1.1", "web", 1)]

    asking(main, outputs=[storing])


def test_export_as_csv(storing: str) -> None:
    """Any columns, any text in them; times as they are read; nothing but a head when nothing matches."""

    async def main(service: Service, client: Client) -> None:
        await add(service, logged('say "hi",\nthere', 0.5, user_id=42), logged("b", 1, level=None))
        answer = await client.get("/api/gelf/export?format=csv&fields=timestamp,message,user_id,level")
        assert answer.headers["content-type"].startswith("text/csv")
        assert list(csv.reader(io.StringIO(answer.text))) == [
            ["timestamp", "message", "user_id", "level"],
            ["2023-11-14T22:13:20.500000Z", 'say "hi",\nthere', "42", "6"],
            ["2023-11-14T22:13:21.000000Z", "b", "", ""],
        ]
        answer = await client.get("/api/gelf/export?format=csv&query=nothing")
        assert answer.text == "timestamp,source,level,message\r\n"

    asking(main, outputs=[storing])


def test_csv_is_safe_for_spreadsheets_and_terminals(storing: str) -> None:
    """Texts, and names of columns; `raw=true` gives them as they came."""

    async def main(service: Service, client: Client) -> None:
        await add(service, logged("=1+1\x1b", 0.5, number=-5, note="@x"))
        fields = "fields=message,number,note,@y"
        answer = await client.get(f"/api/gelf/export?format=csv&{fields}")
        assert list(csv.reader(io.StringIO(answer.text))) == [
            ["message", "number", "note", "'@y"],
            ["'=1+1\\x1b", "-5", "'@x", ""],
        ]
        answer = await client.get(f"/api/gelf/export?format=csv&raw=true&{fields}")
        assert list(csv.reader(io.StringIO(answer.text)))[1] == ["=1+1\x1b", "-5", "@x", ""]

    asking(main, outputs=[storing])


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ("query=reqest_id:7", "no message has a field 'reqest_id'; there is 'request_id'"),
        ("query=a AND (_exists_:zzzzzz)", "no message has a field 'zzzzzz'"),
        ("query=c", "nothing among 3 messages"),
        ("query=request_id:9", "nothing among 3 messages"),
        ("query=NOT nosuch:1 AND c", "nothing among 3 messages"),
        (f"query=a&from={EPOCH + 50}&to={EPOCH + 200}", "nothing among 1 message in that time; 1 before that and 1 after that"),
        (f"query=a&from={EPOCH + 500}", "there are no messages in that time; 2 before that"),
        (f"query=c&from={EPOCH + 50}", "nothing among 2 messages in that time; none at any other time"),
        (f"query=a&from={EPOCH + 200}&to={EPOCH + 50}", "the time range ends before it begins"),
        ("query=a", None),
        ("query=c&limit=0", None),
    ],
)  # fmt: skip
def test_nothing_is_explained(storing: str, asked: str, why: str | None) -> None:
    """By the field that no message has, or by where the messages are; not where somebody only counts."""

    async def main(service: Service, client: Client) -> None:
        await add(service, logged("a", 0, request_id=7), logged("b", 100), logged("a", 300))
        page = (await client.get(f"/api/gelf/search?{asked}")).json()
        assert page["nothing"] == why

    asking(main, outputs=[storing])


def test_an_empty_store_says_so(storing: str) -> None:
    """Before anything came."""

    async def main(_: Service, client: Client) -> None:
        assert (await client.get("/api/gelf/search")).json()["nothing"] == "the store is empty"

    asking(main, outputs=[storing])


def test_mistakes_in_an_export(storing: str) -> None:
    """Said before anything is written."""

    async def main(service: Service, client: Client) -> None:
        for query in ("query=a:(", "format=xml", "sort=x:y", "since=nope", "limit=0"):
            assert (await client.get(f"/api/gelf/export?{query}")).status_code == 400, query

    asking(main, outputs=[storing])


def test_long_texts_are_cut_where_that_is_wanted(storing: str) -> None:
    """A list needs no megabyte of a message; without the parameter everything is whole."""

    async def main(service: Service, client: Client) -> None:
        await add(service, plain("x" * 100_000, note="y" * 50, number=12345678))
        (cut,) = (await client.get("/api/gelf/search?characters=5")).json()["messages"]
        assert (cut["short_message"], cut["fields"]) == ("xxxxx", {"note": "yyyyy", "number": 12345678})
        (whole,) = (await client.get("/api/gelf/search")).json()["messages"]
        assert len(whole["short_message"]) == 100_000

    asking(main, outputs=[storing])


@pytest.mark.parametrize(
    ("setting", "there", "here"), [({}, 0, 1), ({"query": "graylog"}, 0, 0), ({"query": "extended"}, 1, 1)]
)
def test_what_a_query_means(storing: str, setting: dict[str, str], there: int, here: int) -> None:
    """Graylog's API means what a Graylog does, this one more; a setting decides for both, a parameter for one request."""

    async def main(service: Service, client: Client) -> None:
        await add(service, logged("paid", user="alice"))

        async def total(path: str, name: str = "total", **params: Any) -> Any:
            answer = await client.get(path, params={"query": "alice nobody", **params})
            return answer.json()[name]

        assert await total("/api/search/universal/relative", "total_results", range=0) == there
        assert await total("/api/gelf/search") == here
        assert await total("/api/gelf/search", meaning="graylog") == 0
        assert await total("/api/gelf/search", meaning="extended") == 1
        assert (await client.get("/api/gelf/wait?query=alice%20nobody&timeout=0&meaning=graylog")).status_code == 504
        assert (await client.get("/api/gelf/search?query=user:-1&meaning=graylog")).json()["column"] == 6

    asking(main, outputs=[storing], **setting)


def test_a_field_to_sort_by_has_to_be_there(storing: str) -> None:
    """One that no message has is a slip; one that some lack is not, nor is anything while there are no messages."""

    async def main(service: Service, client: Client) -> None:
        assert (await client.get("/api/gelf/search?sort=nosuch")).status_code == 200
        await add(service, logged("a", took=1), logged("b"))
        assert (await client.get("/api/gelf/search?sort=took:asc")).status_code == 200
        assert (await client.get("/api/gelf/search?sort=took:asc&query=b")).status_code == 200
        refused = await client.get("/api/gelf/search?sort=tok:asc")
        assert refused.status_code == 400
        assert refused.json()["message"] == "sort='tok:asc': no message has a field 'tok'; there is 'took'"

    asking(main, outputs=[storing])


def test_fields_that_no_message_has_are_hinted_at(storing: str) -> None:
    """Whatever their case; also where nothing is searched yet, as while following."""

    async def main(service: Service, client: Client) -> None:
        async def hints(query: str) -> list[str]:
            return [
                each["text"]
                for each in (await client.post("/api/gelf/validate", params={"query": query})).json()["hints"]
            ]

        assert await hints("reqest_id:7") == []  # nothing is stored, so nobody knows
        await add(service, logged("a", request_id="7"))
        assert await hints("reqest_id:7") == ["no message has a field 'reqest_id'; there is 'request_id'"]
        assert await hints("a AND NOT LEVEL:3") == ["no message has a field 'LEVEL'; there is 'level'"]
        assert await hints("request_id:7 AND _request_id:7 AND level:3 AND host:a AND service:x") == [
            "no message has a field 'service'; there is 'source'"
        ]

    asking(main, outputs=[storing])
