"""Routes: the whole REST API, Graylog's and our own. Imported late, for FastAPI takes a third of a second."""

from __future__ import annotations

import asyncio

from fastapi import FastAPI

from gelf_listener import __version__
from gelf_listener.api import graylog, native
from gelf_listener.api.contract import Listener
from gelf_listener.api.errors import RESPONSES, add_handlers
from gelf_listener.api.scrubbed import ScrubbedBodies

_SAMPLING = 2
"""Requests that look at tens of thousands of messages at the same time; others wait."""


def make_api(service: Listener) -> FastAPI:
    """
    Make the REST API of a service.

    Graylog's routes stand under ``/api`` exactly as Graylog has them, our own under ``/api/gelf``. Who may ask was
    settled before a request comes here (`gelf_listener.api.guard`).
    """
    api = FastAPI(
        title="gelf-listener",
        version=__version__,
        summary="Graylog's API over what gelf-listener stores (/api), and its own (/api/gelf).",
        openapi_url="/api/openapi.json",
        docs_url=None,  # its page loads scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
    )
    api.state.service = service
    api.state.sampling = asyncio.Semaphore(_SAMPLING)
    add_handlers(api)
    api.add_middleware(ScrubbedBodies)
    for router in native.routers():
        api.include_router(router, responses=RESPONSES)
    graylog.include(api, service)
    return api
