"""One line of configuration: a service's name and an address."""

from __future__ import annotations

import difflib
import logging
import os
import ssl
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

from gelf_handlers import lifecycle
from gelf_handlers.celery import keep_handler
from gelf_handlers.chunkers import LAN_CHUNK, WAN_CHUNK, GELFTruncatingChunker
from gelf_handlers.stdout import ReadableFormatter, StdoutHandler
from gelf_handlers.tls import make_context

__all__ = ["configure", "handler_for"]


def _boolean(text: str) -> bool:
    value = text.lower()
    if value in ("1", "true", "yes", "on", ""):
        return True
    if value in ("0", "false", "no", "off"):
        return False
    raise ValueError(f"expected true or false, not {text!r}")


def _bulk(text: str) -> bool | str:
    return "auto" if text == "auto" else _boolean(text)


def _chunk_size(text: str) -> int:
    return {"wan": WAN_CHUNK, "lan": LAN_CHUNK}.get(text.lower()) or int(text)


def _readable(text: str) -> bool | None:
    return None if text == "auto" else _boolean(text)


_Converters = dict[str, Callable[[str], Any]]

_MESSAGE: Final[_Converters] = {
    "debugging_fields": _boolean,
    "extra_fields": _boolean,
    "fqdn": _boolean,
    "localname": str,
    "facility": str,
    "level_names": _boolean,
}
_QUEUE: Final[_Converters] = {
    "max_queued": int,
    "when_full": str,
    "block_timeout_seconds": float,
    "linger_seconds": float,
    "retry_min_seconds": float,
    "retry_max_seconds": float,
    "flush_timeout_seconds": float,
    "exit_timeout_seconds": float,
    "sync": _boolean,
}
_TLS: Final[_Converters] = {"validate": _boolean, "ca_certs": str, "certfile": str, "keyfile": str}
_SYSLOG: Final[_Converters] = {"syslog_facility": str, "appname": str, "resolve_seconds": float}
_HTTP: Final[_Converters] = {"compress": _boolean, "timeout": float, "bulk": _bulk, "pipeline": int}
_AMQP: Final[_Converters] = {"exchange": str, "exchange_type": str, "routing_key": str}


class _Place(NamedTuple):
    """What an address says besides settings."""

    scheme: str
    host: str
    port: int
    user: str | None
    password: str | None
    path: str


def handler_for(address: str, *, exit_on_sigterm: bool = False, **settings: Any) -> logging.Handler:
    """
    Make a handler from an address.

    Args:
        address: ``scheme://user:password@host:port/path?setting=value``, or ``stdout:``. Query parameters are the
            handler's keyword arguments; ``fields.name=value`` adds a field.
        exit_on_sigterm: Turn SIGTERM into a normal exit, see `lifecycle.exit_on_sigterm`; the address may say it too.
        settings: Keyword arguments of the handler; the address wins where both name one.

    Raises:
        ValueError: If the scheme or a setting is unknown, or a value is not what the setting takes.
    """
    parts = urlsplit(address.strip())
    scheme = parts.scheme.lower()
    if scheme not in _SCHEMES:
        raise ValueError(f"unknown address scheme {scheme!r} in {address!r}{_nearest(scheme, _SCHEMES)}")
    default_port, own, build = _SCHEMES[scheme]
    options = dict(settings)
    fields = dict(options.get("fields") or {})
    known = {**_MESSAGE, "exit_on_sigterm": _boolean, **({} if scheme == "stdout" else _QUEUE), **own}
    for name, text in parse_qsl(parts.query, keep_blank_values=True):
        if name.startswith("fields."):
            fields[name.removeprefix("fields.")] = text
        elif name not in known:
            raise ValueError(f"{scheme} has no setting {name!r}{_nearest(name, known)}")
        else:
            try:
                options[name] = known[name](text)
            except ValueError as error:
                raise ValueError(f"setting {name}={text!r}: {error}") from error
    if fields:
        options["fields"] = fields
    if options.pop("exit_on_sigterm", exit_on_sigterm):
        lifecycle.exit_on_sigterm()
    try:
        port = parts.port
    except ValueError as error:
        raise ValueError(f"address {address!r}: {error}") from error
    user, password = (None if text is None else unquote(text) for text in (parts.username, parts.password))
    host = unquote(parts.hostname or "localhost")
    return build(
        _Place(scheme, host, default_port if port is None else port, user, password, unquote(parts.path)), options
    )


def _nearest(name: str, known: Mapping[str, Any]) -> str:
    near = difflib.get_close_matches(name, known, 1)
    return f"; did you mean {near[0]!r}?" if near else f"; one of {', '.join(sorted(known))}"


def _stdout(_place: _Place, options: dict[str, Any]) -> logging.Handler:
    return StdoutHandler(**{name: options[name] for name in options if name in {*_MESSAGE, "readable", "fields"}})


def _udp(place: _Place, options: dict[str, Any]) -> logging.Handler:
    from gelf_handlers.udp import GELFUDPHandler

    size = options.pop("chunk_size", WAN_CHUNK)
    options.setdefault("gelf_chunker", GELFTruncatingChunker(size))
    return GELFUDPHandler(place.host, place.port, **options)


def _tcp(place: _Place, options: dict[str, Any]) -> logging.Handler:
    from gelf_handlers.tcp import GELFTCPHandler, GELFTLSHandler

    if place.scheme == "gelf+tcp":
        return GELFTCPHandler(place.host, place.port, **options)
    if options.get("ssl_context") is None:
        options["ssl_context"] = _context(options, check_hostname=options.pop("check_hostname", True))
    return GELFTLSHandler(place.host, place.port, **options)


def _http(place: _Place, options: dict[str, Any]) -> logging.Handler:
    from gelf_handlers.http import GELFHTTPHandler

    if place.user is not None or place.password is not None:
        options.update(username=place.user, password=place.password)
    options.setdefault("path", place.path if place.path.strip("/") else "/gelf")
    return GELFHTTPHandler(place.host, place.port, tls=place.scheme == "gelf+https", **options)


def _amqp(place: _Place, options: dict[str, Any]) -> logging.Handler:
    from urllib.parse import quote

    from gelf_handlers.rabbit import GELFRabbitHandler

    login = "" if place.user is None else f"{quote(place.user, safe='')}:{quote(place.password or '', safe='')}@"
    authority = f"[{place.host}]" if ":" in place.host else place.host
    name = quote(place.path[1:], safe="")
    scheme = place.scheme.removeprefix("gelf+")
    return GELFRabbitHandler(f"{scheme}://{login}{authority}:{place.port}/{name}", **options)


def _syslog(place: _Place, options: dict[str, Any]) -> logging.Handler:
    from gelf_handlers.syslog import RFC5424Handler

    transport: Any = place.scheme.removeprefix("syslog+")
    if transport == "tls" and options.get("ssl_context") is None:
        options["ssl_context"] = _context(options)
    return RFC5424Handler(place.host, place.port, transport=transport, **options)


def _context(options: dict[str, Any], *, check_hostname: bool = True) -> ssl.SSLContext:
    """Make a context that checks by default, against the system's authorities unless others are named."""
    return make_context(
        validate=options.pop("validate", True),
        ca_certs=options.pop("ca_certs", None),
        certfile=options.pop("certfile", None),
        keyfile=options.pop("keyfile", None),
        check_hostname=check_hostname,
    )


_SCHEMES: Final[dict[str, tuple[int, _Converters, Callable[[_Place, dict[str, Any]], logging.Handler]]]] = {
    "gelf+udp": (12201, {"compress": _boolean, "chunk_size": _chunk_size, "resolve_seconds": float}, _udp),
    "gelf+tcp": (12201, {}, _tcp),
    "gelf+tls": (12204, {**_TLS, "check_hostname": _boolean, "server_hostname": str}, _tcp),
    "gelf+http": (12203, _HTTP, _http),
    "gelf+https": (443, {**_HTTP, **_TLS}, _http),
    "gelf+amqp": (5672, _AMQP, _amqp),
    "gelf+amqps": (5671, {**_AMQP, **_TLS}, _amqp),
    "syslog+udp": (514, _SYSLOG, _syslog),
    "syslog+tcp": (514, _SYSLOG, _syslog),
    "syslog+tls": (6514, {**_SYSLOG, **_TLS}, _syslog),
    "stdout": (0, {"readable": _readable}, _stdout),
}
"""Default port, settings of its own, and what makes the handler."""


def configure(
    name: str,
    address: str | None = None,
    *,
    level: int | str = "INFO",
    fields: Mapping[str, Any] | None = None,
    logger: logging.Logger | str | None = None,
    exit_on_sigterm: bool = True,
    capture_warnings: bool = True,
    terminal: bool = False,
    **settings: Any,
) -> logging.Handler:
    """
    Send a service's logs somewhere, with one line.

    Calling it again replaces what the call before had set up. In a module that has imported Celery, its workers keep
    the handler, see `gelf_handlers.celery`.

    Args:
        name: The service's name: ``_facility`` of every message; the logger's name is in ``_logger``.
        address: Where to; the environment's ``GELF_URL`` when None; standard output when there is none either.
        level: The logger's level.
        fields: Additional fields of every message.
        logger: The logger to attach to; the root logger when None.
        exit_on_sigterm: Turn SIGTERM into a normal exit, so that what is queued is flushed. Only where the
            process has no handler of its own, and in the main thread.
        capture_warnings: Send `warnings` too.
        terminal: Write readable lines to standard error as well.
        settings: Keyword arguments of the handler, see `handler_for`.

    Returns:
        The handler.

    Raises:
        ValueError: If the address or a setting makes no sense.
    """
    address = address or os.environ.get("GELF_URL") or "stdout:"
    settings.setdefault("facility", name)
    handler = handler_for(address, fields=fields, **settings)
    target = logger if isinstance(logger, logging.Logger) else logging.getLogger(logger)
    for old in _configured.pop(target.name, []):
        target.removeHandler(old)
        old.close()
    handlers = [handler]
    if terminal:
        readable = logging.StreamHandler()
        readable.setFormatter(ReadableFormatter(facility=name))
        handlers.append(readable)
    for new in handlers:
        target.addHandler(new)
    target.setLevel(level)
    _configured[target.name] = handlers
    keep_handler(handler, target, level)
    if capture_warnings:
        logging.captureWarnings(capture=True)
    if exit_on_sigterm:
        lifecycle.exit_on_sigterm()
    return handler


_configured: Final[dict[str, list[logging.Handler]]] = {}
