"""Nothing that a listener shows has a secret in it, not even when a server repeats one in its answer."""

from __future__ import annotations

import base64
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.e2e.conftest import Start
from tests.e2e.listener import free_port, run_cli, until

TOKEN, PASSWORD, HEADER, INPUT = "T0kenInPath", "pAssw0rdX", "hEaderKey1", "inPutPath9"
SECRETS = (TOKEN, PASSWORD, HEADER, INPUT, base64.b64encode(f"ann:{PASSWORD}".encode()).decode())


@contextmanager
def telltale(status: int) -> Iterator[int]:
    """A server that repeats what it was sent, as many do in their errors."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", 0)))
            body = f"Cannot POST {self.path}; your headers were {dict(self.headers)}".encode()
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


@pytest.mark.parametrize("status", [404, 400])
def test_no_secret_is_shown_anywhere(start: Start, tmp_path: Path, status: int) -> None:
    """Whether the server is to be tried again or refuses: at the start, in the API, its commands, the log, the end."""
    with telltale(status) as port:
        output = f"webhook+http://ann:{PASSWORD}@127.0.0.1:{port}/services/{TOKEN}/x?headers=X-Key: {HEADER}"
        listener = start(
            f"gelf+http://127.0.0.1:0/{INPUT}?token={HEADER}",
            outputs=[f"{output}&buffer=disk&linger=0", f"{output}&name=in_memory"],
        )
        address = f"http://127.0.0.1:{listener.port('gelf+http')}"
        sent = urllib.request.Request(f"{address}/{INPUT}", b'{"short_message":"hello"}')
        sent.add_header("Authorization", f"Bearer {HEADER}")
        urllib.request.urlopen(sent, timeout=30).close()
        wrong = urllib.request.Request(f"{address}/other", b"{}", headers={"Authorization": f"Bearer {HEADER}"})
        with pytest.raises(urllib.error.HTTPError) as answer:
            urllib.request.urlopen(wrong, timeout=30)
        shown = [answer.value.read().decode()]
        answer.value.close()
        waiting = 'gelf_output_refused_total{output="in_memory"} 1.0' if status == 400 else "gelf_output_retries_total"
        until(lambda: waiting in listener.get("/metrics")[1] and "***" in listener.get("/api/gelf/stats")[1])
        shown += [
            listener.get(path)[1]
            for path in ("/health", "/metrics", "/api/gelf/stats", "/api/gelf/rejected", "/api/system/inputs", "/")
        ]
        known = json.loads(shown[3])["outputs"]
        assert known[0]["name"].startswith(f"webhook+http://127.0.0.1:{port}/***")
        assert all("Cannot POST ***" in each["last_error"] for each in known)
        for arguments in (["stats", "--url", listener.api_url], ["check", "-o", output], ["buffers", "show"]):
            done = run_cli(listener.directory, *arguments)
            assert "***" in done.stdout or arguments[0] == "buffers", done
            shown.append(done.stdout + done.stderr)
        listener.stop()
        shown.append(listener.log)
        done = run_cli(listener.directory, "buffers", "send", "webhook", "--to", output, "--timeout", "1")
        shown.append(done.stdout + done.stderr)
        done = run_cli(tmp_path, "send", "hello", "--to", f"gelf+http://ann:{PASSWORD}@127.0.0.1:{port}/s/{TOKEN}")
        assert "Cannot POST ***" in done.stderr
        shown.append(done.stdout + done.stderr)
    for text in shown:
        assert not [secret for secret in SECRETS if secret in text], text


def test_the_log_of_libraries_shows_none(start: Start) -> None:
    """With `log_level=debug` they tell of much."""
    with telltale(404) as port:
        listener = start(
            "gelf+udp://127.0.0.1:0",
            outputs=[
                f"webhook+http://ann:{PASSWORD}@127.0.0.1:{port}/services/{TOKEN}",
                f"amqp://ann:{PASSWORD}@127.0.0.1:{free_port()}/vhost",
            ],
            arguments=["--log-level", "debug"],
        )
        run_cli(listener.directory, "send", "hello", "--to", f"gelf+udp://127.0.0.1:{listener.port('gelf+udp')}")
        listener.said("Cannot POST ***", 10)
        listener.stop()
    assert not [secret for secret in SECRETS if secret in listener.log], listener.log
