"""Secrets: no plug-in's name, error or `check` shows one, whichever setting or part of the address it is in."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

import pytest

from gelf_listener import cli
from gelf_listener.address import Address
from gelf_listener.errors import ConfigError
from gelf_listener.plugins import INPUT_GROUP, OUTPUT_GROUP, load, names
from gelf_listener.settings import Settings

SECRET = "qXz7secret"
_SECRET_NAMES = re.compile("password|token|secret|api_key|shared_key|headers")
_PUBLIC_PATHS = {
    "syslog+unix",
    "file",
    "store",
    "redis",
    "kafka",
    "gelf+kafka",
    "gelf+amqp",
    "amqp",
    "nats",
    "postgresql",
}
"""Whose path says what it is: a file, a topic, a subject, a queue, a database."""
_INDEX_PATHS = {"opensearch+http", "opensearch+https", "store+opensearch+http", "store+opensearch+https"}

SCHEMES = [(group, scheme) for group in (INPUT_GROUP, OUTPUT_GROUP) for scheme in names(group)]


def settings_of(group: str, scheme: str) -> type[Settings]:
    found: type[Settings] = load(group, scheme).Settings
    return found


@pytest.mark.parametrize(("group", "scheme"), SCHEMES)
def test_what_is_a_secret_by_its_name_is_not_shown(group: str, scheme: str) -> None:
    """A setting that is called like one is declared as one, also that of a plug-in to come."""
    fields = settings_of(group, scheme).model_fields
    shown = [name for name, field in fields.items() if _SECRET_NAMES.search(name) and field.repr]
    assert shown == []


@pytest.mark.parametrize(("group", "scheme"), SCHEMES)
def test_a_path_of_http_is_not_shown(group: str, scheme: str) -> None:
    """It is where webhooks have their token; the path that everybody has is none."""
    fields = settings_of(group, scheme).model_fields
    if "path" in fields and scheme not in _PUBLIC_PATHS | _INDEX_PATHS:
        assert not fields["path"].repr
        usual = Address.parse(f"{scheme}://h{fields['path'].default}")
        assert settings_of(group, scheme).shown(usual) == str(usual._replace(path="")) + fields["path"].default


@pytest.mark.parametrize(("group", "scheme"), SCHEMES)
def test_names_and_errors(group: str, scheme: str) -> None:
    """Of every plug-in, for every setting that is wrong while the others hold secrets."""
    settings = settings_of(group, scheme)
    secret = {name: SECRET for name, field in settings.model_fields.items() if not field.repr}
    query = "&".join(f"{name}={value}" for name, value in secret.items() if name not in ("user", "password", "path"))
    path = f"/{SECRET}/x" if "path" in secret else ""
    user = "ann" if "user" in settings.model_fields and "user" not in secret else SECRET
    address = Address.parse(f"{scheme}://{user}:{SECRET}@h{path}?{query}")
    assert SECRET not in settings.shown(address) + str(address)
    for name in [*settings.model_fields, "nosuch", "x" + SECRET]:
        wrong = address._replace(settings={**address.settings, name: "" if SECRET in name else "\0wrong"})
        with contextlib.suppress(ConfigError):
            made = settings.from_address(wrong)
            assert SECRET not in made.scrubbed(f"the server says {SECRET} and /{SECRET}/x")
            continue
        with pytest.raises(ConfigError) as caught:
            settings.from_address(wrong)
        assert SECRET not in str(caught.value)


def test_two_webhooks_of_one_host_have_two_names() -> None:
    """So they need no name, and their buffers on disk are two."""
    settings = settings_of(OUTPUT_GROUP, "webhook+https")
    addresses = [Address.parse(f"webhook+https://hooks.example.org/services/{token}") for token in ("aaaaa", "bbbbb")]
    assert len({settings.shown(address) for address in addresses}) == 2


def test_check_shows_none(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Neither when all is well nor in what it complains of."""
    file = tmp_path / "gelf.toml"
    lines = [
        f'inputs = [{{ address = "gelf+http://127.0.0.1:0", path = "/{SECRET}", token = "{SECRET}" }}]',
        f'outputs = ["webhook+https://{SECRET}:{SECRET}@h/services/{SECRET}?headers=X: {SECRET}", "nats://{SECRET}@h"]',
        'api = "off"',
    ]
    file.write_text("\n".join(lines))
    for more in ((), ("-o", f"webhook+https://h/{SECRET}?batch=0"), ("-o", f"webhook+https://h/{SECRET}?where=(")):
        with pytest.raises(SystemExit):
            cli.main(["check", "--config", str(file), *more])
        printed = capsys.readouterr()
        assert SECRET not in printed.out + printed.err
        assert "webhook+https://h/***" in printed.out + printed.err


@pytest.mark.parametrize("url", [f"http://a:{SECRET}@h:x", f"https://{SECRET}@h", f"http://a:b?{SECRET}@h:1"])
def test_the_api_shows_none(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A login in the address of the API, which is not taken there, or is what a command asks."""
    for arguments in (["check", "--api", url], ["search", "--url", url], ["stats", "--url", url]):
        with pytest.raises(SystemExit):
            cli.main(arguments)
        printed = capsys.readouterr()
        assert SECRET not in printed.out + printed.err
