"""`gelf-listener pipe`: output passes unchanged, signals and status too, and everything is shipped."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from gelf_listener.commands.shipper import MAX_QUEUED_BYTES, Shipper


class Receiver:
    """Takes GELF frames on a TCP port, from one connection after the other."""

    def __init__(self) -> None:
        self.server = socket.create_server(("127.0.0.1", 0))
        self.address = f"gelf+tcp://127.0.0.1:{self.server.getsockname()[1]}"
        self.data = b""
        self.connections: list[socket.socket] = []
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while True:
            try:
                connection, _ = self.server.accept()
            except OSError:
                return
            self.connections.append(connection)
            while True:
                try:
                    data = connection.recv(65536)
                except OSError:
                    break
                if not data:
                    break
                self.data += data

    def messages(self) -> list[dict[str, Any]]:
        return [json.loads(frame) for frame in self.data.split(b"\0") if frame]

    def until(self, count: int) -> list[dict[str, Any]]:
        deadline = time.monotonic() + 60
        while self.data.count(b"\0") < count and time.monotonic() < deadline:
            time.sleep(0.005)
        return self.messages()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.server.close()
    for connection in made.connections:
        connection.close()


def command(to: str, *arguments: str, options: tuple[str, ...] = ()) -> list[str]:
    return [sys.executable, "-m", "gelf_listener", "pipe", "--to", to, *options, "--", *arguments]


def pipe(to: str, script: str, *options: str) -> subprocess.CompletedProcess[bytes]:
    whole = command(to, sys.executable, "-c", script, options=options)
    return subprocess.run(whole, capture_output=True, timeout=30, check=False, stdin=subprocess.DEVNULL)


def test_output_passes_unchanged(receiver: Receiver) -> None:
    """Bytes, both streams, no line end at the end; each line a message; the status is the command's."""
    script = (
        "import sys, os; os.write(1, b'one\\r\\nERROR two \\xff\\x00\\n\\n'); os.write(2, b'oops\\n'); "
        "os.write(1, b'last'); sys.exit(7)"
    )
    done = pipe(receiver.address, script, "--field", "env=test")
    assert done.stdout == b"one\r\nERROR two \xff\x00\n\nlast"
    assert done.stderr == b"oops\n"
    assert done.returncode == 7
    messages = receiver.until(4)
    found = {made["short_message"]: (made["level"], made["_stream"], made["_env"]) for made in messages}
    assert found == {
        "one": (6, "stdout", "test"),
        "ERROR two \ufffd": (3, "stdout", "test"),
        "last": (6, "stdout", "test"),
        "oops": (3, "stderr", "test"),
    }


def test_nothing_is_lost_when_the_command_ends(receiver: Receiver) -> None:
    """Nor does order change."""
    done = pipe(receiver.address, "print('\\n'.join(f'line {n}' for n in range(50_000)))")
    assert done.stdout.count(b"\n") == 50_000
    texts = [made["short_message"] for made in receiver.until(50_000)]
    assert texts == [f"line {number}" for number in range(50_000)]


def test_a_traceback_is_one_message(receiver: Receiver) -> None:
    """The exception's line is the message, all of it the full message."""
    done = pipe(receiver.address, "raise ValueError('no stock')")
    assert done.returncode == 1
    (made,) = receiver.until(1)
    assert (made["short_message"], made["level"]) == ("ValueError: no stock", 3)
    assert made["full_message"] == done.stderr.decode().rstrip("\n")


def test_a_listener_that_is_not_there() -> None:
    """Does not hold the command up; what is lost is said."""
    done = pipe("gelf+tcp://127.0.0.1:1", "print('a'); print('b')", "--drain-seconds", "0.2")
    assert (done.stdout, done.returncode) == (b"a\nb\n", 0)
    assert b"2 lines did not reach gelf+tcp://127.0.0.1:1: Connection refused" in done.stderr


def test_nobody_listens_by_udp() -> None:
    """UDP tells late, but it tells: every line is counted."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    done = pipe(f"gelf+udp://127.0.0.1:{port}", "print('a'); print('b'); print('c')", "--drain-seconds", "0.2")
    assert (done.stdout, done.returncode) == (b"a\nb\nc\n", 0)
    assert b"3 lines did not reach" in done.stderr
    assert b"Connection refused" in done.stderr


def test_long_lines_by_udp() -> None:
    """Compressed into as few chunks as it takes; what no datagrams can hold is counted, and what follows arrives."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(10)
        script = "import base64, os; print('x' * 200_000); print(base64.b64encode(os.urandom(190_000)).decode()); print('last')"
        done = pipe(f"gelf+udp://127.0.0.1:{receiver.getsockname()[1]}", script)
        payloads = [receiver.recv(65535) for _ in range(2)]
    assert b"1 line did not reach" in done.stderr
    assert json.loads(zlib.decompress(payloads[0]))["short_message"] == "x" * 200_000
    assert json.loads(payloads[1])["short_message"] == "last"


def until_idle(shipper: Shipper) -> None:
    """Wait until what was taken is written or refused."""
    runner = shipper._delivery._runner
    done = runner._done
    deadline = time.monotonic() + 60
    while (runner._done == done or runner.waiting) and time.monotonic() < deadline:
        time.sleep(0.005)


@pytest.mark.parametrize(("refusal", "arrived"), [(413, ["last"]), (503, ["first", "last"])])
def test_what_is_refused_by_http(refusal: int, arrived: list[str]) -> None:
    """A payload that will never be taken does not hold up the rest; a listener that has no room is asked again."""
    answers = iter([refusal])
    taken: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            lines = self.rfile.read(int(self.headers["Content-Length"])).splitlines()
            status = next(answers, 202)
            if status == 202:
                taken.extend(json.loads(line)["short_message"] for line in lines)
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        shipper = Shipper(f"gelf+http://127.0.0.1:{server.server_port}", {}, 10.0)
        shipper.start()
        for text in ("first", "last"):
            shipper.take("stdout", f'{{"short_message":"{text}"}}\n'.encode())
            until_idle(shipper)
        shipper.close()
        server.shutdown()
    assert taken == arrived
    assert shipper.dropped == 2 - len(arrived)


def test_a_listener_that_takes_nothing() -> None:
    """It accepts and never reads: what waits at the end is counted, also what was being sent."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        script = "for n in range(40): print('x' * 250_000)"
        done = pipe(f"gelf+tcp://127.0.0.1:{server.getsockname()[1]}", script, "--drain-seconds", "0.2")
    assert done.stdout.count(b"\n") == 40
    assert re.search(rb"gelf-listener: [1-9]\d* lines did not reach .*: it takes nothing, or too slowly", done.stderr)


def test_a_listener_that_comes_back(receiver: Receiver) -> None:
    """What was printed meanwhile arrives."""
    script = "import sys\nfor line in sys.stdin: print(line, end='', flush=True)"
    whole = command(receiver.address, sys.executable, "-c", script)
    with subprocess.Popen(whole, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        process.stdin.write(b"one\n")
        process.stdin.flush()
        receiver.until(1)
        receiver.connections[0].shutdown(socket.SHUT_RDWR)
        receiver.connections[0].close()
        process.stdin.write(b"two\n")
        process.stdin.close()
        assert process.wait(20) == 0
    assert [made["short_message"] for made in receiver.until(2)] == ["one", "two"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1])
def test_signals_are_passed_on(receiver: Receiver, number: signal.Signals) -> None:
    """The command decides what they mean."""
    script = (
        "import signal, sys, time\n"
        f"signal.signal({int(number)}, lambda *_: (print('got it', flush=True), sys.exit(5)))\n"
        "print('ready', flush=True)\ntime.sleep(30)"
    )
    whole = command(receiver.address, sys.executable, "-c", script)
    with subprocess.Popen(whole, stdout=subprocess.PIPE, start_new_session=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(number)
        assert process.stdout.read() == b"got it\n"
        assert process.wait(10) == 5
    assert [made["short_message"] for made in receiver.until(2)] == ["ready", "got it"]


def state(pid: int) -> str:
    """The kernel's letter: T is stopped."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_stops_and_goes_on_with_the_command(receiver: Receiver) -> None:
    """SIGTSTP and SIGCONT, sent to us alone."""
    script = "import os, time; print(os.getpid(), flush=True); time.sleep(60)"
    whole = command(receiver.address, sys.executable, "-c", script)
    # A group of its own, whose parent is in this session: in any other the system lets nobody stop.
    with subprocess.Popen(whole, stdout=subprocess.PIPE, process_group=0) as process:
        assert process.stdout is not None
        pids = (process.pid, int(process.stdout.readline()))

        def becomes(stopped: bool) -> bool:
            deadline = time.monotonic() + 60
            while [state(pid) == "T" for pid in pids] != [stopped] * 2 and time.monotonic() < deadline:
                time.sleep(0.01)
            return [state(pid) == "T" for pid in pids] == [stopped] * 2

        process.send_signal(signal.SIGTSTP)
        stopped = becomes(stopped=True)
        process.send_signal(signal.SIGCONT)
        went_on = becomes(stopped=False)
        process.send_signal(signal.SIGTERM)
        assert (stopped, went_on) == (True, True)
        assert process.wait(20) == 128 + signal.SIGTERM


def test_how_a_command_ends(receiver: Receiver) -> None:
    """Killed by a signal, or not there at all."""
    assert pipe(receiver.address, "import os; os.kill(os.getpid(), 9)").returncode == 128 + 9
    gone = subprocess.run(command(receiver.address, "/no/such/program"), capture_output=True, timeout=30, check=False)
    assert gone.returncode == 127
    assert b"No such file" in gone.stderr


def test_a_child_that_goes_on_does_not_hold_us(receiver: Receiver) -> None:
    """The command has ended, though something it started keeps its output open."""
    began = time.monotonic()
    done = subprocess.run(
        command(receiver.address, "sh", "-c", "sleep 20 & echo done"), stdout=subprocess.PIPE, timeout=15, check=False
    )
    assert done.stdout == b"done\n"
    assert time.monotonic() - began < 15


def test_who_reads_no_more(receiver: Receiver) -> None:
    """The command gets SIGPIPE, as it would without us."""
    with subprocess.Popen(command(receiver.address, "yes"), stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"y\n"
        process.stdout.close()
        assert process.wait(20) == 128 + signal.SIGPIPE


def test_a_terminal_stays_one(receiver: Receiver) -> None:
    """The command sees a terminal where we have one; what it writes is not changed."""
    ours, theirs = pty.openpty()
    script = "import os, sys; os.write(1, b'%d\\r\\n\\x1b[31mred\\x1b[0m\\n' % os.isatty(1)); sys.exit(os.isatty(2))"
    with subprocess.Popen(
        command(receiver.address, sys.executable, "-c", script), stdout=theirs, stderr=subprocess.PIPE
    ) as process:
        os.close(theirs)
        assert process.wait(20) == 0
        assert os.read(ours, 1000).replace(b"\r", b"") == b"1\n\x1b[31mred\x1b[0m\n"
    os.close(ours)
    assert [made["short_message"] for made in receiver.until(2)] == ["1", "red"]


def test_unusable_settings() -> None:
    """An address nobody knows ends it before the command starts."""
    done = pipe("redis://x", "print('started')")
    assert (done.returncode, done.stdout) == (2, b"")


def test_a_full_queue_drops_whole_lines() -> None:
    """Counted, and the line that lost its beginning is left out."""
    shipper = Shipper("gelf+tcp://127.0.0.1:1", {}, 0.0)
    block = b"x" * 1023 + b"\n"
    for _ in range(MAX_QUEUED_BYTES // (1024 * 1024)):
        shipper.take("stdout", block * 1024)
    assert shipper.dropped == 0
    shipper.take("stdout", b"a\nb\nhalf")
    assert shipper.dropped == 2
    assert shipper._wait()[0][0][:2] == ("stdout", block * 1024)
    shipper.take("stdout", b" of a line\nwhole\n")
    assert shipper.dropped == 3
    assert shipper._queue[-1][:2] == ("stdout", b"\nwhole\n")
