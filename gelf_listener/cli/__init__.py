"""
Command line: ``gelf-listener [run]`` and its other commands.

Without a command it runs the listener. Exit status: 0 fine, 1 it failed or found nothing, 2 a usage error, 3
nothing answers.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from gelf_listener import __version__
from gelf_listener.cli import asking, keeping, running, sending
from gelf_listener.cli.options import completes
from gelf_listener.commands.application import Application, print_completion
from gelf_listener.errors import ConfigError, GelfError

app = Application(
    name="gelf-listener",
    help="A lightweight listener for GELF: takes logs in every usual way, shows them and passes them on.\n\n"
    "Without a command it runs: [bold]gelf-listener run --help[/bold] has the options.",
    no_args_is_help=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

_GLOBAL_FLAGS = ("-h", "--help", "--version", "--install-completion", "--show-completion")


def _version(*, wanted: bool) -> None:
    if wanted:
        typer.echo(f"gelf-listener {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Show the version and exit.", is_eager=True, callback=lambda v: _version(wanted=v)
        ),
    ] = False,
) -> None:
    """A lightweight listener for GELF: takes logs in every usual way, shows them and passes them on."""


def completion(
    shell: Annotated[str, typer.Argument(help="bash, zsh or fish.", autocompletion=completes("shells"))],
) -> None:
    """Print the script that makes a shell complete commands, options and values."""
    from gelf_listener.commands.completion import SHELLS

    if shell not in SHELLS:
        raise ConfigError(f"there is no completion for {shell!r}; expected bash, zsh or fish")
    print_completion(app, shell)


_RUNS_ANOTHER = {"ignore_unknown_options": True, "allow_interspersed_args": False}
"""What follows is another command's: its options are not ours."""

for _command in (running.run, running.check, running.plugins, sending.send):
    app.command()(_command)
app.command(context_settings=_RUNS_ANOTHER)(sending.pipe)
for _command in (completion, running.password, asking.tail, asking.search, asking.top, asking.patterns, asking.compare):
    app.command()(_command)
for _command in (asking.trace, asking.alerts, asking.stats, sending.lint, asking.mcp):
    app.command()(_command)
app.command("open")(asking.open_command)
app.add_typer(keeping.store_app, name="store")
app.add_typer(keeping.buffers_app, name="buffers")


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; errors of the operator become one line and status 2."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if sys.stdout is None:  # somebody closed it; what is written is for nobody
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  (until the end)
    if not arguments or (arguments[0].startswith("-") and arguments[0] not in _GLOBAL_FLAGS):
        arguments = ["run", *arguments]
    try:
        app.run(arguments)
    except ConfigError as error:
        for line in str(error).splitlines():
            print(f"gelf-listener: {line}", file=sys.stderr)
        sys.exit(2)
    except GelfError as error:
        print(f"gelf-listener: {error}", file=sys.stderr)
        sys.exit(error.exit_status)
