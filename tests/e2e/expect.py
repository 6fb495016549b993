"""What every client test sends and expects: the same text, the same large message, and times that are now."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from typing import Any

__all__ = ["LARGE", "TEXT", "Now"]

TEXT = 'Grüße aus dem Café ✓ 日本語 😀 "quoted" \\ <tag> %s {}'
"""Every width of UTF-8, and characters that JSON, HTML and format strings would like to change."""

LARGE = "".join(random.Random(1).choices("0123456789abcdef", k=60_000))
"""Compresses to half: chunked by every client that compresses, and well below 128 chunks of any size in use."""


class Now:
    """The span of time in which a test sent its messages."""

    def __init__(self) -> None:
        self._began = time.time()

    def holds(self, message: Mapping[str, Any]) -> bool:
        """Whether a message carries a time at which this test ran; clients round to milliseconds."""
        return self._began - 0.002 <= message["timestamp"] <= time.time() + 0.002
