"""
Fluentd's forward protocol (version 1): bytes of a connection -> events, acknowledgements and a handshake.

`scanner` finds where a value of MessagePack ends, `values` reads it, `entries` makes messages of events, `handshake`
proves a shared key, and `session` puts them together.
"""
