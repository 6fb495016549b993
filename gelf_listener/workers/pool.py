"""Pool: a listener's workers: what they should have, and what came of it, all of them together."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Sequence

from gelf_listener.capabilities import Parallel, SharesPorts
from gelf_listener.codec.gelf.lenient import read_fields
from gelf_listener.config import Config, Spec
from gelf_listener.conflicts import Conflicts
from gelf_listener.figures import OutputFigures, WorkerFigures
from gelf_listener.inputs import Input
from gelf_listener.live import LiveFeed
from gelf_listener.message import Message
from gelf_listener.pipeline import Pipeline
from gelf_listener.runner import Runner
from gelf_listener.senders import Senders
from gelf_listener.workers.batches import BatchPacker
from gelf_listener.workers.process import WorkerProcess
from gelf_listener.workers.seat import Seat, Wanted
from gelf_listener.workers.shared_input import SharedInput
from gelf_listener.workers.wire import Batch, Reply, Report, Samples, Taken, TryOutput, UseOutputs, Watch

_log = logging.getLogger(__name__)


class Workers:
    """
    Takes messages in several processes, and hands on what they send here.

    Args:
        config: How many, and what they say about themselves.
        pipeline: The listener's: counts what workers count, and says when what they send is safe.
        live: Shows what they take.
        senders: Knows who sent it.
        conflicts: Looks at samples of it.
        lost: Messages dropped when an output ended, by its name.
    """

    def __init__(
        self,
        config: Config,
        pipeline: Pipeline,
        live: LiveFeed,
        senders: Senders,
        conflicts: Conflicts,
        lost: Counter[str],
    ) -> None:
        self._count = config.workers
        self._pipeline = pipeline
        self._live = live
        self._senders = senders
        self._conflicts = conflicts
        self._lost = lost
        self._counting = (senders.saw, conflicts.saw)
        """Taps that do not see what workers took: they report it."""
        self._packer = BatchPacker(read_fields)
        self._wanted = Wanted()
        self._local: Sequence[Runner] = ()
        """Drive outputs that are open here alone."""
        self._turns: set[asyncio.Task[None]] = set()
        numbers = range(1, config.workers + 1)
        self._seats = [Seat(number, config.log_level, self._wanted, self._heard) for number in numbers]
        live.on_watch.append(self._watch)

    async def start(self, config: Config, outputs: Sequence[tuple[Spec, Runner]]) -> None:
        """
        Start all of them.

        Args:
            config: The listener's.
            outputs: What it has open.

        Raises:
            ConfigError: If one cannot start.
        """
        self._want(config, outputs)
        await asyncio.gather(*(seat.start() for seat in self._seats))

    async def use(self, config: Config, outputs: Sequence[tuple[Spec, Runner]]) -> None:
        """Change over to other outputs; inputs read their certificates again."""
        self._want(config, outputs)
        for problem in await asyncio.gather(*(seat.sync() for seat in self._seats), return_exceptions=True):
            if problem is not None:
                _log.error("a worker cannot change over: %s", problem)

    def share(self, spec: Spec, input: Input) -> Input:
        """Return what to open in an input's place: itself, if no ports can be shared."""
        if not isinstance(input, SharesPorts) or input.shared_port() is None:
            return input
        return SharedInput(spec, input, self._count, self._open, self._close, self._counted)

    async def close(self, seconds: float) -> int:
        """
        Have them write what they have, and end them.

        Args:
            seconds: How long they may take.

        Returns:
            How many messages they could not write.
        """
        await asyncio.gather(*(seat.close(seconds) for seat in self._seats))
        if self._turns:
            await asyncio.wait(self._turns)
        return sum(seat.unwritten for seat in self._seats)

    @property
    def full(self) -> bool:
        """Whether inputs of one of them wait."""
        return any(seat.report is not None and seat.report.full for seat in self._seats)

    def figures(self) -> list[WorkerFigures]:
        """Return how each of them is."""
        return [seat.figures() for seat in self._seats]

    def outputs(self, name: str) -> list[OutputFigures]:
        """Return what each of them says of an output."""
        return [found for seat in self._seats for found in seat.outputs(name)]

    def try_output(self, name: str) -> None:
        """End the pause before an output is tried again."""
        for seat in self._seats:
            seat.tell(TryOutput(name))

    async def settle(self, name: str) -> None:
        """Wait until an output that they have open has written what any of them accepted until now."""
        if any(runner.name == name for runner in self._local):
            return
        await asyncio.gather(*(seat.settle(name) for seat in self._seats))

    def _want(self, config: Config, outputs: Sequence[tuple[Spec, Runner]]) -> None:
        self._local = [runner for _, runner in outputs if not _is_parallel(runner)]
        self._wanted.outputs = UseOutputs(
            specs=tuple(spec for spec, runner in outputs if _is_parallel(runner)),
            query=config.query,
            drain_seconds=config.drain_seconds,
            lane=bool(self._local),
            counted=config.api is not None,
        )

    async def _open(self, input: SharedInput) -> None:
        self._wanted.inputs.append(input)
        results = await asyncio.gather(*(seat.sync() for seat in self._seats), return_exceptions=True)
        problem = next((result for result in results if result is not None), None)
        if problem is not None:
            await self._close(input)
            raise problem

    async def _close(self, input: SharedInput) -> None:
        if input in self._wanted.inputs:
            self._wanted.inputs.remove(input)
            await asyncio.gather(*(seat.sync() for seat in self._seats), return_exceptions=True)

    def _counted(self, name: str) -> dict[str, float]:
        counted: Counter[str] = Counter()
        for seat in self._seats:
            counted.update(seat.input(name))
        return dict(counted)

    def _watch(self, on: bool) -> None:
        self._wanted.watched = on
        for seat in self._seats:
            seat.tell(Watch(on))

    def _heard(self, process: WorkerProcess, reply: Reply) -> None:
        if isinstance(reply, Report):
            self._add(reply)
        elif isinstance(reply, Samples):
            self._conflicts.saw(self._packer.unpack(reply.data)[0])
        elif isinstance(reply, Batch):
            self._take(process, reply)

    def _add(self, report: Report) -> None:
        self._pipeline.messages.update(report.messages)
        self._pipeline.bytes.update(report.bytes)
        counts = {(input, reason): count for input, reason, count in report.rejected}
        self._pipeline.rejections.counted(counts, [each.rejected() for each in report.recent])
        self._senders.add(report.senders)
        self._lost.update(report.lost)

    def _take(self, process: WorkerProcess, batch: Batch) -> None:
        if batch.lane == "watchers":
            turn = asyncio.get_running_loop().create_task(self._show_in_turn(process, batch), name="watchers")
            self._turns.add(turn)
            turn.add_done_callback(self._turns.discard)
            return
        messages, size = self._packer.unpack(batch.data)
        self._show(messages)
        for runner in self._local:
            runner.offer(messages.copy(), size)

        def taken() -> None:
            self._pipeline.when_safe(lambda problem: process.tell(Taken("outputs", problem)))

        if self._pipeline.crowded:
            self._pipeline.when_calm(taken)
        else:
            taken()

    def _show(self, messages: Sequence[Message]) -> None:
        for tap in self._pipeline.taps:
            if tap not in self._counting:
                tap(messages)

    async def _show_in_turn(self, process: WorkerProcess, batch: Batch) -> None:
        """Note messages in a turn of those who watch: they take no more time than watching may."""
        budget = self._live.streams
        await budget.turn()
        with budget.spending():
            self._live.skip(batch.missed)
            self._show(self._packer.unpack(batch.data)[0])
        process.tell(Taken("watchers", None))


def _is_parallel(runner: Runner) -> bool:
    """Whether several processes may have an output open: what waits on disk is one's own."""
    output = runner.output
    return isinstance(output, Parallel) and output.parallel and output.settings.buffer == "memory"
