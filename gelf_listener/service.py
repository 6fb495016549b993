"""
Service: builds everything from the configuration and runs it. The composition root.

Order matters: outputs open before inputs, so nothing arrives before it has somewhere to go; inputs close before
outputs, so what was taken is written.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Collection, Coroutine, Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gelf_listener.address import Address
from gelf_listener.buffers import Buffer
from gelf_listener.buffers.memory import MemoryBuffer
from gelf_listener.capabilities import Concurrent, KeepsPayloads, Reopens, Searchable
from gelf_listener.codec.gelf.lenient import read_fields
from gelf_listener.config import Config, Spec
from gelf_listener.conflicts import Conflicts
from gelf_listener.directories import buffer_directory, buffers_directory, state_directory
from gelf_listener.errors import ConfigError
from gelf_listener.inputs import Input
from gelf_listener.live import LiveFeed
from gelf_listener.message import Message
from gelf_listener.outputs import Output
from gelf_listener.packing import Packer
from gelf_listener.pipeline import Pipeline
from gelf_listener.plugins import INPUT_GROUP, OUTPUT_GROUP, make
from gelf_listener.runner import Runner
from gelf_listener.senders import Senders
from gelf_listener.settings import OutputSettings
from gelf_listener.throughput import Throughput

if TYPE_CHECKING:
    from gelf_listener.api.auth import Auth
    from gelf_listener.api.catalog import Catalog
    from gelf_listener.buffers.orphans import Orphan
    from gelf_listener.query import Meaning
    from gelf_listener.store import Store

__all__ = ["Service", "make_all", "make_api_auth", "make_buffer", "make_input", "make_output", "make_predicate"]

_log = logging.getLogger(__name__)

_ORPHAN_SECONDS = 10.0
"""How often orphaned buffers are looked at, while there are any."""

_API_SETTINGS = [name for name in Config.model_fields if name.startswith("api")]


def make_input(spec: Spec) -> Input:
    """
    Make an input from its specification, not started.

    Raises:
        ConfigError: If a setting does not fit.
    """
    made: Input = make(INPUT_GROUP, spec.address, spec.settings)
    return made


def make_output(spec: Spec) -> Output:
    """
    Make an output from its specification, not started.

    Raises:
        ConfigError: If a setting does not fit.
    """
    made: Output = make(OUTPUT_GROUP, spec.address, spec.settings)
    if isinstance(made, KeepsPayloads):
        made.open_fields = read_fields
    return made


def make_buffer(
    name: str, settings: OutputSettings, owner: tuple[str, str] | None = None, predecessor: Path | None = None
) -> Buffer:
    """
    Make the buffer that an output's settings ask for, not opened.

    Args:
        name: The output's.
        settings: The output's.
        owner: Its scheme, and where the listener's configuration comes from; see `buffers.orphans.Owner`.
        predecessor: A buffer on disk to take over; see `DiskBuffer`.
    """
    if settings.buffer == "memory":
        return MemoryBuffer(settings.buffer_messages_limit, settings.buffer_bytes_limit, settings.when_full)
    from gelf_listener.buffers.disk import DiskBuffer  # SQLite costs start-up time
    from gelf_listener.buffers.orphans import Owner

    noted = None if owner is None else Owner(*owner)
    return DiskBuffer(buffer_directory(name, settings), settings, Packer(read_fields), noted, predecessor)


def make_predicate(where: str, meaning: Meaning = "extended") -> Callable[[Message], bool] | None:
    """
    Compile an output's query; None when it wants everything.

    Args:
        where: The query.
        meaning: Whose rules it follows.

    Raises:
        ConfigError: If it is not a query, with the column.
    """
    if not where.strip() or where.strip() == "*":
        return None
    from gelf_listener.errors import QueryError
    from gelf_listener.query import compile_predicate, parse_as  # the parser costs start-up time

    try:
        return compile_predicate(parse_as(where, meaning))
    except QueryError as error:
        raise ConfigError(f"setting 'where': {error}") from None


def _make_inputs(specs: Sequence[Spec]) -> list[tuple[Spec, Input]]:
    """Make inputs; an optional one that cannot be made is left out, and that is logged."""
    made = []
    for spec in specs:
        try:
            made.append((spec, make_input(spec)))
        except ConfigError as error:
            if not spec.optional:
                raise
            _log.warning("%s is left out: %s", spec.address.scheme, error)
    return made


def make_all(config: Config) -> tuple[list[tuple[Spec, Input]], list[tuple[Spec, Output]]]:
    """
    Make everything a configuration names, not started: what `check` shows, and what a reload tries first.

    Raises:
        ConfigError: If anything is wrong that can be told without opening sockets and files.
    """
    inputs = _make_inputs(config.input_specs())
    outputs = [(spec, make_output(spec)) for spec in config.output_specs()]
    for spec, output in outputs:
        _predicate(spec, output, config)
    _check_names("input", (made.name for _, made in inputs))
    _check_names("output", (_output_name(spec, output) for spec, output in outputs))
    _check_buffers(outputs)
    return inputs, outputs


def make_api_auth(config: Config) -> Auth | None:
    """
    Make what decides who may ask the API; None without an API.

    Raises:
        ConfigError: If anybody could who should not, or a secret is unusable.
    """
    if config.api is None:
        return None
    from gelf_listener.api.auth import make_auth  # costs start-up time where there is no API

    return make_auth(config)


def _check_names(kind: str, names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ConfigError(f"two {kind}s are called {name!r}; give one a setting 'name'")
        seen.add(name)


def _check_buffers(outputs: Sequence[tuple[Spec, Output]]) -> None:
    """
    Tell what cannot be buffered as asked.

    Raises:
        ConfigError: If two outputs share a buffer, or one is asked for what it cannot do.
    """
    seen: dict[Path, str] = {}
    for spec, output in outputs:
        settings, name = output.settings, _output_name(spec, output)
        if settings.concurrency > 1 and not (isinstance(output, Concurrent) and output.concurrent):
            raise ConfigError(
                f"{settings.shown(spec.address)}: setting 'concurrency': this output writes one batch at a time"
            )
        if settings.buffer == "disk":
            directory = buffer_directory(name, settings).resolve()
            if directory in seen:
                raise ConfigError(
                    f"outputs {seen[directory]!r} and {name!r} have the same buffer {directory}; give one a 'name' "
                    "or a 'buffer_path'"
                )
            seen[directory] = name


def _output_name(spec: Spec, output: Output) -> str:
    return str(output.settings.name or output.settings.shown(spec.address))


def _predicate(spec: Spec, output: Output, config: Config) -> Callable[[Message], bool] | None:
    try:
        return make_predicate(output.settings.where, config.query or "extended")
    except ConfigError as error:
        raise ConfigError(f"{output.settings.shown(spec.address)}: {error}") from None


class Service:
    """
    A listener: inputs, pipeline and outputs, and the API beside them.

    Args:
        config: What to run.
        origin: Where it comes from: the configuration file, or by default the directory it was started in.
    """

    def __init__(self, config: Config, origin: Path | None = None) -> None:
        self.config = config
        self._origin = str((origin or Path()).resolve())
        self.pipeline = Pipeline()
        self.live = LiveFeed(self.pipeline.taps)
        self.senders = Senders()
        self.conflicts = Conflicts()
        self.throughput = Throughput(self._counters, time.monotonic)
        self.started_at = time.time()
        self._sampling: asyncio.TimerHandle | None = None
        self.inputs: list[Input] = []
        self._making: list[Input | Output] = []
        """What the configuration that was read last names."""
        self.auth: Auth | None = None
        """Who may ask the API; None without one."""
        self.api_url = ""
        # Pairs, looked up by equality: a specification holds settings, which need not be hashable.
        self._open_inputs: list[tuple[Spec, Input]] = []
        self._added: list[Spec] = []
        """Inputs that were opened in addition to those of the configuration; a reload keeps them."""
        self.failed_inputs: dict[str, str] = {}
        """Why an input that was made through the API could not be opened, by name."""
        self._open_outputs: list[tuple[Spec, Runner]] = []
        self.orphans: list[Orphan] = []
        """Buffers on disk with messages in them that no output writes."""
        self.lost: Counter[str] = Counter()
        """Messages that were dropped when a reload ended their output, by its name."""
        self.dropped_before = 0
        """Messages that the buffers of such outputs dropped because they were full."""
        self._left_directories: set[Path] = set()
        """Buffers of such outputs, wherever they are."""
        self._told: set[Path] = set()
        self._looking: asyncio.Task[None] | None = None
        self._api: Any = None
        self._stopping = asyncio.Event()
        self._changing = asyncio.Lock()
        self._closed = False

    @cached_property
    def catalog(self) -> Catalog:
        """What was made through the API and outlives a restart."""
        from gelf_listener.api.catalog import Catalog

        return Catalog(state_directory() / "catalog.sqlite")

    def secrets(self) -> list[str]:
        """Return what must not be shown of the settings of everything that is open, or being opened."""
        opened = [*self._making, *self.inputs, *(runner.output for runner in self.pipeline.runners)]
        return [secret for each in opened for secret in each.settings.secrets()]

    @property
    def store(self) -> Store | None:
        """The store that is searched: the first output's that has one."""
        for runner in self.pipeline.runners:
            if isinstance(runner.output, Searchable) and runner.output.store is not None:
                return runner.output.store
        return None

    async def start(self) -> None:
        """
        Open outputs, then inputs, then the API.

        Raises:
            ConfigError: If something cannot be opened; what was opened before is closed again.
        """
        try:
            inputs, outputs = self._make_all(self.config)
            self.auth = make_api_auth(self.config)
            await self._find_orphans(outputs)
            self._open_outputs = await self._start_outputs(outputs, self._heirs(outputs))
            self.pipeline.runners = [runner for _, runner in self._open_outputs]
            self._tell_orphans()
            await self._start_inputs(inputs)
            await self._start_kept_inputs()
            await self._start_api(self.config.api)
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
            if "catalog" in self.__dict__:
                self.catalog.close()
            return await self._drain(self.pipeline.runners)

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
            _check_names("input", [input.name, *(other.name for other in self.inputs)])
            await self._start_inputs([(spec, input)])
            self._added.append(spec)
            return input

    async def close_input(self, name: str) -> None:
        """Close an input that `open_input` opened, if it is open."""
        async with self._changing:
            self.failed_inputs.pop(name, None)
            for spec, input in self._open_inputs:
                if input.name == name and spec in self._added:
                    self._added.remove(spec)
                    await self._close_inputs([input])
                    return

    async def open_kept_input(self, document: Mapping[str, Any]) -> None:
        """Open an input as the catalog has it; one that cannot be opened is remembered with the reason."""
        name = document["id"]
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

        A change of ``api`` and what belongs to it takes a restart.

        Raises:
            ConfigError: If something is wrong or cannot be opened; everything that ran before goes on.
        """
        async with self._changing:
            if self._closed:
                return
            inputs, outputs = self._make_all(config)
            await self._reopen()
            old_outputs, old_inputs = self._open_outputs, self._open_inputs
            kept = [pair for pair in old_outputs if pair[0] in config.output_specs()]
            gone_outputs = [pair for pair in old_outputs if _find(pair[0], kept) is None]
            coming = [pair for pair in outputs if _find(pair[0], kept) is None]
            successors = _successors(gone_outputs, coming)
            heirs = self._heirs(coming, successors)
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
                (runner, _find(successor, new)) for successor, (_, runner) in successors if not runner.buffer.durable
            ]
            await asyncio.gather(*(runner.retire(config.drain_seconds) for runner, _ in handed_over))
            for runner, successor in handed_over:
                successor.inherit(runner.leave())
            self._open_outputs = kept + new
            self.pipeline.runners = [runner for _, runner in self._open_outputs]
            await self._end_outputs(gone_outputs, heirs)
            self.pipeline.made_room()
            for setting in _API_SETTINGS:
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
            directory = _disk_directory(spec, runner.output)
            if directory is not None:
                self._left_directories.add(directory)
        await self._find_orphans(self._open_outputs, set(heirs.values()))
        self._tell_orphans()

    async def _find_orphans(self, outputs: Sequence[tuple[Spec, Runner | Output]], used: Collection[Path] = ()) -> None:
        """Look for buffers on disk that no output writes; SQLite is imported only where there may be one."""
        made = [(spec, found.output if isinstance(found, Runner) else found) for spec, found in outputs]
        known = {directory for spec, output in made if (directory := _disk_directory(spec, output)) is not None}
        known.update(used)
        places = self._left_directories | _subdirectories(buffers_directory())
        if not places - known:
            self.orphans = []
            return
        from gelf_listener.buffers.orphans import find_orphans

        self.orphans = await asyncio.to_thread(find_orphans, places - known)

    def _heirs(
        self, outputs: Sequence[tuple[Spec, Output]], successors: Sequence[tuple[Spec, tuple[Spec, Runner]]] = ()
    ) -> dict[Path, Path]:
        """
        Return which buffers on disk new outputs take over, by the directory of their own.

        That is the buffer of the output that a reload replaces by them. An output that has no directory yet takes over
        the orphan that an unnamed output of its scheme and of this listener left behind, if it is clear which.
        """
        heirs: dict[Path, Path] = {}
        new: list[tuple[str, Path]] = []
        replaced = {id(spec): pair for spec, pair in successors}
        for spec, output in outputs:
            directory = _disk_directory(spec, output)
            before = replaced.get(id(spec))
            if directory is None:
                continue
            if before is not None:
                old = _disk_directory(before[0], before[1].output)
                if old not in (None, directory):
                    heirs[directory] = old
            elif not directory.exists():
                new.append((spec.address.scheme, directory))
        for scheme in {scheme for scheme, _ in new}:
            free = [directory for other, directory in new if other == scheme]
            left = [orphan for orphan in self.orphans if orphan.owner == (scheme, self._origin)]
            if len(free) == len(left) == 1:
                heirs[free[0]] = left[0].directory
        taken = set(heirs.values())
        self.orphans = [orphan for orphan in self.orphans if orphan.directory not in taken]
        return heirs

    def _tell_orphans(self) -> None:
        """Log buffers that nobody writes, each once, and look at them from time to time."""
        for orphan in self.orphans:
            if orphan.directory not in self._told:
                _log.warning("%s", orphan)
        self._told = {orphan.directory for orphan in self.orphans}
        if (self.orphans or self._left_directories) and self._looking is None:
            self._looking = asyncio.get_running_loop().create_task(self._look_after_orphans(), name="orphans")

    async def _look_after_orphans(self) -> None:
        """See what a reload left behind, and whether somebody took care of it."""
        while True:
            await asyncio.sleep(_ORPHAN_SECONDS)
            async with self._changing:
                await self._find_orphans(self._open_outputs)
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
                directory = _disk_directory(spec, output)
                buffer = make_buffer(
                    _output_name(spec, output),
                    output.settings,
                    None if output.settings.name else (spec.address.scheme, self._origin),
                    None if directory is None else heirs.get(directory),
                )
                runner = Runner(
                    _output_name(spec, output),
                    output,
                    buffer,
                    _predicate(spec, output, self.config),
                    self.pipeline.reject,
                    self.pipeline.made_room,
                )
                if hasattr(output, "written_before"):  # searches see what was taken, though it is not written yet
                    output.written_before = runner.written_so_far
                await _explained(spec, output, runner.start())
                started.append((spec, runner))
        except BaseException:
            await self._drain([runner for _, runner in started])
            raise
        return started

    async def _start_inputs(self, inputs: Sequence[tuple[Spec, Input]]) -> None:
        for spec, input in inputs:
            try:
                await _explained(spec, input, input.start(self.pipeline))
            except BaseException as error:
                await input.close()
                if not (spec.optional and isinstance(error, ConfigError)):
                    raise
                _log.warning("%s is left out: %s", input.name, error)
                continue
            self.inputs.append(input)
            self._open_inputs.append((spec, input))

    async def _start_kept_inputs(self) -> None:
        """Open what was made through the API before a restart."""
        if self.config.api is not None:
            for document in self.catalog.all("inputs").values():
                if document["desired_state"] == "RUNNING":
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

    def _counters(self) -> dict[str, float]:
        """Return what rates are shown of."""
        counters: dict[str, float] = {"messages": self.pipeline.messages.total()}
        counters |= {f"input {name}": count for name, count in self.pipeline.messages.items()}
        return counters | {f"output {runner.name}": runner.written for runner in self.pipeline.runners}

    def _sample(self) -> None:
        """Note the counters once a second."""
        self.throughput.sample()
        self._sampling = asyncio.get_running_loop().call_later(1.0, self._sample)


def _find(spec: Spec, pairs: Sequence[tuple[Spec, Any]]) -> Any:
    """Return what was made from a specification; None when nothing was."""
    return next((made for known, made in pairs if known == spec), None)


def _disk_directory(spec: Spec, output: Output) -> Path | None:
    """Return where an output's buffer on disk is; None without one."""
    if output.settings.buffer != "disk":
        return None
    return buffer_directory(_output_name(spec, output), output.settings).resolve()


def _subdirectories(parent: Path) -> set[Path]:
    try:
        return {path.resolve() for path in parent.iterdir() if path.is_dir()}
    except OSError:  # nothing was ever buffered on disk
        return set()


def _successors(
    gone: Sequence[tuple[Spec, Runner]], coming: Sequence[tuple[Spec, Output]]
) -> list[tuple[Spec, tuple[Spec, Runner]]]:
    """
    Return which new output takes the place of which one that is not configured any more.

    That is the one of the same name. An output without a name is called by its address, so it is followed by the only
    new one of its scheme, where it is the only one that is gone.
    """
    found: list[tuple[Spec, tuple[Spec, Runner]]] = []
    left, free = list(gone), list(coming)
    for spec, output in coming:
        for pair in gone:
            if pair[1].name == _output_name(spec, output):
                found.append((spec, pair))
                left.remove(pair)
                free.remove((spec, output))
    for scheme in {spec.address.scheme for spec, _ in free}:
        old = [pair for pair in left if pair[0].address.scheme == scheme and not pair[1].output.settings.name]
        new = [spec for spec, _ in free if spec.address.scheme == scheme]
        if len(old) == len(new) == 1:
            found.append((new[0], old[0]))
    return found


def _contains(inputs: Sequence[Input], wanted: Input) -> bool:
    return any(input is wanted for input in inputs)


async def _explained(spec: Spec, opened: Input | Output, starting: Coroutine[Any, Any, None]) -> None:
    """Say in an error which address could not be opened."""
    try:
        await starting
    except ConfigError as error:
        settings = opened.settings
        raise ConfigError(settings.scrubbed(f"{settings.shown(spec.address)}: {error}")) from None
