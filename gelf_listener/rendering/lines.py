"""
Lines: how lines of text are made fast and safe at once.

A line is first put together as if its texts were harmless. Whether they were is asked once for the whole batch, by
counting its control bytes and looking for the first bytes of what is unsafe beyond ASCII: 0.3 microseconds a
message, where asking about each text costs 1.2. Only when a batch has more of them than we put there ourselves is
each line looked at, and the offending ones are written again, carefully, piece by piece.
"""

from __future__ import annotations

import abc
from collections.abc import Sequence

from gelf_listener.message import Message
from gelf_listener.rendering.sanitise import count_unsafe, count_unsafe_bytes


def are_plain(pairs: str, count: int) -> bool:
    """Tell whether so many pairs, joined by spaces, need no quotes and hold no boolean, without looking at each."""
    return (
        pairs.count(" ") == count - 1
        and pairs.count("=") == count
        and '"' not in pairs
        and "=True" not in pairs
        and "=False" not in pairs
        and "= " not in pairs  # an empty value
        and " =" not in pairs  # an empty name
        and pairs[-1] != "="
        and pairs[0] != "="
    )


class LineRenderer(abc.ABC):
    """
    Renders a batch line by line.

    Args:
        own_controls: Unsafe characters in each line `_quick` makes of harmless texts: the newline, colours.
    """

    def __init__(self, own_controls: int) -> None:
        self._own_controls = own_controls

    def render(self, batch: Sequence[Message]) -> bytes:
        """Return the batch as lines; see `Renderer.render`."""
        try:
            quick = [self._quick(message) for message in batch]
        except ValueError:  # a number of more digits than Python writes
            quick = [""] * len(batch)
        lines = quick
        expected = self._own_controls * len(batch)
        if "" in quick:
            lines = [line or self._careful(message) for line, message in zip(quick, batch, strict=True)]
            for made, line in zip(quick, lines, strict=True):
                if not made:
                    expected += count_unsafe(line) - self._own_controls
        try:
            text = "".join(lines).encode()
            if count_unsafe_bytes(text) == expected:
                return text
        except UnicodeEncodeError:  # a lone surrogate
            pass
        return "".join(
            [
                line if not made or count_unsafe(made) == self._own_controls else self._careful(message)
                for made, line, message in zip(quick, lines, batch, strict=True)
            ]
        ).encode()

    @abc.abstractmethod
    def _quick(self, message: Message) -> str:
        """Return the line of a message whose texts are harmless; an empty text when it needs more care than that."""

    @abc.abstractmethod
    def _careful(self, message: Message) -> str:
        """Return the line, or lines, of any message, every piece of text made safe."""
