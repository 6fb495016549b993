"""The `graylog` mode against Graylog's own codecs, and its index against a real OpenSearch."""

from __future__ import annotations

import datetime as dt
import json
import random
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from gelf_listener.codec import Batch, GelfDecoder
from gelf_listener.codec.gelf.jackson import as_text, java_double
from gelf_listener.codec.graylog_index import GraylogIndex
from gelf_listener.codec.scrub import scrub
from gelf_listener.codec.syslog.decoder import SyslogOptions
from gelf_listener.codec.syslog.graylog import GraylogSyslog
from gelf_listener.errors import Reason
from gelf_listener.message import Peer
from tests.e2e.toolchains import JAVA_SECONDS
from tests.graylog_vectors import entries, payload
from tests.services.graylog import GraylogCodecs
from tests.services.graylog_payloads import gelf_payloads, syslog_lines
from tests.services.opensearch import OpenSearch

pytestmark = [pytest.mark.external, pytest.mark.timeout(JAVA_SECONDS)]

SEEDS = [0, *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(1, 8))]
"""Of random input: one in every run, more in long ones."""

PEER = Peer("127.0.0.9", 9)
SERVERS = frozenset(
    (
        *("streams", "gl2_source_input", "gl2_source_node", "gl2_remote_ip", "gl2_remote_port", "gl2_message_id"),
        *("gl2_receive_timestamp", "gl2_processing_timestamp", "gl2_processing_duration_ms"),
        *("gl2_accounted_message_size", "gl2_input_message_size", "gl2_processing_error"),
    )
)
"""What the server writes into every message, and what it says of a time stamp that it replaced."""

LATER = (Reason.REFUSED_BY_INDEX, Reason.TIMESTAMP_OUT_OF_RANGE)
"""A message is lost behind the codec."""


@pytest.fixture(scope="module")
def graylog(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GraylogCodecs]:
    codecs = GraylogCodecs(tmp_path_factory.mktemp("graylog") / "log")
    yield codecs
    codecs.stop()


def ours(decoder: Any, data: bytes, received: float) -> tuple[dict[str, Any] | None, Reason | None]:
    """Decode; return a document, or why there is none."""
    batch = Batch()
    decoder.decode_all([(data, PEER)], received, batch)
    if not batch.messages:
        return None, batch.rejected[0].reason
    (message,) = batch.messages
    found: dict[str, Any] = dict(message.fields)
    found |= {"message": message.short_message, "source": message.host, "timestamp": message.timestamp}
    if message.full_message is not None:
        found["full_message"] = message.full_message
    if message.level is not None:
        found["level"] = message.level
    return {name: value for name, value in found.items() if name not in SERVERS}, None


def theirs(answer: dict[str, Any]) -> dict[str, Any] | None:
    """Return the document Graylog would store, in our terms."""
    if "stored" not in answer:
        return None
    found = {name: scrub(value) if isinstance(value, str) else value for name, value in answer["stored"].items()}
    found["source"] = found.get("source") or PEER.host  # the server does that behind the codec
    if "full_message" in found:
        found["full_message"] = as_text(found["full_message"])
    stamp = dt.datetime.fromisoformat(found["timestamp"].replace(" ", "T")).replace(tzinfo=dt.UTC)
    found["timestamp"] = stamp.timestamp()
    return {name: value for name, value in found.items() if name not in SERVERS}


def alike(one: Any, other: Any) -> bool:
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(alike(one[name], other[name]) for name in one)
    if isinstance(one, float) and isinstance(other, float):
        return abs(one - other) < 0.0015 if abs(one) > 1e6 else one == other
    return type(one) is type(other) and one == other


def differences(graylog: GraylogCodecs, codec: str, decoder: Any, payloads: list[bytes]) -> list[Any]:
    """Return the payloads that are not stored alike."""
    found: list[Any] = []
    for data, answer in zip(payloads, graylog.ask(codec, payloads), strict=True):
        received = answer.get("received", 0) / 1000
        stored, reason = ours(decoder, data, received)
        if stored is None and (reason in LATER or "stored" not in answer):
            continue
        expected = theirs(answer)
        if expected is not None and 0 <= expected["timestamp"] - received < 5:
            expected["timestamp"] = received  # syslog is stamped when it is decoded
        if expected is None or stored is None:
            found.append((data, answer, stored or reason))
        elif not alike(expected, stored):
            names = [name for name in expected | stored if not alike(expected.get(name), stored.get(name))]
            found.append((data, {name: (expected.get(name), stored.get(name)) for name in names}))
    return found


def test_recorded_payloads(graylog: GraylogCodecs) -> None:
    """The codec by itself does what the whole server did with the same payloads, up to its index."""
    recorded = [payload(entry) for entry in entries("codec")]
    wrong = differences(graylog, "gelf", GelfDecoder("graylog", "test"), [each for each in recorded if each])
    assert wrong == [], wrong[:3]


@pytest.mark.parametrize("seed", SEEDS)
def test_random_payloads(graylog: GraylogCodecs, seed: int) -> None:
    """What is stored, dropped, renamed and refused is the same, to the last digit."""
    wrong = differences(graylog, "gelf", GelfDecoder("graylog", "test"), list(gelf_payloads(seed, 3000)))
    assert wrong == [], wrong[:3]


@pytest.mark.parametrize("seed", SEEDS)
def test_random_lines_of_syslog(graylog: GraylogCodecs, seed: int) -> None:
    """The same for syslog."""
    decoder = GraylogSyslog("test", SyslogOptions(zone=dt.UTC))
    wrong = differences(graylog, "syslog", decoder, list(syslog_lines(seed, 2000)))
    assert wrong == [], wrong[:3]


VALUES: list[Any] = [
    *(0, -1, 5, 2**63 - 1, -(2**63), 1717408800000, 12345678),
    *(0.0, -0.0, 1.5, -1.5, 9.0, 1e10, 1e-5, 9.2e18, 9.3e18, 3.40282356e38, 3.4028236e38, 1e300, 0.001, 100000.5),
    *("5", "-5", "+5", "05", "5.", ".5", "4.2", "5e3", "1e18", "1e19", "1e400", "1e-400", "0x10", "0x1p3", "5d", "5L"),
    *(
        "NaN",
        "Infinity",
        "٥",
        "9223372036854775807.5",
        "9223372036854775808",
        "3.5e38",
        "abc",
        "n/a",
        "true",
        '{"a":1}',
    ),
    *("2024", "2024-06", "2024-06-03", "2024-06-03T10:00:00Z", "2024-06-03T10:00:00.123+02:00", "2024-06-03 10:00:00"),
    *("2024-06-03T10:00:00Europe/Berlin", "2024-13-03", "2024-02-30", "-2024-06-03", "+12024-06-03", "12024-06-03"),
    *("2024/06/03", "2024/06/03 10:00:00", "2024/13/03", "2024/6/3", "1717408800000.5", "1717408800000.1234567"),
    *("x" * 32766, "x" * 32767, "é" * 16384),
]


def written(value: Any) -> str:
    """Write a value as Graylog's encoder does."""
    return java_double(value) if isinstance(value, float) else json.dumps(value)


@pytest.mark.parametrize("seed", SEEDS)
def test_random_series_of_values(opensearch: OpenSearch, seed: int) -> None:
    """Of four messages with a field the index loses the same ones."""
    made = random.Random(seed)
    name = f"types-{uuid.uuid4().hex}"
    limits = {"index": {"mapping": {"total_fields": {"limit": 10000}}}}
    string = {"match_mapping_type": "string", "mapping": {"type": "keyword"}}
    mappings = {"dynamic_templates": [{"store_generic": string}]}
    opensearch.ask("PUT", f"/{name}", {"settings": limits, "mappings": mappings})
    series = [[made.choice(VALUES) for _ in range(4)] for _ in range(150)]
    index = GraylogIndex()
    for turn in range(4):
        lines = [f'{{"index":{{}}}}\n{{"f{number}":{written(values[turn])}}}\n' for number, values in enumerate(series)]
        answer = opensearch.bulk(name, "".join(lines))
        lost = [item["index"]["status"] >= 400 for item in answer["items"]]
        expected = []
        for number, values in enumerate(series):
            fields = {f"f{number}": values[turn]}
            expected.append(any(index.take(fields, "h")))
        wrong = [
            (values[: turn + 1], was) for values, was, ours in zip(series, lost, expected, strict=True) if was != ours
        ]
        assert wrong == [], wrong[:5]
