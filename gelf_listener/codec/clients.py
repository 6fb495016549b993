# ruff: noqa: E501  (a row a client: a table is read by its columns)
"""
Clients: which program a payload probably comes from, told by the keys it writes.

A client has keys of its own (`_SIGNS`), or writes GELF's keys in an order and spacing of its own (`_ORDERS`): those of
a template, of a struct, or sorted. What two clients write alike is called by the one that writes it for both.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgspec

_LOOKED_AT = 4096
"""Keys of the client's own come first, or last; the middle of a long payload is its message."""
_MOST_PARSED = 256 * 1024


class _Sign(NamedTuple):
    """What a client writes, and none of the others: all of `has`, nothing of `lacks`."""

    client: str
    has: tuple[bytes, ...]
    lacks: tuple[bytes, ...] = ()


_SIGNS = (
    _Sign("Docker", (b'"_container_id"', b'"_container_name"', b'"_image_id"')),
    _Sign("uWSGI", (b'"facility":"uWSGI-',)),
    _Sign("Quarkus", (b'"facility":"jboss-logmanager"',)),
    _Sign("gelf_logger (Rust)", (b'"_levelname"', b'"facility"')),
    _Sign("slog-gelf (Rust)", (b'"_module"', b'"_file"', b'"_line"', b'"_column"')),
    _Sign("django-graylog", (b'"_node"', b'"_elapsed_ms"', b'"_path"')),
    _Sign("winston-log2gelf", (b'"_service"', b'"_environment"', b'"_release"', b'"full_message"')),
    _Sign("journal2gelf", (b'"___pid"',)),
    _Sign("journal2gelf", (b'"__systemd_unit"',)),
    _Sign("gelfy", (b'"bunyan_level"',)),
    _Sign("glogger", (b'"source_line_number"', b'"source_method_name"')),
    _Sign("gelfhandler", (b'"long_message"', b'"processName"')),
    _Sign("graylogging", (b'"_exc_info"', b'"_exc_text"', b'"_path"')),
    _Sign("python-logstash-async", (b'"logstash_async_version"',)),
    _Sign("python-logstash", (b'"@timestamp"', b'"type":"logstash"', b'"logger_name"')),
    _Sign("python-logstash", (b'"@source":"logstash://',)),
    _Sign("log4js", (b'{"@version":"1","@timestamp"', b'"category"', b'"level"')),
    _Sign("logstash-logback-encoder", (b'"@timestamp"', b'"@version"', b'"logger_name"', b'"level_value"')),
    _Sign("Logstash's JSON", (b'"@timestamp"', b'"@version"'), (b'"short_message"',)),
    _Sign("graylogger", (b'"logger_name"', b'"message"'), (b'"short_message"',)),
    _Sign("flask-remote-logging", (b'"_logger_name"', b'"_get_params"')),
    _Sign("gelf-py", (b'"_logger_name"', b'"logger"', b'"_func"')),
    _Sign("encab", (b'"localname"',)),
    _Sign("tracing-gelf", (b'"_module_path"', b'"_file"')),
    _Sign("Telegraf", (b'"_name"', b'"short_message":"telegraf"')),
    _Sign("Spring Boot", (b'"_process_pid"', b'"_log_logger"')),
    _Sign("logstash-gelf", (b'"facility":"logstash-gelf"',)),
    _Sign("logstash-gelf", (b'"_SourceSimpleClassName"', b'"_Severity"')),
    _Sign("gelfj", (b'"_SourceMethodName"', b'"_SourceClassName"')),
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
    _Sign("gelf-rb", (b'"facility":"gelf-rb"',)),
    _Sign("gelf-rb", (b'"version":"1.0"', b'"facility"', b'"line"')),
    _Sign("graylog2", (b'"facility":"Node.js"',)),
    _Sign("logrus-graylog-hook", (b'"facility"', b'"file"', b'"line":'), (b'": ', b'"version":"1.0"')),
    _Sign("go-gelf", (b'"facility"', b'"_file"', b'"_line"')),
    _Sign("go-gelf", (b'.go","_line":',)),
)


class _Order(NamedTuple):
    """
    The order a client writes GELF's own keys in.

    Attributes:
        client: Its name.
        keys: Those of `_CORE` that it writes, in order, separated by blanks.
        matches: Whether everything else fits: the document, its keys, the payload.
        spaced: Whether a blank follows each colon, as Python writes JSON; None: either.
    """

    client: str
    keys: str
    matches: Callable[[dict[str, Any], list[str], bytes], bool] = lambda _document, _keys, _payload: True
    spaced: bool | None = False


_CORE = frozenset(("version", "host", "short_message", "timestamp", "level"))
_SIX_DIGITS = re.compile(rb'"timestamp":\d{10}(?:\.\d{1,6})?[,}]')
_THREE_DIGITS = re.compile(rb'"timestamp":\d{10}(?:\.\d{1,3})?[,}]')


def _of_go(_document: dict[str, Any], keys: list[str], _payload: bytes) -> bool:
    """Go's struct: full_message behind the text, facility behind the level."""
    return "full_message" not in keys or keys.index("full_message") == keys.index("short_message") + 1


def _has_facility(document: dict[str, Any], keys: list[str], payload: bytes) -> bool:
    return "facility" in keys and keys.index("facility") == keys.index("level") + 1 and _of_go(document, keys, payload)


def _bare_keys(document: dict[str, Any], keys: list[str], payload: bytes) -> bool:
    """slog-graylog's attributes have no underscore."""
    behind = keys[keys.index("facility") + 1 :] if "facility" in keys else []
    return bool(behind) and not any(key.startswith("_") for key in behind) and _has_facility(document, keys, payload)


_ORDERS = (
    _Order("gelf-pro, winston-gelf-transporter", "version short_message timestamp host level"),
    _Order("gelf-pro, winston-gelf-transporter", "version short_message timestamp host", lambda d, *_: "full_message" in d),
    _Order("pygelf", "version short_message timestamp level host", spaced=None),
    _Order("asyncgelf", "version host short_message level", lambda d, *_: d["version"] == 1.1, spaced=None),
    _Order("asyncgelf", "version host short_message level timestamp", lambda d, *_: d["version"] == 1.1, spaced=None),
    _Order("gelfclient (Java)", "version timestamp host short_message level"),
    _Order("gelfclient (Java)", "version timestamp host short_message"),
    _Order("gelf-php", "version host short_message level timestamp"),
    _Order("gelf (Rust)", "version host short_message level"),
    _Order("gelf-stream", "level short_message version host timestamp"),
    _Order("gelf-stream", "host timestamp short_message level", lambda _d, keys, _p: keys[3:4] == ["facility"]),
    _Order("gelf-stream", "host timestamp short_message level version", lambda _d, keys, _p: keys[3:4] == ["facility"]),
    _Order("log4js", "short_message version timestamp host level"),
    _Order("gelf (npm)", "short_message version host timestamp", lambda _d, keys, _p: keys[-1] == "facility"),
    _Order("gelfling", "short_message version host timestamp"),
    _Order("gelfling", "short_message level version host timestamp"),
    _Order("gelfclient", "short_message version host level", spaced=True),
    _Order("gelfclient", "short_message level version host", spaced=True),
    _Order("gelfclient", "short_message host level version", spaced=True),
    _Order("gray-elf", "version host timestamp level short_message"),
    _Order("graylog2", "version timestamp host level short_message"),
    _Order("syslog-ng", "version timestamp short_message level host"),
    _Order("rsyslog", "version host short_message timestamp level", lambda d, *_: _is_rsyslog(d)),
    _Order("pino-gelf", "version host short_message timestamp level", lambda _d, keys, _p: keys[3:7] == ["full_message", "timestamp", "level", "_name"]),
    _Order("slog-graylog", "version host short_message timestamp level", _bare_keys),
    _Order("go-gelf", "version host short_message timestamp level", _has_facility),
    _Order("gelf-listener, graygelf, node-gelf", "version host short_message timestamp level", lambda _d, keys, payload: _is_graygelf(keys, payload)),
    _Order("gelf-listener, graygelf, node-gelf", "short_message host version timestamp", lambda _d, keys, _p: keys[-2:] == ["version", "timestamp"]),
    _Order("logging-gelf", "version host short_message timestamp level", lambda _d, keys, _p: {"line", "file"} <= set(keys), spaced=True),
)  # fmt: skip


def _is_rsyslog(document: dict[str, Any]) -> bool:
    """A template writes the severity as text, or whole seconds."""
    level = document["level"]
    return type(document["timestamp"]) is int and type(level) is str and level.isdecimal()


def _is_graygelf(keys: list[str], payload: bytes) -> bool:
    """Its fractions have six digits, and what else it has is behind the level."""
    if _SIX_DIGITS.search(payload) is None or _THREE_DIGITS.search(payload) is not None or "facility" in keys:
        return False
    return "full_message" not in keys or keys.index("full_message") == keys.index("level") + 1


_SYSLOG = re.compile(rb"\A<\d{1,3}>(1 )?")
_SYSLOG_SIGNS = tuple(
    (client, re.compile(pattern))
    for client, pattern in (
        ("logger (util-linux)", rb'\S+\.\d{6}[+-]\S+ \S+ \S+ \S+ - \[timeQuality tzKnown="\d" isSynced="\d"'),
        ("rsyslog", rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}[+-]\d\d:\d\d \S+ \S+ \S+ \S+ -  "),
        ("rsyslog", rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}[+-]\d\d:\d\d \S+ [^\s:]+: "),
        ("Monolog", rb"[A-Z][a-z]{2} [ \d]\d \S+ \S+ \S+: [\w-]+\.[A-Z]+: .* [\[{].*[\]}]\s*\Z"),
        ("Monolog", rb"\d{4}-\S+ \S+ \S+ \S+ \S+ - [\w-]+\.[A-Z]+: .* [\[{].*[\]}]\s*\Z"),
        ("cee-syslog-handler", rb': @cee: \{"host": '),
        ("Cisco", rb"[^%\n]{0,100}%[A-Z][A-Z0-9_]*-(?:[\w-]+-)?[0-7]-[A-Z0-9_]+ ?: "),
        ("Fortinet", rb"[^=\n]{0,60}(?:date=\S+ time=\S+ devname=|logver=\d+ |date=\S+ time=\S+ .{0,80}devid=)"),
    )
)
"""What some senders of syslog write that others do not, behind priority and version."""
_SPACED = re.compile(rb'(?<!\\)": ')
_SPACE = re.compile(rb'(?<=[":,{]) (?=["\d{\[tfn-])')


def guess_client(payload: bytes) -> str:
    """
    Return the name of the client that probably made a payload; empty when nothing tells.

    Args:
        payload: Inflated.
    """
    if payload[:1] == b"<":
        return _guess_syslog(payload)
    if not payload.startswith(b"{"):
        return "HTTPHandler" if b"levelno=" in payload and b"pathname=" in payload else ""
    looked_at = payload if len(payload) <= 2 * _LOOKED_AT else payload[:_LOOKED_AT] + payload[-_LOOKED_AT:]
    if b'"levelno"' in looked_at and b'"pathname"' in looked_at:
        return "LogRecord as JSON"
    if payload.startswith(b'{"version":"1.1", "'):
        return "Fluent Bit"
    spaced = _SPACED.search(looked_at) is not None
    looked_at = _SPACE.sub(b"", looked_at)
    for sign in _SIGNS:
        if all(key in looked_at for key in sign.has) and not any(key in looked_at for key in sign.lacks):
            return sign.client
    return _guess_by_order(payload, spaced=spaced) if len(payload) <= _MOST_PARSED else ""


def guess_client_by_fields(fields: Mapping[str, object]) -> str:
    """Return the name of the client that a message's fields tell of; empty when none does."""
    language = fields.get("telemetry.sdk.language")
    return f"OpenTelemetry, {language}" if isinstance(language, str) and len(language) <= 20 else ""


def _guess_by_order(payload: bytes, *, spaced: bool) -> str:
    try:
        document: Any = msgspec.json.decode(payload)
    except (ValueError, RecursionError):
        return ""
    if type(document) is not dict:
        return ""
    keys = list(document)
    core = " ".join(key for key in keys if key in _CORE)
    for order in _ORDERS:
        if order.keys == core and order.spaced in (None, spaced) and order.matches(document, keys, payload):
            return order.client
    return ""


def _guess_syslog(payload: bytes) -> str:
    syslog = _SYSLOG.match(payload)
    if syslog is None:
        return ""
    for client, pattern in _SYSLOG_SIGNS:
        if pattern.match(payload, syslog.end()):
            return client
    return "syslog (RFC 5424)" if syslog[1] else "syslog (RFC 3164)"
