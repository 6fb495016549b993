"""Commands that look after what is on disk: the store, and what waits for outputs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gelf_listener.cli.options import QueryOption, Since, Yes, completes, read_duration
from gelf_listener.commands.application import Application
from gelf_listener.errors import ConfigError

store_app = Application(no_args_is_help=True, help="Look after a store that no listener has open.")

StorePath = Annotated[
    Path | None,
    typer.Option("--path", help="Directory of the store; the default one otherwise.", metavar="DIRECTORY"),
]


@store_app.command("info")
def store_info(path: StorePath = None) -> None:
    """Show how much is stored."""
    from gelf_listener.commands.store import info

    info(path)


@store_app.command("compact")
def store_compact(path: StorePath = None) -> None:
    """Merge the index's files, and give back the room of what was deleted."""
    from gelf_listener.commands.store import compact

    compact(path)


@store_app.command("clear")
def store_clear(
    path: StorePath = None,
    query: QueryOption = "*",
    since: Since = "",
    yes: Yes = False,
) -> None:
    """Delete messages."""
    from gelf_listener.commands.store import clear

    clear(path, query, since, yes=yes)


@store_app.command("export")
def store_export(
    path: StorePath = None,
    query: QueryOption = "*",
    since: Since = "",
    form: Annotated[
        str, typer.Option("--format", help="gelf, or json with what the listener knows.", metavar="FORMAT")
    ] = "gelf",
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="File to write; standard output otherwise.", metavar="FILE"),
    ] = None,
) -> None:
    """Write messages, one a line, the oldest first."""
    if form not in ("gelf", "json"):
        raise ConfigError(f"--format is {form!r}; expected gelf or json")
    from gelf_listener.commands.store import export

    export(path, query, since, "json" if form == "json" else "gelf", output)


buffers_app = Application(invoke_without_command=True, help="See and empty what waits on disk for outputs.")

BuffersPath = Annotated[
    Path | None,
    typer.Option("--path", help="Where the buffers are, or one of them; the default otherwise.", metavar="DIRECTORY"),
]
BufferName = Annotated[str, typer.Argument(help="Name of the buffer, or a part that only one has.")]


@buffers_app.callback()
def buffers_all(context: typer.Context) -> None:
    """Show how much waits on disk for each output; the commands below look after one."""
    if context.invoked_subcommand is None:
        buffers_list(None)


@buffers_app.command("list")
def buffers_list(path: BuffersPath = None) -> None:
    """Show how much waits on disk for each output."""
    from gelf_listener.commands.buffers import show

    show(path)


@buffers_app.command("export")
def buffers_export(name: BufferName, path: BuffersPath = None) -> None:
    """Write what waits as GELF, one message a line; it stays where it is."""
    from gelf_listener.commands.buffers import export

    export(name, path)


@buffers_app.command("clear")
def buffers_clear(
    name: BufferName,
    path: BuffersPath = None,
    yes: Yes = False,
) -> None:
    """Delete what waits."""
    from gelf_listener.commands.buffers import clear

    clear(name, path, yes=yes)


@buffers_app.command("send")
def buffers_send(
    name: BufferName,
    to: Annotated[
        str,
        typer.Option(
            "--to",
            help="Address of an output, as for --output.",
            metavar="ADDRESS",
            autocompletion=completes("outputs"),
        ),
    ],
    path: BuffersPath = None,
    seconds: Annotated[
        float, typer.Option("--timeout", parser=read_duration, metavar="DURATION", help="Longest time it may take.")
    ] = 3600.0,
) -> None:
    """Write what waits to an output; what is written leaves the buffer."""
    from gelf_listener.commands.buffers import send

    send(name, path, to, seconds)
