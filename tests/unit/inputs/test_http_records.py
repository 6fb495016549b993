"""`/logrecord` on the HTTP input: forms, queries, JSON, and who is answered what."""

from __future__ import annotations

import gzip
import json
import logging
import pickle
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.unit.inputs.test_http import exchange, post

RECORD = logging.LogRecord("app", 30, "x.py", 1, "hello %s", ("you",), None).__dict__
FORM = urlencode(RECORD).encode()
JSON = json.dumps(RECORD).encode()
GET = b"GET /logrecord?" + FORM + b" HTTP/1.1\r\nHost: x\r\n\r\n"


def to(body: bytes, *headers: str) -> bytes:
    return post(body, *headers, path="/logrecord")


@pytest.mark.parametrize(
    ("request_", "settings", "statuses", "texts"),
    [
        (to(FORM), {}, [201], ["hello you"]),
        (GET, {}, [201], ["hello you"]),
        (to(JSON), {}, [201], ["hello you"]),
        (to(b"[" + JSON + b"," + JSON + b"]"), {}, [201], ["hello you"] * 2),
        (to(gzip.compress(JSON), "Content-Encoding: gzip"), {}, [201], ["hello you"]),
        (to(JSON) + post() + GET, {}, [201, 202, 201], ["hello you", "hello", "hello you"]),
        (to(b"x=1"), {}, [400], []),
        (to(pickle.dumps(RECORD, 1)), {}, [400], []),
        (to(b"\x1f\x8bbroken"), {}, [400], []),
        (to(FORM), {"token": "t"}, [401], []),
        (to(FORM, "Authorization: Bearer t"), {"token": "t"}, [201], ["hello you"]),
        (to(FORM), {"mode": "graylog"}, [404], []),
        (b"PUT /logrecord HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", {}, [405], []),
        (post(FORM, path="/logrecord/"), {}, [201], ["hello you"]),
    ],
)
@pytest.mark.parametrize("size", [0, 1])
def test_records(request_: bytes, settings: dict[str, Any], statuses: list[int], texts: list[str], size: int) -> None:
    """Whole or byte by byte."""
    answers, made = exchange(request_, size, **settings)
    assert [answer.status for answer in answers] == statuses
    assert made.intake.texts == texts


def test_other_methods_are_told_which() -> None:
    """Not that there was no such path."""
    (answer,), _ = exchange(b"DELETE /logrecord HTTP/1.1\r\nHost: x\r\n\r\n", 0)
    assert (answer.status, answer.headers["allow"]) == (405, "GET, POST, OPTIONS")
    assert b"POST or GET" in answer.body


def test_a_pickle_gets_advice() -> None:
    """The answer says what to use instead."""
    (answer,), made = exchange(to(pickle.dumps(RECORD, 1)))
    assert "GELF handler" in json.loads(answer.body)["message"]
    assert made.intake.reasons == ["unexpected_protocol"]
