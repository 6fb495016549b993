"""npm's winston with winston-log2gelf, unmodified: TCP and HTTP with keep-alive, answers never read."""

from __future__ import annotations

import pytest

from tests.e2e.conftest import Start
from tests.e2e.expect import LARGE, TEXT, Now
from tests.e2e.toolchains import NODE_SECONDS, node_client, run_job

pytestmark = [pytest.mark.external, pytest.mark.timeout(NODE_SECONDS + 60)]


@pytest.mark.parametrize("transport", ["tcp", "http"])
def test_winston(start: Start, transport: str) -> None:
    """Levels are winston's own numbers, a field is JSON text, another is null: taken as they are sent."""
    command = node_client()
    scheme = f"gelf+{transport}"
    listener = start(f"{scheme}://127.0.0.1:0")
    job = {"client": "winston", "transport": transport, "host": "127.0.0.1", "port": listener.port(scheme)}
    now = Now()
    run_job(command[:2], {**job, "modules": command[2], "text": TEXT, "large": LARGE})

    first, large = sorted(listener.messages(2), key=lambda message: message["level"])
    assert now.holds(first)
    assert now.holds(large)
    assert (first["host"], first["level"], large["level"]) == ("node-host", 1, 2)
    assert first["short_message"] == first["full_message"] == TEXT
    assert {name: value for name, value in first.items() if name.startswith("_")} == {
        "_service": "e2e",
        "_environment": "development",
        "_order": "A-17",
        "_count": 42,
        "_ratio": 0.5,
        "_flag": "true",
        "_deep": '{"er":"x"}',
    }
    assert large["short_message"] == LARGE
    assert listener.rejected() == 0


@pytest.mark.parametrize("form", ["RFC5424", "BSD"])
def test_winston_syslog(start: Start, form: str) -> None:
    """By TCP it ends no message: two that are written together come apart, and none waits for the connection's end."""
    command = node_client()
    listener = start("syslog+tcp://127.0.0.1:0")
    job = {"client": "winstonSyslog", "form": form, "host": "127.0.0.1", "port": listener.port("syslog+tcp")}
    now = Now()
    run_job(command[:2], {**job, "modules": command[2], "text": TEXT})

    first, second, third = sorted(listener.messages(3), key=lambda message: message["level"])
    assert [message["short_message"] for message in (first, second, third)] == [TEXT, "second", "third"]
    assert [message["level"] for message in (first, second, third)] == [3, 4, 5]
    assert (first["_order"], first["_count"], first["host"]) == ("A-17", 42, "node-host")
    assert {message["_application_name"] for message in (first, second, third)} == {"shop"}
    if form == "RFC5424":  # the other has seconds only
        assert all(now.holds(message) for message in (first, second, third))
    assert listener.rejected() == 0
