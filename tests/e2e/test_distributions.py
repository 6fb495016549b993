"""What a package index gets: built, looked at, and installed into empty environments far from the clone."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import socket
import subprocess
import sys
import tarfile
import tomllib
import urllib.request
import venv
import zipfile
from collections.abc import Iterator
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.e2e.listener import until
from tests.requirements import missing

ROOT = Path(__file__).parents[2]
PROJECTS = {"gelf-listener": ROOT, "gelf-handlers": ROOT / "handlers"}

pytestmark = [pytest.mark.external, pytest.mark.timeout(300)]


class Built(NamedTuple):
    """What was built of a project."""

    name: str
    wheel: Path
    sdist: Path

    def files(self) -> list[str]:
        with zipfile.ZipFile(self.wheel) as archive:
            return archive.namelist()

    def text(self, ending: str) -> bytes:
        """A file of the wheel."""
        with zipfile.ZipFile(self.wheel) as archive:
            (name,) = [name for name in archive.namelist() if name.endswith(ending)]
            return archive.read(name)

    def metadata(self) -> Message:
        return message_from_bytes(self.text(".dist-info/METADATA"))


def run(*command: str | Path, cwd: Path) -> str:
    """What a program says, away from the clone: it must succeed."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "GELF_", "VIRTUAL"))
    }
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module", params=sorted(PROJECTS))
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Built:
    return build(request.param, tmp_path_factory.mktemp(request.param))


def build(name: str, folder: Path) -> Built:
    """Build the source distribution from the clone, and the wheel from what is in that and nothing else."""
    run(sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", folder, cwd=PROJECTS[name])
    (sdist,) = folder.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder / "unpacked", filter="data")
    (source,) = (folder / "unpacked").iterdir()
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder, cwd=source)
    (wheel,) = folder.glob("*.whl")
    return Built(name, wheel, sdist)


def test_metadata(built: Built) -> None:
    """Who, what, where, under which licence; links lead somewhere from an index's page."""
    found = built.metadata()
    assert found["Name"] == built.name
    assert found["License-Expression"] == "MIT"
    assert found["Author"]
    urls = dict(str(each).split(", ", 1) for each in found.get_all("Project-URL", []))
    assert set(urls) == {"Homepage", "Documentation", "Changelog", "Issues", "Source"}
    assert all(url.startswith("https://") for url in urls.values())
    readme = str(found.get_payload())
    assert found["Description-Content-Type"] == "text/markdown"
    assert readme.lstrip().startswith("# ")
    assert re.findall(r"\]\((?!https?://|#)[^)]*\)", readme) == []


def test_licence_and_changelog(built: Built) -> None:
    """In the wheel and in the source distribution; the licence of both is one."""
    licence = (ROOT / "LICENSE").read_bytes()
    changelog = (PROJECTS[built.name] / "CHANGELOG.md").read_bytes()
    assert built.text(".dist-info/licenses/LICENSE") == licence
    assert built.text(f"/share/doc/{built.name}/CHANGELOG.md") == changelog
    with tarfile.open(built.sdist) as archive:
        names = {name.partition("/")[2]: name for name in archive.getnames()}
        for name, content in (("LICENSE", licence), ("CHANGELOG.md", changelog)):
            file = archive.extractfile(names[name])
            assert file is not None
            assert file.read() == content


def test_files(built: Built) -> None:
    """Everything of the package, its types included, and nothing that is not."""
    package = built.name.replace("-", "_")
    tracked = run("git", "ls-files", package, cwd=PROJECTS[built.name]).split()
    inside = {name for name in built.files() if name.startswith(f"{package}/")}
    assert inside == set(tracked)
    assert f"{package}/py.typed" in inside


class Environment(NamedTuple):
    """A virtual environment, and an empty directory to work in."""

    path: Path
    work: Path

    def run(self, program: str, *arguments: str | Path) -> str:
        return run(self.path / "bin" / program, *arguments, cwd=self.work)


def install(folder: Path, *what: str | Path) -> Environment:
    """Make an environment with nothing but these and what they need."""
    if importlib.util.find_spec("uv") is None:
        missing("needs uv, which installs")
    made = Environment(folder / "environment", folder / "work")
    made.work.mkdir()
    venv.create(made.path, with_pip=False)
    command = [sys.executable, "-m", "uv", "pip", "install", "--python", made.path / "bin" / "python", *what]
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=240, check=False)
    if done.returncode and ("error sending request" in done.stderr or "dns error" in done.stderr):
        missing("needs a package index to install from")
    assert done.returncode == 0, done.stderr
    return made


def pinned(*names: str) -> list[str]:
    """Packages as the tests' lock has them."""
    text = (ROOT / "requirements" / "test.txt").read_text(encoding="utf-8")
    return [found[0] for name in names if (found := re.search(rf"^{re.escape(name)}==[^ ;]+", text, re.MULTILINE))]


@pytest.fixture(scope="module")
def listener_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    """The listener's wheel, what it needs, and pytest."""
    folder = tmp_path_factory.mktemp("listener")
    yield install(folder, build("gelf-listener", folder).wheel, *pinned("pytest"))
    shutil.rmtree(folder, ignore_errors=True)


def test_commands(listener_environment: Environment) -> None:
    """Of the installed package, not of the clone."""
    where = listener_environment.run("python", "-c", "import gelf_listener; print(gelf_listener.__file__)")
    assert where.startswith(str(listener_environment.path))
    assert "gelf-listener 0." in listener_environment.run("gelf-listener", "--version")
    assert "configuration is valid" in listener_environment.run("gelf-listener", "check")
    listed = listener_environment.run("gelf-listener", "plugins")
    with (ROOT / "pyproject.toml").open("rb") as file:
        entry_points = tomllib.load(file)["project"]["entry-points"]
    for name in {*entry_points["gelf_listener.inputs"], *entry_points["gelf_listener.outputs"]}:
        assert f"  {name} " in listed
    assert listener_environment.run("python", "-m", "gelf_listener", "--version") == listener_environment.run(
        "gelf-listener", "--version"
    )


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def test_page(listener_environment: Environment) -> None:
    """With all that it loads; what is sent is found."""
    api, udp = free_port(), free_port()
    command = [
        listener_environment.path / "bin" / "gelf-listener",
        *("--api", f"127.0.0.1:{api}", "--input", f"gelf+udp://127.0.0.1:{udp}?receive_buffer_bytes=64KiB"),
        *("--output", f"store:{listener_environment.work / 'store'}?commit_seconds=0"),
    ]
    with subprocess.Popen(
        [str(part) for part in command], cwd=listener_environment.work, stderr=subprocess.PIPE
    ) as process:
        try:

            def get(path: str) -> str:
                with urllib.request.urlopen(f"http://127.0.0.1:{api}{path}", timeout=60) as answer:
                    return str(answer.read().decode())

            def healthy() -> bool:
                try:
                    return bool(get("/health"))
                except OSError:
                    return False

            assert until(healthy)
            page = get("/")
            loaded = re.findall(r'(?:src|href)="\./(ui/[^"]+)"', page)
            assert any(name.endswith(".js") for name in loaded)
            assert any(name.endswith(".css") for name in loaded)
            assert all(get(f"/{name}") for name in loaded)
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                sock.sendto(b'{"version":"1.1","host":"a","short_message":"from afar"}', ("127.0.0.1", udp))
            assert until(lambda: "from afar" in get("/api/gelf/search?query=afar"))
        finally:
            process.terminate()
            process.communicate(timeout=30)


TESTS = """
import socket

from gelf_listener.plugin import Message, OutputSettings, Size
from gelf_listener.testing.contracts import InputContract, OutputContract


def test_fixture(gelf):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(b'{"version":"1.1","host":"a","short_message":"tested"}', gelf.udp.address)
    assert gelf.wait_for("tested")[0].host == "a"


class TestNull(OutputContract):
    scheme = "null"

    def make(self, tmp_path):
        from gelf_listener.outputs.null import NullOutput, NullSettings

        return NullOutput(NullSettings())

    def texts(self, tmp_path):
        return None
"""


def test_fixture_and_contracts(listener_environment: Environment) -> None:
    """What the wheel ships for the tests of others."""
    (listener_environment.work / "test_it.py").write_text(TESTS, encoding="utf-8")
    said = listener_environment.run("python", "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_it.py")
    assert re.search(r"\d+ passed", said)
    assert "failed" not in said


LOGGING = """
import logging, socket, zlib

import gelf_handlers

with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
    sock.bind(("127.0.0.1", 0))
    sock.settimeout(10)
    gelf_handlers.configure("orders", f"gelf+udp://127.0.0.1:{sock.getsockname()[1]}", level="INFO")
    logging.getLogger("orders.payment").info("paid %s", "A-17")
    print(gelf_handlers.__file__, zlib.decompress(sock.recv(65535)))
"""


def test_handlers(tmp_path: Path) -> None:
    """Alone: they need no listener."""
    made = install(tmp_path, build("gelf-handlers", tmp_path).wheel)
    said = made.run("python", "-c", LOGGING)
    assert said.startswith(str(made.path))
    assert '"short_message":"paid A-17"' in said
