"""systemd-journal-upload, unmodified, with a journal that its own systemd-journal-remote wrote."""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path

import pytest

from tests.e2e.conftest import Certificates, Start
from tests.requirements import need

REMOTE = "/lib/systemd/systemd-journal-remote"
UPLOAD = "/lib/systemd/systemd-journal-upload"
AT = 1795913000_000000
BOOT = "b" * 32


def entry(number: int, message: str, **fields: str) -> bytes:
    """Write an entry in the journal's export format."""
    cursor = f"s={'4' * 32};i={number:x};b={BOOT};m={number:x};t={AT + number:x};x={number:x}"
    known = {
        "__CURSOR": cursor,
        "__REALTIME_TIMESTAMP": str(AT + number * 1000),
        "__MONOTONIC_TIMESTAMP": str(number * 1000),
        "_BOOT_ID": BOOT,
        "_HOSTNAME": "web-1",
        "SYSLOG_IDENTIFIER": "shop",
    }
    lines = "".join(f"{name}={value}\n" for name, value in (known | fields).items()).encode()
    text = message.encode()
    return lines + b"MESSAGE\n" + struct.pack("<Q", len(text)) + text + b"\n\n"


def write_journal(folder: Path, entries: bytes, name: str) -> None:
    """Let systemd write a journal."""
    folder.mkdir(exist_ok=True)
    source = folder.parent / f"{name}.export"
    source.write_bytes(entries)
    subprocess.run(
        [need(REMOTE), f"--output={folder / name}.journal", str(source)], check=True, capture_output=True, timeout=60
    )


def upload(url: str, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Upload what is new in a folder, and remember how far it got."""
    state = f"--save-state={folder.parent / 'state'}"
    command = [need(UPLOAD), f"--url={url}", f"--directory={folder}", "--follow=no", state, *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A journal of three entries."""
    need(REMOTE, UPLOAD)
    entries = [
        entry(1, "stock is low", PRIORITY="4", ORDER="17", _PID="4711"),
        entry(2, 'it failed\nTraceback (most recent call last):\n  File "x"\nValueError: no', PRIORITY="3"),
        entry(3, "x" * 100_000 + "END", PRIORITY="6"),
    ]
    write_journal(tmp_path / "journal", b"".join(entries), "first")
    return tmp_path / "journal"


def test_uploads_what_is_new(start: Start, folder: Path) -> None:
    """All entries once; what was acknowledged is not sent again."""
    listener = start("journal+http://127.0.0.1:0")
    url = f"http://127.0.0.1:{listener.port('journal+http')}"
    done = upload(url, folder)
    assert done.returncode == 0, done.stderr
    low, failed, long = listener.messages(3)
    assert (low["short_message"], low["level"], low["host"]) == ("stock is low", 4, "web-1")
    assert low["timestamp"] == pytest.approx(1795913000.001)
    assert (low["_application_name"], low["_process_id"], low["_ORDER"]) == ("shop", "4711", "17")
    assert (failed["short_message"], failed["level"]) == ("it failed", 3)
    assert failed["full_message"].startswith("Traceback")
    assert (len(long["short_message"]), long["short_message"][-3:]) == (100_003, "END")

    done = upload(url, folder)  # which sends the last entry again
    assert done.returncode == 0, done.stderr
    assert len(listener.messages(3)) == 3
    assert listener.rejected() == 0


def test_https(start: Start, certificates: Certificates, folder: Path) -> None:
    """With certificates on both sides, as the client insists on."""
    listener = start(
        f"journal+https://127.0.0.1:0?cert={certificates.server}&client_ca={certificates.ca}&client_auth=required"
    )
    url = f"https://localhost:{listener.port('journal+https')}"
    keys = [f"--key={certificates.client}", f"--cert={certificates.client}", f"--trust={certificates.ca}"]
    done = upload(url, folder, *keys)
    assert done.returncode == 0, done.stderr
    assert len(listener.messages(3)) == 3
