"""Progress: what the destination took of a batch, so that a batch offered again is not written twice."""

from __future__ import annotations

from collections.abc import Sequence

from gelf_listener.errors import Refused, Retry
from gelf_listener.message import Message


class Progress:
    """
    Keeps what became of each message of one batch, over all tries.

    A runner offers the same batch until it is settled; another batch starts over.
    """

    def __init__(self) -> None:
        self.written_messages = 0
        """Messages the destination has, of all batches."""
        self._batch: Sequence[Message] = ()
        self._settled: set[int] = set()
        self._refused: list[Message] = []
        self._why = ""

    def begin(self, batch: Sequence[Message]) -> list[Message]:
        """Return those messages of a batch that are neither written nor refused yet, in order."""
        if batch is not self._batch:
            self._forget()
            self._batch = batch
        settled = self._settled
        return [message for message in batch if id(message) not in settled] if settled else list(batch)

    def written(self, messages: Sequence[Message]) -> None:
        """Note that the destination has messages."""
        self._settled.update(map(id, messages))
        self.written_messages += len(messages)

    def refused(self, message: Message, why: str) -> None:
        """Note that the destination will never take a message."""
        self._settled.add(id(message))
        self._refused.append(message)
        self._why = self._why or why

    def finish(self, retry: str = "") -> None:
        """
        End a try.

        Args:
            retry: Why some messages have to be offered again; empty when all are settled.

        Raises:
            Retry: If some have.
            Refused: If all are settled, and some were refused.
        """
        if retry:
            raise Retry(retry)
        refused, why = self._refused, self._why
        self._forget()
        if refused:
            raise Refused(refused, why)

    def _forget(self) -> None:
        self._batch = ()
        self._settled = set()
        self._refused = []
        self._why = ""
