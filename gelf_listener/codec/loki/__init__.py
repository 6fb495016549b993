"""
Loki: pushed streams of entries, to messages (Loki's HTTP API, "Ingest logs").

`push` reads requests in all their forms, `labels` the texts that labels are in protobuf, and `entries` makes messages.
"""

from __future__ import annotations
