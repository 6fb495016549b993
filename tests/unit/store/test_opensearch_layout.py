"""Documents for OpenSearch: what is worked out once for many messages is what each of them comes to by itself."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from gelf_listener.store.opensearch.layout import MAX_COLUMNS, Document, Layout, value_of
from tests.unit.store.samples import plain

VALUES = st.one_of(
    st.text(max_size=20),
    st.integers(),
    st.integers(min_value=10**300, max_value=10**400),
    st.floats(),
    st.sampled_from((0.0, -0.0, 1e16, 2.0**63, 1e308, True, False, "x" * 9000)),
)


def shown(document: Document) -> Any:
    """A document without the order of its parts."""
    found = msgspec.json.decode(msgspec.json.encode(document))
    for name in ("names", "any", "anyn", "long", "rest"):
        found[name] = sorted(found.get(name, ()))
    return found


@given(st.lists(st.dictionaries(st.sampled_from(("a", "b", "c.d", "ü", "")), VALUES), max_size=6))
def test_a_plan_means_the_same(all_fields: list[dict[str, Any]]) -> None:
    """Whatever came before under the same names."""
    layout = Layout("node")
    for fields in all_fields:
        message = plain("text", **fields)
        planned = layout.document_of(message, b"packed")
        single = Layout("node")
        single._put_planned = lambda *_: False  # type: ignore[method-assign]
        assert shown(planned) == shown(single.document_of(message, b"packed"))


def test_values_are_marked_by_their_kind() -> None:
    """And read back; equal numbers are written alike."""
    fields: dict[str, Any] = {"word": "7", "whole": 7, "half": 7.5, "same": 7.0, "truth": True}
    document = Layout("node").document_of(plain("text", **fields), b"")
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
    layout = Layout("node")
    for number in range(MAX_COLUMNS):
        layout.document_of(plain("text", **{f"n{number}": "x"}), b"")
    assert not layout.rest
    document = layout.document_of(plain("text", n1="a", more="b", number=4), b"")
    assert layout.rest
    assert (document.v["n1"], list(document.rest), list(document.any)) == ("=a", ["more", "number"], ["=b", "n4"])
    assert "more" not in document.v
    assert len(layout.columns) == MAX_COLUMNS


def test_fields_without_columns() -> None:
    """What the cluster refused is sent without any."""
    document = Layout("node").document_of(plain("text", a="b"), b"", mapped=False)
    assert (list(document.rest), list(document.any)) == (["a"], ["=b"])
    assert "a" not in document.v
