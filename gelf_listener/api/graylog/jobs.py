"""Jobs: searches that run while the client does something else; the last ones are kept."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import OrderedDict
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

_log = logging.getLogger(__name__)

MAX_JOBS = 64
MAX_MESSAGES = 100_000
"""In the results of all of them. Beyond either, the oldest is cancelled and forgotten."""


@dataclass(slots=True)
class Job:
    """
    One search.

    Attributes:
        id: 24 hexadecimal digits, as Graylog's.
        search_id: What is executed.
        owner: Who asked.
        task: Computes the results.
        messages: How many messages they may have in them.
    """

    id: str
    search_id: str
    owner: str
    task: asyncio.Task[dict[str, Any]]
    messages: int


class Jobs:
    """The searches of this process."""

    def __init__(self) -> None:
        self._jobs: OrderedDict[str, Job] = OrderedDict()

    def start(self, search_id: str, owner: str, results: Coroutine[Any, Any, dict[str, Any]], messages: int = 0) -> Job:
        """Begin a search that gives so many messages at most."""
        task = asyncio.get_running_loop().create_task(results)
        task.add_done_callback(_log_surprise)
        job = Job(secrets.token_hex(12), search_id, owner, task, messages)
        self._jobs[job.id] = job
        while len(self._jobs) > MAX_JOBS or sum(each.messages for each in self._jobs.values()) > MAX_MESSAGES:
            _, oldest = self._jobs.popitem(last=False)
            oldest.task.cancel()
        return job

    def forget(self, job: Job) -> None:
        """Let go of a job and its results."""
        self._jobs.pop(job.id, None)

    def get(self, id: str) -> Job | None:
        """Return a job, if it is still known."""
        return self._jobs.get(id)


def _log_surprise(task: asyncio.Task[dict[str, Any]]) -> None:
    """Log our own mistakes; the client learns only that the job ended exceptionally."""
    if not task.cancelled() and task.exception() is not None:
        _log.error("a search failed", exc_info=task.exception())
