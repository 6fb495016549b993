"""`lint`: what it says of a file whose messages do not go together."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer

from gelf_listener.commands.lint import lint_file

LINE = '{"version":"1.1","host":"%s","short_message":"m","timestamp":1.5,"_user":%s}\n'
CONFLICT = """\
field `user` was a number in messages of a and a text in those of b: a Graylog index keeps only the first kind
Graylog keeps the kind of the first value, and loses this message
likely bug: services use one name for different things, or send a text such as n/a where there is no number or date
fix: send values of one kind in a field, the same one from every service
""".splitlines()


def test_fields_that_differ_in_kind(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each payload is fine by itself; an index would keep the first alone."""
    path = tmp_path / "two.json"
    path.write_text(LINE % ("a", "5") + LINE % ("b", '"bob"') + LINE % ("a", "6"))
    with pytest.raises(typer.Exit):
        lint_file(str(path))
    said = capsys.readouterr()
    assert said.out.splitlines() == [f"{path}:2: {CONFLICT[0]}", *(f"    {line}" for line in CONFLICT[1:])]
    assert said.err == "3 payloads, 1 with deviations\n"


def test_fields_of_one_kind(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Texts that are numbers fit among numbers."""
    path = tmp_path / "two.json"
    path.write_text(LINE % ("a", "5") + LINE % ("b", '"7"'))
    lint_file(str(path))
    assert capsys.readouterr().out == ""
