"""go-gelf v2, unmodified: what Docker's gelf driver and most Go programs send with."""

from __future__ import annotations

import socket

import pytest

from tests.e2e.conftest import Start
from tests.e2e.expect import LARGE, TEXT, Now
from tests.e2e.toolchains import GO_SECONDS, go_client, run_job

pytestmark = [pytest.mark.external, pytest.mark.timeout(GO_SECONDS + 60)]


@pytest.mark.parametrize(
    ("transport", "compress"), [("udp", "gzip"), ("udp", "zlib"), ("udp", "none"), ("tcp", "none")]
)
def test_go_gelf(start: Start, transport: str, compress: str) -> None:
    """Messages made by hand, and lines of the `log` package."""
    command = go_client()
    scheme = f"gelf+{transport}"
    listener = start(f"{scheme}://127.0.0.1:0")
    job = {"transport": transport, "compress": compress, "host": "127.0.0.1", "port": listener.port(scheme)}
    # 2816 = 2 * 1408: go-gelf counts one chunk too many and sends an empty one. Compressed, sizes are anything.
    exact = 2816 if compress == "none" and transport == "udp" else 0
    now = Now()
    run_job([*command], {**job, "text": TEXT, "large": LARGE, "exact": exact})

    messages = listener.messages(5 if exact else 4)
    first, emergency, large, logged = messages[0], messages[1], messages[2], messages[-1]
    assert all(now.holds(message) for message in (first, emergency, large, logged))
    assert (first["host"], first["level"]) == ("go-host", 4)
    assert first["short_message"] == TEXT
    assert first["full_message"] == TEXT + "\nmore"
    known = {"version", "host", "short_message", "full_message", "timestamp", "level"}
    assert {name: value for name, value in first.items() if name not in known} == {
        "facility": "e2e",
        "_order": "A-17",
        "_count": 42,
        "_ratio": 0.5,
        "_flag": True,
        "C": 9,  # sent without its underscore, as go-gelf's own tests do, and written as it came
    }
    assert emergency["short_message"] == "emergency"
    assert "level" not in emergency  # go-gelf omits level 0, so nobody can know
    assert (large["short_message"], large["level"]) == (LARGE, 6)
    assert (logged["short_message"], logged["host"]) == ("first line", socket.gethostname())
    assert logged["full_message"].rstrip("\n") == "first line\nsecond line"
    if exact:
        assert set(messages[3]["short_message"]) == {"x"}
        assert listener.metric("gelf_input_chunked_messages_complete_total") == 2
        assert listener.metric("gelf_input_chunked_messages_pending") == 0
    assert listener.rejected() == 0
