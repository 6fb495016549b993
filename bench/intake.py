"""
Command: `python -m bench.intake`: what other protocols carry by HTTP, into a file, beside programs made for it.

OTLP stands beside OpenTelemetry's own collector, Loki's push and Elasticsearch's bulk beside VictoriaLogs, and all of
it beside another build of the listener (`--before`, a work tree). Requests of 512 records, made beforehand, are sent
flat out on a few connections that stay open, each when the one before it was answered: as many exporters would. Rounds
visit the subjects in turn; figures are medians. The collector and VictoriaLogs need Go: they are those of the tests,
with their defaults. VictoriaLogs keeps what it takes in a store of its own, so a query has to count all of it.
"""

from __future__ import annotations

import argparse
import base64
import functools
import itertools
import json
import random
import re
import socket
import statistics
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from bench.machine import describe, load
from bench.process import Process, cpu_seconds
from bench.sockets import LOOPBACK, free_port
from bench.subjects.listener import command, environment
from tests.e2e.toolchains import go_client
from tests.services.victorialogs import victorialogs

GOAL = 100_000
"""Records a second of protobuf."""

_RECORDS = 512
_REQUESTS = 40
_CONNECTIONS = 4
_SECONDS = 2.0
_ROUNDS = 3
_LONGEST_DRAIN_SECONDS = 60.0
_BUILD_SECONDS = 600

_COLLECTOR = """
receivers:
  otlp: {{protocols: {{http: {{endpoint: "127.0.0.1:{port}"}}}}}}
exporters:
  file: {{path: "{path}"}}
service:
  telemetry: {{metrics: {{level: none}}, logs: {{level: warn}}}}
  pipelines:
    logs: {{receivers: [otlp], exporters: [file]}}
"""

_RESOURCE = {
    "service.name": "shop",
    "service.version": "1.2.3",
    "host.name": "web-1",
    "telemetry.sdk.language": "python",
    "telemetry.sdk.name": "opentelemetry",
    "telemetry.sdk.version": "1.45.2",
}


def _request(first: int) -> ExportLogsServiceRequest:
    dice = random.Random(first)
    export = ExportLogsServiceRequest()
    logs = export.resource_logs.add()
    logs.resource.attributes.extend(KeyValue(key=k, value=AnyValue(string_value=v)) for k, v in _RESOURCE.items())
    scope = logs.scope_logs.add()
    scope.scope.name = "shop.orders"
    for number in range(first, first + _RECORDS):
        record = scope.log_records.add(
            time_unix_nano=1_795_913_692_953_713_408 + number * 1000,
            observed_time_unix_nano=1_795_913_692_953_800_000 + number * 1000,
            severity_number=9,
            severity_text="INFO",
            flags=1,
            trace_id=dice.randbytes(16),
            span_id=dice.randbytes(8),
        )
        record.body.string_value = f"order {number} placed by a customer"
        record.attributes.add(key="http.request.method").value.string_value = "GET"
        record.attributes.add(key="url.path").value.string_value = f"/orders/{number}"
        record.attributes.add(key="http.response.status_code").value.int_value = 200
        record.attributes.add(key="duration").value.double_value = dice.random()
    return export


def _in_json(export: ExportLogsServiceRequest) -> bytes:
    """Return OTLP's own JSON: ids are hexadecimal, enumerations numbers."""
    document = MessageToDict(export, use_integers_for_enums=True)
    for record in document["resourceLogs"][0]["scopeLogs"][0]["logRecords"]:
        for name in ("traceId", "spanId"):
            record[name] = base64.b64decode(record[name]).hex()
    return json.dumps(document, separators=(",", ":")).encode()


def _loki_entries(first: int) -> Iterator[tuple[int, str]]:
    for number in range(first, first + _RECORDS):
        yield 1_795_913_692_000_000_000 + number * 1000, f"order {number} placed by a customer of /orders/{number}"


def _loki_json(first: int) -> bytes:
    labels = {"app": "shop", "env": "dev", "host": "web-1", "level": "info"}
    values = [[str(nanoseconds), line] for nanoseconds, line in _loki_entries(first)]
    return json.dumps({"streams": [{"stream": labels, "values": values}]}).encode()


def _bulk(first: int) -> bytes:
    """Return a bulk request of documents as ECS loggers write them."""
    lines = []
    for number in range(first, first + _RECORDS):
        document = {
            "@timestamp": f"2026-11-29T16:{number // 60 % 60:02d}:{number % 60:02d}.123Z",
            "log.level": "info",
            "message": f"order {number} placed by a customer",
            "host": {"name": "web-1"},
            "service": {"name": "shop", "version": "1.2.3"},
            "http": {"request": {"method": "GET"}, "response": {"status_code": 200}},
            "url": {"path": f"/orders/{number}"},
            "trace": {"id": f"{number:032x}"},
        }
        lines.append(b'{"create":{}}\n' + json.dumps(document).encode() + b"\n")
    return b"".join(lines)


def _hec(first: int) -> bytes:
    """Return events of Splunk's HTTP Event Collector."""
    events = []
    for number in range(first, first + _RECORDS):
        said = {"message": f"order {number} placed by a customer", "severity": "INFO", "path": f"/orders/{number}"}
        around = {"time": 1_795_913_692 + number / 1000, "host": "web-1", "source": "shop", "sourcetype": "_json"}
        events.append(json.dumps({**around, "event": said, "fields": {"service": "shop"}}).encode())
    return b"".join(events)


class Form(NamedTuple):
    """What is sent: the input's scheme, path and type of a request, and its body by the number of its first record."""

    scheme: str
    path: str
    kind: str
    body: Callable[[int], bytes]


FORMS = {
    "otlp protobuf": Form(
        "otlp+http", "/v1/logs", "application/x-protobuf", lambda first: _request(first).SerializeToString()
    ),
    "otlp json": Form("otlp+http", "/v1/logs", "application/json", lambda first: _in_json(_request(first))),
    "loki json": Form("loki+http", "/loki/api/v1/push", "application/json", _loki_json),
    "bulk": Form("elasticsearch+http", "/logs-shop-dev/_bulk", "application/x-ndjson", _bulk),
    "hec": Form("splunk+hec", "/services/collector/event", "application/json", _hec),
}


@functools.cache
def _bodies(make: Callable[[int], bytes]) -> list[bytes]:
    return [make(number * _RECORDS) for number in range(_REQUESTS)]


def _http(form: Form, prefix: str, body: bytes) -> bytes:
    head = f"POST {prefix}{form.path} HTTP/1.1\r\nHost: x\r\nAuthorization: Splunk x\r\nContent-Type: {form.kind}\r\n"
    return b"%sContent-Length: %d\r\n\r\n%s" % (head.encode(), len(body), body)


def _send(port: int, requests: list[bytes], until: float, answered: Callable[[], None]) -> None:
    """Send requests one after another on a connection until a time."""
    with socket.create_connection((LOOPBACK, port)) as sock:
        number = 0
        while time.perf_counter() < until:
            sock.sendall(requests[number % len(requests)])
            _read_answer(sock)
            answered()
            number += 1


def _read_answer(sock: socket.socket) -> None:
    """Read an answer to its end, which its length tells."""
    answer = b""
    while True:
        head, blank, body = answer.partition(b"\r\n\r\n")
        if blank:
            if not head.startswith((b"HTTP/1.1 200", b"HTTP/1.1 204")):
                raise RuntimeError(answer[:300].decode("utf-8", "replace"))
            length = re.search(rb"(?i)content-length: (\d+)", head)
            chunked = b"chunked" in head.lower()
            if (chunked and body.endswith(b"0\r\n\r\n")) or (
                not chunked and len(body) >= int(length[1] if length else 0)
            ):
                return
        part = sock.recv(1 << 20)
        if not part:
            raise RuntimeError("closed")
        answer += part


@dataclass(frozen=True)
class Subject:
    """
    What takes the logs.

    Attributes:
        command: For a form, a port and a folder.
        count: Returns how many records have arrived, of a folder and a port.
        environment: What to add, for a folder.
        prefix: Of paths.
        forms: What it takes.
    """

    command: Callable[[Form, int, Path], list[str]]
    count: Callable[[Path, int], int]
    environment: Callable[[Path], dict[str, str]] = lambda _: {}
    prefix: str = ""
    forms: tuple[str, ...] = tuple(FORMS)


def _listener(form: Form, port: int, folder: Path) -> list[str]:
    return command([f"{form.scheme}://{LOOPBACK}:{port}"], [f"file://{folder / 'out.jsonl'}"])


def _collector(_: Form, port: int, folder: Path) -> list[str]:
    config = folder / "collector.yaml"
    config.write_text(_COLLECTOR.format(port=port, path=folder / "out.jsonl"), encoding="utf-8")
    return [*go_client("collector", _BUILD_SECONDS), str(config)]


def _victorialogs(_: Form, port: int, folder: Path) -> list[str]:
    flags = [f"-httpListenAddr={LOOPBACK}:{port}", f"-storageDataPath={folder / 'data'}", "-retentionPeriod=100y"]
    return [victorialogs(), *flags]


def _count_of_victorialogs(_: Path, port: int) -> int:
    query = urllib.parse.urlencode({"query": "* | stats count() as found"})
    address = f"http://{LOOPBACK}:{port}/select/logsql/query?{query}"
    with urllib.request.urlopen(address, timeout=30) as answer:
        return int(json.loads(answer.read() or b'{"found":0}')["found"])


def subjects(before: Path | None) -> dict[str, Subject]:
    """Return what is measured, by name."""
    lines = lambda folder, _: _count(folder / "out.jsonl", b"\n")  # noqa: E731
    found = {"gelf-listener": Subject(_listener, lines, environment)}
    if before is not None:
        path = {"PYTHONPATH": str(before)}
        found["the build before"] = Subject(_listener, lines, lambda folder: environment(folder) | path)
    found["collector"] = Subject(
        _collector,
        lambda folder, _: _count(folder / "out.jsonl", b'"body":'),
        forms=("otlp protobuf", "otlp json"),
    )
    found["VictoriaLogs"] = Subject(
        _victorialogs, _count_of_victorialogs, prefix="/insert", forms=("otlp protobuf", "loki json", "bulk")
    )
    return found


_PATHS_OF_VICTORIALOGS = {
    "/v1/logs": "/opentelemetry/v1/logs",
    "/logs-shop-dev/_bulk": "/elasticsearch/_bulk?_msg_field=message&_time_field=@timestamp",
}


def measure(subject: Subject, form: Form, seconds: float) -> dict[str, Any]:
    """Send for a while, and wait until everything has arrived."""
    if subject.prefix:
        form = form._replace(path=_PATHS_OF_VICTORIALOGS.get(form.path, form.path))
    requests = [_http(form, subject.prefix, body) for body in _bodies(form.body)]
    with tempfile.TemporaryDirectory(prefix="gelf-bench-", ignore_cleanup_errors=True) as name:
        folder, port = Path(name), free_port()
        process = Process(subject.command(form, port, folder), folder, subject.environment(folder))
        try:
            _await(port)
            answers: list[int] = []
            began, used = time.perf_counter(), cpu_seconds(process.pid)
            threads = [
                threading.Thread(target=_send, args=(port, requests, began + seconds, lambda: answers.append(1)))
                for _ in range(_CONNECTIONS)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            records = len(answers) * _RECORDS
            deadline = time.monotonic() + _LONGEST_DRAIN_SECONDS
            while (written := subject.count(folder, port)) < records and time.monotonic() < deadline:
                process.check()
                time.sleep(0.05)
            elapsed, used = time.perf_counter() - began, cpu_seconds(process.pid) - used
        finally:
            process.stop()
    return {
        "records": records,
        "written": written,
        "rate": round(records / elapsed),
        "microseconds of processor a record": round(used / max(records, 1) * 1e6, 2),
    }


def _await(port: int) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            socket.create_connection((LOOPBACK, port)).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return


def _count(path: Path, mark: bytes) -> int:
    if not path.exists():
        return 0
    with path.open("rb") as file:  # a mark that two blocks share is missed: blocks overlap by its length
        found, rest = 0, b""
        while block := file.read(1 << 20):
            found += (rest + block).count(mark)
            rest = block[len(block) - len(mark) + 1 :] if len(mark) > 1 else b""
        return found


def main() -> int:
    """Measure, print, and keep the figures."""
    parser = argparse.ArgumentParser(prog="python -m bench.intake", description=__doc__)
    parser.add_argument("--seconds", type=float, default=_SECONDS, help="how long each form is sent")
    parser.add_argument("--rounds", type=int, default=_ROUNDS, help="how often; the median counts")
    parser.add_argument("--before", type=Path, help="work tree of another build to compare with")
    parser.add_argument("--only", action="append", help="a form or a subject; may be given several times")
    parser.add_argument("--output", type=Path, help="file for the figures")
    arguments = parser.parse_args()
    loads, only = load(), set(arguments.only or ())
    runs: dict[str, list[dict[str, Any]]] = {}
    measured = subjects(arguments.before.resolve() if arguments.before else None)
    for _ in range(arguments.rounds):
        for form, (name, subject) in itertools.product(FORMS, measured.items()):
            wanted = not only & FORMS.keys() or form in only
            if form in subject.forms and wanted and (not only & measured.keys() or name in only):
                runs.setdefault(f"{name}, {form}", []).append(measure(subject, FORMS[form], arguments.seconds))
    found = {
        what: {each: statistics.median(run[each] for run in some) for each in some[0]} for what, some in runs.items()
    }
    results = {"machine": describe(), "load": f"{loads}, {load()}", "goal": GOAL, "rounds": arguments.rounds, **found}
    text = json.dumps(results, indent=1) + "\n"
    print(text, end="")
    if arguments.output is not None:
        arguments.output.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
