"""
Command: `python -m bench.otlp`: OpenTelemetry's logs by HTTP into a file, in protobuf and in JSON.

Requests of 512 records, made beforehand, are sent flat out on a few connections that stay open, each when the one
before it was answered: as many exporters would. A record has a body, a trace, four attributes, and six of its resource.
"""

from __future__ import annotations

import argparse
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
from typing import Any

from google.protobuf.json_format import MessageToJson
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from bench.machine import describe, load
from bench.process import Process
from bench.sockets import LOOPBACK, free_port
from bench.subjects.listener import command, environment

GOAL = 100_000
"""Records a second of protobuf."""

_RECORDS = 512
_REQUESTS = 40
_CONNECTIONS = 4
_SECONDS = 5.0
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


def measure(requests: list[bytes], seconds: float) -> dict[str, Any]:
    """Send for a while, and wait until the file has everything."""
    with tempfile.TemporaryDirectory(prefix="gelf-bench-", ignore_cleanup_errors=True) as name:
        folder, port = Path(name), free_port()
        path = folder / "out.jsonl"
        process = Process(command([f"otlp+http://{LOOPBACK}:{port}"], [f"file://{path}"]), folder, environment(folder))
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
            while (written := _lines(path)) < records:
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


def _lines(path: Path) -> int:
    with path.open("rb") as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))


def main() -> int:
    """Measure both forms, print, and keep the figures."""
    parser = argparse.ArgumentParser(prog="python -m bench.otlp", description=__doc__)
    parser.add_argument("--seconds", type=float, default=_SECONDS, help="how long each form is sent")
    parser.add_argument("--output", type=Path, help="file for the figures")
    arguments = parser.parse_args()
    before = load()
    exports = [_request(number * _RECORDS) for number in range(_REQUESTS)]
    protobuf = [_http(each.SerializeToString(), "application/x-protobuf") for each in exports]
    in_json = [_http(MessageToJson(each, indent=None).encode(), "application/json") for each in exports]
    found = {"protobuf": measure(protobuf, arguments.seconds), "json": measure(in_json, arguments.seconds)}
    results = {"machine": describe(), "load": f"{before}, {load()}", "goal": GOAL, **found}
    text = json.dumps(results, indent=1) + "\n"
    print(text, end="")
    if arguments.output is not None:
        arguments.output.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
