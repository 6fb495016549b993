"""Rules of streams as Graylog 7.0.1 routed by them, by the test and by the search, over 320 recorded messages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gelf_listener.api.errors import ApiError
from gelf_listener.api.graylog.rules import Rule, compile_rules, node_of
from gelf_listener.codec import Batch
from gelf_listener.codec.gelf.graylog import GraylogGelf
from gelf_listener.message import Message
from gelf_listener.query import compile_predicate
from gelf_listener.query.nodes import Group, Matches, Node

FOLDER = Path(__file__).parents[3] / "vectors" / "graylog"
ENTRIES = json.loads((FOLDER / "rules.json").read_text())["entries"]


@pytest.fixture(scope="module")
def messages() -> list[Message]:
    batch = Batch()
    for document in json.loads((FOLDER / "messages.json").read_text())["messages"]:
        GraylogGelf("test").decode(json.dumps(document).encode(), 1.0, None, batch)
    return batch.messages


def roughly(node: Node) -> Node:
    """What is looked up before the test is asked; of what must not match, nothing is known."""
    if isinstance(node, Matches):
        return node.roughly
    if isinstance(node, Group):
        return Group(tuple(map(roughly, node.must)), tuple(map(roughly, node.should)))
    return node


@pytest.mark.parametrize("entry", ENTRIES, ids=[f"{number}" for number in range(len(ENTRIES))])
def test_recorded(entry: dict[str, Any], messages: list[Message]) -> None:
    """The numbers of the messages that were routed; a search finds the same, and looks at no fewer."""
    rules = [Rule.model_validate(rule) for rule in entry["rules"]]
    if "refused" in entry:
        with pytest.raises(ApiError):
            compile_rules(rules, entry["matching_type"])
        return
    test = compile_rules(rules, entry["matching_type"])
    node = node_of(rules, entry["matching_type"])
    found, rough = compile_predicate(node), compile_predicate(roughly(node))
    routed = set(entry["routed"])
    assert {message.fields["n"] for message in messages if test(message)} == routed
    assert {message.fields["n"] for message in messages if found(message)} == routed
    assert routed <= {message.fields["n"] for message in messages if rough(message)}


@pytest.mark.parametrize(
    ("kind", "field", "value", "count", "others"),
    [
        (7, "", "", 320, 0),
        (2, "message", r"\bssh\b", 20, 300),
        (2, "message", "ssh (?!login)", 7, 313),
        (2, "message", "(?i)ERROR", 9, 311),
        (2, "source", r"\Aweb", 104, 216),
        (2, "message", r"(o)\1", 24, 296),
        (3, "level", "5d", 75, 245),
        (3, "level", " 5", 0, 0),
    ],
)
@pytest.mark.parametrize("inverted", [False, True])
def test_search_and_test_agree(
    kind: int, field: str, value: str, count: int, others: int, inverted: bool, messages: list[Message]
) -> None:
    """Of rules that nobody recorded; Graylog's own matchers are asked about such in the services tests."""
    rule = Rule(type=kind, field=field, value=value, inverted=inverted)
    test, search = compile_rules([rule], "AND"), compile_predicate(node_of([rule], "AND"))
    routed = [message.fields["n"] for message in messages if test(message)]
    assert routed == [message.fields["n"] for message in messages if search(message)]
    assert len(routed) == (others if inverted else count)
