"""Fixtures of the end-to-end tests."""

from __future__ import annotations

import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest
import trustme

from tests.e2e.listener import Listener

_EXAMPLE = Path(__file__).parent.parent / "plugin_example"

Start = Callable[..., Listener]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start listeners that end with the test; takes the arguments of `Listener` after the directory."""
    with ExitStack() as stack:
        started: list[Listener] = []

        def begin(*inputs: str, **options: object) -> Listener:
            directory = tmp_path / f"listener{len(started)}"
            directory.mkdir()
            listener = Listener(directory, *inputs, **options)  # type: ignore[arg-type]
            started.append(listener)
            stack.enter_context(listener)
            return listener

        yield begin


@pytest.fixture(scope="session")
def plugin_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the third-party example into a folder of its own; PYTHONPATH then makes it an installed plug-in."""
    target = tmp_path_factory.mktemp("plugin")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--no-build-isolation", "--no-index", "--target", str(target), str(_EXAMPLE)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return target


class Certificates(NamedTuple):
    """Files of a small certificate authority, PEM."""

    ca: Path
    server: Path
    """Certificate and key of 127.0.0.1, ::1 and localhost."""
    server_cert: Path
    server_key: Path
    client: Path
    """Certificate and key of a client the authority knows."""
    stranger: Path
    """Certificate and key of a client of another authority."""

    def client_context(self) -> ssl.SSLContext:
        """A client's side of TLS that trusts the authority."""
        return ssl.create_default_context(cafile=str(self.ca))


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Make a certificate authority with a server and two clients."""
    folder = tmp_path_factory.mktemp("certificates")
    authority, other = trustme.CA(), trustme.CA()
    server = authority.issue_cert("localhost", "127.0.0.1", "::1")
    client = authority.issue_cert("client@example.org")
    stranger = other.issue_cert("stranger@example.org")
    found = Certificates(
        *(folder / f"{name}.pem" for name in ("ca", "server", "server_cert", "server_key", "client", "stranger"))
    )
    authority.cert_pem.write_to_path(found.ca)
    server.private_key_and_cert_chain_pem.write_to_path(found.server)
    for blob in server.cert_chain_pems:
        blob.write_to_path(found.server_cert, append=True)
    server.private_key_pem.write_to_path(found.server_key)
    client.private_key_and_cert_chain_pem.write_to_path(found.client)
    stranger.private_key_and_cert_chain_pem.write_to_path(found.stranger)
    return found
