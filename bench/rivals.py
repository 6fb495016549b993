"""
Rivals: the embedded store beside another build of it and VictoriaLogs, in one run (`python -m bench.store rivals`).

All take the same messages over HTTP, a thousand a request, as fast as they answer; it ends when the last one is found,
so whoever answers first and indexes later gains nothing. Then all have a second store of the messages of
`bench.queries`, and are asked the same questions in turn, so that whatever else the machine does falls on each.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import http.client
import json
import random
import re
import shutil
import statistics
import time
import urllib.parse
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

from bench.messages import messages, numbered
from bench.process import Process
from bench.queries import START, documents
from bench.sockets import LOOPBACK, free_port
from bench.subjects.listener import command, environment

__all__ = ["Build", "Rival", "VictoriaLogs", "compare"]

_A_REQUEST = 1000
_TEMPLATES = 20_000
_START_SECONDS = 60.0
_FOUND_SECONDS = 300.0
_ID_LENGTH = 36
_LAST_HOUR = START + 82_800
_TIMESTAMP = re.compile(rb'"timestamp":([0-9]+)(?:\.([0-9]+))?')


def _in_milliseconds(match: re.Match[bytes]) -> bytes:
    return b'"timestamp":' + match[1] + (match[2] or b"")[:3].ljust(3, b"0")


class Rival(ABC):
    """
    Somebody who stores messages and finds them.

    Args:
        folder: Everything it writes goes here.
    """

    name: ClassVar[str]

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        self.process: Process

    @abstractmethod
    def start(self) -> None:
        """Start it; return when it answers."""

    @property
    @abstractmethod
    def intake(self) -> tuple[int, str]:
        """The port and path that messages are posted to."""

    @abstractmethod
    def found(self) -> int:
        """Return how many messages a search finds."""

    def adapted(self, body: bytes) -> bytes:
        """Return a body as it takes it; before the clock runs."""
        return body

    @property
    @abstractmethod
    def data(self) -> Path:
        """Where its data lies."""

    @property
    @abstractmethod
    def questions(self) -> dict[str, tuple[int, str]]:
        """The port and path of each question."""

    def bytes(self) -> int:
        """Return what its data takes on disk."""
        return sum(path.stat().st_size for path in self.data.rglob("*") if path.is_file())

    def wait(self) -> None:
        """Wait until it answers."""
        deadline = time.monotonic() + _START_SECONDS
        while True:
            with contextlib.suppress(OSError):
                self.found()
                return
            self.process.check()
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.name} does not answer: {self.process.last_words()}")
            time.sleep(0.1)


class Build(Rival):
    """
    A build of the listener.

    Args:
        folder: Everything it writes goes here.
        name: What it is called in the table.
        root: Its source tree, with its own ``.venv``; ours by default.
    """

    name = "this build"

    def __init__(self, folder: Path, name: str = "this build", root: Path | None = None) -> None:
        super().__init__(folder)
        self.name = name  # type: ignore[misc]
        self._root = root
        self._port, self._api = free_port(), free_port()

    def start(self) -> None:
        """Start it with one input and its store."""
        inputs, outputs = [f"gelf+http://{LOOPBACK}:{self._port}"], [f"store://{self.data}?max_bytes=0"]
        line, variables = command(inputs, outputs, f"{LOOPBACK}:{self._api}"), environment(self.folder)
        if self._root is not None:
            line[0] = str(self._root / ".venv" / "bin" / "python")
            variables["PYTHONPATH"] = str(self._root)
        self.process = Process(line, self.folder, variables)
        self.wait()

    @property
    def intake(self) -> tuple[int, str]:
        """GELF, a message on each line."""
        return self._port, "/gelf"

    def found(self) -> int:
        """Return the total of a search for everything."""
        return int(json.loads(_get(self._api, "/api/gelf/search?query=*&limit=1"))["total"])

    @property
    def data(self) -> Path:
        """The store's directory."""
        return self.folder / "store"

    @property
    def questions(self) -> dict[str, tuple[int, str]]:
        """The API's paths."""
        asked = {
            "user_id:42, newest 150": ("search", {"query": "user_id:42", "limit": "150"}),
            "word, last hour": ("search", {"query": "timeout", "from": str(_LAST_HOUR), "limit": "150"}),
            "top values": ("fields/route/top", {"limit": "10"}),
            "rare id": ("search", {"query": "request_id:req-0000001234*", "limit": "150"}),
            "histogram by minute": ("histogram", {"interval": "1m"}),
        }
        return {
            name: (self._api, f"/api/gelf/{path}?{urllib.parse.urlencode(parameters)}")
            for name, (path, parameters) in asked.items()
        }


class VictoriaLogs(Rival):
    """
    VictoriaLogs, built from its Go modules.

    Args:
        folder: Everything it writes goes here.
        program: What was built.
    """

    name = "VictoriaLogs"

    def __init__(self, folder: Path, program: str) -> None:
        super().__init__(folder)
        self._program = program
        self._port = free_port()

    def start(self) -> None:
        """Start it with its defaults, but for the age of what it takes."""
        flags = [f"-httpListenAddr={LOOPBACK}:{self._port}", f"-storageDataPath={self.data}"]
        flags += ["-retentionPeriod=100y", "-futureRetention=100y"]
        self.process = Process([self._program, *flags], self.folder)
        self.wait()

    @property
    def intake(self) -> tuple[int, str]:
        """JSON lines; a host is a stream."""
        return self._port, "/insert/jsonline?_stream_fields=host&_time_field=timestamp&_msg_field=short_message"

    def found(self) -> int:
        """Return the count of everything."""
        lines = self._ask("* | stats count() as found").splitlines()
        return int(json.loads(lines[0])["found"]) if lines else 0

    def adapted(self, body: bytes) -> bytes:
        """Return a body with milliseconds: it reads no fractions of seconds, and answers 200 all the same."""
        return _TIMESTAMP.sub(_in_milliseconds, body)

    @property
    def data(self) -> Path:
        """Its storage."""
        return self.folder / "data"

    @property
    def questions(self) -> dict[str, tuple[int, str]]:
        """Paths of its HTTP API with LogsQL."""
        last_hour = dt.datetime.fromtimestamp(_LAST_HOUR, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        newest = "| sort by (_time) desc limit 150"
        asked = {
            "user_id:42, newest 150": f"_user_id:=42 {newest}",
            "word, last hour": f"_time:[{last_hour}, 2100-01-01T00:00:00Z] timeout {newest}",
            "top values": "* | stats by (_route) count() as hits | sort by (hits) desc limit 10",
            "rare id": f'_request_id:"req-0000001234"* {newest}',
        }
        found = {name: (self._port, self._path(query)) for name, query in asked.items()}
        span = urllib.parse.urlencode({"query": "*", "step": "1m", "start": int(START), "end": int(START) + 86_400})
        return found | {"histogram by minute": (self._port, f"/select/logsql/hits?{span}")}

    def _ask(self, query: str) -> bytes:
        return _get(self._port, self._path(query))

    @staticmethod
    def _path(query: str) -> str:
        return "/select/logsql/query?" + urllib.parse.urlencode({"query": query})


def _get(port: int, path: str) -> bytes:
    """Ask; raise OSError for anything but an answer of 200."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=120)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        text = answer.read()
    except http.client.HTTPException as error:
        raise OSError(str(error)) from None
    finally:
        connection.close()
    if answer.status != http.HTTPStatus.OK:
        raise OSError(f"{path}: {answer.status} {text[:300]!r}")
    return text


def _post(rival: Rival, bodies: Iterable[bytes]) -> None:
    """Post bodies over one connection, each when the one before is answered."""
    port, path = rival.intake
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=120)
    for body in bodies:
        connection.request("POST", path, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        text = answer.read()
        if answer.status not in (http.HTTPStatus.OK, http.HTTPStatus.ACCEPTED, http.HTTPStatus.NO_CONTENT):
            raise OSError(f"{rival.name}: {answer.status} {text[:300]!r}")
    connection.close()


def _different(count: int) -> list[bytes]:
    """Make bodies of messages of which each has an id of its own, besides its serial."""
    chance = random.Random(1)
    made = messages(min(_TEMPLATES, count))
    places = [made[number].index(b'"_request_id":"') + len(b'"_request_id":"') for number in range(len(made))]
    bodies = []
    for first in range(0, count, _A_REQUEST):
        lines = []
        for number in range(first, min(first + _A_REQUEST, count)):
            which = number % len(made)
            message, place = numbered(made[which], number), places[which]
            lines.append(message[:place] + _id(chance) + message[place + _ID_LENGTH :])
        bodies.append(b"\n".join(lines))
    return bodies


def _id(chance: random.Random) -> bytes:
    digits = b"%032x" % chance.getrandbits(128)
    return b"-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def _asked_about(count: int) -> Iterator[bytes]:
    """Make bodies of the messages that questions are about."""
    lines = []
    for document in documents(count):
        lines.append(json.dumps(document, separators=(",", ":")).encode())
        if len(lines) == _A_REQUEST:
            yield b"\n".join(lines)
            lines = []
    if lines:
        yield b"\n".join(lines)


def _until_found(rival: Rival, count: int) -> int:
    """Wait until all are found; return how many are."""
    deadline = time.monotonic() + _FOUND_SECONDS
    while (found := rival.found()) < count and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


def _take(rival: Rival, bodies: Sequence[bytes], count: int) -> dict[str, Any]:
    """Have it take messages; return what that took."""
    rival.start()
    with rival.process:
        rival.wait()
        cpu, began = rival.process.family_cpu_seconds(), time.perf_counter()
        _post(rival, bodies)
        answered = time.perf_counter() - began
        found = _until_found(rival, count)
        seconds = time.perf_counter() - began
        cpu = rival.process.family_cpu_seconds() - cpu
        rss = rival.process.family_rss_mib()
    return {
        "messages": count,
        "found": found,
        "answered a second": round(count / answered),
        "kept up with a second": round(count / seconds),
        "cpu us a message": round(cpu / count * 1e6, 2),
        "bytes a message": round(rival.bytes() / count, 1),
        "rss mib": round(rss),
    }


def _questioned(rivals: Sequence[Rival], count: int, rounds: int) -> dict[str, dict[str, Any]]:
    """Ask all in turn."""
    with contextlib.ExitStack() as running:
        for rival in rivals:
            rival.start()
            running.enter_context(rival.process)
            _post(rival, map(rival.adapted, _asked_about(count)))
            if _until_found(rival, count) < count:
                raise TimeoutError(f"{rival.name} does not find all messages")
        found: dict[str, dict[str, Any]] = {}
        for question in rivals[0].questions:
            times: dict[str, list[float]] = {rival.name: [] for rival in rivals}
            for _ in range(rounds):
                for rival in rivals:
                    port, path = rival.questions[question]
                    began = time.perf_counter()
                    _get(port, path)
                    times[rival.name].append(round((time.perf_counter() - began) * 1000, 2))
            found[question] = {
                name: {"median ms": round(statistics.median(each), 1), "raw": each} for name, each in times.items()
            }
        return found


def compare(
    folder: Path, base: Path | None, *, intake: int, asked: int, rounds: int, say: Callable[[str, Any], None]
) -> dict[str, Any]:
    """
    Measure all side by side.

    Args:
        folder: For what they write.
        base: Another build's source tree, with its own ``.venv``; None for none.
        intake: Different messages that each takes.
        asked: Messages of the stores that are asked.
        rounds: How often each question is asked.
        say: Is told each figure.
    """
    makers: list[Callable[[Path], Rival]] = [Build]
    if base is not None:
        root = base.resolve()
        makers.append(lambda path: Build(path, "the build before", root))
    program = _victorialogs()
    if program is None:
        say("VictoriaLogs", "left out: it needs Go")
    else:
        makers.append(lambda path: VictoriaLogs(path, program))
    different = _different(intake)
    taken: dict[str, Any] = {}
    for number, make in enumerate(makers):
        rival = make(folder / f"intake{number}")
        taken[rival.name] = _take(rival, [rival.adapted(body) for body in different], intake)
        say(rival.name, taken[rival.name])
    rivals = [make(folder / f"asked{number}") for number, make in enumerate(makers)]
    answers = _questioned(rivals, asked, rounds)
    for question, figures in answers.items():
        say(question, {name: each["median ms"] for name, each in figures.items()})
    ours = taken[Build.name]
    ratios = {
        name: {
            figure: round(each[figure] / ours[figure], 2)
            for figure in ("kept up with a second", "cpu us a message", "bytes a message")
        }
        for name, each in taken.items()
        if name != Build.name
    }
    say("ratios to this build", ratios)
    return {"intake": taken, "ratios to this build": ratios, "messages asked about": asked, "questions": answers}


def _victorialogs() -> str | None:
    """Return the program, built on first use; None without Go."""
    from tests.services.victorialogs import victorialogs  # costs a second, and needs what tests need

    return victorialogs() if shutil.which("go") else None
