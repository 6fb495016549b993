"""
A wall clock that jumps: Python imports this file at its start when its folder is in PYTHONPATH.

`JUMPING_CLOCK` names a file of eight bytes, a double: the seconds that `time.time` is off. The process maps the file, so
a jump needs nothing but a write to it. The monotonic clock cannot jump, and does not.
"""

from __future__ import annotations

import mmap
import os
import struct
import time

_path = os.environ.get("JUMPING_CLOCK")
if _path:
    with open(_path, "rb") as _file:
        _view = mmap.mmap(_file.fileno(), 8, access=mmap.ACCESS_READ)
    _real, _read = time.time, struct.Struct("d").unpack_from

    def _jumping() -> float:
        """Return the time that the listener believes it is."""
        offset: float = _read(_view)[0]
        return _real() + offset

    time.time = _jumping
