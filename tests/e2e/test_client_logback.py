"""Java's logback-gelf, unmodified: UDP, TCP and HTTP (which offers HTTP/2 with every request)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.conftest import Start
from tests.e2e.expect import LARGE, TEXT, Now
from tests.e2e.toolchains import JAVA_SECONDS, java_client, run_job

pytestmark = [pytest.mark.external, pytest.mark.timeout(JAVA_SECONDS + 120)]


@pytest.mark.parametrize("compression", ["GZIP", "NONE"])
def test_logback_gelf(start: Start, tmp_path: Path, compression: str) -> None:
    """Fields, MDC, exceptions, and a message of many chunks; the three transports in one Java process."""
    command = java_client()
    listener = start("gelf+udp://127.0.0.1:0", "gelf+tcp://127.0.0.1:0", "gelf+http://127.0.0.1:0")
    (tmp_path / "text").write_text(TEXT, encoding="utf-8")
    (tmp_path / "large").write_text(LARGE, encoding="utf-8")
    pairs = [part for name in ("udp", "tcp", "http") for part in (name, str(listener.port(f"gelf+{name}")))]
    now = Now()
    said = run_job([*command, compression, str(tmp_path / "text"), str(tmp_path / "large"), *pairs])
    assert "ERROR" not in said  # logback reports what an appender could not send, as HTTP without 202

    messages = listener.messages(9)
    assert all(now.holds(message) for message in messages)
    assert {message["host"] for message in messages} == {"java-host"}
    # Chunks of two messages may arrive interleaved, so a transport's three messages may complete in any order.
    by_level = {level: [message for message in messages if message["level"] == level] for level in (4, 3, 6)}
    for first, failed, large in zip(*by_level.values(), strict=True):
        assert first["short_message"] == TEXT
        assert first["full_message"].rstrip("\n") == TEXT
        assert {name: value for name, value in first.items() if name.startswith("_")} == {
            "_app": "e2e",
            "_order": "A-17",
            "_zeros": 123,  # logback-gelf turns what looks like a number into one
            "_level_name": "WARN",
            "_logger_name": "com.example.Shop",
            "_thread_name": "main",
        }
        assert failed["short_message"] == "it broke"
        assert "java.lang.IllegalStateException: no stock\n\tat Client.log(Client.java" in failed["full_message"]
        assert large["short_message"] == LARGE
    assert listener.metric("gelf_input_chunked_messages_complete_total") >= 1
    assert listener.rejected() == 0
