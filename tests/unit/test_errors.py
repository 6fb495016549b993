"""Errors say what went wrong, whoever raised them."""

from __future__ import annotations

import asyncio
import errno
import os
import re
import socket
from pathlib import Path

import httpx
import pytest

from gelf_listener.errors import Retry, describe

ROOT = Path(__file__).parents[2] / "gelf_listener"


def caused(error: BaseException, cause: BaseException) -> BaseException:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/x"), "No space left on device"),
        (OSError("no more room"), "no more room"),
        (ConnectionResetError(), "ConnectionResetError"),
        (TimeoutError(), "no answer in time"),
        (TimeoutError("late"), "late"),
        (asyncio.IncompleteReadError(b"", 4), "0 bytes read on a total of 4 expected bytes"),
        (httpx.ReadError(""), "ReadError"),
        (ValueError("two\nlines  of it"), "two lines of it"),
        (Retry("not now"), "not now"),
        (Retry(""), "Retry"),
        (OSError(errno.ECONNREFUSED, "Connect call failed ('127.0.0.1', 1)"), "Connection refused"),
        (OSError("Multiple exceptions: [Errno 111] Connect call failed ('::1', 1), [Errno 111] x"), os.strerror(111)),
        (caused(httpx.ReadError(""), ConnectionResetError(errno.ECONNRESET, "x")), "Connection reset by peer"),
        (
            caused(
                httpx.ConnectError("All connection attempts failed"),
                ExceptionGroup("x", [ConnectionRefusedError(errno.ECONNREFUSED, "x")]),
            ),
            "Connection refused",
        ),
        (
            caused(httpx.ConnectError("[Errno -2] Name or service not known"), socket.gaierror(-2, "no such name")),
            "no such name",
        ),
        (httpx.ConnectError("[Errno 111] Connection refused"), os.strerror(111)),
        (httpx.ConnectError("All connection attempts failed"), "All connection attempts failed"),
    ],
)
def test_describe(error: BaseException, text: str) -> None:
    """Its own words in one line; its kind where it has none: never nothing, and never None."""
    assert describe(error) == text


def test_nothing_describes_errors_its_own_way() -> None:
    """An error without a text is false only as a text: `{error or ...}` never falls back."""
    own = re.compile(r"(?<!os)\.strerror\b|\b(?:error|exc) or \w|(?<!in )str\((?:error|exc)\) or ")
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in sorted(set(ROOT.rglob("*.py")) - {ROOT / "errors.py"})
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if own.search(line)
    ]
    assert found == []
