"""Settings that every GELF input shares, and the decoder they describe."""

from __future__ import annotations

import time
from typing import Literal

from pydantic import Field

from gelf_listener.codec import Batch, GelfDecoder, Limits
from gelf_listener.codec.gelf.lenient import Foreign
from gelf_listener.intake import Intake
from gelf_listener.settings import Duration, InputSettings, Size, ZoneName


class TextSettings(InputSettings):
    """How GELF is read, and text within it or in its place."""

    mode: Literal["lenient", "graylog"] = Field(
        "lenient", description="lenient: repair what can be understood. graylog: decide exactly as a Graylog would."
    )
    type_conflicts: Literal["note", "reject"] = Field(
        "note",
        description="mode=graylog, where a value does not fit the kind its field has from an earlier message (a text "
        "after numbers): note says so; reject refuses the message, which a Graylog's index loses.",
    )
    read: Literal["gelf", "text"] = Field(
        "gelf",
        description="text: what a container printed, in the short_message of Docker's gelf driver, is read as lines "
        "are: JSON, level, time, traces; and so is a broker's payload that is not JSON.",
    )
    timezone: ZoneName = Field(
        "", description="Zone of times in text without an offset, for example Europe/Berlin. Empty: this machine's."
    )
    join_seconds: Duration = Field(
        0.3, ge=0, le=60, description="How long a line of text waits for the next of its container."
    )


class GelfInputSettings(TextSettings):
    """What GELF and its chunks may take."""

    max_payload_bytes: Size = Field(
        8 * 1024 * 1024, ge=1024, description="Largest payload after inflating and reassembly."
    )
    max_pending_messages: int = Field(4096, ge=1, description="Messages whose chunks may be incomplete at a time.")
    max_pending_bytes: Size = Field(
        128 * 1024 * 1024,
        ge=1024,
        description="Bytes of chunks, and as much again of unfinished frames and bodies, that may wait for their rest.",
    )
    chunk_timeout_seconds: Duration = Field(5.0, gt=0, le=3600, description="Time for all chunks, from the first.")

    def decoder(self, input: str, foreign: Foreign | None = None) -> GelfDecoder:
        """
        Make a decoder with these settings.

        Args:
            input: Name put on messages.
            foreign: Reads documents that are not GELF; see `LenientGelf`.
        """
        limits = Limits(
            self.max_payload_bytes, self.max_pending_messages, self.max_pending_bytes, self.chunk_timeout_seconds
        )
        return GelfDecoder(self.mode, input, limits, foreign, self.type_conflicts)


def expire_chunks(decoder: GelfDecoder, intake: Intake, *, closing: bool = False) -> None:
    """Reject messages whose chunks stopped coming; all that are incomplete when the input closes."""
    batch = Batch()
    decoder.expire(time.time(), batch, everything=closing)
    batch.hand_over(intake)
