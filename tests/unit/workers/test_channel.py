"""Channel: frames arrive whole and in order, however they are cut, and its end is noticed on the other side."""

from __future__ import annotations

import asyncio
import socket
import struct

import pytest

from gelf_listener.workers.channel import Channel, open_channel


class End:
    """Keeps what one end hears."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.ended = asyncio.Event()
        self.came = asyncio.Event()

    def heard(self, frame: memoryview) -> None:
        self.frames.append(bytes(frame))
        self.came.set()

    async def frames_of(self, count: int) -> list[bytes]:
        async with asyncio.timeout(60):
            while len(self.frames) < count:
                self.came.clear()
                await self.came.wait()
        return self.frames


async def pair() -> tuple[Channel, End, Channel, End]:
    ours, theirs = socket.socketpair()
    one, other = End(), End()
    return (
        await open_channel(ours, one.heard, one.ended.set),
        one,
        await open_channel(theirs, other.heard, other.ended.set),
        other,
    )


FRAMES = [b"", b"a", b"b" * 70_000, b"c" * 3_000_000, b"", b"d" * 262_144, b"e"]


def test_frames_both_ways() -> None:
    """Empty ones, and those that are longer than any buffer."""

    async def main() -> None:
        one, heard_by_one, other, heard_by_other = await pair()
        for frame in FRAMES:
            one.send(frame)
            other.send(frame[::-1])
        assert await heard_by_other.frames_of(len(FRAMES)) == FRAMES
        assert await heard_by_one.frames_of(len(FRAMES)) == FRAMES
        one.close()
        async with asyncio.timeout(60):
            await heard_by_other.ended.wait()
            await heard_by_one.ended.wait()
        one.send(b"into the void")

    asyncio.run(main())


@pytest.mark.parametrize("step", [1, 3, 4, 5, 100])
def test_cut_anywhere(step: int) -> None:
    """What the kernel gives at once has nothing to do with frames."""
    heard = End()
    channel = Channel(heard.heard, heard.ended.set)
    frames = [b"", b"hello", b"x" * 300, b"y"]
    stream = b"".join(struct.pack(">I", len(frame)) + frame for frame in frames)
    for start in range(0, len(stream), step):
        part = stream[start : start + step]
        channel.get_buffer(-1)[: len(part)] = part
        channel.buffer_updated(len(part))
    assert heard.frames == frames


def test_a_long_frame_leaves_no_buffer_behind() -> None:
    """One of megabytes does not keep them for good."""
    heard = End()
    channel = Channel(heard.heard, heard.ended.set)
    frame = b"z" * 2_000_000
    stream = struct.pack(">I", len(frame)) + frame
    while stream:
        room = channel.get_buffer(-1)
        assert len(room) > 0
        part, stream = stream[: len(room)], stream[len(room) :]
        room[: len(part)] = part
        room.release()
        channel.buffer_updated(len(part))
    assert heard.frames == [frame]
    assert len(channel.get_buffer(-1)) < 1_000_000


def test_the_end_in_the_middle_of_a_frame() -> None:
    """The frame is not heard, the end is."""

    async def main() -> None:
        ours, theirs = socket.socketpair()
        heard = End()
        await open_channel(ours, heard.heard, heard.ended.set)
        theirs.sendall(struct.pack(">I", 100) + b"half")
        theirs.close()
        async with asyncio.timeout(60):
            await heard.ended.wait()
        assert heard.frames == []

    asyncio.run(main())


def test_damage_ends_it() -> None:
    """A length that no frame has."""

    async def main() -> None:
        ours, theirs = socket.socketpair()
        heard = End()
        await open_channel(ours, heard.heard, heard.ended.set)
        theirs.sendall(b"\xff\xff\xff\xff")
        async with asyncio.timeout(60):
            await heard.ended.wait()
        theirs.close()

    asyncio.run(main())


def test_congestion() -> None:
    """Who sends more than the other end reads is told so, and told when it is over."""

    async def main() -> None:
        ours, theirs = socket.socketpair()
        theirs.setblocking(False)
        heard = End()
        channel = await open_channel(ours, heard.heard, heard.ended.set)
        channel.send(b"q" * 10_000_000)
        assert channel.congested
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(60):
            while channel.congested:
                await loop.sock_recv(theirs, 1 << 20)
        theirs.close()
        channel.close()

    asyncio.run(main())
