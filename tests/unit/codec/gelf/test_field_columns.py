"""Field columns: the fields of many messages are those that each of them has."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gelf_listener.codec import Batch
from gelf_listener.codec.gelf.field_columns import field_columns_of
from gelf_listener.codec.gelf.lenient import LenientGelf
from gelf_listener.message import FieldValue, Message
from gelf_listener.rows import Names, Row

NAMES = st.sampled_from(["_user", "_a.b", "_a b", "_a_b", "_level", "bare", "_id", "_", "_\u00f6dd", "_message"])
VALUES = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=4),
    st.sampled_from([0, -1, 2**63 - 1, 2**63, 2**64, 10**30, -(2**63), -(2**63) - 1, 1.5, -0.0, 1e300]),
    st.sampled_from([True, False, None, [1], {"inner": 1}, "\\", "2026-11-23"]),
)
KNOWN: dict[str, Any] = {
    "version": st.sampled_from(["1.1", "1.0"]),
    "host": st.just("web"),
    "short_message": st.just("x"),
}
MORE: dict[str, Any] = {"level": st.sampled_from([3, None, 9]), "full_message": st.sampled_from([None, "more"])}
PAYLOADS = st.builds(
    lambda known, added: json.dumps(known | added | {"timestamp": 1.5}).encode(),
    st.fixed_dictionaries(KNOWN, optional=MORE),
    st.dictionaries(NAMES, VALUES, max_size=5) | st.fixed_dictionaries({"_user": VALUES, "bare": VALUES}),
)
ODD = st.sampled_from(
    [
        b'{"version":"1.1","host":"web","short_message":"x","timestamp":1,"_user":1e999,"bare":1}',
        b'{"version":"1.1","host":"web","short_message":"x","timestamp":1,"_user":"\\ud800","bare":1}',
        b'{"version":"1.1","host":"web","short_message":"x","timestamp":1,"_user":1,"bare":2,"_user":3}',
    ]
)
ROWS = st.builds(
    lambda names, values: Row(Names(names), values),
    st.sampled_from([("user", "bare"), ("user", "user"), ("bare", "user")]),
    st.tuples(st.booleans() | st.just(float("inf")), st.text(max_size=3)),
)


def decoded(payloads: list[bytes]) -> list[Message]:
    batch = Batch()
    LenientGelf("test").decode_all(((payload, None) for payload in payloads), 1.0, batch)
    return batch.messages


def of_rows(rows: list[Row]) -> list[Message]:
    return [Message(1.0, "web", "x", None, 6, b"", 1.0, _open=row) for row in rows]


def exactly(fields: dict[str, FieldValue]) -> Any:
    """Fields with the types of their values: 1, 1.0 and True are equal."""
    return {name: (type(value), repr(value)) for name, value in fields.items()}


@given(st.lists(PAYLOADS | ODD, max_size=12), st.lists(ROWS, max_size=4), st.booleans())
def test_they_are_what_each_message_has(payloads: list[bytes], rows: list[Row], reads: bool) -> None:
    """Whether a message was read before or not; a message is in just one group."""
    wanted = [exactly(message.fields) for message in decoded(payloads) + of_rows(rows)]
    messages = decoded(payloads) + of_rows(rows)
    if reads:
        for message in messages[::2]:
            assert message.fields is not None
    found: dict[int, Any] = {}
    for group in field_columns_of(messages):
        assert len(set(group.names)) == len(group.names)
        for row, place in enumerate(group.places):
            assert place not in found
            fields = dict(zip(group.names, [column[row] for column in group.columns], strict=True))
            found[place] = exactly(fields)
    assert [found[place] for place in range(len(messages))] == wanted


def test_no_message_is_given_a_dict() -> None:
    """Where nothing has to be repaired."""
    messages = decoded(
        [b'{"version":"1.1","host":"a","short_message":"b","timestamp":1,"_a":%d,"_b":"x"}' % n for n in (1, 2)]
    )
    (group,) = field_columns_of(messages)
    assert (group.names, list(group.columns)) == (("a", "b"), [(1, 2), ("x", "x")])
    assert all(message._fields is None for message in messages)
