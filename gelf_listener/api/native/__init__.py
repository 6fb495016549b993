"""Native routes, under ``/api/gelf``: what Graylog's API has no word for."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import APIRouter

from gelf_listener.api.native import (
    aggregate,
    alerts,
    boards,
    fields,
    listener,
    live,
    messages,
    patterns,
    search,
    trace,
    waiting,
)


def routers() -> Sequence[APIRouter]:
    """Return the native routes."""
    modules = (live, search, messages, trace, fields, aggregate, patterns, boards, alerts, listener, waiting)
    return [module.router for module in modules]
