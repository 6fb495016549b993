"""GelfListenerContainer: testcontainers and docker-py as they are, a stand-in for the engine, a real listener behind it."""

from __future__ import annotations

import json
import socket
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.docker_engine import Engine

pytest.importorskip("testcontainers")

ROOT = Path(__file__).parents[2]


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """An engine that has our image, and testcontainers told of it."""
    from testcontainers.core.config import ConnectionMode, testcontainers_config

    monkeypatch.setattr(testcontainers_config, "connection_mode_override", ConnectionMode.docker_host)
    monkeypatch.setenv("TESTCONTAINERS_RYUK_DISABLED", "true")
    monkeypatch.delenv("DOCKER_AUTH_CONFIG", raising=False)
    with Engine(tmp_path / "engine", "gelf-listener") as running:
        (tmp_path / "engine").mkdir()
        monkeypatch.setenv("DOCKER_HOST", running.host)
        yield running


def payload(text: str, **fields: Any) -> bytes:
    return json.dumps({"version": "1.1", "host": "web", "short_message": text, "level": 6} | fields).encode()


def test_a_container_is_asked_as_any_listener(engine: Engine) -> None:
    """It waits until it is healthy; messages go in by every road and are waited for; it is gone afterwards."""
    from gelf_listener.testing import GelfListenerContainer

    with GelfListenerContainer() as gelf:
        assert gelf.api_url.startswith("http://127.0.0.1:")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.sendto(payload("by udp", _user_id=42), gelf.udp.address)
        with socket.create_connection(gelf.tcp.address) as connection:
            connection.sendall(payload("by tcp", _user_id=42) + b"\0")
        urllib.request.urlopen(gelf.environment["GELF_HTTP_URL"], data=payload("by http"), timeout=5).close()
        found = gelf.wait_for("user_id:42", count=2, timeout=30)
        assert {message.short_message for message in found} == {"by udp", "by tcp"}
        assert gelf.wait_for('"by http"', timeout=30)
        with pytest.raises(AssertionError, match=r"level:\[\* TO "):
            gelf.wait_for("level:<=3", timeout=0)
        gelf.clear()
        gelf.assert_none(within=0.05)
    assert engine.containers == {}


def test_what_docker_is_asked_for(engine: Engine) -> None:
    """The image, its ports of both protocols, no login; what the user says besides stands beside it."""
    from gelf_listener.testing import GelfListenerContainer

    container = GelfListenerContainer("example.org/gelf-listener:1", name="logs", startup_seconds=5)
    container.with_env("GELF_LOG_LEVEL", "debug")
    assert container.image == "example.org/gelf-listener:1"
    assert container.ports == dict.fromkeys(["12201/udp", "12201/tcp", "12203/tcp", "9000/tcp"])
    assert container.env == {"GELF_API_AUTH": "off", "GELF_LOG_LEVEL": "debug"}


def test_the_image_listens_there() -> None:
    """The Dockerfile opens every port that the class publishes, and listens to more than itself."""
    from gelf_listener.testing.container import _PORTS

    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    (exposed,) = [line.split()[1:] for line in text.splitlines() if line.startswith("EXPOSE ")]
    assert set(_PORTS) <= set(exposed)
    assert "GELF_HOST=*" in text
    assert "GELF_API=*:9000" in text
