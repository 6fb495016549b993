"""
Command: `python -m bench.otlp`: OpenTelemetry's logs by HTTP into a file, beside OpenTelemetry's own collector.

Requests of 512 records, made beforehand, are sent flat out on a few connections that stay open, each when the one
before it was answered: as many exporters would. A record has a body, a trace, four attributes, and six of its resource.
The collector needs Go: it is the one of the tests (tests/e2e/clients/collector), OTLP in, file out, with its defaults.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import random
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from bench.machine import describe, load
from bench.process import Process
from bench.sockets import LOOPBACK, free_port
from bench.subjects.listener import command, environment
from tests.e2e.toolchains import go_client

GOAL = 100_000
"""Records a second of protobuf."""

_RECORDS = 512
_REQUESTS = 40
_CONNECTIONS = 4
_SECONDS = 5.0
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
            severity_number=9,  # type: ignore[arg-type]
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


def _http(body: bytes, kind: str) -> bytes:
    return b"POST /v1/logs HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s" % (
        kind.encode(),
        len(body),
        body,
    )


def _send(port: int, requests: list[bytes], until: float, answered: Callable[[], None]) -> None:
    """Send requests one after another on a connection until a time."""
    with socket.create_connection((LOOPBACK, port)) as sock:
        number = 0
        while time.perf_counter() < until:
            sock.sendall(requests[number % len(requests)])
            if not sock.recv(65_536).startswith(b"HTTP/1.1 200"):
                raise RuntimeError("not taken")
            answered()
            number += 1


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Subject(NamedTuple):
    """What takes the logs: the command for a port and a file, what a record has in that file, and an environment."""

    command: Callable[[int, Path], list[str]]
    mark: bytes
    environment: Callable[[Path], dict[str, str]]


def _listener(port: int, path: Path) -> list[str]:
    return command([f"otlp+http://{LOOPBACK}:{port}"], [f"file://{path}"])


def _collector(port: int, path: Path) -> list[str]:
    config = path.parent / "collector.yaml"
    config.write_text(_COLLECTOR.format(port=port, path=path), encoding="utf-8")
    return [*go_client("collector", _BUILD_SECONDS), str(config)]


LISTENER = Subject(_listener, b"\n", environment)
COLLECTOR = Subject(_collector, b'"body":', lambda _: {})


def measure(subject: Subject, requests: list[bytes], seconds: float) -> dict[str, Any]:
    """Send for a while, and wait until the file has everything."""
    with tempfile.TemporaryDirectory(prefix="gelf-bench-", ignore_cleanup_errors=True) as name:
        folder, port = Path(name), free_port()
        path = folder / "out.jsonl"
        process = Process(subject.command(port, path), folder, subject.environment(folder))
        try:
            _await(port)
            answers: list[int] = []
            began, used = time.perf_counter(), _cpu_seconds(process.pid)
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
            while (written := _count(path, subject.mark)) < records and time.monotonic() < deadline:
                process.check()
                time.sleep(0.05)
            elapsed, used = time.perf_counter() - began, _cpu_seconds(process.pid) - used
        finally:
            process.stop()
    return {
        "records": records,
        "written": written,
        "rate": round(records / elapsed),
        "microseconds of processor a record": round(used / records * 1e6, 2),
        "rate of one core": round(records / used),
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
    parser = argparse.ArgumentParser(prog="python -m bench.otlp", description=__doc__)
    parser.add_argument("--seconds", type=float, default=_SECONDS, help="how long each form is sent")
    parser.add_argument("--no-collector", action="store_true", help="the listener only")
    parser.add_argument("--output", type=Path, help="file for the figures")
    arguments = parser.parse_args()
    before = load()
    exports = [_request(number * _RECORDS) for number in range(_REQUESTS)]
    protobuf = [_http(each.SerializeToString(), "application/x-protobuf") for each in exports]
    in_json = [_http(_in_json(each), "application/json") for each in exports]
    found: dict[str, Any] = {}
    subjects = {"gelf-listener": LISTENER} | ({} if arguments.no_collector else {"collector": COLLECTOR})
    for name, subject in subjects.items():
        for form, requests in (("protobuf", protobuf), ("json", in_json)):
            found[f"{name}, {form}"] = measure(subject, requests, arguments.seconds)
    results = {"machine": describe(), "load": f"{before}, {load()}", "goal": GOAL, **found}
    text = json.dumps(results, indent=1) + "\n"
    print(text, end="")
    if arguments.output is not None:
        arguments.output.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
