"""
Messages: what the bench sends. 415 bytes of GELF JSON with ten additional fields, from a fixed seed.

The length is the same for all so that rates compare; 415 bytes is what the project's figures have been stated for.
Each message has a serial: ten digits in the additional field `_serial`, by which the bench knows exactly which
messages arrived, whatever any counter says.
"""

from __future__ import annotations

import json
import random
import re
import uuid

__all__ = [
    "LENGTH",
    "SERIAL",
    "SERIAL_DIGITS",
    "SERIAL_OFFSET",
    "large_message",
    "messages",
    "numbered",
    "syslog_messages",
]

LENGTH = 415
SERIAL_DIGITS = 10
SERIAL = re.compile(rb'"_?serial"\s*:\s*"(\d{10})"')
"""Finds a serial in any subject's output; some strip the underscore, some put a space after the colon."""

SERIAL_OFFSET = len('{"version":"1.1","_serial":"')

_SEED = 20110215
"""The day of the first GELF release, for want of a better constant."""

_SERVICES = ("orders", "billing", "checkout", "inventory", "search", "gateway", "notifier", "accounts")
_METHODS = ("GET", "GET", "GET", "POST", "PUT", "DELETE")
_STATUSES = (200, 200, 200, 201, 204, 301, 400, 404, 500, 503)
_REGIONS = ("eu-central-1", "eu-west-1", "us-east-1", "ap-south-1")
_WORDS = (  # noqa: SIM905 - one word a line would be thirty lines
    "accepted upstream cache refreshed connection returned after retry payment request session user token order "
    "shard replica lease expired worker queue drained batch written slow query took index page found missing"
).split()


def _document(random_: random.Random) -> dict[str, object]:
    """
    Make one document of a web service; its text is cut or padded afterwards.

    The serial stands at a fixed offset, so that it can be written into any message of a body. Services differ in the
    names of two fields: real listeners do not see one set of keys only, and may profit from it when they do.
    """
    service = random_.choice(_SERVICES)
    status = random_.choice(_STATUSES)
    return {
        "version": "1.1",
        "_serial": "0" * SERIAL_DIGITS,
        "host": f"{service}-{random_.randrange(16):02d}",
        "short_message": "",
        "timestamp": round(1_795_000_000 + random_.random() * 86_400, 3),
        "level": 3 if status >= 500 else 4 if status >= 400 else 6,
        "_logger": f"{service}.http",
        "_request_id": str(uuid.UUID(int=random_.getrandbits(128), version=4)),
        "_method": random_.choice(_METHODS),
        "_path": f"/api/v1/{service}/{random_.randrange(100_000)}",
        "_status": status,
        "_duration_ms": round(random_.expovariate(1 / 40), 2),
        f"_{service}_id": random_.randrange(1_000_000),
        "_thread": f"worker-{random_.randrange(32)}",
        "_region" if len(service) > 6 else "_zone": random_.choice(_REGIONS),
    }


def _text(random_: random.Random, length: int) -> str:
    """Make a text of exactly so many characters."""
    words: list[str] = []
    have = 0
    while have <= length:
        words.append(random_.choice(_WORDS))
        have += len(words[-1]) + 1
    return " ".join(words)[:length].rstrip().ljust(length, ".")


def _encode(document: dict[str, object]) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()


def messages(count: int) -> list[bytes]:
    """Make messages, each `LENGTH` bytes of ASCII JSON; every sixteenth has something to unescape."""
    random_ = random.Random(_SEED)
    made = []
    for number in range(count):
        document = _document(random_)
        start = 'said "no"\n' if number % 16 == 0 else ""
        document["short_message"] = start
        document["short_message"] = start + _text(random_, LENGTH - len(_encode(document)))
        made.append(_encode(document))
    return made


def numbered(message: bytes, serial: int) -> bytes:
    """Return the message with a serial."""
    return message[:SERIAL_OFFSET] + b"%010d" % serial + message[SERIAL_OFFSET + SERIAL_DIGITS :]


def large_message(length: int) -> bytes:
    """Make one message of exactly `length` bytes whose bulk is a `full_message`, as a long traceback would be."""
    random_ = random.Random(_SEED)
    document = _document(random_) | {"short_message": "a long traceback", "full_message": ""}
    document["full_message"] = _text(random_, length - len(_encode(document)))
    return _encode(document)


def syslog_messages(count: int) -> list[bytes]:
    """Make messages of RFC 5424, as rsyslog forwards them, with a serial as structured data."""
    random_ = random.Random(_SEED)
    made = []
    for _ in range(count):
        service = random_.choice(_SERVICES)
        clock = f"{random_.randrange(24):02d}:{random_.randrange(60):02d}:07.{random_.randrange(1_000_000):06d}Z"
        head = (
            f"<{random_.choice((134, 132, 131))}>1 2026-11-23T{clock} {service}-{random_.randrange(16):02d} {service} "
            f'{random_.randrange(1000, 30_000)} - [bench@32473 serial="{"0" * SERIAL_DIGITS}"] '
        )
        made.append(head.encode() + _text(random_, 120).encode())
    return made
