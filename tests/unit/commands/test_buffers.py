"""The command that looks after buffers on disk."""

from __future__ import annotations

import asyncio
import contextlib
import http.server
import io
import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from gelf_listener import cli
from gelf_listener.buffers.disk import DiskBuffer
from gelf_listener.codec.gelf.lenient import read_fields
from gelf_listener.lock import DirectoryLock
from gelf_listener.packing import Packer
from gelf_listener.settings import OutputSettings
from tests.unit.fakes import message


def fill(path: Path, *texts: str) -> None:
    """Make a buffer that holds messages."""

    async def main() -> None:
        buffer = DiskBuffer(path, OutputSettings(buffer="disk"), Packer(read_fields))
        buffer.open(lambda: None)
        buffer.put([message(text) for text in texts], 10)
        assert await buffer.close() == 0

    asyncio.run(main())


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as caught:
        cli.main(["buffers", *arguments])
    printed = capsys.readouterr()
    assert isinstance(caught.value.code, int | None)
    return caught.value.code or 0, printed.out, printed.err


def test_list(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What waits where, how old it is, and who has it open."""
    fill(tmp_path / "kafka", "a", "b")
    fill(tmp_path / "loki", "c")
    lock = DirectoryLock(tmp_path / "loki", "buffer", "")
    lock.acquire()
    (tmp_path / "kafka" / "damaged-row-1-1.msgpack").write_bytes(b"x")
    status, out, _ = run(capsys, "list", "--path", str(tmp_path))
    lock.release()
    first, second = out.splitlines()
    assert status == 0
    assert first.startswith("kafka: 2 messages, ")
    assert re.search(r"\d[dh] old; not open; 1 damaged file", first), "days, when they are whole ones"
    assert "loki: 1 message" in second
    assert "open in process" in second


def test_nothing_to_list(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The default directory, without a word about a subcommand."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert run(capsys) == (0, f"no buffers in {tmp_path}/gelf-listener/buffers\n", "")


def test_a_file_that_cannot_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Is said, beside the others."""
    fill(tmp_path / "good", "a")
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "buffer.sqlite").write_bytes(b"nothing" * 1000)
    status, out, _ = run(capsys, "list", "--path", str(tmp_path))
    assert status == 0
    assert "not a database" in out
    assert "good: 1 message" in out


def test_export(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """GELF, in order; it stays."""
    fill(tmp_path / "kafka", "a", "b")
    for _ in range(2):
        written = io.TextIOWrapper(io.BytesIO())
        monkeypatch.setattr("sys.stdout", written)
        run(capsys, "export", "kaf", "--path", str(tmp_path))
        lines = written.buffer.getvalue().splitlines()
        assert [json.loads(line)["short_message"] for line in lines] == ["a", "b"]


def test_clear(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """After asking; the path may be the buffer itself."""
    fill(tmp_path / "kafka", "a", "b")
    assert run(capsys, "clear", "kafka", "--yes", "--path", str(tmp_path / "kafka"))[1] == "2 messages deleted\n"
    assert "kafka: 0 messages" in run(capsys, "list", "--path", str(tmp_path))[1]


def test_send(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """To any output; what is written is gone."""
    fill(tmp_path / "kafka", "a", "b", "c")
    target = tmp_path / "out.jsonl"
    status, out, _ = run(capsys, "send", "kafka", "--to", f"file://{target}", "--path", str(tmp_path))
    assert (status, out) == (0, "3 messages written, 0 refused, 0 left\n")
    assert [json.loads(line)["short_message"] for line in target.read_bytes().splitlines()] == ["a", "b", "c"]
    assert run(capsys, "send", "kafka", "--to", "null:", "--path", str(tmp_path))[1].startswith("0 messages written")


def test_send_to_nobody(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is left is said, and why; it stays in the buffer."""
    fill(tmp_path / "kafka", "a")
    (tmp_path / "file").write_bytes(b"")
    status, out, err = run(
        capsys, "send", "kafka", "--to", "redis://127.0.0.1:1/", "--timeout", "0.5", "--path", str(tmp_path)
    )
    assert (status, out) == (1, "0 messages written, 0 refused, 1 left\n")
    assert "refused" in err or "Connect" in err
    assert "kafka: 1 message" in run(capsys, "list", "--path", str(tmp_path))[1]


def test_send_to_somebody_who_refuses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Sending to the wrong address costs nothing: all messages are there, whole."""
    long = "x" * 5000
    fill(tmp_path / "kafka", "a", long)
    with _refusing() as port:
        status, out, err = run(
            capsys, "send", "kafka", "--to", f"webhook+http://127.0.0.1:{port}/", "--path", str(tmp_path)
        )
    assert (status, out) == (1, "0 messages written, 2 refused, 0 left\n")
    [kept] = (tmp_path / "kafka").glob("refused-*.jsonl")
    assert f"what was refused is in {kept}" in err
    assert [json.loads(line)["short_message"] for line in kept.read_bytes().splitlines()] == ["a", long]
    status, _, err = run(capsys, "send", "kafka", "--to", "null:?where=a", "--path", str(tmp_path))
    assert (status, "'where'" in err) == (2, True)


def test_send_to_somebody_who_refuses_what_cannot_be_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stays where it is."""
    fill(tmp_path / "kafka", "a")
    monkeypatch.setattr("time.strftime", lambda _: "now")
    (tmp_path / "kafka" / "refused-now.jsonl").mkdir()
    with _refusing() as port:
        status, out, err = run(
            capsys, "send", "kafka", "--to", f"webhook+http://127.0.0.1:{port}/", "--path", str(tmp_path)
        )
    assert (status, out) == (1, "0 messages written, 0 refused, 1 left\n")
    assert "refused-now.jsonl: Is a directory" in err


@contextlib.contextmanager
def _refusing() -> Iterator[int]:
    """A server that takes nothing; gives its port."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_error(400)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def test_errors(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A buffer that is not there, and one that somebody has open."""
    fill(tmp_path / "kafka-1", "a")
    fill(tmp_path / "kafka-2", "a")
    status, _, err = run(capsys, "export", "kafka", "--path", str(tmp_path))
    assert (status, "more than one buffer 'kafka'" in err, "kafka-1, kafka-2" in err) == (2, True, True)
    assert "no buffer 'loki'" in run(capsys, "clear", "loki", "--path", str(tmp_path))[2]
    lock = DirectoryLock(tmp_path / "kafka-1", "buffer", "")
    lock.acquire()
    status, _, err = run(capsys, "clear", "kafka-1", "--yes", "--path", str(tmp_path))
    lock.release()
    assert (status, "open in another process" in err) == (2, True)
