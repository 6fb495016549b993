"""
Celery: keep a handler on the root logger through Celery's own set-up.

A Celery worker removes the root logger's handlers when it starts (``worker_hijack_root_logger``) and then sends the
signal ``after_setup_logger``. `keep_handler` puts the handler back at that moment, beside the one that Celery made. The
loggers of tasks (``get_task_logger``) do not propagate to the root after that, so their parent gets the handler, too.
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

    def put_back(logger: logging.Logger, loglevel: Any) -> None:
        for other in logger.handlers:
            if other is not handler and other.level == logging.NOTSET and isinstance(loglevel, int):
                other.setLevel(loglevel)
        if handler not in logger.handlers:
            logger.addHandler(handler)
        logger.setLevel(level)

    def put_back_here(loglevel: Any = None, **_options: Any) -> None:
        put_back(logger, loglevel)

    def put_back_for_tasks(loglevel: Any = None, **_options: Any) -> None:
        tasks = logging.getLogger("celery.task")
        if not tasks.propagate:
            for old in _of_tasks:
                tasks.removeHandler(old)
            _of_tasks[:] = [handler]
            put_back(tasks, loglevel)

    name = f"gelf-handlers {logger.name}"
    signals.after_setup_logger.connect(put_back_here, weak=False, dispatch_uid=name)
    if logger.parent is None:
        signals.after_setup_task_logger.connect(put_back_for_tasks, weak=False, dispatch_uid=name)
        put_back_for_tasks(logging.getLogger("celery.task").level)  # where a worker has begun already


_of_tasks: list[logging.Handler] = []
"""Our handler of the tasks' loggers."""
