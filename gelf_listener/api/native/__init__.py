"""Native routes, under ``/api/gelf``: what Graylog's API has no word for."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import APIRouter

__all__ = ["routers"]


def routers() -> Sequence[APIRouter]:
    """Return the native routes."""
    return ()
