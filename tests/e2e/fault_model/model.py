"""
One episode of faults on a real listener.

**The law.** What the listener acknowledged, for an output that was configured from before it was sent until after it was
acknowledged, is in the end

* delivered: the destination said that it took it (or it is in the file), or
* denied by the destination for good, and then counted and named as a rejection, or
* still on disk: in a buffer, or
* counted and named: an output with a buffer in memory may lose what it holds when the process is killed, and what the
  report of an orderly end counts.

What is drawn from the seed is the order of the faults and their details; when they hit is up to the machine.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import random
import re
import shutil
import signal
import struct
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self

from tests.e2e.fault_model.destination import MOODS, Destination, poisoned, text_of
from tests.e2e.listener import Listener, free_port, run_cli, until

__all__ = ["Episode", "run_episode"]

_CLOCK = Path(__file__).parent / "clock"
_TEXT = re.compile(rb"m(\d+);")
_UNWRITTEN = re.compile(r"unwritten at the end (\d+)")
_DROPPED = re.compile(r"dropped by buffers (\d+)")
_LOST = re.compile(r"buffer \S*/(\w+) was removed and could not be made again: (\d+) messages are lost")
_HEAL_SECONDS = 60.0
_MOST_MIB = 300.0


class Senders:
    """
    Threads that post numbered messages and know which ones were acknowledged, and by which outputs they are owed.

    Args:
        port: Of the listener's HTTP input.
        outputs: Returns the names of the outputs that are configured for certain.
    """

    def __init__(self, port: int, outputs: Callable[[], frozenset[str]], seed: int) -> None:
        self.acknowledged: dict[int, frozenset[str]] = {}
        self.generation: dict[int, int] = {}
        """Which listener acknowledged a number: the first, the second, ..."""
        self.statuses: Counter[int] = Counter()
        self.generations = 0
        self._port = port
        self._outputs = outputs
        self._random = random.Random(seed)
        self._next = 0
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self.problems: list[BaseException] = []

    def __enter__(self) -> Self:
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(3)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Send nothing more."""
        self._stop.set()
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive(), "a sender hangs: the listener does not answer"

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                with contextlib.suppress(OSError, http.client.HTTPException), self._connected() as connection:
                    while not self._stop.wait(0.04):
                        self._post(connection)
                self._stop.wait(0.05)
        except BaseException as error:
            self.problems.append(error)

    @contextlib.contextmanager
    def _connected(self) -> Iterator[http.client.HTTPConnection]:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        try:
            yield connection
        finally:
            connection.close()

    def _post(self, connection: http.client.HTTPConnection) -> None:
        with self._lock:
            count = self._random.choice((1, 1, 1, 1, 6))
            size = self._random.choice((10, 10, 100, 1500))
            first, self._next = self._next, self._next + count
        numbers = range(first, first + count)
        generation, owed = self.generations, self._outputs()
        connection.request("POST", "/gelf", b"\n".join(_document(number, size) for number in numbers))
        answer = connection.getresponse()
        answer.read()
        with self._lock:
            self.statuses[answer.status] += 1
            if answer.status == 202:
                for number in numbers:
                    self.acknowledged[number] = owed & self._outputs()
                    self.generation[number] = generation if generation == self.generations else -1


def _document(number: int, size: int) -> bytes:
    return json.dumps(
        {"version": "1.1", "host": "h", "short_message": text_of(number), "level": 6, "_padding": "x" * size}
    ).encode()


class Episode:
    """
    A listener under faults, with what outlives it.

    Args:
        folder: Where everything is.
        seed: Of everything that is random.
        disk: A small file system that can be filled; None where none can be mounted.
    """

    def __init__(self, folder: Path, seed: int, disk: Path | None) -> None:
        self.random = random.Random(seed)
        self.folder = folder
        self.disk = disk
        self.buffers = (disk or folder) / "buffers"
        self.file = (disk or folder) / "arrived.jsonl"
        self.steps: list[str] = []
        self.destination = Destination(free_port(), seed)
        self.listener: Listener | None = None
        self.logs: list[str] = []
        self.killed: set[int] = set()
        """Generations whose end was not orderly."""
        self.counted: dict[int, int] = {}
        """What the report of an orderly end counted as lost, by generation."""
        self._ballast = (disk or folder) / "ballast"
        self._port = free_port()
        self._state = folder / "state"
        self._config = folder / "config.toml"
        self._clock = folder / "clock"
        self._clock.write_bytes(struct.pack("d", 0.0))
        self._outputs: dict[str, str] = {}
        self._certain: frozenset[str] = frozenset()
        self._hups = 0
        self._removed: dict[str, int] = {}
        """Buffers that were removed, with how often the listener had made them again before."""
        self._changing: set[str] = set()
        """Outputs of a reload that may still go on: a buffer that is closed is not made again, unless it holds something."""
        self.senders = Senders(self._port, lambda: self._certain, seed)

    # What is configured

    def _choose_outputs(self) -> dict[str, str]:
        """Return addresses by name: each in one of its shapes, and sometimes one is missing."""
        choice, base = self.random.choice, f"127.0.0.1:{self.destination.port}"
        common = f"timeout_seconds=2&write_timeout={choice((3, 5))}&batch={choice((1, 7, 100))}"
        on_disk = f"{common}&name=durable&buffer=disk&buffer_path={self.buffers}/durable&buffer_sync={choice(('batch', 'interval'))}"
        durable = choice(
            (
                f"gelf+http://{base}/durable?bulk=yes&{on_disk}",
                f"gelf+http://{base}/durable?connections={choice((1, 4))}&{on_disk}",
                f"webhook+http://{base}/durable?body={choice(('array', 'lines'))}&concurrency={choice((1, 3))}&{on_disk}",
                f"opensearch+http://{base}/logs?prefix=durable&template=no&concurrency={choice((1, 3))}&{on_disk}",
            )
        )
        unnamed = f"webhook+http://{base}/unnamed/{choice('abc')}?{common}&buffer=disk"
        memory = f"gelf+http://{base}/memory?name=memory&bulk={choice(('yes', 'no'))}&{common}"
        file = f"file://{self.file}?name=file&buffer=disk&buffer_path={self.buffers}/file&batch={choice((10, 500))}"
        outputs = {"durable": durable, "unnamed": unnamed, "memory": memory, "file": file}
        if self.random.random() < 0.3:
            del outputs[choice(("durable", "memory", "file"))]
        return outputs

    def _configure(self, outputs: dict[str, str]) -> None:
        self._outputs = outputs
        text = f"inputs = ['gelf+http://127.0.0.1:{self._port}']\noutputs = {json.dumps(list(outputs.values()))}\n"
        self._write_config(text + "api = '127.0.0.1:0'\ndrain_seconds = 1\nlog_level = 'warning'\n")

    def _write_config(self, text: str) -> None:
        fresh = self._config.with_suffix(".new")
        fresh.write_text(text)
        fresh.replace(self._config)

    # Life

    def begin(self, *, hang_up: bool = False) -> None:
        """Start the next listener; where the disk is full it may need room to begin."""
        listener = Listener(
            self.folder,
            plain=True,
            arguments=["--config", str(self._config)],
            environment={
                "PYTHONPATH": os.pathsep.join(filter(None, (str(_CLOCK), os.environ.get("PYTHONPATH")))),
                "JUMPING_CLOCK": str(self._clock),
                "XDG_STATE_HOME": str(self._state),
            },
        )
        self._certain = frozenset()
        self.senders.generations += 1
        timer = threading.Timer(self.random.uniform(0.02, 0.6), self._hang_up, [listener]) if hang_up else None
        if timer is not None:
            timer.start()
        try:
            listener.__enter__()
        except AssertionError:
            self.logs.append(listener.log)
            if "No space left" not in listener.log and "disk is full" not in listener.log:
                raise
            self._free()
            self.begin()
            return
        finally:
            if timer is not None:
                timer.join()
        self.listener = listener
        self._changing.clear()
        self._hups = 1 if hang_up else 0
        self._certain = frozenset(self._outputs)

    @staticmethod
    def _hang_up(listener: Listener) -> None:
        """Send SIGHUP as soon as the process runs our code: until then it is Python's to say what the signal does."""
        with contextlib.suppress(AssertionError, OSError):
            while listener.alive and not _minds_hang_up(listener.pid):
                time.sleep(0.005)
            listener.signal(signal.SIGHUP)

    def end(self, *, kill: bool) -> None:
        """End the listener, and keep what it said."""
        listener, self.listener = self.listener, None
        assert listener is not None
        generation = self.senders.generations
        if kill:
            listener.kill()
            self.killed.add(generation)
        else:
            status, report = listener.stop(90)
            assert report, f"no report, status {status}"
            found = [pattern.search(report) for pattern in (_UNWRITTEN, _DROPPED)]
            self.counted[generation] = sum(int(match[1]) for match in found if match)
            assert status == (1 if found[0] and int(found[0][1]) else 0), (status, report)
        self.logs.append(listener.log)

    # Faults

    def step(self) -> None:
        """Let one thing happen."""
        steps: dict[Callable[[], str], float] = {
            self._mood: 6,
            self._reload: 4,
            self._bad_reload: 1,
            self._kill: 2,
            self._terminate: 2,
            self._remove: 2,
            self._remove_lock: 1,
            self._jump: 2,
            self._freeze: 1,
        }
        if self.disk is not None:
            steps[self._fill] = 2
        act = self.random.choices(list(steps), list(steps.values()))[0]
        name = act.__name__.strip("_")
        self.steps.append(name)
        self.steps[-1] = f"{name} {act()}"
        time.sleep(self.random.choice((0, 0.05, 0.2, 0.5)))

    def _mood(self) -> str:
        mood = self.random.choice([*MOODS, "gone"])
        self.destination.change(mood)
        return mood

    def _reload(self) -> str:
        """Change outputs; sometimes twice, and sometimes without waiting for what becomes of it."""
        times = self.random.choice((1, 1, 2))
        patient = self.random.random() < 0.6
        assert self.listener is not None
        if not patient:
            self._wait_for_removed()  # a kill may come before the reload has closed what is removed
        changed: set[str] = set()
        for _ in range(times):
            before, outputs = self._outputs, self._choose_outputs()
            changed |= {name for name in before | outputs if before.get(name) != outputs.get(name)}
            self._certain &= frozenset(outputs)
            self._configure(outputs)
            self.listener.signal(signal.SIGHUP)
            self._hups += 1
        self._changing |= changed
        if patient:
            try:
                until(lambda: self._reloads() >= self._hups, 3, "a reload")
            except AssertionError:  # two signals may have become one
                left = [name for name in self._removed if name in changed and name in self._outputs]
                if left:
                    self._free()
                    until(lambda: all(map(self._has_open, left)), 10, f"{left} in place")
            else:
                self._certain = frozenset(self._outputs)
            for name in changed:  # it was closed: what could not be made again is counted
                self._removed.pop(name, None)
        return f"{times} {'wait' if patient else 'go on'} {sorted(self._outputs)}"

    def _reloads(self) -> int:
        assert self.listener is not None
        said = list(self.listener.stderr)
        return sum(line == "listening:" for line in said) - 1 + sum("not reloaded" in line for line in said)

    def _bad_reload(self) -> str:
        """Hang up on a file that is not right; the next one is."""
        assert self.listener is not None
        before = self._config.read_text()
        kind = self.random.choice(("= nonsense", "outputs = ['nul:']\n", "inputs = ['gelf+htpt://']\n"))
        self._write_config(kind)
        self.listener.signal(signal.SIGHUP)
        self._hups += 1
        with contextlib.suppress(AssertionError):
            until(lambda: self._reloads() >= self._hups, 1, "an answer")
        self._write_config(before)
        return kind.strip()

    def _kill(self) -> str:
        self._wait_for_removed()
        self.end(kill=True)
        return self._again()

    def _terminate(self) -> str:
        self.end(kill=False)
        self._removed.clear()  # what could not be made again is counted
        return self._again()

    def _again(self) -> str:
        if self.random.random() < 0.5:
            self._configure(self._choose_outputs())
        hang_up = self.random.random() < 0.4
        self.begin(hang_up=hang_up)
        return "and SIGHUP at the start" if hang_up else ""

    def _remove(self) -> str:
        """Remove the directory of a buffer that is open; the listener has a moment to see that."""
        name = self.random.choice(("durable", "file"))
        if self._reloads() >= self._hups:
            self._changing.clear()
        if name not in self._certain or name in self._changing or not self._has_open(name):
            return "nothing"
        self._removed.setdefault(name, self._said_again(name))
        shutil.rmtree(self.buffers / name, ignore_errors=True)
        if not self._full:
            self._wait_for_removed()
        return name

    def _has_open(self, name: str) -> bool:
        """Whether the listener has a buffer's file open: at a reload an output's successor has it a moment later."""
        assert self.listener is not None
        path = str(self.buffers / name / "buffer.sqlite")
        for link in Path(f"/proc/{self.listener.pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                if os.readlink(link) == path:
                    return True
        return False

    def _wait_for_removed(self) -> None:
        """Give the listener what it needs to make buffers again: nobody can keep what is removed by a kill as well."""
        if any(self._said_again(name) <= before for name, before in self._removed.items()):
            self._free()
        for name, before in self._removed.items():
            until(lambda: self._said_again(name) > before, 10, f"the directory of {name} made again")  # noqa: B023
        self._removed.clear()

    def _said_again(self, name: str) -> int:
        """Return how often the listener said that it made a buffer again: with all that was in it, not just the file."""
        assert self.listener is not None
        return sum(f"/{name}: the directory" in line for line in list(self.listener.stderr))

    def _remove_lock(self) -> str:
        name = self.random.choice(("durable", "file"))
        (self.buffers / name / "lock").unlink(missing_ok=True)
        return name

    def _jump(self) -> str:
        seconds = self.random.choice((0, 0, 3600, -3600, 86400, -86400, 1e8, -1e8, 0.5, -5))
        self._set_clock(seconds)
        return f"{seconds:g}"

    def _set_clock(self, seconds: float) -> None:
        """Write in place: the process has the file mapped, and one that is empty for a moment would end it (SIGBUS)."""
        with self._clock.open("r+b") as file:
            file.write(struct.pack("d", seconds))

    def _freeze(self) -> str:
        assert self.listener is not None
        self.listener.signal(signal.SIGSTOP)
        time.sleep(0.3)
        self.listener.signal(signal.SIGCONT)
        return ""

    def _fill(self) -> str:
        """Fill the disk for a while."""
        assert self.disk is not None
        if self._full:
            self._free()
            return "free"
        room = os.statvfs(self.disk)
        left = self.random.choice((0, 0, 50_000))
        with contextlib.suppress(OSError):
            self._ballast.write_bytes(b"x" * max(room.f_bavail * room.f_frsize - left, 0))
        return f"but for {left}"

    @property
    def _full(self) -> bool:
        return self._ballast.exists()

    def _free(self) -> None:
        self._ballast.unlink(missing_ok=True)

    # The end

    def heal(self) -> None:
        """Put everything right, and let what waits be delivered."""
        self.senders.stop()
        self._free()
        self.destination.change("fine")
        self._set_clock(0.0)
        assert self.listener is not None
        if self.random.random() < 0.5:
            self._wait_for_removed()
            self.end(kill=self.random.random() < 0.5)
        outputs = {"durable": "", "unnamed": "", "memory": "", "file": ""}
        while set(outputs) - set(chosen := self._choose_outputs()):
            continue
        self._configure(chosen)
        if self.listener is None:
            self.begin()
        else:
            self.listener.signal(signal.SIGHUP)
            self._hups += 1
            with contextlib.suppress(AssertionError):
                until(lambda: self._reloads() >= self._hups, 3, "a reload")
        listener = self.listener
        assert listener is not None

        def waiting() -> int:
            status, text = listener.get("/api/gelf/stats")
            assert status == 200, text
            return int(sum(output["waiting"] for output in json.loads(text)["outputs"]))

        def retry_all() -> bool:
            for name in json.loads(listener.get("/health")[1])["outputs"]:
                with contextlib.suppress(OSError):
                    _post(f"{listener.api_url}/api/gelf/outputs/{name}/retry")
            time.sleep(0.2)
            return waiting() == 0

        until(retry_all, _HEAL_SECONDS, "empty buffers")
        resident = listener.memory()[0]
        assert resident < _MOST_MIB, f"{resident:.0f} MiB"
        self.end(kill=False)

    def check(self) -> str:
        """Hold the law against what happened; return what happened in short."""
        assert self.senders.problems == []
        for log in self.logs:
            assert "Traceback" not in log, log[log.index("Traceback") - 500 :][:5000]
        on_disk = self._on_disk()
        arrived = dict(self.destination.taken)
        arrived["file"] = (
            {int(number) for number in _TEXT.findall(self.file.read_bytes())} if self.file.exists() else set()
        )
        denied = self.destination.denied
        missing: dict[str, set[int]] = {}
        for number, owed in self.senders.acknowledged.items():
            for name in owed:
                if number not in arrived.get(name, ()) and number not in denied.get(name, ()) and number not in on_disk:
                    missing.setdefault(name, set()).add(number)
        lost = missing.pop("memory", set())
        by_generation = Counter(self.senders.generation[number] for number in lost)
        for generation, count in by_generation.items():
            if generation in self.counted:
                assert count <= self.counted[generation], (
                    f"memory: {count} messages lost by listener {generation}, which counted {self.counted[generation]}: "
                    f"{sorted(lost)[:20]}"
                )
        for name, count in ((name, int(count)) for log in self.logs for name, count in _LOST.findall(log)):
            if len(missing.get(name, ())) <= count:
                missing.pop(name, None)
        assert not missing, {name: (len(numbers), sorted(numbers)[:20]) for name, numbers in missing.items()}
        several = {number: ids for number, ids in self.destination.ids.items() if len(ids) > 1}
        assert not several, f"one message with several ids: {dict(list(several.items())[:5])}"
        assert all(poisoned(number) for numbers in denied.values() for number in numbers)
        return (
            f"{len(self.senders.acknowledged)} acknowledged ({dict(self.senders.statuses)}), "
            f"{self.senders.generations} listeners, {len(self.killed)} killed, {len(lost)} lost from memory, "
            f"{len(on_disk)} on disk, answers {self.destination.answers}"
        )

    def _on_disk(self) -> set[int]:
        """Return what is in buffers that nobody has open."""
        found: set[int] = set()
        for path in (self.buffers, self._state / "gelf-listener" / "buffers"):
            for directory in sorted(path.glob("*/buffer.sqlite")):
                done = run_cli(self.folder, "buffers", "export", directory.parent.name, "--path", str(path))
                assert done.returncode == 0, done.stderr
                found.update(int(number) for number in _TEXT.findall(done.stdout.encode()))
        return found


def _minds_hang_up(pid: int) -> bool:
    """Whether a process ignores or catches SIGHUP."""
    text = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    masks = [int(line.split()[1], 16) for line in text.splitlines() if line.startswith(("SigIgn:", "SigCgt:"))]
    return any(mask & 1 << signal.SIGHUP - 1 for mask in masks)


def _post(url: str) -> None:
    host, _, path = url.removeprefix("http://").partition("/")
    connection = http.client.HTTPConnection(host, timeout=20)
    connection.request("POST", f"/{path}")
    connection.getresponse().read()
    connection.close()


def run_episode(folder: Path, seed: int, disk: Path | None, seconds: float) -> str:
    """
    Run one episode and hold it to the law.

    Returns:
        What happened.

    Raises:
        AssertionError: With the seed and the steps, when the law is broken.
    """
    episode = Episode(folder, seed, disk)
    try:
        episode.destination.change("fine")
        episode._configure(episode._choose_outputs())
        episode.begin()
        with episode.senders:
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                episode.step()
            episode.heal()
        return episode.check()
    except BaseException as error:
        log = "\n".join(episode.logs[-1:])
        if episode.listener is not None:
            log = episode.listener.log + ("" if episode.listener.alive else f"\nIt ended: {episode.listener.wait(1)}")
        text = f"seed {seed}, after {episode.steps}: {error!r}"[:6000]
        raise AssertionError(f"{text}\nIt said:\n{log[-6000:]}") from error
    finally:
        episode.destination.close()
        if episode.listener is not None:
            episode.listener.kill()


@contextlib.contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path | None]:
    """Mount a small file system; None where one may not be mounted."""
    disk = folder / "disk"
    disk.mkdir()
    options = ["-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(disk)]
    if os.name != "posix" or os.geteuid() != 0 or subprocess.run(["mount", *options], check=False).returncode:
        yield None
        return
    try:
        yield disk
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)
