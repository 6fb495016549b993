"""HTTP with `mode=graylog`: limits, bulk receiving, encodings, and what a client must not be told."""

from __future__ import annotations

import gzip
import zlib

import pytest

from gelf_listener.errors import ConfigError, Reason
from gelf_listener.inputs.http import HttpSettings
from tests.unit.inputs.test_http import exchange, post

HELLO = b'{"short_message":"hello"}'
AGAIN = b'{"short_message":"again"}'


def test_a_body_is_as_long_as_graylogs_unless_it_is_set() -> None:
    """64 KiB; the setting stands where there is one."""
    assert HttpSettings.from_values({"mode": "graylog"}, "in").max_body_bytes == 65536
    assert HttpSettings.from_values({"mode": "graylog", "max_body_bytes": "1MiB"}, "in").max_body_bytes == 1 << 20
    assert HttpSettings.from_values({}, "in").max_body_bytes == 8 << 20


def test_bulk_needs_graylog() -> None:
    """The lenient mode takes lines anyway, so the setting would mean nothing."""
    with pytest.raises(ConfigError, match="bulk needs mode=graylog"):
        HttpSettings.from_values({"bulk": True}, "in")


def test_nothing_says_that_lines_are_welcome() -> None:
    """gelf-handlers joins messages when it sees our name, and all but the first would be lost."""
    (answer,), scene = exchange(post(HELLO + b"\n" + AGAIN), mode="graylog")
    assert b"server" not in {name.lower().encode() for name in answer.headers}
    assert [message.short_message for message in scene.intake.messages] == ["hello"]


@pytest.mark.parametrize("size", [0, 1, 7])
def test_bulk(size: int) -> None:
    """Bodies are a stream of lines; one that does not end waits for the next body, and for the end of the connection."""
    data = post(HELLO + b"\r\n" + AGAIN) + post(b"\n" + HELLO)
    _, scene = exchange(data, size, mode="graylog", bulk=True)
    assert [message.short_message for message in scene.intake.messages] == ["hello", "again"]
    scene.connection.connection_lost(None)
    assert [message.short_message for message in scene.intake.messages] == ["hello", "again", "hello"]


@pytest.mark.parametrize(
    ("body", "encoding", "statuses", "reasons"),
    [
        (gzip.compress(HELLO, mtime=0), "gzip", [202], []),
        (gzip.compress(HELLO, mtime=0)[:-4], "gzip", [202], []),
        (zlib.compress(HELLO), "deflate", [202], []),
        (zlib.compress(HELLO)[2:-4], "deflate", [202], []),
        (HELLO, "br", [202], []),
        (HELLO, "gzip", [], [Reason.CORRUPT_COMPRESSION]),
        (gzip.compress(b" " * 65537, mtime=0), "gzip", [413], [Reason.PAYLOAD_TOO_LARGE]),
        (b"{", "identity", [202], [Reason.EMPTY_PAYLOAD]),
    ],
)
def test_encodings(body: bytes, encoding: str, statuses: list[int], reasons: list[Reason]) -> None:
    """What is undone, what passes as it is, and what ends the connection without an answer."""
    answers, scene = exchange(post(body, f"Content-Encoding: {encoding}"), mode="graylog")
    assert [answer.status for answer in answers] == statuses
    assert [rejected.reason for rejected in scene.intake.rejected] == reasons
    assert [message.short_message for message in scene.intake.messages] == ([] if reasons else ["hello"])
    assert scene.transport.closed == bool(reasons)
