"""Hashes: made, read and compared; what is damaged or too dear is said before anybody logs in."""

from __future__ import annotations

import pytest

from gelf_listener.api.passwords import (
    ScryptHash,
    equal,
    hash_password,
    hash_token,
    is_token_hash,
    new_token,
    verify_password,
)


def test_a_password() -> None:
    """Its hash says nothing of it, has a salt of its own and no character that compose files mind."""
    written = hash_password("hunter2")
    hashed = ScryptHash.parse(written)
    assert hashed is not None
    assert verify_password("hunter2", hashed)
    assert not verify_password("hunter3", hashed)
    assert str(hashed) == written
    assert written != hash_password("hunter2")
    assert "$" not in written
    assert "hunter2" not in written


def test_a_plain_password_is_no_hash() -> None:
    assert ScryptHash.parse("hunter2") is None


@pytest.mark.parametrize(
    "text",
    [
        "scrypt:",
        "scrypt:2:1:1:c2FsdHNhbHQ",
        "scrypt:x:1:1:c2FsdHNhbHQ:MTIzNDU2Nzg5MDEyMzQ1Ng",
        "scrypt:3:1:1:c2FsdHNhbHQ:MTIzNDU2Nzg5MDEyMzQ1Ng",
        "scrypt:1073741824:8:1:c2FsdHNhbHQ:MTIzNDU2Nzg5MDEyMzQ1Ng",
        "scrypt:2:1:99999999999:c2FsdHNhbHQ:MTIzNDU2Nzg5MDEyMzQ1Ng",
        "scrypt:2:1:1:c2E:MTIzNDU2Nzg5MDEyMzQ1Ng",
        "scrypt:2:1:1:c2FsdHNhbHQ:MTIz",
        "scrypt:2:1:1:c2FsdHNhbHQ:\u00fc",
        "scrypt:-2:-1:1:c2FsdHNhbHQ:MTIzNDU2Nzg5MDEyMzQ1Ng",
    ],
)
def test_unusable_hashes(text: str) -> None:
    """Never taken for a plain password."""
    with pytest.raises(ValueError):
        ScryptHash.parse(text)


def test_tokens() -> None:
    """Long, different each time, and their hashes are told apart from them."""
    token = new_token()
    assert len(token) >= 32
    assert token != new_token()
    assert is_token_hash(hash_token(token))
    assert not is_token_hash(token)
    assert not is_token_hash("sha256:" + "0" * 63)
    assert not is_token_hash("0" * 64)


def test_comparing() -> None:
    """Any text, whatever it has in it."""
    assert equal("ü", "ü")
    assert not equal("", "a")
    assert not equal("a", "aa")
    assert equal("\udc80", "\udc80")
