"""Relay: messages through two listeners with a broker between them, as users run them."""

from __future__ import annotations

import json
import socket
from pathlib import Path

from tests.e2e.listener import Listener

__all__ = ["relay"]


def relay(folder: Path, output: str, source: str, count: int = 200) -> None:
    """
    Send datagrams to one listener and find them, under their ids, behind the other; then end both in order.

    Args:
        folder: For the listeners' files.
        output: Address of the first one's output to the broker.
        source: Address of the second one's input from the broker.
        count: How many messages.
    """
    near, far = folder / "near", folder / "far"
    near.mkdir()
    far.mkdir()
    with (
        Listener(
            near, "gelf+udp://127.0.0.1:0", outputs=[output, f"file://{near}/messages.jsonl?format=json"]
        ) as first,
        Listener(far, source, output_options="format=json") as second,
    ):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            for number in range(count):
                message = {"version": "1.1", "host": "web1", "short_message": f"m{number}", "_n": number}
                sock.sendto(json.dumps(message).encode(), first.endpoint("gelf+udp").address)
        sent = first.messages(count)
        arrived = second.messages(count, 30)
        assert sorted(message["id"] for message in arrived) == sorted(message["id"] for message in sent)
        assert [message["_n"] for message in arrived] == list(range(count))
        for listener in (second, first):
            status, report = listener.stop()
            assert status == 0, listener.log
            assert f"{count:,} messages taken, 0 rejected" in report
            assert "Traceback" not in listener.log
