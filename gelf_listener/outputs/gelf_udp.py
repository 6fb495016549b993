"""gelf+udp: pass messages on to a Graylog or another listener, in datagrams."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterable
from typing import ClassVar, Literal

from pydantic import Field

from gelf_listener.codec.gelf.chunking import split
from gelf_listener.message import Message
from gelf_listener.outputs.datagram_output import DatagramOutput
from gelf_listener.outputs.forwarding import Forwarding
from gelf_listener.settings import OutputSettings, Size

_COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "none": lambda payload: payload,
    "zlib": lambda payload: zlib.compress(payload, 1),
    "gzip": lambda payload: gzip.compress(payload, 1, mtime=0),
}


class GelfUdpSettings(OutputSettings):
    """Settings of `gelf+udp://`."""

    host: str = Field("localhost", description="Who takes the messages.")
    port: int = Field(12201, ge=1, le=65535, description="Its port.")
    compression: Literal["auto", "none", "zlib", "gzip"] = Field(
        "auto", description="`auto` compresses (zlib) what would not fit into one datagram."
    )
    chunk_bytes: Size = Field(
        1420, ge=13, le=65507, description="Largest datagram; a longer message is sent in chunks, 128 at the most."
    )
    forwarder: str = Field(
        "", description="Name for the field `_forwarder`; `auto` is this machine's. Empty: no such field."
    )


class GelfUdpOutput(DatagramOutput):
    """
    Sends GELF in datagrams, in chunks where one is too small.

    Guarantee: at most once. UDP has no acknowledgement. A destination that refuses datagrams (nothing is listening on
    its port) is noticed one datagram too late; all further ones are sent again.
    """

    Settings: ClassVar[type[GelfUdpSettings]] = GelfUdpSettings

    def __init__(self, settings: GelfUdpSettings) -> None:
        super().__init__(settings)
        self._forwarding = Forwarding(settings.forwarder)

    def encode(self, message: Message) -> Iterable[bytes]:
        """Return the datagrams of a message; see `DatagramOutput.encode`."""
        payload = self._forwarding.payload(message)
        kind, most = self.settings.compression, self.settings.chunk_bytes
        if kind == "auto":
            kind = "none" if len(payload) <= most else "zlib"
        return split(_COMPRESS[kind](payload), most)
