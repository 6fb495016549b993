"""Commands that run a listener, or say what would run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from gelf_listener.cli.options import ConfigFile, completes, give_options

_REPEATED = {"input": "inputs", "output": "outputs", "also_input": "also_inputs", "also_output": "also_outputs"}
"""Options that may be given several times, and the settings they make."""


def _text(help: str, metavar: str) -> Any:
    return Annotated[str | None, typer.Option(help=help, metavar=metavar)]


def _addresses(kind: str, help: str, *flags: str) -> Any:
    shown = typer.Option(*flags, help=f"{help}; may be repeated.", metavar="ADDRESS", autocompletion=completes(kind))
    return Annotated[list[str] | None, shown]


_INPUT = "Where messages come from, as an address, instead of the defaults"
_OUTPUT = "Where messages go, as an address, instead of the defaults"
_ALSO = "besides the defaults, or besides those of the file"
_OPTIONS: Mapping[str, Any] = {
    "config": ConfigFile,
    "input": _addresses("inputs", _INPUT, "--input", "-i"),
    "also_input": _addresses("inputs", f"An input {_ALSO}"),
    "all_inputs": Annotated[
        bool | None,
        typer.Option("--all-inputs", help="Open an input of every protocol on its usual port, besides --input."),
    ],
    "output": _addresses("outputs", _OUTPUT, "--output", "-o"),
    "also_output": _addresses("outputs", f"An output {_ALSO}"),
    "api": _text("Where the API listens: host:port, or off. \\[default: localhost:9000]", "ADDRESS"),
    "api_auth": _text("Whether the API wants a login: auto, on or off. \\[default: auto]", "WHEN"),
    "api_hosts": _text("More names the API answers to, separated by commas.", "NAMES"),
    "api_base_path": _text("Path the page and the API are behind at a reverse proxy.", "PATH"),
    "api_proxies": _text(
        "Networks of reverse proxies that are believed about who asks, separated by commas.", "NETWORKS"
    ),
    "boards": _text("Files or directories of boards for the page, separated by commas.", "PATHS"),
    "query": _text("What queries mean: graylog or extended. \\[default: graylog in Graylog's API only]", "MEANING"),
    "host": _text("Address the default inputs bind; * for every interface. \\[default: localhost]", "HOST"),
    "tls_cert": _text("Certificate (PEM): turns on GELF over TLS on port 12204.", "FILE"),
    "tls_key": _text("Private key (PEM), when it is not in the certificate's file.", "FILE"),
    "workers": _text("Processes that take messages on the same ports (Linux). \\[default: 1]", "N"),
    "log_level": _text("debug, info, warning or error. \\[default: info]", "LEVEL"),
    "drain_seconds": _text("Time to write what is buffered when stopping. \\[default: 10s]", "DURATION"),
}
"""An option for each setting of the listener; they are called alike but for `_REPEATED`."""


def _with_settings(act: Callable[[dict[str, Any], Path | None], None]) -> Callable[..., None]:
    """Give a command an option for each setting of the listener."""

    def command(config: Path | None = None, **given: Any) -> None:
        flags = {_REPEATED.get(name, name): value for name, value in given.items() if value not in (None, [])}
        act(flags, config)

    give_options(command, act, _OPTIONS)
    return command


@_with_settings
def run(flags: dict[str, Any], config: Path | None) -> None:
    """Run the listener (the default command)."""
    from gelf_listener.commands.run import run_service  # each command imports what it needs

    raise typer.Exit(run_service(flags, config))


@_with_settings
def check(flags: dict[str, Any], config: Path | None) -> None:
    """Validate the configuration and print what would run, without opening anything."""
    from gelf_listener.commands.check import check_config

    check_config(flags, config)


def plugins(
    name: Annotated[
        str | None, typer.Argument(help="Show one plug-in's settings.", autocompletion=completes("plugins"))
    ] = None,
) -> None:
    """List the inputs and outputs that are installed, or the settings of one."""
    from gelf_listener.commands.plugins import show_plugins

    show_plugins(name)


def password(
    token: Annotated[
        bool, typer.Option("--token", help="Make a new token instead, and print it and its hash.")
    ] = False,
) -> None:
    """Hash a password for the API's settings: asked for, or the first line of standard input."""
    from gelf_listener.commands.password import print_hash, print_token

    print_token() if token else print_hash()
