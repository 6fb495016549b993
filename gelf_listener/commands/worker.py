"""
``python -m gelf_listener.commands.worker``: one of a listener's workers; see `gelf_listener.workers`.

It is a listener without configuration, API and store of its own: its parent tells it what to open.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import signal
import socket
import sys
from collections.abc import Sequence

from gelf_listener.codec.gelf.lenient import read_fields
from gelf_listener.commands.run import GC_THRESHOLD, DiscreetFormatter, log_exception, loop_factory, raise_file_limit
from gelf_listener.config import Config
from gelf_listener.conflicts import Samples as Sampling
from gelf_listener.errors import ConfigError, describe
from gelf_listener.inputs.activation import inherited
from gelf_listener.message import Message
from gelf_listener.runner import Runner
from gelf_listener.senders import Senders
from gelf_listener.service import Service
from gelf_listener.workers.batches import BatchPacker
from gelf_listener.workers.channel import Channel, open_channel
from gelf_listener.workers.lanes import LaneBuffer, LaneOutput
from gelf_listener.workers.reports import Reporter
from gelf_listener.workers.wire import (
    Ask,
    CloseInput,
    Done,
    Finish,
    Lane,
    OpenInput,
    Reply,
    Samples,
    Settle,
    Taken,
    TryOutput,
    UseOutputs,
    Watch,
    decode_order,
    encode,
)

_log = logging.getLogger("gelf_listener")

_REPORT_SECONDS = 0.2
_MOST_FILES_AN_INPUT = 64


class Worker:
    """
    Carries out what the parent says.

    Args:
        files: Where sockets come from.
    """

    def __init__(self, files: socket.socket) -> None:
        self._files = files
        self._channel: Channel | None = None
        self._packer = BatchPacker(read_fields)
        self._senders = Senders()
        self._sampling = Sampling(self._send_samples)
        self._is_counted = False
        self._lanes: dict[Lane, tuple[Runner, LaneOutput]] = {}
        self._uses: dict[Lane, bool] = {"outputs": False, "watchers": False}
        self._asked: asyncio.Queue[Ask] = asyncio.Queue()
        self._settling: set[asyncio.Task[None]] = set()
        self._ending = asyncio.Event()
        self.service = Service(Config(inputs=(), outputs=(), api=None), is_worker=True)
        self._reporter = Reporter(
            self.service.pipeline, self.service.inputs, self.service.outputs, self._senders, self.service.lost
        )

    async def run(self, channel: socket.socket) -> None:
        """Work until the parent says that it is enough, or is gone."""
        await self.service.start()
        for lane in self._uses:
            self._lanes[lane] = await self._start_lane(lane)
        self._channel = await open_channel(channel, self._receive, self._ending.set)
        tasks = [asyncio.create_task(self._carry_out()), asyncio.create_task(self._report())]
        gc.collect()
        gc.freeze()
        await self._ending.wait()
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        unwritten = await self.service.close()
        for runner, _ in self._lanes.values():
            unwritten += await runner.drain(self.service.config.drain_seconds)
        self._send(self._reporter.report(unwritten))
        self._channel.close()

    async def _start_lane(self, lane: Lane) -> tuple[Runner, LaneOutput]:
        settings = LaneOutput.settings_for(lane)
        buffer = LaneBuffer(settings)
        output = LaneOutput(lane, self._packer, self._send, buffer, settings)
        pipeline = self.service.pipeline
        runner = Runner(f"lane of {lane}", output, buffer, None, pipeline.reject, pipeline.made_room)
        await runner.start()
        return runner, output

    def _send(self, reply: Reply) -> None:
        if self._channel is not None:
            self._channel.send(encode(reply))

    def _send_samples(self, messages: Sequence[Message]) -> None:
        """Send samples, unless the parent is behind, or something in them cannot be sent."""
        if self._channel is not None and not self._channel.congested:
            with contextlib.suppress(ValueError):
                self._send(Samples(self._packer.pack(messages)))

    def _receive(self, frame: memoryview) -> None:
        order = decode_order(frame)
        if isinstance(order, Taken):
            self._lanes[order.lane][1].taken(order.problem)
        elif isinstance(order, Watch):
            self._use("watchers", on=order.on)
        elif isinstance(order, TryOutput):
            self.service.try_output(order.name)
        elif isinstance(order, Finish):
            self._ending.set()
        elif isinstance(order.order, Settle):
            settling = asyncio.create_task(self._settle(order.number, order.order.name))
            self._settling.add(settling)
            settling.add_done_callback(self._settling.discard)
        else:
            self._asked.put_nowait(order)

    def _use(self, lane: Lane, *, on: bool) -> None:
        """Use a lane or not; what goes to outputs of the parent is seen by watchers there."""
        self._uses[lane] = on
        wanted: Lane = "outputs" if self._uses["outputs"] else "watchers"
        self.service.use_lanes([self._lanes[wanted][0]] if self._uses[wanted] else [])

    async def _carry_out(self) -> None:
        while True:
            asked = await self._asked.get()
            error = ""
            try:
                if isinstance(asked.order, UseOutputs):
                    await self._use_outputs(asked.order)
                elif isinstance(asked.order, OpenInput):
                    await self._open_input(asked.order)
                elif isinstance(asked.order, CloseInput):
                    await self.service.close_input(asked.order.name)
            except ConfigError as problem:
                error = str(problem)
            except Exception as problem:  # noqa: BLE001  (a third party's code; what ran before goes on)
                _log.exception("an order of the listener failed")
                error = describe(problem)
            self._send(self._reporter.report())  # first: what is true when it is answered is known by then
            self._send(Done(asked.number, error))

    async def _use_outputs(self, order: UseOutputs) -> None:
        values = {"query": order.query, "drain_seconds": order.drain_seconds, "outputs": order.specs}
        await self.service.reload(self.service.config.model_copy(update=values))
        self._use("outputs", on=order.lane)
        pipeline = self.service.pipeline
        if order.counted and not self._is_counted:
            pipeline.taps += [self._senders.saw, self._sampling.saw]
            pipeline.rejections.taps.append(self._senders.refused)
        self._is_counted |= order.counted

    async def _open_input(self, order: OpenInput) -> None:
        _, files, _, _ = socket.recv_fds(self._files, 1, _MOST_FILES_AN_INPUT)
        try:
            inherited().add(files)
            await self.service.open_input(order.spec)
        finally:
            inherited().forget(files)
            for file in files:
                os.close(file)

    async def _settle(self, number: int, name: str) -> None:
        runners = [runner for runner in self.service.pipeline.runners if runner.name == name]
        for runner in runners:
            await runner.written_so_far()
        self._send(Done(number))

    async def _report(self) -> None:
        while True:
            await asyncio.sleep(_REPORT_SECONDS)
            if self._channel is not None and not self._channel.congested:
                self._send(self._reporter.report())


async def _work(files: socket.socket, channel: socket.socket, number: int) -> None:
    asyncio.get_running_loop().set_exception_handler(log_exception)
    worker = Worker(files)
    for handler in logging.getLogger().handlers:
        handler.setFormatter(DiscreetFormatter(worker.service.secrets, f"worker {number}: "))
    await worker.run(channel)


def main(arguments: Sequence[str]) -> None:
    """
    Be a worker.

    Args:
        arguments: Its number, the descriptors of its channel and of where sockets come from, the directory that
            relative paths begin in, and what it says about itself.
    """
    number, channel, files = map(int, arguments[:3])
    os.chdir(arguments[3])
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):  # a service manager may send them to all; the parent says what to do
        signal.signal(getattr(signal, name), signal.SIG_IGN)
    inherited().only = True
    logging.basicConfig(level=arguments[4].upper(), stream=sys.stderr)
    gc.set_threshold(GC_THRESHOLD, 20, 20)
    raise_file_limit()
    with (
        socket.socket(fileno=files) as sockets,
        socket.socket(fileno=channel) as talking,
        asyncio.Runner(loop_factory=loop_factory()) as runner,
    ):
        os.set_inheritable(files, False)
        os.set_inheritable(channel, False)
        runner.run(_work(sockets, talking, number))


if __name__ == "__main__":
    main(sys.argv[1:])
