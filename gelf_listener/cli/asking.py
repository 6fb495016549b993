"""Commands that ask a running listener, or a Graylog."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from gelf_listener.cli.options import (
    AsJson,
    Form,
    QueryOption,
    Raw,
    SearchMeaning,
    SearchQuery,
    ShownFields,
    Since,
    Until,
    Utc,
    completes,
    of_client,
    of_session,
    read_duration,
)
from gelf_listener.errors import ConfigError

if TYPE_CHECKING:
    from gelf_listener.client import Client
    from gelf_listener.client.session import Session


def _given(**parameters: Any) -> dict[str, Any]:
    """Return those parameters of a request that say something."""
    return {name: value for name, value in parameters.items() if value not in ("", False)}


@of_client
def tail(
    client: Client,
    query: SearchQuery = "*",
    meaning: SearchMeaning = None,
    last: Annotated[
        int,
        typer.Option("--last", "-n", metavar="NUMBER", min=0, max=1000, help="Begin with this many stored messages."),
    ] = 10,
    fields: ShownFields = "usual",
    form: Form = "auto",
    utc: Utc = False,
    raw: Raw = False,
) -> None:
    """Show messages as they arrive at a running listener."""
    from gelf_listener.client import Search
    from gelf_listener.commands.printing import Printer, split_fields
    from gelf_listener.commands.tail import follow

    chosen = split_fields(fields)
    if form == "csv" and chosen is None:
        raise ConfigError("a table that grows has its columns from the start: with --format csv name --fields, or none")
    printer = Printer(form, chosen, utc=utc, formulas=raw, query=query if fields == "usual" else None)
    asked = Search(query, fields=chosen, meaning=meaning)
    follow(client, asked, printer, last)


@of_client
def search(
    client: Client,
    query: SearchQuery = "*",
    meaning: SearchMeaning = None,
    since: Since = "",
    limit: Annotated[
        int | None,
        typer.Option("--limit", "-n", metavar="NUMBER", min=1, max=10_000, help="Most messages. \\[default: 150]"),
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
) -> None:
    """Show stored messages."""
    from gelf_listener.client import Search
    from gelf_listener.commands.printing import Printer, split_fields
    from gelf_listener.commands.search import find, since_when

    chosen = split_fields(fields)
    printer = Printer(form, chosen, utc=utc, formulas=raw, query=query if fields == "usual" else None)
    asked = Search(query, since_when(since), limit or 150, sort, chosen, meaning)
    find(client, asked, printer, limited=limit is not None)


@of_client
def top(
    client: Client,
    field: Annotated[
        str, typer.Argument(help="A field: source, service, level, user_id, ...", autocompletion=completes("fields"))
    ],
    query: QueryOption = "*",
    meaning: SearchMeaning = None,
    since: Since = "",
    metric: Annotated[
        list[str] | None,
        typer.Option(
            "--metric",
            "-m",
            help="A figure of another field for each value instead: p95:duration_ms, avg:, min:, max:, sum:, "
            "stddev:, distinct:, or count. May be repeated.",
            metavar="METRIC",
        ),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", metavar="NUMBER", min=1, max=1000, help="Most values.")] = 10,
) -> None:
    """Show the values of a field that most messages have, or those with the highest figures."""
    from gelf_listener.client import Search
    from gelf_listener.commands.search import since_when
    from gelf_listener.commands.top import show_figures, show_top

    name, search = field.removeprefix("_"), Search(query, since_when(since), limit, meaning=meaning)
    metrics = [each.strip() for text in metric or () for each in text.split(",") if each.strip()]
    show_figures(client, name, metrics, search) if metrics else show_top(client, name, search)


@of_session
def patterns(
    session: Session,
    query: SearchQuery = "*",
    since: Since = "",
    until: Until = "",
    new: Annotated[bool, typer.Option("--new", help="Only those that the time before has none of.")] = False,
    limit: Annotated[int, typer.Option("--limit", "-n", metavar="NUMBER", min=1, max=1000, help="Most patterns.")] = 30,
    as_json: AsJson = False,
    utc: Utc = False,
) -> None:
    """Show what messages look like, how many there are of each kind, and which are new."""
    from gelf_listener.commands.patterns import show_patterns
    from gelf_listener.commands.search import since_when, when

    parameters = _given(query=query, since=since_when(since), to=when(until, end=True), new=new, limit=limit)
    show_patterns(session, parameters, as_json=as_json, utc=utc)


@of_session
def compare(
    session: Session,
    query: SearchQuery = "*",
    since: Since = "",
    until: Until = "",
    other_from: Annotated[
        str,
        typer.Option(
            "--other-from", help="Beginning of the other time; as long, and right before by default.", metavar="TIME"
        ),
    ] = "",
    other_until: Annotated[str, typer.Option("--other-until", help="End of the other time.", metavar="TIME")] = "",
    other_query: Annotated[
        str, typer.Option("--other-query", help="Compare with these messages instead.", metavar="QUERY")
    ] = "",
    limit: Annotated[
        int,
        typer.Option(
            "--limit", "-n", metavar="NUMBER", min=1, max=500, help="Most patterns, and most values of fields."
        ),
    ] = 15,
    as_json: AsJson = False,
) -> None:
    """Show what is more frequent in one time than in another: patterns, and values of fields."""
    from gelf_listener.commands.patterns import show_comparison
    from gelf_listener.commands.search import since_when, when

    other = _given(other_from=when(other_from), other_to=when(other_until, end=True), other_query=other_query)
    if not (since or other):
        raise ConfigError("compare with what? give --since, --other-from and --other-until, or --other-query")
    parameters = _given(query=query, since=since_when(since), to=when(until, end=True), limit=limit) | other
    show_comparison(session, parameters, as_json=as_json)


@of_session
def trace(
    session: Session,
    id: Annotated[str, typer.Argument(help="Value of trace_id, request_id or correlation_id.", metavar="ID")],
    limit: Annotated[
        int, typer.Option("--limit", "-n", metavar="NUMBER", min=1, max=5000, help="Most messages.")
    ] = 1000,
    as_json: AsJson = False,
    utc: Utc = False,
) -> None:
    """Show everything that one request caused, across services, oldest first."""
    from gelf_listener.commands.trace import show_trace

    show_trace(session, id, limit, as_json=as_json, utc=utc)


@of_session
def alerts(
    session: Session,
    silence: Annotated[str, typer.Option("--silence", help="Say nothing of this alert.", metavar="NAME")] = "",
    seconds: Annotated[
        float, typer.Option("--for", parser=read_duration, metavar="DURATION", help="For how long; 0 ends a silence.")
    ] = 7200.0,
    as_json: AsJson = False,
    utc: Utc = False,
) -> None:
    """Show alerts and their states."""
    from gelf_listener.commands.alerts import show_alerts, silence_alert

    silence_alert(session, silence, seconds) if silence else show_alerts(session, as_json=as_json, utc=utc)


@of_client
def stats(
    client: Client,
    as_json: Annotated[bool, typer.Option("--json", help="All figures, as JSON.")] = False,
) -> None:
    """Show what a running listener does: rates, senders, buffers, errors."""
    from gelf_listener.commands.stats import show_stats

    show_stats(client, as_json=as_json)


@of_session
def mcp(session: Session) -> None:
    """Let an assistant in an editor read what a running listener has: the Model Context Protocol (MCP) on stdio."""
    from gelf_listener.commands.mcp import serve

    serve(session)


@of_client
def open_command(client: Client) -> None:
    """Open the page of a running listener in a browser."""
    from gelf_listener.commands.open import open_page

    open_page(client)
