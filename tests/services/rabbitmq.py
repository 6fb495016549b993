"""RabbitMQ: a node of our own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

from tests.requirements import need
from tests.services.server import Server, free_port

__all__ = ["RabbitMq"]

_UNWRAPPED = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
"""Debian's program in PATH changes to a user of its own, who may not write to our folder."""


class RabbitMq:
    """
    A node that listens on 127.0.0.1 only, with user guest and password guest.

    Args:
        folder: Everything it writes goes here.
        certificates: Certificate with key, and authority, for a listener with TLS.
    """

    def __init__(self, folder: Path, certificates: tuple[Path, Path] | None = None) -> None:
        command = need("rabbitmq-server")
        if os.access(_UNWRAPPED, os.X_OK):
            command = str(_UNWRAPPED)
        self.port = free_port()
        self.tls_port = free_port()
        lines = [f"listeners.tcp.1 = 127.0.0.1:{self.port}", "loopback_users = none", "log.console = false"]
        if certificates is not None:
            server, authority = certificates
            lines += [f"listeners.ssl.1 = 127.0.0.1:{self.tls_port}", f"ssl_options.cacertfile = {authority}"]
            lines += [f"ssl_options.certfile = {server}", f"ssl_options.keyfile = {server}"]
        config = folder / "rabbitmq.conf"
        config.write_text("\n".join(lines) + "\n", encoding="utf-8")
        (folder / "enabled_plugins").write_text("[].", encoding="utf-8")
        self._environment = {
            "HOME": str(folder),
            "RABBITMQ_NODENAME": f"gelf{self.port}@localhost",
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_CONFIG_FILE": str(config),
            "RABBITMQ_CONF_ENV_FILE": str(folder / "none.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
            "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1} +S 1:1",
            "ERL_EPMD_PORT": str(free_port()),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
        }
        self._server = Server(
            folder, [command], self._answers, environment=self._environment, stop_signal=signal.SIGTERM
        )
        self.start = self._server.start
        self.stop = self._server.stop
        self.kill = self._server.kill
        self.freeze = self._server.freeze
        self.thaw = self._server.thaw

    @property
    def authority(self) -> str:
        """User, password, host and port, as addresses have them."""
        return f"guest:guest@127.0.0.1:{self.port}"

    def connect(self) -> Any:
        """Return a connection of an independent client."""
        import amqp

        connection = amqp.Connection(f"127.0.0.1:{self.port}", "guest", "guest", connect_timeout=2)
        connection.connect()
        return connection

    def close(self) -> None:
        """Stop the node and its port mapper."""
        self.stop()
        epmd = shutil.which("epmd")
        if epmd:
            environment = {**os.environ, **self._environment}
            subprocess.run([epmd, "-kill"], env=environment, capture_output=True, check=False, timeout=10)

    def _answers(self) -> bool:
        try:
            self.connect().close()
        except Exception:
            return False
        return True
