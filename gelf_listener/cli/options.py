"""Options that several commands have, and how their values are read and completed."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Concatenate, Literal

import typer

from gelf_listener.quantities import parse_duration

if TYPE_CHECKING:
    from gelf_listener.client import Client
    from gelf_listener.client.session import Session


def completes(name: str) -> Callable[[str], list[str]]:
    """Return what completes a value; the module is loaded when somebody presses the key."""

    def complete(incomplete: str) -> list[str]:
        from gelf_listener.commands import completion

        found: list[str] = getattr(completion, name)(incomplete)
        return found

    return complete


def read_duration(value: object) -> float:
    """Read an option that is a duration."""
    try:
        seconds = parse_duration(value)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    if seconds < 0:
        raise typer.BadParameter("expected a duration of 0 or more")
    return seconds


ConfigFile = Annotated[
    Path | None,  # typer reads it at run time
    typer.Option("--config", "-c", help="TOML file with the same settings.", envvar="GELF_CONFIG", metavar="FILE"),
]
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
QueryOption = Annotated[
    str, typer.Option("--query", "-q", help="Which messages, in the query language.", metavar="QUERY")
]
SearchMeaning = Annotated[
    Literal["graylog", "extended"] | None,
    typer.Option("--meaning", help="What the query means: as in a real Graylog, or more; by default the listener's."),
]
Since = Annotated[
    str,
    typer.Option(
        "--since",
        help="today, yesterday, 14:05, the last 15m, 1h30m, ..., or from a time on.",
        metavar="TIME",
        autocompletion=completes("times"),
    ),
]
Until = Annotated[
    str,
    typer.Option("--until", help="Only up to then, as for --since: yesterday (its end), 14:05, ...", metavar="TIME"),
]
ShownFields = Annotated[
    str,
    typer.Option(
        "--fields",
        help="Additional fields to show: usual (without Python's file, line, ...), all, none, or names.",
        metavar="NAMES",
        autocompletion=completes("fields"),
    ),
]
Form = Annotated[
    str,
    typer.Option(
        "--format",
        help="auto, pretty, json, gelf, logfmt or csv.",
        metavar="FORMAT",
        autocompletion=completes("formats"),
    ),
]
Utc = Annotated[bool, typer.Option("--utc", help="Show times in UTC.")]
Raw = Annotated[bool, typer.Option("--raw", help="In CSV, leave as it is what a spreadsheet takes for a formula.")]
AsJson = Annotated[bool, typer.Option("--json", help="The whole answer of the API, as JSON.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def give_options(
    command: Callable[..., None],
    act: Callable[..., None],
    options: Mapping[str, Any],
    before: Iterable[inspect.Parameter] = (),
) -> None:
    """
    Give a command the name and help of what it does, and options, none of which has to be given.

    Args:
        command: What typer is given.
        act: What it does.
        options: Annotations by name.
        before: Parameters that come before them.
    """
    kind = inspect.Parameter.KEYWORD_ONLY
    added = [inspect.Parameter(name, kind, default=None, annotation=options[name]) for name in options]
    parameters = [*(each.replace(kind=kind) for each in before), *added]
    command.__name__, command.__doc__ = act.__name__, act.__doc__
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {each.name: each.annotation for each in parameters}


def of_session(act: Callable[Concatenate[Session, ...], None]) -> Callable[..., None]:
    """Make a command of what asks a listener's API, with options for where that is."""

    def command(url: str | None, token: str | None, config: Path | None, **given: Any) -> None:
        from gelf_listener.client.choice import choose_session

        act(choose_session(url, token, config), **given)

    return _asking(command, act, {"url": Url, "token": Token, "config": ConfigFile})


def of_client(act: Callable[Concatenate[Client, ...], None]) -> Callable[..., None]:
    """Make a command of what asks a listener or a Graylog, with options for where and which that is."""

    def command(url: str | None, token: str | None, config: Path | None, graylog: bool | None, **given: Any) -> None:
        from gelf_listener.client.choice import choose_client

        act(choose_client(url, token, config, graylog=graylog), **given)

    return _asking(command, act, {"url": Url, "token": Token, "config": ConfigFile, "graylog": Graylog})


def _asking(command: Callable[..., None], act: Callable[..., None], where: Mapping[str, Any]) -> Callable[..., None]:
    unloaded = {"Client": Any, "Session": Any}  # nothing of a client is imported before a command runs
    _, *parameters = inspect.signature(act, locals=unloaded, eval_str=True).parameters.values()
    give_options(command, act, where, parameters)
    return command
