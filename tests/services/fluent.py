"""Fluent: a server of Fluentd's forward protocol, from npm."""

from __future__ import annotations

import json
import subprocess
import threading
from pathlib import Path
from typing import Any

from tests.e2e.listener import until
from tests.e2e.toolchains import node_packages
from tests.requirements import need

__all__ = ["FluentServer"]

_NODE = Path(__file__).parent / "node"


class FluentServer:
    """
    Keeps what it is sent.

    Args:
        folder: Its working directory.
        cert: Certificate, for TLS.
        key: Its key.
    """

    def __init__(self, folder: Path, cert: Path, key: Path) -> None:
        self._folder = folder
        self._files = {"cert": str(cert), "key": str(key)}
        self._process: subprocess.Popen[bytes] | None = None
        self._lines: list[dict[str, Any]] = []
        self._thread: threading.Thread | None = None
        self.port = 0

    def start(self, *, tls: bool = False, **security: Any) -> None:
        """Start it, with or without a shared key; again on the port it had."""
        options: dict[str, Any] = {"port": self.port} | (self._files if tls else {})
        if security:
            options["security"] = {"serverHostname": "far.example.org", "authorize": False, "userDict": {}} | security
        packages = node_packages(_NODE / "package.json")
        command = [need("node"), str(_NODE / "server.js"), str(packages), json.dumps(options)]
        self._process = subprocess.Popen(command, cwd=self._folder, stdout=subprocess.PIPE)
        self._thread = threading.Thread(target=self._read, args=(self._process,), daemon=True)
        before = len(self._lines)
        self._thread.start()
        self.port = until(lambda: self._lines[before:], 20, "the server's port")[0]["port"]

    def entries(self, count: int) -> list[dict[str, Any]]:
        """Wait for so many entries."""
        return list(until(lambda: found if len(found := self._entries()) >= count else None, 20, f"{count} entries"))

    def stop(self) -> None:
        """End it."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait(10)

    def _entries(self) -> list[dict[str, Any]]:
        return [line for line in list(self._lines) if "tag" in line]

    def _read(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self._lines.append(json.loads(line))
