"""Several listeners of one store in OpenSearch: what each of them keeps, says and sees of the others."""

from __future__ import annotations

import asyncio
import itertools
import json
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from gelf_listener.api.catalog import MAX_DOCUMENTS, CatalogAway, CatalogConflict, CatalogFull
from gelf_listener.api.shared.catalog import SharedCatalog
from gelf_listener.api.shared.mirror import Mirror
from gelf_listener.outputs.http_client import Denied, HttpClient
from gelf_listener.outputs.opensearch_store import OpenSearchStoreSettings
from gelf_listener.store.opensearch.cluster import Cluster
from gelf_listener.store.opensearch.documents import SharedDocuments
from gelf_listener.store.opensearch.names import DatedNames
from tests.e2e.listener import Listener, until
from tests.e2e.toolchains import JAVA_SECONDS
from tests.services.opensearch import OpenSearch

pytestmark = [pytest.mark.external, pytest.mark.timeout(JAVA_SECONDS)]

_numbers = itertools.count()


@asynccontextmanager
async def mirrors(port: int, count: int) -> AsyncIterator[list[Mirror]]:
    """Mirrors of the same documents, as several listeners have them; they look when they are told to."""
    settings = OpenSearchStoreSettings(host="127.0.0.1", port=port)
    client = HttpClient(settings, 9200, tls=False)
    index = f"mirror{next(_numbers)}.shared"
    cluster = Cluster(client.request, DatedNames("mirror"), Denied)
    try:
        yield [Mirror(SharedDocuments(cluster, index)) for _ in range(count)]
    finally:
        await client.close()


async def settled(*made: Mirror) -> None:
    for mirror in made:
        await mirror.look()


def test_what_one_keeps_the_other_sees(opensearch: OpenSearch) -> None:
    """In the order it was made, changed, and gone; also what is no proper text."""

    async def main() -> None:
        async with mirrors(opensearch.port, 2) as (one, two):
            here, there = SharedCatalog(one), SharedCatalog(two)
            assert there.all("streams") == {}
            await here.put("streams", "b", {"n": 1})
            await here.put("streams", "a", {"n": 2, "text": "\ud800"})
            await settled(two)
            assert list(there.all("streams").items()) == [("b", {"n": 1}), ("a", {"n": 2, "text": "\ud800"})]
            await there.put("streams", "b", {"n": 3})
            assert await there.remove("streams", "a")
            assert not await there.remove("streams", "a")
            await settled(one)
            assert list(here.all("streams").items()) == [("b", {"n": 3})]
            assert here.all("streams")["b"] is here.get("streams", "b"), "what is compiled from it stays good"

    asyncio.run(main())


def test_changes_at_the_same_time_do_not_lose_each_other(opensearch: OpenSearch) -> None:
    """Of two changes of one document the later one is refused, and may be made to what the other left."""

    async def main() -> None:
        async with mirrors(opensearch.port, 2) as (one, two):
            here, there = SharedCatalog(one), SharedCatalog(two)
            await here.put("streams", "s", {"rules": []})
            await settled(two)
            await here.put("streams", "s", {"rules": ["here"]})
            with pytest.raises(CatalogConflict):
                await there.put("streams", "s", {"rules": ["there"]})
            kept = there.get("streams", "s")
            assert kept == {"rules": ["here"]}
            await there.put("streams", "s", {"rules": [*kept["rules"], "there"]})
            await settled(one)
            assert here.get("streams", "s") == {"rules": ["here", "there"]}
            with pytest.raises(CatalogConflict):  # made by both under one id
                await asyncio.gather(here.put("tokens", "t", {"n": 1}), there.put("tokens", "t", {"n": 2}))

            async def many(catalog: SharedCatalog, name: str) -> None:
                for number in range(20):
                    await catalog.put("tokens", f"{name}{number}", {})
                    await catalog.put("searches", "same", {"by": name, "number": number})

            await asyncio.gather(many(here, "here"), many(there, "there"))
            await settled(one, two)
            assert here.all("tokens").keys() == there.all("tokens").keys()
            assert len(here.all("tokens")) == 41
            assert here.get("searches", "same") == there.get("searches", "same")

    asyncio.run(main())


def test_kinds_are_bounded(opensearch: OpenSearch) -> None:
    """One more input is refused; one more search makes the oldest go."""

    async def main() -> None:
        async with mirrors(opensearch.port, 1) as (one,):
            catalog = SharedCatalog(one)
            for number in range(MAX_DOCUMENTS["inputs"]):
                await catalog.put("inputs", str(number), {})
            with pytest.raises(CatalogFull, match="delete some"):
                await catalog.put("inputs", "more", {})
            await catalog.put("inputs", "0", {"changed": True})
            for number in range(MAX_DOCUMENTS["searches"] + 1):
                await catalog.put("searches", str(number), {})
            assert len(catalog.all("searches")) == MAX_DOCUMENTS["searches"]
            assert catalog.get("searches", "0") is None

    asyncio.run(main())


def test_while_the_cluster_is_away(caplog: pytest.LogCaptureFixture) -> None:
    """Reading goes on, changing says that nothing is kept, and the start does not wait for long."""

    async def main() -> None:
        async with mirrors(1, 1) as (mirror,):
            catalog = SharedCatalog(mirror)
            await mirror.start()
            try:
                assert catalog.all("streams") == {}
                with pytest.raises(CatalogAway, match="not kept"):
                    await catalog.put("streams", "a", {})
                assert catalog.get("streams", "a") is None
                assert "Connection refused" in mirror.trouble
            finally:
                await mirror.close()

    asyncio.run(main())
    assert caplog.text.count("cannot be changed") == 1


class Pair:
    """Two listeners of one store, and how to speak to them."""

    def __init__(self, folder: Path, opensearch: OpenSearch) -> None:
        self.listeners: list[Listener] = []
        prefix = f"pair{next(_numbers)}"
        for name in ("left", "right"):
            (folder / name).mkdir()
            store = f"store+opensearch+http://127.0.0.1:{opensearch.port}/{prefix}?node={name}"
            self.listeners.append(Listener(folder / name, "gelf+udp://127.0.0.1:0", outputs=[store]))

    def __enter__(self) -> tuple[Listener, Listener]:
        for listener in self.listeners:
            listener.__enter__()
        left, right = self.listeners
        return left, right

    def __exit__(self, *_: object) -> None:
        for listener in self.listeners:
            listener.kill()


def send(listener: Listener, payload: bytes) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(payload, listener.endpoint("gelf+udp").address)


def gelf(host: str, text: str) -> bytes:
    return json.dumps({"version": "1.1", "host": host, "short_message": text}).encode()


def told(listener: Listener, path: str) -> Any:
    status, text = listener.get(path)
    assert status == 200, text
    return json.loads(text)


def test_every_listener_shows_all(tmp_path: Path, opensearch: OpenSearch) -> None:
    """Nodes, messages, senders, rejected payloads and inputs, each marked with its node; one that dies is shown as gone."""
    with Pair(tmp_path, opensearch) as (left, right):
        send(left, gelf("from-left", "one"))
        send(right, gelf("from-right", "two"))
        send(right, b"\xff\xfe not a message")
        for asked in (left, right):
            until(lambda asked=asked: told(asked, "/api/gelf/search")["total"] == 2, 10, "both messages")  # type: ignore[misc]
            marks = {
                each["host"]: each["known"]["gl2_source_node"] for each in told(asked, "/api/gelf/search")["messages"]
            }
            assert marks == {"from-left": "left", "from-right": "right"}
            assert told(asked, "/api/gelf/search?query=gl2_source_node:right")["total"] == 1
            until(lambda asked=asked: len(told(asked, "/api/gelf/nodes")["nodes"]) == 2, 10, "both nodes")  # type: ignore[misc]
            until(lambda asked=asked: told(asked, "/api/gelf/rejected")["rejected"], 10, "the rejected payload")  # type: ignore[misc]
            assert told(asked, "/api/gelf/rejected")["rejected"][0]["node"] == "right"
            assert told(asked, "/api/gelf/rejected")["total"] == 1
            until(lambda asked=asked: len(told(asked, "/api/gelf/senders")["senders"]) >= 3, 10, "all senders")  # type: ignore[misc]
            senders = {(each["node"], each["host"]) for each in told(asked, "/api/gelf/senders")["senders"]}
            assert senders >= {("left", "from-left"), ("right", "from-right")}
            assert {each["node"] for each in told(asked, "/api/gelf/stats")["inputs"]} == {"left", "right"}
            graylog = told(asked, "/api/system/cluster/nodes")
            assert {each["node_id"] for each in graylog["nodes"]} == {"left", "right"}
        right.kill()
        began = time.monotonic()
        until(
            lambda: [each["alive"] for each in told(left, "/api/gelf/nodes")["nodes"]] == [True, False], 30, "its end"
        )
        assert told(left, "/api/gelf/search")["total"] == 2
        assert time.monotonic() > began


def test_live_view_of_all(tmp_path: Path, opensearch: OpenSearch) -> None:
    """Who watches one listener sees what the other takes, once, marked with its node."""
    with Pair(tmp_path, opensearch) as (left, right):
        send(right, gelf("web", "before"))
        until(lambda: told(left, "/api/gelf/search")["total"] == 1, 10, "the message")
        until(lambda: len(told(left, "/api/gelf/nodes")["nodes"]) == 2, 10, "both nodes")
        seen: list[dict[str, Any]] = []
        with httpx.stream("GET", f"{left.api_url}/api/gelf/live", timeout=60) as stream:
            lines = stream.iter_lines()
            next(line for line in lines if line == "event: following")
            numbers = itertools.count()
            deadline = time.monotonic() + 60
            while len({each["known"]["gl2_source_node"] for each in seen}) < 2 and time.monotonic() < deadline:
                send(left, gelf("web", f"left {next(numbers)}"))
                send(right, gelf("web", f"right {next(numbers)}"))
                events = (line for line in lines if line.startswith('data: [{"id"'))
                seen += json.loads(next(events).removeprefix("data: "))
        texts = [each["short_message"] for each in seen]
        assert "before" not in texts
        assert len(texts) == len(set(texts))
        assert {each["known"]["gl2_source_node"] for each in seen} == {"left", "right"}


def test_a_stream_and_an_input_belong_to_all(tmp_path: Path, opensearch: OpenSearch) -> None:
    """A stream that is made here is found there; an input for all is opened by both, any other one by its own."""
    with Pair(tmp_path, opensearch) as (left, right):
        headers = {"X-Requested-By": "test"}
        with (
            httpx.Client(base_url=left.api_url, headers=headers, timeout=60) as here,
            httpx.Client(base_url=right.api_url, headers=headers, timeout=60) as there,
        ):
            made = here.post("/api/streams", json={"entity": {"title": "errors", "rules": [], "index_set_id": "x"}})
            assert made.status_code == 201, made.text
            until(lambda: there.get("/api/streams").json()["total"] == 2, 10, "the stream")
            for title, everywhere in (("all", True), ("one", False)):
                body = {
                    "title": title,
                    "type": "org.graylog2.inputs.gelf.udp.GELFUDPInput",
                    "global": everywhere,
                    "configuration": {"bind_address": "127.0.0.1", "port": 0},
                }
                answer = here.post("/api/system/inputs", json=body)
                assert answer.status_code == 201, answer.text

            def opened(client: httpx.Client) -> list[str]:
                inputs = client.get("/api/gelf/stats").json()["inputs"]
                own = "left" if client is here else "right"
                return [each["name"] for each in inputs if each["node"] == own]

            until(lambda: (len(opened(here)), len(opened(there))) == (3, 2), 10, "the inputs")
            one = next(each for each in there.get("/api/system/inputs").json()["inputs"] if each["title"] == "one")
            assert one["node"] == "left"
            assert there.delete(f"/api/system/inputs/{one['id']}").status_code == 204
            until(lambda: (len(opened(here)), len(opened(there))) == (2, 2), 10, "its end")
