"""
Shipper: sends what a command printed to a listener, in a thread of its own.

Guarantee: the command never waits for the destination. What does not fit the bounded queue while the destination is
down or slow is dropped and counted; everything else is sent, at least once, within the time that is given at the end.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import socket
import threading
import time
from collections import deque
from collections.abc import Mapping

from gelf_listener.codec.batch import Batch
from gelf_listener.codec.text.lines import LineDecoder
from gelf_listener.commands.delivery import Delivery
from gelf_listener.errors import OutputError
from gelf_listener.message import FieldValue

MAX_QUEUED_BYTES = 64 * 1024 * 1024
"""Output that may wait for the destination."""

_CLOSE_SECONDS = 5.0
"""How long the output may take to end beyond the drain time."""


class Shipper:
    """
    Takes output as it comes and sends it as messages.

    Args:
        to: Address of a listener, with any setting of the output.
        fields: On every message that is not a GELF document.
        drain_seconds: Time to send the rest at the end.
        zone: Of times without an offset; None: this machine's.
        charset: Of lines that are not UTF-8; empty: none.

    Raises:
        ConfigError: If the address does not fit.
    """

    def __init__(
        self,
        to: str,
        fields: Mapping[str, FieldValue],
        drain_seconds: float,
        zone: dt.tzinfo | None = None,
        charset: str = "",
    ) -> None:
        self.dropped = 0
        """Lines and messages that could not be sent."""
        self.kept = 0
        """Messages that a buffer on disk keeps."""
        bulk = {"bulk": True} if to.lower().startswith("gelf+http") else {}
        self._delivery = Delivery(to, bulk, patient=True)
        self.address = self._delivery.address
        self._drain_seconds = drain_seconds
        host = socket.gethostname() or "localhost"
        self._decoders = {
            "stdout": LineDecoder(host, 6, fields={**fields, "stream": "stdout"}, zone=zone, charset=charset),
            "stderr": LineDecoder(host, 3, fields={**fields, "stream": "stderr"}, zone=zone, charset=charset),
        }
        self._queue: deque[tuple[str, bytes, float]] = deque()
        self._queued_bytes = 0
        self._gaps: set[str] = set()
        """Streams whose next line lost its beginning."""
        self._changed = threading.Condition()
        self._ending = 0.0
        """When to give up, once the command has ended."""
        self._put = 0
        """Messages that were given to the output."""
        self._thread = threading.Thread(target=self._run, name="shipper", daemon=True)

    @property
    def problem(self) -> str:
        """Why lines were not sent, as last heard; empty without a reason."""
        return self._delivery.problem

    def start(self) -> None:
        """
        Begin to send.

        Raises:
            ConfigError: If the output can never work.
        """
        self._delivery.start()
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
        self._thread.join(self._drain_seconds + _CLOSE_SECONDS)
        if self._thread.is_alive():  # the output does not end; its threads end with the process
            with self._changed:
                self.dropped += self._put + sum(data.count(b"\n") for _, data, _ in self._queue)

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
            if self._ending and time.monotonic() > self._ending:
                self.dropped += len(batch.messages)  # the output takes nothing, or too slowly
            else:
                self._delivery.put(batch.messages, self._time_is_up)
                self._put += len(batch.messages)
            if last:
                break
        with contextlib.suppress(OutputError):
            self._delivery.finish(max(self._ending - time.monotonic(), 0.0))
        self.dropped += self._delivery.lost + self._delivery.refused
        self.kept = self._delivery.kept

    def _time_is_up(self) -> bool:
        return bool(self._ending) and time.monotonic() > self._ending

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
