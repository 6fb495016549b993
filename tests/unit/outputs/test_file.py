"""file: whole records in the right files, whatever the disk does."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
import os
import re
import resource
import stat
import subprocess
import sys
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import pytest

from gelf_listener.address import Address
from gelf_listener.errors import ConfigError, Refused, Retry
from gelf_listener.outputs.file import FileOutput, FileSettings
from gelf_listener.outputs.files.names import safe_name
from gelf_listener.testing.contracts import OutputContract, run
from tests.unit.outputs.messages import make_batch, make_message

DAY = 86_400


class TestFile(OutputContract):
    scheme = "file"

    def make(self, tmp_path):
        return FileOutput(FileSettings(path=str(tmp_path / "logs/app.jsonl")))

    def texts(self, tmp_path):
        path = tmp_path / "logs/app.jsonl"
        return path.read_text().splitlines() if path.exists() else []


class TestFilePerSource(OutputContract):
    def make(self, tmp_path):
        return FileOutput(FileSettings(path=str(tmp_path / "logs/{date}/{source}.jsonl"), format="json", sync="batch"))

    def texts(self, tmp_path):
        # Of days that are over, as those of the contract's messages are, and so perhaps compressed already.
        paths = [*tmp_path.rglob("*.jsonl"), *tmp_path.rglob("*.jsonl.gz")]
        return [line for path in paths for line in plain(path).decode().splitlines()]


def write(path, *batches, **settings):
    """Write batches and close; return the counters."""
    output = FileOutput(FileSettings(path=str(path), **settings))

    async def main() -> None:
        await output.start()
        for batch in batches:
            await output.write(batch)
        await output.close()

    run(main())
    return output.counters()


def plain(path):
    """Return what is in a file, compressed or not."""
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()


def texts(path):
    """Return the texts of the messages in a file, compressed or not."""
    data = plain(path)
    assert data == b"" or data.endswith(b"\n")
    return [json.loads(line)["short_message"] for line in data.splitlines()]


def files(directory):
    """Return the relative paths of all files, sorted."""
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*") if not path.is_dir())


@contextmanager
def biggest_file(size):
    """Let no file of this process grow beyond a size (EFBIG): a full disk that needs no privileges."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


# What is written


def test_exact_messages_are_written_as_they_came(tmp_path):
    """Byte for byte, one a line."""
    batch = make_batch(3)
    counters = write(tmp_path / "a.jsonl", batch)
    data = (tmp_path / "a.jsonl").read_bytes()
    assert data == b"".join(message.raw + b"\n" for message in batch)
    assert counters["written_messages_total"] == 3
    assert counters["written_bytes_total"] == len(data)


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("json", '"input":"gelf+udp-12201","peer":"192.0.2.7:5140"'),
        ("logfmt", "timestamp=2026-09-21T14:13:20.000000Z host=web1 level=info short_message=hello a=1\n"),
        ("text", "2026-09-21 14:13:20.000Z INFO   web1 hello  a=1\n"),
    ],
)
def test_forms(tmp_path, form, expected):
    """Each ends its records with a newline."""
    write(tmp_path / "a", [make_message(fields={"a": 1})], format=form)
    assert expected in (tmp_path / "a").read_text()


def test_a_file_that_is_there_is_appended_to(tmp_path):
    """A restart loses nothing."""
    write(tmp_path / "a.jsonl", make_batch(2))
    write(tmp_path / "a.jsonl", make_batch(2, start=2))
    assert texts(tmp_path / "a.jsonl") == [f"message {number}" for number in range(4)]


def test_half_a_record_of_a_process_that_died_is_ended(tmp_path):
    """The first record of ours starts on a line of its own."""
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"short_message":"whole"}\n{"short_mess')
    write(path, make_batch(1))
    assert path.read_bytes().splitlines()[:2] == [b'{"short_message":"whole"}', b'{"short_mess']
    assert json.loads(path.read_bytes().splitlines()[2])["short_message"] == "message 0"


def test_modes(tmp_path):
    """Not for the world to read."""
    before = os.umask(0o022)
    try:
        write(tmp_path / "new/dir/{source}.jsonl", make_batch(1))
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "new/dir/web1.jsonl").stat().st_mode) == 0o640
    assert stat.S_IMODE((tmp_path / "new/dir").stat().st_mode) == 0o750


def test_the_loop_goes_on_while_the_disk_is_slow(tmp_path):
    """Writing waits in a thread: here for the lock, which stands for a disk."""
    output = FileOutput(FileSettings(path=str(tmp_path / "a.jsonl")))

    async def main() -> None:
        await output.start()
        with output._lock:
            task = asyncio.ensure_future(output.write(make_batch(1)))
            for _ in range(5):
                await asyncio.sleep(0.001)
            assert not task.done()
        await task
        await output.close()

    run(main())
    assert texts(tmp_path / "a.jsonl") == ["message 0"]


# Names from messages


@pytest.mark.parametrize(
    "host",
    ["../../etc/x", "/etc/passwd", "..", ".", "", "a/../../b", "a\x00b", "\x1b[31m", "\u202egnp", "web1\n", "~root", "-rf", ".hidden", "💥", "x" * 1_000_000, "\ud800", "a@20261123T143052Z.1", "_overflow"],
    ids=repr,
)  # fmt: skip
def test_no_host_leads_out_of_the_base(tmp_path, host):
    """CVE-2025-12972: a path from a record field. An honest host afterwards has its file."""
    base = tmp_path / "base"
    outside = files(tmp_path)
    host_bytes = make_message().raw
    write(base / "{source}/all.jsonl", [make_message("evil", host=host, raw=host_bytes, exact=True)], make_batch(1))
    assert [path for path in files(tmp_path) if not path.startswith("base/")] == outside
    names = files(base)
    assert len(names) == 2
    assert "web1/all.jsonl" in names
    for name in names:
        directory, rest = name.split("/", 1)
        assert rest == "all.jsonl"
        assert set(directory) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")
        assert not directory.startswith((".", "-"))
        assert ".." not in directory
        assert len(directory) <= 100


def test_hosts_that_reduce_to_the_same_keep_their_own_files(tmp_path):
    """The hash tells them apart."""
    write(tmp_path / "{source}.jsonl", [make_message(host="a/b"), make_message(host="a:b"), make_message(host="a_b")])
    assert len(files(tmp_path)) == 3


def test_placeholders(tmp_path):
    """All of them, with a value and without."""
    batch = [
        make_message(fields={"app": "shop", "ok": True, "n": 1}),
        make_message(level=None),
        make_message(level=3, fields={"app": ""}),
    ]
    write(tmp_path / "{input}/{level}/{date}/{hour}/{_app}-{_ok}-{_n}.jsonl", batch, compress="none")
    inputs = safe_name("gelf+udp-12201", 80)
    assert files(tmp_path) == [
        f"{inputs}/_none/2026-09-21/14/_none-_none-_none.jsonl",
        f"{inputs}/error/2026-09-21/14/_empty-_none-_none.jsonl",
        f"{inputs}/info/2026-09-21/14/shop-true-1.jsonl",
    ]


def test_true_and_one_are_two_values(tmp_path):
    """Python finds them equal; the files are not."""
    write(tmp_path / "{_v}.jsonl", [make_message(fields={"v": value}) for value in (1, True, 1.0, "1")])
    assert files(tmp_path) == ["1.0.jsonl", "1.jsonl", "true.jsonl"]


def test_a_batch_across_midnight_is_divided(tmp_path):
    """By the time of receiving: what a client calls its time cannot choose a file."""
    midnight = 20_717 * DAY
    batch = [
        make_message(str(number), received_at=midnight + number - 2, timestamp=0.0 + number) for number in range(4)
    ]
    write(tmp_path / "{date}.jsonl", batch, compress="none")
    assert files(tmp_path) == ["2026-09-20.jsonl", "2026-09-21.jsonl"]
    assert texts(tmp_path / "2026-09-20.jsonl") == ["0", "1"]


def test_a_link_below_the_base_is_refused_and_the_others_are_written(tmp_path):
    """Somebody with access to the directory put it there; one peer's name must not hold up the others."""
    target = tmp_path / "target"
    target.mkdir()
    base = tmp_path / "base"
    base.mkdir()
    (base / "evil").symlink_to(target)
    (base / "file").write_text("")
    batch = [make_message(host="evil"), make_message(host="good"), make_message(host="file")]
    output = FileOutput(FileSettings(path=str(base / "{source}/x.jsonl")))

    async def main() -> None:
        await output.start()
        with pytest.raises(Refused) as caught:
            await output.write(batch)
        assert [message.host for message in caught.value.messages] == ["evil", "file"]
        await output.write([make_message("again", host="good")])
        await output.close()

    run(main())
    assert files(target) == []
    assert texts(base / "good/x.jsonl") == ["hello", "again"]
    assert output.counters()["errors_other_total"] == 2


def test_a_base_that_is_gone_is_no_fault_of_the_messages(tmp_path):
    """They wait until the operator has put it right."""
    base = tmp_path / "base"
    output = FileOutput(FileSettings(path=str(base / "{source}.jsonl")))

    async def main() -> None:
        await output.start()
        base.rmdir()
        base.write_text("a file")
        with pytest.raises(Retry, match="exists"):
            await output.write(make_batch(1))
        base.unlink()
        await output.write(make_batch(1))
        await output.close()

    run(main())
    assert texts(base / "web1.jsonl") == ["message 0"]


def test_a_link_the_operator_made_is_followed(tmp_path):
    """Above the base, and to the file itself."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    (tmp_path / "app.jsonl").symlink_to(tmp_path / "real/file.jsonl")
    write(tmp_path / "link/{source}.jsonl", make_batch(1))
    write(tmp_path / "app.jsonl", make_batch(1))
    assert files(tmp_path / "real") == ["file.jsonl", "web1.jsonl"]


# Limits on files


def test_as_many_open_files_as_allowed_and_one_more(tmp_path):
    """The one not used for longest is closed; no message is lost."""
    output = FileOutput(FileSettings(path=str(tmp_path / "{source}.jsonl"), max_open_files=3))

    async def main() -> None:
        await output.start()
        await output.write([make_message(host=f"h{number}") for number in range(3)])
        assert output.counters()["open_files"] == 3
        await output.write([make_message(host="h3")])
        assert output.counters()["open_files"] == 3
        await output.write([make_message("again", host=f"h{number}") for number in range(4)])
        assert output.counters()["open_files"] == 3
        await output.close()

    run(main())
    assert [texts(tmp_path / f"h{number}.jsonl") for number in range(4)] == [["hello", "again"]] * 4
    assert output.counters()["open_files"] == 0


def test_as_many_files_a_day_as_allowed_and_one_more(tmp_path):
    """A flood of random hosts ends in one file; hosts from before keep theirs."""
    counters = write(
        tmp_path / "{source}/{date}.jsonl",
        [make_message(host=f"h{number}") for number in range(3)],
        [make_message(str(number), host=f"random{number}") for number in range(50)],
        [make_message("honest", host="h1")],
        max_files_per_day=3,
        compress="none",
    )
    assert files(tmp_path) == ["_overflow/2026-09-21.jsonl", *(f"h{number}/2026-09-21.jsonl" for number in range(3))]
    assert texts(tmp_path / "_overflow/2026-09-21.jsonl") == [str(number) for number in range(50)]
    assert texts(tmp_path / "h1/2026-09-21.jsonl") == ["hello", "honest"]
    assert counters["overflow_messages_total"] == 50


def test_running_out_of_descriptors_closes_files(tmp_path):
    """EMFILE: others in the process need some as well."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    output = FileOutput(FileSettings(path=str(tmp_path / "{source}.jsonl")))

    async def main() -> None:
        await output.start()
        await output.write([make_message(host=f"h{number}") for number in range(20)])
        used = len(os.listdir("/proc/self/fd"))
        resource.setrlimit(resource.RLIMIT_NOFILE, (used + 3, hard))
        try:
            await output.write([make_message(host=f"h{number}") for number in range(20, 60)])
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        await output.close()

    run(main())
    assert len(files(tmp_path)) == 60


# Rotation


def test_the_largest_file_and_one_byte_more(tmp_path):
    """A file has exactly max_size at most, and no record is divided."""
    size = len(make_message("message 0").raw) + 1
    counters = write(tmp_path / "a.jsonl", make_batch(3), max_size=3 * size, compress="none")
    assert counters["rotations_total"] == 0
    assert files(tmp_path) == ["a.jsonl"]
    counters = write(tmp_path / "a.jsonl", make_batch(1, start=3), max_size=3 * size, compress="none")
    assert counters["rotations_total"] == 1
    old, new = sorted(files(tmp_path), key=len, reverse=True)
    assert texts(tmp_path / old) == ["message 0", "message 1", "message 2"]
    assert texts(tmp_path / new) == ["message 3"]
    write(tmp_path / "a.jsonl", make_batch(1, start=4), max_size=3 * size, compress="none")
    assert texts(tmp_path / "a.jsonl") == ["message 3", "message 4"]


def test_a_batch_larger_than_a_file_is_divided(tmp_path):
    """Each file is filled before the next begins; a record larger than all has a file of its own."""
    size = len(make_message("message 10").raw) + 1
    batch = make_batch(25, start=10)
    batch.insert(12, make_message("x" * 3 * size))
    counters = write(tmp_path / "a.jsonl", batch, max_size=5 * size, compress="none")
    names = [name for name in files(tmp_path) if name != "a.jsonl"]
    names.sort(key=lambda name: int(name.split(".")[1]))
    found = [texts(tmp_path / name) for name in [*names, "a.jsonl"]]
    assert [text for part in found for text in part] == [message.short_message for message in batch]
    assert counters["rotations_total"] == len(names)
    assert all((tmp_path / name).stat().st_size <= 5 * size or len(texts(tmp_path / name)) == 1 for name in names)
    assert len(found[0]) == 5


def test_rotated_names_have_a_time_and_a_counter(tmp_path):
    """They sort by age, keep the extension, and no value of a peer can look like one."""
    write(tmp_path / "a.log.jsonl", *([message] for message in make_batch(4)), max_size=1, compress="none")
    stamp = rf"{time.strftime('%Y%m%d')}T\d{{6}}Z"
    active, *rotated = files(tmp_path)
    assert active == "a.log.jsonl"
    assert len(rotated) == 3
    assert all(re.fullmatch(rf"a\.log@{stamp}\.[123]\.jsonl", name) for name in rotated)


def test_rotation_by_time(tmp_path):
    """The first write of a new day finds yesterday's file and puts it away, also after a restart."""
    path = tmp_path / "a.jsonl"
    write(path, make_batch(1), rotate="daily", compress="none")
    assert write(path, make_batch(1, start=1), rotate="daily", compress="none")["rotations_total"] == 0
    os.utime(path, (time.time() - DAY, time.time() - DAY))
    assert write(path, make_batch(1, start=2), rotate="daily", compress="none")["rotations_total"] == 1
    assert texts(path) == ["message 2"]
    assert len(files(tmp_path)) == 2


def test_finished_files_are_compressed(tmp_path):
    """In the background; what close interrupts, the next start does."""
    size = len(make_message("message 0").raw) + 1
    path = tmp_path / "a.jsonl"
    write(path, make_batch(9), max_size=3 * size)
    output = FileOutput(FileSettings(path=str(path), max_size=3 * size))

    async def main() -> None:
        await output.start()
        await until(lambda: len(list(tmp_path.glob("*.gz"))) == 2 and len(files(tmp_path)) == 3)
        await output.close()

    run(main())
    packed = sorted(tmp_path.glob("*.gz"))
    assert [text for one in packed for text in texts(one)] + texts(path) == [f"message {n}" for n in range(9)]
    assert all(stat.S_IMODE(one.stat().st_mode) & 0o007 == 0 for one in packed)


async def until(condition, seconds=40.0):
    """Wait for something another thread does."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.005)


def test_logrotate_with_a_signal(tmp_path):
    """SIGHUP calls reopen(): the moved file is let go of."""
    path = tmp_path / "a.jsonl"
    output = FileOutput(FileSettings(path=str(path)))

    async def main() -> None:
        await output.start()
        await output.write(make_batch(1))
        assert output.counters()["open_files"] == 1
        await output.reopen()
        assert output.counters()["open_files"] == 0
        await output.write(make_batch(1, start=1))
        await output.close()
        await output.reopen()

    run(main())
    assert texts(path) == ["message 0", "message 1"]


@pytest.mark.parametrize("how", ["moved", "deleted", "truncated"])
def test_logrotate_without_a_signal(tmp_path, how):
    """The path is looked at before each write."""
    path = tmp_path / "logs/a.jsonl"
    output = FileOutput(FileSettings(path=str(path)))

    async def main() -> None:
        await output.start()
        await output.write(make_batch(2))
        if how == "moved":
            path.rename(tmp_path / "logs/old")
        elif how == "deleted":
            path.unlink()
            path.parent.rmdir()
        else:
            os.truncate(path, 0)
        await output.write(make_batch(1, start=2))
        await output.close()

    run(main())
    assert texts(path) == ["message 2"]
    if how == "moved":
        assert texts(tmp_path / "logs/old") == ["message 0", "message 1"]


# When the disk does not take it


def test_a_full_disk_keeps_the_batch_and_tears_no_record(small_disk, caplog):
    """What fitted is cut off again; with room, everything is there once."""
    filler = small_disk.fill(leave=8192)
    path = small_disk.path / "a.jsonl"
    output = FileOutput(FileSettings(path=str(path)))
    batch = make_batch(500)

    async def main() -> None:
        await output.start()
        await output.write(make_batch(3, start=1000))
        before = path.stat().st_size
        for _ in range(3):
            with pytest.raises(Retry, match="No space left"):
                await output.write(batch)
            assert path.stat().st_size == before
        filler.unlink()
        await output.write(batch)
        await output.close()

    with caplog.at_level(logging.WARNING):
        run(main())
    assert texts(path) == ["message 1000", "message 1001", "message 1002", *(f"message {n}" for n in range(500))]
    counters = output.counters()
    assert counters["errors_no_space_total"] == 3
    assert counters["truncations_total"] == 3
    assert counters["written_messages_total"] == 503
    assert len([record for record in caplog.records if "cannot write" in record.message]) == 1


def test_a_full_disk_in_the_middle_of_many_files(small_disk):
    """The files that took their part do not get it again."""
    filler = small_disk.fill(leave=4096 * 5)
    output = FileOutput(FileSettings(path=str(small_disk.path / "{source}.jsonl")))
    batch = [
        make_message(f"{host} {n}", host=f"h{host}", fields={"pad": "x" * 900}) for n in range(2) for host in range(9)
    ]

    async def main() -> None:
        await output.start()
        with pytest.raises(Retry):
            await output.write(batch)
        written = output.counters()["written_messages_total"]
        assert 0 < written < len(batch)
        filler.unlink()
        await output.write(batch)
        assert output.counters()["written_messages_total"] == len(batch)
        await output.write([make_message("again", host="h0")])
        await output.close()

    run(main())
    assert texts(small_disk.path / "h0.jsonl") == ["0 0", "0 1", "again"]
    for host in range(1, 9):
        assert texts(small_disk.path / f"h{host}.jsonl") == [f"{host} 0", f"{host} 1"]


def test_a_full_disk_in_the_middle_of_rotating(small_disk):
    """Each message is in one of the files, once."""
    filler = small_disk.fill(leave=4096 * 6)
    size = len(make_message("message 0").raw) + 1
    output = FileOutput(FileSettings(path=str(small_disk.path / "a.jsonl"), max_size=30 * size, compress="none"))
    batch = make_batch(400)

    async def main() -> None:
        await output.start()
        with pytest.raises(Retry):
            await output.write(batch)
        filler.unlink()
        await output.write(batch)
        await output.close()

    run(main())
    found = Counter(text for path in small_disk.path.iterdir() for text in texts(path))
    assert found == Counter(message.short_message for message in batch)
    assert output.counters()["written_messages_total"] == 400


def test_a_file_that_may_not_grow(tmp_path):
    """RLIMIT_FSIZE: the same as a full disk, for those who may not mount one."""
    path = tmp_path / "a.jsonl"
    output = FileOutput(FileSettings(path=str(path)))
    batch = make_batch(100)

    async def main() -> None:
        await output.start()
        with biggest_file(1000), pytest.raises(Retry, match="File too large"):
            await output.write(batch)
        assert path.stat().st_size == 0
        await output.write(batch)
        await output.close()

    run(main())
    assert texts(path) == [message.short_message for message in batch]
    assert output.counters()["truncations_total"] == 1


def test_a_disk_that_became_read_only(small_disk):
    """As ext4 does after an error: the batch waits until somebody has repaired it."""
    path = small_disk.path / "a.jsonl"
    output = FileOutput(FileSettings(path=str(path)))

    async def main() -> None:
        await output.start()
        await output.reopen()
        small_disk.remount("ro")
        with pytest.raises(Retry, match="Read-only"):
            await output.write(make_batch(2))
        small_disk.remount("rw")
        await output.write(make_batch(2))
        await output.close()

    run(main())
    assert texts(path) == ["message 0", "message 1"]
    assert output.counters()["errors_permission_total"] == 1


def test_another_process_writes_to_the_file(tmp_path):
    """Cutting off could hit its records; so we wait until it is gone."""
    path = tmp_path / "a.jsonl"
    code = (
        "import fcntl, sys, os\n"
        "fd = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)\n"
        "fcntl.lockf(fd, fcntl.LOCK_EX)\n"
        "print('locked', flush=True)\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        stdin = other.stdin
        assert stdin is not None
        assert other.stdout is not None
        assert other.stdout.readline() == "locked\n"
        output = FileOutput(FileSettings(path=str(path)))

        async def main() -> None:
            with pytest.raises(Retry, match="another process"):
                await output.start()
            stdin.close()
            other.wait(10)
            await output.start()
            await output.write(make_batch(1))
            await output.close()

        run(main())
    assert texts(path) == ["message 0"]


def test_two_outputs_of_one_process_may_share_a_file_during_a_reload(tmp_path):
    """The new output starts before the old one is drained."""
    path = tmp_path / "a.jsonl"
    old, new = FileOutput(FileSettings(path=str(path))), FileOutput(FileSettings(path=str(path), sync="batch"))

    async def main() -> None:
        await old.start()
        await new.start()
        await old.write(make_batch(1))
        await new.write(make_batch(1, start=1))
        await old.close()
        await new.write(make_batch(1, start=2))
        await new.close()

    run(main())
    assert texts(path) == ["message 0", "message 1", "message 2"]


# Syncing


def test_interval_syncs_without_further_messages(tmp_path):
    """The last batch before a silence must not wait for the next one."""
    output = FileOutput(FileSettings(path=str(tmp_path / "a.jsonl"), sync="interval", sync_seconds=0.02))

    async def main() -> None:
        await output.start()
        await output.write(make_batch(1))
        (file,) = output._files
        assert file.dirty
        await until(lambda: not file.dirty)
        await output.close()

    run(main())


@pytest.mark.parametrize("sync", ["none", "batch", "interval"])
def test_every_policy_writes_the_same(tmp_path, sync):
    """They differ in what a crash of the machine may lose."""
    counters = write(tmp_path / "{source}.jsonl", make_batch(2), make_batch(2, start=2), sync=sync)
    assert texts(tmp_path / "web1.jsonl") == [f"message {n}" for n in range(4)]
    assert counters["sync_errors_total"] == 0


# Large and odd messages


def test_a_megabyte_and_two_thousand_fields(tmp_path):
    """Whole, in every form."""
    batch = [
        make_message("x" * 1_000_000),
        make_message(fields={f"f{n}": n for n in range(2000)}),
        make_message("after"),
    ]
    for form in ("gelf", "json", "logfmt", "text"):
        write(tmp_path / form, batch, format=form)
        lines = (tmp_path / form).read_bytes().splitlines()
        assert len(lines) == 3
        assert len(lines[0]) > 1_000_000
        assert b"f1999" in lines[1]


# Settings


@pytest.mark.parametrize(
    ("address", "problem"),
    [
        ("file:", "path"),
        ("file:///tmp/", "path of a file"),
        ("file://tmp/x", "takes no host"),
        ("file:///tmp/{host}.jsonl", "unknown placeholder"),
        ("file:///tmp/{source.jsonl", "brace"),
        ("file:///tmp/{source}/../x", r"\.\."),
        ("file:///tmp/" + "{_a}" * 20, "too many placeholders"),
        ("file:///tmp/x%00y", "control characters"),
        ("file:///tmp/x?max_size=many", "max_size"),
        ("file:///tmp/x?max_size=-1", "max_size"),
        ("file:///tmp/x?rotate=weekly", "never, hourly, daily"),
        ("file:///tmp/x?rotate=-5", "rotate"),
        ("file:///tmp/x?max_age=old", "max_age"),
        ("file:///tmp/x?max_open_files=0", "max_open_files"),
        ("file:///tmp/x?sync=always", "sync"),
        ("file:///tmp/x?format=xml", "format"),
        ("file:///tmp/x?max_sise=1", "did you mean 'max_size'"),
    ],
)
def test_settings_that_do_not_fit(address, problem):
    """The error names the setting and says what is allowed."""
    with pytest.raises(ConfigError, match=problem):
        FileSettings.from_address(Address.parse(address))


def test_units():
    """As people write them."""
    settings = FileSettings.from_address(
        Address.parse("file:///tmp/x?max_size=100MB&max_total_size=1GiB&rotate=15m&max_age=30d")
    )
    assert (settings.max_size, settings.max_total_size) == (100_000_000, 1 << 30)
    assert (settings.rotate, settings.max_age) == (900, 30 * DAY)


@pytest.mark.parametrize("kind", ["directory", "fifo", "device", "below a file"])
def test_a_path_that_can_never_be_written(tmp_path, kind):
    """Said at the start, with the path: nothing would ever be written."""
    path = tmp_path / "x"
    if kind == "directory":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "device":
        path = Path("/dev/null")
    else:
        path.write_text("")
        path = path / "y"
    output = FileOutput(FileSettings(path=str(path)))

    async def main() -> None:
        with pytest.raises(ConfigError, match="cannot write"):
            await output.start()
        await output.close()

    run(main())


def test_a_directory_one_may_not_write_to(tmp_path, request):
    """The operator's mistake, told from a disk that is full."""
    if os.geteuid() == 0:  # root may write everywhere, except where nobody may
        disk = request.getfixturevalue("small_disk")
        disk.remount("ro")
        base = disk.path
    else:
        base = tmp_path / "base"
        base.mkdir(0o500)
    for path in (base / "{source}.jsonl", base / "{date}.jsonl", base / "x.jsonl"):
        output = FileOutput(FileSettings(path=str(path)))

        async def main(output=output) -> None:
            with pytest.raises(ConfigError, match="cannot write"):
                await output.start()
            await output.close()

        run(main())
