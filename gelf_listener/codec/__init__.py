"""
Codec: bytes -> messages, without any I/O.

Pure functions and small state machines: bytes and the time go in, messages and rejections come out. Nothing
here imports asyncio, an input or an output.
"""

from __future__ import annotations

from gelf_listener.codec.batch import Batch
from gelf_listener.codec.decoder import Decoder, Limits, Mode
from gelf_listener.codec.receipt import Receipt

__all__ = ["Batch", "Decoder", "Limits", "Mode", "Receipt"]
