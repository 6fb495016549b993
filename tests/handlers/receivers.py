"""Tiny receivers on loopback: each takes a free port, keeps what it gets, and misbehaves as told."""

from __future__ import annotations

import contextlib
import gzip
import json
import random
import socket
import ssl
import threading
import time
import zlib
from collections import deque


def wait_for(condition, seconds=15.0):
    """Return whether a condition came true in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.005)
    return bool(condition())


def inflate(data):
    if data[:2] == b"\x1f\x8b":
        return gzip.decompress(data)
    if data[:1] == b"\x78" and int.from_bytes(data[:2], "big") % 31 == 0:
        return zlib.decompress(data)
    return data


def free_port(kind=socket.SOCK_STREAM, family=socket.AF_INET):
    """Below the ports that the system gives to clients and to other tests: it stays free until it is used."""
    for _ in range(1000):
        port = random.SystemRandom().randrange(15_000, 32_000)
        with socket.socket(family, kind) as probe, contextlib.suppress(OSError):
            probe.bind(("::1" if family == socket.AF_INET6 else "127.0.0.1", port))
            return port
    raise AssertionError("no port is free")


class _Receiver:
    def __init__(self):
        self.payloads = []
        self._stop = threading.Event()
        self._threads = []

    def _spawn(self, target, *arguments):
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    @property
    def messages(self):
        return [json.loads(payload) for payload in list(self.payloads)]

    @property
    def texts(self):
        return [message["short_message"] for message in self.messages]

    def wait(self, count=1, seconds=15.0):
        """Wait for so many messages and return them."""
        wait_for(lambda: len(self.payloads) >= count, seconds)
        assert len(self.payloads) >= count, f"{len(self.payloads)} of {count} messages arrived"
        return self.messages

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self._stop.set()
        for thread in self._threads:
            thread.join(5)


class UDPReceiver(_Receiver):
    """Takes datagrams, puts chunks together."""

    def __init__(self, port=0, family=socket.AF_INET):
        super().__init__()
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self.socket.bind(("::1" if family == socket.AF_INET6 else "127.0.0.1", port))
        self.socket.settimeout(0.1)
        self.port = self.socket.getsockname()[1]
        self.datagrams = []
        self._chunks = {}
        self._spawn(self._run)

    def _run(self):
        while not self._stop.is_set():
            try:
                data = self.socket.recv(65536)
            except TimeoutError:
                continue
            except OSError:
                return
            self.datagrams.append(data)
            if data[:2] == b"\x1e\x0f":
                parts = self._chunks.setdefault(data[2:10], {})
                parts[data[10]] = data[12:]
                if len(parts) == data[11]:
                    self.payloads.append(inflate(b"".join(parts[number] for number in range(data[11]))))
            else:
                self.payloads.append(inflate(data))

    def close(self):
        super().close()
        self.socket.close()


class TCPReceiver(_Receiver):
    """
    Takes frames ended by NUL (or octet-counted ones).

    `reading` may be cleared to stop reading while staying connected.
    """

    def __init__(
        self, port=0, context=None, *, octet_counted=False, family=socket.AF_INET, rcvbuf=None, close_after=None
    ):
        super().__init__()
        self.context = context
        self.octet_counted = octet_counted
        self.close_after = close_after
        self.partial = []
        self.connections = []
        self.accepted = 0
        self.names = []
        self.peer_certificates = []
        self.reading = threading.Event()
        self.reading.set()
        self.listener = socket.socket(family, socket.SOCK_STREAM)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if rcvbuf:
            self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        self.listener.bind(("::1" if family == socket.AF_INET6 else "127.0.0.1", port))
        self.listener.listen(64)
        self.listener.settimeout(0.1)
        self.port = self.listener.getsockname()[1]
        self._spawn(self._accept)

    def _accept(self):
        while not self._stop.is_set():
            try:
                connection, _ = self.listener.accept()
            except TimeoutError:
                continue
            except OSError:
                return
            self.accepted += 1
            self._spawn(self._serve, connection)

    def _serve(self, connection):
        try:
            connection.settimeout(10)
            if self.context is not None:
                connection = self.context.wrap_socket(connection, server_side=True)
                self.peer_certificates.append(connection.getpeercert())
            connection.settimeout(0.1)
            self.connections.append(connection)
            self.handle(connection)
        except (OSError, ssl.SSLError):
            pass
        finally:
            connection.close()

    def handle(self, connection):
        buffer = b""
        taken = 0
        while not self._stop.is_set():
            if not self.reading.wait(0.1):
                continue
            try:
                data = connection.recv(1 << 18)
            except TimeoutError:
                continue
            except OSError:
                data = b""
            if not data:
                break
            frames, buffer = self.split(buffer + data)
            self.payloads.extend(frames)
            taken += len(frames)
            if self.close_after is not None and taken >= self.close_after:
                self.close_after = None
                break
        if buffer:
            self.partial.append(buffer)

    def split(self, data):
        if not self.octet_counted:
            *frames, rest = data.split(b"\0")
            return frames, rest
        frames = []
        while (space := data.find(b" ")) > 0 and len(data) >= space + 1 + int(data[:space]):
            end = space + 1 + int(data[:space])
            frames.append(data[space + 1 : end])
            data = data[end:]
        return frames, data

    def close(self):
        self._stop.set()
        self.listener.close()
        super().close()


class HTTPReceiver(TCPReceiver):
    """
    Takes POSTs and answers as told.

    Args:
        replies: Statuses, or (status, headers) pairs, or "close" or "silent", for the first requests; then 202.
        bulk: Take several messages per body; otherwise, as Graylog, only the first counts.
        server: The Server header.
        close_each: Say ``Connection: close`` and do so after each reply.
    """

    def __init__(self, *, replies=(), bulk=False, server=None, close_each=False, chunked=False, **options):
        self.replies = deque(replies)
        self.bulk = bulk
        self.server = server
        self.close_each = close_each
        self.chunked = chunked
        self.requests = []
        super().__init__(**options)

    def handle(self, connection):
        connection.settimeout(0.1)
        self.buffer = b""
        buffer = b""
        while not self._stop.is_set():
            if not self.reading.wait(0.1):
                continue
            while (end := buffer.find(b"\r\n\r\n")) < 0:
                buffer = self._more(connection, buffer)
            head, buffer = buffer[:end].decode("latin-1"), buffer[end + 4 :]
            line, *lines = head.split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (text.partition(":") for text in lines)}
            length = int(headers["content-length"])
            while len(buffer) < length:
                buffer = self._more(connection, buffer)
            body, buffer = buffer[:length], buffer[length:]
            self.requests.append((line, headers, body))
            reply = self.replies.popleft() if self.replies else 202
            status, more = reply if isinstance(reply, tuple) else (reply, {})
            if status == "close":
                return
            if status == "silent":
                self._stop.wait(30)
                return
            if 200 <= status < 300:
                text = gzip.decompress(body) if headers.get("content-encoding") == "gzip" else body
                messages = [part for part in text.split(b"\n") if part] if self.bulk else [text.split(b"\n")[0]]
                self.payloads.extend(messages)
            answer = [f"HTTP/1.1 {status} Reason", *(f"{name}: {value}" for name, value in more.items())]
            if self.server:
                answer.append(f"Server: {self.server}")
            if self.close_each:
                answer.append("Connection: close")
            if self.chunked:
                answer += ["Transfer-Encoding: chunked", "", "2", "ok", "0", "", ""]
            else:
                answer += ["Content-Length: 0", "", ""]
            connection.sendall("\r\n".join(answer).encode())
            if self.close_each:
                return

    def _more(self, connection, buffer):
        while not self._stop.is_set():
            try:
                data = connection.recv(1 << 18)
            except TimeoutError:
                continue
            if not data:
                raise ConnectionResetError
            return buffer + data
        raise ConnectionResetError
