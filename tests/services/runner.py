"""Writing as a runner does: again while a destination is not ready."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from gelf_listener.errors import Retry

__all__ = ["start_patiently", "write_patiently"]

_SECONDS = 60.0


async def start_patiently(output: Any) -> None:
    """Start an output; on a busy machine the answer may not come in the short time that a test gives it."""
    async with asyncio.timeout(_SECONDS):
        while True:
            try:
                await output.start()
            except Retry:
                await asyncio.sleep(0.1)
            else:
                return


async def write_patiently(output: Any, batch: Sequence[Any]) -> None:
    """Write a batch; a server that was frozen or has just started answers late."""
    async with asyncio.timeout(_SECONDS):
        while True:
            try:
                await output.write(batch)
            except Retry:
                await asyncio.sleep(0.1)
            else:
                return
