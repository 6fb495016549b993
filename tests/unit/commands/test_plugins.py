"""plugins: what there is, and what each can be told."""

from __future__ import annotations

import re
from typing import Any

import pytest

from gelf_listener import cli
from gelf_listener.inputs.udp import UdpSettings
from tests.unit.conftest import Install


def plugins(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[Any, str, str]:
    with pytest.raises(SystemExit) as caught:
        cli.main(["plugins", *arguments])
    printed = capsys.readouterr()
    return caught.value.code or 0, printed.out, printed.err


def test_list(capsys: pytest.CaptureFixture[str]) -> None:
    """Inputs and outputs, each with what it is for."""
    status, out, _ = plugins(capsys)
    assert status == 0
    inputs, _, outputs = out.partition("outputs:\n")
    assert re.search(r"^  gelf\+udp +Reads GELF datagrams\.$", inputs, re.MULTILINE)
    assert re.search(r"^  null +Counts messages", outputs, re.MULTILINE)
    assert "`" not in out
    assert len({line.index(line.split()[1]) for line in inputs.splitlines() if line.startswith("  ")}) == 1


def test_third_party(install: Install, capsys: pytest.CaptureFixture[str]) -> None:
    """Says whose it is; one that cannot be loaded says why and hides nothing else."""
    install("acme", "tests.unit.fakes:PluggedOutput")
    install("broken", "no_such_library:Output")
    status, out, _ = plugins(capsys)
    assert status == 0
    assert "Remembers all of them" in out
    assert "(acme-logs)" in out
    assert "output 'broken' needs 'no_such_library', which is not installed" in out
    assert "  null " in out


def test_one(capsys: pytest.CaptureFixture[str]) -> None:
    """All its settings with meaning and default."""
    status, out, _ = plugins(capsys, "gelf+udp")
    assert status == 0
    assert out.startswith("input gelf+udp: Reads GELF datagrams.\n")
    for name, field in UdpSettings.model_fields.items():
        assert f"  {name} " in out
        assert field.description
        assert field.description in out
    assert "[default 12201]" in out
    assert "[default empty]" in out


def test_required(capsys: pytest.CaptureFixture[str]) -> None:
    """A setting without default says so."""
    assert "[required]" in plugins(capsys, "gelf+tls")[1]


@pytest.mark.parametrize("name", ["gelf", "acme"])
def test_unknown(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The error names what there is."""
    status, _, err = plugins(capsys, name)
    assert status == 2
    assert f"no plug-in is called '{name}'; there are " in err
    assert " console," in err


def test_a_typing_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    """The nearest name is told instead of all."""
    assert (
        plugins(capsys, "gelf+upd")[2] == "gelf-listener: no plug-in is called 'gelf+upd'; did you mean 'gelf+udp'?\n"
    )
