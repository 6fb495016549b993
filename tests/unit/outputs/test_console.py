"""console: standard output and error as a destination, and what happens when nobody reads them."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import logging
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from gelf_listener.address import Address
from gelf_listener.errors import ConfigError, Retry
from gelf_listener.outputs import console
from gelf_listener.outputs.console import ConsoleOutput, ConsoleSettings
from gelf_listener.rendering.choice import wants_color
from gelf_listener.testing.contracts import OutputContract, run
from tests.unit.outputs.messages import make_batch, make_message


class TestConsole(OutputContract):
    """The contract, with standard output in a file."""

    scheme = "console"

    @pytest.fixture(autouse=True)
    def _standard_output(self, standard_output):
        self.replace = standard_output

    def make(self, tmp_path):
        fd = os.open(tmp_path / "out", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self.replace(fd)
        os.close(fd)
        return ConsoleOutput(ConsoleSettings(format="pretty"))

    def texts(self, tmp_path):
        return (tmp_path / "out").read_text().splitlines()


@pytest.fixture
def pipe(standard_output):
    """Put a pipe in the place of standard output, and give its reading end."""
    readers = []

    def connect() -> int:
        reader, writer = os.pipe()
        standard_output(writer)
        os.close(writer)
        readers.append(reader)
        return reader

    yield connect
    for reader in readers:
        with contextlib.suppress(OSError):  # the test closed it
            os.close(reader)


def write(batch, **settings):
    """Write one batch and close; return the counters."""
    output = ConsoleOutput(ConsoleSettings(**settings))

    async def main() -> None:
        await output.start()
        await output.write(batch)
        await output.close()

    run(main())
    return output.counters()


def read_all(fd, chunks):
    """Read until the writers are gone (in a thread)."""
    while chunk := os.read(fd, 65536):
        chunks.append(chunk)


def test_a_pipe_gets_json(pipe):
    """auto: another program reads, so no colours and no loss."""
    reader = pipe()
    counters = write(make_batch(2))
    lines = os.read(reader, 65536).splitlines()
    assert [json.loads(line)["short_message"] for line in lines] == ["message 0", "message 1"]
    assert "received_at" in json.loads(lines[0])
    assert counters["written_messages_total"] == 2


def test_a_terminal_gets_colours(standard_output, monkeypatch):
    """auto: a person reads."""
    for name in ("NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE", "CLICOLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    master, slave = os.openpty()
    standard_output(slave)
    write([make_message("disk full", level=3)], time="utc")
    shown = os.read(master, 65536).decode()
    os.close(slave)
    os.close(master)
    assert "\x1b[31mERROR \x1b[0m" in shown
    assert "2026-09-21 14:13:20.000Z" in shown


@pytest.mark.parametrize("form", ["pretty", "gelf", "logfmt"])
def test_forms_and_fields(pipe, form):
    """As told, whatever reads."""
    reader = pipe()
    write([make_message("text", fields={"a": 1, "b": 2})], format=form, fields="_b")
    shown = os.read(reader, 65536).decode()
    assert "text" in shown
    assert '"_b":2' in shown if form == "gelf" else "b=2" in shown
    assert "a=1" not in shown
    assert '"_a"' not in shown


def test_standard_error(tmp_path):
    """For those whose standard output is taken."""
    code = (
        "import asyncio\n"
        "from gelf_listener.outputs.console import *\n"
        "from tests.unit.outputs.messages import make_message\n"
        "async def main():\n"
        "    output = ConsoleOutput(ConsoleSettings(stream='stderr', format='gelf'))\n"
        "    await output.start(); await output.write([make_message('to stderr')]); await output.close()\n"
        "asyncio.run(main())\n"
    )
    root = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, check=True, timeout=30)
    assert json.loads(done.stderr)["short_message"] == "to stderr"
    assert done.stdout == b""


_TAKE_NUMBER_ONE = "import tempfile, os; assert os.open(tempfile.gettempdir(), os.O_TMPFILE | os.O_RDWR) == 1\n"


def test_standard_output_that_was_closed_before_we_started():
    """Its number may belong to a socket by then: nothing may be written to it."""
    code = (
        "import asyncio, os\n"
        "from gelf_listener.outputs.console import *\n"
        "from tests.unit.outputs.messages import make_message\n"
        "async def main():\n"
        "    output = ConsoleOutput(ConsoleSettings())\n"
        "    await output.start(); await output.write([make_message('x')]); await output.close()\n"
        "    assert output.counters()['silenced_messages_total'] == 1, output.counters()\n"
        "asyncio.run(main())\n"
        "assert os.fstat(1).st_size == 0\n"
    )
    root = Path(__file__).parents[3]
    done = subprocess.run(
        ["sh", "-c", 'exec "$0" -c "$1" >&-', sys.executable, _TAKE_NUMBER_ONE + code],
        cwd=root,
        capture_output=True,
        check=False,
        timeout=30,
    )
    assert done.returncode == 0, done.stderr.decode()
    assert b"nobody reads stdout" in done.stderr


def test_a_reader_that_left_silences_the_output(pipe, caplog):
    """`gelf-listener | head` must not end the listener; the loss is counted and said once."""
    reader = pipe()
    output = ConsoleOutput(ConsoleSettings(format="gelf"))

    async def main() -> None:
        await output.start()
        await output.write(make_batch(1))
        os.read(reader, 65536)
        os.close(reader)
        await output.write(make_batch(3))
        await output.write(make_batch(4))
        await output.close()

    with caplog.at_level(logging.WARNING):
        run(main())
    assert len([record for record in caplog.records if "nobody reads" in record.message]) == 1
    counters = output.counters()
    assert counters["written_messages_total"] == 1
    assert counters["silenced_messages_total"] == 7
    assert counters["write_errors_total"] == 1


def test_a_terminal_that_hung_up_silences_the_output(standard_output):
    """A closed window: EIO."""
    master, slave = os.openpty()
    standard_output(slave)
    os.close(slave)
    output = ConsoleOutput(ConsoleSettings(format="pretty"))

    async def main() -> None:
        await output.start()
        os.close(master)
        await output.write(make_batch(3))
        await output.close()

    run(main())
    assert output.counters()["silenced_messages_total"] == 3


def test_a_non_blocking_stream_is_waited_for(pipe):
    """Another program may make the shared terminal non-blocking; every byte arrives, in order."""
    reader = pipe()
    fcntl.fcntl(1, fcntl.F_SETFL, fcntl.fcntl(1, fcntl.F_GETFL) | os.O_NONBLOCK)
    batch = make_batch(5000)  # several times what a pipe holds
    chunks: list[bytes] = []
    reading = threading.Thread(target=read_all, args=(reader, chunks))

    output = ConsoleOutput(ConsoleSettings(format="gelf"))

    async def main() -> None:
        await output.start()
        reading.start()
        await output.write(batch)
        await output.close()

    run(main())
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)  # the last writer is gone: the reader ends
    os.close(null)
    reading.join(10)
    assert [json.loads(line)["short_message"] for line in b"".join(chunks).splitlines()] == [
        message.short_message for message in batch
    ]


@pytest.mark.parametrize("blocking", [True, False])
def test_a_reader_that_stopped_does_not_hold_up_the_end(pipe, monkeypatch, caplog, blocking):
    """Ctrl-S, or a pager: closing leaves the thread behind rather than hang."""
    reader = pipe()
    monkeypatch.setattr(console, "_CLOSE_SECONDS", 0.3)
    if not blocking:
        fcntl.fcntl(1, fcntl.F_SETFL, fcntl.fcntl(1, fcntl.F_GETFL) | os.O_NONBLOCK)
    output = ConsoleOutput(ConsoleSettings(format="gelf"))

    async def main() -> None:
        await output.start()
        task = asyncio.ensure_future(output.write(make_batch(5000)))
        await asyncio.sleep(0.01)
        await output.close()
        if blocking:
            os.close(reader)  # lets the thread go: nothing stays behind after the test
        with contextlib.nullcontext() if blocking else pytest.raises(Retry):
            await task

    run(main())
    assert ("does not take what is written" in caplog.text) is blocking
    assert output.counters()["written_messages_total"] == 0


def test_a_full_disk_behind_the_stream(standard_output):
    """`gelf-listener > file` on a full disk is no reason to fall silent: the batch is offered again."""
    full = os.open("/dev/full", os.O_WRONLY)
    standard_output(full)
    os.close(full)
    output = ConsoleOutput(ConsoleSettings(format="gelf"))

    async def main() -> None:
        await output.start()
        for _ in range(2):
            with pytest.raises(Retry, match="No space left"):
                await output.write(make_batch(1))
        await output.close()

    run(main())
    assert output.counters()["write_errors_total"] == 2
    assert output.counters()["silenced_messages_total"] == 0


def test_a_batch_that_was_half_written_goes_on_where_it_stopped(small_disk, standard_output):
    """No record torn or doubled when the disk has room again."""
    filler = small_disk.fill(leave=8192)
    fd = os.open(small_disk.path / "out", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    standard_output(fd)
    batch = make_batch(200)
    output = ConsoleOutput(ConsoleSettings(format="gelf"))

    async def main() -> None:
        await output.start()
        with pytest.raises(Retry):
            await output.write(batch)
        assert os.fstat(fd).st_size == 8192
        filler.unlink()
        await output.write(batch)
        await output.write(make_batch(1, start=200))
        await output.close()

    run(main())
    os.close(fd)
    texts = [json.loads(line)["short_message"] for line in (small_disk.path / "out").read_bytes().splitlines()]
    assert texts == [f"message {number}" for number in range(201)]


def test_a_batch_that_was_given_up_ends_its_torn_line(small_disk, standard_output):
    """The next batch starts on a line of its own."""
    filler = small_disk.fill(leave=4096)
    fd = os.open(small_disk.path / "out", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    standard_output(fd)
    output = ConsoleOutput(ConsoleSettings(format="gelf"))

    async def main() -> None:
        await output.start()
        with pytest.raises(Retry):
            await output.write(make_batch(100))
        filler.unlink()
        await output.write([make_message("the next")])
        await output.close()

    run(main())
    os.close(fd)
    *_, torn, last = (small_disk.path / "out").read_bytes().splitlines()
    assert json.loads(last)["short_message"] == "the next"
    with pytest.raises(ValueError):
        json.loads(torn)


@pytest.mark.parametrize(
    ("choice", "environment", "terminal", "wanted"),
    [
        ("auto", {}, True, True),
        ("auto", {}, False, False),
        ("auto", {"NO_COLOR": "1"}, True, False),
        ("auto", {"NO_COLOR": ""}, True, True),
        ("auto", {"NO_COLOR": "1", "FORCE_COLOR": "1"}, True, False),
        ("auto", {"FORCE_COLOR": "1"}, False, True),
        ("auto", {"FORCE_COLOR": "0"}, True, False),
        ("auto", {"CLICOLOR_FORCE": "1"}, False, True),
        ("auto", {"CLICOLOR_FORCE": "0"}, True, False),
        ("auto", {"CLICOLOR": "0"}, True, False),
        ("auto", {"CLICOLOR": "1"}, False, False),
        ("auto", {"TERM": "dumb"}, True, False),
        ("auto", {"TERM": "dumb", "FORCE_COLOR": "1"}, True, True),
        ("always", {"NO_COLOR": "1", "TERM": "dumb"}, False, True),
        ("never", {"FORCE_COLOR": "1"}, True, False),
    ],
)
def test_conventions_about_colour(choice, environment, terminal, wanted):
    """no-color.org, force-color.org, bixense.com/clicolors, in CPython's order."""
    master, slave = os.openpty()
    reader, writer = os.pipe()
    try:
        assert wants_color(choice, environment, slave if terminal else writer) is wanted
    finally:
        for fd in (master, slave, reader, writer):
            os.close(fd)


@pytest.mark.parametrize(
    ("address", "problem"),
    [
        ("console:?format=xml", "format"),
        ("console:?color=sometimes", "color"),
        ("console:?stream=3", "stream"),
        ("console:?max_value_characters=-1", "max_value_characters"),
        ("console:?colour=never", "did you mean 'color'"),
    ],
)
def test_settings_that_do_not_fit(address, problem):
    """The error names the setting."""
    with pytest.raises(ConfigError, match=problem):
        ConsoleSettings.from_address(Address.parse(address))


@pytest.mark.parametrize(
    ("text", "chosen"), [("all", ("all",)), ("none", ("none",)), ("_a, b,,c", ("a", "b", "c")), (["_a"], ("a",))]
)
def test_fields_as_text_or_list(text, chosen):
    """Addresses have text, TOML has lists."""
    assert ConsoleSettings(fields=text).fields == chosen
