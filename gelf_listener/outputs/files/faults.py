"""Faults: what went wrong with files, counted by kind and logged now and then."""

from __future__ import annotations

import errno
import logging
import time
from collections import Counter
from pathlib import Path

from gelf_listener.errors import describe

_log = logging.getLogger("gelf_listener.outputs.file")

_KINDS = {
    errno.ENOSPC: "no_space",
    errno.EDQUOT: "no_space",
    errno.EFBIG: "no_space",
    errno.EIO: "io",
    errno.EACCES: "permission",
    errno.EPERM: "permission",
    errno.EROFS: "permission",
}
_LOG_SECONDS = 60.0


class Faults:
    """
    Counts errors by kind and logs one a minute for each action.

    Attributes:
        errors: How often, by kind: ``no_space``, ``io``, ``permission``, ``other``.
    """

    def __init__(self) -> None:
        self.errors = Counter(dict.fromkeys((*_KINDS.values(), "other"), 0))
        self._logged: dict[str, float] = {}
        self._unlogged: Counter[str] = Counter()

    def note(self, action: str, path: Path, error: OSError) -> None:
        """Take note of an error; the same action is logged once a minute."""
        self.errors[_KINDS.get(error.errno or 0, "other")] += 1
        now = time.monotonic()
        if now - self._logged.get(action, -_LOG_SECONDS) < _LOG_SECONDS:
            self._unlogged[action] += 1
            return
        self._logged[action] = now
        more = self._unlogged.pop(action, 0)
        _log.warning("cannot %s %s: %s%s", action, path, describe(error), f" ({more} more before)" if more else "")

    def counters(self) -> dict[str, float]:
        """Return the counts by metric name."""
        return {f"errors_{kind}_total": count for kind, count in self.errors.items()}
