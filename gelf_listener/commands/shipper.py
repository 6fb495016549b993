"""
Shipper: sends what a command printed to a listener, in a thread of its own.

Guarantee: the command never waits for the far side. What does not fit the bounded queue while the far side is down or
slow is dropped and counted; everything else is sent, at least once, within the time that is given at the end.
"""

from __future__ import annotations

import http.client
import socket
import threading
import time
from collections import deque
from collections.abc import Mapping

from gelf_listener.address import Address
from gelf_listener.codec.batch import Batch
from gelf_listener.codec.lines import LineDecoder
from gelf_listener.commands.send import Sender, make_sender
from gelf_listener.errors import OutputError
from gelf_listener.message import FieldValue

__all__ = ["MAX_QUEUED_BYTES", "Shipper"]

MAX_QUEUED_BYTES = 64 * 1024 * 1024
"""Output that may wait for the far side."""

_CHUNK_BYTES = 1420
_MOST_MESSAGES = 500
"""Messages sent at once, where the transport takes several."""

_DELAYS = (0.1, 0.2, 0.5, 1.0, 2.0)
"""Seconds between attempts."""

_BETWEEN = {"gelf+tcp": b"\0", "gelf+tls": b"\0", "gelf+http": b"\n", "gelf+https": b"\n"}
"""What stands between several messages of one sending; UDP takes one at a time."""


class Shipper:
    """
    Takes output as it comes and sends it as messages.

    Args:
        to: Address of a listener.
        fields: On every message that is no GELF document.
        drain_seconds: Time to send the rest at the end.
    """

    def __init__(self, to: str, fields: Mapping[str, FieldValue], drain_seconds: float) -> None:
        self.dropped = 0
        """Lines and messages that could not be sent."""
        self.problem = ""
        """Why, as last heard."""
        self._to = to
        self._between = _BETWEEN.get(Address.parse(to).scheme)
        self._drain_seconds = drain_seconds
        host = socket.gethostname() or "localhost"
        self._decoders = {
            "stdout": LineDecoder(host, 6, fields={**fields, "stream": "stdout"}),
            "stderr": LineDecoder(host, 3, fields={**fields, "stream": "stderr"}),
        }
        self._queue: deque[tuple[str, bytes, float]] = deque()
        self._queued_bytes = 0
        self._gaps: set[str] = set()
        """Streams whose next line lost its beginning."""
        self._changed = threading.Condition()
        self._ending = 0.0
        """When to give up, once the command has ended."""
        self._sender: Sender | None = None
        self._thread = threading.Thread(target=self._run, name="shipper", daemon=True)

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def take(self, stream: str, data: bytes) -> None:
        """Queue output of a stream; never blocks."""
        with self._changed:
            if self._queued_bytes + len(data) > MAX_QUEUED_BYTES:
                self.dropped += data.count(b"\n")
                self._gaps.add(stream)
                return
            if stream in self._gaps:
                start = data.find(b"\n") + 1
                if not start:
                    return
                data = b"\n" + data[start:]  # ends the line whose end was dropped
                self._gaps.discard(stream)
                self.dropped += 1
            self._queue.append((stream, data, round(time.time(), 6)))
            self._queued_bytes += len(data)
            self._changed.notify()

    def close(self) -> None:
        """Send the rest, as long as there is time."""
        with self._changed:
            self._ending = time.monotonic() + self._drain_seconds
            self._changed.notify()
        self._thread.join(self._drain_seconds + 1)
        if self._thread.is_alive():  # in a system call of the far side's making; the thread ends with the process
            with self._changed:
                self.dropped += sum(data.count(b"\n") for _, data, _ in self._queue)

    def _run(self) -> None:
        while True:
            taken, last = self._wait()
            batch = Batch()
            for stream, data, at in taken:
                self._decoders[stream].feed(data, at, batch)
            now = round(time.time(), 6)
            for decoder in self._decoders.values():
                decoder.feed_eof(now, batch) if last else decoder.expire(now, batch)
            self.dropped += len(batch.rejected)
            self._send([message.to_gelf() for message in batch.messages])
            if last:
                break
        if self._sender is not None:
            self._hang_up()

    def _wait(self) -> tuple[list[tuple[str, bytes, float]], bool]:
        """Wait for output, or until a line has waited long enough; return it, and whether it is the last."""
        with self._changed:
            deadlines = [decoder.deadline for decoder in self._decoders.values() if decoder.deadline is not None]
            if not self._queue and not self._ending:
                self._changed.wait(max(min(deadlines) - time.time(), 0.001) if deadlines else None)
            taken: list[tuple[str, bytes, float]] = []
            size = 0
            while self._queue and size < 1024 * 1024:
                taken.append(self._queue.popleft())
                size += len(taken[-1][1])
            self._queued_bytes -= size
            return taken, bool(self._ending) and not self._queue

    def _send(self, payloads: list[bytes]) -> None:
        """Send messages, again and again until they are taken or time is up."""
        step = _MOST_MESSAGES if self._between is not None else 1
        for start in range(0, len(payloads), step):
            part = payloads[start : start + step]
            attempt = 0
            while not self._sent((self._between or b"").join(part)):
                delay = _DELAYS[min(attempt, len(_DELAYS) - 1)]
                attempt += 1
                if self._ending and time.monotonic() + delay > self._ending:
                    self.dropped += len(payloads) - start
                    return
                with self._changed:
                    self._changed.wait_for(lambda: bool(self._ending), delay)
                if self._ending:
                    time.sleep(min(delay, 0.1))

    def _sent(self, payload: bytes) -> bool:
        """Send once; return whether that worked."""
        try:
            if self._sender is None:
                self._sender = make_sender(self._to, _CHUNK_BYTES)
            self._sender.send(payload)
        except (OSError, OutputError, http.client.HTTPException) as error:
            self.problem = getattr(error, "strerror", None) or str(error) or type(error).__name__
            self._hang_up()
            return isinstance(error, OutputError) and self._between is None  # UDP: nobody listens, or too large
        return True

    def _hang_up(self) -> None:
        sender, self._sender = self._sender, None
        if sender is not None:
            try:
                sender.close()
            except (OSError, OutputError) as error:
                self.problem = str(error)
