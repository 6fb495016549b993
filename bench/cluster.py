"""
Command: `python -m bench.cluster`: what the store in OpenSearch costs on our side; five minutes at most.

Indexing: messages are added through the HTTP client to a real OpenSearch (which needs Java and Maven, as its tests do).
Our share is the processor time of this process a message, which holds the client and the encoder; OpenSearch's share is
that of its own process. Searching: the time of a search through the store beside OpenSearch's own `took`.
Both are taken in rounds, and medians are given: the machine is shared.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from bench.machine import describe, load
from bench.process import cpu_seconds
from gelf_listener.codec import Batch, GelfDecoder, Limits
from gelf_listener.codec.gelf.field_columns import field_columns_of
from gelf_listener.codec.gelf.lenient import read_fields
from gelf_listener.message import Message
from gelf_listener.outputs.http_client import Denied, HttpClient
from gelf_listener.outputs.opensearch_store import OpenSearchStoreSettings
from gelf_listener.query import parse
from gelf_listener.store.opensearch.own_shape import OwnShape
from gelf_listener.store.opensearch.store import OpenSearchStore
from gelf_listener.store.parameters import EVERYTHING
from tests.services.opensearch import OpenSearch

_ROUNDS = 8
_BATCH = 1000
_BATCHES = 10
"""In a round."""
_QUERIES = ("paid", "level:6", "user_id:4711", "took_ms:>200", "_exists_:region AND status:200", "path:*orders*")
_SEARCHES = 15
"""Of each query; each comes after a message was added, as on a busy listener."""


def _messages(first: int, count: int) -> list[Message]:
    batch, decoder = Batch(), GelfDecoder("lenient", "gelf+udp", Limits())
    for number in range(first, first + count):
        document = {
            "version": "1.1",
            "host": f"web-{number % 7}",
            "short_message": f"order {number} has been paid by customer {number * 7919 % 100_003} with a card",
            "timestamp": time.time(),
            "level": 6,
            "_user_id": number,
            "_service": "shop",
            "_logger": "shop.checkout.payment",
            "_took_ms": number % 977 / 4,
            "_path": f"/api/orders/{number}",
            "_status": 200,
            "_region": "eu-central-1",
            "_request_id": f"{number * 123_456_789:032x}",
        }
        decoder.decode(json.dumps(document).encode(), time.time(), None, batch)
    return batch.messages


class _Took:
    """Passes requests on, and notes what OpenSearch says they took, and what its answers took from here."""

    def __init__(self, client: HttpClient) -> None:
        self._client = client
        self.server_seconds = 0.0

    async def __call__(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        content_type: str = "application/json",
        *,
        seconds: float = math.inf,
    ) -> bytes:
        began = time.perf_counter()
        answer = await self._client.request(method, path, body, content_type, seconds=seconds)
        if "_refresh" in path or "_mapping" in path:  # they do not say what they took, and are all the server's
            self.server_seconds += time.perf_counter() - began
        elif "search" in path:
            self.server_seconds += json.loads(answer).get("took", 0) / 1000
        return answer


async def _measure(opensearch: OpenSearch) -> dict[str, list[float]]:
    settings = OpenSearchStoreSettings(host="127.0.0.1", port=opensearch.port)
    client = HttpClient(settings, 9200, tls=False)
    took = _Took(client)
    store = OpenSearchStore(took, Denied, OwnShape("bench", "bench", read_fields, field_columns_of))
    await store.open()
    ours: list[float] = []
    theirs: list[float] = []
    rates: list[float] = []
    for number in range(_ROUNDS):
        messages = _messages(number * _BATCH * _BATCHES, _BATCH * _BATCHES)
        own, other, wall = time.process_time(), cpu_seconds(opensearch.pid), time.perf_counter()
        for start in range(0, len(messages), _BATCH):
            await store.add(messages[start : start + _BATCH])
        ours.append((time.process_time() - own) / len(messages) * 1e6)
        theirs.append((cpu_seconds(opensearch.pid) - other) / len(messages) * 1e6)
        rates.append(len(messages) / (time.perf_counter() - wall))
    added: list[float] = []
    for _ in range(_SEARCHES):
        for query in _QUERIES:
            await store.add(_messages(10_000_000, 1))
            added.append(await _added_milliseconds(took, store, query))
    await store.close()
    await client.close()
    found = {"ours": ours, "theirs": theirs, "rates": rates, "added": added}
    return {name: [round(each, 1) for each in figures] for name, figures in found.items()}


async def _added_milliseconds(took: _Took, store: OpenSearchStore, query: str) -> float:
    took.server_seconds = 0.0
    began = time.perf_counter()
    await store.search(parse(query).node, EVERYTHING)
    return (time.perf_counter() - began - took.server_seconds) * 1000


def _row(figure: str, found: Sequence[float]) -> str:
    return f"| {figure} | {min(found):g} | {statistics.median(found):g} | {max(found):g} |"


def _report(found: dict[str, list[float]], loads: tuple[float, float]) -> str:
    ours, theirs = (statistics.median(found[name]) for name in ("ours", "theirs"))
    rows = [
        _row("indexing, our processor, µs a message", found["ours"]),
        _row("indexing, OpenSearch's processor, µs a message", found["theirs"]),
        _row("messages a second, one request at a time", found["rates"]),
        _row("a search beside OpenSearch's own time, ms", found["added"]),
    ]
    return "\n".join(
        [
            "# The store in OpenSearch: what our side costs\n",
            "`python -m bench.cluster`, one node of OpenSearch 2.19 (512 MiB heap) on the same machine, load average",
            f"{loads[0]} before and {loads[1]} after. Batches of {_BATCH} messages of 13 fields.\n",
            "| figure | least | median | most |",
            "|---|---|---|---|",
            *rows,
            f"\nOpenSearch takes {theirs / (ours + theirs):.0%} of the processor that indexing a message costs.\n",
            *(f"* {name}: {value}" for name, value in describe().items()),
            "",
        ]
    )


def main() -> None:
    """Measure, and write or print the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, help="where the report goes, such as bench/results/cluster.md")
    arguments = parser.parse_args()
    before = load()
    with tempfile.TemporaryDirectory() as folder:
        opensearch = OpenSearch(Path(folder))
        opensearch.start()
        try:
            report = _report(asyncio.run(_measure(opensearch)), (before, load()))
        finally:
            opensearch.kill()
    print(report)
    if arguments.output is not None:
        arguments.output.write_text(report, encoding="utf-8")


if __name__ == "__main__":
    main()
