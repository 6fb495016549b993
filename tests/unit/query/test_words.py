"""How texts are cut into words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gelf_listener.query.words import MAX_WORD_CHARACTERS, spaced_words, spaced_words_of, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello, World!", ["hello", "world"]),
        ("example.org 10.0.0.1", ["example.org", "10.0.0.1"]),
        ("web1.example.org", ["web1", "example.org"]),
        ("it's a_b foo-bar", ["it's", "a_b", "foo", "bar"]),
        ("3.14 1,000;2", ["3.14", "1,000;2"]),
        ("a:b 12:30", ["a:b", "12", "30"]),
        ("end. 'quoted'", ["end", "quoted"]),
        ("Größe naïve", ["größe", "naïve"]),
        ("nai\u0308ve", ["nai\u0308ve"]),
        ("日本 カタカナ", ["日", "本", "カタカナ"]),
        ("नमस्ते", ["नमस्ते"]),
        ("on 🔥🔥", ["on", "🔥", "🔥"]),
        ("İstanbul", ["istanbul"]),  # a Graylog does not find i\u0307stanbul
        ("", []),
        (" \n\0-", []),
    ],
)
def test_words_are_cut_as_lucene_does(text: str, expected: list[str]):
    assert words(text) == expected


def test_a_long_word_is_cut_into_several():
    most = "a" * MAX_WORD_CHARACTERS
    assert words(most) == [most]
    assert words(most + "b") == [most, "b"]
    assert words("é" * 600) == ["é" * 255, "é" * 255, "é" * 90]


@pytest.mark.parametrize("piece", ["a", "'a", ". :", "a.", "e\u0300", "_", "日", "1,", "é.", "\u0300"])
def test_odd_megabytes_take_no_more_than_their_length(piece: str):
    words(piece * (300_000 // len(piece)))


@given(
    st.one_of(
        st.text(),
        st.text("aZ9_ .:',;-\"/\t\n"),
        st.lists(st.sampled_from(["x" * 255, "9" * 256, "a.b", "3,14", "it's", ".", ": ", "ß"])).map("".join),
    )
)
def test_spaced_words_are_the_words(text: str):
    """The short way cuts as the long one does."""
    assert spaced_words(text).split() == words(text)


@given(st.lists(st.text(max_size=20) | st.sampled_from(["a.b", "3.14 x", "x\ny", "w" * 300, "A_b c"]), min_size=1))
def test_many_texts_at_once_have_the_same_words(texts: list[str]) -> None:
    """Whatever lines, marks and letters they have."""
    assert [spaced.split() for spaced in spaced_words_of(texts)] == list(map(words, texts))


def test_one_text_with_joined_words_among_many() -> None:
    """It is cut by itself, the others are not."""
    assert spaced_words_of(["It took", "at example.org:80"]) == ["it took", "at example.org 80"]
