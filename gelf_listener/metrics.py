"""
Metrics: what Prometheus reads.

Values are collected when asked for, so the hot path only counts in plain integers.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

from gelf_listener.api.contract import Listener
from gelf_listener.inputs import Input
from gelf_listener.pipeline import Pipeline

if TYPE_CHECKING:
    from gelf_listener.alerts.watch import Watch

METRICS = {
    "gelf_listener_info": "Version of the listener.",
    "gelf_input_messages_total": "Messages taken, by input.",
    "gelf_input_bytes_total": "Bytes of their inflated payloads, by input.",
    "gelf_input_rejected_total": "Payloads rejected, by input and reason.",
    "gelf_input_datagrams_total": "Datagrams read, by input.",
    "gelf_input_kernel_drops_total": "Datagrams the kernel dropped before we read them, by input.",
    "gelf_input_dropped_total": "Datagrams dropped because their senders filled a buffer, by input.",
    "gelf_input_chunks_total": "Chunks read.",
    "gelf_input_chunks_duplicate_total": "Chunks that were there already.",
    "gelf_input_chunks_expired_total": "Chunks of messages that stayed incomplete.",
    "gelf_input_chunked_messages_complete_total": "Messages put together from chunks.",
    "gelf_input_chunked_messages_expired_total": "Messages whose chunks did not all arrive in time.",
    "gelf_input_chunked_messages_evicted_total": "Incomplete messages that gave way for lack of room.",
    "gelf_input_chunked_messages_pending": "Messages whose chunks are still arriving.",
    "gelf_input_chunked_bytes_pending": "Bytes of their chunks.",
    "gelf_input_connections": "Open connections, by input.",
    "gelf_input_connections_pending_bytes": "Bytes of unfinished frames and bodies on all connections.",
    "gelf_input_connections_total": "Connections accepted.",
    "gelf_input_connections_evicted_total": "Connections closed to make room for others.",
    "gelf_input_connections_timed_out_total": "Connections closed because a time-out passed.",
    "gelf_input_tls_handshakes_failed_total": "TLS handshakes that failed.",
    "gelf_output_messages_total": "Messages written, by output.",
    "gelf_output_batches_total": "Batches written, by output.",
    "gelf_output_retries_total": "Batches offered again after a failure.",
    "gelf_output_refused_total": "Messages the destination will never take.",
    "gelf_output_dropped_total": "Messages dropped because the buffer was full, or left at the end.",
    "gelf_output_failing": "1 while the output cannot write.",
    "gelf_buffer_failing": "1 while a buffer on disk cannot write to it.",
    "gelf_buffer_damaged_total": "Files and rows of a buffer on disk that were damaged and set aside.",
    "gelf_buffer_messages": "Messages waiting for the output, or being written.",
    "gelf_buffer_bytes": "Bytes they take.",
    "gelf_buffer_oldest_seconds": "Age of the oldest waiting message.",
    "gelf_alert_firing": "1 while the alert fires.",
    "gelf_alert_unknown": "1 while the store cannot say whether the alert fires.",
    "gelf_alert_silenced": "1 while nothing is said of the alert.",
    "gelf_alert_looks_total": "How often an alert was looked at.",
    "gelf_alert_look_seconds_total": "How long that took.",
    "gelf_alert_notices_total": "Notices delivered, each to one destination.",
    "gelf_alert_notice_failures_total": "Attempts to deliver one that failed.",
    "gelf_alert_notices_pending": "Notices that wait to be delivered.",
    "gelf_buffer_orphaned_messages": "Messages in a buffer on disk that no output writes, by buffer.",
    "gelf_worker_running": "1 while a worker takes messages, by worker.",
    "gelf_worker_messages_total": "Messages that a worker took.",
    "gelf_worker_restarts_total": "How often a worker ended, or hung and was ended, and was started again.",
    "gelf_worker_cpu_seconds_total": "Processor time of a worker.",
    "gelf_worker_memory_bytes": "Memory of a worker.",
}
"""Every metric of the core, with its help text. Outputs add their own counters as ``gelf_output_<name>``."""


def _family(name: str, text: str, labels: Sequence[str]) -> CounterMetricFamily | GaugeMetricFamily:
    if name.endswith("_total"):
        return CounterMetricFamily(name.removesuffix("_total"), text, labels=labels)
    return GaugeMetricFamily(name, text, labels=labels)


class ServiceCollector(Collector):
    """Collects the counters of a running service."""

    def __init__(self, service: Listener) -> None:
        self._service = service

    def collect(self) -> Iterable[Metric]:
        """Read all counters."""
        from gelf_listener import __version__  # the package imports nothing of us

        yield InfoMetricFamily("gelf_listener", METRICS["gelf_listener_info"], {"version": __version__})
        yield from self._inputs(self._service.inputs, self._service.pipeline)
        yield from self._outputs()
        orphans = {orphan.name: float(orphan.messages) for orphan in self._service.orphans}
        yield from _families({"gelf_buffer_orphaned_messages": orphans}, "buffer")
        yield from self._workers()
        yield from self._alerts(self._service.alerts)

    def _alerts(self, watch: Watch) -> Iterable[Metric]:
        states = {each.alert.name: each.record for each in watch.all()}
        now = time.time()
        values: dict[str, dict[str, float]] = {
            "gelf_alert_firing": {name: float(record.firing) for name, record in states.items()},
            "gelf_alert_unknown": {name: float(bool(record.unknown)) for name, record in states.items()},
            "gelf_alert_silenced": {name: float(record.silenced_until > now) for name, record in states.items()},
        }
        yield from _families(values, "alert")
        for metric, value in {
            "gelf_alert_looks_total": watch.looks,
            "gelf_alert_look_seconds_total": watch.look_seconds,
            "gelf_alert_notices_total": watch.notices,
            "gelf_alert_notice_failures_total": watch.failures,
            "gelf_alert_notices_pending": sum(len(record.pending) for record in states.values()),
        }.items():
            family = _family(metric, METRICS[metric], ())
            family.add_metric((), value)
            yield family

    def _inputs(self, inputs: Sequence[Input], pipeline: Pipeline) -> Iterable[Metric]:
        values: dict[str, dict[str, float]] = {}
        for input in inputs:
            values.setdefault("gelf_input_messages_total", {})[input.name] = pipeline.messages[input.name]
            values.setdefault("gelf_input_bytes_total", {})[input.name] = pipeline.bytes[input.name]
            for counter, value in input.counters().items():
                values.setdefault(f"gelf_input_{counter}", {})[input.name] = value
        yield from _families(values, "input")
        rejected = CounterMetricFamily(
            "gelf_input_rejected", METRICS["gelf_input_rejected_total"], labels=("input", "reason")
        )
        for (name, reason), count in pipeline.rejections.counts.items():
            rejected.add_metric((name, reason), count)
        yield rejected

    def _workers(self) -> Iterable[Metric]:
        values: dict[str, dict[str, float]] = {}
        for worker in self._service.worker_figures():
            for metric, value in {
                "gelf_worker_running": float(not worker.problem),
                "gelf_worker_messages_total": worker.messages,
                "gelf_worker_restarts_total": worker.restarts,
                "gelf_worker_cpu_seconds_total": worker.cpu_seconds,
                "gelf_worker_memory_bytes": worker.memory_bytes,
            }.items():
                values.setdefault(metric, {})[str(worker.number)] = value
        yield from _families(values, "worker")

    def _outputs(self) -> Iterable[Metric]:
        values: dict[str, dict[str, float]] = {}
        now = time.time()
        for output in self._service.outputs():
            oldest = output.oldest_at
            for metric, value in {
                "gelf_output_messages_total": output.written,
                "gelf_output_batches_total": output.batches,
                "gelf_output_retries_total": output.retries,
                "gelf_output_refused_total": output.refused,
                "gelf_output_dropped_total": output.dropped,
                "gelf_output_failing": float(output.failing_since is not None),
                "gelf_buffer_messages": output.waiting,
                "gelf_buffer_bytes": output.waiting_bytes,
                "gelf_buffer_failing": float(bool(output.buffer_problem)),
                "gelf_buffer_damaged_total": output.buffer_damaged,
                "gelf_buffer_oldest_seconds": 0.0 if oldest is None else max(0.0, now - oldest),
            }.items():
                values.setdefault(metric, {})[output.name] = value
            for counter, count in output.counters.items():
                values.setdefault(f"gelf_output_{counter}", {}).setdefault(output.name, count)
        dropped = values.setdefault("gelf_output_dropped_total", {})
        for name, count in self._service.lost.items():
            dropped[name] = dropped.get(name, 0) + count
        yield from _families(values, "output")


def _families(values: dict[str, dict[str, float]], label: str) -> Iterable[Metric]:
    for metric, by_name in values.items():
        family = _family(metric, METRICS.get(metric, f"Counted by the {label} itself."), (label,))
        for name, value in by_name.items():
            family.add_metric((name,), value)
        yield family


def registry(service: Listener) -> CollectorRegistry:
    """Make a registry with the service's metrics and those of the process."""
    collectors = CollectorRegistry()
    collectors.register(ServiceCollector(service))
    ProcessCollector(registry=collectors)
    PlatformCollector(registry=collectors)
    GCCollector(registry=collectors)
    return collectors


def exposition(collectors: CollectorRegistry) -> bytes:
    """Write all metrics in Prometheus' text format."""
    return generate_latest(collectors)
