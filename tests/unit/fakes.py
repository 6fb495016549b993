"""Stand-ins for the edges of the core: intake, transport, output and clock. Each implements a public contract."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, ClassVar, TypeVar

from gelf_listener.errors import ConfigError
from gelf_listener.message import Message, Peer
from gelf_listener.settings import OutputSettings
from gelf_listener.testing.contracts import RecordingIntake

__all__ = ["FakeIntake", "FakeOutput", "FakeTransport", "PluggedOutput", "VirtualLoop", "message", "run", "settle"]

T = TypeVar("T")

PEER = Peer("192.0.2.7", 40000)


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop whose time jumps to the next timer when nothing else is to do: no test sleeps."""

    def __init__(self) -> None:
        self._virtual_now = 1000.0
        super().__init__()

    def time(self) -> float:
        return self._virtual_now

    def advance(self, seconds: float) -> None:
        """Let time pass without running anything."""
        self._virtual_now += seconds

    def _run_once(self) -> None:
        loop: Any = self  # what it uses is not public
        if not loop._ready:
            due = [handle._when for handle in loop._scheduled if not handle._cancelled]
            if due:
                self._virtual_now = max(self._virtual_now, min(due))
        super()._run_once()  # type: ignore[misc]


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)


async def settle() -> None:
    """Let everything that is ready run."""
    for _ in range(20):
        await asyncio.sleep(0)


def message(text: str = "hello", raw: bytes | None = None, **more: Any) -> Message:
    """A message; its raw bytes are its text by default."""
    given: dict[str, Any] = {"received_at": 1700000000.0, "input": "in", "peer": PEER} | more
    return Message(1700000000.0, "host", text, None, 6, text.encode() if raw is None else raw, **given)


class FakeIntake(RecordingIntake):
    """Keeps what inputs hand over; `full`, `crowded` and `unsafe` are set by the test."""


class FakeTransport(asyncio.Transport):
    """Keeps what is written; like a real one it calls `connection_lost` in a later turn of the loop."""

    def __init__(self, protocol: asyncio.BaseProtocol, peer: tuple[Any, ...] | None = tuple(PEER)) -> None:
        super().__init__({"peername": peer})
        self.protocol = protocol
        self.written = b""
        self.reading = True
        self.closed = False
        self.aborted = False
        protocol.connection_made(self)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self.closed, "written to a closed transport"
        self.written += data

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            asyncio.get_running_loop().call_soon(self.protocol.connection_lost, None)

    def abort(self) -> None:
        self.aborted = True
        self.close()

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def is_reading(self) -> bool:
        return self.reading

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self.protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self.protocol

    def feed(self, *parts: bytes) -> None:
        """Give bytes to whichever protocol the transport has now, while it is read."""
        for part in parts:
            if not self.closed:
                self.protocol.data_received(part)  # type: ignore[attr-defined]

    def feed_eof(self) -> None:
        if not self.protocol.eof_received():  # type: ignore[attr-defined]
            self.close()


class FakeSettings(OutputSettings):
    """Settings of `FakeOutput`."""

    host: str = ""


class FakeOutput:
    """
    Keeps what it is given.

    Args:
        answers: What each `write` does in turn: an exception to raise, a number of seconds to take, or None;
            afterwards all succeed.
        starts: The same for `start`.
    """

    Settings: ClassVar[type[FakeSettings]] = FakeSettings

    def __init__(
        self,
        answers: Sequence[BaseException | float | None] = (),
        starts: Sequence[BaseException | None] = (),
        **settings: Any,
    ) -> None:
        self.settings = FakeSettings(**{"linger": 0} | settings)
        self.batches: list[list[Message]] = []
        self.offered = 0
        self.offered_at: list[float] = []
        self.started = 0
        self.closed = 0
        self.reopened = 0
        self._answers = list(answers)
        self._starts = list(starts)

    @property
    def texts(self) -> list[str]:
        return [written.short_message for batch in self.batches for written in batch]

    async def start(self) -> None:
        self.started += 1
        answer = self._starts.pop(0) if self._starts else None
        if answer is not None:
            raise answer

    async def write(self, batch: Sequence[Message]) -> None:
        self.offered += 1
        self.offered_at.append(asyncio.get_running_loop().time())
        answer = self._answers.pop(0) if self._answers else None
        if isinstance(answer, BaseException):
            raise answer
        if answer is not None:
            await asyncio.sleep(answer)
        self.batches.append(list(batch))

    async def reopen(self) -> None:
        self.reopened += 1

    async def close(self) -> None:
        self.closed += 1

    def counters(self) -> dict[str, float]:
        return {}


class PluggedOutput(FakeOutput):
    """`FakeOutput` as plug-ins are made: from settings. Remembers all of them; one called `never` cannot start."""

    made: ClassVar[list[PluggedOutput]] = []

    def __init__(self, settings: FakeSettings) -> None:
        super().__init__()
        self.settings = settings
        type(self).made.append(self)

    async def start(self) -> None:
        await super().start()
        if self.settings.name == "never":
            raise ConfigError("this can never work")
