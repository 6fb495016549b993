"""
Naive: the listener one writes in ten minutes, `python -m bench.naive PORT FILE`. The bench's yardstick.

asyncio's own transports, the standard library's json, one write a message. It inflates but does not reassemble.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import sys
import zlib
from pathlib import Path
from typing import TextIO


class Datagrams(asyncio.DatagramProtocol):
    """GELF UDP without chunks."""

    def __init__(self, output: TextIO) -> None:
        self.output = output

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if data[:1] == b"\x78":
            data = zlib.decompress(data)
        elif data[:2] == b"\x1f\x8b":
            data = gzip.decompress(data)
        print(json.dumps(json.loads(data)), file=self.output)


async def frames(reader: asyncio.StreamReader, output: TextIO) -> None:
    """GELF TCP: NUL after every message."""
    while True:
        try:
            frame = await reader.readuntil(b"\0")
        except asyncio.IncompleteReadError:
            return
        print(json.dumps(json.loads(frame[:-1])), file=output)


async def main() -> None:
    """Serve UDP and TCP on one port for ever."""
    port = int(sys.argv[1])
    with Path(sys.argv[2]).open("a", encoding="utf-8") as output:
        loop = asyncio.get_running_loop()
        await loop.create_datagram_endpoint(lambda: Datagrams(output), local_addr=("127.0.0.1", port))
        await asyncio.start_server(lambda reader, _: frames(reader, output), "127.0.0.1", port)
        while True:
            await asyncio.sleep(0.1)
            output.flush()


if __name__ == "__main__":
    asyncio.run(main())
