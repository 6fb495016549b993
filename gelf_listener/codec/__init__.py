"""
Codec: bytes -> messages, without any I/O.

Pure functions and small state machines: bytes and the time go in, messages and rejections come out. Nothing
here imports asyncio, an input or an output.
"""

from __future__ import annotations

from gelf_listener.codec.batch import Batch
from gelf_listener.codec.contracts import DatagramDecoder, Decoder, Framer
from gelf_listener.codec.gelf.decoder import GelfDecoder, Limits, Mode
from gelf_listener.codec.payload_decoder import PayloadDecoder
from gelf_listener.codec.receipt import Receipt
from gelf_listener.codec.session import FramedSession, Session

__all__ = [
    "Batch",
    "DatagramDecoder",
    "Decoder",
    "FramedSession",
    "Framer",
    "GelfDecoder",
    "Limits",
    "Mode",
    "PayloadDecoder",
    "Receipt",
    "Session",
]
