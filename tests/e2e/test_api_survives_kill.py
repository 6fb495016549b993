"""What was made through Graylog's API is there again after kill -9."""

from __future__ import annotations

import socket
from pathlib import Path

import httpx

from tests.e2e.conftest import Start
from tests.e2e.listener import ANSWER_SECONDS, free_port, until

HEADERS = {"Accept": "application/json", "X-Requested-By": "test"}


def test_input_and_stream(start: Start, tmp_path: Path) -> None:
    """The input is open before anybody asks the API, and the stream finds what came through it."""
    port = free_port()
    environment = {"XDG_STATE_HOME": str(tmp_path / "state")}
    outputs = [f"store://{tmp_path}/store"]
    first = start("gelf+udp://127.0.0.1:0", outputs=outputs, environment=environment)
    with httpx.Client(base_url=first.api_url, headers=HEADERS, timeout=ANSWER_SECONDS) as client:
        configuration = {"bind_address": "127.0.0.1", "port": port}
        body = {"title": "t", "type": "org.graylog2.inputs.gelf.udp.GELFUDPInput", "global": True,
                "configuration": configuration}  # fmt: skip
        input_id = client.post("/api/system/inputs", json=body).json()["id"]
        rule = {"type": 8, "field": "", "value": input_id}
        stream = client.post("/api/streams", json={"entity": {"title": "s", "rules": [rule]}}).json()["stream_id"]
    first.kill()
    second = start("gelf+udp://127.0.0.1:0", outputs=outputs, environment=environment)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b'{"version":"1.1","host":"h","short_message":"after"}', ("127.0.0.1", port))
    until(lambda: second.metric("gelf_input_messages_total", input=input_id) == 1)
    with httpx.Client(base_url=second.api_url, headers=HEADERS, timeout=ANSWER_SECONDS) as client:
        query: dict[str, str | int] = {"query": f"streams:{stream}", "range": 0}
        found = until(lambda: client.get("/api/search/universal/relative", params=query).json()["messages"])
        assert [hit["message"]["message"] for hit in found] == ["after"]
        assert stream in found[0]["message"]["streams"]
        assert client.delete(f"/api/system/inputs/{input_id}").status_code == 204
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", port))
