"""The command that looks after a store which no listener has open."""

from __future__ import annotations

import asyncio
import io
import json
from pathlib import Path

import pytest

from gelf_listener import cli
from gelf_listener.codec.gelf.lenient import read_fields
from gelf_listener.message import Message
from gelf_listener.store.tantivy_store import TantivyStore
from tests.unit.store.samples import decoded, plain


def fill(path: Path, *messages: Message) -> None:
    async def main() -> None:
        store = TantivyStore(path, read_fields)
        await store.open()
        await store.add(messages)
        await store.close()

    asyncio.run(main())


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[object, str, str]:
    with pytest.raises(SystemExit) as caught:
        cli.main(["store", *arguments])
    printed = capsys.readouterr()
    return caught.value.code, printed.out, printed.err


def test_info(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """How much, from when to when, in which partitions."""
    fill(tmp_path, plain("a"), plain("b", at=60))
    status, out, _ = run(capsys, "info", "--path", str(tmp_path))
    assert not status
    assert f"{tmp_path}: 2 messages" in out
    assert "from 2023-11-14 22:13:20 UTC to 2023-11-14 22:14:20 UTC" in out
    assert "p00000001" in out


def test_export(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """GELF as it was sent, oldest first; with a query and to a file if wanted."""
    first = b'{"version":"1.1","host":"web","short_message":"first","timestamp":1700000000,"level":3,"_user_id":1}'
    second = b'{"version":"1.1","host":"web","short_message":"second","timestamp":1700000001,"level":6}'
    fill(tmp_path / "store", *decoded(second, first))
    target = tmp_path / "out.jsonl"
    status, *_ = run(capsys, "export", "--path", str(tmp_path / "store"), "--output", str(target))
    assert not status
    assert target.read_bytes().splitlines() == [first, second]
    status, *_ = run(
        capsys, "export", "--path", str(tmp_path / "store"), "-q", "level:3", "--format", "json", "-o", str(target)
    )
    (line,) = target.read_text().splitlines()
    assert json.loads(line)["input"] == "gelf+udp://test"
    status, _, errors = run(capsys, "export", "--path", str(tmp_path / "store"), "--format", "xml")
    assert status == 2
    assert "--format is 'xml'" in errors


def test_clear(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """What matches; it asks first."""
    fill(tmp_path, plain("a"), plain("b"), plain("c", level=3))
    status, out, _ = run(capsys, "clear", "--path", str(tmp_path), "--query", "level:6", "--yes")
    assert (status or 0, out) == (0, "2 messages deleted\n")
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    status, out, _ = run(capsys, "clear", "--path", str(tmp_path))
    assert status == 1
    assert "Delete 1 message" in out
    status, out, _ = run(capsys, "info", "--path", str(tmp_path))
    assert ": 1 message," in out


def test_compact(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It says what that gave."""
    fill(tmp_path, *(plain(f"m{index}") for index in range(50)))
    status, out, _ = run(capsys, "compact", "--path", str(tmp_path))
    assert not status
    assert " before, " in out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("info",), "there is no store at"),
        (("clear", "--query", "level:("), "column 8"),
        (("export", "--since", "yesterdayish"), "is not a time"),
    ],
)
def test_mistakes(arguments: tuple[str, ...], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One line, and nothing is made."""
    missing = tmp_path / "nothing"
    status, _, errors = run(capsys, arguments[0], "--path", str(missing), *arguments[1:])
    assert status in (1, 2)
    assert words in errors
    assert not missing.exists()


def test_a_store_in_use(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It names the process, and the way to ask it."""

    async def main() -> None:
        store = TantivyStore(tmp_path, read_fields)
        await store.open()
        try:
            status, _, errors = await asyncio.to_thread(run, capsys, "info", "--path", str(tmp_path))
        finally:
            await store.close()
        assert status == 2
        assert "open in another process" in errors
        assert "API" in errors

    asyncio.run(main())
