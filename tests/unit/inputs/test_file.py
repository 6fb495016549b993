"""Followed files: growth, rotation, truncation, restarts, and what goes wrong."""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from gelf_listener.errors import ConfigError
from gelf_listener.inputs import file as file_module
from gelf_listener.inputs.file import FileInput, FileSettings
from gelf_listener.inputs.files import folder
from gelf_listener.inputs.files.followed import Followed
from gelf_listener.message import Message
from gelf_listener.testing.contracts.recording_intake import RecordingIntake
from tests.unit.fakes import FakeIntake


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(40):
        while not condition():
            await asyncio.sleep(0.001)


def followed(
    tmp_path: Path,
    main: Callable[[FileInput, Any], Awaitable[None]],
    intake: Any = None,
    **settings: Any,
) -> Any:
    """Run an input on the logs of a directory."""
    intake = FakeIntake() if intake is None else intake

    async def run() -> None:
        usual = {"path": str(tmp_path / "*.log"), "state_path": str(tmp_path / "state")}
        made = FileInput(FileSettings(**(usual | {"poll_seconds": 0.005, "join_seconds": 0.02} | settings)))
        await made.start(intake)
        try:
            await main(made, intake)
        finally:
            await made.close()

    asyncio.run(run())
    return intake


def append(path: Path, text: str | bytes) -> None:
    with path.open("ab") as file:
        file.write(text.encode() if isinstance(text, str) else text)


async def nothing(_made: FileInput, _intake: Any) -> None:
    """Start and close."""


def test_lines_that_are_there_and_lines_that_come(tmp_path: Path) -> None:
    """Each a message with level and time of its own, host and file; a file that appears is followed too."""
    log = tmp_path / "app.log"
    append(log, "2026-11-28T10:00:00Z ERROR one\n")

    async def main(_: FileInput, intake: FakeIntake) -> None:
        await until(lambda: len(intake.texts) == 1)
        append(log, "two\n")
        append(tmp_path / "new.log", "three\n")
        (tmp_path / "other.txt").write_text("not asked for\n")
        await until(lambda: len(intake.texts) == 3)

    intake = followed(tmp_path, main, source="web1")
    first = intake.messages[0]
    assert (first.level, first.timestamp, first.host) == (3, 1795860000.0, "web1")
    assert first.fields == {"log_file": str(log)}
    assert sorted(intake.texts[1:]) == ["three", "two"]


def test_a_trace_is_one_message(tmp_path: Path) -> None:
    """However it is written."""
    log = tmp_path / "app.log"

    async def main(_: FileInput, intake: FakeIntake) -> None:
        append(log, "ERROR it failed\nTraceback (most recent call last):\n")
        await asyncio.sleep(0.02)
        append(log, '  File "x.py", line 1, in f\nValueError: no\n')
        append(log, "INFO next\n")
        await until(lambda: len(intake.texts) == 2)

    intake = followed(tmp_path, main, join_seconds=10)
    assert intake.texts == ["ERROR it failed", "INFO next"]
    assert "ValueError: no" in intake.messages[0].full_message


def test_a_line_waits_for_its_end(tmp_path: Path) -> None:
    """Also across a restart, where it is read again from its beginning."""
    log = tmp_path / "app.log"

    async def first(_: FileInput, intake: FakeIntake) -> None:
        append(log, "one\ntw")
        await until(lambda: intake.texts)
        await asyncio.sleep(0.05)

    async def second(_: FileInput, intake: FakeIntake) -> None:
        append(log, "o\n")
        await until(lambda: intake.texts)

    assert followed(tmp_path, first).texts == ["one"]
    assert followed(tmp_path, second).texts == ["two"]


@pytest.mark.parametrize("matches", [True, False], ids=["matching", "not-matching"])
def test_rotation_by_renaming(tmp_path: Path, matches: bool) -> None:
    """What the writer still puts into the old file comes too, whether the pattern names it or not; nothing twice."""
    log = tmp_path / "app.log"
    pattern = str(tmp_path / ("app.log*" if matches else "app.log"))

    async def main(made: FileInput, intake: FakeIntake) -> None:
        append(log, "one\n")
        await until(lambda: len(intake.texts) == 1)
        log.rename(tmp_path / "app.log.1")
        append(tmp_path / "app.log.1", "two\n")
        append(log, "three\n")
        await until(lambda: len(intake.texts) == 3)
        assert made.counters()["files"] == 2

    assert sorted(followed(tmp_path, main, path=pattern).texts) == ["one", "three", "two"]

    async def again(_: FileInput, intake: FakeIntake) -> None:
        append(log, "four\n")
        await until(lambda: intake.texts)
        await asyncio.sleep(0.03)

    assert followed(tmp_path, again, path=pattern).texts == ["four"]


def test_a_file_that_is_gone_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After what was in it was read, its last line without an end too."""
    monkeypatch.setattr(folder, "_GONE_SECONDS", 0.05)
    log = tmp_path / "app.log"

    async def main(made: FileInput, intake: FakeIntake) -> None:
        append(log, "one\nlast")
        await until(lambda: intake.texts)
        log.unlink()
        await until(lambda: made.counters()["files"] == 0)
        assert intake.texts == ["one", "last"]

    followed(tmp_path, main)


def test_copytruncate(tmp_path: Path) -> None:
    """A file that is cut short is read from its beginning, also when it has grown beyond the old place meanwhile."""
    log = tmp_path / "app.log"

    async def main(_: FileInput, intake: FakeIntake) -> None:
        append(log, "a line that is rather long\n")
        await until(lambda: len(intake.texts) == 1)
        os.truncate(log, 0)
        append(log, "two\n")
        await until(lambda: len(intake.texts) == 2)
        log.write_text("three, in a file that is longer than it was before it was truncated\n")
        await until(lambda: len(intake.texts) == 3)

    intake = followed(tmp_path, main)
    assert [text[:5] for text in intake.texts] == ["a lin", "two", "three"]


def test_a_hole_at_the_beginning(tmp_path: Path) -> None:
    """A writer that does not append goes on where it was; what it skipped is not text."""
    log = tmp_path / "app.log"

    async def main(_: FileInput, intake: FakeIntake) -> None:
        append(log, "x" * 5000 + "\n")
        await until(lambda: len(intake.texts) == 1)
        os.truncate(log, 0)
        with log.open("r+b") as file:
            file.seek(300_000)
            file.write(b"two\n")
        await until(lambda: len(intake.texts) == 2)

    assert followed(tmp_path, main).texts[1] == "two"


def test_restarts_go_on_where_they_were(tmp_path: Path) -> None:
    """Nothing twice after an ordinary end, nothing missing of what was written meanwhile, rotation included."""
    log = tmp_path / "app.log"

    async def main(_: FileInput, intake: FakeIntake) -> None:
        await until(lambda: intake.texts)
        await asyncio.sleep(0.03)

    append(log, "one\n")
    assert followed(tmp_path, main, path=str(tmp_path / "app.log*")).texts == ["one"]
    append(log, "two\n")
    log.rename(tmp_path / "app.log.1")
    append(log, "three\n")
    assert followed(tmp_path, main, path=str(tmp_path / "app.log*")).texts == ["two", "three"]


def test_another_file_in_the_same_inode_is_new(tmp_path: Path) -> None:
    """Its beginning tells."""
    log = tmp_path / "app.log"

    async def main(_: FileInput, intake: FakeIntake) -> None:
        await until(lambda: intake.texts)

    append(log, "one\n")
    followed(tmp_path, main)
    with log.open("r+b") as file:  # what the system does with an inode that is free again
        file.write(b"three\nfour\n")
    assert followed(tmp_path, main).texts == ["three", "four"]


def test_read_from_the_end(tmp_path: Path) -> None:
    """Only the first time, and only of what is there then."""
    log = tmp_path / "app.log"
    append(log, "old\n")

    async def main(_: FileInput, intake: FakeIntake) -> None:
        append(log, "one\n")
        append(tmp_path / "later.log", "two\n")
        await until(lambda: len(intake.texts) == 2)

    assert sorted(followed(tmp_path, main, read_from="end").texts) == ["one", "two"]
    append(tmp_path / "meanwhile.log", "three\n")

    async def again(_: FileInput, intake: FakeIntake) -> None:
        await until(lambda: intake.texts)

    assert followed(tmp_path, again, read_from="end").texts == ["three"]


def test_what_no_buffer_took_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its place does not count as read, now or after a restart."""
    monkeypatch.setattr("gelf_listener.inputs.file._RETRY_SECONDS", 0.01)
    log = tmp_path / "app.log"
    append(log, "one\n")

    async def main(_: FileInput, intake: RecordingIntake) -> None:
        intake.unsafe = True
        await until(lambda: intake.safe)
        assert intake.texts == ["one"]
        intake.settle("the disk is full")
        await until(lambda: len(intake.texts) == 2)

    assert followed(tmp_path, main, RecordingIntake()).texts == ["one", "one"]

    async def again(_: FileInput, intake: FakeIntake) -> None:
        await until(lambda: intake.texts)

    assert followed(tmp_path, again).texts == ["one"]


def test_a_line_that_waits_is_not_done(tmp_path: Path) -> None:
    """What would be lost with the process is read again: the place that is remembered is before it."""
    log = tmp_path / "app.log"

    async def main(made: FileInput, intake: FakeIntake) -> None:
        append(log, "one\n")
        await until(lambda: made._streams)
        await asyncio.sleep(0.03)
        (stream,) = made._streams.values()
        assert (intake.texts, stream.safe, stream.file.offset) == ([], 0, 4)
        append(log, "two\n")
        await until(lambda: intake.texts == ["one"])
        await until(lambda: stream.safe == 4)

    assert followed(tmp_path, main, join_seconds=60).texts == ["one", "two"]


def test_a_damaged_state_is_set_aside(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Files are read again rather than not at all."""
    log = tmp_path / "app.log"
    append(log, "one\n")

    async def main(_: FileInput, intake: FakeIntake) -> None:
        await until(lambda: intake.texts)

    followed(tmp_path, main)
    (tmp_path / "state" / "positions.json").write_text('{"version":1,"files":[{')
    assert followed(tmp_path, main).texts == ["one"]
    assert "damaged" in caplog.text
    assert (tmp_path / "state" / "positions.damaged").exists()


def test_what_cannot_be_followed_is_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """And others are: a pipe would block, a directory has no lines, and there is a bound."""
    os.mkfifo(tmp_path / "a.log")
    (tmp_path / "b.log").mkdir()
    (tmp_path / "c.log").symlink_to(tmp_path / "nowhere")
    for name in ("d", "e", "f"):
        append(tmp_path / f"{name}.log", f"{name}\n")
    (tmp_path / "g.log").symlink_to(tmp_path / "d.log")

    async def main(made: FileInput, intake: FakeIntake) -> None:
        await until(lambda: len(intake.texts) == 2)
        await asyncio.sleep(0.05)
        assert made.counters() == {"files": 2, "file_errors_total": 2}

    assert sorted(followed(tmp_path, main, max_files=2).texts) == ["d", "e"]
    assert caplog.text.count("max_files is 2") == 1
    assert caplog.text.count("c.log") == 1


def test_charset(tmp_path: Path) -> None:
    """Lines that are UTF-8 are read as UTF-8, others in the character set."""
    append(tmp_path / "app.log", "grün\n".encode() + "größe ".encode("latin-1") + b"ok\n")

    async def main(_: FileInput, intake: FakeIntake) -> None:
        await until(lambda: len(intake.texts) == 2)

    assert followed(tmp_path, main, charset="latin-1").texts == ["grün", "größe ok"]


def test_a_line_without_an_end_takes_no_memory(tmp_path: Path) -> None:
    """It is cut, and its place counts."""
    append(tmp_path / "app.log", b"x" * 3_000_000)

    async def main(made: FileInput, intake: FakeIntake) -> None:
        await until(lambda: sum(len(text) for text in intake.texts) >= 2_900_000)
        (stream,) = made._streams.values()
        await until(lambda: stream.safe > 2_700_000)
        assert len(stream._reads) < 300  # of 1500: those that are safe are forgotten

    followed(tmp_path, main, max_line_bytes=1000)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"path": "app.log"}, "not an absolute path"),
        ({"path": ""}, "name at least one file"),
        ({"path": "/"}, "is a directory"),
        ({"charset": "latin-99"}, "no such character set"),
        ({"charset": "utf-16"}, "lines cannot be told apart"),
        ({"read_from": "middle"}, "beginning"),
    ],
)
def test_settings_that_make_no_sense(settings: dict[str, str], message: str) -> None:
    """Are named."""
    with pytest.raises(ConfigError, match=message):
        FileSettings.from_values({"path": "/x/*.log"} | settings, "file:")


def test_two_inputs_cannot_share_a_state(tmp_path: Path) -> None:
    """The second says what to do."""

    async def main(made: FileInput, _: FakeIntake) -> None:
        other = FileInput(made.settings)
        with pytest.raises(ConfigError, match="state_path"):
            await other.start(FakeIntake())
        await other.close()

    followed(tmp_path, main)


def test_a_file_is_what_the_system_says_it_is(tmp_path: Path) -> None:
    """Two names of one file are read once."""
    append(tmp_path / "a.log", "one\n")
    os.link(tmp_path / "a.log", tmp_path / "b.log")

    async def main(_: FileInput, intake: FakeIntake) -> None:
        await until(lambda: intake.texts)
        await asyncio.sleep(0.03)

    assert followed(tmp_path, main).texts == ["one"]
    file = Followed.open(str(tmp_path / "a.log"))
    assert file is not None
    assert not file.at_end
    file.close()
    file.close()


def test_it_may_be_opened_again(tmp_path: Path) -> None:
    """As a reload does that failed: it goes on where it was."""
    log = tmp_path / "app.log"
    intake = FakeIntake()

    async def run() -> None:
        made = FileInput(
            FileSettings(path=str(log), state_path=str(tmp_path / "state"), poll_seconds=0.005, join_seconds=0)
        )
        for number in range(3):
            await made.start(intake)
            append(log, f"{number}\n")
            await until(lambda number=number: len(intake.texts) == number + 1)  # type: ignore[misc]
            await made.close()

    asyncio.run(run())
    assert intake.texts == ["0", "1", "2"]


def test_others_have_their_turn_while_lines_are_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One read can be thirty thousand lines."""
    clock = itertools.count()
    monkeypatch.setattr(file_module, "perf_counter", lambda: float(next(clock)))
    append(tmp_path / "app.log", b"a\n" * 30_000)
    batches: list[int] = []

    class Counting(FakeIntake):
        def accept(self, messages: list[Message], size: int) -> None:
            batches.append(len(messages))
            super().accept(messages, size)

    async def main(_: FileInput, intake: FakeIntake) -> None:
        await until(lambda: len(intake.texts) == 30_000)

    followed(tmp_path, main, Counting())
    assert max(batches) <= 1025, "in one turn"
    assert not followed(tmp_path, nothing).texts, "and how far it was read is known"
