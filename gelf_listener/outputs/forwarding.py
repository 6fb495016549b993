"""Forwarding: payloads as they are passed on to another listener, marked with who passed them on."""

from __future__ import annotations

import socket

import msgspec

from gelf_listener.message import FieldValue, Message

FORWARDER = "forwarder"
_MARK = b'"_forwarder"'


class Loop(ValueError):
    """A message that we passed on before came back."""


class Forwarding:
    """
    Makes the payload of a message.

    A payload that may be passed on as it came (`Message.exact`) is, bytes for bytes; a name is spliced into it.

    Args:
        forwarder: Name to mark messages with; ``auto`` is this machine's, empty means no mark. A message that has a
            mark keeps it: it names the listener nearest to the sender.
    """

    def __init__(self, forwarder: str) -> None:
        self.name = socket.gethostname() if forwarder == "auto" else forwarder
        self._splice = b"," + _MARK + b":" + msgspec.json.encode(self.name) + b"}"

    def payload(self, message: Message) -> bytes:
        """
        Return one line of GELF 1.1.

        Raises:
            Loop: If the message has our own mark.
        """
        if not self.name or self.mark_of(message) is not None:
            return message.to_gelf()
        return message.to_gelf().rstrip()[:-1] + self._splice

    def mark_of(self, message: Message) -> FieldValue | None:
        """
        Return who passed a message on before us; None if nobody did, or where nothing is marked.

        Raises:
            Loop: If it has our own mark.
        """
        if not self.name or (message.exact and _MARK not in message.raw):
            return None
        mark = message.fields.get(FORWARDER)
        if mark == self.name:
            raise Loop(f"it comes from here: its field {FORWARDER!r} is {self.name!r}")
        return mark
