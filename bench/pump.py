"""Pump: sends a corpus at a given rate. The C program where there is a compiler, its slow twin in Python elsewhere."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple, Self

from bench.native import program
from bench.process import StartError
from bench.sockets import LOOPBACK

__all__ = ["UNLIMITED", "Order", "Pump", "Sent", "Transport"]

UNLIMITED = 10**12
"""A count for runs that are bounded in time."""


class Transport(StrEnum):
    """What the pump speaks."""

    UDP = "udp"
    UDP_MANY = "udp-many"
    """UDP from several sockets, for receivers that divide senders; not without a C compiler."""
    TCP = "tcp"
    HTTP = "http"


@dataclass(frozen=True)
class Order:
    """
    What to send.

    Attributes:
        rate: Messages a second; 0 is flat out.
        depth: Requests on the way on one HTTP connection.
    """

    transport: Transport
    port: int
    corpus: Path
    seconds: float
    count: int = UNLIMITED
    rate: float = 0.0
    connections: int = 4
    depth: int = 1
    first_serial: int = 0


class Sent(NamedTuple):
    """What was sent. `accepted` counts 2xx answers, each for one request."""

    messages: int
    records: int
    bytes: int
    seconds: float
    cpu_seconds: float
    answers: int
    accepted: int

    @property
    def rate(self) -> float:
        """Messages a second, as achieved."""
        return self.messages / self.seconds


class Pump:
    """
    Sends orders.

    Args:
        folder: Where the compiled program goes.
    """

    def __init__(self, folder: Path) -> None:
        binary = program("pump", folder)
        self.native = binary is not None
        self._command = [str(binary)] if binary else [sys.executable, "-m", "bench.slowpump"]

    def run(self, order: Order) -> Sent:
        """Send and wait for the end, at most a little longer than the order allows."""
        with self.start(order) as sending:
            return sending.result(order.seconds + 20)

    def start(self, order: Order) -> Sending:
        """Send beside other work."""
        count = order.count if order.rate == 0 else min(order.count, int(order.rate * order.seconds))
        # The deadline is later than a paced run's end: all of its messages are to be sent even when it is a bit late.
        deadline = order.seconds if order.rate == 0 else order.seconds * 1.5
        parts = (
            order.transport, LOOPBACK, order.port, order.corpus, count, order.rate, order.connections, order.depth,
            order.first_serial, deadline,
        )  # fmt: skip
        return Sending([*self._command, *map(str, parts)])


class Sending:
    """A pump at work; leaving the block ends it."""

    def __init__(self, command: list[str]) -> None:
        self._popen = subprocess.Popen(
            command, cwd=Path(__file__).parent.parent, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    def running(self) -> bool:
        """Tell whether it still sends."""
        return self._popen.poll() is None

    def result(self, timeout_seconds: float) -> Sent:
        """Wait for the end."""
        try:
            output, errors = self._popen.communicate(timeout=timeout_seconds)
        except subprocess.TimeoutExpired as error:
            raise StartError(f"pump: not done after {timeout_seconds:.0f} s") from error
        if self._popen.returncode != 0:
            raise StartError(f"pump: {errors.decode(errors='replace').strip()[-200:]}")
        return Sent(**json.loads(output))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._popen.poll() is None:
            self._popen.kill()
            self._popen.communicate(timeout=5)
