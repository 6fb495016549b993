"""OpenSearch: nodes of our own, each embedded in a program of a few lines, for there is no package of it."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.e2e.toolchains import java_server
from tests.services.server import Server, free_port, until_open

__all__ = ["OpenSearch", "is_whole", "opensearch_cluster"]

_JAVA = Path(__file__).parent / "java"

_ANSWER_SECONDS = 120.0
"""Where several run beside each other on a small machine, an answer that takes a second may take a minute."""


class OpenSearch(Server):
    """
    One node, without the security plugin; by default it is its own cluster.

    Args:
        folder: Everything it writes goes here.
        transport: The ports of all nodes of its cluster.
        number: Which of these is its own.
    """

    def __init__(self, folder: Path, transport: Sequence[int] = (), number: int = 0) -> None:
        self.port = free_port()
        (folder / "config").mkdir(parents=True)
        command = java_server(_JAVA / "opensearch.xml", _JAVA / "OpenSearch.java")
        own = transport[number] if transport else free_port()
        arguments = ["-Xmx512m", "OpenSearch", str(self.port), str(own), str(folder), f"node{number}"]
        if transport:
            arguments.append(",".join(map(str, transport)))
        super().__init__(folder, [*command, *arguments], until_open(self.port), seconds=120)

    def ask(self, method: str, path: str, document: Any = None) -> Any:
        """Ask the REST API."""
        body = None if document is None else json.dumps(document).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}", body, {"content-type": "application/json"}, method=method
        )
        with urllib.request.urlopen(request, timeout=_ANSWER_SECONDS) as answer:
            return json.loads(answer.read() or b"null")

    def bulk(self, index: str, lines: str) -> Any:
        """Send lines of the bulk API."""
        url = f"http://127.0.0.1:{self.port}/{index}/_bulk"
        request = urllib.request.Request(url, lines.encode(), {"content-type": "application/x-ndjson"}, method="POST")
        with urllib.request.urlopen(request, timeout=_ANSWER_SECONDS) as answer:
            return json.loads(answer.read())

    def documents(self, index: str) -> list[dict[str, Any]]:
        """Return what is in an index."""
        try:
            self.ask("POST", f"/{index}/_refresh")
        except urllib.error.HTTPError as error:
            if error.code not in (404, 503):  # the index is not there, or its shards are not up yet
                raise
            return []
        try:
            found = self.ask("GET", f"/{index}/_search?size=10000&sort=id")
        except urllib.error.HTTPError as error:
            if error.code != 503:
                raise
            return []
        return [hit["_source"] | {"_index": hit["_index"]} for hit in found["hits"]["hits"]]


@contextmanager
def opensearch_cluster(folder: Path, count: int) -> Iterator[list[OpenSearch]]:
    """Run several nodes that are one cluster: three go on when one is gone."""
    transport = [free_port() for _ in range(count)]
    nodes = [OpenSearch(folder / f"node{number}", transport, number) for number in range(count)]
    try:
        with ThreadPoolExecutor() as pool:  # each accepts connections before it has found the others
            list(pool.map(OpenSearch.start, nodes))
        yield nodes
    finally:
        for node in nodes:
            node.kill()  # nothing of theirs is needed any more


def is_whole(nodes: Sequence[OpenSearch]) -> bool:
    """Whether the nodes of a cluster have found each other, and no copy of a shard is missing."""
    try:
        health = nodes[0].ask("GET", "/_cluster/health")
    except OSError:
        return False
    return bool(health["number_of_nodes"] == len(nodes) and health["status"] == "green")
