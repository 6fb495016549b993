"""What of a text varies."""

from __future__ import annotations

import pytest

from gelf_listener.patterns.masking import masked


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("order 4711 could not be paid", "order <*> could not be paid"),
        ("order-4711 paid in 12ms", "order-<*> paid in <*>"),
        ("GET /api/users/17 HTTP/1.1 200 0.012s", "GET <*> HTTP/<*> <*> <*>"),
        ('user "alice smith" not found', "user <*> not found"),
        ("can't open 'x y' now, don't", "can't open <*> now, don't"),
        ("connect to https://x.example/z?a=1 failed", "connect to <*> failed"),
        ("mail to olga@example.org bounced", "mail to <*> bounced"),
        ("took 1.5 s at 2024-01-02T03:04:05.678Z", "took <*> s at <*>"),
        ("[2024-01-02 10:00:00,123] INFO a.b.c: hi", "[<*> <*>] INFO a.b.c: hi"),
        ("id 550e8400-e29b-41d4-a716-446655440000 gone", "id <*> gone"),
        ("commit deadbeef12 at 0x1f", "commit <*> at <*>"),
        ("worker7 of worker_12 started", "worker<*> of worker_<*> started"),
        ("10.0.0.1:443 -> [fe80::1]:80 refused", "<*> -> [fe<*>]:<*> refused"),
        ("user_id=17 path=/a/b foo=bar", "user_id=<*> path=<*> foo=bar"),
        (r"open C:\Users\x\a.txt (/etc/passwd)", "open <*> (<*>)"),
        ("-5 degrees, +3 more, 50% and 1,234,567 rows", "<*> degrees, <*> more, <*>% and <*> rows"),
        ("naïve 3 über9", "naïve <*> über<*>"),
        ("Traceback:\n  line 2", "Traceback:"),
        ("nothing varies and/or a/b/c", "nothing varies and/or a/b/c"),
        ("  many \t blanks  ", "many blanks"),
        ("", ""),
        ("\n\n", ""),
    ],
)
def test_masked(text: str, shape: str) -> None:
    assert masked(text) == shape


def test_long_texts_are_cut() -> None:
    """To so many words, and a word that is too long is one that varies."""
    assert masked("word " * 100) == " ".join(["word"] * 60)
    assert masked(f"a {'x-' * 100} b") == "a <*> b"
