"""Machine: what the figures were taken on, as far as it explains them. No names and no paths."""

from __future__ import annotations

import os
import platform
from pathlib import Path

__all__ = ["describe", "load"]


def _field(path: str, name: str) -> str:
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        return "unknown"
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(name)), "unknown")


def load() -> float:
    """Return the load average of the last minute: much above zero before a run means somebody else is at work."""
    return round(os.getloadavg()[0], 2)


def describe() -> dict[str, str]:
    """Return what to print beside the figures."""
    memory = _field("/proc/meminfo", "MemTotal").split()
    return {
        "cores": str(len(os.sched_getaffinity(0))),
        "cpu": _field("/proc/cpuinfo", "model name"),
        "memory": f"{int(memory[0]) / 2**20:.0f} GiB" if memory[0].isdigit() else "unknown",
        "virtual machine": "yes" if "hypervisor" in _field("/proc/cpuinfo", "flags").split() else "no",
        "kernel": f"{platform.system()} {platform.release().split('-')[0]}",
        "python": platform.python_version(),
        "largest receive buffer (rmem_max)": _sysctl("net/core/rmem_max"),
        "allowed to exceed it": "yes" if os.geteuid() == 0 else "no",
    }


def _sysctl(name: str) -> str:
    try:
        return Path("/proc/sys", name).read_text(encoding="ascii").strip()
    except OSError:
        return "unknown"
