"""Programs for Graylog's API, unmodified: pygray and graytail in the terminal, and a wrapper in Python."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.conftest import Start
from tests.e2e.listener import Listener, until
from tests.e2e.toolchains import PYTHON_SECONDS, python_client

pytestmark = [pytest.mark.external, pytest.mark.timeout(PYTHON_SECONDS + 60)]

PASSWORD = "of-this-test-only"


@pytest.fixture
def listener(start: Start, tmp_path: Path) -> Listener:
    """It has three messages, and wants a login."""
    running: Listener = start(
        "gelf+udp://127.0.0.1:0",
        outputs=[f"store://{tmp_path}/store"],
        arguments=["--api-auth", "on"],
        environment={"GELF_API_PASSWORD": PASSWORD, "XDG_STATE_HOME": str(tmp_path / "state")},
    )
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for number in range(3):
            payload = b'{"version":"1.1","host":"web","short_message":"order %d paid","level":3,"_user_id":%d}'
            sender.sendto(payload % (number, number), running.endpoint("gelf+udp").address)

    def found() -> bool:
        query: dict[str, str | int] = {"query": "*", "range": 0}
        answer = httpx.get(
            f"{running.api_url}/api/search/universal/relative.json", params=query, auth=("admin", PASSWORD)
        )
        return bool(answer.json()["total_results"] == 3)

    until(found, what="three messages")
    return running


def test_pygray(listener: Listener, tmp_path: Path) -> None:
    """It asks for ``streams:*`` unless it is told a stream, logs in, and shows what it finds in its own words."""
    config = tmp_path / "pygray.cfg"
    host, _, port = listener.api_url.rpartition("/")[2].partition(":")
    config.write_text(
        f"[environment:default]\nhost={host}\nport={port}\nusername=admin\ndefault_stream=*\n"
        "[format:default]\nformat={source} {level} {message}\ncolor=false\n"
    )
    command = [python_client("pygray"), "-h", host, "--port", port, "--no-tls", "-u", "admin", "-p", PASSWORD,
               "-c", str(config), "-@", "5 minutes ago", "user_id:>0"]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.split("\n")[:2] == ["web ERROR order 1 paid", "web ERROR order 2 paid"]


def test_graytail(listener: Listener, tmp_path: Path) -> None:
    """It knows a Graylog by a header, lists its streams, and shows the messages of one."""
    command = [python_client("graytail"), "--base-url", listener.api_url, "--username", "admin", "--password", PASSWORD]
    shown = tmp_path / "shown"
    with shown.open("wb") as output:
        tail = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=output, stderr=output,
                                env=os.environ | {"PYTHONUNBUFFERED": "1"})  # fmt: skip
        assert tail.stdin is not None
        tail.stdin.write(b"1\n")
        tail.stdin.flush()
        try:
            until(lambda: "rder 0 pai" in shown.read_text(), what="the messages")  # it cuts both ends off
        finally:
            tail.kill()
            tail.communicate()
    assert "explicitly routed" in shown.read_text()


@pytest.mark.skipif(sys.version_info < (3, 13), reason="graylog-api-client needs Python 3.13")
def test_graylog_api_client(listener: Listener) -> None:
    """Messages by the scripting API, whose numbers it writes as texts; users by page, id and name."""
    from graylog_api_client.graylog_api_client import GraylogAPI

    with httpx.Client(
        base_url=listener.api_url, auth=("admin", PASSWORD), headers={"X-Requested-By": "test"}
    ) as client:
        token = client.post("/api/users/local:admin/tokens/ci").json()["token"]
    api: Any = GraylogAPI(f"{listener.api_url}/api", token)
    found = api.search.post_search_query(
        "user_id:>0",
        0,
        {"type": "relative", "range": 300},
        [],
        sort="user_id",
        sort_order="Ascending",
        fields=["user_id"],
    )
    assert found.data["datarows"] == [[1], [2]]
    assert api.users.get_users_paginated().data["context"]["admin_user"]["username"] == "admin"
    assert api.users.get_user_by_id("local:admin").data["username"] == "admin"
    assert api.users.get_user_by_username("admin").data["id"] == "local:admin"
    assert [token["name"] for token in api.users.get_user_tokens_by_id("local:admin").data["tokens"]] == ["ci"]
