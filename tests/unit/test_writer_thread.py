"""The thread outputs block in."""

from __future__ import annotations

import asyncio
import threading
import weakref

import pytest

from gelf_listener.writer_thread import WriterThread


def test_calls_run_in_order_in_one_other_thread():
    """One call after the other, none in the loop's thread."""
    seen = []

    async def main():
        thread = WriterThread("t")
        thread.start()
        thread.start()
        results = await asyncio.gather(
            *(thread.run(lambda n=n: seen.append((n, threading.get_ident())) or n) for n in range(9))
        )
        assert await thread.close(5)
        return results

    assert asyncio.run(main()) == list(range(9))
    assert [number for number, _ in seen] == list(range(9))
    assert len({ident for _, ident in seen}) == 1
    assert seen[0][1] != threading.get_ident()


def test_an_error_reaches_the_caller_and_the_thread_goes_on():
    """A failure belongs to one call."""

    async def main():
        thread = WriterThread("t")
        thread.start()
        with pytest.raises(ZeroDivisionError):
            await thread.run(lambda: 1 // 0)
        assert await thread.run(lambda: 5) == 5
        assert await thread.close(5)

    asyncio.run(main())


def test_what_a_posted_call_raises_is_logged(caplog):
    """Nobody waits for it, so somebody must be told."""

    async def main():
        thread = WriterThread("t")
        thread.start()
        thread.post(lambda: 1 // 0)
        assert await thread.run(lambda: 5) == 5
        assert await thread.close(5)

    asyncio.run(main())
    assert "division" in caplog.text


def test_closing_does_not_wait_for_ever():
    """A call that hangs is left behind."""
    gate = threading.Event()

    async def main():
        thread = WriterThread("t")
        thread.start()
        task = asyncio.ensure_future(thread.run(gate.wait))
        await asyncio.sleep(0)
        assert not await thread.close(0.05)
        gate.set()
        await task

    asyncio.run(main())


def test_a_cancelled_caller_does_not_stop_the_call():
    """The next call waits for it; its result goes nowhere."""
    gate = threading.Event()
    done = []

    async def main():
        thread = WriterThread("t")
        thread.start()
        task = asyncio.ensure_future(thread.run(lambda: done.append(gate.wait())))
        await asyncio.sleep(0)
        task.cancel()
        gate.set()
        assert await thread.run(lambda: list(done)) == [True]
        assert await thread.close(5)

    asyncio.run(main())


def test_a_call_that_ended_keeps_nothing_alive():
    """Or a batch would stay in memory until the next one comes."""

    class Batch:
        pass

    async def main():
        thread = WriterThread("t")
        thread.start()
        batch = Batch()
        reference = weakref.ref(batch)
        await thread.run(lambda _: None, batch)
        del batch
        await thread.run(lambda: None)
        assert reference() is None
        assert await thread.close(5)

    asyncio.run(main())
