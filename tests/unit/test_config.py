"""Configuration: defaults, file, environment, flags, in this order; and every form of `inputs`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gelf_listener.address import Address
from gelf_listener.config import ENVIRONMENT, Config, Spec, default_outputs, load_config
from gelf_listener.errors import ConfigError
from gelf_listener.inputs.listening import ListeningSettings
from gelf_listener.inputs.tls import TlsSettings
from gelf_listener.plugins import INPUT_GROUP, names, registered
from gelf_listener.plugins import load as load_plugin

UDP = Spec(Address.parse("gelf+udp://*:1"))
TCP = Spec(Address.parse("gelf+tcp://*:1"))


def load(flags: Any = None, toml: Any = None, **environment: str) -> Config:
    return load_config(flags or {}, Path(toml) if toml else None, environment)


def error_of(*given: Any, **environment: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load(*given, **environment)
    return str(caught.value)


@pytest.fixture
def toml(tmp_path: Path) -> Any:
    def write(text: str) -> Path:
        path = tmp_path / "gelf.toml"
        path.write_text(text)
        return path

    return write


def test_defaults() -> None:
    """The ports of graypy's handlers, on this machine only; console and store; the API."""
    made = load()
    assert [str(spec.address) for spec in made.input_specs()] == [
        "gelf+udp://localhost:12201",
        "gelf+udp://localhost:12202",
        "gelf+tcp://localhost:12201",
        "gelf+tcp://localhost:12202",
        "gelf+http://localhost:12203",
    ]
    assert [spec.address.scheme for spec in made.output_specs()] == ["console", "store"]
    assert str(made.api) == "http://localhost:9000"
    assert (made.log_level, made.drain_seconds) == ("info", 10)


def test_host_of_the_defaults() -> None:
    """One setting opens all of them to the network; IPv6 gets its brackets."""
    assert {spec.address.host for spec in load({"host": "*"}).input_specs()} == {"*"}
    assert {spec.address.host for spec in load({"host": "::1"}).input_specs()} == {"::1"}


def test_all_inputs() -> None:
    """One of every protocol, on its usual port and this machine only; what is configured comes in its place."""
    made = load({"all_inputs": True}).input_specs()
    schemes = [spec.address.scheme for spec in made]
    listening = {
        scheme
        for scheme in names(INPUT_GROUP)
        if registered(INPUT_GROUP)[scheme].value.startswith("gelf_listener.")
        and issubclass(Settings := load_plugin(INPUT_GROUP, scheme).Settings, ListeningSettings)
        and not issubclass(Settings, TlsSettings)
        and Settings.model_fields["port"].default
    }
    assert set(schemes) == listening
    assert {spec.address.host for spec in made} == {"localhost"}
    assert [spec.optional for spec in made] == [scheme[:5] != "gelf+" for scheme in schemes]
    ports = [load_plugin(INPUT_GROUP, scheme).Settings.model_fields["port"].default for scheme in schemes[5:]]
    assert ports == [1514, 1514, 4318, 4317, 3100, 24224, 9200, 8088, 19532]

    given = {"all_inputs": True, "inputs": ["forward://*:4711", "gelf+udp://localhost:1"]}
    made = load(given).input_specs()
    assert [str(spec.address) for spec in made if spec.address.scheme == "forward"] == ["forward://*:4711"]
    assert [str(spec.address) for spec in made if spec.address.scheme == "gelf+udp"] == ["gelf+udp://localhost:1"]
    assert {spec.address.scheme for spec in made} == listening


def test_certificate_turns_on_tls() -> None:
    """With its key and password, which are never printed."""
    made = load({"tls_cert": "c.pem", "tls_key": "k.pem"}, GELF_TLS_KEY_PASSWORD="hunter2")
    spec = made.input_specs()[-1]
    assert str(spec.address) == "gelf+tls://localhost:12204"
    assert spec.settings == {"cert": Path("c.pem"), "key": Path("k.pem"), "key_password": "hunter2"}
    assert "hunter2" not in repr(made)
    assert load({"tls_cert": "c.pem"}).input_specs()[-1].settings == {"cert": Path("c.pem")}


def test_the_api_speaks_no_tls() -> None:
    """An address that promises it is an error, not a promise that is broken."""
    assert "put a proxy with TLS in front" in error_of({"api": "https://localhost:9000"})


def test_lists_of_words() -> None:
    """Names and tokens go by commas or blanks, users by blanks alone: a password may have a comma. None are shown."""
    made = load(
        GELF_API_HOSTS="a.example, .b.example", GELF_API_TOKENS="first-token second-token", GELF_API_USERS="a:x,y b:z"
    )
    assert made.api_hosts == ("a.example", ".b.example")
    assert made.api_tokens == ("first-token", "second-token")
    assert made.api_users == ("a:x,y", "b:z")
    assert "first-token" not in repr(made)
    assert "x,y" not in repr(made)


def test_secrets_stay_out_of_errors(toml: Any) -> None:
    """Also when their type is wrong."""
    error = error_of(None, toml("api_tokens = [4711]\napi_password = 815\n"))
    assert "api_tokens" in error
    assert "4711" not in error
    assert "815" not in error


def test_precedence(toml: Any) -> None:
    """Flags over environment over file over defaults, setting by setting."""
    path = toml('host = "file"\nlog_level = "debug"\ndrain_seconds = 1\n')
    made = load({"host": "flag"}, path, GELF_HOST="environment", GELF_LOG_LEVEL="error")
    assert (made.host, made.log_level, made.drain_seconds) == ("flag", "error", 1)
    assert made.api is not None


def test_file_from_the_environment(toml: Any) -> None:
    """GELF_CONFIG names one; a flag wins."""
    path = toml('host = "file"\n')
    assert load(GELF_CONFIG=str(path)).host == "file"
    assert "'/no/such'" in error_of(None, "/no/such", GELF_CONFIG=str(path))


@pytest.mark.parametrize(
    ("given", "path"), [("/logs", "/logs"), ("logs/", "/logs"), ("/", ""), ("/a/b-c", "/a/b-c"), ("", "")]
)
def test_base_path(given: str, path: str) -> None:
    """Slashes at its ends do not matter."""
    assert load({"api_base_path": given}).api_base_path == path


@pytest.mark.parametrize("given", ["/api", "/ui/x", "/a b", "/a/../b", "https://x/logs", "/a//b", "/a?b", "/ä"])
def test_base_paths_that_cannot_be(given: str) -> None:
    """What is not a path, or is one of the API's own."""
    assert "api_base_path" in error_of({"api_base_path": given})


@pytest.mark.parametrize("name", sorted(ENVIRONMENT))
def test_every_setting_has_a_variable(name: str) -> None:
    """The same words everywhere."""
    good = {
        "GELF_INPUTS": "gelf+udp://*:1",
        "GELF_ALL_INPUTS": "yes",
        "GELF_ALSO_INPUTS": "gelf+udp://*:2",
        "GELF_ALSO_OUTPUTS": "null:",
        "GELF_DESTINATIONS": "console:",
        "GELF_OUTPUTS": "null:",
        "GELF_API": "off",
        "GELF_API_AUTH": "on",
        "GELF_API_PROXIES": "10.0.0.0/8",
        "GELF_LOG_LEVEL": "debug",
        "GELF_QUERY": "graylog",
        "GELF_DRAIN_SECONDS": "3",
        "GELF_WORKERS": "2",
    }
    made = load(**{name: good.get(name, "value")})
    assert getattr(made, ENVIRONMENT[name]) != getattr(load(), ENVIRONMENT[name])


def test_empty_variables_are_absent() -> None:
    """A compose file passes variables that nobody set as empty."""
    assert load(**dict.fromkeys(ENVIRONMENT, "")) == load()


INPUTS: list[tuple[str, Any, list[Spec]]] = [
    ("one", "gelf+udp://*:1", [UDP]),
    ("blanks", " gelf+udp://*:1 gelf+tcp://*:1\n", [UDP, TCP]),
    ("commas", "gelf+udp://*:1,gelf+tcp://*:1", [UDP, TCP]),
    ("commas and lines", "gelf+udp://*:1,\n  gelf+tcp://*:1", [UDP, TCP]),
    ("bare schemes", "console: null:", [Spec(Address.parse("console:")), Spec(Address.parse("null:"))]),
    ("nothing", "", []),
    ("list", ["gelf+udp://*:1", "gelf+tcp://*:1"], [UDP, TCP]),
    ("empty list", [], []),
    ("tables", [{"address": "gelf+udp://*:1"}, "gelf+tcp://*:1"], [UDP, TCP]),
    (
        "table with settings",
        [{"address": "file:///a", "where": "level:3", "keep": 14}],
        [Spec(Address.parse("file:///a"), (("keep", 14), ("where", "level:3")))],
    ),
]


@pytest.mark.parametrize(("value", "expected"), [case[1:] for case in INPUTS], ids=[case[0] for case in INPUTS])
def test_forms_of_inputs(value: Any, expected: list[Spec]) -> None:
    """A text, a list, tables, and all of them mixed."""
    assert list(load({"inputs": value}).input_specs()) == expected
    assert list(load({"outputs": value}).output_specs()) == expected


@pytest.mark.parametrize(
    "text",
    [
        "file:///a?where=level:<=3 AND source:web",
        "file:///a?where=source:web, OR file:app.py",
        "gelf+udp://*:1?allow=10.0.0.0/8,fd00::/8",
        "gelf+udp://*:1?allow=10.0.0.0/8, fe80::/10",
    ],
)
def test_one_address_stays_one(text: str) -> None:
    """Blanks, commas and colons inside a query or a list of networks do not cut it."""
    (spec,) = load(GELF_INPUTS=text).input_specs()
    assert spec.address == Address.parse(text)
    assert len(load(GELF_INPUTS=f"{text} gelf+tcp://*:1").input_specs()) == 2


def test_toml_tables(toml: Any) -> None:
    """As the README writes them."""
    path = toml('[[outputs]]\naddress = "null:"\nbatch = 3\n[[outputs]]\naddress = "console:"\n')
    assert list(load(None, path).output_specs()) == [
        Spec(Address.parse("null:"), (("batch", 3),)),
        Spec(Address.parse("console:")),
    ]


@pytest.mark.parametrize("value", ["off", "none", "false"])
def test_api_off(value: str) -> None:
    """Several words for it."""
    assert load({"api": value}).api is None


@pytest.mark.parametrize(
    ("value", "url"),
    [
        ("localhost:1", "http://localhost:1"),
        ("*", "http://*:9000"),
        ("*:0", "http://*:0"),
        ("http://[::1]:5", "http://[::1]:5"),
        (":5", "http://localhost:5"),
        ("5", "http://localhost:5"),
    ],
)
def test_api(value: str, url: str) -> None:
    """Host and port, or a URL; what is missing has its default."""
    assert str(load({"api": value}).api) == url


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ({"log_level": "loud"}, "command line: setting 'log_level' is 'loud': Input should be 'debug', 'info'"),
        ({"log_level": "debgu"}, "; did you mean 'debug'?"),
        ({"drain_seconds": -1}, "command line: setting 'drain_seconds' is -1: expected a duration with the units"),
        (
            {"api": "localhost:99999"},
            "setting 'api' is 'localhost:99999': address 'http://localhost:99999': port '99999'",
        ),
        ({"api": 5}, "expected off, host:port or a URL"),
        ({"inputs": ["12201"]}, "command line: setting 'inputs': address '12201' has no scheme"),
        ({"inputs": 5}, "expected an address, or a list of addresses and tables"),
        ({"inputs": [5]}, "expected an address or a table, not int"),
        ({"inputs": [{"adress": "x:"}]}, "a table needs an 'address'"),
    ],
)
def test_errors(flags: dict[str, Any], words: str) -> None:
    """Each names where it came from, the setting, the value and what is allowed."""
    assert words in error_of(flags)


def test_errors_of_a_file(toml: Any, tmp_path: Path) -> None:
    """Unknown settings, bad values, no TOML, no file: each with the file's name."""
    path = toml("hots = 1\n")
    assert error_of(None, path) == f"{path}: unknown setting 'hots'; did you mean 'host'?"
    assert f"{path}: setting 'drain_seconds' is 'x'" in error_of(None, toml('drain_seconds = "x"\n'))
    assert "is not valid TOML" in error_of(None, toml("= 1"))
    assert "cannot be read" in error_of(None, tmp_path / "none.toml")
    assert "cannot be read" in error_of(None, tmp_path)


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    """Bytes that are not valid UTF-8 are a usage error too."""
    path = tmp_path / "gelf.toml"
    path.write_bytes(b"\xff\xfe")
    assert "is not valid TOML" in error_of(None, path)


def test_typing_errors_in_variables() -> None:
    """A name that is nearly ours is an error; one that is not is somebody else's."""
    assert error_of(None, None, GELF_INPUT="x:") == (
        "environment variable GELF_INPUT is not known; did you mean GELF_INPUTS?"
    )
    assert load(GELF_SOMETHING_ELSE="1", OTHER="1") == load()
    assert "environment: setting 'drain_seconds' is 'soon'" in error_of(None, None, GELF_DRAIN_SECONDS="soon")


@pytest.mark.parametrize(
    "environment",
    [
        {"GELF_INPUTS": "gelf+http://ann:hunter2@h:99999"},
        {"GELF_OUTPUTS": "gelf+http://h:99999?token=hunter2"},
        {"GELF_INPUTS": "//ann:hunter2@h"},
    ],
)
def test_no_secret_in_errors(environment: dict[str, str]) -> None:
    """Addresses may hold passwords."""
    assert "hunter2" not in error_of(None, None, **environment)


def test_by_default_messages_go_to_the_console_and_the_store(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which is in the user's state directory, whatever is in its name."""
    monkeypatch.setenv("XDG_STATE_HOME", "/state?#{date}")
    console, store = default_outputs()
    assert console.address.scheme == "console"
    assert (store.address.scheme, store.address.path) == ("store", "/state?#{date}/gelf-listener/store")


def test_inputs_and_outputs_besides_the_defaults() -> None:
    """What is given alone replaces the defaults; what is given besides adds to either."""

    def addresses(**variables: str) -> list[str]:
        config = load(**variables)
        return [spec.address.scheme for spec in (*config.input_specs(), *config.output_specs())]

    defaults = addresses()
    assert addresses(GELF_ALSO_OUTPUTS="null:") == [*defaults, "null"]
    assert addresses(GELF_OUTPUTS="store:", GELF_ALSO_OUTPUTS="null: console:")[-3:] == ["store", "null", "console"]
    assert "syslog+udp" in addresses(GELF_ALSO_INPUTS="syslog+udp://127.0.0.1:1514")
    assert len(addresses(GELF_ALSO_INPUTS="syslog+udp://127.0.0.1:1514")) == len(defaults) + 1


@pytest.mark.parametrize("given", ["banana", "http"])
def test_a_word_is_not_an_address_of_the_api(given: str) -> None:
    """A host alone is more often a slip; with its port it is meant."""
    assert f"such as {given}:9000" in error_of({"api": given})
    api = load({"api": f"{given}:9000"}).api
    assert api is not None
    assert api.host == given
