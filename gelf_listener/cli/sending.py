"""Commands that send messages, or say what is wrong with those that others send."""

from __future__ import annotations

from typing import Annotated

import typer

from gelf_listener.cli.options import completes, read_duration
from gelf_listener.errors import ConfigError


def send(
    message: Annotated[
        str | None,
        typer.Argument(help="short_message. From standard input, a line a message, when it is - or absent and piped."),
    ] = None,
    field: Annotated[
        list[str] | None,
        typer.Option(
            "--field",
            "-f",
            help="Additional field as name=value; numbers become numbers. May be repeated.",
            metavar="NAME=VALUE",
        ),
    ] = None,
    to: Annotated[
        str,
        typer.Option(
            "--to",
            "-t",
            help="gelf+udp, +tcp, +tls, +http or +https address.",
            metavar="ADDRESS",
            autocompletion=completes("senders"),
        ),
    ] = "gelf+udp://localhost:12201",
    level: Annotated[
        str,
        typer.Option(
            "--level", "-l", help="Severity: 0 to 7, or a name.", metavar="LEVEL", autocompletion=completes("levels")
        ),
    ] = "6",
    host: Annotated[
        str | None,
        typer.Option("--host", help="host of the message; this machine's name by default.", metavar="HOST"),
    ] = None,
    full_message: Annotated[
        str | None,
        typer.Option("--full-message", help="full_message of the message.", metavar="TEXT"),
    ] = None,
    compress: Annotated[
        str, typer.Option("--compress", help="none, zlib or gzip (UDP and HTTP).", metavar="KIND")
    ] = "none",
    chunk_bytes: Annotated[
        str | None,
        typer.Option("--chunk-bytes", metavar="SIZE", help="Largest datagram; larger messages go in chunks."),
    ] = None,
    count: Annotated[int, typer.Option("--count", "-n", metavar="NUMBER", min=1, help="Send it this many times.")] = 1,
    rate: Annotated[
        float, typer.Option("--rate", "-r", metavar="NUMBER", min=0, help="Messages a second; 0: as fast as it goes.")
    ] = 0,
) -> None:
    """Send messages as a GELF client: for trying things out and for load."""
    from gelf_listener.commands.send import send_messages

    send_messages(
        message,
        fields=field or [],
        to=to,
        level=level,
        host=host,
        full_message=full_message,
        compress=compress,
        chunk_bytes=chunk_bytes,
        count=count,
        rate=rate,
    )


def pipe(
    command: Annotated[list[str], typer.Argument(help="The command and its arguments, behind --.")],
    to: Annotated[
        str,
        typer.Option(
            "--to",
            "-t",
            help="Where to: gelf+tcp, gelf+tls, gelf+http(s) or gelf+udp.",
            metavar="ADDRESS",
            autocompletion=completes("senders"),
        ),
    ] = "gelf+tcp://localhost:12201",
    field: Annotated[
        list[str] | None,
        typer.Option("--field", "-f", help="Additional field; may be repeated.", metavar="NAME=VALUE"),
    ] = None,
    timezone: Annotated[
        str, typer.Option(help="Zone of times without an offset; this machine's by default.", metavar="ZONE")
    ] = "",
    charset: Annotated[
        str,
        typer.Option(help="Character set of lines that are not UTF-8, for example latin-1.", metavar="NAME"),
    ] = "",
    drain_seconds: Annotated[
        float,
        typer.Option(
            parser=read_duration, metavar="DURATION", help="Time to send the rest when the command has ended."
        ),
    ] = 5.0,
) -> None:
    """Run a command, pass its output on unchanged, and send each line as a message."""
    from gelf_listener.commands.pipe import run_piped

    reading = {"timezone": timezone, "charset": charset}
    raise typer.Exit(run_piped(command, to=to, fields=field or [], drain_seconds=drain_seconds, **reading))


def lint(
    file: Annotated[
        str | None,
        typer.Argument(help="File with one payload, or one on each line; - is standard input.", metavar="FILE"),
    ] = None,
    listen: Annotated[bool, typer.Option("--listen", help="Judge what clients send instead.")] = False,
    input: Annotated[
        list[str] | None,
        typer.Option(
            "--input",
            "-i",
            help="Where, with --listen. \\[default: gelf+udp and gelf+tcp on 12201]",
            metavar="ADDRESS",
        ),
    ] = None,
    count: Annotated[
        int,
        typer.Option(
            "--count", "-n", min=0, help="With --listen: end after this many payloads; 0: never.", metavar="NUMBER"
        ),
    ] = 0,
    seconds: Annotated[
        float,
        typer.Option(
            "--timeout", parser=read_duration, help="With --listen: end after this time; 0: never.", metavar="DURATION"
        ),
    ] = 0,
) -> None:
    """Say how GELF deviates from its specification, what a Graylog would do, and what to repair."""
    from gelf_listener.commands.lint import lint_arrivals, lint_file

    if listen == (file is not None):
        raise ConfigError("lint takes a file, - for standard input, or --listen")
    if file is not None:
        lint_file(file)
    else:
        lint_arrivals(input or ["gelf+udp://localhost:12201", "gelf+tcp://localhost:12201"], count, seconds)
