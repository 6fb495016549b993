"""Values: what an additional field holds, as text."""

from __future__ import annotations

from gelf_listener.message import FieldValue


def value_text(value: FieldValue) -> str:
    """Return a value as text: booleans as JSON has them, and numbers of any length."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    try:
        return str(value)
    except ValueError:  # Python writes no more than 4300 decimal digits, but hexadecimal ones without end
        return f"{value:#x}"
