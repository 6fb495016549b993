"""PostgreSQL: a cluster of our own."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

from tests.requirements import missing
from tests.services.server import Server, free_port

__all__ = ["PostgreSql"]


def _programs() -> Path:  # noqa: RET503  (`missing` does not return)
    """Return the folder of the server's programs: Debian keeps them out of PATH."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name))
    found = shutil.which("initdb")
    if found:
        folders.append(Path(found).parent)
    for folder in reversed(folders):
        if (folder / "postgres").exists() and (folder / "initdb").exists():
            return folder
    missing("needs PostgreSQL's server, which is not installed")


class PostgreSql(Server):
    """
    A cluster with TLS and the user ``ann`` (password ``secret``); ``postgres`` needs none.

    It refuses to run as root, so it runs as ``postgres`` then.

    Args:
        folder: Everything it writes goes here. Not one of pytest's, which are their owner's alone: every session that
            starts takes the rights of others away.
        cert: Its certificate.
        key: The private key of it.
    """

    def __init__(self, folder: Path, cert: Path, key: Path) -> None:
        programs = _programs()
        self.port = free_port()
        user = "postgres" if os.geteuid() == 0 else None
        data = folder / "data"
        data.mkdir()
        if user is not None:
            folder.chmod(0o711)
            shutil.chown(data, user)
        initdb = [str(programs / "initdb"), "-D", str(data), "-U", "postgres", "-A", "trust", "-N", "--no-locale"]
        done = subprocess.run(
            [*initdb, "-E", "UTF8"], user=user, cwd="/", capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        for source, name in ((cert, "server.crt"), (key, "server.key")):
            (data / name).write_bytes(source.read_bytes())
            (data / name).chmod(0o600)
            if user is not None:
                entry = pwd.getpwnam(user)
                os.chown(data / name, entry.pw_uid, entry.pw_gid)
        rules = "host all postgres 127.0.0.1/32 trust\nhost all ann 127.0.0.1/32 scram-sha-256\n"
        (data / "pg_hba.conf").write_text(rules, encoding="utf-8")
        options = {
            "port": self.port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "fsync": "off",
            "shared_buffers": "16MB",
            "ssl": "on",
        }
        command = [str(programs / "postgres"), "-D", str(data)]
        for name, value in options.items():
            command += ["-c", f"{name}={value}"]
        super().__init__(folder, command, self._answers, stop_signal=signal.SIGINT, user=user)

    def connect(self, **options: Any) -> Any:
        """Return a connection of an administrator, each of whose statements is a transaction."""
        import psycopg

        return psycopg.connect(
            host="127.0.0.1", port=self.port, user="postgres", dbname="postgres", autocommit=True, **options
        )

    def _answers(self) -> bool:
        try:
            self.connect(connect_timeout=2).close()
        except Exception:
            return False
        return True
