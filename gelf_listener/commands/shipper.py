"""
Shipper: sends what a command printed to a listener, in a thread of its own.

Guarantee: the command never waits for the far side. What does not fit the bounded queue while the far side is down or
slow is dropped and counted; everything else is sent, at least once, within the time that is given at the end.
"""

from __future__ import annotations

import datetime as dt
import http.client
import socket
import threading
import time
import zlib
from collections import deque
from collections.abc import Iterator, Mapping

from gelf_listener.address import Address
from gelf_listener.codec.batch import Batch
from gelf_listener.codec.text.lines import LineDecoder
from gelf_listener.commands.send import Sender, make_sender
from gelf_listener.errors import OutputError, Retry, describe
from gelf_listener.message import FieldValue

__all__ = ["MAX_QUEUED_BYTES", "Shipper"]

MAX_QUEUED_BYTES = 64 * 1024 * 1024
"""Output that may wait for the far side."""

_CHUNK_BYTES = 1420
_MOST_MESSAGES = 500
_MOST_BYTES = 1024 * 1024
"""Messages sent at once, where the transport takes several, and about what they may weigh together."""

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
        zone: Of times without an offset; None: this machine's.
    """

    def __init__(
        self, to: str, fields: Mapping[str, FieldValue], drain_seconds: float, zone: dt.tzinfo | None = None
    ) -> None:
        self.dropped = 0
        """Lines and messages that could not be sent."""
        self.problem = ""
        """Why, as last heard."""
        self._left = 0
        """Messages that are being sent."""
        self._to = to
        self._between = _BETWEEN.get(Address.parse(to).scheme)
        self._drain_seconds = drain_seconds
        host = socket.gethostname() or "localhost"
        self._decoders = {
            "stdout": LineDecoder(host, 6, fields={**fields, "stream": "stdout"}, zone=zone),
            "stderr": LineDecoder(host, 3, fields={**fields, "stream": "stderr"}, zone=zone),
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
                self.dropped += self._left + sum(data.count(b"\n") for _, data, _ in self._queue)
                self.problem = self.problem or "it takes nothing"

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

    def _parts(self, payloads: list[bytes]) -> Iterator[list[bytes]]:
        """Cut messages into what is sent at once."""
        part: list[bytes] = []
        size = 0
        for payload in payloads:
            full = self._between is None or len(part) >= _MOST_MESSAGES or size + len(payload) > _MOST_BYTES
            if part and full:
                yield part
                part, size = [], 0
            part.append(payload)
            size += len(payload)
        if part:
            yield part

    def _send(self, payloads: list[bytes]) -> None:
        """Send messages, again and again until they are taken, refused for good, or time is up."""
        self._left = len(payloads)
        for part in self._parts(payloads):
            attempt = 0
            while not self._sent(part):
                delay = _DELAYS[min(attempt, len(_DELAYS) - 1)]
                attempt += 1
                if self._ending and time.monotonic() + delay > self._ending:
                    self.dropped += self._left
                    self._left = 0
                    return
                with self._changed:
                    self._changed.wait_for(lambda: bool(self._ending), delay)
                if self._ending:
                    time.sleep(min(delay, 0.1))
            self._left -= len(part)

    def _sent(self, part: list[bytes]) -> bool:
        """Send once; return whether these messages are dealt with: sent, or refused for good and counted."""
        if self._between is not None:
            payload = self._between.join(part)
        elif len(part[0]) > _CHUNK_BYTES:
            payload = zlib.compress(part[0], 1)  # of a message in many chunks one is lost more easily
        else:
            payload = part[0]
        try:
            if self._sender is None:
                self._sender = make_sender(self._to, _CHUNK_BYTES)
            self._sender.send(payload)
        except (OSError, OutputError, http.client.HTTPException) as error:
            self.problem = describe(error)
            self._hang_up()
            if isinstance(error, OutputError) and not isinstance(error, Retry):
                self.dropped += len(part)
                return True
            if self._between is None and isinstance(error, Retry):
                self.dropped += 1  # the one before: UDP tells late that nobody listened
            return False
        return True

    def _hang_up(self) -> None:
        sender, self._sender = self._sender, None
        if sender is not None:
            try:
                sender.close()
            except (OSError, OutputError) as error:
                self.problem = describe(error)
                self.dropped += isinstance(error, Retry)  # UDP's last one
