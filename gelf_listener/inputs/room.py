"""Room: when an input reads on whose messages have no sender's address: of a broker, a file or a pipe."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from gelf_listener.intake import Intake

_NOBODY = ""
"""All that comes without an address takes turns with addresses as if it were one more of them."""
_LOOK_SECONDS = 0.05
"""How often somebody who waits looks whether it is spared by now."""


class Room:
    """
    Tells whether there is room for more, and calls back when there is.

    Whoever crowds the intake waits until it is calm; others only until what they sent is mostly written, so a flood of
    datagrams, whose senders wait for nobody, cannot keep a broker's messages out for as long as it lasts.

    Args:
        intake: Takes the messages.
    """

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._callback: Callable[[], None] | None = None
        self._asked = False
        self._timer: asyncio.TimerHandle | None = None

    def __bool__(self) -> bool:
        """Whether to read on; may be asked in another thread."""
        return not self._intake.crowded or self._intake.spares(_NOBODY)

    def wait(self, callback: Callable[[], None]) -> None:
        """Call back once, soon after there is room; of several that are asked for, the last."""
        self._callback = callback
        if not self._asked:
            self._asked = True
            self._intake.when_calm(self._calm)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_LOOK_SECONDS, self._look)

    def _calm(self) -> None:
        self._asked = False
        self._call()

    def _look(self) -> None:
        self._timer = None
        if self._callback is not None and self:
            self._call()
        elif self._callback is not None:
            self._timer = asyncio.get_running_loop().call_later(_LOOK_SECONDS, self._look)

    def _call(self) -> None:
        callback, self._callback = self._callback, None
        if callback is not None:
            callback()
