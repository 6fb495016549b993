"""
Real syslog senders: logger(1), rsyslog and syslog-ng, forwarding what Python logs to their socket.

Each runs what the recipe has on its page, and what it does by itself.
"""

from __future__ import annotations

import logging
import logging.handlers
import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bench.process import StartError
from bench.subjects.packages import debian, library_path
from tests.e2e.conftest import Start
from tests.e2e.listener import until
from tests.requirements import missing, need

PAGE = Path(__file__).parents[2] / "docs" / "recipes" / "syslog.md"
TEXT = 'order A-17 is late: Zürich, "quoted" [and] %s'


def recipe(title: str, port: int) -> str:
    """The recipe's block for a sender, with the port of a listener."""
    (block,) = re.findall(
        rf"^## {title}$.*?^```\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
    assert "1514" in block
    return str(block).replace("1514", str(port))


def test_the_recipe_of_logger(start: Start) -> None:
    """The page's command."""
    logger = need("logger")
    listener = start("syslog+tcp://127.0.0.1:0")
    words = shlex.split(recipe("logger", listener.port("syslog+tcp")))
    subprocess.run([logger, *words[1:]], check=True, timeout=20)
    (made,) = listener.messages(1)
    assert (made["short_message"], made["_order"]) == ("order 4711 paid", "A-17")
    assert listener.rejected() == 0


@pytest.mark.parametrize(
    ("scheme", "flags"),
    [
        ("syslog+udp", ["--udp", "--rfc5424"]),
        ("syslog+udp", ["--udp", "--rfc3164"]),
        ("syslog+tcp", ["--tcp", "--rfc5424"]),
        ("syslog+tcp", ["--tcp", "--rfc5424", "--octet-count"]),
        ("syslog+tcp", ["--tcp", "--rfc3164"]),
    ],
    ids=lambda value: "-".join(value).replace("--", "") if isinstance(value, list) else value,
)
def test_logger(start: Start, scheme: str, flags: list[str]) -> None:
    """util-linux's logger, in both formats and all framings."""
    logger = need("logger")
    listener = start(f"{scheme}://127.0.0.1:0")
    structured = ["--sd-id", "order@32473", "--sd-param", 'id="A-17"'] if "--rfc5424" in flags else []
    command = [logger, "--server", "127.0.0.1", "--port", str(listener.port(scheme)), "--tag", "shop", "--id=42"]
    before = time.time()
    subprocess.run([*command, "--priority", "local3.warning", *flags, *structured, TEXT], check=True, timeout=20)
    (made,) = listener.messages(1)
    assert (made["short_message"], made["level"], made["_facility"]) == (TEXT, 4, "local3")
    assert (made["_application_name"], made["_process_id"]) == ("shop", "42")
    assert made["host"] == os.uname().nodename.partition(".")[0] or made["host"] == os.uname().nodename
    assert before - 2 < made["timestamp"] < time.time() + 2
    if structured:
        assert made["_id"] == "A-17"
    assert listener.rejected() == 0


@contextmanager
def running(command: list[str], sock: Path, more: dict[str, str] | None = None) -> Iterator[None]:
    """Run a syslog daemon in the foreground until the block ends."""
    environment = os.environ | (more or {})
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        try:
            until(lambda: sock.exists() or process.poll() is not None, what="the daemon's socket")
            assert process.poll() is None, process.stderr.read() if process.stderr else ""
            yield
        finally:
            process.terminate()
            process.wait(20)


def log(sock: Path) -> None:
    """Log through the daemon's socket, as a service on its machine does."""
    handler = logging.handlers.SysLogHandler(str(sock), facility="local3")
    handler.ident = "shop[42]: "
    handler.handle(logging.LogRecord("shop", logging.WARNING, "x.py", 1, TEXT, None, None))
    handler.handle(logging.LogRecord("shop", logging.ERROR, "x.py", 1, "second", None, None))
    handler.close()


KEEP_LINES = re.compile(r"^<!-- rsyslog: keep lines -->\n```\n(.*?)^```$", re.DOTALL | re.MULTILINE)
RSYSLOG = """
module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="{sock}")
global(workDirectory="{folder}")
local3.* {action}
"""
FORWARD = 'action(type="omfwd" target="127.0.0.1" port="{port}" {options})'


@pytest.mark.external
@pytest.mark.parametrize(
    ("scheme", "options"),
    [
        ("syslog+tcp", None),
        ("syslog+tcp", 'protocol="tcp" template="RSYSLOG_ForwardFormat"'),
        ("syslog+udp", 'protocol="udp" template="RSYSLOG_TraditionalForwardFormat"'),
    ],
    ids=["recipe", "lines-iso-3164", "udp-3164"],
)
def test_rsyslog(start: Start, tmp_path: Path, scheme: str, options: str | None) -> None:
    """As the recipe configures it, and as it does by itself."""
    program = need("rsyslogd")
    listener = start(f"{scheme}://127.0.0.1:0")
    sock, config = tmp_path / "s", tmp_path / "rsyslog.conf"
    port = listener.port(scheme)
    action = recipe("rsyslog", port) if options is None else FORWARD.format(port=port, options=options)
    config.write_text(RSYSLOG.format(sock=sock, folder=tmp_path, action=action))
    with running([program, "-n", "-f", str(config), "-i", str(tmp_path / "pid")], sock):
        log(sock)
        first, second = listener.messages(2)
    check(first, second)
    assert listener.rejected() == 0


@pytest.mark.external
@pytest.mark.parametrize("keeps", [True, False], ids=["recipe", "as-it-is"])
def test_a_traceback_through_rsyslog(start: Start, tmp_path: Path, keeps: bool) -> None:
    """Python's handler writes lines; with the recipe they stay lines, without it their escapes are undone."""
    program = need("rsyslogd")
    listener = start("syslog+tcp://127.0.0.1:0")
    sock, config = tmp_path / "s", tmp_path / "rsyslog.conf"
    action = recipe("rsyslog", listener.port("syslog+tcp"))
    (keep_lines,) = KEEP_LINES.findall(PAGE.read_text(encoding="utf-8"))
    text = RSYSLOG.format(sock=sock, folder=tmp_path, action=action)
    config.write_text(keep_lines * keeps + text)
    with running([program, "-n", "-f", str(config), "-i", str(tmp_path / "pid")], sock):
        handler = logging.handlers.SysLogHandler(str(sock), facility="local3")
        handler.ident = "shop[42]: "
        try:
            _ = 1 / 0
        except ZeroDivisionError:
            handler.handle(logging.LogRecord("shop", logging.ERROR, "x.py", 1, "order failed", None, sys.exc_info()))
        handler.close()
        (made,) = listener.messages(1)
    assert (made["short_message"], made["level"], made["_application_name"]) == ("order failed", 3, "shop")
    lines = str(made["full_message"]).split("\n")
    assert (lines[0], lines[-1]) == ("Traceback (most recent call last):", "ZeroDivisionError: division by zero")


ELASTICSEARCH = """
module(load="{module}")
template(name="document" type="list" option.jsonf="on") {{
  property(outname="@timestamp" name="timereported" dateFormat="rfc3339" format="jsonf")
  property(outname="host" name="hostname" format="jsonf")
  property(outname="severity" name="syslogseverity-text" format="jsonf")
  property(outname="facility" name="syslogfacility-text" format="jsonf")
  property(outname="tag" name="syslogtag" format="jsonf")
  property(outname="message" name="msg" format="jsonf")
  property(outname="sd" name="structured-data" format="jsonf")
}}
local3.* action(type="omelasticsearch" server="127.0.0.1" serverport="{port}" searchIndex="logs-shop"
  searchType="" template="document" bulkmode="on" errorFile="{folder}/errors")
"""


@pytest.mark.external
def test_rsyslog_to_the_bulk_api(start: Start, tmp_path: Path) -> None:
    """Its omelasticsearch, with a template of the usual names."""
    program = need("rsyslogd")
    module = next(Path("/usr/lib").glob("*/rsyslog/omelasticsearch.so"), None)
    if module is None:
        missing("needs rsyslog's omelasticsearch (Debian: rsyslog-elasticsearch)")
    listener = start("elasticsearch+http://127.0.0.1:0")
    sock, config = tmp_path / "s", tmp_path / "rsyslog.conf"
    port = listener.port("elasticsearch+http")
    text = RSYSLOG.replace("local3.* {action}", ELASTICSEARCH)
    config.write_text(text.format(sock=sock, folder=tmp_path, module=module, port=port))
    with running([program, "-n", "-f", str(config), "-i", str(tmp_path / "pid")], sock):
        log(sock)
        first, second = listener.messages(2)
    check(first, second)
    assert first["_index"] == "logs-shop"
    assert listener.rejected() == 0


SYSLOG_NG = """@version: {version}
options {{ keep-hostname(yes); stats-freq(0); }};
source s_src {{ unix-dgram("{sock}"); }};
{destination}
"""
BY_ITSELF = """destination d {{ network("127.0.0.1" port({port}) transport("udp")); }};
log {{ source(s_src); destination(d); }};
"""


@pytest.mark.external
@pytest.mark.timeout(900)  # it may have to be fetched
@pytest.mark.parametrize("scheme", ["syslog+tcp", "syslog+udp"], ids=["recipe", "udp-3164"])
def test_syslog_ng(start: Start, tmp_path: Path, scheme: str) -> None:
    """As the recipe configures it, and its older format."""
    try:
        program = debian("syslog-ng")  # unpacked, not installed: rsyslog and syslog-ng exclude each other
    except StartError as error:
        missing(f"needs syslog-ng: {error}")
    modules = next(program.parents[2].glob("usr/lib/syslog-ng/[0-9]*"))
    listener = start(f"{scheme}://127.0.0.1:0")
    sock, config = tmp_path / "s", tmp_path / "syslog-ng.conf"
    port = listener.port(scheme)
    destination = recipe("syslog-ng", port) if scheme == "syslog+tcp" else BY_ITSELF.format(port=port)
    config.write_text(SYSLOG_NG.format(version=modules.name, sock=sock, destination=destination))
    files = [f"--{name}={tmp_path / name}" for name in ("persist-file", "pidfile", "control")]
    command = [str(program), "--foreground", "--no-caps", f"--cfgfile={config}", f"--module-path={modules}", *files]
    with running(command, sock, library_path()):
        log(sock)
        first, second = listener.messages(2)
    check(first, second)
    assert listener.rejected() == 0


def check(first: dict[str, object], second: dict[str, object]) -> None:
    assert (first["short_message"], first["level"], first["_facility"]) == (TEXT, 4, "local3")
    assert (first["_application_name"], first["_process_id"]) == ("shop", "42")
    assert (second["short_message"], second["level"]) == ("second", 3)
    assert str(first["host"]) not in ("", "-", "127.0.0.1")
