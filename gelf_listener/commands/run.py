"""``gelf-listener run``: the service under signals, until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from gelf_listener.address import hide
from gelf_listener.config import Config, load_config
from gelf_listener.errors import ConfigError
from gelf_listener.notify import notify, notify_reloading
from gelf_listener.quantities import counted, exact_duration
from gelf_listener.service import Service

_log = logging.getLogger("gelf_listener")

GC_THRESHOLD = 10_000
"""
Allocations between collections: messages hold no cycles, so the default of 700 only costs time (`make bench`), and of
100 000 a collection takes 70 ms (`python -m bench.abuse`).
"""


_PATIENCE_SECONDS = 1.0
"""So long stopping may take before it is said what is waited for."""

_MOST_FILES = 65536
"""Open files we ask for; the usual soft limit of 1024 is what one input's connections may take alone."""


def run_service(flags: Mapping[str, Any], file: Path | None) -> int:
    """
    Run until SIGTERM or SIGINT; SIGHUP reads the configuration again.

    Returns:
        The exit status: 0, or 1 when messages could not be written in time.

    Raises:
        ConfigError: If the configuration is wrong or something cannot be opened.
    """
    early: list[int] = []
    if hasattr(signal, "SIGHUP"):  # from here on a change of the configuration may come too late to be read
        signal.signal(signal.SIGHUP, lambda number, _: early.append(number))
    config = load_config(flags, file)
    logging.basicConfig(level=config.log_level.upper(), stream=sys.stderr)
    gc.set_threshold(GC_THRESHOLD, 20, 20)
    raise_file_limit()
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        return runner.run(_main(config, flags, file, early))


def raise_file_limit() -> None:
    """Allow as many open files as the system lets us: connections of several inputs, and files beside them."""
    try:
        import resource  # not on Windows
    except ImportError:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):  # macOS has a limit it does not tell
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


class DiscreetFormatter(logging.Formatter):
    """
    Formats what is logged, by libraries too and with tracebacks, without the settings' secrets.

    Args:
        secrets: Says what these are at the moment.
        prefix: Stands before each text.
    """

    def __init__(self, secrets: Callable[[], list[str]], prefix: str = "") -> None:
        super().__init__(f"%(asctime)s %(levelname)s %(name)s: {prefix}%(message)s")
        self._secrets = secrets

    def format(self, record: logging.LogRecord) -> str:
        """Format a record."""
        return hide(super().format(record), self._secrets())


def loop_factory() -> Any:
    """Return what makes the fastest event loop there is; None: asyncio's own."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


async def _main(config: Config, flags: Mapping[str, Any], file: Path | None, early: Sequence[int]) -> int:
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(log_exception)
    service = Service(config, file)
    for handler in logging.getLogger().handlers:
        handler.setFormatter(DiscreetFormatter(service.secrets))
    started = asyncio.Event()
    reloading: set[asyncio.Task[None]] = set()

    async def reload_when_started() -> None:
        await started.wait()
        await _reload(service, flags, file)

    def reload() -> None:
        task = loop.create_task(reload_when_started())
        reloading.add(task)
        task.add_done_callback(reloading.discard)

    # Before starting: what it opens is closed in order, and an early SIGHUP is no reason to die.
    for number in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError):  # Windows
            loop.add_signal_handler(number, service.stop)
    if hasattr(signal, "SIGHUP"):
        loop.add_signal_handler(signal.SIGHUP, reload)
        if early:
            reload()
    await service.start()
    gc.collect()
    gc.freeze()
    _announce(service)
    notify("READY=1")
    started.set()
    await service.wait()
    for number in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError):
            loop.remove_signal_handler(number)  # a second Ctrl-C ends it at once
    notify("STOPPING=1")
    waiting = loop.call_later(_PATIENCE_SECONDS, _say_waiting, service)
    left = await service.close()
    waiting.cancel()
    _report(service, left)
    return 1 if left or service.lost else 0


def log_exception(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:  # noqa: ARG001
    """Log what nobody caught; a connection that broke is not worth a traceback."""
    error = context.get("exception")
    if isinstance(error, OSError):
        _log.debug("%s: %s", context.get("message"), error)
    else:
        _log.error("%s", context.get("message"), exc_info=error)


async def _reload(service: Service, flags: Mapping[str, Any], file: Path | None) -> None:
    notify_reloading()
    try:
        await service.reload(load_config(flags, file))
    except ConfigError as error:
        _log.error("not reloaded: %s", error)
    except Exception:  # noqa: BLE001  (a third party's code; what ran before goes on)
        _log.exception("not reloaded")
    else:
        _log.info("reloaded")
        _announce(service)
    notify("READY=1")


def _announce(service: Service) -> None:
    """Say what listens where."""
    lines = ["listening:"]
    lines += [f"  {url}" for input in service.inputs for url in input.listening]
    lines += ["writing to:"]
    for runner in service.pipeline.runners:
        where = runner.output.settings.where
        lines.append(f"  {runner.name}" + (f"  where {where}" if where else ""))
    if service.api_url:
        lines.append(f"health and metrics: {service.api_url}/health {service.api_url}/metrics")
        lines.append(f"page: {service.api_url}{service.config.api_base_path}/")
        if service.store is None:
            lines.append("nothing is stored, so nothing can be searched: --output replaces the defaults")
            lines.append("  use --also-output instead, or add --output store: to store messages as well")
    if sys.stderr.isatty():
        lines += _replaced(service)
    print("\n".join(lines), file=sys.stderr, flush=True)


def _replaced(service: Service) -> list[str]:
    """Say to a person what of the defaults is not there because something else was named."""
    lines = []
    if service.config.inputs is not None:
        lines.append("the default ports are not open: --input replaces them, --also-input adds to them")
    if service.config.outputs is not None and all(
        spec.address.scheme != "console" for spec in service.config.output_specs()
    ):
        lines.append("messages are not shown here: --output replaces the defaults, --also-output adds to them")
    return lines


def _say_waiting(service: Service) -> None:
    """Say why it has not ended yet."""
    outputs = [output for output in service.outputs() if output.waiting and output.buffer == "memory"]
    waiting = ", ".join(f"{output.name} ({counted(output.waiting)} buffered)" for output in outputs)
    text = f"stopping: still writing{': ' if waiting else ''}{waiting}; "
    text += f"ends within {exact_duration(service.config.drain_seconds)}, at once with Ctrl-C"
    print(text, file=sys.stderr, flush=True)


def _report(service: Service, left: int) -> None:
    """Say what was taken, written and lost."""
    pipeline = service.pipeline
    taken = pipeline.messages.total()
    outputs = service.outputs()
    written = ", ".join(f"{output.name} {output.written}" for output in outputs)
    drops = sum(input.counters().get("kernel_drops_total", 0) for input in service.inputs)
    dropped = sum(runner.buffer.dropped for runner in pipeline.runners) + service.dropped_before
    left += service.lost.total()
    text = f"stopped: {counted(taken)} taken, {pipeline.rejections.total} rejected; written: {written or 'nothing'}"
    if dropped or drops or left:
        text += f"; dropped by buffers {dropped}, by the kernel {drops:.0f}, unwritten at the end {left}"
    kept = sum(runner.buffer.messages for runner in pipeline.runners if runner.buffer.durable)
    if kept:
        text += f"; kept in buffers on disk: {kept}"
    orphaned = sum(orphan.messages for orphan in service.orphans)
    if orphaned:
        text += f"; in buffers that no output writes: {orphaned}"
    print(text, file=sys.stderr, flush=True)
