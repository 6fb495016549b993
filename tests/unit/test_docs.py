"""
Docs cannot lie: what exists is documented, and what is documented works.

Code blocks of README.md and docs/ are run by their language: `toml` is loaded as configuration (or as a piece of a
project file), `bash` and `console` blocks have their `gelf-listener` commands validated with `check`, and `python`
blocks run in a process of their own; `bash` blocks marked `curl` ask a listener. A comment `<!-- test: listener udp=12201 -->` before a block starts a listener
first; the port in the block is replaced by the listener's. `<!-- test: skip, because ... -->` leaves a block out.
"""

from __future__ import annotations

import asyncio
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import pytest
import trustme
import typer

from gelf_listener import cli
from gelf_listener.address import Address
from gelf_listener.alerts.definition import Alert
from gelf_listener.assembly import make_alerts, make_all, make_input
from gelf_listener.cli import app
from gelf_listener.config import ENVIRONMENT, Config, Spec, load_config
from gelf_listener.plugins import INPUT_GROUP, OUTPUT_GROUP, load, names, registered
from gelf_listener.service import Service
from gelf_listener.settings import OutputSettings
from tests.requirements import need
from tests.unit.conftest import Install
from tests.unit.fakes import FakeIntake, message

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *sorted(DOCS.rglob("*.md"))]

_PAGES_OF = {"gelf+tls": "tcp", "gelf+https": "http"}
_BLOCK = re.compile(
    r"(?:<!-- test: (?P<test>[^\n]*?) -->\n)?```(?P<language>\w+)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE
)


class Block(NamedTuple):
    page: Path
    line: int
    language: str
    test: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks(*languages: str) -> list[Block]:
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for match in _BLOCK.finditer(text):
            if match["language"] in languages and not (match["test"] or "").startswith("skip"):
                line = text.count("\n", 0, match.start()) + 1
                found.append(Block(page, line, match["language"], match["test"] or "", match["text"]))
    return found


def ours(group: str) -> list[str]:
    """Schemes of our own distribution: a third party documents its own."""
    return [name for name in names(group) if registered(group)[name].value.startswith("gelf_listener.")]


def page_of(group: str, scheme: str) -> Path:
    kind = "inputs" if group == INPUT_GROUP else "outputs"
    if kind == "outputs":
        name = scheme.partition("+")[0]  # one for all transports
        return DOCS / kind / f"{'smtp' if name == 'smtps' else name}.md"
    return DOCS / kind / f"{_PAGES_OF.get(scheme, scheme.removeprefix('gelf+').partition('+')[0])}.md"


LISTENERS = {
    "udp": "gelf+udp://localhost:0?receive_buffer_bytes=65536",
    "tcp": "gelf+tcp://localhost:0",
    "http": "gelf+http://localhost:0",
    "otlp_http": "otlp+http://localhost:0",
    "loki_http": "loki+http://localhost:0",
    "syslog_udp": "syslog+udp://localhost:0?receive_buffer_bytes=65536",
    "syslog_tcp": "syslog+tcp://localhost:0",
    "forward": "forward://localhost:0",
    "elasticsearch": "elasticsearch+http://localhost:0",
    "splunk": "splunk+hec://localhost:0",
    "journal": "journal+http://localhost:0",
}
"""Inputs that the examples of Python send to, by the word in their comment."""

SCHEMES = [(group, scheme) for group in (INPUT_GROUP, OUTPUT_GROUP) for scheme in ours(group)]


@pytest.mark.parametrize(
    ("group", "scheme"), SCHEMES, ids=[f"{group.rpartition('.')[2]}-{scheme}" for group, scheme in SCHEMES]
)
def test_every_setting_is_on_its_page(group: str, scheme: str) -> None:
    """Each input and output has a page, with a row for every setting."""
    page = page_of(group, scheme)
    assert page.exists(), f"{scheme} has no page {page.relative_to(ROOT)}"
    text = page.read_text(encoding="utf-8")
    assert f"{scheme}:" in text
    shared = OutputSettings.model_fields if group == OUTPUT_GROUP else {}
    if shared:
        assert "(README.md)" in text, f"{page.relative_to(ROOT)} does not say where the settings of every output are"
    for name, field in load(group, scheme).Settings.model_fields.items():
        if name not in shared or repr(field) != repr(shared[name]):  # another default is told of
            assert f"| `{name}` |" in text, f"{page.relative_to(ROOT)} does not have {name}"


def test_the_settings_of_every_output_have_a_page() -> None:
    """Each once, with its default."""
    text = (DOCS / "outputs" / "README.md").read_text(encoding="utf-8")
    for name in OutputSettings.model_fields:
        assert f"| `{name}` |" in text
    assert set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)) <= set(OutputSettings.model_fields)


@pytest.mark.parametrize("scheme", ours(INPUT_GROUP))
def test_no_page_has_a_setting_that_does_not_exist(scheme: str) -> None:
    """A setting that was renamed leaves nothing behind."""
    page = page_of(INPUT_GROUP, scheme)
    known = {
        field
        for other in ours(INPUT_GROUP)
        if page_of(INPUT_GROUP, other) == page
        for field in load(INPUT_GROUP, other).Settings.model_fields
    }
    tables = re.findall(r"^\| setting \|.*?(?=\n\n)", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    documented = {name for table in tables for name in re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)}
    assert documented - known == set()


WITHOUT_FLAG = {"tls_key_password", "alerts", "destinations"} | {
    f"api_{secret}{suffix}" for secret in ("password", "users", "tokens") for suffix in ("", "_file")
}
"""Secrets, which other users of the machine would see, and where secrets are; and tables of a file."""


def test_configuration_page() -> None:
    """Every setting with its variable and its flag."""
    text = (DOCS / "configuration.md").read_text(encoding="utf-8")
    repeated = {"inputs": "--input", "outputs": "--output"}
    repeated |= {"also_inputs": "--also-input", "also_outputs": "--also-output"}
    flags = repeated | dict.fromkeys(WITHOUT_FLAG)
    for variable, setting in ENVIRONMENT.items():
        flag = flags.get(setting, f"--{setting.replace('_', '-')}")
        shown = f" `{flag}` " if flag else "  "
        assert f"| `{setting}` | `{variable}` |{shown}|" in text, setting
        description = Config.model_fields[setting].description
        assert description
        assert description in text


def test_alerts_page() -> None:
    """Every setting of an alert, with its meaning."""
    text = (DOCS / "alerts.md").read_text(encoding="utf-8")
    for name, field in Alert.model_fields.items():
        assert re.search(rf"^\| `{name}` \| .*\| {re.escape(str(field.description))} \|$", text, re.MULTILINE), name
    assert set(re.findall(r"^\| `(\w+)` \| `?[\w ]*`? ?\| [A-Z]", text, re.MULTILINE)) <= set(Alert.model_fields)


def test_every_flag_is_a_setting() -> None:
    """`run` and `check` take the same, and nothing the configuration does not know."""
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    flags = {name: f"{name}s" for name in ("input", "output", "also_input", "also_output")}
    for command in ("run", "check"):
        parameters = {flags.get(parameter.name, parameter.name) for parameter in commands[command].params}
        assert parameters - {"config"} == set(Config.model_fields) - WITHOUT_FLAG


def test_command_line_page() -> None:
    """Every command and every option of it, long and short."""
    text = (DOCS / "cli.md").read_text(encoding="utf-8")
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    for name, command in commands.items():
        section = text.partition(f"\n## {name}\n")[2].partition("\n## ")[0]
        assert section, f"docs/cli.md has no section {name}"
        if name == "check":
            assert "takes the options of `run`" in section
            continue
        for parameter in command.params:
            if parameter.param_type_name == "argument":
                assert parameter.name.upper() in section
                continue
            for option in parameter.opts:
                assert re.search(rf"`{option}[ `]", section), f"docs/cli.md does not have {name} {option}"
    for flag in cli._GLOBAL_FLAGS:
        assert f"`{flag}`" in text


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with the files that examples name."""
    issued = trustme.CA().issue_cert("localhost")
    for name in ("cert.pem", "key.pem", "ca.pem"):
        issued.private_key_and_cert_chain_pem.write_to_path(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.startswith("GELF_"):
            monkeypatch.delenv(name)
    return tmp_path


@pytest.mark.parametrize("block", blocks("toml"), ids=str)
def test_toml(block: Block, directory: Path) -> None:
    """Configuration loads and would run; anything else is a piece of a project file with our entry points."""
    parsed = tomllib.loads(block.text)
    if "project" in parsed:
        assert set(parsed["project"]["entry-points"]) <= {INPUT_GROUP, OUTPUT_GROUP}
        return
    path = directory / "gelf.toml"
    path.write_text(block.text, encoding="utf-8")
    config = load_config({}, path, {})
    make_all(config)
    make_alerts(config)


def commands(text: str) -> Iterator[list[str]]:
    """Each `gelf-listener` command of a block, words split as a shell does, with its variables before it."""
    for line in text.replace("\\\n", " ").splitlines():
        words = shlex.split(line.removeprefix("$ "), comments=True) if "gelf-listener" in line else []
        start = next((index for index, word in enumerate(words) if word == "gelf-listener"), None)
        if start is not None and all("=" in word for word in words[:start]):
            yield words[: words.index(">")] if ">" in words else words


@pytest.mark.parametrize(
    "block", [block for block in blocks("bash", "console", "sh") if list(commands(block.text))], ids=str
)
def test_commands(
    block: Block, directory: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`run` is checked rather than run; `check` and `plugins` print what the page shows; `send` parses."""
    (directory / "gelf.toml").write_text("", encoding="utf-8")
    for words in commands(block.text):
        start = words.index("gelf-listener")
        for variable in words[:start]:
            monkeypatch.setenv(*variable.split("=", 1))
        arguments = words[start + 1 :]
        if not arguments or arguments[0].startswith("-"):
            arguments = ["run", *arguments]
        if arguments[0] in (
            *("send", "pipe", "password", "store", "buffers", "tail", "search", "top", "stats", "open", "lint", "mcp"),
            *("patterns", "compare", "trace", "alerts"),
        ):
            typer.main.get_command(app).commands[arguments[0]].make_context(arguments[0], arguments[1:])  # type: ignore[attr-defined]
            continue
        if arguments[0] == "run":
            arguments[0] = "check"
        with pytest.raises(SystemExit) as caught:
            cli.main(arguments)
        printed = capsys.readouterr()
        assert not caught.value.code, f"{block}: {' '.join(words)}: {printed.err}"
        shown = block.text.partition("\n")[2]
        if block.text.startswith("$ gelf-listener check") and shown:
            assert printed.out == shown


@pytest.mark.parametrize("block", blocks("python"), ids=str)
def test_python(block: Block, directory: Path) -> None:
    """Runs without a word of complaint; with a listener, what it logs arrives there."""
    if re.search(r"^(import|from) gelf_handlers\b", block.text, re.MULTILINE):
        pytest.importorskip("gelf_handlers")
    ports = dict(re.findall(r"(\w+)=(\d+)", block.test))
    if not block.test.startswith("listener"):
        assert run_python(block.text) == ""
        return
    unknown = set(ports) - set(LISTENERS)
    assert ports, block
    assert not unknown, f"{block}: a listener for {unknown} is not provided for"

    async def main() -> list[str]:
        intake = FakeIntake()
        text = block.text
        inputs = []
        for kind, port in ports.items():
            listener = make_input(Spec(Address.parse(LISTENERS[kind])))
            await listener.start(intake)
            inputs.append(listener)
            changed = text.replace(port, str(urlsplit(listener.listening[0]).port))
            assert changed != text, f"{block}: port {port} is not in it"
            text = changed
        output = await asyncio.to_thread(run_python, text)
        for listener in inputs:
            await listener.close()
        assert output == ""
        assert intake.rejected == []
        return intake.texts

    assert asyncio.run(main()), f"{block}: nothing arrived"


@pytest.mark.parametrize("block", [block for block in blocks("bash") if block.test == "curl"], ids=str)
def test_curl(block: Block, install: Install) -> None:
    """Each request is answered, over a store with a few messages in it."""
    need("bash", "curl")
    install("memory", "tests.unit.api.native.asking:StoringOutput")

    async def main() -> str:
        config = {"inputs": [], "outputs": ["memory:"], "api": "127.0.0.1:0"}
        service = Service(Config.from_values(config, "test"))
        await service.start()
        await service.store.add([message(f"order {number} paid") for number in range(5)])  # type: ignore[union-attr]
        text = block.text.replace("localhost:9000", service.api_url.removeprefix("http://"))
        assert text != block.text
        script = "curl() { command curl -sS -w '\\n%{http_code}\\n' \"$@\"; }\n" + text
        done = await asyncio.to_thread(
            subprocess.run, ["bash", "-c", script], capture_output=True, text=True, timeout=30, check=False
        )
        await service.close()
        return done.stdout

    printed = asyncio.run(main())
    codes = re.findall(r"^(\d{3})$", printed, re.MULTILINE)
    assert len(codes) == len(re.findall(r"\bcurl ", block.text))
    assert set(codes) <= ({"504"} if "/wait" in block.text else {"200", "204"}), printed


def run_python(text: str) -> str:
    """Run a program; what it wrote to standard error, after its exit status."""
    done = subprocess.run([sys.executable, "-"], input=text, capture_output=True, text=True, timeout=30, check=False)
    return (f"exit status {done.returncode}\n" if done.returncode else "") + done.stderr


def test_findings_are_told() -> None:
    """What a published client does that surprises is on the page for those who use it, with the version it was seen of."""
    page = (DOCS / "recipes" / "clients.md").read_text(encoding="utf-8")
    scripts = {path.name for path in (ROOT / "findings").glob("*.sh") if os.access(path, os.X_OK)}
    assert set(re.findall(r"\(\.\./\.\./findings/([\w-]+\.sh)\)", page)) == scripts


def test_links() -> None:
    """Links between pages lead somewhere, headings included."""
    missing = []
    for page in PAGES:
        for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
            if "://" in target or target.startswith("mailto:"):
                continue
            path, _, anchor = target.partition("#")
            file = (page.parent / path).resolve() if path else page
            if not file.exists():
                missing.append(f"{page.relative_to(ROOT)} -> {target}")
            elif anchor and file.suffix == ".md":
                headings = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), re.MULTILINE)
                anchors = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
                if anchor not in anchors:
                    missing.append(f"{page.relative_to(ROOT)} -> {target}")
    assert missing == []
