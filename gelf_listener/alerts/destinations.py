"""Destinations: where notices go: outputs made for them, and the outputs of the listener by their names."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Mapping
from typing import Any, Protocol
from urllib.parse import urlencode

from gelf_listener.alerts.definition import Alert
from gelf_listener.errors import ConfigError, OutputError, Retry, describe
from gelf_listener.message import FieldValue, Message
from gelf_listener.outputs import Output

_MOST_SECONDS = 60.0
"""Of one attempt to deliver a notice."""
_INFO = 6


class Runs(Protocol):
    """What writes to an output of the listener, with a buffer before it."""

    def offer(self, batch: list[Message], size: int) -> None:
        """Take a batch."""


class Destinations:
    """
    Delivers notices.

    Guarantee: at least once to an output that was made for notices, with its own guarantee: `send` returns when it has
    written one. To an output of the listener it is as for any message: what its buffer holds is written.

    Args:
        own: Outputs that were made for notices, not started, by name.
        runners: Gives what runs the listener's outputs, by name.
    """

    def __init__(self, own: Mapping[str, Output], runners: Callable[[], Mapping[str, Runs]]) -> None:
        self._own = own
        self._runners = runners
        self._started: set[str] = set()

    @property
    def names(self) -> list[str]:
        """The names a notice can be sent to."""
        return sorted({*self._own, *self._runners()})

    async def send(self, name: str, message: Message) -> None:
        """
        Deliver a notice.

        Raises:
            Retry: If that has to be tried again later.
            OutputError: If the destination will never take it, or there is none of that name.
        """
        output = self._own.get(name)
        if output is None:
            runner = self._runners().get(name)
            if runner is None:
                raise OutputError(f"there is no destination {name!r}")
            runner.offer([message], len(message.raw))
            return
        try:
            async with asyncio.timeout(_MOST_SECONDS):
                if name not in self._started:
                    await output.start()
                    self._started.add(name)
                await output.write([message])
        except TimeoutError:
            raise Retry(f"it took more than {_MOST_SECONDS:.0f} s") from None
        except (OSError, ConfigError) as error:
            raise Retry(describe(error)) from None

    async def close(self) -> None:
        """Close the outputs that were made for notices."""
        await asyncio.gather(*(self._own[name].close() for name in self._started), return_exceptions=True)
        self._started.clear()


def notice_message(alert: Alert, notice: Mapping[str, Any], page: str) -> Message:
    """
    Return the message that a notice is.

    Args:
        alert: Which alert.
        notice: As `Record.pending` has it.
        page: Address of the listener's page; empty without one.
    """
    fields: dict[str, FieldValue] = {
        "alert": alert.name,
        "alert_state": notice["state"],
        "alert_query": alert.query,
        "alert_condition": alert.condition,
    }
    if notice["figure"] is not None:
        fields["alert_value"] = notice["figure"]
    if page:
        asked = {"q": alert.query, "range": f"{alert.window:.0f}s", "live": 0}
        fields["alert_page"] = f"{page.rstrip('/')}/?{urlencode(asked)}"
    level = _INFO if notice["state"] == "ok" else alert.level
    lines = [notice["text"], *notice.get("examples", ())]
    return Message(
        notice["at"],
        socket.gethostname(),
        notice["text"],
        "\n".join(lines) if len(lines) > 1 else None,
        level,
        b"",
        notice["at"],
        "alerts",
        _fields=fields,
    )
