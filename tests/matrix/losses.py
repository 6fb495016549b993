"""Losses: what a format cannot carry, each in the words of the output's page, and what it makes of a meaning."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import NamedTuple

from gelf_listener.codec.syslog.facilities import FACILITIES
from gelf_listener.message import FieldValue
from gelf_listener.rendering.values import value_text
from tests.matrix.meaning import Meaning, typed

__all__ = [
    "EVENT_TIME",
    "LARGE_FLOATS",
    "LARGE_INTEGERS",
    "LOGGING_FULL_TEXT",
    "NUL",
    "ONE_TEXT",
    "ONLY_TEXTS",
    "PYTHON_LEVELS",
    "SERVICE_NAME",
    "SYSLOG_DEFAULTS",
    "SYSLOG_HOST",
    "SYSLOG_NAMES",
    "SYSLOG_PROCESS",
    "Loss",
]


class Loss(NamedTuple):
    """Something that a format cannot carry."""

    says: str
    """A sentence of the output's page."""

    of: Callable[[Meaning], Meaning]
    """What arrives."""


def _values(meaning: Meaning) -> dict[str, FieldValue]:
    return {name: value for name, (_, value) in meaning.fields.items()}


def _with_values(meaning: Meaning, **values: FieldValue) -> Meaning:
    return meaning._replace(fields=meaning.fields | typed(values))


def _one_text(meaning: Meaning) -> Meaning:
    text, full_text = meaning.text, meaning.full_text
    if full_text:
        text = full_text if full_text.startswith(text) else f"{text}\n{full_text}"
    return meaning._replace(text=text, full_text=None)


ONE_TEXT = Loss("Text and full text are one text.", _one_text)

ONLY_TEXTS = Loss(
    "Fields are texts: numbers and booleans lose their type.",
    lambda meaning: _with_values(meaning, **{name: value_text(value) for name, value in _values(meaning).items()}),
)


def _service_name(meaning: Meaning) -> Meaning:
    values = _values(meaning)
    service = values.pop("service", values.get("service.name", meaning.host))
    return meaning._replace(fields=typed(values | {"service.name": value_text(service)}))


SERVICE_NAME = Loss(
    "There is always a `service.name`: the field `service`, which loses its own name, or else the host.", _service_name
)

LARGE_INTEGERS = Loss(
    "Integers beyond 64 bits with a sign are texts.",
    lambda meaning: _with_values(
        meaning,
        **{
            name: str(value)
            for name, value in _values(meaning).items()
            if type(value) is int and not -(1 << 63) <= value < 1 << 63
        },
    ),
)

EVENT_TIME = Loss(
    "Times after February 2106 are the last second that an EventTime has.",
    lambda meaning: meaning._replace(time=min(meaning.time, 0xFFFFFFFF * 1_000_000 + meaning.time % 1_000_000)),
)


def _syslog_defaults(meaning: Meaning) -> Meaning:
    values = _values(meaning)
    facility = values.get("facility_num", 1)
    assert isinstance(facility, int)
    values = {"facility": FACILITIES[facility]} | values | {"facility_num": facility}
    return meaning._replace(level=6 if meaning.level is None else meaning.level, fields=typed(values))


SYSLOG_DEFAULTS = Loss(
    "A message without a level is informational, and one without a facility is the user facility's.", _syslog_defaults
)


def _syslog_process(meaning: Meaning) -> Meaning:
    values = _values(meaning)
    return _with_values(meaning, process_id=values.get("process_id", values["pid"])) if "pid" in values else meaning


SYSLOG_PROCESS = Loss("A message with a `_pid` and no `_process_id` has both.", _syslog_process)

SYSLOG_HOST = Loss(
    "What is not printable ASCII in the host becomes `_`.",
    lambda meaning: meaning._replace(host=re.sub(r"[^!-~]+", "_", meaning.host)),
)


def _syslog_names(meaning: Meaning) -> Meaning:
    names = []
    for name in meaning.fields:
        short = name[:32]
        names.append(f"{name[:30]}~2" if short in names else short)
    return meaning._replace(fields=dict(zip(names, meaning.fields.values(), strict=True)))


SYSLOG_NAMES = Loss("Names of fields have at most 32 characters.", _syslog_names)

PYTHON_LEVELS = Loss(
    "Python has five levels: notice is INFO, emerg and alert are CRITICAL, and a message without a level is INFO.",
    lambda meaning: meaning._replace(level={0: 2, 1: 2, 5: 6, None: 6}.get(meaning.level, meaning.level)),
)


def _logging_full_text(meaning: Meaning) -> Meaning:
    full_text = (meaning.full_text or "").removeprefix(meaning.text).lstrip("\n")
    return meaning._replace(full_text=full_text or None)


LOGGING_FULL_TEXT = Loss(
    "The full text is without the text that it begins with, and none where it is the same.", _logging_full_text
)


def _without_nul(meaning: Meaning) -> Meaning:
    values = {name: _shown(value) if isinstance(value, str) else value for name, value in _values(meaning).items()}
    return meaning._replace(text=_shown(meaning.text), fields=typed(values))


def _shown(text: str) -> str:
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")


NUL = Loss("A NUL character becomes U+FFFD.", _without_nul)

LARGE_FLOATS = Loss(
    "Floats from 1e16 on come back as integers: jsonb has decimal numbers only.",
    lambda meaning: _with_values(
        meaning,
        **{
            name: int(Decimal(repr(value)))
            for name, value in _values(meaning).items()
            if isinstance(value, float) and abs(value) >= 1e16
        },
    ),
)
