"""
The listener as its users run it: a process, started with a command line, watched from outside.

Nothing here reaches into the process. What is known of it comes from its stderr, its output file, its HTTP API
and ``/proc``.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self
from urllib.parse import urlsplit

from tests.e2e import forks

__all__ = ["ANSWER_SECONDS", "Endpoint", "Listener", "free_port", "run_cli", "until"]

_random = random.SystemRandom()

PATIENCE = 5
"""How much longer than on a quiet machine a test waits before it fails: machines that test are shared."""

ANSWER_SECONDS = 10.0 * PATIENCE
"""How long a test waits for an answer; the first one has the API loaded."""

_START_SECONDS = 60.0
"""Generous: CI's machine has two busy cores. How long it really takes is measured by bench."""

_STOP_SECONDS = 40.0


class Endpoint(NamedTuple):
    """Where one input listens."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def address(self) -> tuple[str, int]:
        """Host and port, as `socket.connect` takes them."""
        return self.host, self.port


def free_port(host: str = "127.0.0.1") -> int:
    """Return a port that is free for UDP and TCP just now."""
    for _ in range(1000):
        port = _random.randrange(15_000, 32_000)  # below what the system gives to clients, and to other tests
        with (
            socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
            contextlib.suppress(OSError),
        ):
            tcp.bind((host, port))
            udp.bind((host, port))
            return port
    raise AssertionError("no port is free for UDP and TCP alike")


def until(condition: Callable[[], Any], seconds: float = 10.0, what: str = "the condition") -> Any:
    """Wait until a condition holds and return its value; fail when it does not in time (on a quiet machine)."""
    seconds *= PATIENCE
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come true within {seconds:g} s (last value: {value!r})")
        time.sleep(0.01)


def _environment(directory: Path, extra: Mapping[str, str] | None) -> dict[str, str]:
    """The caller's environment without settings of a listener, its state kept below a directory."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GELF_")}
    environment.pop("NOTIFY_SOCKET", None)
    environment.update({"XDG_STATE_HOME": str(directory / "state"), "NO_COLOR": "1", "PYTHONUNBUFFERED": "1"})
    environment.update(extra or {})
    return environment


def run_cli(
    directory: Path, *arguments: str, environment: Mapping[str, str] | None = None, seconds: float = 60.0
) -> subprocess.CompletedProcess[str]:
    """Run a command line that ends by itself."""
    return forks.run(arguments, directory, _environment(directory, environment), seconds)


class Listener:
    """
    One running listener. A context manager: the process is gone when the block ends, however it ends.

    Args:
        directory: Its working directory; the output file goes there too.
        inputs: Addresses; port 0 picks a free one.
        outputs: Addresses; by default one file that `lines` reads.
        arguments: More flags.
        environment: Variables beside the caller's.
        api: Where the API listens.
        plain: Give no flags at all but ``arguments``: what a user without configuration runs.
        output_options: Settings of the default output, ``fsync=...``.
    """

    def __init__(
        self,
        directory: Path,
        *inputs: str,
        outputs: Sequence[str] | None = None,
        arguments: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        api: str = "127.0.0.1:0",
        plain: bool = False,
        output_options: str = "",
    ) -> None:
        self.directory = directory
        self.file = directory / "messages.jsonl"
        self.stderr: list[str] = []
        self.started_seconds = 0.0
        """From the start of the process to its saying that it listens."""
        if outputs is None:
            outputs = [f"file://{self.file}" + (f"?{output_options}" if output_options else "")]
        self.command = ["run"]
        if not plain:
            for address in inputs:
                self.command += ["--input", address]
            for address in outputs:
                self.command += ["--output", address]
            self.command += ["--api", api]
        self.command += arguments
        self._environment = _environment(directory, environment)
        self._process: forks.Process | subprocess.Popen[bytes] | None = None
        self._reader: threading.Thread | None = None
        self._tail = 0
        self._lines: list[dict[str, Any]] = []

    # Life

    def __enter__(self) -> Self:
        began = time.monotonic()
        self._process = forks.start(self.command, self.directory, self._environment, stderr=subprocess.PIPE)
        self._reader = threading.Thread(target=self._read_stderr, daemon=True)
        self._reader.start()
        try:
            self._wait_until_ready()
        except BaseException:
            self.kill()
            raise
        self.started_seconds = time.monotonic() - began
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def _read_stderr(self) -> None:
        assert self._process is not None
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self.stderr.append(line.decode(errors="replace").rstrip("\n"))

    def _announced(self) -> bool:
        """Whether the last announcement is whole: it ends with the API's line, or without API with an output's."""
        text = self.stderr
        if "listening:" not in text:
            return False
        last = len(text) - 1 - text[::-1].index("listening:")
        rest = text[last:]
        if "--api" in self.command and self.command[self.command.index("--api") + 1] == "off":
            return "writing to:" in rest and len(rest) > rest.index("writing to:") + 1
        return any(line.startswith("health and metrics: ") for line in rest)

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while not self._announced():
            assert self._process is not None
            status = self._process.poll()
            if status is not None:
                self._join()
                raise AssertionError(f"the listener ended with status {status} instead of starting:\n{self.log}")
            assert time.monotonic() < deadline, f"the listener did not start within {_START_SECONDS:g} s:\n{self.log}"
            time.sleep(0.002)

    def _join(self) -> None:
        if self._reader is not None:
            self._reader.join(5.0)

    @property
    def pid(self) -> int:
        """The process's id."""
        assert self._process is not None
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def log(self) -> str:
        """All it said so far."""
        return "\n".join(self.stderr)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to this process, by its id."""
        assert self._process is not None
        self._process.send_signal(number)

    def wait(self, seconds: float = _STOP_SECONDS) -> int:
        """Wait for its end and return its exit status."""
        assert self._process is not None
        status = self._process.wait(seconds)
        self._join()
        return status

    def stop(self, seconds: float = _STOP_SECONDS) -> tuple[int, str]:
        """
        End it as a service manager does.

        Returns:
            The exit status and the report, its last line.
        """
        self.signal(signal.SIGTERM)
        status = self.wait(seconds)
        reports = [line for line in self.stderr if line.startswith("stopped: ")]
        return status, reports[-1] if reports else ""

    def kill(self) -> None:
        """End it whatever state it is in."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait(10)
        self._join()
        if self._process is not None and self._process.stderr is not None:
            self._process.stderr.close()

    # What it says

    @property
    def endpoints(self) -> list[Endpoint]:
        """Where its inputs listen, as last announced."""
        start = len(self.stderr) - 1 - self.stderr[::-1].index("listening:")
        found = []
        for line in self.stderr[start + 1 :]:
            if not line.startswith("  "):
                break
            parts = urlsplit(line.strip())
            found.append(Endpoint(parts.scheme, parts.hostname or "", parts.port or 0, parts.path))
        return found

    def endpoint(self, scheme: str, host: str | None = None) -> Endpoint:
        """Return where the first input of a scheme (on a host) listens."""
        for endpoint in self.endpoints:
            if endpoint.scheme == scheme and host in (None, endpoint.host):
                return endpoint
        raise AssertionError(f"no {scheme} input on {host or 'any host'}:\n{self.log}")

    def port(self, scheme: str, host: str | None = None) -> int:
        """Return the port of the first input of a scheme."""
        return self.endpoint(scheme, host).port

    @property
    def api_url(self) -> str:
        """Base URL of the API."""
        for line in reversed(self.stderr):
            if line.startswith("health and metrics: "):
                return line.removeprefix("health and metrics: ").split("/health")[0]
        raise AssertionError(f"no API:\n{self.log}")

    def said(self, text: str, seconds: float = 5.0) -> str:
        """Wait for a line on stderr that contains a text, and return it."""

        def found() -> str:
            return next((line for line in list(self.stderr) if text in line), "")

        line: str = until(found, seconds, f"{text!r} on stderr")
        return line

    # What it wrote

    def lines(self) -> list[dict[str, Any]]:
        """Return all messages in the output file so far, each a JSON object on a line."""
        if not self.file.exists():
            return []
        with self.file.open("rb") as file:
            file.seek(self._tail)
            data = file.read()
        end = data.rfind(b"\n") + 1
        self._tail += end
        self._lines += [json.loads(line) for line in data[:end].splitlines()]
        return self._lines

    def messages(self, count: int, seconds: float = 10.0 * PATIENCE) -> list[dict[str, Any]]:
        """Wait until so many messages are in the output file; fail when there are more, or fewer in time."""
        deadline = time.monotonic() + seconds
        while len(self.lines()) < count:
            if time.monotonic() > deadline or not self.alive:
                raise AssertionError(
                    f"{len(self._lines)} messages instead of {count} within {seconds:g} s:\n"
                    + "\n".join(json.dumps(line)[:500] for line in self._lines[-5:])
                    + f"\nIt said:\n{self.log}"
                )
            time.sleep(0.005)
        assert len(self._lines) == count, f"{len(self._lines)} messages, not {count}: {self._lines[:20]}"
        return list(self._lines)

    # What it tells by HTTP

    def get(self, path: str, seconds: float = ANSWER_SECONDS) -> tuple[int, str]:
        """Ask the API."""
        try:
            with urllib.request.urlopen(self.api_url + path, timeout=seconds) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def metrics(self) -> dict[str, dict[str, float]]:
        """Return the samples of ``/metrics``: name -> labels as text -> value."""
        status, text = self.get("/metrics")
        assert status == 200, text
        found: dict[str, dict[str, float]] = {}
        for line in text.splitlines():
            match = re.fullmatch(r"([A-Za-z_:][A-Za-z0-9_:]*)(?:\{(.*)\})? (\S+)", line)
            if match:
                found.setdefault(match[1], {})[match[2] or ""] = float(match[3])
        return found

    def metric(self, name: str, **labels: str) -> float:
        """Return the sum of a metric's samples that have these labels."""
        wanted = [f'{label}="{value}"' for label, value in labels.items()]
        samples = self.metrics().get(name, {})
        return sum(value for text, value in samples.items() if all(part in text for part in wanted))

    def rejected(self, reason: str = "") -> float:
        """Return how many rejections were counted (with a reason)."""
        return self.metric("gelf_input_rejected_total", **({"reason": reason} if reason else {}))

    def health(self) -> tuple[int, dict[str, Any]]:
        """Return status and document of ``/health``."""
        status, text = self.get("/health")
        return status, json.loads(text)

    # What it costs

    def memory(self) -> tuple[float, float]:
        """Return resident memory now and at its peak, in MiB."""
        text = Path(f"/proc/{self.pid}/status").read_text(encoding="ascii")
        values = {name: int(text.split(f"{name}:")[1].split()[0]) / 1024 for name in ("VmRSS", "VmHWM")}
        return values["VmRSS"], values["VmHWM"]

    def cpu_seconds(self) -> float:
        """Return the processor time it took so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
