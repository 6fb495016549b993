"""OpenSearch: a node of our own, embedded in a program of a few lines, for there is no package of it."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from tests.e2e.toolchains import java_server
from tests.services.server import Server, free_port, until_open

__all__ = ["OpenSearch"]

_JAVA = Path(__file__).parent / "java"


class OpenSearch(Server):
    """
    One node that is its own cluster, without the security plugin.

    Args:
        folder: Everything it writes goes here.
    """

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        (folder / "config").mkdir()
        command = java_server(_JAVA / "opensearch.xml", _JAVA / "OpenSearch.java")
        arguments = ["-Xmx512m", "OpenSearch", str(self.port), str(free_port()), str(folder)]
        super().__init__(folder, [*command, *arguments], until_open(self.port))

    def ask(self, method: str, path: str, document: Any = None) -> Any:
        """Ask the REST API."""
        body = None if document is None else json.dumps(document).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}", body, {"content-type": "application/json"}, method=method
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.loads(answer.read() or b"null")

    def bulk(self, index: str, lines: str) -> Any:
        """Send lines of the bulk API."""
        url = f"http://127.0.0.1:{self.port}/{index}/_bulk"
        request = urllib.request.Request(url, lines.encode(), {"content-type": "application/x-ndjson"}, method="POST")
        with urllib.request.urlopen(request, timeout=60) as answer:
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
