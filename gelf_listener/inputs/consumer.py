"""Consumer: what inputs that fetch messages from a broker have in common."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from gelf_listener.codec import Decoder, Limits
from gelf_listener.errors import Reason, Rejected
from gelf_listener.settings import InputSettings

__all__ = ["ConsumerSettings", "chunk_rejection"]

_CHUNK = b"\x1e\x0f"


class ConsumerSettings(InputSettings):
    """Settings of inputs that fetch GELF from a broker."""

    mode: Literal["lenient", "graylog"] = Field(
        "lenient", description="lenient: mend what can be understood. graylog: decide exactly as a Graylog would."
    )
    max_payload_bytes: int = Field(8 * 1024 * 1024, ge=1024, description="Largest payload after inflating.")

    @model_validator(mode="after")
    def _nobody_connects(self) -> Self:
        if self.allow:
            raise ValueError("allow has no meaning here: who may publish is up to the broker")
        return self

    def decoder(self, input: str) -> Decoder:
        """Make a decoder with these settings; the input's name goes on its messages."""
        return Decoder(self.mode, input, Limits(self.max_payload_bytes))


def chunk_rejection(payload: bytes, input: str) -> Rejected | None:
    """
    Reject a chunk: its message could be acknowledged only when all chunks are there, perhaps never.

    Graylog puts them together, but no client sends chunks to a broker.
    """
    if payload[:2] != _CHUNK:
        return None
    return Rejected(Reason.UNEXPECTED_PROTOCOL, "a chunk: brokers take whole messages", payload, input=input)
