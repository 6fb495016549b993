"""
Builds the clients of other languages, once: into ``.cache/e2e`` of the repository, which git ignores.

The first build fetches packages by their exact versions; a folder is named by a hash of what it was built from, so
later runs need no registry at all and a changed client is built again. Every step is bounded in time.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.requirements import missing, need

__all__ = [
    "GO_BUILD_SECONDS",
    "GO_SECONDS",
    "JAVA_SECONDS",
    "NODE_SECONDS",
    "PYTHON_SECONDS",
    "go_client",
    "go_program",
    "java_client",
    "java_server",
    "jdk",
    "maven_jars",
    "node_client",
    "node_packages",
    "python_client",
    "run_job",
]

_CLIENTS = Path(__file__).parent / "clients"
_CACHE = Path(__file__).parents[2] / ".cache" / "e2e"

NODE_SECONDS = GO_SECONDS = 300
JAVA_SECONDS = 600
PYTHON_SECONDS = 300
GO_BUILD_SECONDS = 600
"""Time for a first build with downloads; tests that build need a time limit beyond it."""


def _build(name: str, sources: Sequence[Path], make: Callable[[Path], None]) -> Path:
    """Return the folder with what was built from these sources; make it when it is not there."""
    digest = hashlib.sha256(b"\0".join([source.read_bytes() for source in sources])).hexdigest()[:12]
    folder = _CACHE / f"{name}-{digest}"
    if folder.exists():
        return folder
    building = _CACHE / f"{name}-{digest}.building"
    with _only_here(name):  # the other processes of a run wait for what they would build as well
        if folder.exists():
            return folder
        shutil.rmtree(building, ignore_errors=True)
        building.mkdir(parents=True)
        try:
            make(building)
            building.rename(folder)  # whole or not at all: an interrupted build is not a build
        finally:
            shutil.rmtree(building, ignore_errors=True)
    return folder


@contextmanager
def _only_here(name: str) -> Iterator[None]:
    """Hold a lock that one process at a time can have; the system releases it when the process ends."""
    _CACHE.mkdir(parents=True, exist_ok=True)
    with (_CACHE / f"{name}.lock").open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def python_client(program: str) -> str:
    """Return the path of a program written in Python, in an environment of its own: what it needs is old."""
    requirements = _CLIENTS / "python" / "requirements.txt"

    def make(folder: Path) -> None:
        uv = [sys.executable, "-m", "uv"]
        _run([*uv, "venv", "--quiet", "--relocatable", str(folder / "env")], 60, folder)
        install = [*uv, "pip", "install", "--quiet", "--python", str(folder / "env" / "bin" / "python")]
        _run([*install, "setuptools==69.5.1", "wheel==0.45.1"], PYTHON_SECONDS, folder)  # what their builds need
        _run([*install, "--no-build-isolation", "--no-deps", "-r", str(requirements)], PYTHON_SECONDS, folder)

    return str(_build("python", [requirements], make) / "env" / "bin" / program)


def _run(command: Sequence[str], seconds: float, cwd: Path, environment: Mapping[str, str] | None = None) -> None:
    """Run one step of a build; what cannot be built is missing."""
    try:
        done = subprocess.run(
            command,
            cwd=cwd,
            env={**os.environ, **(environment or {})},
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        missing(f"{command[0]} did not end within {seconds:g} s")
    if done.returncode:
        missing(f"{' '.join(command[:3])} failed with status {done.returncode}:\n{(done.stdout + done.stderr)[-2000:]}")


def node_client() -> list[str]:
    """Return the command of the npm clients; it reads a job from standard input."""
    node = need("node", "npm")
    folder = node_packages(_CLIENTS / "node" / "package.json")
    return [node, str(_CLIENTS / "node" / "client.js"), str(folder)]


def go_client(name: str = "go", seconds: float = GO_SECONDS) -> list[str]:
    """Return the command of a Go client; `go` reads a job from standard input, `compose` a file as Docker does."""
    go = need("go")
    sources = [_CLIENTS / name / file for file in ("main.go", "go.mod", "go.sum")]

    def make(folder: Path) -> None:
        command = [go, "build", "-mod=readonly", "-trimpath", "-o", str(folder / "client"), "."]
        _run(command, seconds, _CLIENTS / name, {"CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOWORK": "off"})

    return [str(_build(name, sources, make) / "client")]


def java_client() -> list[str]:
    """Return the command of the Java client; its arguments follow."""
    java = need("java", "javac", "mvn")
    sources = [_CLIENTS / "java" / name for name in ("pom.xml", "Client.java")]

    def make(folder: Path) -> None:
        _copy_jars(sources[0], folder / "lib")
        compile_ = ["javac", "-encoding", "UTF-8", "-cp", str(folder / "lib" / "*"), "-d", str(folder / "classes")]
        _run([*compile_, str(sources[1])], 60, folder)

    folder = _build("java", sources, make)
    classpath = os.pathsep.join([str(folder / "classes"), str(folder / "lib" / "*")])
    return [java, "-Xmx128m", "-XX:TieredStopAtLevel=1", "-cp", classpath, "Client"]


def _copy_jars(pom: Path, folder: Path, *options: str) -> None:
    """Fetch the dependencies of a project; each has a repository of its own, for two Mavens may not share one."""
    where = [f"-Dmaven.repo.local={_CACHE / 'maven' / pom.parent.name / pom.stem}", f"-DoutputDirectory={folder}"]
    command = ["mvn", "-B", "-q", "-f", str(pom), *where, *options, "dependency:copy-dependencies"]
    _run(command, JAVA_SECONDS, folder.parent)


def maven_jars(pom: Path) -> Path:
    """Return a folder with the dependencies of a project file."""
    need("java", "mvn")

    def make(folder: Path) -> None:
        _copy_jars(pom, folder, "-DincludeScope=runtime")

    return _build(pom.stem, [pom], make)


def jdk(least: int) -> Path:
    """Return the folder with ``java`` and ``javac`` of a JDK of some version or later."""
    home = os.environ.get("JAVA_HOME")
    usual = [Path(home) / "bin"] if home else []
    for folder in [*usual, Path(need("java")).parent, *sorted(Path("/usr/lib/jvm").glob("*/bin"))]:
        if (folder / "javac").exists():
            said = subprocess.run([folder / "javac", "-version"], capture_output=True, text=True, check=False).stdout
            version = said.partition(" ")[2].partition(".")[0].strip()
            if version.isdigit() and int(version) >= least:
                return folder
    missing(f"a JDK of version {least} or later is not there")
    return None


def java_server(pom: Path, source: Path, least: int = 11) -> list[str]:
    """Return the start of a command that runs a server embedded in a program of ours; its arguments follow."""
    need("java", "javac", "mvn")
    java = jdk(least)
    jars = maven_jars(pom)

    def make(folder: Path) -> None:
        classpath = ["-cp", str(jars / "*"), "-d", str(folder)]
        _run([str(java / "javac"), "-encoding", "UTF-8", *classpath, str(source)], 60, folder)

    classes = _build(source.stem.lower(), [pom, source], make)
    classpath = os.pathsep.join([str(classes), str(jars / "*")])
    return [str(java / "java"), "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", classpath]


def go_program(module: Path, package: str) -> str:
    """Return a program built from a package that a module's ``go.mod`` names."""
    go = need("go")

    def make(folder: Path) -> None:
        command = [go, "build", "-mod=readonly", "-trimpath", "-o", str(folder / "program"), package]
        _run(command, GO_BUILD_SECONDS, module, {"GOTOOLCHAIN": "local", "GOWORK": "off"})

    return str(_build(module.name, [module / "go.mod", module / "go.sum"], make) / "program")


def node_packages(manifest: Path) -> Path:
    """Return a folder with the packages of a manifest installed."""
    need("node", "npm")

    def make(folder: Path) -> None:
        shutil.copy(manifest, folder)
        flags = ["--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts", "--loglevel=error"]
        _run(["npm", "install", "--prefix", str(folder), *flags], NODE_SECONDS, folder)

    return _build(manifest.parent.name, [manifest], make)


def run_job(command: Sequence[str], job: Mapping[str, Any] | None = None, seconds: float = 40.0) -> str:
    """Run a client with a job on its standard input; fail with what it said when it fails."""
    done = subprocess.run(
        command,
        input=json.dumps(job) if job is not None else "",
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=seconds,
        check=False,
    )
    assert done.returncode == 0, f"the client failed:\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr
