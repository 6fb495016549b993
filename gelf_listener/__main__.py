"""
The command's entry point; ``python -m gelf_listener`` is the same.

It is a module of its own because the command line takes a third of a second to import, and a SIGHUP that asks a
listener to read its configuration again must not end it meanwhile.
"""

from __future__ import annotations

import signal
import sys


def main() -> None:
    """Run the command line."""
    if hasattr(signal, "SIGHUP") and _is_run(sys.argv[1:]):
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # the configuration is read later anyway
    from gelf_listener.cli import main as run  # see above

    run()


def _is_run(arguments: list[str]) -> bool:
    """Whether the listener itself is asked for: other commands end with their terminal."""
    return not arguments or arguments[0] == "run" or arguments[0].startswith("-")


if __name__ == "__main__":
    main()
