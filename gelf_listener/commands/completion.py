"""Completion: values that a shell offers, from what is installed and from a running listener."""

from __future__ import annotations

from collections.abc import Sequence

from gelf_listener.codec.levels import LEVEL_WORDS
from gelf_listener.commands.printing import FORMATS
from gelf_listener.errors import GelfError
from gelf_listener.plugins import INPUT_GROUP, OUTPUT_GROUP, names

SHELLS = ("bash", "zsh", "fish")
_TIMES = ("15m", "1h", "6h", "1d", "7d", "today", "yesterday")
_SENDERS = ("gelf+udp", "gelf+tcp", "gelf+tls", "gelf+http", "gelf+https")


def inputs(incomplete: str) -> list[str]:
    """Addresses of inputs, as far as the scheme."""
    return _beginning([f"{name}://" for name in names(INPUT_GROUP)], incomplete)


def outputs(incomplete: str) -> list[str]:
    """Addresses of outputs, as far as the scheme."""
    plain = ("console", "null", "store", "logging")
    return _beginning([f"{name}:" if name in plain else f"{name}://" for name in names(OUTPUT_GROUP)], incomplete)


def senders(incomplete: str) -> list[str]:
    """Addresses that a GELF client sends to."""
    return _beginning([f"{name}://localhost" for name in _SENDERS], incomplete)


def levels(incomplete: str) -> list[str]:
    """Names of levels."""
    return _beginning(sorted(LEVEL_WORDS), incomplete)


def fields(incomplete: str) -> list[str]:
    """Names of the fields that a running listener has; the last one of several, behind a comma."""
    before, comma, last = incomplete.rpartition(",")
    return [f"{before}{comma}{name}" for name in _beginning(_stored_fields(), last)]


def _stored_fields() -> list[str]:
    from gelf_listener.client.choice import choose_session  # only where somebody presses the key

    try:
        answer = choose_session(None, None, None).get("/api/gelf/fields", {})
        return [str(field["name"]) for field in answer["fields"]]
    except (GelfError, KeyError, TypeError):
        return []


def formats(incomplete: str) -> list[str]:
    """Formats of messages in the terminal."""
    return _beginning(FORMATS, incomplete)


def plugins(incomplete: str) -> list[str]:
    """Names of inputs and outputs."""
    return _beginning(sorted({*names(INPUT_GROUP), *names(OUTPUT_GROUP)}), incomplete)


def times(incomplete: str) -> list[str]:
    """Ways to write a time that are asked for often."""
    return _beginning(_TIMES, incomplete)


def shells(incomplete: str) -> list[str]:
    """Shells that there is a completion for."""
    return _beginning(SHELLS, incomplete)


def _beginning(values: Sequence[str], incomplete: str) -> list[str]:
    return [value for value in values if value.startswith(incomplete)]
