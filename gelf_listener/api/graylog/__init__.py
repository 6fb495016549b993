"""Graylog's own routes, under ``/api``, as its clients expect them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fastapi import APIRouter

if TYPE_CHECKING:
    from gelf_listener.service import Service

__all__ = ["routers"]


def routers(service: Service) -> Sequence[APIRouter]:  # noqa: ARG001
    """Return Graylog's routes for a service."""
    return ()
