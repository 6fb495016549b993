"""
Branch coverage of the core (`[tool.coverage]`), measured while its own unit tests run: `-p tests.branches`.

Tracing slows Python down, so it is on for the tests that mirror the measured packages and off for all others, which
cost what they did. Every process of pytest-xdist writes a file; the first process puts them together, shows what was
missed where little was covered, and fails the run below the floor of `pyproject.toml`.
"""

from __future__ import annotations

import importlib
import io
import pkgutil
from collections.abc import Iterator
from pathlib import Path

import coverage
import coverage.exceptions
import pytest

_UNIT = Path(__file__).parent / "unit"
_TESTS = tuple(
    _UNIT / name
    for name in (
        *("buffers", "codec", "query", "store", "test_runner.py", "test_service.py"),
        # Decoders of these protocols are tested through their inputs.
        *("inputs/test_elasticsearch.py", "inputs/test_loki.py", "inputs/test_otlp.py", "inputs/test_otlp_grpc.py"),
        *("inputs/test_splunk.py", "inputs/test_file.py", "inputs/test_stdin.py"),
        "api/native/test_aggregate.py",
    )
)
_LONG = frozenset(
    {
        *("test_a_flood_cannot_evict_an_honest_message", "test_a_large_query_on_a_large_text_ends"),
        *(
            "test_a_long_chunk_leaves_others_their_turn",
            "test_a_store_survives_kills",
            "test_eight_mebibytes_of_anything",
        ),
        *(
            "test_estimates_are_near",
            "test_flood_memory_stays_within_the_caps",
            "test_hostile_payloads_cost_in_proportion",
        ),
        *("test_many_frames_in_one_read_cost_in_proportion", "test_more_groups_than_the_engine_has_buckets"),
        *("test_more_values_than_the_engine_has_buckets", "test_no_recorded_difference_is_silent"),
        *(
            "test_objects_of_one_payload",
            "test_shapes_are_bounded",
            "test_the_embedded_store_finds_what_a_graylog_found",
        ),
        *("test_the_store_is_like_the_one_in_memory", "test_what_it_dies_of_is_left_out_and_nothing_else"),
        *("test_what_would_be_too_large_is_refused", "test_a_long_counted_frame_in_small_reads_costs_in_proportion"),
        *("test_a_slow_stream_costs_no_second_look", "test_keys_of_megabytes_are_not_remembered"),
    }
)
"""They do the same many times: traced, they would take a minute each and reach nothing else."""
_PACKAGES = ("gelf_listener.buffers", "gelf_listener.codec", "gelf_listener.query", "gelf_listener.store")


def _counts(item: pytest.Item) -> bool:
    """Whether a test is traced; those with random examples are not, which would make the figure a random one."""
    if item.get_closest_marker("hypothesis") is not None or getattr(item, "originalname", item.name) in _LONG:
        return False
    return any(item.path.is_relative_to(path) for path in _TESTS)


class _Tracer:
    """Measures in one process, on and off."""

    def __init__(self) -> None:
        self._coverage = coverage.Coverage(data_suffix=True)
        self._on = False

    def switch(self, *, on: bool) -> None:
        """Trace from here on, or not."""
        if on != self._on:
            self._coverage.start() if on else self._coverage.stop()
            self._on = on

    def save(self) -> None:
        """Write what was covered."""
        self.switch(on=False)
        self._coverage.save()


class _Process:
    """What every process does that runs tests."""

    def __init__(self, tracer: _Tracer) -> None:
        self._tracer = tracer

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Trace the tests that count."""
        self._tracer.switch(on=_counts(item))
        return (yield)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self) -> None:
        """Leave the figures for the first process."""
        self._tracer.save()


class _FirstProcess:
    """What the process does that shows the results."""

    def __init__(self) -> None:
        self._report = ""

    @pytest.hookimpl(trylast=True)  # after those that ran tests
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Put together what was covered; fail below the floor."""
        together = coverage.Coverage()
        try:
            together.combine()
        except coverage.exceptions.NoDataError:
            self._report = "nothing was measured"
            session.exitstatus = exitstatus or pytest.ExitCode.TESTS_FAILED
            return
        floor = together.get_option("report:fail_under")
        assert isinstance(floor, (int, float))
        text = io.StringIO()
        covered = together.report(file=text)
        self._report = f"{text.getvalue()}\nbranch coverage of the core: {covered:.2f} %, at least {floor} %"
        if covered < floor and exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Show it."""
        terminalreporter.section("coverage")
        terminalreporter.write_line(self._report)


def pytest_configure(config: pytest.Config) -> None:
    """Trace what modules do when they are imported; afterwards only tests that count."""
    worker = hasattr(config, "workerinput")
    if not worker:
        coverage.Coverage().erase()
        config.pluginmanager.register(_FirstProcess())
    if worker or not config.getoption("numprocesses", None):
        tracer = _Tracer()
        tracer.switch(on=True)
        importlib.import_module("gelf_listener.runner")
        for package in _PACKAGES:
            for module in pkgutil.walk_packages(importlib.import_module(package).__path__, package + "."):
                importlib.import_module(module.name)
        tracer.switch(on=False)
        config.pluginmanager.register(_Process(tracer))
