"""
What about fifty clients really send (tests/vectors/clients): it is read, and its sender is told by it.

Taken in November 2026 with the clients in their default settings. Left out are graylogging's requests by HTTP, which are
TLS to a port without it (`tests/unit/inputs/test_http.py`), and the longest texts. `python -m tests.unit.codec.test_captures` writes
what is read of them now, to be looked at.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from gelf_listener.codec import Batch, GelfDecoder
from gelf_listener.codec.clients import guess_client
from gelf_listener.codec.framing.gelf_frames import GelfFramer
from gelf_listener.codec.framing.syslog_frames import SyslogFramer
from gelf_listener.codec.gelf.lenient import LenientGelf
from gelf_listener.codec.inflater import Inflater
from gelf_listener.codec.receipt import Receipt
from gelf_listener.codec.syslog.decoder import SyslogDecoder
from gelf_listener.codec.text.bodies import foreign_frame, foreign_record
from gelf_listener.codec.text.logrecord import LogRecords
from gelf_listener.message import Message, Peer

FILE = Path(__file__).parents[2] / "vectors" / "clients" / "captures.json"
CAPTURES: list[dict[str, Any]] = json.loads(FILE.read_text())
NOW = 1796000000.0
PEER = Peer("192.0.2.1", 40000)


def bodies(data: bytes) -> list[bytes]:
    """Return the bodies of the requests of one connection."""
    found = []
    while data:
        head, _, data = data.partition(b"\r\n\r\n")
        length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-l"))
        body, data = data[:length], data[length:]
        packed = body[:1] == b"x" or body[:2] == b"\x1f\x8b"
        found.append(Inflater(2**20).inflate(body, Receipt("in", PEER, NOW, Batch())) if packed else body)
    return found


def decode(capture: dict[str, Any]) -> Batch:
    """Decode what a client sent, as the input of its transport does."""
    batch = Batch()
    gelf, syslog = GelfDecoder("lenient", "in", foreign=foreign_frame), SyslogDecoder("in")
    of_http = GelfDecoder("lenient", "in", foreign=foreign_record)
    receipt = Receipt("in", PEER, NOW, batch)
    for kind, text in capture["pieces"]:
        data = base64.b64decode(text)
        if kind == "udp":
            gelf.decode_datagrams([data], [PEER], NOW, batch)
        elif kind == "syslog-udp":
            syslog.decode_datagrams([data], [PEER], NOW, batch)
        elif kind == "http":
            for body in bodies(data):
                of_http.decode(body, NOW, PEER, batch)
        elif kind == "logrecord":
            assert isinstance(gelf.gelf, LenientGelf)
            for body in bodies(data):
                LogRecords(gelf.gelf).decode(body, NOW, PEER, batch)
        else:
            framer = GelfFramer() if kind == "tcp" else SyslogFramer()
            frames = [*framer.feed(data, receipt), *framer.feed_eof(receipt)]
            (gelf if kind == "tcp" else syslog).decode_all([(frame, PEER) for frame in frames], NOW, batch)
    return batch


def shown(message: Message) -> list[Any]:
    """What a vector says of a message: text, level, host, time, names of fields, notes."""
    return [
        message.short_message[:60],
        message.level,
        message.host,
        message.timestamp,
        sorted(message.fields),
        [note.deviation.label for note in message.notes],
    ]


@pytest.mark.parametrize("capture", CAPTURES, ids=[capture["client"] for capture in CAPTURES])
def test_what_clients_send(capture: dict[str, Any]) -> None:
    """Every message is read, and each of them tells its client."""
    batch = decode(capture)
    assert batch.rejected == []
    assert [shown(message) for message in batch.messages] == capture["messages"]
    assert sorted({guess_client(message.raw) for message in batch.messages}) == capture["guess"]


def main() -> None:
    """Write what is read now into the vectors."""
    for capture in CAPTURES:
        batch = decode(capture)
        capture["messages"] = [shown(message) for message in batch.messages]
        capture["guess"] = sorted({guess_client(message.raw) for message in batch.messages})
    lines = ",\n".join(json.dumps(capture, ensure_ascii=False) for capture in CAPTURES)
    FILE.write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    main()
