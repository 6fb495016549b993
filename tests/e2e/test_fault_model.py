"""
Faults in random order, on a real listener: what it acknowledged is delivered, on disk, or counted and named.

Every run has the same three seeds; `make soak` draws others for as long as `GELF_SOAK_SECONDS` says;
``GELF_FAULT_SEED=7 pytest -m soak -k fault_model`` runs one again. When a fault hits within a step is up to the machine,
so a seed is a strong hint and no replay.
"""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

import pytest

from tests.e2e.fault_model.model import run_episode, small_disk

_DISK_MEGABYTES = 24


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_fault_model(tmp_path: Path, seed: int) -> None:
    """Short episodes, a minute in all."""
    with small_disk(tmp_path, _DISK_MEGABYTES) as disk:
        print(run_episode(tmp_path, seed, disk, 10))


@pytest.mark.soak
def test_fault_model_for_long(tmp_path: Path) -> None:
    """Episodes of seeds that are drawn, or of the one that is asked for."""
    seconds = float(os.environ.get("GELF_SOAK_SECONDS", "3600"))
    wanted = os.environ.get("GELF_FAULT_SEED")
    end = time.monotonic() + seconds
    episodes = 0
    while time.monotonic() < end:
        seed = int(wanted) if wanted else random.SystemRandom().randrange(1 << 32)
        folder = tmp_path / f"episode{episodes}"
        folder.mkdir()
        with small_disk(folder, _DISK_MEGABYTES) as disk:
            print(f"seed {seed}: {run_episode(folder, seed, disk, 20)}", flush=True)
        episodes += 1
        if wanted:
            return
