"""
Settings every input and output shares, and how an address or a TOML table becomes settings.

A plug-in declares one pydantic model in its own file, derived from `InputSettings` or `OutputSettings`.
The command line's help, the documentation page and the error messages come from that model.
"""

from __future__ import annotations

import datetime as dt
import difflib
import ipaddress
import re
import sys
import zoneinfo
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo

from gelf_listener.address import Address, basic_of, hide, parts_of, without_secrets
from gelf_listener.errors import ConfigError
from gelf_listener.quantities import (
    DURATIONS,
    PLAIN_MILLISECONDS,
    PLAIN_SECONDS,
    SIZES,
    exact_duration,
    exact_size,
    parse_duration,
    parse_size,
)

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def split_commas(value: object) -> object:
    """Let a comma-separated text stand for a list, as addresses and environment variables need it."""
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return value


BufferSync = Literal["batch", "interval", "os"]
"""When a buffer on disk is synced."""

Networks = Annotated[tuple[Network, ...], BeforeValidator(split_commas)]
"""Networks in CIDR form; one text may hold several, separated by commas."""


def zone_named(name: str) -> zoneinfo.ZoneInfo | None:
    """
    Return a time zone by its name; None, which is this machine's, for an empty one.

    Raises:
        ValueError: If there is no such zone.
    """
    if not name:
        return None
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("no such time zone; expected a name such as UTC or Europe/Berlin") from None


def _check_zone(name: str) -> str:
    zone_named(name)
    return name


ZoneName = Annotated[str, AfterValidator(_check_zone)]
"""Name of a time zone such as Europe/Berlin; empty: this machine's."""


_LARGEST_SIZE = 2**63 - 1
_LONGEST_SECONDS = 100 * 365 * 86_400.0


@dataclass(frozen=True)
class Quantity:
    """
    What marks a type as a size or a duration, so that errors and help can say it in units.

    Attributes:
        grammar: What may be written.
        parse: Reads it.
        show: Writes a value as it may be read again.
    """

    grammar: str
    parse: Callable[[object], float]
    show: Callable[[Any], str]

    def allowed(self, field: FieldInfo) -> str:
        """Say what a setting takes, with its own bounds."""
        bounds = {
            name: bound
            for each in reversed(field.metadata)  # a setting's own come before those of its type
            for name in ("gt", "ge", "le")
            if (bound := getattr(each, name, None)) not in (None, _LARGEST_SIZE, _LONGEST_SECONDS)
        }
        if "gt" in bounds:
            bounds.pop("ge", None)
        words = {"gt": "more than", "ge": "at least", "le": "at most"}
        limits = [f"{words[name]} {self.show(bounds[name])}" for name in words if name in bounds]
        return ", ".join((f"expected {self.grammar}", *limits))


def _milliseconds(value: object) -> float:
    return parse_duration(value, "ms")


_SIZE = Quantity(SIZES, parse_size, exact_size)
_DURATION = Quantity(DURATIONS + PLAIN_SECONDS, parse_duration, exact_duration)
_MILLISECONDS = Quantity(DURATIONS + PLAIN_MILLISECONDS, _milliseconds, exact_duration)

Size = Annotated[int, _SIZE, BeforeValidator(_SIZE.parse), Field(le=_LARGEST_SIZE)]
"""Bytes: ``65536``, ``2MB``, ``64MiB``."""

Duration = Annotated[float, _DURATION, BeforeValidator(_DURATION.parse), Field(ge=0, le=_LONGEST_SECONDS)]
"""Seconds: ``2``, ``2s``, ``1h30m``, ``250ms``."""

Milliseconds = Annotated[float, _MILLISECONDS, BeforeValidator(_MILLISECONDS.parse), Field(ge=0, le=_LONGEST_SECONDS)]
"""Seconds too, for a setting whose plain number has always been milliseconds."""


def quantity_of(field: FieldInfo) -> Quantity | None:
    """Return what kind of quantity a setting is; None if it is not one."""
    candidates = [*field.metadata, *(mark for kind in get_args(field.annotation) for mark in get_args(kind))]
    return next((each for each in candidates if isinstance(each, Quantity)), None)


def written(field: FieldInfo, value: Any) -> str:
    """Write a setting's value as it may be read again: a size or a duration with its unit."""
    quantity = quantity_of(field)
    return str(value) if quantity is None or value is None else quantity.show(value)


_ASCII = bytes((9, 10, 13, *range(32, 127)))


def check_charset(name: str) -> str:
    """
    Return the name of a character set; empty is one, UTF-8 alone.

    Raises:
        ValueError: If there is none of that name, or one that does not contain ASCII.
    """
    if not name:
        return name
    try:
        is_like_ascii = _ASCII.decode(name) == _ASCII.decode("ascii")
    except LookupError:
        raise ValueError("no such character set; expected a name such as latin-1 or windows-1251") from None
    except UnicodeDecodeError:
        is_like_ascii = False
    if not is_like_ascii:
        raise ValueError("lines cannot be told apart in it; expected one that holds ASCII, such as latin-1")
    return name


Charset = Annotated[str, AfterValidator(check_charset)]
"""Name of a character set that contains ASCII; empty: UTF-8 alone."""

_OFFSET = re.compile(r"[+-]?(\d\d):?(\d\d)")


def _split_pairs(value: object) -> object:
    """Let a text such as ``IST=Asia/Jerusalem,CST=+08:00`` stand for a table."""
    if not isinstance(value, str):
        return value
    pairs = {}
    for part in value.split(","):
        name, equals, zone = part.partition("=")
        if part.strip() and not (equals and name.strip() and zone.strip()):
            raise ValueError(f"{part.strip()!r} is not NAME=ZONE, such as IST=Asia/Jerusalem")
        if part.strip():
            pairs[name.strip()] = zone.strip()
    return pairs


def zones_by_name(names: Mapping[str, str]) -> dict[str, dt.tzinfo]:
    """
    Return the zones that short names such as CST stand for.

    Args:
        names: Zones (Asia/Shanghai) or offsets (+08:00, -0500; an address may lose the plus) by name.

    Raises:
        ValueError: If there is no such zone.
    """
    zones: dict[str, dt.tzinfo] = {}
    for name, zone in names.items():
        offset = _OFFSET.fullmatch(zone.strip())
        if offset is None:
            try:
                found = zone_named(zone)
            except ValueError:
                found = None
            if found is None:
                raise ValueError(f"{name}={zone}: expected a zone such as Asia/Jerusalem, or an offset such as +08:00")
            zones[name] = found
        else:
            hours, minutes = int(offset[1]), int(offset[2])
            if hours > 23 or minutes > 59:
                raise ValueError(f"{name}={zone}: an offset is at most 23:59")
            east = dt.timedelta(hours=hours, minutes=minutes)
            zones[name] = dt.timezone(-east if zone.strip()[0] == "-" else east)
    return zones


def _check_zones(names: dict[str, str]) -> dict[str, str]:
    zones_by_name(names)
    return names


ZoneNames = Annotated[dict[str, str], BeforeValidator(_split_pairs), AfterValidator(_check_zones)]
"""What short names of zones mean; one text may hold several, separated by commas."""


def describe_errors(
    error: ValidationError, where: str, known: Mapping[str, FieldInfo], given: Mapping[str, Any]
) -> str:
    """
    Say in one line per problem which setting is wrong, what it was and what is allowed.

    The value of a setting that is not shown (``repr=False``: a secret, or addresses, which may hold one) stays out.

    Args:
        error: What pydantic found.
        where: The address or table the settings came from.
        known: The settings that exist, by name.
        given: What was validated, as it was written.
    """
    lines = []
    for problem in error.errors(include_url=False):
        name = ".".join(str(part) for part in problem["loc"])
        if problem["type"] == "extra_forbidden":
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else "known settings: " + ", ".join(sorted(known))
            lines.append(f"{where}: unknown setting {name!r}; {hint}")
        elif problem["type"] == "missing":
            lines.append(f"{where}: setting {name!r} is missing")
        else:
            text = problem["msg"].removeprefix("Value error, ")
            if problem["type"] == "literal_error":
                allowed = re.findall(r"'([^']*)'", problem["ctx"]["expected"])
                near = difflib.get_close_matches(str(problem["input"]), allowed, n=1)
                text += f"; did you mean {near[0]!r}?" if near else ""
            field = known.get(str(problem["loc"][0])) if problem["loc"] else None
            quantity = None if field is None else quantity_of(field)
            if field is not None and quantity is not None:
                text = quantity.allowed(field)
            if not name:  # about several settings together
                lines.append(f"{where}: {text}")
            elif field is None or not field.repr:
                lines.append(f"{where}: setting {name!r}: {text}")
            else:
                value = problem["input"] if quantity is None else given.get(name, problem["input"])
                if isinstance(value, str) and "//" in value:
                    value = without_secrets(value)
                lines.append(f"{where}: setting {name!r} is {value!r}: {text}")
    return "\n".join(lines)


class Settings(BaseModel):
    """Base of all settings models: unknown names are errors, values do not change after start."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)

    @classmethod
    def from_address(cls, address: Address) -> Self:
        """
        Make settings from an address.

        Raises:
            ConfigError: If a setting is unknown, missing or has an unusable value.
        """
        where = cls.shown(address)
        for name, text in address.settings.items():
            if not text and name not in cls.model_fields:  # what stands there may be a secret of a URL
                raise ConfigError(f"{where}: after the ? stand settings, name=value; one of them has no value")
        values: dict[str, Any] = dict(address.settings)
        parts = {
            "host": address.host,
            "port": address.port,
            "path": address.path,
            "user": address.user,
            "password": address.password,
        }
        for name, value in parts.items():
            if value not in ("", None):
                if name not in cls.model_fields:
                    shown = f", but has {value!r}" if name in ("host", "port") else ""
                    raise ConfigError(f"{where}: {address.scheme} takes no {name}{shown}")
                values[name] = value
        return cls.from_values(values, where)

    @classmethod
    def shown(cls, address: Address) -> str:
        """
        Return an address of the plug-in without what is secret in it: its name, where it has no other.

        Its path is shown if the plug-in shows it, and if it is the one that everybody has.
        """
        path = cls.model_fields.get("path")
        return address.shown(path=path is not None and (path.repr or address.path == path.default))

    def secrets(self) -> list[str]:
        """Return the values that must not be shown, and parts of them that may be secret by themselves."""
        found: list[str] = []
        for name, field in type(self).model_fields.items():
            value = getattr(self, name)
            if not field.repr and isinstance(value, str) and value != field.default:
                found += [value] if name in ("user", "password") else parts_of(value)
        return [*found, *basic_of(getattr(self, "user", ""), getattr(self, "password", ""))]

    def scrubbed(self, text: str) -> str:
        """Return a text, what a server said for instance, without these secrets."""
        return hide(text, self.secrets())

    @classmethod
    def from_values(cls, values: Mapping[str, Any], where: str) -> Self:
        """
        Make settings from names and values, for example a TOML table.

        Args:
            values: Settings by name.
            where: What to call the table in errors.

        Raises:
            ConfigError: If a setting is unknown, missing or has an unusable value.
        """
        try:
            return cls.model_validate(dict(values))
        except ValidationError as error:
            raise ConfigError(describe_errors(error, where, cls.model_fields, values)) from None


class InputSettings(Settings):
    """Settings of every input."""

    name: str = Field("", description="Name in metrics, rejections and the API; made from the address by default.")
    allow: Networks = Field(
        (), description="Networks (CIDR, comma-separated) that may send; everything else is rejected. Empty: all."
    )


class OutputSettings(Settings):
    """Settings of every output."""

    name: str = Field("", description="Name in metrics and the API; made from the address by default.")
    where: str = Field("", description="Query: only messages it matches are written. Empty: all.")
    buffer: Literal["memory", "disk"] = Field(
        "memory", description="Where messages wait for the output; on disk they survive the end of the process."
    )
    buffer_path: str = Field(
        "", description="Directory of a buffer on disk; by default one of the output's name in the state directory."
    )
    buffer_sync: BufferSync = Field(
        "interval", description="When a buffer on disk is synced, and so what an outage of power may cost."
    )
    buffer_sync_seconds: Duration = Field(
        1.0, gt=0, le=3600, description="Longest time between two syncs with `buffer_sync=interval`."
    )
    when_full: Literal["block", "drop_oldest", "drop_newest"] = Field(
        "block", description="When the buffer is full: stop reading from the inputs, or drop and count."
    )
    max_buffer_messages: int | None = Field(
        None, ge=1, description="Messages the buffer holds: by default 100000 in memory, no limit on disk."
    )
    max_buffer_bytes: Size | None = Field(
        None, ge=1, description="Bytes the buffer holds: by default 64 MiB of raw messages in memory, 4 GiB on disk."
    )
    batch: int = Field(5_000, ge=1, description="Most messages handed to the output at once.")
    batch_bytes: Size = Field(
        8 * 1024 * 1024, ge=1, description="Most raw bytes handed to the output at once; one message may be longer."
    )
    linger: Duration = Field(
        0.001, ge=0, le=60, description="Time to wait for more messages before a batch is written."
    )
    concurrency: int = Field(
        1, ge=1, le=64, description="Batches written at the same time, if the output can; order is then not kept."
    )
    retry: Duration = Field(
        0.0, ge=0, description="Time to keep retrying a batch that the destination cannot take; 0: no limit."
    )
    write_timeout: Duration = Field(
        120.0, ge=0, description="Time a write may take before it is stopped and tried again; 0: no limit."
    )

    @property
    def buffer_messages_limit(self) -> int:
        """Messages the buffer holds."""
        if self.max_buffer_messages is not None:
            return self.max_buffer_messages
        return 100_000 if self.buffer == "memory" else sys.maxsize

    @property
    def buffer_bytes_limit(self) -> int:
        """Bytes the buffer holds."""
        if self.max_buffer_bytes is not None:
            return self.max_buffer_bytes
        return 64 * 1024 * 1024 if self.buffer == "memory" else 4 * 1024 * 1024 * 1024


class ThreadSettings(OutputSettings):
    """Settings of an output that writes in a thread."""

    write_timeout: Duration = Field(
        0.0,
        ge=0,
        description="As for every output, but without limit: what a thread writes cannot be stopped half way.",
    )
