"""Scenario: one encoding to one target, and who takes part in it."""

from __future__ import annotations

from typing import NamedTuple

from bench.corpus import Encoding
from bench.subjects.graygelf import Graygelf
from bench.subjects.listener import Listener
from bench.subjects.naive import Naive
from bench.subjects.rsyslog import Rsyslog
from bench.subjects.sink import Sink
from bench.subjects.subject import Subject, Target, Task
from bench.subjects.syslog_ng import SyslogNg

__all__ = ["SCENARIOS", "SUBJECTS", "Scenario"]

SUBJECTS: tuple[Subject, ...] = (Listener(), Sink(), Naive(), Rsyslog(), SyslogNg(), Graygelf())
_TO_FILE = ("gelf-listener", "naive asyncio", "rsyslog", "syslog-ng", "graygelf")
_ALONE = ("gelf-listener",)
_WITH_SINK = ("gelf-listener", "bare recvmmsg in C")


class Scenario(NamedTuple):
    """
    What is measured under one name.

    Attributes:
        goal: Messages a second the project wants, without loss where the protocol can lose.
        connections: TCP connections.
        depth: Requests sent before an answer is awaited, on one HTTP connection.
    """

    name: str
    task: Task
    subjects: tuple[str, ...]
    goal: int | None = None
    connections: int = 4
    depth: int = 1

    def takers(self) -> list[Subject]:
        """Return the subjects that take part."""
        return [subject for subject in SUBJECTS if subject.name in self.subjects and subject.takes(self.task)]


_F, _N = Target.FILE, Target.NULL

# 100 MB/s of the larger chunks is what the issue asks for; the rates below are messages of 128 chunks each.
SCENARIOS: tuple[Scenario, ...] = (
    Scenario("udp-plain-file", Task(Encoding.PLAIN, _F), _TO_FILE, 200_000),
    Scenario("udp-plain-null", Task(Encoding.PLAIN, _N), _WITH_SINK),
    Scenario("udp-zlib-file", Task(Encoding.ZLIB, _F), _TO_FILE, 140_000),
    Scenario("udp-zlib-null", Task(Encoding.ZLIB, _N), _ALONE),
    Scenario("udp-gzip-file", Task(Encoding.GZIP, _F), _ALONE),
    Scenario(
        "udp-chunked-1420-file", Task(Encoding.CHUNKED_1420, _F), (*_ALONE, "graygelf"), 100_000_000 // (128 * 1420)
    ),
    Scenario("udp-chunked-8154-file", Task(Encoding.CHUNKED_8154, _F), _ALONE, 100_000_000 // (128 * 8154)),
    Scenario("udp-chunked-8154-null", Task(Encoding.CHUNKED_8154, _N), _WITH_SINK),
    Scenario("udp-syslog-file", Task(Encoding.SYSLOG, _F), _ALONE, 150_000),
    Scenario("tcp-plain-file", Task(Encoding.TCP, _F), _TO_FILE, 300_000),
    Scenario("tcp-plain-null", Task(Encoding.TCP, _N), _WITH_SINK),
    Scenario("http-single-file", Task(Encoding.HTTP, _F), _ALONE, 60_000, connections=32),
    Scenario("http-single-null", Task(Encoding.HTTP, _N), _WITH_SINK, connections=32),
    Scenario("http-pipelined-file", Task(Encoding.HTTP, _F), _ALONE, 60_000, connections=8, depth=16),
    Scenario("http-pipelined-null", Task(Encoding.HTTP, _N), _WITH_SINK, connections=8, depth=16),
    Scenario("http-ndjson-file", Task(Encoding.NDJSON, _F), _ALONE, 250_000, connections=8),
    Scenario("http-ndjson-null", Task(Encoding.NDJSON, _N), _ALONE, connections=8),
)
