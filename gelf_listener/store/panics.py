"""Panics: what the engine does instead of raising an error."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

_log = logging.getLogger(__name__)

T = TypeVar("T")


def guarded(function: Callable[[], T], error_of: Callable[[str], Exception]) -> Callable[[], T]:
    """Turn a panic in tantivy, which is not an `Exception`, into an error that ends one call and nothing else."""

    def call() -> T:
        try:
            return function()
        except BaseException as error:
            if type(error).__name__ != "PanicException":
                raise
            _log.error("the store's engine failed: %s", error)
            raise error_of(f"the store's engine failed: {error}") from None

    return call
