"""
The same record by every road: it ends as the same message.

A record with a traceback and extras is logged by a service of its own process, once for each road; where a road carries
less by itself, the service does what the road's recipe shows. Brokers are real ones. Docker's road is `test_client_docker`:
its driver makes a message of each line, so there is no record to compare.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.listener import Listener, until
from tests.services.fixtures import ServerCertificates
from tests.services.kafka import Kafka
from tests.services.rabbitmq import RabbitMq

INPUTS = ("gelf+udp", "gelf+tcp", "gelf+tls", "gelf+http", "syslog+udp", "syslog+tcp", "syslog+tls")

SERVICE = """
import json, logging, logging.handlers, queue, socket, ssl, sys, urllib.request
port, authority = sys.argv[1:]
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
    ("gelf-handlers by HTTP", "gelf+http", "import gelf_handlers as g; h = g.GELFHTTPHandler('127.0.0.1', port); log(h); h.close()"),
    ("gelf-handlers by TLS", "gelf+tls", "import gelf_handlers as g; h = g.GELFTLSHandler('localhost', port, validate=True, ca_certs=authority); log(h); h.close()"),
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
    (
        "syslog by TLS",
        "syslog+tls",
        """
from gelf_handlers import GELFFormatter
class Sock(logging.Handler):  # the standard library has no SysLogHandler with TLS
    def emit(self, record):
        text = b"<11>" + self.format(record).encode()
        with ssl.create_default_context(cafile=authority).wrap_socket(
            socket.create_connection(("localhost", port), 20), server_hostname="localhost"
        ) as sock:
            sock.sendall(b"%d %s" % (len(text), text))
log(Sock(), GELFFormatter())
""",
    ),
    ("standard output", "pipe", "from gelf_handlers import StdoutHandler; log(StdoutHandler())"),
]  # fmt: skip


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, server_certificates: ServerCertificates) -> Iterator[Listener]:
    """One listener for all roads: a directory, started once."""
    tls = f"?cert={server_certificates.cert}&key={server_certificates.key}"
    addresses = [f"{scheme}://127.0.0.1:0" + (tls if scheme.endswith("tls") else "") for scheme in INPUTS]
    with Listener(tmp_path_factory.mktemp("roads"), *addresses) as listener:
        yield listener


@pytest.mark.parametrize(("road", "code"), [pytest.param(*case[1:], id=case[0]) for case in ROADS])
def test_same_message(
    shared: Listener, tmp_path: Path, server_certificates: ServerCertificates, road: str, code: str
) -> None:
    """Source, message, level, time to the millisecond, traceback and extras."""
    port = shared.port("gelf+tcp" if road == "pipe" else road)
    prefix: tuple[str, ...] = ()
    if road == "pipe":
        to = f"gelf+tcp://127.0.0.1:{port}"
        prefix = (sys.executable, "-m", "gelf_listener", "pipe", "--to", to, "--")
    logged(shared, tmp_path, code, str(port), str(server_certificates.ca), prefix=prefix)


@pytest.mark.external
def test_same_message_by_amqp(tmp_path: Path, rabbitmq: RabbitMq) -> None:
    """Through a real RabbitMQ."""
    name = f"gelf.{uuid.uuid4().hex}"
    code = f"import gelf_handlers as g; h = g.GELFRabbitHandler('amqp://{rabbitmq.authority}/', {name!r}); log(h); h.close()"
    with Listener(tmp_path, f"gelf+amqp://{rabbitmq.authority}/?exchange={name}&queue={name}") as listener:
        until(lambda: listener.metric("gelf_input_connections_total"), 20, "the binding")
        logged(listener, tmp_path, code, str(rabbitmq.port), "")


@pytest.mark.external
def test_same_message_by_kafka(tmp_path: Path, kafka: Kafka) -> None:
    """Through a real Kafka."""
    topic = f"logs-{uuid.uuid4().hex}"
    kafka.create(topic)
    code = f"""
from confluent_kafka import Producer
from gelf_handlers import GELFFormatter
class KafkaHandler(logging.Handler):
    producer = Producer({{"bootstrap.servers": {kafka.address!r}}})
    def emit(self, record):
        self.producer.produce({topic!r}, self.format(record))
log(KafkaHandler(), GELFFormatter())
assert KafkaHandler.producer.flush(30) == 0
"""
    with Listener(tmp_path, f"gelf+kafka://{kafka.address}/{topic}") as listener:
        logged(listener, tmp_path, code, str(kafka.port), "")


def logged(listener: Listener, tmp_path: Path, code: str, *arguments: str, prefix: tuple[str, ...] = ()) -> None:
    """Run a service that logs the record, and hold what arrives to what it logged."""
    pytest.importorskip("gelf_handlers")
    before = len(listener.lines())
    script = tmp_path / "service.py"
    script.write_text(SERVICE + code, encoding="utf-8")
    command = [*prefix, sys.executable, str(script), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=90, check=False)
    assert done.returncode == 0, done.stderr
    told = next(line for line in done.stderr.splitlines() if line.startswith("record:"))
    created, traceback = json.loads(told.removeprefix("record:"))

    def arrived() -> list[dict[str, Any]]:
        return [line for line in listener.lines()[before:] if line["short_message"].startswith("order")]

    until(arrived, 20, "the message")
    (made,) = arrived()
    assert made["host"] == socket.gethostname()
    assert made["short_message"] == "order A-17 failed at 80 %"
    assert made["level"] == 3
    assert abs(made["timestamp"] - created) < 0.001
    # graypy puts an empty line between the lines of a traceback; that is what it sends.
    assert [line for line in made["full_message"].splitlines() if line] == traceback.splitlines()
    extras = {name: made[f"_{name}"] for name in ("order", "count", "amount", "city")}
    assert extras == {"order": "A-17", "count": 3, "amount": 12.5, "city": "Zürich"}
    assert listener.rejected() == 0
