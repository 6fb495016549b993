"""Native routes, under ``/api/gelf``: what Graylog's API has no word for."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import APIRouter

from gelf_listener.api.native import aggregate, fields, listener, live, messages, search, waiting

__all__ = ["routers"]


def routers() -> Sequence[APIRouter]:
    """Return the native routes."""
    return [module.router for module in (live, search, messages, fields, aggregate, listener, waiting)]
