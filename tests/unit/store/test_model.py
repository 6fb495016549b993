"""
Random operations and faults on a store, compared with the store in memory after every step.

`make soak` draws seeds for as long as `GELF_SOAK_SECONDS` says; ``GELF_MODEL_SEED=7 pytest -m soak -k test_model`` runs one
again: what is done is the same, when a kill hits is not.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from pathlib import Path

import pytest

from tests.e2e.fault_model.model import small_disk
from tests.unit.store.model.model import run_episode

_DISK_MEGABYTES = 24
_STEPS = 40


def run(folder: Path, seed: int) -> None:
    folder.mkdir()
    with small_disk(folder, _DISK_MEGABYTES) as disk:
        asyncio.run(run_episode(folder, seed, disk, _STEPS))


@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", [1, 2, 4])
def test_the_store_is_like_the_one_in_memory(tmp_path: Path, seed: int) -> None:
    """A short episode of each seed."""
    run(tmp_path / "episode", seed)


@pytest.mark.soak
def test_for_an_hour(tmp_path: Path) -> None:
    """Episodes of seeds that are drawn, or of the one that is asked for."""
    wanted = os.environ.get("GELF_MODEL_SEED")
    end = time.monotonic() + float(os.environ.get("GELF_SOAK_SECONDS", "3600"))
    while time.monotonic() < end:
        seed = int(wanted) if wanted else random.SystemRandom().randrange(1 << 32)
        print(f"seed {seed}", flush=True)
        run(tmp_path / f"{seed}", seed)
        if wanted:
            return
