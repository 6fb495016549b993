"""Greenlets instead of threads: gevent's and eventlet's, patched in before or after a handler was made, and forks."""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from conftest import HANDLERS
from receivers import TCPReceiver, free_port, wait_for

PACKAGES = ["graypy==2.1.0", "gevent", "eventlet", "gunicorn", "packaging"]


@pytest.fixture(scope="module")
def binaries():
    """Make an environment with gevent, or take the one made before for the same packages."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "gelf-handlers-tests"
    digest = hashlib.sha256("\n".join([sys.executable, *PACKAGES]).encode()).hexdigest()[:12]
    folder = cache / f"greenlets-{digest}"
    if not (folder / "complete").exists():
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True, capture_output=True, timeout=120)
        pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        installed = subprocess.run([*pip, *PACKAGES], capture_output=True, text=True, check=False, timeout=600)
        if installed.returncode:
            require = pytest.fail if os.environ.get("GELF_REQUIRE_ALL") == "1" else pytest.skip
            require(f"packages cannot be installed: {installed.stderr.strip().splitlines()[-1]}")
        (folder / "complete").touch()
    return folder / "bin"


def environment(folder):
    return {**os.environ, "PYTHONPATH": f"{HANDLERS}{os.pathsep}{folder}", "PYTHONWARNINGS": "ignore"}


FORK = """
    import os, sys, time, logging
    if sys.argv[2] == "gevent":
        from gevent import monkey
        monkey.patch_all()
    else:
        import eventlet
        eventlet.monkey_patch()
    import gelf_handlers
    gelf_handlers.configure("orders", f"gelf+tcp://127.0.0.1:{sys.argv[1]}", level="INFO")
    for number in range(100):
        logging.info("parent %d", number)
    time.sleep(float(sys.argv[3]))
    for number in range(100, 200):
        logging.info("parent %d", number)
    pid = os.fork()
    if not pid:
        for number in range(50):
            logging.info("child %d", number)
        time.sleep(0.2)
        sys.exit()
    while not os.waitpid(pid, os.WNOHANG)[0]:
        time.sleep(0.05)
"""


@pytest.mark.external
@pytest.mark.timeout(900)
@pytest.mark.parametrize("kind", ["gevent", "eventlet"])
@pytest.mark.parametrize("pause", [0, 0.05])
def test_a_forked_child_leaves_the_parents_messages_to_the_parent(kind, pause, binaries, tmp_path):
    """Greenlets survive a fork, that of the parent's worker included."""
    with TCPReceiver() as receiver:
        done = subprocess.run(
            [str(binaries / "python"), "-c", textwrap.dedent(FORK), str(receiver.port), kind, str(pause)],
            env=environment(tmp_path), capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        receiver.wait(250)
        time.sleep(0.2)
        assert sorted(receiver.texts) == sorted(
            [*(f"parent {n}" for n in range(200)), *(f"child {n}" for n in range(50))]
        )


APP = """
import logging, os, gelf_handlers
gelf_handlers.configure("shop", os.environ["ADDRESS"], level="INFO")
def app(environ, start_response):
    logging.info("got %s", environ["PATH_INFO"])
    start_response("200 OK", [])
    return [b"ok"]
"""


@pytest.mark.external
@pytest.mark.timeout(900)
@pytest.mark.parametrize("query", ["", "?sync=true"])
def test_preloaded_workers_of_gunicorn_that_gevent_patches_later_do_not_freeze(query, binaries, tmp_path):
    """Their handlers' locks were made before the patch: a greenlet that waits for such a lock stops all of them."""
    (tmp_path / "shop.py").write_text(APP)
    port = free_port()
    with TCPReceiver() as receiver:
        process = subprocess.Popen(
            [str(binaries / "python"), "-m", "gunicorn", "shop:app", "-b", f"127.0.0.1:{port}", "-k", "gevent", "--preload"],
            cwd=tmp_path, env={**environment(tmp_path), "ADDRESS": f"gelf+tcp://127.0.0.1:{receiver.port}{query}"},
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            assert wait_for(lambda: get(port, "/ready"), 30)
            for number in range(10):
                assert get(port, f"/{number}")
            time.sleep(2.5)  # until the worker sleeps deeply
            assert get(port, "/late")
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0
            expected = [f"got /{name}" for name in ("ready", *range(10), "late")]
            assert wait_for(lambda: set(expected) <= set(receiver.texts)), receiver.texts
        finally:
            process.kill()
            process.wait()


def get(port, path):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False


@pytest.mark.parametrize("sync", [False, True])
def test_locks_are_those_that_threading_has_when_they_are_needed(sync, attach, monkeypatch):
    """The same without gevent: whatever `threading.Lock` is when a thread starts, or a call sends by itself."""
    from gelf_handlers import GELFTCPHandler

    class PatchedLock:
        def __init__(self):
            self._lock = plain()

        def __getattr__(self, name):
            return getattr(self._lock, name)

        def __enter__(self):
            return self._lock.__enter__()

        def __exit__(self, *error):
            self._lock.__exit__(*error)

    plain = threading.Lock
    with TCPReceiver() as receiver:
        handler = GELFTCPHandler("127.0.0.1", receiver.port, sync=sync)
        monkeypatch.setattr(threading, "Lock", PatchedLock)
        log = attach(handler)
        log.info("one")
        receiver.wait(1)
        assert isinstance(handler._worker._wake, PatchedLock)
        assert isinstance(handler._worker._consuming, PatchedLock)
