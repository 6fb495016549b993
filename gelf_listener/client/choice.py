"""Choice: which server a command asks, and in whose words."""

from __future__ import annotations

import os
from pathlib import Path

from gelf_listener.client import Client
from gelf_listener.client.graylog import GraylogClient
from gelf_listener.client.listener import ListenerClient
from gelf_listener.client.session import Session
from gelf_listener.config import load_config


def choose_url(url: str | None, config: Path | None) -> str:
    """
    Return the address to ask: a flag's, ``GELF_API_URL``, or where the configuration says that the API listens.

    Raises:
        ConfigError: If the configuration cannot be read.
    """
    if url or os.environ.get("GELF_API_URL"):
        return url or os.environ["GELF_API_URL"]
    api = load_config({}, config).api
    if api is None:
        return "http://localhost:9000"
    host = api.host if api.host not in ("", "*", "0.0.0.0", "::") else "localhost"  # noqa: S104  (compared, not bound)
    return f"http://{f'[{host}]' if ':' in host else host}:{api.port or 9000}"


def choose_session(url: str | None, token: str | None, config: Path | None) -> Session:
    """
    Open a session; nothing is asked yet.

    Args:
        url: Of the server; see `choose_url`.
        token: Of its API; ``GELF_API_TOKEN`` otherwise.
        config: TOML file.

    Raises:
        ConfigError: If the configuration cannot be read, or the address is not one.
    """
    return Session(choose_url(url, config), token or os.environ.get("GELF_API_TOKEN", ""))


def choose_client(url: str | None, token: str | None, config: Path | None, *, graylog: bool | None) -> Client:
    """
    Make the client.

    Args:
        url: Of the server; see `choose_url`.
        token: Of its API; ``GELF_API_TOKEN`` otherwise.
        config: TOML file.
        graylog: Whether it is a Graylog; None asks it.

    Raises:
        ConfigError: If the configuration cannot be read.
        Unreachable: If nothing answers.
    """
    session = choose_session(url, token, config)
    if graylog is None:
        graylog = not session.knows("/api/gelf/stats")
    return GraylogClient(session) if graylog else ListenerClient(session)
