"""NATS: a server of our own, with JetStream."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tests.requirements import need
from tests.services.server import Server, free_port, until_open

__all__ = ["NatsServer"]


class NatsServer(Server):
    """
    A server that keeps streams in its folder.

    Args:
        folder: Everything it writes goes here.
        options: More of its command line's options.
    """

    def __init__(self, folder: Path, options: Sequence[str] = ()) -> None:
        self.port = free_port()
        config = folder / "nats.conf"
        config.write_text("max_payload: 100000\n", encoding="utf-8")
        command = [need("nats-server"), "-c", str(config), "-a", "127.0.0.1", "-p", str(self.port)]
        super().__init__(folder, [*command, "-js", "-sd", str(folder / "data"), *options], until_open(self.port))
