"""The example of a third party's package: the public module only, and the contracts kept."""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from gelf_listener.testing.contracts import InputContract, OutputContract
from tests.unit.inputs.clients import send_datagrams

FOLDER = Path(__file__).parents[1] / "plugin_example" / "gelf_listener_example"
FILES = sorted(FOLDER.glob("*.py"))


def load(name: str) -> ModuleType:
    """Import a file of the package, which is not installed."""
    spec = importlib.util.spec_from_file_location(f"gelf_listener_example_{name}", FOLDER / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("file", FILES, ids=[file.name for file in FILES])
def test_it_needs_the_public_module_only(file: Path) -> None:
    imported = {
        node.module
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("gelf_listener")
    }
    assert imported <= {"gelf_listener.plugin"}


def test_type_checkers_take_it_for_a_plugin(tmp_path: Path) -> None:
    """Also with settings of its own, which ``type[OutputSettings]`` as a class variable would refuse."""
    checked = tmp_path / "checked.py"
    checked.write_text(
        "from gelf_listener.plugin import Input, Output\n"
        "from gelf_listener_example.gate import GateOutput\n"
        "from gelf_listener_example.text_udp import TextUdpInput\n"
        "def input(made: TextUdpInput) -> Input:\n    return made\n"
        "def output(made: GateOutput) -> Output:\n    return made\n"
        "def wrong(made: TextUdpInput) -> Output:\n    return made\n"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(
        # With the project's settings and cache: without, all of the product would be checked again.
        [sys.executable, "-m", "mypy", "--no-error-summary", "--hide-error-context", str(checked)],
        cwd=root,
        env=os.environ | {"MYPYPATH": str(FOLDER.parent)},
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )
    errors = [line for line in done.stdout.splitlines() if ": error: " in line]
    assert len(errors) == 1, done.stdout + done.stderr
    assert 'expected "Output"' in errors[0]


class TestTextUdp(InputContract):
    nonsense = b"\xff\xfe"
    waits_while = "full"

    def make(self, tmp_path: Path) -> Any:
        module = load("text_udp")
        return module.TextUdpInput(module.TextUdpSettings(port=0))

    async def send(self, input: Any, texts: Sequence[str]) -> None:
        await send_datagrams(input.listening[0], [text.encode() for text in texts])

    async def send_bytes(self, input: Any, data: bytes) -> None:
        await send_datagrams(input.listening[0], [data])


class TestGate(OutputContract):
    def make(self, tmp_path: Path) -> Any:
        module = load("gate")
        return module.GateOutput(module.GateSettings(path=tmp_path / "written"))

    def texts(self, tmp_path: Path) -> Sequence[str]:
        path = tmp_path / "written"
        lines = path.read_text().splitlines() if path.exists() else []
        return [json.loads(line)["short_message"] for line in lines]
