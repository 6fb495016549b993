"""
Packages: peers fetched without being installed.

Debian's packages are unpacked into a cache folder: rsyslog and syslog-ng exclude each other when installed, and an
installation starts a system service, which a bench must not. npm installs into the same folder, without scripts.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from bench.process import StartError

__all__ = ["cache_folder", "debian", "library_path", "node_module"]

_TIMEOUT_SECONDS = 120
_LIBRARIES = (
    "libestr0", "libfastjson4", "liblognorm5", "libivykis0", "libnet1", "libwrap0", "libjson-c5", "libpcre3", "libcap2",
    "libglib2.0-0", "libsystemd0", "libuuid1",
)  # fmt: skip
_PACKAGES = {"rsyslogd": "rsyslog", "syslog-ng": "syslog-ng-core"}


def cache_folder() -> Path:
    """Return where peers are kept between runs."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "gelf-listener-bench"


def _run(command: list[str], folder: Path) -> None:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, timeout=_TIMEOUT_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise StartError(f"{command[0]}: {type(error).__name__}") from error
    if done.returncode != 0:
        words = done.stderr.decode(errors="replace").strip().splitlines()
        raise StartError(f"{command[0]} {command[1]} failed: {words[0][:160] if words else done.returncode}")


def debian(program: str) -> Path:
    """
    Return the path of a program from a Debian package, fetched if need be.

    Raises:
        StartError: Without apt, without network, or when the package list is too old.
    """
    if shutil.which("apt-get") is None or shutil.which("dpkg") is None:
        raise StartError("not a Debian system")
    root = cache_folder() / "debian"
    target = root / "usr/sbin" / program
    if not target.exists():
        downloads = cache_folder() / "packages" / program
        downloads.mkdir(parents=True, exist_ok=True)
        for package in (_PACKAGES[program], *_LIBRARIES):
            # One by one: a library this release does not know must not keep the others away.
            try:
                _run(["apt-get", "download", "-q", "-o", "APT::Sandbox::User=root", package], downloads)
            except StartError as error:
                if package == _PACKAGES[program]:
                    raise StartError(f"{error} (run apt-get update first?)") from error
        for archive in sorted(downloads.glob("*.deb")):
            _run(["dpkg", "-x", str(archive), str(root)], downloads)
        shutil.rmtree(downloads)
    return target


def library_path() -> dict[str, str]:
    """Return the environment with which the unpacked programs find their libraries."""
    root = cache_folder() / "debian"
    folders = [*root.glob("usr/lib/*-linux-gnu*"), *root.glob("lib/*-linux-gnu*"), root / "usr/lib/syslog-ng"]
    return {"LD_LIBRARY_PATH": ":".join(map(str, folders))}


def node_module(name: str, version: str) -> Path:
    """
    Return the folder of an npm module, fetched if need be.

    Raises:
        StartError: Without node, npm or network.
    """
    if shutil.which("node") is None:
        raise StartError("no node")
    folder = cache_folder() / "node"
    target = folder / "node_modules" / name
    if not target.exists():
        if shutil.which("npm") is None:
            raise StartError("no npm")
        folder.mkdir(parents=True, exist_ok=True)
        flags = ["--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
        _run(["npm", "install", *flags, "--prefix", str(folder), f"{name}@{version}"], folder)
    return target
