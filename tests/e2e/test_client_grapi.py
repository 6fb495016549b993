"""grapi 0.1.4, unmodified: Python bindings for Graylog's REST API."""

from __future__ import annotations

import csv
import io
import socket
from pathlib import Path
from typing import Any

from tests.e2e.conftest import Start
from tests.e2e.listener import until
from tests.requirements import missing

try:
    from grapi.grapi import Grapi
except ImportError:
    Grapi = None

TOKEN = "a-token-of-the-test-suite"


def test_it_finds_what_was_sent(start: Start, tmp_path: Path) -> None:
    """A token logs in; searches, the system's routes and a wrong token."""
    if Grapi is None:
        missing("grapi is not installed")
    listener = start(
        "gelf+udp://127.0.0.1:0",
        outputs=[f"store://{tmp_path}/store"],
        arguments=["--api-auth", "on"],
        environment={"GELF_API_TOKENS": TOKEN},
    )
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for number in range(3):
            payload = b'{"version":"1.1","host":"web","short_message":"order %d paid","_user_id":%d}' % (number, number)
            sender.sendto(payload, listener.endpoint("gelf+udp").address)

    def ask(path: str, token: str = TOKEN, **params: Any) -> Any:
        return Grapi(listener.api_url + path, token).send("get", **params)

    def found() -> Any:
        answer = ask("/api/search/universal/relative", query="user_id:>0", range=300, fields="message,user_id")
        assert answer.status_code == 200, answer.text
        rows = list(csv.DictReader(io.StringIO(answer.text)))  # what a Graylog gives who names no media type
        return rows if len(rows) == 2 else None

    texts = sorted(row["message"] for row in until(found, what="two messages"))
    assert texts == ["order 1 paid", "order 2 paid"]
    assert ask("/api/system/indexer/failures", limit=10, offset=0).json() == {"failures": [], "total": 0}
    assert ask("/api/streams").json()["total"] == 1
    assert ask("/api/streams", token="another").status_code == 401
