"""``gelf-listener tail``: messages as they arrive."""

from __future__ import annotations

import sys
import time

from gelf_listener.client import Client, Missed, Search, Unreachable
from gelf_listener.commands.printing import Printer, leaving_quietly

__all__ = ["follow"]

_FIRST_DELAY_SECONDS = 0.5
_LONGEST_DELAY_SECONDS = 10.0


def follow(client: Client, search: Search, printer: Printer, tail: int) -> None:
    """
    Print what arrives until somebody stops it; a listener that goes away is waited for.

    Raises:
        Unreachable: If it never was there.
    """
    connected = False
    missed = 0
    delay = _FIRST_DELAY_SECONDS
    with leaving_quietly():
        while True:
            try:
                for event in client.live(search, tail):
                    if not connected or delay > _FIRST_DELAY_SECONDS:
                        connected, delay = True, _FIRST_DELAY_SECONDS
                    if isinstance(event, Missed):
                        _say(f"{event.messages - missed} messages were not shown: too many at once")
                        missed = event.messages
                    else:
                        printer.print(event)
            except Unreachable as error:
                if not connected:
                    raise
                missed = 0
                _say(f"{error}; trying again")
                time.sleep(delay)
                delay = min(delay * 2, _LONGEST_DELAY_SECONDS)


def _say(text: str) -> None:
    print(f"gelf-listener: {text}", file=sys.stderr, flush=True)  # noqa: T201
