"""npm's gelf-pro, unmodified: UDP (always zlib, always chunked), TCP and TLS (a connection for each message)."""

from __future__ import annotations

import socket

import pytest

from tests.e2e.conftest import Certificates, Start
from tests.e2e.expect import LARGE, TEXT, Now
from tests.e2e.toolchains import NODE_SECONDS, node_client, run_job

pytestmark = [pytest.mark.external, pytest.mark.timeout(NODE_SECONDS + 60)]

SCHEMES = {"udp": "gelf+udp", "tcp": "gelf+tcp", "tcp-tls": "gelf+tls"}


@pytest.mark.parametrize("transport", SCHEMES)
def test_gelf_pro(start: Start, certificates: Certificates, transport: str) -> None:
    """Fields, an Error, and a message longer than gelf-pro's own limit for additional fields."""
    command = node_client()
    scheme = SCHEMES[transport]
    options = f"?cert={certificates.server}" if transport == "tcp-tls" else ""
    listener = start(f"{scheme}://127.0.0.1:0{options}")
    host = "localhost" if transport == "tcp-tls" else "127.0.0.1"
    job = {"client": "gelf-pro", "transport": transport, "host": host, "port": listener.port(scheme)}
    now = Now()
    run_job([*command[:2]], {**job, "modules": command[2], "ca": str(certificates.ca), "text": TEXT, "large": LARGE})

    first, failed, large = listener.messages(3)
    assert all(now.holds(message) for message in (first, failed, large))
    assert {message["host"] for message in (first, failed, large)} == {socket.gethostname()}
    assert [message["level"] for message in (first, failed, large)] == [4, 3, 6]
    assert first["short_message"] == TEXT
    assert {name: value for name, value in first.items() if name.startswith("_")} == {
        "_facility": "e2e",
        "_order": "A-17",
        "_count": 42,
        "_ratio": 0.5,
        "_flag": "true",  # gelf-pro makes text of what is neither number nor object
        "_nothing": "",
        "_deep_er": "x",
    }
    assert failed["short_message"] == "it broke"
    assert failed["full_message"].startswith("Error: it broke\n    at ")
    assert "client.js" in failed["full_message"]
    assert large["short_message"] == LARGE
    assert listener.rejected() == 0
    if transport == "udp":
        assert listener.metric("gelf_input_chunked_messages_complete_total") == 3  # also 1-of-1
    else:
        assert listener.metric("gelf_input_connections_total") == 3
