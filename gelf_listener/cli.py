"""
Command line: ``gelf-listener [run]`` and its other commands.

Without a command it runs the listener. Exit status: 0 fine, 1 it failed or found nothing, 2 a usage error, 3
nothing answers.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from gelf_listener import __version__
from gelf_listener.errors import ConfigError, GelfError
from gelf_listener.quantities import parse_duration

__all__ = ["app", "main"]

app = typer.Typer(
    name="gelf-listener",
    help="A lightweight listener for GELF: takes logs in every usual way, shows them and passes them on.\n\n"
    "Without a command it runs: [bold]gelf-listener run --help[/bold] has the options.",
    no_args_is_help=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

_SETTINGS = {"input": "inputs", "output": "outputs"}
"""Flags that may be repeated, and the settings they add to."""

_GLOBAL_FLAGS = ("-h", "--help", "--version", "--install-completion", "--show-completion")

ConfigFile = Annotated[
    Path | None,  # typer reads it at run time
    typer.Option("--config", "-c", help="TOML file with the same settings.", envvar="GELF_CONFIG", metavar="FILE"),
]
Inputs = Annotated[
    list[str] | None,
    typer.Option("--input", "-i", help="Where messages come from, as an address; may be repeated.", metavar="ADDRESS"),
]
AllInputs = Annotated[
    bool | None,
    typer.Option("--all-inputs", help="Open an input of every protocol on its usual port, besides --input."),
]
Outputs = Annotated[
    list[str] | None,
    typer.Option("--output", "-o", help="Where messages go, as an address; may be repeated.", metavar="ADDRESS"),
]
Api = Annotated[
    str | None,
    typer.Option(
        "--api", help="Where the API listens: host:port, or off. \\[default: localhost:9000]", metavar="ADDRESS"
    ),
]
ApiAuth = Annotated[
    str | None,
    typer.Option(
        "--api-auth", help="Whether the API wants a login: auto, on or off. \\[default: auto]", metavar="WHEN"
    ),
]
ApiHosts = Annotated[
    str | None,
    typer.Option("--api-hosts", help="More names the API answers to, separated by commas.", metavar="NAMES"),
]
ApiBasePath = Annotated[
    str | None,
    typer.Option("--api-base-path", help="Path the page and the API are behind at a reverse proxy.", metavar="PATH"),
]
ApiProxies = Annotated[
    str | None,
    typer.Option(
        "--api-proxies",
        help="Networks of reverse proxies that are believed about who asks, separated by commas.",
        metavar="NETWORKS",
    ),
]
QueryMeaning = Annotated[
    str | None,
    typer.Option(
        "--query",
        help="What queries mean: graylog or extended. \\[default: graylog in Graylog's API only]",
        metavar="MEANING",
    ),
]
Host = Annotated[
    str | None,
    typer.Option(
        "--host", help="Address the default inputs bind; * for every interface. \\[default: localhost]", metavar="HOST"
    ),
]
TlsCert = Annotated[
    str | None,
    typer.Option("--tls-cert", help="Certificate (PEM): turns on GELF over TLS on port 12204.", metavar="FILE"),
]
TlsKey = Annotated[
    str | None,
    typer.Option("--tls-key", help="Private key (PEM), when it is not in the certificate's file.", metavar="FILE"),
]
LogLevel = Annotated[
    str | None,
    typer.Option("--log-level", help="debug, info, warning or error. \\[default: info]", metavar="LEVEL"),
]
DrainSeconds = Annotated[
    str | None,
    typer.Option(
        "--drain-seconds", help="Time to write what is buffered when stopping. \\[default: 10s]", metavar="DURATION"
    ),
]


def _duration(value: object) -> float:
    """Read an option that is a duration."""
    try:
        seconds = parse_duration(value)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    if seconds < 0:
        raise typer.BadParameter("expected a duration of 0 or more")
    return seconds


def _flags(given: Mapping[str, Any]) -> dict[str, Any]:
    """Turn the arguments of `run` and `check` that were given into settings; they are called alike but for two."""
    return {
        _SETTINGS.get(name, name): value
        for name, value in given.items()
        if name != "config" and value is not None and value != []
    }


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


@app.command()
def run(
    config: ConfigFile = None,
    input: Inputs = None,
    all_inputs: AllInputs = None,
    output: Outputs = None,
    api: Api = None,
    api_auth: ApiAuth = None,
    api_hosts: ApiHosts = None,
    api_base_path: ApiBasePath = None,
    api_proxies: ApiProxies = None,
    query: QueryMeaning = None,
    host: Host = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
    log_level: LogLevel = None,
    drain_seconds: DrainSeconds = None,
) -> None:
    """Run the listener (the default command)."""
    flags = _flags(locals())  # the arguments, before anything else is named
    from gelf_listener.commands.run import run_service  # each command imports what it needs

    raise typer.Exit(run_service(flags, config))


@app.command()
def check(
    config: ConfigFile = None,
    input: Inputs = None,
    all_inputs: AllInputs = None,
    output: Outputs = None,
    api: Api = None,
    api_auth: ApiAuth = None,
    api_hosts: ApiHosts = None,
    api_base_path: ApiBasePath = None,
    api_proxies: ApiProxies = None,
    query: QueryMeaning = None,
    host: Host = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
    log_level: LogLevel = None,
    drain_seconds: DrainSeconds = None,
) -> None:
    """Validate the configuration and print what would run, without opening anything."""
    flags = _flags(locals())  # the arguments, before anything else is named
    from gelf_listener.commands.check import check_config

    check_config(flags, config)


@app.command()
def plugins(
    name: Annotated[str | None, typer.Argument(help="Show one plug-in's settings.")] = None,
) -> None:
    """List the inputs and outputs that are installed, or the settings of one."""
    from gelf_listener.commands.plugins import show_plugins

    show_plugins(name)


@app.command()
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
        str, typer.Option("--to", "-t", help="gelf+udp, +tcp, +tls, +http or +https address.", metavar="ADDRESS")
    ] = "gelf+udp://localhost:12201",
    level: Annotated[str, typer.Option("--level", "-l", help="Severity: 0 to 7, or a name.", metavar="LEVEL")] = "6",
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
    count: Annotated[int, typer.Option("--count", "-n", min=1, help="Send it this many times.")] = 1,
    rate: Annotated[float, typer.Option("--rate", "-r", min=0, help="Messages a second; 0: as fast as it goes.")] = 0,
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


@app.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
def pipe(
    command: Annotated[list[str], typer.Argument(help="The command and its arguments, behind --.")],
    to: Annotated[
        str,
        typer.Option("--to", "-t", help="Where to: gelf+tcp, gelf+tls, gelf+http(s) or gelf+udp.", metavar="ADDRESS"),
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
        typer.Option(parser=_duration, metavar="DURATION", help="Time to send the rest when the command has ended."),
    ] = 5.0,
) -> None:
    """Run a command, pass its output on unchanged, and send each line as a message."""
    from gelf_listener.commands.pipe import run_piped

    reading = {"timezone": timezone, "charset": charset}
    raise typer.Exit(run_piped(command, to=to, fields=field or [], drain_seconds=drain_seconds, **reading))


@app.command()
def password(
    token: Annotated[
        bool, typer.Option("--token", help="Make a new token instead, and print it and its hash.")
    ] = False,
) -> None:
    """Hash a password for the API's settings: asked for, or the first line of standard input."""
    from gelf_listener.commands.password import print_hash, print_token

    print_token() if token else print_hash()


Url = Annotated[
    str | None,
    typer.Option("--url", help="Address of the listener's API, or of a Graylog. \\[env: GELF_API_URL]", metavar="URL"),
]
Token = Annotated[
    str | None,
    typer.Option("--token", help="Token of the API. \\[env: GELF_API_TOKEN]", metavar="TOKEN"),
]
Graylog = Annotated[
    bool | None,
    typer.Option("--graylog/--no-graylog", help="Whether it is a Graylog; by default it is asked."),
]
SearchQuery = Annotated[str, typer.Argument(help="Which messages, in the query language.", metavar="QUERY")]
Since = Annotated[
    str, typer.Option("--since", help="Only the last 15m, 1h30m, ..., or from a time on.", metavar="TIME")
]
ShownFields = Annotated[
    str,
    typer.Option(
        "--fields",
        help="Additional fields to show: usual (without Python's file, line, ...), all, none, or names.",
        metavar="NAMES",
    ),
]
Form = Annotated[str, typer.Option("--format", help="auto, pretty, json, gelf, logfmt or csv.", metavar="FORMAT")]
Utc = Annotated[bool, typer.Option("--utc", help="Show times in UTC.")]
Raw = Annotated[bool, typer.Option("--raw", help="In CSV, leave as it is what a spreadsheet takes for a formula.")]


@app.command()
def tail(
    query: SearchQuery = "*",
    last: Annotated[
        int, typer.Option("--last", "-n", min=0, max=1000, help="Begin with this many stored messages.")
    ] = 10,
    fields: ShownFields = "usual",
    form: Form = "auto",
    utc: Utc = False,
    raw: Raw = False,
    url: Url = None,
    token: Token = None,
    config: ConfigFile = None,
    graylog: Graylog = None,
) -> None:
    """Show messages as they arrive at a running listener."""
    from gelf_listener.client import Search
    from gelf_listener.client.choice import choose_client
    from gelf_listener.commands.printing import Printer, split_fields
    from gelf_listener.commands.tail import follow

    chosen = split_fields(fields)
    if form == "csv" and chosen is None:
        raise ConfigError("a table that grows has its columns from the start: with --format csv name --fields, or none")
    printer = Printer(form, chosen, utc=utc, formulas=raw, query=query if fields == "usual" else None)
    follow(choose_client(url, token, config, graylog=graylog), Search(query, fields=chosen), printer, last)


@app.command()
def search(
    query: SearchQuery = "*",
    since: Since = "",
    limit: Annotated[
        int | None,
        typer.Option("--limit", "-n", min=1, max=10_000, help="Most messages. \\[default: 150]"),
    ] = None,
    sort: Annotated[
        str,
        typer.Option(
            "--sort",
            help="A field and asc or desc; the newest are shown with the oldest of them first.",
            metavar="FIELD:ORDER",
        ),
    ] = "timestamp:desc",
    fields: ShownFields = "usual",
    form: Form = "auto",
    utc: Utc = False,
    raw: Raw = False,
    url: Url = None,
    token: Token = None,
    config: ConfigFile = None,
    graylog: Graylog = None,
) -> None:
    """Show stored messages."""
    from gelf_listener.client import Search
    from gelf_listener.client.choice import choose_client
    from gelf_listener.commands.printing import Printer, split_fields
    from gelf_listener.commands.search import find

    chosen = split_fields(fields)
    printer = Printer(form, chosen, utc=utc, formulas=raw, query=query if fields == "usual" else None)
    client = choose_client(url, token, config, graylog=graylog)
    find(client, Search(query, since, limit or 150, sort, chosen), printer, limited=limit is not None)


@app.command()
def top(
    field: Annotated[str, typer.Argument(help="A field: source, level, user_id, ...")],
    query: Annotated[
        str, typer.Option("--query", "-q", help="Which messages, in the query language.", metavar="QUERY")
    ] = "*",
    since: Since = "",
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1000, help="Most values.")] = 10,
    url: Url = None,
    token: Token = None,
    config: ConfigFile = None,
    graylog: Graylog = None,
) -> None:
    """Show the values of a field that most messages have."""
    from gelf_listener.client import Search
    from gelf_listener.client.choice import choose_client
    from gelf_listener.commands.search import show_top

    show_top(choose_client(url, token, config, graylog=graylog), field.removeprefix("_"), Search(query, since, limit))


@app.command()
def stats(
    as_json: Annotated[bool, typer.Option("--json", help="All figures, as JSON.")] = False,
    url: Url = None,
    token: Token = None,
    config: ConfigFile = None,
    graylog: Graylog = None,
) -> None:
    """Show what a running listener does: rates, senders, buffers, errors."""
    from gelf_listener.client.choice import choose_client
    from gelf_listener.commands.stats import show_stats

    show_stats(choose_client(url, token, config, graylog=graylog), as_json=as_json)


@app.command()
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
            "--timeout", parser=_duration, help="With --listen: end after this time; 0: never.", metavar="DURATION"
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


@app.command()
def mcp(url: Url = None, token: Token = None, config: ConfigFile = None) -> None:
    """Let an assistant in an editor read what a running listener has: the Model Context Protocol (MCP) on stdio."""
    from gelf_listener.client.choice import choose_session
    from gelf_listener.commands.mcp import serve

    serve(choose_session(url, token, config))


@app.command("open")
def open_command(url: Url = None, token: Token = None, config: ConfigFile = None, graylog: Graylog = None) -> None:
    """Open the page of a running listener in a browser."""
    from gelf_listener.client.choice import choose_client
    from gelf_listener.commands.open import open_page

    open_page(choose_client(url, token, config, graylog=graylog))


store_app = typer.Typer(no_args_is_help=True, help="Look after a store that no listener has open.")
app.add_typer(store_app, name="store")

StorePath = Annotated[
    Path | None,
    typer.Option("--path", help="Directory of the store; the default one otherwise.", metavar="DIRECTORY"),
]
StoreQuery = Annotated[
    str, typer.Option("--query", "-q", help="Which messages, in the query language.", metavar="QUERY")
]
StoreSince = Annotated[
    str, typer.Option("--since", help="Only the last 15m, 1h30m, ..., or from a time on.", metavar="TIME")
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
    query: StoreQuery = "*",
    since: StoreSince = "",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete messages."""
    from gelf_listener.commands.store import clear

    clear(path, query, since, yes=yes)


@store_app.command("export")
def store_export(
    path: StorePath = None,
    query: StoreQuery = "*",
    since: StoreSince = "",
    form: Annotated[str, typer.Option("--format", help="gelf, or json with what the listener knows.")] = "gelf",
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


buffers_app = typer.Typer(invoke_without_command=True, help="See and empty what waits on disk for outputs.")
app.add_typer(buffers_app, name="buffers")

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
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete what waits."""
    from gelf_listener.commands.buffers import clear

    clear(name, path, yes=yes)


@buffers_app.command("send")
def buffers_send(
    name: BufferName,
    to: Annotated[str, typer.Option("--to", help="Address of an output, as for --output.", metavar="ADDRESS")],
    path: BuffersPath = None,
    seconds: Annotated[
        float, typer.Option("--timeout", parser=_duration, metavar="DURATION", help="Longest time it may take.")
    ] = 3600.0,
) -> None:
    """Write what waits to an output; what is written leaves the buffer."""
    from gelf_listener.commands.buffers import send

    send(name, path, to, seconds)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; errors of the operator become one line and status 2."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if sys.stdout is None:  # somebody closed it; what is written is for nobody
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  (until the end)
    if not arguments or (arguments[0].startswith("-") and arguments[0] not in _GLOBAL_FLAGS):
        arguments = ["run", *arguments]
    try:
        app(arguments)
    except ConfigError as error:
        for line in str(error).splitlines():
            print(f"gelf-listener: {line}", file=sys.stderr)
        sys.exit(2)
    except GelfError as error:
        print(f"gelf-listener: {error}", file=sys.stderr)
        sys.exit(error.exit_status)
