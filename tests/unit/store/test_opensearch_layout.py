"""Documents for OpenSearch: what is worked out for many messages at once is what each of them comes to by itself."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from gelf_listener.codec.gelf.field_columns import field_columns_of
from gelf_listener.message import Message, Peer
from gelf_listener.store.opensearch.layout import MAX_COLUMNS, Document, Layout
from gelf_listener.store.opensearch.objects import OFTEN, Objects
from gelf_listener.store.opensearch.values import Irregular, value_columns, value_of
from tests.unit.store.samples import plain

VALUES = st.one_of(
    st.text(max_size=20),
    st.integers(),
    st.integers(min_value=10**300, max_value=10**400),
    st.floats(),
    st.sampled_from((0.0, -0.0, 1e16, 2.0**63, 1e308, True, False, "x" * 9000)),
)


def shown(document: Document) -> Any:
    """A document without the order of its parts, its numbers as the doubles that the cluster makes of them."""
    found = msgspec.json.decode(msgspec.json.encode(document))
    found["n"] = {name: float(number) for name, number in found.get("n", {}).items()}
    for name in ("names", "any", "anyn", "long", "rest"):
        found[name] = sorted(found.get(name, ()))
    return found


def documents(layout: Layout, *messages: Message, mapped: bool = True) -> list[Document]:
    """What messages come to that are stored at once."""
    return layout.documents_of(messages, [each.id for each in messages], [b"packed"] * len(messages), mapped=mapped)


class _OneByOne(Layout):
    def _put_alike(self, *group: Any) -> None:
        self._put_each(*group)


@given(
    st.lists(
        st.lists(st.dictionaries(st.sampled_from(("a", "b", "c.d", "ü", "")), VALUES), min_size=1, max_size=8),
        max_size=4,
    )
)
def test_many_at_once_mean_the_same(batches: list[list[dict[str, Any]]]) -> None:
    """Whatever is beside a message, and came before."""
    layout = Layout("node", field_columns_of)
    for batch in batches:
        messages = [plain("text", **fields) for fields in batch]
        for message, document in zip(messages, documents(layout, *messages), strict=True):
            assert shown(document) == shown(documents(_OneByOne("node", field_columns_of), message)[0])


def test_whatever_is_known_of_their_origin() -> None:
    """Messages with and without an input, a peer, a level and a full message, often enough for classes of objects."""
    layout, peers = Layout("node", field_columns_of), (None, Peer("10.0.0.1", 4711), Peer("::1", 5))
    fields: dict[str, Any] = {"c": "x"}
    messages = [
        plain(
            f"Text {number}",
            peer=peers[number % 3],
            level=None if number % 7 else number % 1000,
            full_message="A\nB" if number % 11 == 0 else None,
            host="H" * (9000 if number % 97 == 0 else 3),
            **(fields | {"a": number, "b": number / 4} if number % 4 else {}),
        )
        for number in range(2 * OFTEN)
    ]
    for message in messages[::5]:
        message.input = ""
    messages.append(plain("large", level=1 << 70, a=1, b=0.5, c="x"))
    for _ in range(2):
        for message, document in zip(messages, documents(layout, *messages), strict=True):
            assert shown(document) == shown(documents(_OneByOne("node", field_columns_of), message)[0])
    assert any(type(document.v) is not dict for document in documents(layout, *messages))


def test_a_column_may_have_whole_and_decimal_numbers() -> None:
    """JavaScript writes 5.0 as 5; a column with texts as well is looked at by its rows."""
    assert value_columns([(5, 1.5, -0.0, 2.0)]) == [(["n5", "n1.5", "n0", "n2"], (5, 1.5, -0.0, 2.0))]
    assert value_columns([(5, "5")]) == ([], [[0], [1]])
    for special in (1 << 63, 10**400, float("inf"), float("nan"), 1e300):
        assert isinstance(value_columns([(5, 1.5, special)]), Irregular)
        assert isinstance(value_columns([(special, 1.5, 5)]), Irregular)


def test_objects_of_many_names() -> None:
    """They are dicts, and what is remembered of names is bounded."""
    objects = Objects()
    many = tuple(f"n{number}" for number in range(1000))
    assert list(objects.of(many, [[1] * OFTEN] * 1000)) == [dict.fromkeys(many, 1)] * OFTEN
    for number in range(2000):
        list(objects.of((f"n{number}",), [[1]]))
        list(objects.of((f"n{number}", "b"), [[1] * OFTEN, [2] * OFTEN]))
    assert max(map(len, (objects._counts, objects._classes))) <= 1024


def test_names_are_shared() -> None:
    """Rows with something special among hundreds without, each in its place."""
    layout = Layout("node", field_columns_of)
    values: list[Any] = [1, 2.5, "x", True, "y" * 9000, 10**30, 7, float("inf"), "z"]
    found = documents(layout, *[plain(f"Text {number}", a=value) for number, value in enumerate(values)])
    assert [each.words for each in found] == [f"text {number}" for number in range(len(values))]
    terms = ["n1", "n2.5", "=x", "btrue", None, f"n{10**30}", "n7", "ninf", "=z"]
    assert [each.v.get("a") for each in found] == terms
    assert [each.n.get("a") for each in found] == [1, 2.5, None, None, None, 1e30, 7, None, None]
    assert [list(each.long) for each in found] == [["a"] if number in (4, 7) else [] for number in range(len(values))]
    assert all(list(each.names) == ["a"] for each in found)


def test_values_are_marked_by_their_kind() -> None:
    """And read back; equal numbers are written alike."""
    fields: dict[str, Any] = {"word": "7", "whole": 7, "half": 7.5, "same": 7.0, "truth": True}
    (document,) = documents(Layout("node", field_columns_of), plain("text", **fields))
    values = {name: value for name, value in document.v.items() if not name.startswith("@")}
    assert values == {"word": "=7", "whole": "n7", "half": "n7.5", "same": "n7", "truth": "btrue"}
    assert {name: value_of(term) for name, term in values.items()} == fields
    assert {name: value for name, value in document.n.items() if name != "@port"} == {
        "whole": 7,
        "half": 7.5,
        "same": 7,
    }


def test_names_beyond_the_columns() -> None:
    """They are kept beside, with their values, and nothing takes the columns of others."""
    layout = Layout("node", field_columns_of)
    for number in range(MAX_COLUMNS):
        documents(layout, plain("text", **{f"n{number}": "x"}))
    assert not layout.rest
    (document,) = documents(layout, plain("text", n1="a", more="b", number=4))
    assert layout.rest
    assert (document.v["n1"], list(document.rest), list(document.any)) == ("=a", ["more", "number"], ["=b", "n4"])
    assert "more" not in document.v
    assert len(layout.columns) == MAX_COLUMNS


def test_fields_without_columns() -> None:
    """What the cluster refused is sent without any."""
    (document,) = documents(Layout("node", field_columns_of), plain("text", a="b"), mapped=False)
    assert (list(document.rest), list(document.any)) == (["a"], ["=b"])
    assert "a" not in document.v
