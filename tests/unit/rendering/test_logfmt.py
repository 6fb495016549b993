"""logfmt."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gelf_listener.rendering.logfmt import LogfmtRenderer
from tests.unit.outputs.messages import make_message

HEAD = "timestamp=2026-09-21T14:13:20.000000Z host=web1 level=info "


def show(message, fields=None):
    return LogfmtRenderer(fields).render([message]).decode()


@pytest.mark.parametrize(
    ("keywords", "shown"),
    [
        ({"short_message": "m"}, "short_message=m"),
        ({"short_message": ""}, 'short_message=""'),
        ({"short_message": "a b"}, 'short_message="a b"'),
        ({"short_message": "a=b"}, 'short_message="a=b"'),
        ({"short_message": "é"}, "short_message=é"),
        ({"short_message": "a\nb"}, 'short_message="a\\nb"'),
        ({"full_message": "a\nb"}, 'short_message=hello full_message="a\\nb"'),
        (
            {"fields": {"a": 1, "b": 1.5, "c": True, "d": "x y", "e": ""}},
            'short_message=hello a=1 b=1.5 c=true d="x y" e=""',
        ),
        ({"fields": {"a b": 1, "c=d": 2, 'e"': 3, "f\n": 4, "": 5}}, "short_message=hello a_b=1 c_d=2 e_=3 f_=4 _=5"),
        ({"fields": {"n": 10**5000 - 1}, "raw": b""}, f"short_message=hello n={10**5000 - 1:#x}"),
    ],
)
def test_pairs(keywords, shown):
    """Values are quoted where a reader needs it; names are always one token."""
    assert show(make_message(**keywords)) == f"{HEAD}{shown}\n"


def test_host_and_level():
    """Without a level there is no pair for it; one beyond syslog's is a number."""
    assert show(make_message("m", host="a b", level=None)) == (
        'timestamp=2026-09-21T14:13:20.000000Z host="a b" short_message=m\n'
    )
    assert "level=9 " in show(make_message("m", level=9))


def test_which_fields():
    """Those named, in that order."""
    assert show(make_message("m", fields={"a": 1, "b": 2}), ("b", "z")) == f"{HEAD}short_message=m b=2\n"


@given(
    st.text(st.sampled_from('ab ="\\é€'), max_size=8),
    st.text(st.sampled_from('ab ="\\é€'), max_size=8),
    st.dictionaries(
        st.text(st.sampled_from('ab ="\\é'), max_size=5),
        st.one_of(st.booleans(), st.integers(), st.floats(), st.text(st.sampled_from('ab ="\\é€'), max_size=5)),
        max_size=4,
    ),
)
def test_the_quick_way_and_the_careful_way_agree(short, host, fields):
    """The quick one is an optimisation, not another format."""
    renderer = LogfmtRenderer()
    message = make_message(short, host=host, fields=fields, exact=False, raw=b"")
    quick = renderer._quick(message)
    assert quick in ("", renderer._careful(message))
