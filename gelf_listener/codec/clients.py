"""Clients: which program a payload probably comes from, told by the keys it writes."""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["guess_client"]

_LOOKED_AT = 4096
"""Keys of the client's own come first, or last; the middle of a long payload is its message."""


class _Sign(NamedTuple):
    """What a client writes, and none of the others: all of `has`, nothing of `lacks`."""

    client: str
    has: tuple[bytes, ...]
    lacks: tuple[bytes, ...] = ()


_SIGNS = (
    _Sign("Docker", (b'"_container_id"', b'"_container_name"', b'"_image_id"')),
    _Sign("Spring Boot", (b'"_process_pid"', b'"_log_logger"')),
    _Sign("logstash-gelf", (b'"facility":"logstash-gelf"',)),
    _Sign("fluentd", (b'"facility":"fluentd"',)),
    _Sign("graypy", (b'"version":"1.0"', b'"_function"', b'"_process_name"', b'"file"')),
    _Sign("graypy", (b'"version":"1.0"', b'"facility"', b'"_stack_info"')),
    _Sign("gelf-handlers", (b'"_logger"', b'"_function"', b'"_process_name"'), (b'"version":"1.0"',)),
    _Sign("pygelf", (b'"_logger_name"', b'"_func"', b'"_module"')),
    _Sign("logback-gelf", (b'"_logger_name"', b'"_thread_name"')),
    _Sign("Log4j 2", (b'"_logger"', b'"_thread"')),
    _Sign("Serilog", (b'"_stringLevel"',)),
    _Sign("NXLog", (b'"_EventReceivedTime"',)),
    _Sign("syslog-ng", (b'"_SDATA"',)),
    _Sign("gelf-rb", (b'"version":"1.0"', b'"facility"', b'"line"')),
    _Sign("go-gelf", (b'"facility"', b'"_file"', b'"_line"')),
)
_SYSLOG = re.compile(rb"\A<\d{1,3}>(1 )?")
_SPACE = re.compile(rb'(?<=[":,{]) (?=["\d{\[tfn-])')


def guess_client(payload: bytes) -> str:
    """
    Return the name of the client that probably made a payload; empty when nothing tells.

    Args:
        payload: Inflated.
    """
    syslog = _SYSLOG.match(payload)
    if syslog:
        return "syslog (RFC 5424)" if syslog[1] else "syslog (RFC 3164)"
    if not payload.startswith(b"{"):
        return "HTTPHandler" if b"levelno=" in payload and b"pathname=" in payload else ""
    looked_at = payload if len(payload) <= 2 * _LOOKED_AT else payload[:_LOOKED_AT] + payload[-_LOOKED_AT:]
    if b'"levelno"' in looked_at and b'"pathname"' in looked_at:
        return "LogRecord as JSON"
    looked_at = _SPACE.sub(b"", looked_at)
    for sign in _SIGNS:
        if all(key in looked_at for key in sign.has) and not any(key in looked_at for key in sign.lacks):
            return sign.client
    return ""
