"""
Seat: the place of one worker, whichever process takes it.

Laws:

* What a worker should have is written down once (`Wanted`). `sync` gives its process what it lacks and takes away what
  it should not have; that is all that is ever done, at the start, at a reload and after a death.
* What is counted only grows: what a process counted stays when it is gone.
* A process that says nothing any more is told of, and then ended, which makes room for the next one.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from gelf_listener.errors import ConfigError
from gelf_listener.figures import OutputFigures, WorkerFigures, together
from gelf_listener.workers.process import WorkerGone, WorkerProcess
from gelf_listener.workers.shared_input import SharedInput
from gelf_listener.workers.silence import TICK_SECONDS, Silence
from gelf_listener.workers.wire import CloseInput, Finish, OpenInput, Order, Reply, Report, Settle, UseOutputs, Watch

_log = logging.getLogger(__name__)

_LONG_LIFE_SECONDS = 10.0
"""A process that lived so long is followed at once; the others after a pause that doubles."""
_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 5.0


@dataclass
class Wanted:
    """What every worker should have."""

    outputs: UseOutputs | None = None
    inputs: list[SharedInput] = field(default_factory=list)
    watched: bool = False


class Seat:
    """
    Keeps one worker running.

    Attributes:
        report: The last of the process that is or was there.
        unwritten: Messages it could not write when it was told to end.

    Args:
        number: Which worker, from 1 on.
        log_level: What its processes say about themselves.
        wanted: What it should have.
        heard: Called with what its process says.
    """

    def __init__(
        self, number: int, log_level: str, wanted: Wanted, heard: Callable[[WorkerProcess, Reply], None]
    ) -> None:
        self.report: Report | None = None
        self.unwritten = 0
        self._number = number
        self._log_level = log_level
        self._wanted = wanted
        self._heard = heard
        self._process: WorkerProcess | None = None
        self._problem = ""
        self._restarts = 0
        self._syncing = asyncio.Lock()
        self._closing = False
        self._tasks: list[asyncio.Task[None]] = []
        self._silence = Silence()
        self._messages = 0
        self._began_at = 0.0
        self._cpu_seconds = 0.0
        """Of the processes before."""
        self._inputs: dict[str, Counter[str]] = {}
        self._outputs: dict[str, OutputFigures] = {}

    async def start(self) -> None:
        """
        Start the first process.

        Raises:
            ConfigError: If it ends, or cannot do what it should.
        """
        try:
            await self._start_process()
            await self._give()
        except (WorkerGone, OSError) as error:
            raise ConfigError(f"worker {self._number} cannot start: {error}") from None
        loop = asyncio.get_running_loop()
        self._tasks = [
            loop.create_task(self._keep(), name=f"worker {self._number}"),
            loop.create_task(self._listen(), name=f"silence of worker {self._number}"),
        ]

    async def sync(self) -> None:
        """
        Give the process what it lacks; one that is started again just now is given it then.

        Raises:
            ConfigError: If it cannot take it.
        """
        with contextlib.suppress(WorkerGone):
            try:
                await self._give()
            except ConfigError as error:
                self._problem = str(error)
                raise

    def tell(self, order: Order) -> None:
        """Send an order, if there is a process."""
        if self._process is not None:
            self._process.tell(order)

    async def settle(self, name: str) -> None:
        """Wait until an output has written what was accepted until now."""
        if self._process is not None:
            with contextlib.suppress(WorkerGone):
                await self._process.ask(Settle(name))

    async def close(self, seconds: float) -> None:
        """Have it write what there is, and end it."""
        self._closing = True
        process = self._process
        if process is None:
            return
        process.tell(Finish())
        await process.close(seconds)
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        if process.status == 0 and self.report is not None:
            self.unwritten = self.report.unwritten
        else:
            self._remember()

    def figures(self) -> WorkerFigures:
        """Return how it is."""
        report = self.report
        return WorkerFigures(
            self._number,
            None if self._process is None else self._process.pid,
            self._messages,
            self._restarts,
            self._problem or self._silence.problem,
            self._cpu_seconds + (0.0 if report is None else report.cpu_seconds),
            0 if report is None else report.memory_bytes,
        )

    def outputs(self, name: str) -> list[OutputFigures]:
        """Return what it says of an output, and what its predecessors did."""
        before = self._outputs.get(name)
        found = [] if self.report is None else [each for each in self.report.outputs if each.name == name]
        return found if before is None else [*found, before]

    def input(self, name: str) -> Counter[str]:
        """Return what it, and its predecessors, counted for an input."""
        counted: Counter[str] = Counter(self._inputs.get(name, Counter()))
        counted.update({} if self.report is None else self.report.inputs.get(name, {}))
        return counted

    async def _start_process(self) -> None:
        process = WorkerProcess(self._number, self._log_level, self._receive)
        self._began_at = asyncio.get_running_loop().time()
        self._silence = Silence()
        await process.start()
        self._process = process

    def _receive(self, process: WorkerProcess, reply: Reply) -> None:
        self._silence.broken()
        if isinstance(reply, Report):
            self.report = reply
            self._messages += sum(reply.messages.values())
        self._heard(process, reply)

    async def _give(self) -> None:
        """Give the process what it lacks, outputs first, and take away what it should not have."""
        async with self._syncing:
            process, wanted = self._process, self._wanted
            if process is None or wanted.outputs is None:
                return
            if process.outputs is not wanted.outputs:
                outputs = wanted.outputs
                await process.ask(outputs)
                process.outputs = outputs
                process.tell(Watch(wanted.watched))
            names = {input.name for input in wanted.inputs}
            for name in process.inputs - names:
                process.inputs.discard(name)
                await process.ask(CloseInput(name))
            for input in list(wanted.inputs):
                share = input.share(self._number)
                if share and input.name not in process.inputs:
                    await process.ask(OpenInput(input.spec, len(share)), share)
                    process.inputs.add(input.name)
            self._problem = ""

    async def _keep(self) -> None:
        """Start another process whenever one ends."""
        pause = 0.0
        while True:
            process = self._process
            assert process is not None  # noqa: S101
            await process.ended.wait()
            if self._closing:
                return
            lived = asyncio.get_running_loop().time() - self._began_at
            pause = (
                0.0 if lived >= _LONG_LIFE_SECONDS else min(pause * 2 or _FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS)
            )
            self._died(process)
            await asyncio.sleep(pause)
            if self._closing:
                return
            try:
                await self._start_process()
                await self._give()
            except WorkerGone:
                continue  # it is seen to have ended
            except ConfigError as error:
                self._problem = str(error)
                _log.error("worker %d: %s", self._number, error)
            except OSError as error:
                self._problem = str(error)
                _log.error("worker %d cannot start: %s", self._number, error)

    async def _listen(self) -> None:
        """Say when the process stops answering, and end it when that lasts; another one follows it."""
        told: Silence | None = None
        while True:
            await asyncio.sleep(TICK_SECONDS)
            process, silence = self._process, self._silence
            if process is None or process.ended.is_set() or self._closing:
                continue
            silence.look()
            if silence.problem and told is not silence:
                told = silence
                _log.warning("worker %d %s", self._number, silence.problem)
            elif told is silence and not silence.problem:
                told = None
                _log.warning("worker %d answers again", self._number)
            if silence.is_hung:
                _log.error("worker %d %s: it is ended", self._number, silence.problem or "has not started")
                process.kill()

    def _died(self, process: WorkerProcess) -> None:
        self._restarts += 1
        self._problem = f"ended with status {process.status}"
        waiting = 0 if self.report is None else sum(output.waiting for output in self.report.outputs)
        _log.error(
            "worker %d ended with status %s: its connections are closed%s; it is started again",
            self._number,
            process.status,
            f", and some {waiting} messages that waited for its outputs are lost" if waiting else "",
        )
        self._remember()

    def _remember(self) -> None:
        """Keep what a process that is gone counted; what waited in it is dropped."""
        report, self.report = self.report, None
        if report is None:
            return
        self._cpu_seconds += report.cpu_seconds
        for name, counters in report.inputs.items():
            totals = {counter: value for counter, value in counters.items() if counter.endswith("_total")}
            self._inputs.setdefault(name, Counter()).update(totals)
        for output in report.outputs:
            ended = OutputFigures(
                output.name,
                output.where,
                output.buffer,
                written=output.written,
                batches=output.batches,
                retries=output.retries,
                refused=output.refused,
                dropped=output.dropped + output.waiting,
                buffer_damaged=output.buffer_damaged,
                counters={name: value for name, value in output.counters.items() if name.endswith("_total")},
            )
            before = self._outputs.get(output.name)
            self._outputs[output.name] = ended if before is None else together([ended, before])
