"""
Service: runs what a configuration says, and changes over to another. The composition root.

Order matters: outputs open before inputs, so nothing arrives before it has somewhere to go; inputs close before
outputs, so what was taken is written.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gelf_listener.address import Address
from gelf_listener.assembly import (
    check_names,
    disk_directory,
    explained,
    make_alerts,
    make_all,
    make_api_auth,
    make_buffer,
    make_input,
    output_name,
    predicate_of,
)
from gelf_listener.capabilities import Reopens, Searchable, Shares
from gelf_listener.config import Config, Spec
from gelf_listener.conflicts import Conflicts
from gelf_listener.directories import state_directory
from gelf_listener.errors import ConfigError
from gelf_listener.figures import OutputFigures, WorkerFigures, output_figures, together
from gelf_listener.inputs import Input
from gelf_listener.leftovers import Leftovers, check_directories, successors
from gelf_listener.live import LiveFeed
from gelf_listener.outputs import Output
from gelf_listener.pipeline import Pipeline
from gelf_listener.runner import Runner
from gelf_listener.senders import Senders
from gelf_listener.throughput import Throughput

if TYPE_CHECKING:
    from gelf_listener.alerts.watch import Watch
    from gelf_listener.api.auth import Auth
    from gelf_listener.api.catalog import Catalog
    from gelf_listener.api.shared.sharing import Sharing
    from gelf_listener.buffers.orphans import Orphan
    from gelf_listener.store import Store
    from gelf_listener.workers.pool import Workers

_log = logging.getLogger(__name__)

_ORPHAN_SECONDS = 10.0
"""How often orphaned buffers are looked at, while there are any."""

_WORKERS_SECONDS = 15.0
"""How long workers may take beyond the drain time, as outputs that do not stop may."""

_API_SETTINGS = [name for name in Config.model_fields if name.startswith("api")]


class Service:
    """
    A listener: inputs, pipeline and outputs, and the API beside them.

    Args:
        config: What to run.
        origin: Where it comes from: the configuration file, or by default the directory it was started in.
        is_worker: Whether another listener tells it what to open: buffers on disk are that one's.
    """

    def __init__(self, config: Config, origin: Path | None = None, *, is_worker: bool = False) -> None:
        self.config = config
        self._lanes: list[Runner] = []
        self._origin = str((origin or Path()).resolve())
        self.pipeline = Pipeline()
        self.live = LiveFeed(self.pipeline.taps)
        self.senders = Senders()
        self.conflicts = Conflicts()
        self._alerts: Watch | None = None
        self.throughput = Throughput(self._counters, time.monotonic)
        self.started_at = time.time()
        self._sampling: asyncio.TimerHandle | None = None
        self.inputs: list[Input] = []
        self._destinations: list[Output] = []
        """Where notices of alerts go, besides outputs."""
        self._making: list[Input | Output] = []
        """What the configuration that was read last names."""
        self.auth: Auth | None = None
        """Who may ask the API; None without one."""
        self.api_url = ""
        self.sharing: Sharing | None = None
        """What is shared with the other listeners of the store; None where the store is this one's own."""
        # Pairs, looked up by equality: a specification holds settings, which need not be hashable.
        self._open_inputs: list[tuple[Spec, Input]] = []
        self._added: list[Spec] = []
        """Inputs that were opened in addition to those of the configuration; a reload keeps them."""
        self.failed_inputs: dict[str, str] = {}
        """Why an input that was made through the API could not be opened, by name."""
        self._kept_inputs: dict[str, Mapping[str, Any]] = {}
        """Documents of the catalog whose inputs are open, or cannot be, by name."""
        self._open_outputs: list[tuple[Spec, Runner]] = []
        self._leftovers = Leftovers(self._origin, seen=not is_worker)
        self.lost: Counter[str] = Counter()
        """Messages that were dropped when a reload ended their output, by its name."""
        self.dropped_before = 0
        """Messages that the buffers of such outputs dropped because they were full."""
        self._looking: asyncio.Task[None] | None = None
        self._api: Any = None
        self.workers: Workers | None = None
        """Processes that take messages in our place; None without."""
        self._stopping = asyncio.Event()
        self._changing = asyncio.Lock()
        self._following = asyncio.Lock()
        self._closed = False

    @cached_property
    def catalog(self) -> Catalog:
        """What was made through the API and outlives a restart."""
        if self.sharing is not None:
            return self.sharing.catalog
        from gelf_listener.api.catalog_file import FileCatalog

        return FileCatalog(state_directory() / "catalog.sqlite")

    @property
    def alerts(self) -> Watch:
        """Looks after alerts."""
        if self._alerts is None:
            self._alerts = self._make_alerts(self.config)
        return self._alerts

    @property
    def orphans(self) -> list[Orphan]:
        """Buffers on disk with messages in them that no output writes."""
        return self._leftovers.orphans

    def secrets(self) -> list[str]:
        """Return what must not be shown of the settings of everything that is open, or being opened."""
        opened = [
            *self._making,
            *self._destinations,
            *self.inputs,
            *(runner.output for runner in self.pipeline.runners),
        ]
        return [secret for each in opened for secret in each.settings.secrets()]

    @property
    def store(self) -> Store | None:
        """The store that is searched: the first output's that has one."""
        for runner in self.pipeline.runners:
            if isinstance(runner.output, Searchable) and runner.output.store is not None:
                return runner.output.store
        return None

    @property
    def reading(self) -> bool:
        """Whether inputs read: no buffer that blocks is full."""
        return not (self.pipeline.full or (self.workers is not None and self.workers.full))

    def outputs(self) -> list[OutputFigures]:
        """Return what each output did and how it is."""
        found = [output_figures(runner) for _, runner in self._open_outputs]
        if self.workers is None:
            return found
        return [together([figures, *self.workers.outputs(figures.name)]) for figures in found]

    def worker_figures(self) -> list[WorkerFigures]:
        """Return how each worker is; nothing where the listener takes messages itself."""
        return [] if self.workers is None else self.workers.figures()

    def try_output(self, name: str) -> bool:
        """End the pause before an output that failed is tried again; False if none has this name."""
        found = [runner for runner in self.pipeline.runners if runner.name == name]
        for runner in found:
            runner.try_now()
        if self.workers is not None:
            self.workers.try_output(name)
        return bool(found)

    def use_lanes(self, lanes: Sequence[Runner]) -> None:
        """Hand messages to these as well as to the outputs: a worker's way to its parent."""
        self._lanes = list(lanes)
        self._route()

    def _route(self) -> None:
        self.pipeline.runners = [*self._lanes, *(runner for _, runner in self._open_outputs)]
        self.pipeline.made_room()

    async def start(self) -> None:
        """
        Open outputs, then inputs, then the API.

        Raises:
            ConfigError: If something cannot be opened; what was opened before is closed again.
        """
        try:
            inputs, outputs = self._make_all(self.config)
            self.auth = make_api_auth(self.config)
            make_alerts(self.config)
            await self._leftovers.find(outputs)
            self._open_outputs = await self._start_outputs(outputs, self._leftovers.heirs(outputs))
            self._route()
            self._tell_orphans()
            await self._start_workers()
            await self._start_inputs(inputs)
            await self._start_sharing()
            await self._start_api(self.config.api)
            if self.config.api is not None or self.config.alerts:
                self.alerts.start()
        except BaseException:
            await self.close()
            raise

    async def close(self) -> int:
        """
        Close inputs, write what is buffered within the drain time, close outputs. May be called twice.

        Returns:
            How many messages could not be written.
        """
        async with self._changing:  # a reload comes to its end first
            self._closed = True
            self.live.close()
            if self._sampling is not None:
                self._sampling.cancel()
            if self._looking is not None:
                self._looking.cancel()
            if self._api is not None:
                await self._api.close()
                self._api = None
            await self._close_inputs(self.inputs)
            if self._alerts is not None:
                await self._alerts.close()
            if self.sharing is not None:
                await self.sharing.close()
            if "catalog" in self.__dict__:
                self.catalog.close()
            unwritten = 0
            if self.workers is not None:
                unwritten = await self.workers.close(self.config.drain_seconds + _WORKERS_SECONDS)
            return unwritten + await self._drain(self.pipeline.runners)

    async def open_input(self, spec: Spec) -> Input:
        """
        Open one more input; it survives a reload.

        Raises:
            ConfigError: If it cannot be opened, or another one has its name.
        """
        async with self._changing:
            if self._closed:
                raise ConfigError("the listener is stopping")
            input = make_input(spec)
            check_names("input", [(spec, input.name), *((each, other.name) for each, other in self._open_inputs)])
            await self._start_inputs([(spec, input)])
            self._added.append(spec)
            return self.inputs[-1]

    async def close_input(self, name: str) -> None:
        """Close an input that `open_input` opened, if it is open."""
        async with self._changing:
            self.failed_inputs.pop(name, None)
            self._kept_inputs.pop(name, None)
            for spec, input in self._open_inputs:
                if input.name == name and spec in self._added:
                    self._added.remove(spec)
                    await self._close_inputs([input])
                    return

    async def open_kept_input(self, document: Mapping[str, Any]) -> None:
        """Open an input as the catalog has it; one that cannot be opened is remembered with the reason."""
        name = document["id"]
        self._kept_inputs[name] = document
        self.failed_inputs.pop(name, None)
        try:
            await self.open_input(Spec(Address.parse(document["address"]), tuple(sorted(document["settings"].items()))))
        except ConfigError as error:
            _log.warning("input %r (%s) cannot be opened: %s", document["title"], name, error)
            self.failed_inputs[name] = str(error)

    def stop(self) -> None:
        """Make `wait` return."""
        self._stopping.set()

    async def wait(self) -> None:
        """Wait until `stop` is called."""
        await self._stopping.wait()

    async def reload(self, config: Config) -> None:
        """
        Change over to another configuration without closing what stays the same; reopen files and certificates.

        A change of ``workers``, of ``api`` or of what belongs to it takes a restart.

        Raises:
            ConfigError: If something is wrong or cannot be opened; everything that ran before goes on.
        """
        async with self._changing:
            if self._closed:
                return
            inputs, outputs = self._make_all(config)
            make_alerts(config)
            await self._reopen()
            old_outputs, old_inputs = self._open_outputs, self._open_inputs
            kept = [pair for pair in old_outputs if pair[0] in config.output_specs()]
            gone_outputs = [pair for pair in old_outputs if _find(pair[0], kept) is None]
            coming = [pair for pair in outputs if _find(pair[0], kept) is None]
            replacing = successors(gone_outputs, coming)
            check_directories(gone_outputs, coming, replacing)
            heirs = self._leftovers.heirs(coming, replacing)
            new = await self._start_outputs(coming, heirs)
            gone = [pair for pair in old_inputs if pair[0] not in (*config.input_specs(), *self._added)]
            await self._close_inputs([input for _, input in gone])  # first: a changed setting keeps its port
            try:
                await self._start_inputs([pair for pair in inputs if _find(pair[0], self._open_inputs) is None])
            except BaseException:
                await self._take_back(gone, old_inputs)
                await self._drain([runner for _, runner in new])
                raise
            # From here on nothing can fail, and no message goes to both an output and its successor.
            handed_over = [
                (runner, _find(successor, new)) for successor, (_, runner) in replacing if not runner.buffer.durable
            ]
            await asyncio.gather(*(runner.retire(config.drain_seconds) for runner, _ in handed_over))
            for runner, successor in handed_over:
                successor.inherit(runner.leave())
            self._open_outputs = kept + new
            self._route()
            if self.workers is not None:
                await self.workers.use(config, self._open_outputs)
            await self._end_outputs(gone_outputs, heirs)
            for _, runner in new:
                runner.try_now()  # it may wait for what has only now been closed
            if (config.alerts, config.destinations) != (self.config.alerts, self.config.destinations):
                await self.alerts.close()
                self._alerts = self._make_alerts(config)
                self._alerts.start()
            for setting in (*_API_SETTINGS, "workers"):
                if getattr(config, setting) != getattr(self.config, setting):
                    _log.warning("setting %r takes a restart", setting)
            self.config = config

    def _make_all(self, config: Config) -> tuple[list[tuple[Spec, Input]], list[tuple[Spec, Output]]]:
        """Make everything, and know its secrets before it runs."""
        inputs, outputs = make_all(config)
        self._making = [*(input for _, input in inputs), *(output for _, output in outputs)]
        return inputs, outputs

    async def _end_outputs(self, outputs: Sequence[tuple[Spec, Runner]], heirs: Mapping[Path, Path]) -> None:
        """Write what outputs of the earlier configuration still have, close them, and say what is left of it."""
        await self._drain([runner for _, runner in outputs])
        for spec, runner in outputs:
            self.dropped_before += runner.buffer.dropped
            if runner.given_up:
                self.lost[runner.name] += runner.given_up
                _log.error(
                    "output %s was changed or removed: %d messages could not be written in time and are dropped",
                    runner.name,
                    runner.given_up,
                )
            self._leftovers.leave(spec, runner.output)
        await self._find_orphans(set(heirs.values()))
        self._tell_orphans()

    async def _find_orphans(self, used: Collection[Path] = ()) -> None:
        await self._leftovers.find([(spec, runner.output) for spec, runner in self._open_outputs], used)

    def _tell_orphans(self) -> None:
        """Log buffers that nobody writes, and look at them from time to time."""
        self._leftovers.tell()
        if self._leftovers.expected and self._looking is None:
            self._looking = asyncio.get_running_loop().create_task(self._look_after_orphans(), name="orphans")

    async def _look_after_orphans(self) -> None:
        """See what a reload left behind, and whether somebody took care of it."""
        while True:
            await asyncio.sleep(_ORPHAN_SECONDS)
            async with self._changing:
                await self._find_orphans()
                self._tell_orphans()

    async def _reopen(self) -> None:
        """Let outputs open their files again and inputs read their certificates again."""
        for opened in [*(runner.output for runner in self.pipeline.runners), *self.inputs]:
            if isinstance(opened, Reopens):
                opening = opened.reopen()
                if opening is not None:
                    await opening

    async def _take_back(self, gone: Sequence[tuple[Spec, Input]], before: Sequence[tuple[Spec, Input]]) -> None:
        """After a reload that failed: close what it opened, open again what it closed."""
        await self._close_inputs([input for spec, input in self._open_inputs if _find(spec, before) is None])
        for spec, _ in gone:
            try:
                await self._start_inputs([(spec, make_input(spec))])
            except ConfigError as error:
                _log.error("cannot go back: %s", error)  # somebody took the port

    async def _start_outputs(
        self, outputs: Sequence[tuple[Spec, Output]], heirs: Mapping[Path, Path]
    ) -> list[tuple[Spec, Runner]]:
        """Start outputs; when one cannot, the others are closed again."""
        started: list[tuple[Spec, Runner]] = []
        try:
            for spec, output in outputs:
                directory = disk_directory(spec, output)
                buffer = make_buffer(
                    output_name(spec, output),
                    output.settings,
                    None if output.settings.name else (spec.address.scheme, self._origin),
                    None if directory is None else heirs.get(directory),
                )
                runner = Runner(
                    output_name(spec, output),
                    output,
                    buffer,
                    predicate_of(spec, output, self.config),
                    self.pipeline.reject,
                    self.pipeline.made_room,
                )
                if hasattr(output, "written_before"):  # searches see what was taken, though it is not written yet
                    output.written_before = partial(self._settle, runner)
                await explained(spec, output, runner.start())
                started.append((spec, runner))
        except BaseException:
            await self._drain([runner for _, runner in started])
            raise
        return started

    async def _settle(self, runner: Runner) -> None:
        """Wait until what was taken until now is written."""
        await runner.written_so_far()
        if self.workers is not None:
            await self.workers.settle(runner.name)

    async def _start_workers(self) -> None:
        """
        Start the workers that the configuration asks for.

        Raises:
            ConfigError: If this system does not divide what comes to a port, or one cannot start.
        """
        if self.config.workers == 1:
            return
        if sys.platform != "linux":
            raise ConfigError("setting 'workers': only Linux divides a port between processes; leave it 1")
        from gelf_listener.workers.pool import Workers  # most listeners have none

        self.workers = Workers(self.config, self.pipeline, self.live, self.senders, self.conflicts, self.lost)
        await self.workers.start(self.config, self._open_outputs)

    async def _start_inputs(self, inputs: Sequence[tuple[Spec, Input]]) -> None:
        for spec, made in inputs:
            input = made if self.workers is None else self.workers.share(spec, made)
            try:
                await explained(spec, input, input.start(self.pipeline))
            except BaseException as error:
                await input.close()
                if not (spec.optional and isinstance(error, ConfigError)):
                    raise
                _log.warning("%s is left out: %s", input.name, error)
                continue
            self.inputs.append(input)
            self._open_inputs.append((spec, input))

    async def _start_sharing(self) -> None:
        """Meet the other listeners of the store, and open the inputs that were made through the API before."""
        output = next((each.output for each in self.pipeline.runners if isinstance(each.output, Shares)), None)
        if output is not None:
            from gelf_listener.api.shared.sharing import Sharing

            self.sharing = Sharing(self, output)
            await self.sharing.start()
        if self.config.api is not None:
            await self.catalog.open(self._open_kept_inputs)
            await self._open_kept_inputs()

    async def _open_kept_inputs(self) -> None:
        """Open and close inputs as the catalog has them; others may have changed it."""
        from gelf_listener.api.node import is_own_input

        async with self._following:
            wanted = {
                id: document
                for id, document in self.catalog.all("inputs").items()
                if document["desired_state"] == "RUNNING" and is_own_input(self, document)
            }
            for name in [name for name, document in self._kept_inputs.items() if wanted.get(name) != document]:
                await self.close_input(name)
            for name, document in wanted.items():
                if name not in self._kept_inputs:
                    await self.open_kept_input(document)

    async def _close_inputs(self, inputs: Sequence[Input]) -> None:
        """Close inputs and forget them; a failure is logged, for others have to be closed too."""
        closing = list(inputs)
        for problem in await asyncio.gather(*(input.close() for input in closing), return_exceptions=True):
            if problem is not None:
                _log.error("an input did not close", exc_info=problem)
        self._open_inputs = [pair for pair in self._open_inputs if not _contains(closing, pair[1])]
        self.inputs[:] = [input for input in self.inputs if self._closed or not _contains(closing, input)]

    async def _drain(self, runners: Sequence[Runner]) -> int:
        return sum(await asyncio.gather(*(runner.drain(self.config.drain_seconds) for runner in runners)))

    async def _start_api(self, address: Address | None) -> None:
        if address is None or self.auth is None:
            return
        from gelf_listener.api.server import ApiServer  # inputs listen before this is imported

        self.pipeline.taps.append(self.senders.saw)
        self.pipeline.taps.append(self.conflicts.saw)
        self.pipeline.rejections.taps.append(self.senders.refused)
        self._sample()
        self._api = ApiServer(self, self.auth, address)
        self.api_url = await self._api.start()

    def _make_alerts(self, config: Config) -> Watch:
        """Make what looks after alerts, not started."""
        from gelf_listener.alerts.destinations import Destinations  # costs start-up time where there are none
        from gelf_listener.alerts.lease import CatalogLease, OwnLease
        from gelf_listener.alerts.watch import Watch

        alerts, outputs = make_alerts(config)
        self._destinations = list(outputs.values())
        destinations = Destinations(outputs, lambda: {runner.name: runner for runner in self.pipeline.runners})
        lease = OwnLease() if self.sharing is None else CatalogLease(self.catalog, self.sharing.nodes.name)
        return Watch(alerts, self.catalog, lambda: self.store, destinations, lease, lambda: self.api_url)

    def _counters(self) -> dict[str, float]:
        """Return what rates are shown of."""
        counters: dict[str, float] = {"messages": self.pipeline.messages.total()}
        counters |= {f"input {name}": count for name, count in self.pipeline.messages.items()}
        return counters | {f"output {output.name}": output.written for output in self.outputs()}

    def _sample(self) -> None:
        """Note the counters once a second."""
        self.throughput.sample()
        self._sampling = asyncio.get_running_loop().call_later(1.0, self._sample)


def _find(spec: Spec, pairs: Sequence[tuple[Spec, Any]]) -> Any:
    """Return what was made from a specification; None when nothing was."""
    return next((made for known, made in pairs if known == spec), None)


def _contains(inputs: Sequence[Input], wanted: Input) -> bool:
    return any(input is wanted for input in inputs)
