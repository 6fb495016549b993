"""Bodies of requests, read as a Graylog reads them: numbers count as texts, and decimal numbers as whole ones."""

from __future__ import annotations

import math
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


class Body(BaseModel):
    """A body, or an object in one. Source: what Graylog 7.0.1's own classes make of such (Jackson's coercions)."""

    model_config = ConfigDict(coerce_numbers_to_str=True)


def _truncated(value: Any) -> Any:
    return int(value) if isinstance(value, float) and math.isfinite(value) else value


Whole = Annotated[int, BeforeValidator(_truncated)]
"""A whole number in a body; digits behind the point are cut off."""

Whole32 = Annotated[int, Field(ge=-(2**31), le=2**31 - 1)]
"""A whole number in a parameter: to Java one with more than 32 bits is none."""
