"""Fixtures for the handlers' tests: loggers that clean up, certificates made on the spot, subprocess runs."""

from __future__ import annotations

import itertools
import logging
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
HANDLERS = HERE.parents[1] / "handlers"
for folder in (HERE, HANDLERS):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

_numbers = itertools.count()


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """A TCP close lingers for what the peer has not acknowledged; a test's peer may never."""
    monkeypatch.setattr("gelf_handlers.stream._LINGER_SECONDS", 0.2)


@pytest.fixture(autouse=True)
def loggers():
    """Leave no logger disabled or apart from the others: other tests of the process may use it."""
    yield
    for logger in list(logging.root.manager.loggerDict.values()):
        if isinstance(logger, logging.Logger):
            logger.disabled, logger.propagate = False, True
            logger.setLevel(logging.NOTSET)


@pytest.fixture
def attach():
    """Attach a handler to a logger of its own; close it afterwards without waiting for an absent server."""
    made = []

    def attach(handler, level=logging.DEBUG):
        logger = logging.getLogger(f"tests.handlers.{next(_numbers)}")
        logger.propagate = False
        logger.setLevel(level)
        logger.addHandler(handler)
        made.append((logger, handler))
        return logger

    yield attach
    for logger, handler in made:
        logger.removeHandler(handler)
        if hasattr(handler, "_queue_settings"):
            handler.flush(0.0)
            handler._given_up = True
        handler.close()


@pytest.fixture
def run():
    """Run a script in an interpreter of its own, with the package and the receivers importable."""

    def run(code, *arguments, timeout=60, check=True, env=None, **options):
        environment = {**os.environ, "PYTHONPATH": f"{HANDLERS}{os.pathsep}{HERE}", **(env or {})}
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=timeout,
            env=environment,
            check=False,
            **options,
        )
        if check:
            assert done.returncode == 0, done.stderr
        return done

    return run


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    """A certificate authority, a server certificate for localhost, a client certificate, and paths to them."""
    trustme = pytest.importorskip("trustme")
    folder = tmp_path_factory.mktemp("certificates")
    authority = trustme.CA()
    server = authority.issue_cert("localhost", "127.0.0.1", "::1")
    other = authority.issue_cert("elsewhere.example")
    client = authority.issue_cert("client@example.org")
    paths = {}
    for name, write in (
        ("ca", authority.cert_pem.write_to_path),
        ("server", server.private_key_and_cert_chain_pem.write_to_path),
        ("other", other.private_key_and_cert_chain_pem.write_to_path),
        ("client", client.private_key_and_cert_chain_pem.write_to_path),
    ):
        paths[name] = str(folder / f"{name}.pem")
        write(paths[name])
    return paths


@pytest.fixture
def server_context(certificates):
    """A server's TLS context."""
    import ssl

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificates["server"])
    return context
