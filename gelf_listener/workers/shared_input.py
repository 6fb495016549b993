"""SharedInput: an input whose ports several workers read; what the listener has in its place."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar

from gelf_listener.capabilities import SharesPorts
from gelf_listener.config import Spec
from gelf_listener.inputs import Input
from gelf_listener.inputs.sockets import bind_shared
from gelf_listener.intake import Intake
from gelf_listener.settings import InputSettings


class SharedInput:
    """
    Binds the sockets of an input and has workers read them.

    Guarantee: that of the input. The sockets outlive a worker: what comes while it is started again waits in them.

    Args:
        spec: What it was made from.
        input: What a worker opens; here it is never started.
        workers: How many there are.
        open: Has them open it.
        close: Has them close it.
        counted: Returns what they counted.
    """

    Settings: ClassVar[type[InputSettings]] = InputSettings

    def __init__(
        self,
        spec: Spec,
        input: Input,
        workers: int,
        open: Callable[[SharedInput], Awaitable[None]],
        close: Callable[[SharedInput], Awaitable[None]],
        counted: Callable[[str], dict[str, float]],
    ) -> None:
        self.settings: Any = input.settings
        self.name = input.name
        self.listening: list[str] = []
        self._spec = spec
        self._input = input
        self._workers = workers
        self._open = open
        self._close = close
        self._counted = counted
        self._shares: list[list[socket.socket]] = []

    @property
    def spec(self) -> Spec:
        """What a worker opens: the port that was bound, under the name it has here."""
        table = self._spec.settings | {"name": self.name}
        address = self._spec.address._replace(port=self._shares[0][0].getsockname()[1])
        return Spec(address, tuple(sorted(table.items())))

    def share(self, number: int) -> list[socket.socket]:
        """Return the sockets of one worker, from 1 on; none when what systemd handed over is for the first."""
        return self._shares[number - 1] if self._shares else []

    async def start(self, intake: Intake) -> None:  # noqa: ARG002  (workers take the messages)
        """Bind the sockets, and have workers read them; see `Input.start`."""
        assert isinstance(self._input, SharesPorts)  # noqa: S101
        port = self._input.shared_port()
        assert port is not None  # noqa: S101
        self._shares = bind_shared(*port, self._workers)
        self.listening = [self._input.url(sock) for sock in self._shares[0]]
        await self._open(self)

    async def close(self) -> None:
        """Have workers hand over what they have, and release the ports; see `Input.close`."""
        if self._shares:
            await self._close(self)
        for share in self._shares:
            for sock in share:
                sock.close()
        self._shares = []

    def counters(self) -> dict[str, float]:
        """Return what all workers counted, those that are gone included."""
        return self._counted(self.name)
