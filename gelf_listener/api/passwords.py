"""
Passwords and tokens: how they are kept and compared.

A password is chosen by a person, so its hash has to be dear: scrypt with the parameters OWASP names for 8 MiB of
memory (N=2^13, r=8, p=10). A token is 128 random bits or more, so SHA-256 will do. Neither format has a ``$``, which
compose files and shells would take for a variable.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from typing import NamedTuple

MIN_TOKEN_CHARACTERS = 16
"""Shorter ones can be guessed."""

_N, _R, _P = 2**13, 8, 10
_MOST_MEMORY = 256 * 1024 * 1024
_MOST_WORK = 2**18 * 8 * 10
"""N * r * p of a hash somebody configured; beyond, a single login would take seconds."""

_PROCESS_KEY = secrets.token_bytes(32)


class ScryptHash(NamedTuple):
    """A password's hash and what it was made with."""

    n: int
    r: int
    p: int
    salt: bytes
    key: bytes

    @property
    def cost(self) -> tuple[int, int, int]:
        """What decides how long it takes."""
        return self.n, self.r, self.p

    @classmethod
    def decoy(cls) -> ScryptHash:
        """Make one that no password has."""
        return cls(_N, _R, _P, secrets.token_bytes(16), secrets.token_bytes(32))

    def __str__(self) -> str:
        salt, key = (base64.urlsafe_b64encode(part).decode().rstrip("=") for part in (self.salt, self.key))
        return f"scrypt:{self.n}:{self.r}:{self.p}:{salt}:{key}"

    @classmethod
    def parse(cls, text: str) -> ScryptHash | None:
        """
        Read what `hash_password` wrote; None when it does not begin like that.

        Raises:
            ValueError: If it does, but is damaged, or would take too long.
        """
        if not text.startswith("scrypt:"):
            return None
        parts = text.split(":")
        if len(parts) != 6:
            raise ValueError("a hash has the form scrypt:N:r:p:salt:key")
        try:
            n, r, p = (int(part) for part in parts[1:4])
            salt, key = (base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in parts[4:])
        except (ValueError, binascii.Error):
            raise ValueError("the hash is damaged") from None
        if n < 2 or n & (n - 1) or r < 1 or p < 1 or n * r * p > _MOST_WORK or 128 * n * r > _MOST_MEMORY:
            raise ValueError("the hash has parameters that scrypt does not take, or that take too long")
        if len(salt) < 8 or len(key) < 16:
            raise ValueError("the hash is too short")
        return cls(n, r, p, salt, key)


def hash_password(password: str) -> str:
    """Hash a password with scrypt and a salt of its own. Takes a tenth of a second or two."""
    salt = secrets.token_bytes(16)
    return str(ScryptHash(_N, _R, _P, salt, _scrypt(password, _N, _R, _P, salt, 32)))


def verify_password(password: str, hashed: ScryptHash) -> bool:
    """Tell whether a password is the one that was hashed."""
    key = _scrypt(password, hashed.n, hashed.r, hashed.p, hashed.salt, len(hashed.key))
    return hmac.compare_digest(key, hashed.key)


def _scrypt(password: str, n: int, r: int, p: int, salt: bytes, length: int) -> bytes:
    secret = password.encode("utf-8", "surrogateescape")
    return hashlib.scrypt(secret, salt=salt, n=n, r=r, p=p, maxmem=_MOST_MEMORY * 2, dklen=length)


def new_token() -> str:
    """Make a token of 256 random bits."""
    return secrets.token_urlsafe(32)


def hash_token(token: str) -> str:
    """Hash a token: ``sha256:`` and hexadecimal digits."""
    return "sha256:" + hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


def is_token_hash(text: str) -> bool:
    """Whether a text is what `hash_token` gives."""
    digits = text.removeprefix("sha256:")
    return digits != text and len(digits) == 64 and all(digit in "0123456789abcdef" for digit in digits)


def equal(one: str, other: str) -> bool:
    """Compare two secrets in a time that tells neither what is in them nor how long they are."""
    return hmac.compare_digest(fingerprint(one), fingerprint(other))


def fingerprint(secret: str) -> bytes:
    """Return what stands for a secret in this process's memory; of no use in another."""
    return hashlib.blake2b(secret.encode("utf-8", "surrogateescape"), key=_PROCESS_KEY, digest_size=32).digest()
