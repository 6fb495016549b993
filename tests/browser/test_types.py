"""The page's scripts are type-checked: their JSDoc, strictly."""

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


@pytest.mark.external
@pytest.mark.timeout(NODE_SECONDS + 60)
def test_types(tmp_path: Path) -> None:
    """No error at all."""
    node = need("node")
    packages = node_packages(Path(__file__).parent / "node" / "package.json")
    config = tmp_path / "tsconfig.json"
    config.write_text(json.dumps({"compilerOptions": OPTIONS, "include": [f"{UI}/*.js"]}), encoding="utf-8")
    compiler = packages / "node_modules" / "typescript" / "bin" / "tsc"
    done = subprocess.run([node, str(compiler), "-p", str(config)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
