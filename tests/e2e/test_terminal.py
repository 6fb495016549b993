"""tail, search, top, stats, open and lint, as people and scripts run them."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar, Self
from urllib.parse import parse_qs, urlsplit

import pytest
from rich.cells import cell_len

from tests.e2e import forks
from tests.e2e.listener import Listener, free_port, run_cli, until
from tests.e2e.wire import gelf, send_udp

MESSAGES = [
    {"short_message": "paid", "_user_id": 1, "_service": "shop", "level": 6},
    {"short_message": "paid", "_user_id": 2, "_service": "shop", "level": 6},
    {"short_message": "bro\x1b[31mken \u202e", "_user_id": 2, "_service": "billing", "level": 3},
]


@pytest.fixture(scope="module")
def listener(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Listener]:
    """One with three messages, a rejection, and a login beside the one without."""
    folder = tmp_path_factory.mktemp("terminal")
    with Listener(folder, "gelf+udp://127.0.0.1:0", outputs=[f"store://{folder}/store"]) as running:
        fill(running, *MESSAGES)
        send_udp(running.endpoint("gelf+udp").address, b"nonsense")
        yield running


def fill(listener: Listener, *documents: dict[str, Any]) -> None:
    before = total(listener)
    for document in documents:
        payload = json.dumps({"version": "1.1", "host": "web", "timestamp": time.time()} | document).encode()
        send_udp(listener.endpoint("gelf+udp").address, payload)
        time.sleep(0.002)
    until(lambda: total(listener) == before + len(documents), 20)


def total(listener: Listener) -> int:
    return int(json.loads(listener.get("/api/gelf/search?limit=0")[1])["total"])


def ask(listener: Listener, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command against the listener."""
    variables = {"GELF_API_URL": listener.api_url} | environment
    return run_cli(listener.directory, *arguments, environment=variables, seconds=60)


def on_a_terminal(listener: Listener, *arguments: str, stderr: bool = False, **more: str) -> str:
    """Run a command whose standard output is a terminal, and perhaps its standard error too; return what it shows."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GELF_")}
    environment |= {"GELF_API_URL": listener.api_url, "TERM": "xterm", "COLUMNS": "200"} | more
    main, side = pty.openpty()
    process = forks.start(
        arguments, listener.directory, environment, stdin=0, stdout=side, stderr=side if stderr else 2
    )
    os.close(side)
    data = b""
    try:
        while part := os.read(main, 65536):
            data += part
    except OSError:
        pass
    process.wait(20)
    os.close(main)
    return data.decode()


class Tail:
    """A `tail` that runs."""

    def __init__(self, listener: Listener, *arguments: str) -> None:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("GELF_")}
        self.process = forks.start(
            ["tail", *arguments],
            listener.directory,
            environment | {"GELF_API_URL": listener.api_url, "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.out: list[str] = []
        self.err: list[str] = []
        self._readers = [
            threading.Thread(target=self._read, args=(stream, lines), daemon=True)
            for stream, lines in ((self.process.stdout, self.out), (self.process.stderr, self.err))
        ]
        for reader in self._readers:
            reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait(10)
        for reader in self._readers:
            reader.join(10)

    @property
    def texts(self) -> list[str]:
        return [json.loads(line)["short_message"] for line in self.out]

    def _read(self, stream: Any, lines: list[str]) -> None:
        with stream:
            for line in stream:
                lines.append(line.decode().rstrip("\n"))


def test_search(listener: Listener) -> None:
    """JSON where no terminal is, the newest last; status 1 when nothing is found."""
    done = ask(listener, "search", "service:shop", "--since", "1h")
    assert (done.returncode, done.stderr) == (0, "")
    assert [json.loads(line)["_user_id"] for line in done.stdout.splitlines()] == [1, 2]
    newest = ask(listener, "search", "-n", "1", "--sort", "user_id:asc")
    assert [json.loads(line)["_user_id"] for line in newest.stdout.splitlines()] == [1]
    done = ask(listener, "search", "nothing")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"gelf-listener: no message matches: nothing among {len(MESSAGES)} messages\n"
    assert "there is 'user_id'" in ask(listener, "search", "usr_id:1").stderr


def test_search_formats(listener: Listener) -> None:
    """CSV with the fields that were asked for; pretty without control characters, and without colours in a pipe."""
    rows = list(csv.DictReader(io.StringIO(ask(listener, "search", "--format", "csv", "--fields", "user_id").stdout)))
    assert [row["user_id"] for row in rows] == ["1", "2", "2"]
    assert rows[0]["source"] == "web"
    pretty = ask(listener, "search", "level:3", "--format", "pretty").stdout
    assert "ERROR" in pretty
    assert "\x1b" not in pretty
    assert "\u202e" not in pretty
    assert ask(listener, "search", "--format", "xml").returncode == 2


def test_csv_has_every_field(tmp_path: Path) -> None:
    """Those of any message, and tracebacks; what follows a stream has to be told which."""
    with Listener(tmp_path, "gelf+udp://127.0.0.1:0", outputs=[f"store://{tmp_path}/store"]) as listener:
        fill(
            listener,
            {"short_message": "=first \x1b[2J\u202e", "_user_id": -1},
            {"short_message": "second", "full_message": "second\n\tat x", "_order": "A,1"},
        )
        done = ask(listener, "search", "--format", "csv")
        first, second = csv.DictReader(io.StringIO(done.stdout))
        assert list(first) == ["timestamp", "source", "level", "message", "full_message", "user_id", "order"]
        assert (first["message"], first["user_id"], first["order"]) == ("'=first \\x1b[2J\\u202e", "-1", "")
        assert (second["full_message"], second["user_id"], second["order"]) == ("second\n\tat x", "", "A,1")
        named = ask(listener, "search", "second", "--format", "csv", "--fields", "full_message,order").stdout
        assert next(csv.DictReader(io.StringIO(named)))["full_message"] == "second\n\tat x"
        raw = ask(listener, "search", "first", "--format", "csv", "--raw").stdout
        assert next(csv.DictReader(io.StringIO(raw)))["message"] == "=first \\x1b[2J\\u202e"
        refused = ask(listener, "tail", "--format", "csv")
        assert (refused.returncode, "--fields" in refused.stderr) == (2, True)


def test_more_than_is_shown_is_said(tmp_path: Path) -> None:
    """Also to a script, which would take them for all; not to who chose how many."""
    with Listener(tmp_path, "gelf+udp://127.0.0.1:0", outputs=[f"store://{tmp_path}/store"]) as listener:
        fill(listener, *({"short_message": f"m{number}"} for number in range(151)))
        done = ask(listener, "search")
        assert len(done.stdout.splitlines()) == 150
        assert "the newest 150 of 151" in done.stderr
        assert ask(listener, "search", "-n", "2").stderr == ""


def test_a_terminal_gets_colours(listener: Listener) -> None:
    """And the format for people; NO_COLOR is heeded."""

    colourful = on_a_terminal(listener, "search")
    assert re.search(r"\x1b\[\d", colourful)
    assert "\x1b[31mken" not in colourful, "a log line colours nothing"
    assert "\x1b" not in on_a_terminal(listener, "search", NO_COLOR="1")


def test_top_and_stats(listener: Listener) -> None:
    """Values by number of messages; what the listener does."""
    done = ask(listener, "top", "user_id")
    assert [line.split() for line in done.stdout.splitlines()] == [["2", "2"], ["1", "1"]]
    assert ask(listener, "top", "_service", "--query", "level:3").stdout.split() == ["1", "billing"]
    assert ask(listener, "top", "nobody").returncode == 1
    assert "no message matches: no message has" in ask(listener, "top", "user_id", "--query", "nobody:1").stderr
    stats = ask(listener, "stats").stdout
    assert "3 messages, 1 rejected" in stats
    assert "rejected: invalid_json 1" in stats
    assert "web at 127.0.0.1" in stats
    assert json.loads(ask(listener, "stats", "--json").stdout)["rejected"] == 1


@pytest.mark.parametrize("flags", [["--no-graylog"], ["--graylog"]])
def test_top_by_figures(listener: Listener, flags: list[str]) -> None:
    """The highest of the first metric first; several at once; what a metric may be is said."""
    done = ask(listener, "top", "service", "--metric", "max:user_id", "-m", "count,distinct:user_id", *flags)
    assert done.returncode == 0, done.stderr
    head, *rows = [line.split() for line in done.stdout.splitlines()]
    assert head == ["max:user_id", "count", "distinct:user_id", "service"]
    assert sorted(rows) == [["2", "1", "1", "billing"], ["2", "2", "2", "shop"]]
    by_count = ask(listener, "top", "service", "-m", "count", *flags).stdout
    assert [line.split() for line in by_count.splitlines()[1:]] == [["2", "shop"], ["1", "billing"]]
    assert ask(listener, "top", "nobody", "-m", "count", *flags).returncode == 1
    misspelt = ask(listener, "top", "service", "-m", "max:user_idd", *flags)
    assert (misspelt.returncode, misspelt.stdout) == (1, "")
    assert "has a field 'user_idd'" in misspelt.stderr


def test_top_by_a_percentile(listener: Listener) -> None:
    """Any of them; a wrong one is said."""
    done = ask(listener, "top", "service", "-m", "p50:user_id", "--query", "service:billing")
    assert [line.split() for line in done.stdout.splitlines()] == [["p50:user_id", "service"], ["2", "billing"]]
    wrong = ask(listener, "top", "service", "-m", "p95")
    assert (wrong.returncode, "p95 with a field" in wrong.stderr) == (2, True), wrong.stderr
    assert "not asked for percentiles" in ask(listener, "top", "service", "-m", "p50:user_id", "--graylog").stderr
    assert "█" in on_a_terminal(listener, "top", "service", "-m", "p95:user_id")


@pytest.fixture(scope="module")
def orders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Listener]:
    """One with twenty orders that were paid, a minute before eight of one request that were lost."""
    folder, now = tmp_path_factory.mktemp("orders"), time.time()
    with Listener(folder, "gelf+udp://127.0.0.1:0", outputs=[f"store://{folder}/store"]) as running:
        paid = [{"short_message": f"order {n} paid", "timestamp": now - 900 + n, "_release": 1} for n in range(20)]
        bad = {"level": 3, "_release": 2, "_request_id": "r-7"}
        fill(running, *paid, *({"short_message": f"order {n} \u202elost"} | bad for n in range(8)))
        yield running


def test_patterns(orders: Listener) -> None:
    """What messages look like, and what is new; what was sent cannot steer the terminal."""
    found = ask(orders, "patterns", "--since", "10m")
    head, line = found.stdout.splitlines()
    assert head.split()[:2] == ["messages", "before"]
    assert (line.split()[:2], line.endswith("order <*> \\u202elost")) == (["8", "new"], True)
    assert "before: 20 messages" in found.stderr
    assert json.loads(ask(orders, "patterns", "--new", "--since", "10m", "--json").stdout)["other_patterns"] == 0
    assert "first seen" not in on_a_terminal(orders, "patterns", COLUMNS="80")
    nothing = ask(orders, "patterns", "nobody")
    assert (nothing.returncode, nothing.stderr[:49]) == (1, "gelf-listener: no message matches: nothing among ")


def test_compare(orders: Listener) -> None:
    """What differs, with how many there are of it."""
    found = ask(orders, "compare", "level:3", "--other-query", "NOT level:3")
    rows = {line.split(maxsplit=3)[3]: line.split()[:3] for line in found.stdout.splitlines()}
    assert rows["release=2"] == rows["level=3 (error)"] == ["100.0%", "0.0%", "8:0"]
    assert "here: 8 messages" in found.stderr
    assert ask(orders, "compare", "--other-query", "*").returncode == 1
    nothing = ask(orders, "compare", "nosuch:1", "--other-query", "*")
    assert "no message matches here: no message has a field 'nosuch'" in nothing.stderr
    assert "give --since" in ask(orders, "compare").stderr


def test_trace(orders: Listener) -> None:
    """The story of a request."""
    found = ask(orders, "trace", "r-7")
    head, start, *rest = found.stdout.splitlines()
    assert head.startswith("request_id=r-7: 8 messages within ")
    assert start.startswith("from ")
    assert rest[0].split()[0] == "+0.000"
    assert sum("lost" in line for line in rest) == 8
    assert ask(orders, "trace", "r-7", "-n", "2").stderr.startswith("gelf-listener: 6 later messages")
    assert ask(orders, "trace", "nobody").returncode == 1


def test_open(listener: Listener) -> None:
    """The address, and no browser where nobody can see it."""
    done = ask(listener, "open", DISPLAY="", WAYLAND_DISPLAY="")
    assert (done.returncode, done.stdout) == (0, f"{listener.api_url}/\n")


def test_top_on_a_terminal(tmp_path: Path) -> None:
    """Bars begin at the same cell, however wide the characters before them."""
    with Listener(tmp_path, "gelf+udp://127.0.0.1:0", outputs=[f"store://{tmp_path}/store"]) as listener:
        fill(listener, {"short_message": "a", "_city": "東京"}, {"short_message": "b", "_city": "Rome"})
        shown = on_a_terminal(listener, "top", "city", NO_COLOR="1").splitlines()
    bars = {cell_len(line[: line.index("█")]) for line in shown}
    assert (len(shown), len(bars)) == (2, 1)


def test_a_person_is_told_that_there_is_nothing(listener: Listener) -> None:
    """A script has the status."""
    assert "no message matches" in on_a_terminal(listener, "search", "nothing", stderr=True)
    assert "has a field 'nobody'" in on_a_terminal(listener, "top", "nobody", stderr=True)


def test_a_person_is_told_what_a_graylog_would_find(listener: Listener) -> None:
    """As many as it is different, and why; where it is the same, nothing."""
    fill(listener, {"short_message": "paid", "_user": "olga"}, {"short_message": "olga came"})
    shown = on_a_terminal(listener, "search", "nobody olga", stderr=True)
    assert "takes these words as one text" in shown
    assert "(1 found there, 2 here)" in shown
    assert "Graylog" not in on_a_terminal(listener, "search", "paid came", stderr=True)
    assert "a real Graylog refuses this" in on_a_terminal(listener, "search", "user:-5", stderr=True)
    assert ask(listener, "search", "nobody olga").stderr == ""


def test_meaning(listener: Listener) -> None:
    """Of search, top and tail: as in a real Graylog, or more; to a Graylog a query has one meaning."""
    fill(listener, {"short_message": "red", "_kind": "grey"}, {"short_message": "grey"})
    for meaning, texts in (("graylog", ["grey"]), ("extended", ["red", "grey"])):
        found = ask(listener, "search", "blue grey", "--meaning", meaning)
        assert [json.loads(line)["short_message"] for line in found.stdout.splitlines()] == texts
    refused = [
        ask(listener, *command, "--meaning", "graylog") for command in (("top", "kind", "-q", "n:-1"), ("tail", "n:-1"))
    ]
    assert [(done.returncode, "column" in done.stderr) for done in refused] == [(2, True)] * 2
    elsewhere = ask(listener, "search", "blue", "--meaning", "extended", "--graylog")
    assert (elsewhere.returncode, "--meaning" in elsewhere.stderr) == (2, True)


@pytest.mark.parametrize("url", ["ftp://localhost", "http://", "http://localhost:port"])
def test_a_wrong_address(listener: Listener, url: str) -> None:
    """Is a usage error."""
    done = ask(listener, "search", "--url", url)
    assert (done.returncode, repr(url) in done.stderr) == (2, True)


def test_a_wrong_query(listener: Listener) -> None:
    """Is a usage error, with its column."""
    done = ask(listener, "search", "level:(3 OR")
    assert (done.returncode, "column" in done.stderr) == (2, True)


def test_nobody_answers(listener: Listener) -> None:
    """Status 3, and what to do; the address of a configuration is used."""
    port = free_port()
    config = listener.directory / "other.toml"
    config.write_text(f'api = "127.0.0.1:{port}"\n', encoding="utf-8")
    done = run_cli(listener.directory, "search", "--config", str(config), environment={})
    assert done.returncode == 3
    assert f"nothing answers at http://127.0.0.1:{port}" in done.stderr
    assert "--url" in done.stderr


def test_a_server_of_another_kind(listener: Listener) -> None:
    """Is no listener, and no traceback."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(65536)
                    connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello")

        threading.Thread(target=serve, daemon=True).start()
        done = ask(listener, "search", "--url", f"http://127.0.0.1:{server.getsockname()[1]}")
    assert done.returncode == 3
    assert "neither a gelf-listener nor a Graylog" in done.stderr


def test_a_login(tmp_path: Path) -> None:
    """By token or in the address; without, what to give."""
    made = run_cli(tmp_path, "password", "--token").stdout
    token, hashed = re.findall(r"\S{20,}", made)[:2]
    with Listener(
        tmp_path, "gelf+udp://127.0.0.1:0", environment={"GELF_API_AUTH": "on", "GELF_API_TOKENS": hashed}
    ) as listener:
        denied = ask(listener, "stats")
        assert (denied.returncode, "GELF_API_TOKEN" in denied.stderr) == (1, True)
        assert ask(listener, "stats", "--token", token).returncode == 0
        assert ask(listener, "stats", GELF_API_TOKEN=token).returncode == 0
        secret = listener.api_url.replace("http://", f"http://{token}:token@")
        assert ask(listener, "stats", "--url", secret).returncode == 0


@pytest.mark.parametrize("graylog", [False, True])
def test_as_a_graylog(listener: Listener, graylog: bool) -> None:
    """The same messages through Graylog's API, which names the fields it gives."""
    flags = ["--graylog"] if graylog else ["--no-graylog"]
    done = ask(listener, "search", "service:shop", "--fields", "user_id", *flags)
    assert [json.loads(line)["_user_id"] for line in done.stdout.splitlines()] == [1, 2]
    found = json.loads(done.stdout.splitlines()[0])
    assert (found["host"], found["level"], found["short_message"]) == ("web", 6, "paid")
    top = ask(listener, "top", "user_id", *flags).stdout
    assert [line.split() for line in top.splitlines()] == [["2", "2"], ["1", "1"]]
    assert ask(listener, "stats", *flags).returncode == 0
    for since, status in (("1h30m", 0), ("1h", 0), ("1parsec", 2)):
        assert ask(listener, "search", "service:shop", "--since", since, *flags).returncode == status, since


@pytest.mark.parametrize("flags", [[], ["--graylog"]])
def test_tail(tmp_path: Path, flags: list[str]) -> None:
    """The last ones, then what matches as it comes, each once."""
    with Listener(tmp_path, "gelf+udp://127.0.0.1:0", outputs=[f"store://{tmp_path}/store"]) as listener:
        fill(listener, *({"short_message": f"old {number}", "_n": 1} for number in range(5)))
        with Tail(listener, "n:1", "-n", "2", "--fields", "n", *flags) as tail:
            until(lambda: tail.texts == ["old 3", "old 4"], 20, f"the last ones, not {tail.out} {tail.err}")
            fill(listener, {"short_message": "new", "_n": 1}, {"short_message": "other", "_n": 2})
            fill(listener, {"short_message": "newer", "_n": 1})
            until(lambda: tail.texts == ["old 3", "old 4", "new", "newer"], 20, f"the new ones, not {tail.out}")
            tail.process.send_signal(signal.SIGINT)
            assert tail.process.wait(20) == 130
        assert "Traceback" not in "".join(tail.err)


def generations(tmp_path: Path) -> Callable[[int], Listener]:
    """Return what starts a listener, and the next ones after it, with the same address and store."""
    port = free_port()

    def start(number: int) -> Listener:
        folder = tmp_path / f"listener{number}"
        folder.mkdir()
        store = [f"store://{tmp_path}/store"]
        return Listener(folder, "gelf+udp://127.0.0.1:0", outputs=store, api=f"127.0.0.1:{port}")

    return start


def test_tail_of_what_python_calls_an_end_of_a_line(listener: Listener) -> None:
    """U+2028, U+2029, U+0085, VT and FF inside a message end neither the line nor `tail`."""
    text = "a\u2028b\u2029c\x85d\x0be\x0cf"
    fill(listener, {"short_message": text, "_odd": 1})
    with Tail(listener, "odd:1", "-n", "10") as tail:
        until(lambda: tail.texts == [text], 20, f"what was there, not {tail.out} {tail.err}")
        fill(listener, {"short_message": text + "!", "_odd": 1}, {"short_message": "after", "_odd": 1})
        until(lambda: tail.texts == [text, text + "!", "after"], 20, f"all, not {tail.out} {tail.err}")


def test_tail_waits_for_a_listener_that_comes_back(tmp_path: Path) -> None:
    """And shows what came before it had noticed; a listener that never was is an error."""
    start = generations(tmp_path)
    with start(1) as first:
        tail = Tail(first)
        with tail:
            fill(first, {"short_message": "before"})
            until(lambda: tail.texts == ["before"], 20)
            first.stop()
            until(lambda: any("trying again" in line for line in tail.err), 20)
            with start(2) as second:
                fill(second, {"short_message": "after"})
                until(lambda: tail.texts == ["before", "after"], 30, f"both, not {tail.out} {tail.err}")
    assert ask(first, "tail").returncode == 3


def test_tail_of_an_empty_listener_waits_too(tmp_path: Path) -> None:
    """It was there, though it had nothing to say; while it is away that is said once."""
    start = generations(tmp_path)
    with start(1) as first, Tail(first) as tail:
        until(lambda: json.loads(first.get("/api/gelf/stats")[1])["watchers"] == 1, 30)
        first.stop()
        until(lambda: len(tail.err) == 1, 20, f"that it is away, not {tail.err}")
        with start(2) as second:
            until(lambda: len(tail.err) == 2, 30, f"that it is back, not {tail.err}")
            assert "trying again" in tail.err[0]
            assert "it is back" in tail.err[1]
            fill(second, {"short_message": "after"})
            until(lambda: tail.texts == ["after"], 30)


def test_tail_of_a_proxy_whose_listener_is_away(tmp_path: Path) -> None:
    """What comes between answers for it meanwhile; tail goes on when it answers again."""
    stream = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n: hello\n\n"
    json = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}"
    answers = iter(
        [
            json,  # that it is a listener
            json,  # what it would hint at
            stream,
            b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
            b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
            stream,
            b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
        ]
    )
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            for answer in answers:
                connection, _ = server.accept()
                with connection:
                    connection.recv(65536)
                    connection.sendall(answer)

        threading.Thread(target=serve, daemon=True).start()
        done = run_cli(tmp_path, "tail", "--url", f"http://127.0.0.1:{server.getsockname()[1]}", seconds=60)
    assert done.returncode == 1
    ended, back, again, refused = done.stderr.splitlines()
    assert ended == again
    assert "trying again" in ended
    assert "it is back" in back
    assert "401" in refused


class BusyGraylog(BaseHTTPRequestHandler):
    """Has one message, then five hundred new ones whenever it is asked; it is away once."""

    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        number = len(self.asked)
        status, rows = 404, []
        if address.path == "/api/search/messages":
            self.asked.append(parse_qs(address.query)["timerange"][0])
            status = 502 if number == 2 else 200
            rows = [["2026-11-27T10:00:00.000Z", f"{number}-{row}"] for row in range(500 if number else 1)]
        body = json.dumps({"schema": [{"field": "timestamp"}, {"field": "gl2_message_id"}], "datarows": rows}).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def test_tail_of_a_busy_graylog(listener: Listener) -> None:
    """It cannot give more than the last ones, which is said; a minute overlaps, and the time it was away is asked for."""
    with ThreadingHTTPServer(("127.0.0.1", 0), BusyGraylog) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with Tail(listener, "--url", f"http://127.0.0.1:{server.server_port}") as tail:
            until(lambda: len(tail.out) > 1000 and len(tail.err) >= 4, 30, f"more of it, not {tail.err}")
        server.shutdown()
    assert "some messages were not shown" in tail.err[0]
    assert "answered 502" in tail.err[1]
    assert "it is back" in tail.err[2]
    assert BusyGraylog.asked[0] == "10y"
    assert all(int(timerange.removesuffix("s")) >= 60 for timerange in BusyGraylog.asked[1:])


def test_tail_leaves_with_its_reader(listener: Listener) -> None:
    """Though nothing more arrives that it could fail to write."""
    command = f"{sys.executable} -m gelf_listener tail --url {listener.api_url} | head -n 1"
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, len(done.stdout.splitlines()), done.stderr) == (0, 1, "")


@pytest.mark.parametrize("arguments", [("search",), ("stats",), ("top", "source")])
def test_output_that_cannot_be_written(listener: Listener, arguments: tuple[str, ...]) -> None:
    """Is said, not shown as a traceback; closed output is nobody's."""
    environment = os.environ | {"GELF_API_URL": listener.api_url}
    command = f"{sys.executable} -m gelf_listener {' '.join(arguments)}"
    full = subprocess.run(f"{command} > /dev/full", shell=True, env=environment, capture_output=True, check=False)
    assert (full.returncode, full.stderr) == (1, b"gelf-listener: standard output: No space left on device\n")
    closed = subprocess.run(f"{command} >&-", shell=True, env=environment, capture_output=True, check=False)
    assert (closed.returncode, closed.stderr) == (0, b"")


def test_a_reader_that_has_seen_enough(listener: Listener) -> None:
    """`| head` ends it, without a word."""
    fill(listener, *({"short_message": f"many {number}", "_many": 1} for number in range(2000)))
    command = f"{sys.executable} -m gelf_listener search many:1 -n 2000 --url {listener.api_url} | head -n 1"
    done = subprocess.run(["bash", "-c", f"set -o pipefail; {command}"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["short_message"] == "many 0"


GOOD = gelf("fine", timestamp=1790000000.5, level=6)


def test_lint(tmp_path: Path) -> None:
    """Files of one payload, of lines, of frames; the status is for CI."""
    (tmp_path / "good.json").write_bytes(GOOD + b"\n" + GOOD)
    (tmp_path / "indented.json").write_bytes(json.dumps(json.loads(GOOD), indent=2).encode())
    (tmp_path / "bad.json").write_bytes(GOOD + b'\n{"host": "h", "short_message": "x", "_ok": true}\n\nnonsense\n')
    (tmp_path / "frames").write_bytes(GOOD + b"\0" + b"{}\0")
    for name, status in (("good.json", 0), ("indented.json", 0), ("bad.json", 1), ("frames", 1)):
        assert run_cli(tmp_path, "lint", name).returncode == status, name
    bad = run_cli(tmp_path, "lint", "bad.json")
    assert "bad.json:2: _ok: a boolean" in bad.stdout
    assert "\n    Graylog drops the field\n    likely bug: it sends values" in bad.stdout
    assert "\n    fix: send a string or a number\n" in bad.stdout
    assert "bad.json:4: refused by both" in bad.stdout
    assert "3 payloads, 2 with deviations" in bad.stderr
    assert run_cli(tmp_path, "lint", "nobody.json").returncode == 2
    assert run_cli(tmp_path, "lint").returncode == 2
    piped = subprocess.run(
        [sys.executable, "-m", "gelf_listener", "lint", "-"], input=GOOD, capture_output=True, check=False
    )
    assert piped.returncode == 0


def test_lint_of_what_is_written_at_the_moment(tmp_path: Path) -> None:
    """A line is judged when it comes, not when the writer ends."""
    process = subprocess.Popen(
        [sys.executable, "-m", "gelf_listener", "lint", "-"],
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(GOOD + b"\n<14>Nov 27 10:00:00 web app: hello\n")
    process.stdin.flush()
    assert process.stdout.readline().startswith(b"standard input:2 (syslog (RFC 3164)): refused by both")
    process.communicate(timeout=60)
    assert process.returncode == 1


def test_lint_of_a_file_without_end(tmp_path: Path) -> None:
    """Is refused instead of read into memory."""
    done = run_cli(tmp_path, "lint", "/dev/zero", seconds=60)
    assert (done.returncode, done.stderr) == (2, "gelf-listener: /dev/zero: a payload of more than 64 MiB\n")


def test_lint_of_what_clients_send(tmp_path: Path) -> None:
    """Until so many came."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "gelf_listener", "lint", "--listen", "-i", f"gelf+udp://127.0.0.1:{port}", "-n", "3"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    assert f"127.0.0.1:{port}" in process.stderr.readline()
    for payload in (GOOD, b'{"host": "h", "short_message": ""}', b"nonsense"):
        send_udp(("127.0.0.1", port), payload)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 1
    said = err.splitlines()
    assert [line.rpartition(": ")[2] for line in said if not line.startswith("judging")] == [
        "fine",
        "3 payloads, 2 with deviations",
    ]
    assert "short_message" in out
    nothing = run_cli(tmp_path, "lint", "--listen", "-i", "gelf+udp://127.0.0.1:0", "--timeout", "0.2")
    assert nothing.returncode == 1
