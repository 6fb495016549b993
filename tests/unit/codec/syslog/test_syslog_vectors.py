"""Syslog as real devices and programs send it (tests/vectors/syslog): host, time, text, fields and notes."""

from __future__ import annotations

import datetime as dt
import json
import time
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gelf_listener.codec.batch import Batch
from gelf_listener.codec.framing.syslog_frames import SyslogFramer
from gelf_listener.codec.receipt import Receipt
from gelf_listener.codec.syslog.decoder import SyslogDecoder, SyslogOptions
from gelf_listener.codec.syslog.devices import SHAPES
from gelf_listener.message import Message, Peer
from tests.lines_page import SYSLOG_BEGIN, SYSLOG_PAGE, syslog_table
from tests.lines_page import SYSLOG_FOLDER as FOLDER

VECTORS = [
    pytest.param(vector, id=f"{path.stem}-{number}-{vector['program']}")
    for path in sorted(FOLDER.glob("*.json"))
    for number, vector in enumerate(json.loads(path.read_text()))
]
NOW = dt.datetime(2026, 11, 29, 8, tzinfo=dt.UTC).timestamp()
PEER = Peer("192.0.2.77", 514)


def decode(payload: bytes, **options: Any) -> Message:
    batch = Batch()
    SyslogDecoder("in", SyslogOptions(**({"zone": dt.UTC} | options))).decode_all([(payload, PEER)], NOW, batch)
    assert batch.rejected == []
    (made,) = batch.messages
    assert made.raw == payload
    return made


def check(made: Message, vector: dict[str, Any]) -> None:
    """Hold a message to its vector: what is not in its notes is certain."""
    expected = NOW if vector["timestamp"] is None else dt.datetime.fromisoformat(vector["timestamp"]).timestamp()
    assert made.short_message == vector["short_message"]
    assert made.host == (vector["host"] or PEER.host)
    assert made.timestamp == pytest.approx(expected, abs=1e-6)
    assert made.full_message == vector.get("full_message")
    assert vector["fields"].items() <= made.fields.items()
    assert [note.deviation.label for note in made.notes] == vector["notes"]
    if "level" in vector:
        assert made.level == vector["level"]
    else:
        assert made.level == int(vector["line"][1 : vector["line"].index(">")]) & 7


@pytest.mark.parametrize("vector", VECTORS)
def test_a_datagram(vector: dict[str, Any]) -> None:
    """Every form, ended in every way."""
    for end in ("", "\n", "\0"):
        check(decode((vector["line"] + end).encode()), vector)


@pytest.mark.parametrize("vector", VECTORS)
def test_counted_on_a_connection(vector: dict[str, Any]) -> None:
    """The same octet-counted, cut into single bytes."""
    line = vector["line"].encode()
    if not line.startswith(b"<"):
        pytest.skip("a frame without a priority is not counted")
    framer, batch = SyslogFramer(), Batch()
    receipt = Receipt("in", PEER, NOW, batch)
    framed = b"%d %s" % (len(line), line)
    frames = [frame for at in range(len(framed)) for frame in framer.feed(framed[at : at + 1], receipt)]
    assert frames == [line]


def test_the_page_lists_every_vector_and_shape() -> None:
    """Otherwise: `python -m tests.lines_page`."""
    text, _, made = SYSLOG_PAGE.read_text().partition(SYSLOG_BEGIN)
    assert made == syslog_table()
    for shape in SHAPES:
        assert shape.name.lower() in text.lower()


def test_names_of_zones_can_be_set() -> None:
    """A name that is set is certain; one of a word that may be a host is then a zone."""
    line = b"<189>45: Aug  3 08:11:02.204 %s: %%LINK-3-UPDOWN: x"
    names = {"IST": dt.timezone(dt.timedelta(hours=3)), "LTZ": dt.timezone(dt.timedelta(hours=-2))}
    for name, hour in (("IST", 5), ("LTZ", 10), ("CEST", 6)):
        made = decode(line % name.encode(), zone_names=names)
        assert dt.datetime.fromtimestamp(made.timestamp, dt.UTC).hour == hour
        assert [note.deviation.label for note in made.notes] == ["host_missing"]


def test_charset() -> None:
    """What is UTF-8 is read as UTF-8, everything else in the character set that was set."""
    head = b"<14>Nov 28 10:00:00 web1 app: "
    for charset, data, text in (
        ("latin-1", "größe".encode("latin-1"), "größe"),
        ("windows-1251", "привет".encode("windows-1251"), "привет"),
        ("latin-1", "größe".encode(), "größe"),
    ):
        made = decode(head + data, charset=charset)
        assert (made.short_message, made.notes) == (text, ())


@pytest.mark.parametrize(
    ("head", "part", "most"),
    [
        ("<189>", "1: ", 5000),
        ("<189>Nov 28 10:00:00 ", "a", 100_000),
        ("<189>Nov 28 10:00:00 web ", "a,b: ", 20_000),
        ("<189>", 'k="v" ', 20_000),
        ("<189>CEF:0|", "\\\\|", 20_000),
        ("<189>1 2026-11-28T10:00:00Z h a - - [", 'a:"b"; ', 20_000),
        ("<189>", "a,info", 20_000),
    ],
    ids=range(7),
)
def test_hostile_texts_cost_in_proportion(head: str, part: str, most: int) -> None:
    """Patterns are bounded: time grows with the length of a message, not with its square."""
    costs = []
    for count in (most // 4, most):
        data = f"{head}{part * count} x".encode()
        best = float("inf")
        for _ in range(3):
            started = time.process_time()
            decode(data)
            best = min(best, time.process_time() - started)
        costs.append(best)
    assert costs[1] < 10 * costs[0] + 0.05, costs


_PARTS = (
    *("<14>", "<NaN>1 ", "1 ", "2026-11-28T10:00:00Z ", "Nov 28 10:00:00 ", "Feb 30 99:99:99 ", "web ", "app[1]: "),
    *("%ASA-1-1: ", '[x@1 a="b"]', "- ", "-", '{"a":1}', "\n", " ", "\tat x", "Traceback (most recent call last):"),
    *("#012", "#011", "CEF:0|", "|", "=", '"', "12345: ", "RP/0/RP0/CPU0:", "date=2026-01-01 time=10:00:00 "),
    *('tz="+9999" ', "devname=x ", 'timezone="XX" ', "eventtime=99999999999999999999 ", "LEEF:2.0|a|b|c|d|x|"),
    *("MSWinEventLog\t", "1 1786600262.1 ", "11/28/2026:10:00:00 GMT ", "@cee:", "BST ", "LTZ: ", "\0", "\ufeff", "é"),
)


@example(["<14>Nov 28 10:00:00 web ", "app[1]: ", "\n", " ", "\n", "-"][:5])
@given(st.lists(st.one_of(st.sampled_from(_PARTS), st.text(max_size=5)), max_size=12))
def test_whatever_is_put_together(parts: list[str]) -> None:
    """It is one message or one rejection, and the message can be written."""
    batch = Batch()
    payload = "".join(parts).encode("utf-8", "replace")
    SyslogDecoder("in", SyslogOptions(zone=dt.UTC)).decode_all([(payload, PEER)], NOW, batch)
    assert len(batch.messages) + len(batch.rejected) == 1
    for made in batch.messages:
        assert made.host
        made.to_gelf()
