"""
Celery: keep a handler on the root logger through Celery's own set-up.

A Celery worker removes the root logger's handlers when it starts (``worker_hijack_root_logger``) and then sends the
signal ``after_setup_logger``. `keep_handler` puts the handler back at that moment, beside the one that Celery made.
"""

from __future__ import annotations

import logging
import sys
from typing import Any

__all__ = ["keep_handler"]


def keep_handler(handler: logging.Handler, logger: logging.Logger, level: int | str) -> None:
    """
    Put a handler back after Celery has set up logging; does nothing where Celery is not loaded.

    Celery's own handlers keep the level the worker was started with (``--loglevel``).
    """
    if "celery" not in sys.modules:
        return
    from celery import signals

    def put_back(loglevel: Any = None, **_options: Any) -> None:
        for other in logger.handlers:
            if other is not handler and other.level == logging.NOTSET and isinstance(loglevel, int):
                other.setLevel(loglevel)
        if handler not in logger.handlers:
            logger.addHandler(handler)
        logger.setLevel(level)

    signals.after_setup_logger.connect(put_back, weak=False, dispatch_uid=f"gelf-handlers {logger.name}")
