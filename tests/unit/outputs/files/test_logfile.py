"""One file: all of the data or nothing."""

from __future__ import annotations

import os
import resource
from contextlib import contextmanager

import pytest

from gelf_listener.outputs.files.logfile import LogFile


@contextmanager
def small_files():
    """No file of this process grows beyond 100 bytes; no fixture, or pytest could not write its report to a file."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("sync", [True, False])
def test_exactly_what_fits_and_one_byte_more(tmp_path, sync):
    """At the limit it is written, one over nothing is, and what fits afterwards is written again."""
    file = LogFile(tmp_path, "sub/a", sync=sync)
    file.open()
    with small_files():
        file.append(b"x" * 49 + b"\n")
        with pytest.raises(OSError, match="too large"):
            file.append(b"y" * 50 + b"\n")
        assert file.size == 50
        assert file.truncations == 1
        file.append(b"z" * 49 + b"\n")
    assert file.size == 100
    assert file.dirty is not sync
    file.close()
    assert (tmp_path / "sub/a").read_bytes() == b"x" * 49 + b"\n" + b"z" * 49 + b"\n"


def test_a_free_name_is_found(tmp_path):
    """Neither a plain nor a compressed file is overwritten."""
    for name in ("a.1", "a.2.gz", "a.4"):
        (tmp_path / name).write_text("old")
    for expected in ("a.3", "a.5"):
        file = LogFile(tmp_path, "a")
        file.open()
        file.append(b"new\n")
        assert file.rotate(lambda counter: f"a.{counter}") == expected
        assert (tmp_path / expected).read_bytes() == b"new\n"
    assert (tmp_path / "a.1").read_text() == (tmp_path / "a.2.gz").read_text() == "old"


def test_a_link_in_the_way(tmp_path):
    """As the last part and as one before."""
    (tmp_path / "outside").write_text("")
    (tmp_path / "base").mkdir()
    (tmp_path / "base/link").symlink_to(tmp_path / "outside")
    (tmp_path / "base/up").symlink_to(tmp_path)
    for relative in ("link", "up/outside"):
        with pytest.raises(OSError):
            LogFile(tmp_path / "base", relative).open()
    assert (tmp_path / "outside").read_bytes() == b""


def test_closing_lets_go_of_the_descriptor(tmp_path):
    """Twice is fine, and it may be opened again."""
    file = LogFile(tmp_path, "a")
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        file.open()
        file.append(b"x\n")
        file.close()
        file.close()
    assert len(os.listdir("/proc/self/fd")) == before
    assert (tmp_path / "a").read_bytes() == b"x\n" * 3
