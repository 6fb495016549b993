"""Redis: a server of our own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.requirements import need
from tests.services.server import Server, free_port

__all__ = ["RedisServer"]


class RedisServer(Server):
    """
    A server with a user ``ann`` (password ``secret``) who may use streams, and a listener with TLS.

    Args:
        folder: Everything it writes goes here.
        certificates: Authority, certificate and key.
    """

    def __init__(self, folder: Path, ca: Path, cert: Path, key: Path) -> None:
        program = need("redis-server")
        self.port, self.tls_port = free_port(), free_port()
        options = {
            "bind": "127.0.0.1",
            "port": self.port,
            "tls-port": self.tls_port,
            "tls-ca-cert-file": ca,
            "tls-cert-file": cert,
            "tls-key-file": key,
            "tls-auth-clients": "no",
            "dir": folder,
            "save": '""',
            "user": "ann on >secret ~* +xadd +ping +client +hello",
        }
        config = folder / "redis.conf"
        config.write_text("".join(f"{name} {value}\n" for name, value in options.items()), encoding="utf-8")
        super().__init__(folder, [program, str(config)], self._answers)

    def client(self) -> Any:
        """Return a client."""
        from redis import Redis

        return Redis(port=self.port, decode_responses=True)

    def _answers(self) -> bool:
        try:
            with self.client() as client:
                return bool(client.ping())
        except Exception:
            return False
