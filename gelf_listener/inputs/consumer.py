"""Consumer: what inputs that fetch messages from a broker have in common."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from gelf_listener.codec import GelfDecoder, Limits
from gelf_listener.codec.compression import CHUNK_MAGIC
from gelf_listener.codec.pickles import is_pickle
from gelf_listener.codec.text.bodies import foreign_record, is_json
from gelf_listener.codec.wrappings import unwrap
from gelf_listener.inputs.gelf import TextSettings
from gelf_listener.settings import Size

CHUNK_ADVICE = "a chunk: brokers take whole messages"


class ConsumerSettings(TextSettings):
    """Settings of inputs that fetch GELF from a broker."""

    max_payload_bytes: Size = Field(8 * 1024 * 1024, ge=1024, description="Largest payload after inflating.")

    @model_validator(mode="after")
    def _nobody_connects(self) -> Self:
        if self.allow:
            raise ValueError("allow has no meaning here: who may publish is up to the broker")
        return self

    def unwrapped(self, payload: bytes, content_type: str | None = None) -> bytes:
        """
        Take off what producers put around JSON; see `wrappings`.

        Raises:
            Rejected: If that is damaged, or too much comes out.
        """
        return unwrap(payload, self.max_payload_bytes, content_type) if self.mode == "lenient" else payload

    def takes_text(self, payload: bytes, content_type: str | None = None) -> bool:
        """Whether a payload is read as lines of text: by its type or by the settings, unless it looks like JSON."""
        is_text = self.read == "text" or (content_type or "").partition(";")[0].strip().lower() == "text/plain"
        return is_text and self.mode == "lenient" and not (is_json(payload) or is_pickle(payload))

    def decoder(self, input: str) -> GelfDecoder:
        """Make a decoder with these settings; the input's name goes on its messages."""
        return GelfDecoder(self.mode, input, Limits(self.max_payload_bytes), foreign_record, self.type_conflicts)


def is_chunk(payload: bytes) -> bool:
    """
    Whether a payload is a chunk: its message could be acknowledged only when all chunks are there, perhaps never.

    Graylog puts them together, but no client sends chunks to a broker.
    """
    return payload[:2] == CHUNK_MAGIC
