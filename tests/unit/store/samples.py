"""Messages for the stores' tests."""

from __future__ import annotations

import os
from typing import Any

import pytest
from hypothesis import Phase
from hypothesis import strategies as st

from gelf_listener.codec.batch import Batch
from gelf_listener.codec.gelf.lenient import LenientGelf
from gelf_listener.message import FieldValue, Message, Peer
from gelf_listener.query.nodes import Group, Node

__all__ = ["PHASES", "SOAK_EXAMPLES", "START", "decoded", "plain", "trees"]

PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
"""Of random tests that ask stores: shrinking takes minutes."""

SOAK_EXAMPLES = pytest.param(int(os.environ.get("GELF_SOAK_EXAMPLES", "400")), id="many", marks=pytest.mark.soak)
"""How many examples a random test has in a long run, where a few are enough in every other."""

START = 1_700_000_000.0


def decoded(*payloads: bytes, received_at: float = START, peer: Peer | None = None) -> list[Message]:
    """Messages as an input makes them: lazy, from payloads."""
    batch = Batch()
    LenientGelf("gelf+udp://test").decode_all(((payload, peer) for payload in payloads), received_at, batch)
    assert not batch.rejected
    return batch.messages


def plain(
    text: Any = "Hello",
    host: Any = "web",
    *,
    at: Any = 0.0,
    level: Any = 6,
    full_message: Any = None,
    peer: Any = None,
    **fields: FieldValue,
) -> Message:
    """A message some seconds after `START`, with additional fields."""
    return Message(START + at, host, text, full_message, level, b"", START + at, "udp", peer, _fields=fields)


def trees(leaves: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    """Queries of these leaves, in groups of groups."""
    return st.recursive(
        leaves,
        lambda inner: st.builds(
            Group,
            st.lists(inner, max_size=2).map(tuple),
            st.lists(inner, max_size=3).map(tuple),
            st.lists(inner, max_size=2).map(tuple),
        ),
        max_leaves=5,
    )
