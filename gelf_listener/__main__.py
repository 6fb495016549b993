"""``python -m gelf_listener`` is ``gelf-listener``."""

from __future__ import annotations

from gelf_listener.cli import main

if __name__ == "__main__":
    main()
