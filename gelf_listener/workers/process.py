"""Process: one worker as its parent sees it: started, told, asked, and heard of."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from gelf_listener.errors import ConfigError, GelfError
from gelf_listener.workers.channel import Channel, open_channel
from gelf_listener.workers.wire import (
    Ask,
    CloseInput,
    Done,
    OpenInput,
    Order,
    Reply,
    Settle,
    UseOutputs,
    decode_reply,
    encode,
)

_MODULE = "gelf_listener.commands.worker"
_PACKAGE_PARENT = Path(__file__).parents[2]
_WAIT_SECONDS = 10.0
"""How long a process whose channel is closed may take to end."""


class WorkerGone(GelfError):
    """The worker ended before it answered."""


class WorkerProcess:
    """
    One process, from its start to its end.

    Attributes:
        outputs: What it was told of outputs; None before.
        inputs: The names of the inputs it has open.
        ended: Set when it is gone.
        status: Its exit status, once it is gone; negative: the signal that ended it.

    Args:
        number: Which worker, from 1 on, for its log.
        log_level: What it says about itself.
        heard: Called with what it says, answers aside.
    """

    def __init__(self, number: int, log_level: str, heard: Callable[[WorkerProcess, Reply], None]) -> None:
        self.outputs: UseOutputs | None = None
        self.inputs: set[str] = set()
        self.ended = asyncio.Event()
        self.status: int | None = None
        self._number = number
        self._log_level = log_level
        self._heard = heard
        self._child: subprocess.Popen[bytes] | None = None
        self._channel: Channel | None = None
        self._files: socket.socket | None = None
        """Sockets go by a pair of their own: a transport sends bytes only."""
        self._numbers = itertools.count(1)
        self._asked: dict[int, asyncio.Future[str]] = {}
        self._burying: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """Its process id; None when it is gone."""
        return self._child.pid if self._child is not None and self.status is None else None

    async def start(self) -> None:
        """
        Start it.

        Raises:
            OSError: If the system has no room for another process.
        """
        ours, theirs = socket.socketpair()
        self._files, their_files = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs, their_files:
            descriptors = (theirs.fileno(), their_files.fileno())
            what = [self._number, *descriptors, Path.cwd(), self._log_level]
            self._child = subprocess.Popen(  # noqa: ASYNC220, S603  (forks for some milliseconds; our own module)
                [sys.executable, "-m", _MODULE, *map(str, what)],
                cwd=_PACKAGE_PARENT,  # where it is found, rather than whatever has its name where we were started
                stdin=subprocess.DEVNULL,
                stdout=2,  # standard output is the console's
                pass_fds=descriptors,
                start_new_session=True,  # Ctrl-C is for its parent
            )
        self._channel = await open_channel(ours, self._receive, self._lost)

    def tell(self, order: Order) -> None:
        """Send an order that wants no answer; nothing is sent to one that is gone."""
        if self._channel is not None:
            self._channel.send(encode(order))

    async def ask(
        self, order: UseOutputs | OpenInput | CloseInput | Settle, sockets: Sequence[socket.socket] = ()
    ) -> None:
        """
        Have an order carried out, and wait for that.

        Args:
            order: What.
            sockets: Those that belong to it.

        Raises:
            ConfigError: If it cannot be carried out.
            WorkerGone: If the worker ends before.
        """
        if self._channel is None or self._files is None or self.ended.is_set():
            raise WorkerGone("it is gone")
        number = next(self._numbers)
        answer = self._asked[number] = asyncio.get_running_loop().create_future()
        if sockets:
            try:
                socket.send_fds(self._files, [b"\0"], [sock.fileno() for sock in sockets])
            except OSError as error:
                raise WorkerGone(f"it takes no sockets: {error}") from None
        self.tell(Ask(number, order))
        error_text = await answer
        if error_text:
            raise ConfigError(error_text)

    def kill(self) -> None:
        """End it at once."""
        if self._child is not None:
            self._child.kill()

    async def close(self, seconds: float) -> None:
        """Wait until it has ended by itself, and no longer than so many seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.ended.wait()
        if not self.ended.is_set():
            self.kill()
            await self.ended.wait()

    def _receive(self, frame: memoryview) -> None:
        reply = decode_reply(frame)
        if isinstance(reply, Done):
            answer = self._asked.pop(reply.number, None)
            if answer is not None and not answer.done():
                answer.set_result(reply.error)
        else:
            self._heard(self, reply)

    def _lost(self) -> None:
        """The channel is closed, so the process ends or has ended."""
        self._channel = None
        self._burying = asyncio.get_running_loop().create_task(self._bury(), name=f"worker {self._number} ends")

    async def _bury(self) -> None:
        child = self._child
        assert child is not None  # noqa: S101
        if self._files is not None:
            self._files.close()
        try:
            self.status = await asyncio.to_thread(child.wait, _WAIT_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            self.status = await asyncio.to_thread(child.wait)
        for answer in self._asked.values():
            if not answer.done():
                answer.set_exception(WorkerGone(f"it ended with status {self.status}"))
        self._asked.clear()
        self.ended.set()
