"""The brokers' recipes, as the page has them, against real brokers."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.listener import Listener, until
from tests.services.kafka import Kafka
from tests.services.rabbitmq import RabbitMq

pytestmark = pytest.mark.external

PAGE = Path(__file__).parents[2] / "docs" / "recipes" / "brokers.md"


def recipe(title: str) -> tuple[str, str]:
    """Input and program of a section."""
    section = re.split(r"^## ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    (text,) = [each for each in section if each.startswith(title)]
    blocks = dict(re.findall(r"```(\w+)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE))
    words = shlex.split(blocks["console"])
    assert words[:2] == ["gelf-listener", "--input"]
    return words[2], blocks["python"]


def arrives(listener: Listener, program: str) -> None:
    """What the program logs is there."""
    pytest.importorskip("gelf_handlers")
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, encoding="utf-8", timeout=90, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    until(listener.lines, 20, "the message")
    (made,) = listener.lines()
    assert (made["short_message"], made["level"], made["_order"], made["_amount"]) == ("stock is low", 4, "A-17", 12.5)


def test_rabbitmq(tmp_path: Path, rabbitmq: RabbitMq) -> None:
    """The page's handler through the exchange and the queue that are the defaults of both sides."""
    address, program = recipe("RabbitMQ")
    ours = "guest:guest@localhost"
    assert ours in address
    assert ours in program
    with Listener(tmp_path, address.replace(ours, rabbitmq.authority)) as listener:
        until(lambda: listener.metric("gelf_input_connections_total"), 20, "the binding")
        arrives(listener, program.replace(ours, rabbitmq.authority))


def test_kafka(tmp_path: Path, kafka: Kafka) -> None:
    """The page's handler."""
    address, program = recipe("Kafka")
    ours = "localhost:9092"
    assert ours in address
    assert ours in program
    kafka.create("logs")
    with Listener(tmp_path, address.replace(ours, kafka.address)) as listener:
        arrives(listener, program.replace(ours, kafka.address))
