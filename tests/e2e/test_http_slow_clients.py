"""HTTP: clients that take their time are closed, others are served meanwhile."""

from __future__ import annotations

import contextlib
import time

from tests.e2e.conftest import Start
from tests.e2e.wire import HttpClient, gelf, texts


def test_headers_bodies_and_idle_connections_time_out(start: Start) -> None:
    """A byte now and then does not buy more time: headers and bodies have a time for the whole."""
    options = "header_timeout_seconds=1&body_timeout_seconds=1&idle_timeout_seconds=1.5"
    listener = start(f"gelf+http://127.0.0.1:0?{options}")
    address = listener.endpoint("gelf+http").address
    body = gelf("slow body")
    slow = [HttpClient(address) for _ in range(3)]
    slow[1].send(HttpClient.request(body)[: -len(body)])
    assert slow[2].post(gelf("then idle")).status == 202
    drops = list(b"POST /gelf HTTP/1.1\r\nHost: a")
    with HttpClient(address) as honest:
        for number in range(12):
            for client, data in ((slow[0], bytes(drops[number : number + 1])), (slow[1], body[number : number + 1])):
                with contextlib.suppress(ConnectionError):  # closed in time
                    client.send(data)
            assert honest.post(gelf("honest")).status == 202
            time.sleep(0.1)
    assert all(client.closed() for client in slow)
    for client in slow:
        client.sock.close()
    assert sorted(texts(listener.messages(13))) == ["honest"] * 12 + ["then idle"]
    assert listener.metric("gelf_input_connections_timed_out_total") == 3
