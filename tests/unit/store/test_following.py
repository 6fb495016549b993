"""Following: columns that say nothing new are left out, and come back."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from gelf_listener.store.cells import fews, lay_out
from gelf_listener.store.following import leave_out, put_back

CUT = b',"'


def columns_of(*columns: list[str]) -> list[list[bytes]]:
    """Return columns as they are laid out."""
    return [[value.encode() for value in column] for column in columns]


def test_what_follows_is_left_out() -> None:
    """Whichever of both comes first; a text around numbers too. What differs once is kept."""
    hosts = [f"web-{number % 7}" for number in range(60)]
    regions = ["eu" if host < "web-4" else "us" for host in hosts]
    paths = [f"/{region}/{number * 977 % 7919 + 10}" for number, region in enumerate(regions)]
    odd = [*regions[:-1], "ap"]
    columns = [lay_out(each, CUT) for each in columns_of(regions, hosts, paths, odd)]
    whole = [list(column.all(CUT)) for column in columns]
    following = leave_out(columns)
    assert [len(few.numbers) for few in fews(columns)] == [0, 60, 0, 60]
    put_back(columns, following)
    assert [list(column.all(CUT)) for column in columns] == whole == columns_of(regions, hosts, paths, odd)


@settings(max_examples=200, deadline=None)
@given(
    st.integers(1, 60).flatmap(lambda rows: st.lists(st.lists(st.sampled_from("abcd"), min_size=rows, max_size=rows)))
)
def test_whatever_is_left_out_comes_back(values: list[list[str]]) -> None:
    """Whether columns are alike by chance, or the same."""
    columns = [lay_out(each, CUT) for each in columns_of(*values)]
    put_back(columns, leave_out(columns))
    assert [list(column.all(CUT)) for column in columns] == columns_of(*values)
