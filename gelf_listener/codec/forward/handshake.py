"""
Handshake: HELO, PING and PONG, by which client and server prove that they have the same key without sending it.

A user with a password is proved in the same way. Only then are events taken.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Mapping

import msgspec

from gelf_listener.codec.forward.values import text_of

_WORDS = 6
"""Of a PING: its name, the client's host, a salt, the digest of the key, a user, the digest of its password."""


class Handshake:
    """
    The server's side of one connection's handshake.

    Args:
        shared_key: The key.
        users: Passwords by name; empty: the key is enough.
        name: Of the server.
        nonce: Sixteen characters of our own choice, another for each connection; for tests.
    """

    def __init__(self, shared_key: str, users: Mapping[str, str], name: str = "", nonce: bytes = b"") -> None:
        self._name = name
        self._key = shared_key.encode()
        self._users = users
        self._nonce = nonce or os.urandom(16).hex().encode()
        self._salt = os.urandom(16).hex().encode() if users else b""

    @property
    def hello(self) -> bytes:
        """What the server says first."""
        options = {"nonce": self._nonce, "auth": self._salt, "keepalive": True}
        return msgspec.msgpack.encode(["HELO", options])

    def answer(self, ping: object) -> tuple[bytes, str]:
        """
        Answer a PING.

        Returns:
            The PONG, and why the client is refused; empty when it is not.
        """
        if not isinstance(ping, list) or len(ping) < _WORDS - 2 or ping[0] != "PING":
            return b"", "the client sent something else than a PING: has it a shared key?"
        host, salt, digest, user, password = (text_of(word) for word in [*ping[1:_WORDS], "", ""][:5])
        refused = self._refused(host, salt, digest, user, password)
        if refused:
            return msgspec.msgpack.encode(["PONG", False, refused, "", ""]), refused
        proof = _digest(salt.encode(), self._name.encode(), self._nonce, self._key)
        return msgspec.msgpack.encode(["PONG", True, "", self._name, proof]), ""

    def _refused(self, host: str, salt: str, digest: str, user: str, password: str) -> str:
        expected = _digest(salt.encode(), host.encode(), self._nonce, self._key)
        if not hmac.compare_digest(expected.encode(), digest.encode()):
            return "shared_key mismatch"
        if not self._users:
            return ""
        known = self._users.get(user)
        proof = _digest(self._salt, user.encode(), (known or "").encode())
        if not hmac.compare_digest(proof.encode(), password.encode()) or known is None:
            return "username/password mismatch"
        return ""


def _digest(*parts: bytes) -> str:
    return hashlib.sha512(b"".join(parts)).hexdigest()
