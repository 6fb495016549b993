"""An input: every datagram is the text of one message."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from gelf_listener.plugin import (
    DatagramInput,
    DatagramSettings,
    PayloadDecoder,
    Reason,
    Receipt,
    Rejected,
    make_message,
)

__all__ = ["TextUdpInput", "TextUdpSettings"]


class TextUdpSettings(DatagramSettings):
    """Settings of `text+udp://`."""

    port: int = Field(5140, ge=0, le=65535, description="Port to bind; 0 picks a free one.")
    level: int = Field(6, ge=0, le=7, description="Severity of every message.")


class TextDecoder(PayloadDecoder):
    """Reads UTF-8."""

    def __init__(self, input: str, level: int) -> None:
        super().__init__(input)
        self._level = level

    def decode(self, payload: bytes, receipt: Receipt) -> None:
        """Make a message of a datagram."""
        try:
            text = payload.decode().strip()
        except UnicodeDecodeError as error:
            raise Rejected(Reason.NO_MESSAGE, f"not UTF-8: {error}", payload) from None
        receipt.add(make_message(receipt, payload, short_message=text, level=self._level))


class TextUdpInput(DatagramInput):
    """
    Takes text by UDP.

    Guarantee: at most once; see `DatagramInput`.
    """

    Settings: ClassVar[type[TextUdpSettings]] = TextUdpSettings
    scheme: ClassVar[str] = "text+udp"
    settings: TextUdpSettings

    def decoder(self) -> TextDecoder:
        """Make what reads the datagrams."""
        return TextDecoder(self.name, self.settings.level)
