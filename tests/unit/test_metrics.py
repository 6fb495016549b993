"""Metrics: every one is documented, and every documented one is there."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
import trustme
from prometheus_client.parser import text_string_to_metric_families

from gelf_listener import __version__
from gelf_listener.buffers.orphans import Orphan
from gelf_listener.config import Config
from gelf_listener.errors import Reason, Rejected
from gelf_listener.figures import WorkerFigures
from gelf_listener.metrics import METRICS, exposition, registry
from gelf_listener.service import Service
from tests.unit.conftest import Install
from tests.unit.fakes import message

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(autouse=True)
def fake(install: Install) -> None:
    """`fake:` outputs."""
    install("fake", "tests.unit.fakes:PluggedOutput")


def samples(act: Any = None, **given: Any) -> dict[tuple[str, tuple[str, ...]], float]:
    """Run a service, let something happen, read its metrics: values by name and label values."""

    async def main() -> bytes:
        service = Service(Config.from_values({"api": "off", "outputs": ["fake:"]} | given, "test"))
        await service.start()
        try:
            if act is not None:
                act(service)
            return exposition(registry(service))
        finally:
            await service.close()

    text = asyncio.run(main()).decode()
    return {
        (sample.name, tuple(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def ours(found: dict[tuple[str, tuple[str, ...]], float]) -> set[str]:
    return {name for name, _ in found if name.startswith("gelf_")}


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Names of what a service with one input of each kind exposes."""
    path = tmp_path_factory.mktemp("tls") / "cert.pem"
    trustme.CA().issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(path)
    plain = [f"gelf+{kind}://127.0.0.1:0" for kind in ("udp", "tcp", "http")]
    secret = [f"gelf+{kind}://127.0.0.1:0?cert={path}" for kind in ("tls", "https")]

    def act(service: Service) -> None:
        service.worker_figures = lambda: [WorkerFigures(1, 4711, 12, 0, "", 1.5, 2**20)]  # type: ignore[method-assign]
        service.pipeline.reject(rejection())
        service.orphans.append(Orphan(Path("left"), None, 1, 2, None))

    found = samples(act, inputs=plain + secret, outputs=["null:"], alerts=[{"name": "a", "none": True}])
    own = {f"gelf_output_{name}" for name in ("written_messages_total",)}
    return ours(found) - own


def rejection() -> Rejected:
    return Rejected(Reason.NO_MESSAGE, "none", input="gelf+udp-0")


def test_all_that_is_exposed_is_documented(everything: set[str]) -> None:
    """In the code's list, which gives each its help text."""
    assert everything - set(METRICS) == set()


def test_all_that_is_documented_is_exposed(everything: set[str]) -> None:
    """No metric in the list that nobody counts."""
    assert set(METRICS) - everything == set()


def test_the_page_names_them_all() -> None:
    """And no other."""
    text = (DOCS / "metrics.md").read_text()
    for name, meaning in METRICS.items():
        assert f"| `{name}` |" in text, name
        assert meaning in text, meaning


def test_names() -> None:
    """Counters end in _total, and only they; all begin with gelf_."""
    for name in METRICS:
        assert name.startswith("gelf_")
    assert all(name.count("_total") <= 1 for name in METRICS)


def test_values() -> None:
    """What was taken, rejected, waits and was dropped, with the names of inputs and outputs as labels."""

    def act(service: Service) -> None:
        service.pipeline.accept([message(input="in")] * 3, 30)
        service.pipeline.accept([message(input="in", received_at=1.0)] * 2, 20)
        service.pipeline.reject(rejection())
        runner = service.pipeline.runners[0]
        runner.written, runner.batches, runner.retries, runner.refused, runner.given_up = 5, 4, 3, 2, 1
        runner.failing_since = 1.0

    found = samples(
        act,
        inputs=["gelf+udp://127.0.0.1:0?name=in"],
        outputs=["fake:?name=out&max_buffer_messages=3&when_full=drop_newest"],
    )
    assert found["gelf_listener_info", (__version__,)] == 1
    assert found["gelf_input_messages_total", ("in",)] == 5
    assert found["gelf_input_bytes_total", ("in",)] == 50
    assert found["gelf_input_datagrams_total", ("in",)] == 0
    assert found["gelf_input_rejected_total", ("gelf+udp-0", "no_message")] == 1
    assert found["gelf_output_messages_total", ("out",)] == 5
    assert found["gelf_output_batches_total", ("out",)] == 4
    assert found["gelf_output_retries_total", ("out",)] == 3
    assert found["gelf_output_refused_total", ("out",)] == 2
    assert found["gelf_output_dropped_total", ("out",)] == 3
    assert found["gelf_output_failing", ("out",)] == 1
    assert found["gelf_buffer_messages", ("out",)] == 3
    assert found["gelf_buffer_bytes", ("out",)] > 30
    assert found["gelf_buffer_oldest_seconds", ("out",)] > 1e6


def test_an_empty_buffer_has_no_age() -> None:
    """Zero rather than nothing: graphs stay whole."""
    found = samples(inputs=["gelf+udp://127.0.0.1:0"])
    assert found["gelf_buffer_oldest_seconds", ("fake:",)] == 0


def test_the_process_is_there_too() -> None:
    """Memory, processor time, collections."""
    names = {name for name, _ in samples(inputs=[])}
    assert "python_info" in names
    assert "python_gc_objects_collected_total" in names
