"""Every input through every output: what came in by one protocol goes out by another and means the same."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from gelf_listener.message import Message
from gelf_listener.outputs.smtp import SmtpOutput, SmtpSettings
from gelf_listener.plugins import INPUT_GROUP, OUTPUT_GROUP, load, names, registered
from gelf_listener.testing.contracts import run
from tests.matrix.inputs import INPUTS, received
from tests.matrix.meaning import Meaning, differences, in_order, meaning_of
from tests.matrix.outputs import OUTPUTS, expected, written
from tests.unit.outputs.mail import Mailbox, serving

DOCS = Path(__file__).parents[2] / "docs" / "outputs"

ELSEWHERE = {
    "null": "it keeps nothing",
    "smtp": "a text for people: test_mail_shows_everything",
    "smtps": "the same with TLS",
}
"""Outputs without a row, and why."""

Went = Callable[[str], dict[str, list[Meaning]]]


@pytest.fixture(scope="module")
def came_in(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Message]]:
    """What each input makes of what is sent to it."""
    return {scheme: received(scheme, tmp_path_factory.mktemp("input")) for scheme in INPUTS}


@pytest.fixture(scope="module")
def went_out(came_in: dict[str, list[Message]], tmp_path_factory: pytest.TempPathFactory) -> Went:
    """What each output's destination has of that."""

    @cache
    def of(output: str) -> dict[str, list[Meaning]]:
        parts = written(output, list(came_in.values()), tmp_path_factory.mktemp("output"))
        return dict(zip(came_in, parts, strict=True))

    return of


@pytest.mark.parametrize("input", INPUTS)
@pytest.mark.parametrize("output", [name for name, row in OUTPUTS.items() if row.open is not None])
def test_means_the_same(input: str, output: str, came_in: dict[str, list[Message]], went_out: Went) -> None:
    """Every message: its time, level, host, texts and fields with their types."""
    wanted = in_order(expected(came_in[input], output))
    for found, meant in zip(in_order(went_out(output)[input]), wanted, strict=True):
        assert differences(found, meant) == {}


@pytest.mark.parametrize("input", INPUTS)
def test_mail_shows_everything(input: str, came_in: dict[str, list[Message]]) -> None:
    """A mail is not read by programs: its text has the host, the lines of the text, and every field (a service its name)."""
    mailbox = Mailbox()
    with serving(mailbox) as port:
        settings = {"to": ("ops@example.org",), "sender": "a@example.org", "starttls": "never", "messages_per_mail": 1}
        output = SmtpOutput(SmtpSettings(host="localhost", port=port, **settings))

        async def write() -> None:
            await output.start()
            await output.write(came_in[input])
            await output.close()

        run(write())
    for body, message in zip(mailbox.bodies(), came_in[input], strict=True):
        plain = [line for line in message.short_message.splitlines() if line.isprintable()]
        assert [part for part in (message.host, *plain) if part not in body] == []
        assert [
            name for name, value in message.fields.items() if f"{name}=" not in body and str(value) not in body
        ] == []


@pytest.mark.parametrize("output", [name for name, row in OUTPUTS.items() if row.losses])
def test_losses_are_documented_and_real(output: str, came_in: dict[str, list[Message]]) -> None:
    """The page has each in the words of the table, and some message of the matrix suffers it."""
    page = (DOCS / f"{OUTPUTS[output].page}.md").read_text()
    every = [meaning_of(message) for messages in came_in.values() for message in messages]
    for loss in OUTPUTS[output].losses:
        assert f"* {loss.says}\n" in page
        assert any(differences(loss.of(meaning), meaning) for meaning in every), loss.says


def _ours(group: str) -> set[str]:
    return {name for name in names(group) if registered(group)[name].value.startswith("gelf_listener.")}


def test_everything_registered_is_in_the_matrix() -> None:
    """A new input or output needs a row; one that is the same with TLS is a class derived from one that has a row."""
    tls = {scheme: same for scheme, row in INPUTS.items() for same in row.tls}
    assert {*INPUTS, *tls.values()} == _ours(INPUT_GROUP)
    rows = [(row.scheme, same) for row in OUTPUTS.values() for same in row.same]
    assert {*(row.scheme for row in OUTPUTS.values()), *(same for _, same in rows), *ELSEWHERE} == _ours(OUTPUT_GROUP)
    pairs: list[tuple[str, Any, Any]] = [(INPUT_GROUP, *pair) for pair in tls.items()]
    pairs += [(OUTPUT_GROUP, *pair) for pair in rows]
    for group, plain, same in pairs:
        assert issubclass(load(group, same), load(group, plain)), same
