"""``gelf-listener tail``: messages as they arrive."""

from __future__ import annotations

import sys
import time

from gelf_listener.client import Client, Missed, Search, Unreachable
from gelf_listener.commands.printing import Printer, leave_with_reader, leaving_quietly
from gelf_listener.quantities import counted
from gelf_listener.rendering.sanitise import clean

_FIRST_DELAY_SECONDS = 0.5
_LONGEST_DELAY_SECONDS = 2.0


def follow(client: Client, search: Search, printer: Printer, tail: int) -> None:
    """
    Print what arrives until somebody stops it; a listener that goes away is waited for.

    Raises:
        Unreachable: If it never was there.
    """
    connected = away = False
    missed = 0
    delay = _FIRST_DELAY_SECONDS
    leave_with_reader()
    for hint in client.hints(search):
        _say(clean(hint))
    with leaving_quietly():
        while True:
            try:
                for event in client.live(search, tail):
                    if away:
                        _say("it is back")
                    connected, away, delay = True, False, _FIRST_DELAY_SECONDS
                    if not isinstance(event, Missed):
                        printer.print(event)
                    elif event.messages is None:
                        _say("some messages were not shown: too many at once")
                    else:
                        more = event.messages - missed
                        _say(f"{counted(more)} {'was' if more == 1 else 'were'} not shown: too many at once")
                        missed = event.messages
            except Unreachable as error:
                if not connected:
                    raise
                if not away:
                    _say(f"{error}; trying again until it is back")
                away = True
                missed = 0
                time.sleep(delay)
                delay = min(delay * 2, _LONGEST_DELAY_SECONDS)


def _say(text: str) -> None:
    print(f"gelf-listener: {text}", file=sys.stderr, flush=True)
