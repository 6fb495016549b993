"""Input types: Graylog's names and options for inputs, and the addresses they become here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from gelf_listener.address import Address
from gelf_listener.api.errors import ApiError
from gelf_listener.config import Spec
from gelf_listener.errors import ConfigError
from gelf_listener.plugins import INPUT_GROUP, load


class Option(NamedTuple):
    """
    An option of an input, as Graylog's page asks for it.

    Attributes:
        title: For people.
        kind: text, number or boolean.
        default: What it is unless it is given.
        setting: Ours that it becomes; empty where it changes nothing.
        description: In words; that of our setting otherwise.
        needed: Whether it has to be given.
        attributes: What Graylog's page makes of it.
    """

    title: str
    kind: str
    default: Any
    setting: str = ""
    description: str = ""
    needed: bool = False
    attributes: tuple[str, ...] = ()


_BASIC = {
    "bind_address": Option("Bind address", "text", "0.0.0.0", "host", needed=True),  # noqa: S104  (Graylog's default)
    "port": Option("Port", "number", 12201, "port", needed=True, attributes=("is_port_number",)),
    "recv_buffer_size": Option(
        "Receive Buffer Size", "number", 262_144, "receive_buffer_bytes", attributes=("only_positive",)
    ),
    "number_worker_threads": Option(
        "No. of worker threads", "number", 2, description="Changes nothing here.", attributes=("only_positive",)
    ),
    "override_source": Option("Override source", "text", None, description="Not supported here."),
    "charset_name": Option("Encoding", "text", "UTF-8", description="Always UTF-8 here."),
}
_STREAM = {
    "tcp_keepalive": Option("TCP keepalive", "boolean", False, "keepalive"),
    "max_message_size": Option("Maximum message size", "number", 2_097_152, "max_frame_bytes"),
    "tls_enable": Option("Enable TLS", "boolean", False, description="Accept TLS connections only."),
    "tls_cert_file": Option("TLS cert file", "text", "", "cert", "PEM file with the certificate."),
    "tls_key_file": Option("TLS private key file", "text", "", "key", "PEM file with the key."),
    "tls_key_password": Option("TLS key password", "text", "", "key_password", "Of an encrypted key."),
    "tls_client_auth": Option(
        "TLS client authentication", "text", "disabled", "client_auth", "Or: optional, required."
    ),
    "tls_client_auth_cert_file": Option("TLS Client Auth Trusted Certs", "text", "", "client_ca", "PEM file."),
}
_DELIMITED = {"use_null_delimiter": Option("Null frame delimiter?", "boolean", True, description="Both are read here.")}
_GELF = {"decompress_size_limit": Option("Decompressed size limit", "number", 8_388_608, "max_payload_bytes")}
_HTTP = {
    "enable_cors": Option("Enable CORS", "boolean", True, "cors"),
    "enable_bulk_receiving": Option("Enable Bulk Receiving", "boolean", False, description="Both are read here."),
    "max_chunk_size": Option("Max. HTTP chunk size", "number", 65_536, description="Changes nothing here."),
    "idle_writer_timeout": Option("Idle writer timeout", "number", 60, description="Changes nothing here."),
}
_SYSLOG = {
    "force_rdns": Option("Force rDNS?", "boolean", False, description="Not supported here."),
    "allow_override_date": Option("Allow overriding date?", "boolean", True, "allow_override_date"),
    "store_full_message": Option("Store full message?", "boolean", False, "store_full_message"),
    "expand_structured_data": Option("Expand structured data?", "boolean", False, "expand_structured_data"),
}
_OPTIONS: Mapping[str, Mapping[str, Option]] = {
    "gelf+udp": _BASIC | _GELF,
    "gelf+tcp": _BASIC | _STREAM | _DELIMITED | _GELF,
    "gelf+http": _BASIC | _STREAM | _GELF | _HTTP,
    "syslog+udp": _BASIC | _SYSLOG,
    "syslog+tcp": _BASIC | _STREAM | _DELIMITED | _SYSLOG,
}


class InputType(NamedTuple):
    """
    One of Graylog's inputs.

    Attributes:
        name: As its page shows it.
        scheme: Ours.
        secure: Ours with TLS; empty for UDP.
        port: Where Graylog proposes to listen.
    """

    name: str
    scheme: str
    secure: str
    port: int


TYPES = {
    "org.graylog2.inputs.gelf.udp.GELFUDPInput": InputType("GELF UDP", "gelf+udp", "", 12201),
    "org.graylog2.inputs.gelf.tcp.GELFTCPInput": InputType("GELF TCP", "gelf+tcp", "gelf+tls", 12201),
    "org.graylog2.inputs.gelf.http.GELFHttpInput": InputType("GELF HTTP", "gelf+http", "gelf+https", 12201),
    "org.graylog2.inputs.syslog.udp.SyslogUDPInput": InputType("Syslog UDP", "syslog+udp", "", 514),
    "org.graylog2.inputs.syslog.tcp.SyslogTCPInput": InputType("Syslog TCP", "syslog+tcp", "syslog+tls", 514),
}

_PLACE = ("bind_address", "port")
"""Options that are told by the address."""
_CLIENT_AUTH = {"disabled": "none", "optional": "optional", "required": "required"}
_UNUSABLE = (
    ("override_source", "sources are taken as they are sent"),
    ("force_rdns", "names are not looked up"),
)


def type_of_scheme(scheme: str) -> tuple[str, str]:
    """Return Graylog's type and name for a scheme; our own words where it has none."""
    for id, type in TYPES.items():
        if scheme in (type.scheme, type.secure):
            return id, type.name
    return f"gelf_listener.{scheme}", scheme


def options_of(type_id: str) -> dict[str, Option]:
    """Return the options of one of Graylog's types."""
    type = TYPES[type_id]
    options = dict(_OPTIONS[type.scheme])
    options["port"] = options["port"]._replace(default=type.port)
    if type.scheme.startswith("syslog"):
        options |= {name: option._replace(default=False) for name, option in _DELIMITED.items() if name in options}
    return options


def attributes_of(type_id: str, settings: Mapping[str, Any], *, secure: bool) -> dict[str, Any]:
    """Return our settings of an input as Graylog's options; none where its type is not one of Graylog's."""
    if type_id not in TYPES:
        return {}
    found: dict[str, Any] = {}
    for name, option in options_of(type_id).items():
        value = settings.get(option.setting) if option.setting else None
        found[name] = option.default if value is None else value
    if "tls_enable" in found:
        found["tls_enable"] = secure
        modes = {ours: theirs for theirs, ours in _CLIENT_AUTH.items()}
        found["tls_client_auth"] = modes.get(found["tls_client_auth"], found["tls_client_auth"])
    return found


def spec_of(id: str, type_id: str, configuration: Mapping[str, Any]) -> Spec:
    """
    Return what to open for an input of Graylog's.

    Raises:
        ApiError: If the type is not known, or an option is unusable.
    """
    type = TYPES.get(type_id)
    if type is None:
        raise ApiError(404, f"There is no input type <{type_id[:200]}> registered; there are {', '.join(TYPES)}")
    for option, why in _UNUSABLE:
        if configuration.get(option):
            raise ApiError(400, f"Missing or invalid input configuration: {option} is not supported: {why}")
    options = options_of(type_id)
    missing = [name for name, option in options.items() if option.needed and name not in configuration]
    if missing:
        raise ApiError(400, f"Missing or invalid input configuration: {', '.join(missing)} missing")
    secure = bool(configuration.get("tls_enable"))
    if secure and not type.secure:
        raise ApiError(400, f"Missing or invalid input configuration: {type.name} has no TLS")
    scheme = type.secure if secure else type.scheme
    port = configuration.get("port", type.port)
    if isinstance(port, bool) or not isinstance(port, int) or not 0 <= port <= 65535:
        raise ApiError(400, "Missing or invalid input configuration: port is a number from 0 to 65535")
    host = str(configuration.get("bind_address") or "0.0.0.0")  # noqa: S104  (Graylog's default)
    try:
        known = load(INPUT_GROUP, scheme).Settings
        settings = {"name": id} | _settings(configuration, options, known.model_fields, secure=secure)
        address = Address(scheme, "", "", host, port, "", {})
        known.from_address(address._replace(settings=settings))
    except ConfigError as error:
        raise ApiError(400, f"Missing or invalid input configuration: {error}") from None
    return Spec(address, tuple(sorted(settings.items())))


def _settings(
    configuration: Mapping[str, Any], options: Mapping[str, Option], known: Mapping[str, Any], *, secure: bool
) -> dict[str, Any]:
    """Return our settings that options become; those that are not known are accepted and change nothing."""
    named = {name: option.setting for name, option in options.items() if name not in _PLACE}
    settings = {
        setting: configuration[name]
        for name, setting in (named | {"timezone": "timezone"}).items()
        if setting in known and configuration.get(name) not in (None, "") and (secure or not name.startswith("tls_"))
    }
    if secure and configuration.get("tls_client_auth"):
        mode = str(configuration["tls_client_auth"])
        settings["client_auth"] = _CLIENT_AUTH.get(mode, mode)
    for option, least in (("receive_buffer_bytes", 4096), ("max_frame_bytes", 1024), ("max_payload_bytes", 1024)):
        value = settings.get(option)
        if isinstance(value, int) and value < least:
            settings[option] = least  # Graylog takes any number
    return settings
