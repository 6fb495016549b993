"""Which server answers: a gelf-listener, or a Graylog."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from gelf_listener.client.choice import choose_client
from gelf_listener.client.graylog import GraylogClient
from gelf_listener.client.listener import ListenerClient


@contextmanager
def answering(status: int, content_type: str, body: bytes) -> Iterator[str]:
    """A server that answers everything alike; its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.parametrize(
    ("status", "content_type", "body", "client"),
    [
        (200, "application/json", b"{}", ListenerClient),
        (200, "application/json; charset=utf-8", b"{}", ListenerClient),
        (401, "application/json", b"{}", ListenerClient),
        (502, "text/html", b"a proxy, while the listener starts", ListenerClient),
        (200, "text/html", b"<!DOCTYPE html>", GraylogClient),  # Graylog 7.0.1: its page, for paths it does not know
        (404, "application/json", b"{}", GraylogClient),
        (405, "application/json", b"{}", GraylogClient),
    ],
)
def test_asked(status: int, content_type: str, body: bytes, client: type) -> None:
    """By what it answers to a path that only a gelf-listener has."""
    with answering(status, content_type, body) as url:
        assert isinstance(choose_client(url, None, None, graylog=None), client)


def test_said() -> None:
    """Nothing is asked of a server whose kind is given."""
    assert isinstance(choose_client("http://127.0.0.1:9", None, None, graylog=True), GraylogClient)
    assert isinstance(choose_client("http://127.0.0.1:9", None, None, graylog=False), ListenerClient)
