"""VictoriaLogs: a server of our own, built from Go's modules; it speaks the protocols of several others."""

from __future__ import annotations

import json
import time
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

from tests.e2e.toolchains import go_program
from tests.services.server import Server, free_port, until_open

__all__ = ["VictoriaLogs", "victorialogs"]

_MODULE = Path(__file__).parent / "go" / "victorialogs"
_PACKAGE = "github.com/VictoriaMetrics/VictoriaMetrics/app/victoria-logs"


def victorialogs() -> str:
    """Return the program, built on first use."""
    return go_program(_MODULE, _PACKAGE)


class VictoriaLogs(Server):
    """
    A server that keeps its data in its folder.

    Args:
        folder: Everything it writes goes here.
    """

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.syslog_port = free_port()
        flags = [
            f"-httpListenAddr=127.0.0.1:{self.port}",
            f"-storageDataPath={folder / 'data'}",
            "-retentionPeriod=100y",
        ]
        flags += [f"-syslog.listenAddr.tcp=127.0.0.1:{self.syslog_port}", "-memory.allowedBytes=64MB"]
        super().__init__(folder, [victorialogs(), *flags], until_open(self.port))

    def find(self, query: str, count: int) -> list[dict[str, Any]]:
        """Wait until a query of LogsQL finds so many entries, and return them."""
        address = f"http://127.0.0.1:{self.port}/select/logsql/query?" + urllib.parse.urlencode({"query": query})
        deadline = time.monotonic() + 60
        found: list[dict[str, Any]] = []
        while len(found) < count and time.monotonic() < deadline:
            with urllib.request.urlopen(address, timeout=10) as answer:
                found = [json.loads(line) for line in answer.read().splitlines()]
            time.sleep(0.1)
        assert len(found) == count, found[:5]
        return found
