"""The page's scripts are type-checked, their JSDoc strictly, and formatted."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.e2e.toolchains import NODE_SECONDS, node_packages
from tests.requirements import need

UI = Path(__file__).parents[2] / "gelf_listener" / "api" / "ui"
OPTIONS = {
    "checkJs": True,
    "allowJs": True,
    "noEmit": True,
    "strict": True,
    "target": "ES2022",
    "module": "ES2022",
    "moduleResolution": "bundler",
    "lib": ["ES2023", "DOM", "DOM.Iterable"],
    "types": [],
}


pytestmark = [pytest.mark.external, pytest.mark.timeout(NODE_SECONDS + 60)]


@pytest.fixture(scope="module")
def packages() -> Path:
    """Where the programs are."""
    return node_packages(Path(__file__).parent / "node" / "package.json")


def test_types(tmp_path: Path, packages: Path) -> None:
    """No error at all."""
    node = need("node")
    config = tmp_path / "tsconfig.json"
    config.write_text(json.dumps({"compilerOptions": OPTIONS, "include": [f"{UI}/*.js"]}), encoding="utf-8")
    compiler = packages / "node_modules" / "typescript" / "bin" / "tsc"
    done = subprocess.run([node, str(compiler), "-p", str(config)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_form(packages: Path) -> None:
    """As Prettier writes it; ``prettier --print-width 120 --write gelf_listener/api/ui/*.js`` repairs it."""
    program = packages / "node_modules" / "prettier" / "bin" / "prettier.cjs"
    files = [str(path) for path in sorted(UI.glob("*.js")) + sorted(UI.glob("*.css"))]
    command = [need("node"), str(program), "--print-width", "120", "--check", *files]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
