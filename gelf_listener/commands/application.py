"""Application: how the command line shows its help and its errors, whichever command is meant."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Callable
from typing import Any, TypeVar

import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup

F = TypeVar("F", bound=Callable[..., Any])

_PROGRAM = "gelf-listener"
_COMPLETE = "_GELF_LISTENER_COMPLETE"


class _PlainParameters:
    """Parameters whose help is for people: switches have no value, and arguments no type beside their names."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the parameters, for the help too."""
        found: list[Any] = super().get_params(ctx)  # type: ignore[misc]
        for each in found:
            if isinstance(each, TyperArgument):
                each.display_type_rich = _no_type  # type: ignore[method-assign]
            elif getattr(each, "is_flag", False):
                each.metavar = ""
        return found


def _no_type(ctx: Any) -> None:
    """Show nothing where the type of an argument would stand."""


class Command(_PlainParameters, TyperCommand):
    """A command."""


class Group(_PlainParameters, TyperGroup):
    """A group of commands."""

    command_class = Command


class Application(typer.Typer):
    """A typer application whose commands are `Command`s."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(cls=Group, **settings)

    def command(self, name: str | None = None, **settings: Any) -> Callable[[F], F]:
        """Add a command; see `typer.Typer.command`."""
        return super().command(name, cls=Command, **settings)

    def run(self, arguments: list[str]) -> None:
        """
        Run a command, and end the process; what is wrong with the arguments is one line, as every other error is.

        Raises:
            SystemExit: With the command's status; 2 for a usage error.
        """
        command = typer.main.get_command(self)
        try:
            status = command.main(arguments, prog_name=_PROGRAM, standalone_mode=False)
        except typer.Abort:
            print("aborted", file=sys.stderr)
            sys.exit(1)
        except typer.TyperException as error:
            context = getattr(error, "ctx", None)
            of = "" if context is None else context.command_path.removeprefix(_PROGRAM)
            print(f"{_PROGRAM}: {error.format_message()}\ntry: {_PROGRAM}{of} --help", file=sys.stderr)
            sys.exit(error.exit_code)
        sys.exit(status or 0)


def print_completion(application: Application, shell: str) -> None:
    """Print the script that makes a shell (bash, zsh, fish) complete commands, options and values."""
    os.environ[_COMPLETE] = f"source_{shell}"
    script = io.StringIO()
    try:
        with contextlib.redirect_stdout(script):
            application.run([])
    finally:
        del os.environ[_COMPLETE]
        print(script.getvalue().strip())  # a file of zsh's fpath has #compdef in its first line
