"""
OTLP: requests of OpenTelemetry's protocol, in protobuf and JSON, to messages (opentelemetry.io, "OTLP Specification").

`protobuf` and `json_form` read requests, `records` makes messages of what they find, and `export` answers.
"""

from __future__ import annotations
