"""
Fields: what a name in a query means.

The one table of the fields that the listener knows (`KNOWN_FIELDS`): how each is named in GELF and in Graylog, how its
value is found in a message, how it is matched, what type it has and where the embedded store keeps it. Searching,
sorting, grouping, exporting and the API all read it, so another known field is one line here. ``service`` is whatever
names the service of a message (`FIRST_OF`). Every other name is an additional field, matched exactly.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from ipaddress import ip_address
from operator import attrgetter
from typing import Literal, NamedTuple

from gelf_listener.message import FieldValue, Message

FieldType = Literal["string", "text", "long", "double", "boolean", "date", "ip"]
"""How a field is searched; ``text`` by words, everything else as a whole. Named as Graylog's mapping names them."""

_Get = Callable[[Message], FieldValue | None]


class Known(NamedTuple):
    """
    A field that the listener knows.

    Attributes:
        name: In queries and in Graylog's API.
        get: Gets its value from a message, None where it has none.
        matching: How it is matched: by words, as a whole in lower case, exactly, as a severity, as a time, as an id.
        type: What it is in Graylog's mapping.
        aliases: Other names, such as GELF's.
        terms: The field of the embedded index that holds its terms; empty when its messages have to be looked at.
        column: The column of the embedded index that is grouped by and computed with; empty when there is none.
        order: The column that is sorted by; empty when its messages have to be read.
        scale: What a column's numbers are to be divided by.
        always: Whether every message has it.
        underscored: Whether ``_name`` means it too, where no such additional field was sent.
        property: Its property in the messages of our own API; empty: it is among their ``known``.
    """

    name: str
    get: _Get
    matching: Literal["words", "lower case", "exact", "level", "time", "id"]
    type: FieldType
    aliases: tuple[str, ...] = ()
    terms: str = ""
    column: str = ""
    order: str = ""
    scale: float = 1.0
    always: bool = False
    underscored: bool = False
    property: str = ""


def _micros(name: str, attribute: str, column: str, *, underscored: bool = False) -> Known:
    """Make a field that holds a time in microseconds and that every message has."""
    get = attrgetter(attribute)
    return Known(name, get, "time", "date", (), column, column, column, 1e6, True, underscored, attribute)


def _host(message: Message) -> FieldValue | None:
    return message.peer.host if message.peer is not None else None


def _port(message: Message) -> FieldValue | None:
    return message.peer.port if message.peer is not None else None


KNOWN_FIELDS: tuple[Known, ...] = (
    _micros("timestamp", "timestamp", "timestamp", underscored=True),
    _micros("gl2_receive_timestamp", "received_at", "received"),
    Known(
        "source",
        attrgetter("host"),
        "lower case",
        "string",
        ("host",),
        "source",
        "host",
        always=True,
        property="host",
    ),
    Known(
        "message",
        attrgetter("short_message"),
        "words",
        "text",
        ("short_message",),
        "words",
        always=True,
        property="short_message",
    ),
    Known(
        "full_message",
        attrgetter("full_message"),
        "words",
        "text",
        terms="full",
        underscored=True,
        property="full_message",
    ),
    Known(
        "level",
        attrgetter("level"),
        "level",
        "long",
        (),
        "level",
        "level",
        "level",
        underscored=True,
        property="level",
    ),
    Known(
        "gl2_source_input",
        lambda message: message.input or None,
        "exact",
        "string",
        (),
        "@input",
        "added.@input",
        property="input",
    ),
    Known("gl2_source_node", lambda message: message.node or None, "exact", "string", (), "@node", "added.@node"),
    Known("gl2_remote_ip", _host, "exact", "ip", (), "@ip", "added.@ip"),
    Known("gl2_remote_port", _port, "exact", "long", (), "@port", "added.@port"),
    Known(
        "gl2_message_id",
        attrgetter("id"),
        "id",
        "string",
        ("_id",),
        "key",
        order="order",
        always=True,
        property="id",
    ),
)
"""All of them."""

KNOWN_NAMES = {name: known for known in KNOWN_FIELDS for name in (known.name, *known.aliases)}
"""The same by each of their names."""

GRAYLOG_NAMES = {alias: known.name for known in KNOWN_FIELDS for alias in known.aliases if not alias.startswith("_")}
"""GELF's name -> Graylog's."""

SERVICE_FIELDS = (
    *("service", "service_name", "service.name", "application_name", "application.name"),
    *("container_name", "container.name", "container", "facility", "tag"),
)
"""What names the service of a message, the first that it has; with dots as OpenTelemetry and ECS write it."""

FIRST_OF = {"service": SERVICE_FIELDS}
"""Name in the extended language -> fields, of which it means the first that a message has and that is not empty."""

_ID = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}")


def known_field(name: str, *, graylog: bool = False) -> Known | None:
    """
    Return what is known of a field by one of its names; None for an additional field.

    Args:
        name: As a query has it.
        graylog: Whether GELF's names are those of additional fields, as in a Graylog's index.
    """
    return None if graylog and name in GRAYLOG_NAMES else KNOWN_NAMES.get(name)


def bare_name(name: str, *, graylog: bool = False) -> str:
    """Return a field's name without the underscore that the extended language may have before it."""
    return name[1:] if name.startswith("_") and len(name) > 1 and not graylog else name


def stored_names(name: str, *, graylog: bool = False) -> tuple[str, ...]:
    """
    Return the names an additional field may be stored under; a message's first counts.

    A name may have an underscore before it, as in GELF. ``_host`` and the like are stored as ``host_``, because
    ``host`` means GELF's own field. Graylog's meaning knows the name itself only.
    """
    bare = bare_name(name, graylog=graylog)
    if bare == name:
        return (name,)
    return (name, bare, f"{bare}_") if bare in KNOWN_NAMES else (name, bare)


def underscored(name: str) -> Known | None:
    """Return the known field that a name with an underscore means where no such additional field was sent."""
    known = KNOWN_NAMES.get(bare_name(name))
    return known if known is not None and known.underscored else None


def is_analysed(name: str) -> bool:
    """Whether a field is matched word by word, without regard to case."""
    known = KNOWN_NAMES.get(name)
    return known is not None and known.matching == "words"


def is_lower_case(name: str) -> bool:
    """Whether a field is matched as a whole, without regard to case."""
    known = KNOWN_NAMES.get(name)
    return known is not None and known.matching == "lower case"


def is_time_field(name: str) -> bool:
    """Whether a field always holds a time."""
    known = KNOWN_NAMES.get(name.lstrip("_"))
    return known is not None and known.matching == "time"


def first_field(names: tuple[str, ...], fields: Mapping[str, FieldValue]) -> str | None:
    """Return the first of some names that has a value which is not empty; None without one."""
    for name in names:
        if name in fields and fields[name] != "":
            return name
    return None


def plain_name(name: str) -> str:
    """Return the name that means just the field of this name, as Graylog's API does (`FIRST_OF`)."""
    return f"_{name}" if name in FIRST_OF else name


def getter(name: str, *, graylog: bool = False) -> _Get:
    """
    Return how to get a field's value from a message, None where it has none.

    An additional field is found by the names it may be stored under (`stored_names`), and one with dots also by the
    name with underscores that Graylog stores it under. Graylog itself knows that name only.
    """
    known = known_field(name, graylog=graylog)
    if known is not None:
        return known.get
    if name in FIRST_OF and not graylog:
        return partial(_first_value, FIRST_OF[name])
    first, *others = stored_names(name, graylog=graylog)
    bare = bare_name(name, graylog=graylog)
    also = None if graylog else underscored(name)

    def get(message: Message) -> FieldValue | None:
        fields = message.fields
        value = fields.get(first)
        for other in others:
            if value is None:
                value = fields.get(other)
        if value is None and also is not None:
            value = also.get(message)
        if value is None and "_" in bare:
            for stored, dotted in fields.items():
                if "." in stored and stored.replace(".", "_") == bare:
                    return dotted
        return value

    return get


def _first_value(names: tuple[str, ...], message: Message) -> FieldValue | None:
    fields = message.fields
    name = first_field(names, fields)
    return None if name is None else fields[name]


def added_getter(text: str) -> _Get | None:
    """
    Return how to get what the listener adds to a message and a text without a field may mean.

    Graylog searches every ``gl2_`` field as well. Here those are the id and the sender's address, and only for a text
    that is a whole one: the name of an input or the digits of a port would find messages nobody asked for.
    """
    if _ID.fullmatch(text):
        return KNOWN_NAMES["gl2_message_id"].get
    try:
        ip_address(text)
    except ValueError:
        return None
    return KNOWN_NAMES["gl2_remote_ip"].get
