"""Finished files: compressed and deleted, and nothing else is touched."""

from __future__ import annotations

import gzip
import os
import threading

import pytest

from gelf_listener.outputs.files.archive import Archive, Retention
from gelf_listener.outputs.files.template import PathTemplate
from tests.unit.outputs.messages import RECEIVED_AT

NOW = RECEIVED_AT  # 2026-09-21T14:13:20Z


@pytest.fixture
def base(tmp_path):
    directory = tmp_path / "base"
    directory.mkdir()
    return directory


def put(base, relative, size=10, age=0.0):
    """Make a file of a size and an age in seconds."""
    path = base / relative
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * (size - 1) + b"\n")
    os.utime(path, (NOW - age, NOW - age))
    return path


def sweep(base, template="{source}.jsonl", *, compress=False, is_open=lambda _: False, **retention):
    """Sweep once; return the archive."""
    archive = Archive(
        PathTemplate(f"{base}/{template}"),
        compress=compress,
        retention=Retention(**retention),
        lock=threading.Lock(),
        is_open=is_open,
    )
    archive.sweep(NOW)
    return archive


def names(base):
    return sorted(str(path.relative_to(base)) for path in base.rglob("*") if not path.is_dir())


def rotated(number, stem="a"):
    return f"{stem}@20260921T14131{number}Z.1.jsonl"


def test_rotated_files_are_compressed_and_others_are_not(base):
    """The same bytes, the same time, in a file of its own."""
    put(base, "a.jsonl")
    put(base, "notes.txt")
    old = put(base, rotated(0), size=100_000, age=50)
    modified = old.stat().st_mtime_ns
    archive = sweep(base, compress=True)
    assert names(base) == ["a.jsonl", rotated(0) + ".gz", "notes.txt"]
    packed = base / (rotated(0) + ".gz")
    assert gzip.decompress(packed.read_bytes()) == b"x" * 99_999 + b"\n"
    assert packed.stat().st_mtime_ns == modified
    assert archive.compressed == 1


def test_files_of_past_days_are_finished(base):
    """Their name says so; unless one is open, for late messages."""
    for day in (19, 20, 21):
        put(base, f"2026-09-{day}/a.jsonl")
    sweep(base, "{date}/{source}.jsonl", compress=True, is_open=lambda relative: relative.startswith("2026-09-19"))
    assert names(base) == ["2026-09-19/a.jsonl", "2026-09-20/a.jsonl.gz", "2026-09-21/a.jsonl"]


def test_late_messages_do_not_overwrite_what_was_compressed(base):
    """They have a file of their own."""
    put(base, "2026-09-20.jsonl", size=5, age=10)
    sweep(base, "{date}.jsonl", compress=True)
    put(base, "2026-09-20.jsonl", size=9, age=5)
    sweep(base, "{date}.jsonl", compress=True)
    assert names(base) == ["2026-09-20.jsonl.gz", "2026-09-20@20260921T141320Z.1.jsonl.gz"]
    assert [len(gzip.decompress((base / name).read_bytes())) for name in names(base)] == [5, 9]


def test_a_file_that_grows_while_it_is_compressed_stays(base):
    """The writer opened it again: its new records must not go."""
    path = put(base, rotated(0), size=3_000_000)
    looked = []

    def is_open(relative):
        looked.append(relative)
        with path.open("ab") as file:
            file.write(b"late\n")
        return False

    archive = sweep(base, compress=True, is_open=is_open)
    assert looked == [rotated(0)]
    assert names(base) == [rotated(0)]
    assert archive.compressed == 0


def test_a_process_that_died_between_the_last_steps(base):
    """The compressed file is whole, the plain one still there: it is deleted, not compressed into a second one."""
    put(base, rotated(0))
    sweep(base, compress=True)
    put(base, rotated(0))
    sweep(base, compress=True)
    assert names(base) == [rotated(0) + ".gz"]


def test_late_messages_of_the_same_moment_are_no_copy(base):
    """On a file system with coarse times the size tells; or they would be deleted."""
    put(base, "2026-09-20.jsonl", size=5, age=10)
    sweep(base, "{date}.jsonl", compress=True)
    put(base, "2026-09-20.jsonl", size=6, age=10)
    sweep(base, "{date}.jsonl", compress=True)
    assert [len(gzip.decompress((base / name).read_bytes())) for name in names(base)] == [5, 6]


def test_more_files_than_can_be_compressed_are_deleted_all_the_same(base):
    """Limits hold also while there is more to compress."""
    for number in range(9):
        put(base, rotated(number), size=1000, age=100 - number)
    archive = sweep(base, compress=True, max_total_size=2000)
    assert names(base) == [rotated(number) + ".gz" for number in (7, 8)]
    assert (archive.compressed, archive.deleted) == (2, 7)
    assert archive.faults.errors.total() == 0


def test_a_process_that_died_while_it_compressed(base):
    """The half-written file is thrown away; nobody else's is."""
    put(base, rotated(0) + ".gz@part")
    put(base, "mine.gz@part")
    put(base, "other@part.txt")
    put(base, rotated(0))
    sweep(base, compress=True)
    assert names(base) == [rotated(0) + ".gz", "mine.gz@part", "other@part.txt"]


def test_stopping_leaves_the_plain_file(base):
    """The next start begins again."""
    put(base, rotated(0), size=3_000_000)
    archive = Archive(
        PathTemplate(f"{base}/{{source}}.jsonl"),
        compress=True,
        retention=Retention(),
        lock=threading.Lock(),
        is_open=lambda _: False,
    )
    archive.stop()
    archive.sweep(NOW)
    assert names(base) == [rotated(0)]


@pytest.mark.parametrize(("limit", "left"), [(0, 4), (4, 4), (3, 3), (1, 1)])
def test_the_number_of_rotated_files(base, limit, left):
    """For each active file; the newest stay, compressed or not."""
    for number in range(4):
        put(base, rotated(number) + (".gz" if number % 2 else ""), age=10 - number)
    put(base, rotated(0, "b"), age=1000)
    put(base, "a.jsonl")
    archive = sweep(base, max_files=limit)
    kept = [name for name in names(base) if name.startswith("a@")]
    assert kept == [rotated(number) + (".gz" if number % 2 else "") for number in range(4)][4 - left :]
    assert {"a.jsonl", rotated(0, "b")} <= set(names(base))
    assert archive.deleted == 4 - left


def test_the_age_of_rotated_files(base):
    """Exactly the limit stays, a second older goes; the active file stays however old it is."""
    put(base, "a.jsonl", age=10_000)
    put(base, rotated(0), age=101)
    put(base, rotated(1), age=100)
    put(base, rotated(2), age=99)
    sweep(base, max_age_seconds=100)
    assert names(base) == ["a.jsonl", rotated(1), rotated(2)]


@pytest.mark.parametrize(("limit", "left"), [(50, [0, 1, 2]), (49, [1, 2]), (40, [1, 2]), (39, [2]), (1, [])])
def test_the_size_of_all_files(base, limit, left):
    """The active file counts and stays; the oldest go first."""
    put(base, "a.jsonl", size=20)
    for number in range(3):
        put(base, rotated(number), size=10, age=10 - number)
    sweep(base, max_total_size=limit)
    assert names(base) == ["a.jsonl", *(rotated(number) for number in left)]


def test_directories_that_are_empty_then_go_too(base):
    """A directory a day would fill the disk with directories."""
    put(base, "2026-09-18/web/a.jsonl", age=300)
    put(base, "2026-09-19/web/a.jsonl", age=200)
    put(base, "2026-09-19/web/notes", age=200)
    sweep(base, "{date}/web/{source}.jsonl", max_age_seconds=100)
    assert names(base) == ["2026-09-19/web/notes"]
    assert not (base / "2026-09-18").exists()
    assert base.exists()


def test_links_are_not_followed(base, tmp_path):
    """What is outside stays as it is."""
    outside = tmp_path / "outside"
    put(outside, "a.jsonl", age=1000)
    put(outside, rotated(0), age=1000)
    (base / "2026-09-19").symlink_to(outside)
    (base / "2026-09-18").mkdir()
    (base / "2026-09-18/a.jsonl").symlink_to(outside / "a.jsonl")
    archive = sweep(base, "{date}/{source}.jsonl", compress=True, max_age_seconds=1, max_files=1, max_total_size=1)
    assert names(outside) == ["a.jsonl", rotated(0)]
    assert (archive.compressed, archive.deleted) == (0, 0)


def test_one_file_that_cannot_be_compressed_does_not_stop_the_others(small_disk):
    """A full disk: counted, and the plain files stay."""
    filler = small_disk.path / "filler"
    put(small_disk.path, rotated(0)).write_bytes(os.urandom(60_000))
    put(small_disk.path, rotated(1), size=1000)
    small_disk.fill(leave=8192)
    archive = sweep(small_disk.path, compress=True)
    assert names(small_disk.path) == [rotated(0), rotated(1) + ".gz", "filler"]
    assert archive.faults.errors["no_space"] == 1
    filler.unlink()
    sweep(small_disk.path, compress=True)
    assert names(small_disk.path) == [rotated(0) + ".gz", rotated(1) + ".gz"]


def test_a_base_that_is_not_there_yet(base):
    """Nothing was written so far."""
    assert sweep(base / "later", compress=True, max_files=1).compressed == 0
