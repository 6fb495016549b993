"""Acks: ids of requests by channel, and which of them are safe. A client asks later whether its request is."""

from __future__ import annotations

from collections import OrderedDict

MAX_CHANNELS = 1024
MAX_PENDING = 10_000
"""Ids of a channel that are safe and not asked about; of more, the oldest are forgotten, as Splunk does."""


class _Channel:
    def __init__(self) -> None:
        self.next = 0
        self.safe: OrderedDict[int, None] = OrderedDict()


class Acks:
    """
    Counts the requests of each channel.

    Laws: an id is true once, after its request's messages are safe, and false before and afterwards. The channel that
    was used least recently is forgotten when there are too many.
    """

    def __init__(self) -> None:
        self._channels: OrderedDict[str, _Channel] = OrderedDict()

    def new(self, channel: str) -> int:
        """Return the id of a channel's next request."""
        found = self._channel(channel)
        found.next += 1
        return found.next - 1

    def confirm(self, channel: str, id: int) -> None:
        """Note that the messages of a request are safe."""
        safe = self._channel(channel).safe
        safe[id] = None
        if len(safe) > MAX_PENDING:
            safe.popitem(last=False)

    def ask(self, channel: str, ids: list[int]) -> dict[str, bool]:
        """Return which requests are safe; they are asked about no more."""
        known = self._channels.get(channel)
        return {str(id): known is not None and known.safe.pop(id, 0) is None for id in ids}

    def _channel(self, name: str) -> _Channel:
        found = self._channels.get(name)
        if found is None:
            found = self._channels[name] = _Channel()
            if len(self._channels) > MAX_CHANNELS:
                self._channels.popitem(last=False)
        else:
            self._channels.move_to_end(name)
        return found
