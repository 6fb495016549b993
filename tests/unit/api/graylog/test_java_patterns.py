"""Java's regular expressions, as Graylog's stream rules use them; Graylog's own matchers said what is found."""

from __future__ import annotations

import pytest

from gelf_listener.api.graylog.java_patterns import found_anywhere


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        (r"\bssh\b", "an ssh login", True),
        (r"\bssh\b", "sshd", False),
        (r"\bl\b", "él", True),  # é is not a part of a word
        (r"\w\w", "éa", False),
        (r"\d", "٥", False),
        (r"\s", "\xa0", False),
        (r"\h", "\xa0", True),
        ("a.b", "a\nb", False),
        ("a.b", "a\u2028b", False),
        ("(?s)a.b", "a\nb", True),
        ("(?i)ERROR", "error", True),
        ("(?i)É", "é", False),
        ("(?iu)É", "é", True),
        ("(?i)ss", "ß", False),
        ("(?m)^b", "a\nb", True),
        ("^b", "a\nb", False),
        ("a$", "a\n", True),
        (r"a\z", "a\n", False),
        (r"a\Z", "a\r\n", True),
        ("(?=s)ssh", "ssh", True),
        ("s(?!s)", "ss", True),
        ("(?<!s)s$", "ss", False),
        (r"(a)\1", "xaa", True),
        ("(?<n>a)b", "ab", True),
        ("(?>a+)a", "aaa", False),
        ("a*+a", "aaa", False),
        (r"\Qa.b\E+", "a.bb", True),
        (r"\Qa.b", "axb", False),
        ("[a-z&&[^b]]", "b", False),
        ("[a[bc]]d", "cd", True),
        ("[]a]", "]", True),
        ("[[:alpha:]]", "x", False),
        ("[[:alpha:]]", ":", True),
        ("[a||b]", "|", True),
        (r"\p{Alpha}", "é", False),
        (r"\p{L}", "é", True),
        (r"\p{Lu}\d", "É1", True),
        (r"\p{L}\d", "é٥", False),
        (r"\P{Punct}", "!", False),
        ("<1-5>", "3", False),
        ('"x"', "x", False),
        ("a@b&c~#", "a@b&c~#", True),
    ],
)
def test_found(pattern: str, text: str, found: bool) -> None:
    test = found_anywhere(pattern)
    assert test is not None
    assert test(text) is found


@pytest.mark.parametrize(
    "pattern", ["[", "(", "a{,3}", "a{", "+", "a**", r"\y", r"\m", r"\p", "a\\", "(?<1>a)", "(" * 60]
)
def test_refused(pattern: str) -> None:
    """What Java refuses, and groups that are too deep."""
    assert found_anywhere(pattern) is None


def test_what_takes_too_long_is_given_up() -> None:
    """Three times a text is too much; after that nothing is tried."""
    test = found_anywhere("(a|aa)+$")
    assert test is not None
    assert test("aa")
    for _ in range(1000):
        assert not test("a" * 60 + "b")
    assert not test("aa")
