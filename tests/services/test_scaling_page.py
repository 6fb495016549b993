"""docs/scaling.md, followed literally: its commands, with the hosts of the page put where Kafka and OpenSearch run."""

from __future__ import annotations

import json
import re
import shlex
import socket
from pathlib import Path

import pytest

from tests.e2e.listener import Listener, until
from tests.e2e.toolchains import JAVA_SECONDS
from tests.services.kafka import Kafka
from tests.services.opensearch import OpenSearch

pytestmark = [pytest.mark.external, pytest.mark.timeout(JAVA_SECONDS)]

PAGE = Path(__file__).parents[2] / "docs" / "scaling.md"


def command(heading: str, first: str) -> list[str]:
    """The arguments of the first command below a heading whose text begins so."""
    section = PAGE.read_text(encoding="utf-8").split(f"\n## {heading}\n")[1].split("\n## ")[0]
    for block in re.findall(r"```bash\n(.*?)```", section, re.DOTALL):
        words = shlex.split(block.replace("\\\n", " "))
        if block.startswith(first):
            assert words[0] == "gelf-listener"
            return words[1:]
    raise AssertionError(f"no command {first!r} below {heading!r}")


def test_a_message_goes_all_the_way(tmp_path: Path, kafka: Kafka, opensearch: OpenSearch) -> None:
    """From the edge through Kafka to the listener that reads it, and on that one's page."""
    hosts = {"kafka.example.org": kafka.address, "opensearch.example.org": f"127.0.0.1:{opensearch.port}"}

    def placed(arguments: list[str]) -> list[str]:
        for host, place in hosts.items():
            arguments = [argument.replace(host, place) for argument in arguments]
        assert not any("example.org" in argument for argument in arguments)
        return [*arguments, "--api", "127.0.0.1:0"]

    edge = placed(command("3. Kafka in between", "gelf-listener --output 'kafka:"))
    reader = placed(command("4. OpenSearch", "gelf-listener --input 'gelf+kafka:"))
    (tmp_path / "edge").mkdir()
    (tmp_path / "reader").mkdir()
    edge += ["--input", "gelf+udp://127.0.0.1:0"]  # the page leaves it at 12201, which others have here
    with (
        Listener(tmp_path / "edge", plain=True, arguments=edge) as sends,
        Listener(tmp_path / "reader", plain=True, arguments=reader) as reads,
    ):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            text = json.dumps({"version": "1.1", "host": "shop", "short_message": "order 4711 paid", "_user_id": 42})
            sock.sendto(text.encode(), sends.endpoint("gelf+udp").address)

        def found() -> list[str]:
            status, answer = reads.get("/api/gelf/search?query=order+AND+user_id:42")
            assert status == 200, answer
            return [each["short_message"] for each in json.loads(answer)["messages"]]

        assert until(found, 20, "the message") == ["order 4711 paid"]
        status, page = reads.get("/")
        assert (status, "<html" in page) == (200, True)
