"""Plug-ins whose library is an extra: without it, the error says which one to install."""

from __future__ import annotations

import sys

import pytest

from gelf_listener.errors import ConfigError
from gelf_listener.plugins import INPUT_GROUP, OUTPUT_GROUP, load

EXTRAS = [
    (OUTPUT_GROUP, "amqp", "aiormq", "amqp"),
    (INPUT_GROUP, "gelf+amqp", "aiormq", "amqp"),
    (OUTPUT_GROUP, "nats", "nats", "nats"),
    (OUTPUT_GROUP, "postgresql", "psycopg", "postgresql"),
    (OUTPUT_GROUP, "redis", "redis", "redis"),
    (OUTPUT_GROUP, "kafka", "confluent_kafka", "kafka"),
    (INPUT_GROUP, "gelf+kafka", "confluent_kafka", "kafka"),
    (INPUT_GROUP, "otlp+grpc", "h2", "grpc"),
]


class Absent:
    """Finds modules before everybody else, and says that a library is not there."""

    def __init__(self, library: str) -> None:
        self._library = library

    def find_spec(self, name: str, *_: object) -> None:
        if name == self._library:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


@pytest.mark.parametrize(("group", "scheme", "library", "extra"), EXTRAS)
def test_a_missing_extra(group: str, scheme: str, library: str, extra: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command to install it is the way on, so it is in the message."""
    for module in list(sys.modules):
        ours = module.startswith(
            ("gelf_listener.inputs.", "gelf_listener.outputs.", "gelf_listener.brokers.", "gelf_listener.codec.grpc")
        )
        if ours or module == library or module.startswith(f"{library}."):
            monkeypatch.delitem(sys.modules, module)
    monkeypatch.setattr(sys, "meta_path", [Absent(library), *sys.meta_path])
    with pytest.raises(ConfigError) as caught:
        load(group, scheme)
    kind = "input" if group == INPUT_GROUP else "output"
    assert str(caught.value) == (
        f"{kind} {scheme!r} needs {library!r}, which is not installed; "
        f"in the directory of gelf-listener's source: pip install '.[{extra}]'"
    )
