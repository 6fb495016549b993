"""Names of indices in a cluster: by day, and no store's among those of another."""

from __future__ import annotations

import re
from itertools import permutations

import pytest

from gelf_listener.store.opensearch.names import DatedNames, IndexNames, NumberedNames

PREFIXES = ("app", "app-test", "app_test", "app-2", "app_2", "app-2026", "app-test-2", "app2")
DAY = 20_786
NAMES: list[IndexNames] = [kind(prefix) for prefix in PREFIXES for kind in (DatedNames, NumberedNames)]


def finds(pattern: str, name: str) -> bool:
    """Whether a pattern of OpenSearch finds an index."""
    found = False
    for part in pattern.split(","):
        wanted = not part.startswith("-")
        if re.fullmatch(re.escape(part.removeprefix("-")).replace(r"\*", ".*"), name):
            found = wanted
    return found


@pytest.mark.parametrize("names", NAMES, ids=lambda names: names.of(DAY))
def test_a_name_tells_its_day(names: IndexNames) -> None:
    """And is found by the pattern, and made by the template."""
    name = names.of(DAY)
    assert names.day(name) == DAY
    assert finds(names.pattern, name)
    assert finds(names.template_pattern, name)


@pytest.mark.parametrize(("one", "other"), list(permutations(NAMES, 2)))
def test_no_store_has_an_index_of_another(one: IndexNames, other: IndexNames) -> None:
    """However alike their prefixes begin; and of two templates that fit, the right one comes first."""
    name = other.of(DAY)
    assert one.day(name) is None
    assert not finds(one.pattern, name)
    if finds(one.template_pattern, name):
        assert len(other.template_pattern) > len(one.template_pattern)
    for shared in (f"{other.prefix}.shared", f"{one.prefix}.shared"):
        assert not finds(one.pattern, shared)


def test_names_as_they_are_written() -> None:
    """With the date, or with a number, as a Graylog counts its own."""
    assert DatedNames("gelf").of(DAY) == "gelf-2026.11.29"
    assert NumberedNames("gelf").of(DAY) == "gelf_20786"
