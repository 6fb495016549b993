"""A destination that is slow, refuses, lies, breaks off and goes away, and that knows what it said it had taken."""

from __future__ import annotations

import contextlib
import gzip
import json
import random
import re
import socket
import struct
import threading
import time
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

__all__ = ["MOODS", "POISON", "Destination", "text_of"]

_TEXT = re.compile(rb"m(\d+);")
_ID = re.compile(rb'"(?:_id|id)": ?"([0-9A-Z]{26})"')

POISON = 13
"""Messages whose number is this, modulo 97, are denied for good, by themselves and whatever batch they are in."""

_RETRY_AFTER = ("0", "\xb2", "7\xbd", "-1", "soon", "", "1", "Wed, 21 Oct 2015 07:28:00 GMT", "0.5", "+0")

MOODS: dict[str, dict[str, float]] = {
    "fine": {"take": 1},
    "slow": {"take": 1, "slow": 3},
    "busy": {"take": 1, "later": 4},
    "broken": {"take": 1, "error": 2, "garbage": 1, "reset": 1, "locked": 1},
    "lying": {"take": 2, "taken_and_error": 1, "taken_and_reset": 1, "truncated": 1, "bomb": 0.3, "not_gzip": 0.5},
    "hanging": {"take": 1, "hang": 1},
}
"""What each request may get, and how often; `gone` is a mood of its own: nothing is listening."""


def text_of(number: int) -> str:
    """Return what a message says; its end shows that it is whole."""
    return f"m{number};"


def poisoned(number: int) -> bool:
    return number % 97 == POISON


class Destination:
    """
    An HTTP server that takes GELF, JSON and bulk requests of OpenSearch on any path.

    The first part of the path names who sends; the sets below are kept by it.

    Args:
        port: Where it listens, while it does.
        seed: Of what it answers.
    """

    def __init__(self, port: int, seed: int) -> None:
        self.port = port
        self.mood = "fine"
        self.taken: dict[str, set[int]] = {}
        """Numbers it said it had taken."""
        self.denied: dict[str, set[int]] = {}
        """Numbers it said, of one message, that it would never take."""
        self.ids: dict[int, set[str]] = {}
        """Ids that came with a number."""
        self.answers: dict[str, int] = {}
        """How many of each kind it gave."""
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        self._server: _Server | None = None
        self._stopping = threading.Event()

    def change(self, mood: str) -> None:
        """Behave otherwise from now on."""
        self.mood = mood
        if mood == "gone":
            self.close()
        elif self._server is None:
            self._open()

    def _open(self) -> None:
        owner = self
        self._stopping.clear()

        class Handler(_Handler):
            destination = owner

        deadline = time.monotonic() + 60
        while True:
            try:
                self._server = _Server(("127.0.0.1", self.port), Handler)
                break
            except OSError:  # somebody's outgoing connection has the port for a moment
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        """Stop listening; connections that are open break off."""
        server, self._server = self._server, None
        self._stopping.set()
        if server is not None:
            server.shutdown()
            server.server_close()
            server.break_off()

    def wait(self, seconds: float) -> None:
        """Wait, unless the destination goes away."""
        self._stopping.wait(seconds)

    def choose(self) -> str:
        """Choose what a request gets."""
        with self._lock:
            kinds = MOODS.get(self.mood, MOODS["fine"])
            kind = self._random.choices(list(kinds), list(kinds.values()))[0]
            self.answers[kind] = self.answers.get(kind, 0) + 1
            return kind

    def pick(self, *values: Any) -> Any:
        """Choose one of some values."""
        with self._lock:
            return self._random.choice(values)

    def take(self, who: str, numbers: Sequence[int]) -> None:
        """Note that these were taken."""
        with self._lock:
            self.taken.setdefault(who, set()).update(numbers)

    def deny(self, who: str, number: int) -> None:
        """Note that this one is denied for good."""
        with self._lock:
            self.denied.setdefault(who, set()).add(number)

    def saw(self, number: int, id: str) -> None:
        """Note the id that came with a number."""
        with self._lock:
            self.ids.setdefault(number, set()).add(id)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, *arguments: Any) -> None:
        self._sockets: set[socket.socket] = set()
        super().__init__(*arguments)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._sockets.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._sockets.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: connections that break are what this is about."""

    def break_off(self) -> None:
        for sock in list(self._sockets):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    destination: Destination
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_POST(self) -> None:
        kind = self.destination.choose()
        if kind == "reset":
            return self._reset()
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        if self.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        if kind in ("slow", "hang"):
            self.destination.wait(self.destination.pick(0.02, 0.1, 0.3) if kind == "slow" else 4)
        if kind in ("take", "slow"):
            return self._judge(body)
        who, numbers = self._who, _numbers(body)
        if kind == "later":
            return self._answer(self.destination.pick(503, 429, 408), retry_after=self.destination.pick(*_RETRY_AFTER))
        if kind in ("error", "locked", "hang"):
            return self._answer(
                self.destination.pick(500, 502, 301) if kind != "locked" else self.destination.pick(401, 404)
            )
        if kind == "garbage":
            self.wfile.write(b"\x16\x03\x01 what is this\r\n\r\n")
            self.close_connection = True
            return None
        # It has what it was sent, and says something else: messages come again, and must not be lost for it.
        del who, numbers
        if kind == "taken_and_error":
            return self._answer(500)
        if kind == "taken_and_reset":
            return self._reset()
        if kind == "truncated":
            self.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{")
            self.close_connection = True
            return None
        if kind == "bomb":
            return self._answer(200, gzip.compress(bytes(32 << 20), 1), content_encoding="gzip")
        return self._answer(200, b"not gzip", content_encoding="gzip")

    @property
    def _who(self) -> str:
        return self.path.strip("/").partition("/")[0]

    def _judge(self, body: bytes) -> None:
        """Take what can be taken, and say honestly what was."""
        who, numbers = self._who, _numbers(body)
        for line in body.split(b"\n"):
            for number, id in zip(_numbers(line), _ID.findall(line), strict=False):
                self.destination.saw(number, id.decode())
        if self.path.endswith("/_bulk") or "_bulk?" in self.path:
            return self._bulk(who, numbers)
        bad = [number for number in numbers if poisoned(number)]
        if bad:
            if len(numbers) == 1:
                self.destination.deny(who, numbers[0])
            return self._answer(400, b"one of these is poison")
        self._answer(self.destination.pick(200, 202, 204), taken=numbers)
        return None

    def _bulk(self, who: str, numbers: Sequence[int]) -> None:
        """Answer for each document by itself; some have to come again, and sometimes an answer is short."""
        items: list[dict[str, Any]] = []
        taken, denied = [], []
        short = len(numbers) > 1 and self.destination.pick(*[False] * 20, True)
        for number in numbers[: len(numbers) // 2] if short else numbers:
            status = 400 if poisoned(number) else self.destination.pick(*[201] * 30, 409, 429, 503)
            items.append({"create": {"status": status, **({"error": {"type": "x"}} if status > 300 else {})}})
            if status in (201, 409):
                taken.append(number)
            elif status == 400:
                denied.append(number)
        errors = any(item["create"]["status"] > 300 for item in items) or short
        self._answer(200, json.dumps({"errors": errors, "items": items}).encode(), taken=[] if short else taken)
        for number in [] if short else denied:
            self.destination.deny(who, number)

    def _answer(
        self,
        status: int,
        body: bytes = b"",
        *,
        taken: Sequence[int] = (),
        retry_after: str | None = None,
        content_encoding: str | None = None,
    ) -> None:
        # Noted first: once the answer is out, the listener may forget them.
        self.destination.take(self._who, taken)
        self.send_response(status)
        if status != 204:
            self.send_header("content-length", str(len(body)))
        if retry_after is not None:
            self.send_header("retry-after", retry_after)
        if content_encoding is not None:
            self.send_header("content-encoding", content_encoding)
        self.end_headers()
        if status != 204:
            self.wfile.write(body)

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True


def _numbers(body: bytes) -> list[int]:
    """Return the numbers of the messages in a body, each once, in order."""
    return list(dict.fromkeys(int(number) for number in _TEXT.findall(body)))
