"""Who may ask a real listener, from the command line to the answer."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import httpx

from tests.e2e.conftest import Start
from tests.e2e.listener import ANSWER_SECONDS, run_cli

TOKEN = "a-token-of-the-test-suite"


def test_open_to_the_network_without_a_login(tmp_path: Path) -> None:
    """It does not start, and says what to set; said so, it does."""
    arguments = ["--input", "gelf+udp://127.0.0.1:0", "--output", "null:", "--api", "0.0.0.0:0"]
    for command in ("run", "check"):
        done = run_cli(tmp_path, command, *arguments)
        assert done.returncode == 2
        assert "set api_password (GELF_API_PASSWORD, or GELF_API_PASSWORD_FILE)" in done.stderr
        assert "Traceback" not in done.stderr
    assert run_cli(tmp_path, "check", *arguments, "--api-auth", "off").returncode == 0


def test_a_login(start: Start, tmp_path: Path) -> None:
    """Password from a secret's file, hashed by our command; a token; the rest is refused."""
    import subprocess
    import sys

    hashed = subprocess.run(
        [sys.executable, "-m", "gelf_listener", "password"],
        input="hunter2\n",
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    (tmp_path / "secret").write_text(hashed + "\n")
    listener = start(
        "gelf+udp://127.0.0.1:0",
        api="0.0.0.0:0",
        environment={"GELF_API_PASSWORD_FILE": str(tmp_path / "secret"), "GELF_API_TOKENS": TOKEN},
    )
    port = listener.api_url.rpartition(":")[2]
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=ANSWER_SECONDS) as client:
        assert client.get("/health").json() == {"status": "ok"}
        for path in ("/metrics", "/api/gelf/stats", "/api/gelf/live", "/api/openapi.json"):
            assert client.get(path).status_code == 401
        assert client.get("/api/gelf/stats", auth=("admin", "wrong")).status_code == 401
        assert client.get("/api/gelf/stats", auth=("admin", "hunter2")).status_code == 200
        assert client.get("/api/gelf/stats", auth=(TOKEN, "token")).status_code == 200
        assert client.get("/metrics", auth=("admin", "hunter2")).status_code == 200
        assert "inputs" in client.get("/health", auth=(TOKEN, "token")).json()
    assert "hunter2" not in listener.log
    assert TOKEN not in listener.log


def test_pages_of_other_sites(start: Start) -> None:
    """Neither by name nor by script; other names where the settings say so."""
    listener = start("gelf+udp://127.0.0.1:0", arguments=["--api-hosts", "logs.example.org"])
    with httpx.Client(base_url=listener.api_url, timeout=ANSWER_SECONDS) as client:
        assert client.get("/api/gelf/stats", headers={"Host": "evil.example"}).status_code == 403
        assert client.get("/api/gelf/stats", headers={"Host": "logs.example.org"}).status_code == 200
        assert client.get("/api/gelf/stats", headers={"Origin": "http://evil.example"}).status_code == 403
        assert client.post("/api/gelf/lint", content=b"{}").status_code == 400
        assert client.post("/api/gelf/lint", content=b"{}", headers={"X-Requested-By": "me"}).status_code == 200


def test_requests_beyond_the_bounds(start: Start) -> None:
    """Bodies of any framing, heads without end: an answer or a closed connection, and the listener goes on."""
    listener = start("gelf+udp://127.0.0.1:0")
    host, port = listener.api_url.removeprefix("http://").split(":")
    head = f"POST /api/gelf/lint HTTP/1.1\r\nHost: {host}:{port}\r\nX-Requested-By: me\r\n"
    large = b"100000\r\n" + b"x" * 0x100000 + b"\r\n"
    for request, expected in (
        ([head.encode() + b"Content-Length: 99999999999\r\n\r\n"], b"413"),
        ([head.encode() + b"Transfer-Encoding: chunked\r\n\r\n", *[large] * 9, b"0\r\n\r\n"], b"413"),
        ([head.encode(), *[b"X-More: " + b"y" * 8000 + b"\r\n"] * 40], b"431"),
    ):
        with socket.create_connection((host, int(port)), ANSWER_SECONDS) as connection:
            answer = b""
            try:
                for part in request:
                    connection.sendall(part)
                answer = connection.recv(4096)
            except (ConnectionError, TimeoutError):
                continue
            assert answer[:12] in (b"HTTP/1.1 " + expected, b""), answer
    assert json.loads(listener.get("/health")[1])["status"] == "ok"
