"""
The same record by every road: it ends as the same message.

A record with a traceback and extras is logged by a service of its own process, once for each road; where a road carries
less by itself, the service does what the road's recipe shows.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.listener import Listener, until

INPUTS = ("gelf+udp", "gelf+tcp", "gelf+http", "syslog+udp", "syslog+tcp")

SERVICE = """
import json, logging, logging.handlers, queue, socket, sys, urllib.request
port, = sys.argv[1:]
port = int(port)

def log(handler, formatter=None):
    if formatter is not None:
        handler.setFormatter(formatter)
    logger = logging.getLogger("orders")
    logger.propagate = False
    logger.addHandler(handler)
    try:
        raise ValueError("no stock of Ä")
    except ValueError:
        logger.error("order %s failed at %d %%", "A-17", 80, exc_info=True, extra=EXTRAS)

EXTRAS = {"order": "A-17", "count": 3, "amount": 12.5, "city": "Zürich"}

def tell(record):
    '''Say what was logged, before any handler has it.'''
    traceback = logging.Formatter().formatException(record.exc_info)
    print("record:" + json.dumps([record.created, traceback]), file=sys.stderr, flush=True)
    return True

logging.getLogger("orders").addFilter(tell)
"""

ROADS: list[tuple[str, str, str]] = [
    ("graypy by UDP", "gelf+udp", "import graypy; log(graypy.GELFUDPHandler('127.0.0.1', port))"),
    ("graypy by TCP", "gelf+tcp", "import graypy; h = graypy.GELFTCPHandler('127.0.0.1', port); log(h); h.close()"),
    ("graypy by HTTP", "gelf+http", "import graypy; log(graypy.GELFHTTPHandler('127.0.0.1', port))"),
    ("gelf-handlers by UDP", "gelf+udp", "import gelf_handlers as g; h = g.GELFUDPHandler('127.0.0.1', port); log(h); h.close()"),
    ("gelf-handlers by TCP", "gelf+tcp", "import gelf_handlers as g; h = g.GELFTCPHandler('127.0.0.1', port); log(h); h.close()"),
    (
        "HTTPHandler",
        "gelf+http",
        """
from gelf_handlers import GELFFormatter
class Whole(logging.handlers.HTTPHandler):
    def mapLogRecord(self, record):
        return {"gelf": self.format(record)}
log(Whole(f"127.0.0.1:{port}", "/logrecord", method="POST"), GELFFormatter())
""",
    ),
    (
        "JSON behind a queue",
        "gelf+http",
        """
class JSONHandler(logging.Handler):
    def emit(self, record):
        body = json.dumps(record.__dict__ | {"host": socket.gethostname()}, default=str).encode()
        urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{port}/logrecord", body), timeout=5).close()
class Whole(logging.handlers.QueueHandler):
    def prepare(self, record):
        record = logging.makeLogRecord(record.__dict__)
        record.message = record.getMessage()
        record.exc_text = logging.Formatter().formatException(record.exc_info)
        record.args = record.exc_info = None
        return record
q = queue.Queue()
listener = logging.handlers.QueueListener(q, JSONHandler())
listener.start()
log(Whole(q))
listener.stop()
""",
    ),
    (
        "SysLogHandler by UDP",
        "syslog+udp",
        """
from gelf_handlers import GELFFormatter
log(logging.handlers.SysLogHandler(("127.0.0.1", port)), GELFFormatter())
""",
    ),
    (
        "SysLogHandler by TCP",
        "syslog+tcp",
        """
from gelf_handlers import GELFFormatter
h = logging.handlers.SysLogHandler(("127.0.0.1", port), socktype=socket.SOCK_STREAM)
log(h, GELFFormatter())
h.close()
""",
    ),
    ("standard output", "pipe", "from gelf_handlers import StdoutHandler; log(StdoutHandler())"),
]  # fmt: skip


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Listener]:
    """One listener for all roads: a directory, started once."""
    addresses = [f"{scheme}://127.0.0.1:0" for scheme in INPUTS]
    with Listener(tmp_path_factory.mktemp("roads"), *addresses) as listener:
        yield listener


@pytest.mark.parametrize(("road", "code"), [pytest.param(*case[1:], id=case[0]) for case in ROADS])
def test_same_message(shared: Listener, tmp_path: Path, road: str, code: str) -> None:
    """Source, message, level, time to the millisecond, traceback and extras."""
    pytest.importorskip("gelf_handlers")
    before = len(shared.lines())
    script = tmp_path / "service.py"
    script.write_text(SERVICE + code, encoding="utf-8")
    port = shared.port("gelf+tcp" if road == "pipe" else road)
    command = [sys.executable, str(script), str(port)]
    if road == "pipe":
        command = [
            sys.executable,
            "-m",
            "gelf_listener",
            "pipe",
            "--to",
            f"gelf+tcp://127.0.0.1:{port}",
            "--",
            *command,
        ]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    told = next(line for line in done.stderr.splitlines() if line.startswith("record:"))
    created, traceback = json.loads(told.removeprefix("record:"))

    def arrived() -> list[dict[str, Any]]:
        return [line for line in shared.lines()[before:] if line["short_message"].startswith("order")]

    until(arrived, what="the message")
    (made,) = arrived()
    assert made["host"] == socket.gethostname()
    assert made["short_message"] == "order A-17 failed at 80 %"
    assert made["level"] == 3
    assert abs(made["timestamp"] - created) < 0.001
    # graypy puts an empty line between the lines of a traceback; that is what it sends.
    assert [line for line in made["full_message"].splitlines() if line] == traceback.splitlines()
    extras = {name: made[f"_{name}"] for name in ("order", "count", "amount", "city")}
    assert extras == {"order": "A-17", "count": 3, "amount": 12.5, "city": "Zürich"}
    assert shared.rejected() == 0
