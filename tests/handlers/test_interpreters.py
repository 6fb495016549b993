"""
The core suite under the other CPythons of this machine, each in an environment of its own, kept in a cache.

What differs between interpreters most (TLS, exit, forks, task names: seconds); all of it in the long runs.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import HANDLERS, HERE

VERSIONS = ["3.11", "3.12", "3.13", "3.14"]
PACKAGES = [
    "graypy==2.1.0",
    "pytest>=8",
    "pytest-timeout",
    "hypothesis>=6",
    "trustme",
    "structlog",
    "loguru",
    "amqp>=5.1",
]
# The whole of what depends on the interpreter; frameworks, brokers and soak runs are tested under one.
CORE = ["test_dropin.py", "test_message.py", "test_failures.py", "test_queue.py", "test_tls.py", "test_exit.py",
        "test_formatters.py", "test_integrations.py"]  # fmt: skip

QUICK = "dropin or first_message or callbacks or certificate or tls_after_fork or parts or task_name"
ALL = os.environ.get("GELF_REQUIRE_ALL") == "1"


def interpreter(version):
    """Find a CPython of this version: in PATH, or where pyenv keeps them."""
    found = shutil.which(f"python{version}")
    if found and subprocess.run([found, "-c", ""], capture_output=True, check=False).returncode == 0:
        return found
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    candidates = sorted(root.glob(f"{version}.*/bin/python"))
    return str(candidates[-1]) if candidates else None


def environment(python, version):
    """Make an environment, or take the one made before for the same packages."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "gelf-handlers-tests"
    digest = hashlib.sha256("\n".join([python, *PACKAGES]).encode()).hexdigest()[:12]
    folder = cache / f"{version}-{digest}"
    if not (folder / "complete").exists():
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([python, "-m", "venv", str(folder)], check=True, capture_output=True, timeout=120)
        pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        installed = subprocess.run([*pip, *PACKAGES], capture_output=True, text=True, check=False, timeout=600)
        if installed.returncode:
            reason = f"packages cannot be installed for {version}: {installed.stderr.strip().splitlines()[-1]}"
            (pytest.fail if ALL else pytest.skip)(reason)
        (folder / "complete").touch()
    return str(folder / "bin" / "python")


@pytest.mark.external
@pytest.mark.timeout(900)
@pytest.mark.parametrize("chosen", [QUICK, pytest.param("", marks=pytest.mark.soak)], ids=["quick", "all"])
@pytest.mark.parametrize("version", VERSIONS)
def test_core_suite_passes(version, chosen):
    if os.environ.get("GELF_HANDLERS_INNER"):
        pytest.skip("this is the inner run")
    if version == f"{sys.version_info.major}.{sys.version_info.minor}":
        pytest.skip("the interpreter that runs this suite")
    python = interpreter(version)
    if python is None:
        pytest.skip(f"no CPython {version} on this machine")
    done = subprocess.run(
        [environment(python, version), "-m", "pytest", "-q", "-x", "-m", "not soak", "-k", chosen, "-c", str(HANDLERS / "pyproject.toml"),
         "--rootdir", str(HERE.parents[1]), *(str(HERE / name) for name in CORE)],
        capture_output=True, text=True, check=False, timeout=600, env={**os.environ, "GELF_HANDLERS_INNER": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    assert " passed" in done.stdout
