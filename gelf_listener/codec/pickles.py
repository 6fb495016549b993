"""
Pickles: what logging's `SocketHandler` and `DatagramHandler` send, recognised and never loaded.

Loading a pickle can run any code its sender likes, so whoever sends one is told what to use instead.
"""

from __future__ import annotations

PICKLE_ADVICE = (
    "a pickled record (logging's SocketHandler or DatagramHandler): pickles are never loaded, because loading one can "
    "run any code; use a GELF handler instead (graypy, gelf-handlers), SysLogHandler, or HTTPHandler with /logrecord"
)

_HEADER_BYTES = 4
_STARTS = (b"}q\0", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
"""How a pickled dict begins: protocol 1, which both handlers use, and the later ones with their number."""


def is_pickle(data: bytes) -> bool:
    """Whether bytes are a pickled record, with or without the length that both handlers send before it."""
    if data.startswith(_STARTS):
        return True
    return data[:1] == b"\0" and data[_HEADER_BYTES : _HEADER_BYTES + 3].startswith(_STARTS)
