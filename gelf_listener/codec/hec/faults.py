"""Faults: what Splunk says to requests that fail, and of its health, by its numbers."""

from __future__ import annotations

from typing import NamedTuple


class Fault(NamedTuple):
    """
    What Splunk says to a request that fails.

    Attributes:
        code: Its number.
        text: Its words.
        status: HTTP status.
    """

    code: int
    text: str
    status: int = 400


TOKEN_REQUIRED = Fault(2, "Token is required", 401)
INVALID_AUTHORIZATION = Fault(3, "Invalid authorization", 401)
INVALID_TOKEN = Fault(4, "Invalid token", 403)
NO_DATA = Fault(5, "No data")
INVALID_FORMAT = Fault(6, "Invalid data format")
INTERNAL_ERROR = Fault(8, "Internal server error", 500)
BUSY = Fault(9, "Server is busy", 503)
CHANNEL_MISSING = Fault(10, "Data channel is missing")
EVENT_REQUIRED = Fault(12, "Event field is required")
EVENT_BLANK = Fault(13, "Event field cannot be blank")
HEALTHY = Fault(17, "HEC is healthy", 200)
UNHEALTHY = Fault(18, "HEC is unhealthy, queues are full", 503)
TOO_LARGE = Fault(27, "Request entity too large", 413)
