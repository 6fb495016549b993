"""Graylog's own routes, under ``/api``, as its clients expect them."""

from __future__ import annotations

from functools import partial

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError

from gelf_listener.api.catalog import CatalogAway, CatalogConflict, CatalogFull
from gelf_listener.api.contract import Listener
from gelf_listener.api.errors import told_with
from gelf_listener.api.graylog import (
    absent,
    aggregate,
    cluster,
    export,
    fields,
    inputs,
    messages,
    metrics,
    search_messages,
    search_universal,
    stream_routes,
    stream_rule_routes,
    system,
    users,
    validate,
    views_search,
)
from gelf_listener.api.graylog.eventlog import EventLog
from gelf_listener.api.graylog.jobs import Jobs
from gelf_listener.api.graylog.media_types import MediaTypes
from gelf_listener.api.graylog.streams import Streams
from gelf_listener.api.graylog.violations import RESPONSES, Violations, respond, wrong_request
from gelf_listener.timeranges import TimeRangeError

_MODULES = (
    system,
    inputs,
    metrics,
    users,
    search_universal,
    search_messages,
    aggregate,
    export,
    cluster,
    views_search,
    fields,
    validate,
    stream_routes,
    stream_rule_routes,
    messages,
    absent,
)


def include(api: FastAPI, service: Listener) -> None:
    """Add Graylog's routes for a service to an application."""
    for module in _MODULES:
        api.include_router(module.router, responses=RESPONSES)
    api.add_middleware(MediaTypes)
    for kind, handler in {
        TimeRangeError: told_with(400),
        CatalogFull: told_with(400),
        CatalogConflict: told_with(409),
        CatalogAway: told_with(503),
        Violations: respond,
        RequestValidationError: wrong_request,
    }.items():
        api.add_exception_handler(kind, handler)
    prepare(api, service)


def prepare(api: FastAPI, service: Listener) -> None:
    """Let an application's routes show a service."""
    api.state.service = service
    api.state.streams = Streams(service.catalog, service.config.query or "graylog")
    api.state.jobs = Jobs()
    api.state.lb_override = None
    api.state.event_log = EventLog("gelf_listener")
    if service.auth is not None:
        service.auth.token_owner = partial(users.owner_of, service)
