"""What Docker's gelf driver sends, sent with the library it uses: no engine is needed."""

from __future__ import annotations

import pytest

from tests.e2e.conftest import Start
from tests.e2e.expect import LARGE, TEXT, Now
from tests.e2e.toolchains import GO_SECONDS, go_client, run_job

pytestmark = [pytest.mark.external, pytest.mark.timeout(GO_SECONDS + 60)]

PIECE = 16 * 1024


@pytest.mark.parametrize(("transport", "compress"), [("udp", "gzip"), ("udp", "none"), ("tcp", "none")])
def test_docker(start: Start, transport: str, compress: str) -> None:
    """Levels by stream, the container's fields, a blank line, and a long line in pieces that nothing marks."""
    command = go_client()
    scheme = f"gelf+{transport}"
    listener = start(f"{scheme}://127.0.0.1:0")
    now = Now()
    job = {"transport": transport, "compress": compress, "host": "127.0.0.1", "port": listener.port(scheme)}
    run_job([*command], {**job, "text": TEXT, "large": LARGE, "docker": True})

    pieces = [LARGE[at : at + PIECE] for at in range(0, len(LARGE), PIECE)]
    messages = listener.messages(3 + len(pieces))
    assert [(made["short_message"], made["level"]) for made in messages] == [
        (TEXT, 6),
        (" ", 6),
        ("oops", 3),
        *((piece, 6) for piece in pieces),
    ]
    for made in messages:
        assert now.holds(made)
        assert made["host"] == "docker-host"
        assert (made["_container_id"], made["_container_name"], made["_tag"]) == (
            "4f6c0a7d2b9e",
            "shop-1",
            "4f6c0a7d2b9e",
        )
        assert made["_created"] == "2026-11-23T18:00:00.123456789Z"
        assert not [name for name in made if "partial" in name]
    assert listener.rejected() == 0


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_docker_read_as_text(start: Start, transport: str) -> None:
    """With `read=text` the pieces of a long line are joined, the container's fields stay, and a blank line is not a message."""
    command = go_client()
    scheme = f"gelf+{transport}"
    listener = start(f"{scheme}://127.0.0.1:0?read=text")
    job = {"transport": transport, "compress": "none", "host": "127.0.0.1", "port": listener.port(scheme)}
    run_job([*command], {**job, "text": TEXT, "large": LARGE, "docker": True})

    messages = listener.messages(3)
    found = {made["short_message"]: made for made in messages}
    assert set(found) == {TEXT, "oops", LARGE}
    assert (found[TEXT]["level"], found["oops"]["level"]) == (6, 3)
    assert {made["_container_name"] for made in messages} == {"shop-1"}
    assert {made["host"] for made in messages} == {"docker-host"}
    assert listener.rejected() == 0
