"""
Configuration: defaults, a TOML file, the environment and flags, in this order of growing weight.

The same keys everywhere: ``inputs`` in the file is ``GELF_INPUTS`` in the environment and ``--input`` on the
command line. An input or output is an address, or in the file a table with an ``address`` and its settings.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import AfterValidator, BeforeValidator, Field

from gelf_listener.address import Address
from gelf_listener.alerts.definition import MOST_ALERTS, Alert
from gelf_listener.directories import state_directory
from gelf_listener.errors import ConfigError, describe
from gelf_listener.settings import Duration, Networks, Settings

_BETWEEN_ADDRESSES = re.compile(r"[\s,]+(?=[A-Za-z][A-Za-z0-9+.-]*:(?://|[?\s,]|\Z))")
"""
Blanks or commas before ``scheme://``, ``scheme:?`` or a bare ``scheme:``; so those inside a query
(``where=level:3 AND source:web``) or a list of networks (``allow=10.0.0.0/8,fd00::/8``) stay where they are.
"""


class Spec(NamedTuple):
    """
    An input or output as configured.

    Attributes:
        address: Where, and what.
        table: Its other settings, from a file.
        optional: Whether the listener goes on without it when it cannot be opened.
    """

    address: Address
    table: tuple[tuple[str, Any], ...] = ()
    optional: bool = False

    @property
    def settings(self) -> dict[str, Any]:
        """The table as a dict."""
        return dict(self.table)


def _specs(value: object) -> object:
    """Read addresses from a text (separated by white space or commas), or addresses and tables from a list."""
    if isinstance(value, str):
        value = [part for part in _BETWEEN_ADDRESSES.split(value.strip()) if part]
    if not isinstance(value, (list, tuple)):
        raise ValueError("expected an address, or a list of addresses and tables")  # noqa: TRY004  (pydantic's protocol)
    return tuple(_spec(item) for item in value)


def _spec(item: object) -> Spec:
    if isinstance(item, Spec):
        return item
    try:
        if isinstance(item, str):
            return Spec(Address.parse(item))
        if isinstance(item, dict):
            table = dict(item)
            address = table.pop("address", None)
            if not isinstance(address, str):
                raise ValueError("a table needs an 'address'")  # noqa: TRY004
            return Spec(Address.parse(address), tuple(sorted(table.items())))
    except ConfigError as error:
        raise ValueError(str(error)) from None
    raise ValueError(f"expected an address or a table, not {type(item).__name__}")


_HOST = re.compile(r"localhost|\*|.*[.:].*|")
"""What is surely a host without a port: other single words are more often a mistake."""


def _api(value: object) -> object:
    """Read ``off``, ``host:port``, a port or a URL."""
    if value is None or isinstance(value, Address):
        return value
    if not isinstance(value, str):
        raise ValueError("expected off, host:port or a URL")  # noqa: TRY004
    if value in ("off", "none", "false", ""):
        return None
    if value.isdecimal():
        value = f"localhost:{value}"
    try:
        address = Address.parse(value if "://" in value else f"http://{value}")
    except ConfigError as error:
        raise ValueError(str(error)) from None
    if address.scheme != "http":
        raise ValueError("the API speaks http only; put a proxy with TLS in front of it")
    if address.port is None and "://" not in value and not _HOST.fullmatch(address.host):
        raise ValueError(f"{value!r} is neither off nor an address; expected host:port, such as {value}:9000")
    return address._replace(host=address.host or "localhost", port=9000 if address.port is None else address.port)


def _alerts(value: object) -> object:
    """Read tables ``[[alerts]]``."""
    if not isinstance(value, (list, tuple)) or not all(isinstance(each, (dict, Alert)) for each in value):
        raise ValueError("expected tables: [[alerts]] in the configuration file")
    try:
        made = [each if isinstance(each, Alert) else _alert(each) for each in value]
    except ConfigError as error:
        raise ValueError(str(error)) from None
    names = [each.name for each in made]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ValueError(f"two alerts are called {twice!r}")
    if len(made) > MOST_ALERTS:
        raise ValueError(f"expected at most {MOST_ALERTS} alerts")
    return tuple(made)


def _alert(table: dict[str, Any]) -> Alert:
    """Read one; ``to`` may be a single text."""
    to = table.get("to", ())
    return Alert.from_values(table | {"to": [to] if isinstance(to, str) else to}, f"alert {table.get('name', '')!r}")


def _words(value: object) -> object:
    """Let a text of words, separated by white space or commas, stand for a list."""
    return [word for word in re.split(r"[\s,]+", value) if word] if isinstance(value, str) else value


def _entries(value: object) -> object:
    """Let a text of entries, separated by white space, stand for a list; a password may have a comma."""
    return value.split() if isinstance(value, str) else value


def _base_path(value: str) -> str:
    """Read a path, with or without a slash at its ends."""
    path = value.strip().strip("/")
    if not path:
        return ""
    if not re.fullmatch(r"[A-Za-z0-9._~-]+(?:/[A-Za-z0-9._~-]+)*", path):
        raise ValueError("expected a path of letters, digits and . _ ~ - such as /logs")
    if path.split("/")[0] in ("api", "ui", "health", "metrics") or {".", ".."} & set(path.split("/")):
        raise ValueError("this path is taken by the API itself; expected for example /logs")
    return f"/{path}"


Words = Annotated[tuple[str, ...], BeforeValidator(_words)]
Entries = Annotated[tuple[str, ...], BeforeValidator(_entries)]

Specs = Annotated[tuple[Spec, ...], BeforeValidator(_specs)]
Alerts = Annotated[tuple[Alert, ...], BeforeValidator(_alerts)]


class Config(Settings):
    """Everything that `gelf-listener run` can be told."""

    inputs: Specs | None = Field(
        None, description="Where messages come from; GELF on its usual ports by default.", repr=False
    )
    all_inputs: bool = Field(
        False, description="Open an input of every protocol on its usual port, besides `inputs`; for a laptop."
    )
    outputs: Specs | None = Field(None, description="Where messages go; console and store by default.", repr=False)
    also_inputs: Specs = Field((), description="Inputs besides `inputs` or the defaults.", repr=False)
    also_outputs: Specs = Field((), description="Outputs besides `outputs` or the defaults.", repr=False)
    alerts: Alerts = Field((), description="Alerts: tables of the configuration file; see docs/alerts.md.")
    destinations: Specs = Field((), description="Where notices of alerts can go, besides outputs.", repr=False)
    api: Annotated[Address | None, BeforeValidator(_api)] = Field(
        default_factory=lambda: Address("http", "", "", "localhost", 9000, "", {}),
        description="Where the API listens: host:port, or off.",
    )
    api_auth: Literal["auto", "on", "off"] = Field(
        "auto", description="Whether the API wants a login; auto: unless it listens on this machine only."
    )
    api_password: str | None = Field(None, description="Password of the API's user admin, or its hash.", repr=False)
    api_password_file: Path | None = Field(None, description="File that holds `api_password`.")
    api_users: Entries = Field(
        (), description="The API's users, each name:password or name: and a hash, separated by blanks.", repr=False
    )
    api_users_file: Path | None = Field(None, description="File that holds `api_users`, one on each line.")
    api_tokens: Words = Field((), description="Tokens of programs, or their hashes, separated by blanks.", repr=False)
    api_tokens_file: Path | None = Field(None, description="File that holds `api_tokens`, one on each line.")
    api_hosts: Words = Field((), description="More names the API answers to; .example.org is all below it, * any name.")
    api_base_path: Annotated[str, AfterValidator(_base_path)] = Field(
        "", description="Path the page and the API are behind at a reverse proxy, such as /logs."
    )
    api_proxies: Networks = Field(
        (), description="Networks (CIDR) of reverse proxies whose X-Forwarded-For, -Proto and -Host are believed."
    )
    boards: Annotated[tuple[Path, ...], BeforeValidator(_words)] = Field(
        (), description="Files or directories of boards that the page shows, as it exports them."
    )
    query: Literal["graylog", "extended"] | None = Field(
        None,
        description="What queries mean: as in a real Graylog, or extended; by default graylog in Graylog's API only.",
    )
    host: str = Field("localhost", description="Address the default inputs bind; * for every interface.")
    tls_cert: Path | None = Field(None, description="Certificate (PEM): turns on GELF over TLS on port 12204.")
    tls_key: Path | None = Field(None, description="Private key (PEM), when it is not in `tls_cert`.")
    tls_key_password: str | None = Field(None, description="Password of an encrypted key.", repr=False)
    workers: int = Field(
        1, ge=1, le=64, description="Processes that take messages on the same ports (Linux); 1: the listener itself."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="What the listener says about itself, on stderr."
    )
    drain_seconds: Duration = Field(10.0, ge=0, description="Time to write what is buffered when stopping.")

    def input_specs(self) -> tuple[Spec, ...]:
        """Return the inputs to open: those configured or the defaults, and one of every other protocol if asked for."""
        inputs = (default_inputs(self) if self.inputs is None else self.inputs) + self.also_inputs
        if not self.all_inputs:
            return inputs
        configured = {spec.address.scheme for spec in inputs}
        return inputs + tuple([spec for spec in every_input(self) if spec.address.scheme not in configured])

    def output_specs(self) -> tuple[Spec, ...]:
        """Return the outputs to open: those configured, or the defaults, and those besides."""
        return (default_outputs() if self.outputs is None else self.outputs) + self.also_outputs


ENVIRONMENT = {f"GELF_{name.upper()}": name for name in Config.model_fields if name != "alerts"}
"""Environment variables and the settings they set."""

_OTHER_VARIABLES = frozenset(
    ("GELF_CONFIG", "GELF_URL", "GELF_API_URL", "GELF_API_TOKEN", "GELF_REQUIRE_ALL", "GELF_FUZZ_SECONDS")
)


def default_inputs(config: Config) -> tuple[Spec, ...]:
    """
    Return GELF on the ports that graypy's handlers use by default (each transport has its own).

    UDP on 12201 and 12202, TCP on 12201 and 12202, HTTP on 12203, TLS on 12204 when there is a certificate.
    """
    host = _in_address(config.host)
    addresses = [
        f"gelf+udp://{host}:12201",
        f"gelf+udp://{host}:12202",
        f"gelf+tcp://{host}:12201",
        f"gelf+tcp://{host}:12202",
        f"gelf+http://{host}:12203",
    ]
    specs = [Spec(Address.parse(address)) for address in addresses]
    if config.tls_cert is not None:
        table: dict[str, Any] = {"cert": config.tls_cert}
        if config.tls_key is not None:
            table["key"] = config.tls_key
        if config.tls_key_password is not None:
            table["key_password"] = config.tls_key_password
        specs.append(Spec(Address.parse(f"gelf+tls://{host}:12204"), tuple(sorted(table.items()))))
    return tuple(specs)


_OTHER_PROTOCOLS = (
    *("syslog+udp", "syslog+tcp", "otlp+http", "otlp+grpc", "loki+http", "forward"),
    *("elasticsearch+http", "splunk+hec", "journal+http"),
)
"""What listens on a port without a certificate, besides GELF."""


def every_input(config: Config) -> tuple[Spec, ...]:
    """
    Return an input of every protocol on its usual port, and GELF's defaults.

    They are optional: on a laptop some of these ports are taken, and some libraries not installed.
    """
    host = _in_address(config.host)
    others = [Spec(Address.parse(f"{scheme}://{host}")) for scheme in _OTHER_PROTOCOLS]
    return tuple([spec._replace(optional=True) for spec in (*default_inputs(config), *others)])


def _in_address(host: str) -> str:
    """Write a host as an address has it."""
    return f"[{host}]" if ":" in host else host


def default_outputs() -> tuple[Spec, ...]:
    """Return the console, and the store in the user's state directory."""
    return (
        # A terminal that was stopped with Ctrl-S must not stop the inputs.
        Spec(Address.parse("console:?when_full=drop_oldest")),
        Spec(Address("store", "", "", "", None, f"{state_directory()}/store", {})),
    )


def _read_file(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except OSError as error:
        raise ConfigError(f"configuration file {str(path)!r} cannot be read: {describe(error)}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"configuration file {str(path)!r} is not valid TOML: {error}") from None


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    for name in environment:
        if name.startswith("GELF_") and name not in ENVIRONMENT and name not in _OTHER_VARIABLES:
            near = difflib.get_close_matches(name, ENVIRONMENT, n=1, cutoff=0.85)
            if near:
                raise ConfigError(f"environment variable {name} is not known; did you mean {near[0]}?")
    return {setting: environment[name] for name, setting in ENVIRONMENT.items() if environment.get(name)}


def load_config(
    flags: Mapping[str, Any], file: Path | None = None, environment: Mapping[str, str] | None = None
) -> Config:
    """
    Put the configuration together.

    Args:
        flags: Settings given on the command line; they win.
        file: TOML file; ``GELF_CONFIG`` names one otherwise.
        environment: The process's by default.

    Raises:
        ConfigError: If a file cannot be read, or a setting is unknown or unusable.
    """
    environment = os.environ if environment is None else environment
    if file is None and environment.get("GELF_CONFIG"):
        file = Path(environment["GELF_CONFIG"])
    sources: Sequence[tuple[str, Mapping[str, Any]]] = [
        (str(file), _read_file(file) if file is not None else {}),
        ("environment", _from_environment(environment)),
        ("command line", flags),
    ]
    merged: dict[str, Any] = {}
    for where, values in sources:
        if values:
            Config.from_values(values, where)  # an error names the source it came from
            merged.update(values)
    return Config.from_values(merged, "configuration")
