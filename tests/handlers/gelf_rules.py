"""What the GELF 1.1 specification demands of a message, as one assertion."""

import json
import math
import re

NAME = re.compile(r"_[\w.\-]+", re.ASCII)


def _no_constant(name):
    raise AssertionError(f"{name} is not JSON")


def assert_valid(payload):
    """Hold a payload to the specification and return it decoded."""
    assert b"\0" not in payload
    text = payload.decode("utf-8")  # strict
    pairs = []
    message = json.loads(text, parse_constant=_no_constant, object_pairs_hook=lambda p: pairs.append(p) or dict(p))
    assert len(pairs[-1]) == len(message), "duplicate names"
    assert message["version"] == "1.1"
    assert isinstance(message["host"], str)
    assert message["host"].strip()
    assert isinstance(message["short_message"], str)
    assert message["short_message"].strip()
    assert isinstance(message["timestamp"], (int, float))
    assert message["timestamp"] > 0
    assert type(message["level"]) is int
    assert 0 <= message["level"] <= 7
    assert isinstance(message.get("full_message", ""), str)
    for key, value in message.items():
        if key in ("version", "host", "short_message", "full_message", "timestamp", "level"):
            continue
        assert NAME.fullmatch(key), key
        assert key != "_id"
        assert type(value) in (str, int, float), (key, value)
        assert not isinstance(value, float) or math.isfinite(value)
        assert not isinstance(value, int) or -(2**63) <= value < 2**63
        text = value if isinstance(value, str) else ""
        assert not any("\ud800" <= character <= "\udfff" for character in text)
    return message
