"""
A stand-in for Docker's engine: as much of its HTTP API as starting, inspecting and removing a container takes.

What it starts is not a container but the listener itself, with the container's environment and that of our Dockerfile, on
the ports that it says were published. So the client's side is real (docker-py, testcontainers), and so is what
answers; only the engine between them is not.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from tests.e2e.listener import free_port

__all__ = ["Engine"]

_STOP_SECONDS = 20


class Container:
    """One listener that passes for a container."""

    def __init__(self, directory: Path, wanted: dict[str, Any], name: str) -> None:
        self.directory = directory
        self.wanted = wanted
        self.name = name
        self.published: dict[str, int] = {}
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the listener on free ports, one for each port that is to be published."""
        self.directory.mkdir()
        self.published = {port: free_port() for port in self.wanted["HostConfig"]["PortBindings"]}
        inputs = [
            f"gelf+udp://127.0.0.1:{self.published['12201/udp']}",
            f"gelf+tcp://127.0.0.1:{self.published['12201/tcp']}",
            f"gelf+http://127.0.0.1:{self.published['12203/tcp']}",
        ]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("GELF_")}
        environment |= dict(pair.split("=", 1) for pair in self.wanted["Env"])
        environment |= {
            "XDG_STATE_HOME": str(self.directory),
            "GELF_INPUTS": " ".join(inputs),
            "GELF_API": f"*:{self.published['9000/tcp']}",  # any interface, as in the image: so it wants a login
        }
        with (self.directory / "log").open("wb") as log:
            command = [sys.executable, "-m", "gelf_listener"]
            self.process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    @property
    def status(self) -> str:
        """The word Docker has for its state."""
        if self.process is None:
            return "created"
        return "running" if self.process.poll() is None else "exited"

    def document(self, id: str) -> dict[str, Any]:
        """What `docker inspect` shows of it."""
        ports = {port: [{"HostIp": "127.0.0.1", "HostPort": str(number)}] for port, number in self.published.items()}
        return {
            "Id": id,
            "Name": f"/{self.name}",
            "State": {"Status": self.status, "Running": self.status == "running"},
            "Config": {"Image": self.wanted["Image"], "Labels": self.wanted.get("Labels", {})},
            "HostConfig": {"NetworkMode": "default"},
            "NetworkSettings": {"Ports": ports, "Networks": {}},
        }

    def stop(self) -> None:
        """End the listener."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(_STOP_SECONDS)


class Engine:
    """
    The engine. A context manager: what it started is gone when the block ends.

    Args:
        directory: For the containers' files.
        images: Names of the images it has.
    """

    def __init__(self, directory: Path, *images: str) -> None:
        self.containers: dict[str, Container] = {}
        self._directory = directory
        self._images = images
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.host = f"tcp://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        for container in self.containers.values():
            container.stop()

    def answer(self, method: str, path: str, query: dict[str, list[str]], body: Any) -> tuple[int, Any]:
        """Return status and document of what Docker would answer."""
        if path == "/version":
            return 200, {"ApiVersion": "1.45", "Version": "27.0", "Platform": {"Name": "a stand-in"}}
        if (match := re.fullmatch(r"/images/(.+)/json", path)) is not None:
            found = match[1].removesuffix(":latest") in self._images
            return (
                (200, {"Id": f"sha256:{match[1]}", "RepoTags": [match[1]]}) if found else (404, {"message": "no image"})
            )
        if (method, path) == ("POST", "/containers/create"):
            id = f"{len(self.containers):064x}"
            name = query.get("name", [f"quiet_{len(self.containers)}"])[0]
            self.containers[id] = Container(self._directory / id[-8:], body, name)
            return 201, {"Id": id, "Warnings": []}
        match = re.fullmatch(r"/containers/(\w+)(?:/(json|start))?", path)
        container = self.containers.get(match[1]) if match is not None else None
        if match is None or container is None:
            return 404, {"message": f"no such thing: {method} {path}"}
        if match[2] == "start":
            container.start()
            return 204, None
        if method == "DELETE":
            self.containers.pop(match[1]).stop()
            return 204, None
        return 200, container.document(match[1])

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        engine = self

        class Handler(BaseHTTPRequestHandler):
            def _serve(self) -> None:
                parts = urlsplit(self.path)
                length = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(length)) if length else None
                path = re.sub(r"^/v[\d.]+(?=/)", "", parts.path)
                status, document = engine.answer(self.command, path, parse_qs(parts.query), body)
                content = b"" if document is None else json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                if status != 204:
                    self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_DELETE = _serve  # noqa: N815  (http.server looks for these names)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        return Handler
