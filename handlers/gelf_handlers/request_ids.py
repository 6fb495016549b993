"""What the ASGI and the WSGI middleware share: which request id to use."""

from __future__ import annotations

import re
import uuid
from typing import Final

__all__ = ["choose_id", "new_id"]

_ACCEPTABLE: Final = re.compile(r"[A-Za-z0-9._:+/=\-]{1,128}")


def new_id() -> str:
    """Return a new request id: 32 hexadecimal digits."""
    return uuid.uuid4().hex


def choose_id(given: str | None) -> str | None:
    """Return the id that the caller sent, if it is 1 to 128 harmless characters."""
    return given if given is not None and _ACCEPTABLE.fullmatch(given) else None
