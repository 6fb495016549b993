"""``gelf-listener password``: hash a password, or make a token, for the API's settings."""

from __future__ import annotations

import sys

import typer

from gelf_listener.api.passwords import hash_password, hash_token, new_token
from gelf_listener.errors import ConfigError


def print_hash() -> None:
    """
    Ask for a password twice, or read it from standard input when that is not a terminal, and print its hash.

    Raises:
        ConfigError: If it is empty.
    """
    if sys.stdin.isatty():
        given = str(typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))
    else:
        given = sys.stdin.readline().rstrip("\r\n")
    if not given:
        raise ConfigError("the password is empty")
    print(hash_password(given))


def print_token() -> None:
    """Print a new token and the hash that the settings may hold in its place."""
    token = new_token()
    print(f"token: {token}\nhash:  {hash_token(token)}")
