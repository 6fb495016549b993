"""The pytest plugin as its users have it: installed, found by pytest, in suites that pass, fail, and run in parallel."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

HEAD = """
import asyncio, json, logging, os, socket, subprocess, sys, threading, unittest
import pytest
from gelf_listener.testing import Listening, listening

def send(gelf, text, **fields):
    document = {"version": "1.1", "host": "web", "short_message": text, "level": 4} | fields
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(json.dumps(document).encode(), gelf.udp.address)
"""


def run_suite(
    directory: Path, source: str, *arguments: str, autoload: bool = False
) -> subprocess.CompletedProcess[str]:
    """Run pytest on one file, in a process of its own, with our plugin or with all that are installed."""
    (directory / "test_suite.py").write_text(HEAD + textwrap.dedent(source), encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "GELF_"))}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--rootdir", str(directory), *arguments]
    if not autoload:
        environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
        command += ["-p", "gelf_listener.testing.plugin", "-p", "anyio", "-p", "xdist"]
    return subprocess.run(
        [*command, str(directory)],
        cwd=directory,
        env=environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


PASSING = """
def test_function(gelf):
    gelf.attach("orders")
    logging.getLogger("orders").warning("order %d is late", 4711, extra={"user_id": 42})
    (message,) = gelf.wait_for("level:<=4 AND user_id:42")
    assert message.short_message == "order 4711 is late"
    gelf.assert_none("level:<=3", within=0.01)

def test_another_listener_for_another_test(gelf):
    assert gelf.messages() == []

def test_a_service_in_a_process_of_its_own(gelf):
    code = "import os, urllib.request; urllib.request.urlopen(os.environ['GELF_HTTP_URL'], data=b'{\\"short_message\\":\\"up\\"}')"
    subprocess.run([sys.executable, "-c", code], env=os.environ | gelf.environment, check=True)
    assert gelf.wait_for("up", timeout=10)

@pytest.mark.gelf(mode="graylog")
def test_a_mark_says_how(gelf):
    send(gelf, " ")
    assert gelf.messages() == []
    assert [each.reason.value for each in gelf.rejected] == ["empty_short_message"]

@pytest.fixture
def anyio_backend():
    return "asyncio"

async def log_later(gelf):
    await asyncio.sleep(0.02)
    send(gelf, "late")

@pytest.mark.anyio
async def test_coroutine(gelf):
    task = asyncio.create_task(log_later(gelf))
    assert await gelf.wait_for_async("late", timeout=10)
    await task

@pytest.mark.parametrize("number", range(4))
def test_session(gelf_session, number):
    gelf_session.attach("session")
    logging.getLogger("session").warning("mine %d", number)
    assert len(gelf_session.wait_for("mine")) == len(gelf_session.messages()) == 1
    gelf_session.clear()
    assert gelf_session.messages() == []
    send(gelf_session, f"order {number}")
    assert gelf_session.wait_for(f'"order {number}"')

@pytest.fixture(scope="session")
def service(gelf_session):
    send(gelf_session, "service started")
    return gelf_session

class TestService:
    def test_what_a_session_fixture_logs_is_the_first_tests(self, service):
        assert service.wait_for("started")

    def test_and_not_the_next_ones(self, service):
        service.assert_none("started", within=0.01)

class Case(unittest.TestCase):
    def setUp(self):
        self.gelf = self.enterContext(listening())

    def test_case(self):
        send(self.gelf, "from a case")
        self.assertEqual(len(self.gelf.wait_for("case")), 1)

class AsyncCase(unittest.IsolatedAsyncioTestCase):
    async def test_case(self):
        with listening() as gelf:
            task = asyncio.create_task(log_later(gelf))
            self.assertTrue(await gelf.wait_for_async("late", timeout=10))
            await task
"""


@pytest.mark.parametrize("arguments", [(), ("-n", "2", "--dist", "loadscope")], ids=["one process", "xdist"])
def test_passing_suite(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """Functions, coroutines, cases, fixtures of either scope, the mark, strictly; in one process and in two."""
    done = run_suite(tmp_path, PASSING, "-q", "--strict-markers", "-W", "error", *arguments, autoload=not arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "13 passed" in done.stdout


FAILING = """
@pytest.fixture
def broken(gelf):
    send(gelf, "logged in setup")
    gelf.wait_for("setup")
    raise RuntimeError("the fixture is broken")

@pytest.fixture
def broken_later(gelf):
    yield
    raise RuntimeError("the end is broken")

def test_passes(gelf):
    send(gelf, "of the test that passes")
    assert gelf.messages()

def test_fails(gelf):
    send(gelf, "almost \\x1b[2J this", _user_id=43)
    with socket.create_connection(gelf.tcp.address) as sock:
        sock.sendall(b"nonsense\\0")
    gelf.wait_for("almost AND user_id:42", timeout=0.2)

def test_fails_for_another_reason(gelf):
    send(gelf, "seen in the report")
    assert False, "nothing to do with logs"

def test_errors_in_setup(broken):
    pass

def test_errors_in_teardown(gelf, broken_later):
    send(gelf, "logged before the end")

class Case(unittest.TestCase):
    def test_case(self):
        gelf = self.enterContext(listening())
        send(gelf, "of the case")
        self.fail("no reason")

def test_session_one(gelf_session):
    send(gelf_session, "of the first test")
    assert gelf_session.messages()

def test_session_two(gelf_session):
    send(gelf_session, "of the second test")
    assert not gelf_session.messages()

def test_a_session_listener_that_the_test_does_not_ask_for():
    assert False, "it received nothing meanwhile"

@pytest.mark.xfail
def test_expected(gelf):
    send(gelf, "of the expected failure")
    assert not gelf.messages()

def test_skipped(gelf):
    send(gelf, "of the skipped test")
    pytest.skip("no reason")
"""

CONFTEST = """
import threading

def pytest_sessionfinish():
    left = [each.name for each in threading.enumerate() if each.name == "gelf-listener"]
    with open("left.txt", "a") as file:
        print(left, file=file)
"""


def sections(output: str) -> dict[str, list[str]]:
    """The plugin's sections of a report, by test: the text between headings."""
    found: dict[str, list[str]] = {}
    test = ""
    inside = False
    for line in output.splitlines():
        title = re.fullmatch(r"_{3,} (.+?) _{3,}", line)
        heading = re.fullmatch(r"[-=]{3,} (.+?) [-=]{3,}", line)
        if title:
            test, inside = title[1], False
        elif heading:
            inside = heading[1].startswith("Captured gelf log")
            if inside:
                found.setdefault(test, []).append(heading[1].rpartition(" ")[2])
        elif inside:
            found[test].append(line)
    return found


@pytest.mark.parametrize("arguments", [(), ("-n", "2", "--dist", "loadfile")], ids=["one process", "xdist"])
def test_failing_suite(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """A report has what the test's own listeners received, whatever failed, and no others; nothing runs on."""
    (tmp_path / "conftest.py").write_text(CONFTEST, encoding="utf-8")
    done = run_suite(tmp_path, FAILING, "-rN", *arguments)
    assert done.returncode == 1, done.stdout + done.stderr
    assert re.search(r"6 failed|5 failed, .*2 errors", done.stdout), done.stdout
    found = sections(done.stdout)
    assert set(found) == {
        "test_fails",
        "test_fails_for_another_reason",
        "ERROR at setup of test_errors_in_setup",
        "ERROR at teardown of test_errors_in_teardown",
        "Case.test_case",
        "test_session_two",
    }
    when, line, *rejected = found["test_fails"]
    assert when == "call"
    assert line.endswith("WARN   web almost \\x1b[2J this  user_id=43")
    assert rejected[0] == "rejected:"
    assert rejected[1].startswith("    invalid_json from 127.0.0.1:")
    assert rejected[1].endswith("b'nonsense'")
    assert [found["test_fails_for_another_reason"][1][-18:]] == ["seen in the report"]
    assert found["ERROR at setup of test_errors_in_setup"][0] == "setup"
    assert found["ERROR at teardown of test_errors_in_teardown"][0] == "teardown"
    assert found["Case.test_case"][1].endswith("of the case")
    assert len(found["test_session_two"]) == 2
    assert found["test_session_two"][1].endswith("of the second test")
    assert "\x1b[2J" not in done.stdout
    message = done.stdout.partition("gelf.wait_for(")[2]
    assert "E         " in message  # what arrived is part of the error
    assert "- user_id:42: user_id is 43" in message
    assert "in_process.py" not in done.stdout  # the traceback ends in the test
    assert set((tmp_path / "left.txt").read_text(encoding="utf-8").split("\n")) == {"[]", ""}


MISTAKEN = """
def test_query(gelf):
    gelf.wait_for("level:<")

@pytest.mark.anyio
async def test_query_async(gelf):
    await gelf.assert_none_async("level:<")

@pytest.mark.gelf(mode="graylgo")
def test_mode(gelf): ...

@pytest.mark.gelf(mod="graylog")
def test_name(gelf): ...
"""


def test_mistakes_in_a_test(tmp_path: Path) -> None:
    """Are told where they are made, without our own lines around them."""
    done = run_suite(tmp_path, MISTAKEN)
    assert "failed=2" in (counts := re.sub(r"(\d+) (\w+)", r"\2=\1", done.stdout.splitlines()[-1])), counts
    assert "E       gelf_listener.errors.QueryError: < needs a value (column 8 of 'level:<')" in done.stdout
    assert "the mark gelf: mode is 'graylgo', not one of lenient, graylog" in done.stdout
    assert "unexpected keyword argument 'mod'" in done.stdout
    for file in ("parser.py", "in_process.py", "plugin.py"):
        assert f"{file}:" not in done.stdout


def run_plain(directory: Path, source: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run pytest on a file that imports nothing of ours."""
    (directory / "test_plain.py").write_text(source, encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-s",
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "gelf_listener.testing.plugin",
    ]
    return subprocess.run(
        [*command, *arguments],
        cwd=directory,
        env=os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_suite_that_does_not_use_it(tmp_path: Path) -> None:
    """Pays nothing: neither a listener nor what it is built on is imported, not even for a failure's report."""
    (tmp_path / "conftest.py").write_text(
        "import sys\n"
        "def pytest_sessionfinish():\n"
        "    tops = {name.partition('.')[0] for name in sys.modules}\n"
        "    print('ours', sorted(name for name in sys.modules if name.startswith('gelf_listener')))\n"
        "    print('theirs', sorted(tops & {'msgspec', 'pydantic', 'asyncio', 'tantivy', 'httptools', 'uvloop'}))\n",
        encoding="utf-8",
    )
    done = run_plain(tmp_path, "def test_nothing(): assert False\n")
    assert "1 failed" in done.stdout, done.stdout + done.stderr
    ours = ["gelf_listener", "gelf_listener.testing", "gelf_listener.testing.plugin", "gelf_listener.testing.recent"]
    assert f"ours {ours}" in done.stdout
    assert "theirs []" in done.stdout


USING = """
import sys

def test_first():
    assert "gelf_listener.testing.in_process" in sys.modules

def test_second(gelf):
    assert gelf.messages() == []
"""


def test_what_a_listener_needs_is_loaded_before_the_tests(tmp_path: Path) -> None:
    """So that the first one that asks for it does not take longer than the others."""
    assert "2 passed" in run_plain(tmp_path, USING).stdout
    (tmp_path / "conftest.py").write_text(
        "import sys\ndef pytest_sessionfinish(): print('loaded', 'gelf_listener.testing.in_process' in sys.modules)\n",
        encoding="utf-8",
    )
    assert "loaded False" in run_plain(tmp_path, USING, "--collect-only").stdout


TIMES = """
import statistics, sys, time

def measured(make):
    began = time.perf_counter()
    with make():
        started = time.perf_counter()
    return (started - began) * 1000, (time.perf_counter() - started) * 1000

began = time.perf_counter()
from gelf_listener.testing import listening
imports = (time.perf_counter() - began) * 1000
first, _ = measured(listening)
starts, ends = zip(*(measured(listening) for _ in range(20)))
print(f"imports {imports:.0f} ms, first start {first:.1f} ms, later ones {statistics.median(starts):.1f} ms,")
print(f"end {statistics.median(ends):.1f} ms")
print(sorted({"tantivy", "fastapi", "uvicorn", "uvloop", "typer", "rich"} & set(sys.modules)))
"""


def test_how_long_it_takes(tmp_path: Path) -> None:
    """Measured and printed, not asserted; what is asserted is that neither a store nor an API is loaded for it."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPYCACHEPREFIX"] = str(tmp_path)  # as installed packages have it: compiled
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", TIMES], env=environment, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
    print(done.stdout)
    assert done.stdout.splitlines()[-1] == "[]"
