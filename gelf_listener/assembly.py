"""Assembly: makes inputs, outputs, buffers and alerts of a configuration, not started."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gelf_listener.address import Address
from gelf_listener.buffers import Buffer
from gelf_listener.buffers.memory import MemoryBuffer
from gelf_listener.capabilities import Concurrent, KeepsPayloads, OwnsDirectory, ReadsColumns, WritesIndex
from gelf_listener.codec.gelf.field_columns import field_columns_of
from gelf_listener.codec.gelf.lenient import read_fields
from gelf_listener.config import Config, Spec
from gelf_listener.directories import buffer_directory
from gelf_listener.errors import ConfigError
from gelf_listener.inputs import Input
from gelf_listener.message import Message
from gelf_listener.outputs import Output
from gelf_listener.packing import Packer
from gelf_listener.plugins import INPUT_GROUP, OUTPUT_GROUP, make
from gelf_listener.settings import OutputSettings

if TYPE_CHECKING:
    from gelf_listener.alerts.definition import Alert
    from gelf_listener.api.auth import Auth
    from gelf_listener.query import Meaning

_log = logging.getLogger(__name__)


def make_input(spec: Spec) -> Input:
    """
    Make an input from its specification, not started.

    Raises:
        ConfigError: If a setting does not fit.
    """
    made: Input = make(INPUT_GROUP, spec.address, spec.settings)
    return made


def make_output(spec: Spec) -> Output:
    """
    Make an output from its specification, not started.

    Raises:
        ConfigError: If a setting does not fit.
    """
    made: Output = make(OUTPUT_GROUP, spec.address, spec.settings)
    if isinstance(made, KeepsPayloads):
        made.open_fields = read_fields
    if isinstance(made, ReadsColumns):
        made.read_columns = field_columns_of
    return made


def make_buffer(
    name: str, settings: OutputSettings, owner: tuple[str, str] | None = None, predecessor: Path | None = None
) -> Buffer:
    """
    Make the buffer that an output's settings ask for, not opened.

    Args:
        name: The output's.
        settings: The output's.
        owner: Its scheme, and where the listener's configuration comes from; see `buffers.orphans.Owner`.
        predecessor: A buffer on disk to take over; see `DiskBuffer`.
    """
    if settings.buffer == "memory":
        return MemoryBuffer(settings.buffer_messages_limit, settings.buffer_bytes_limit, settings.when_full)
    from gelf_listener.buffers.disk import DiskBuffer  # SQLite costs start-up time
    from gelf_listener.buffers.orphans import Owner

    noted = None if owner is None else Owner(*owner)
    return DiskBuffer(buffer_directory(name, settings), settings, Packer(read_fields), noted, predecessor)


def make_predicate(where: str, meaning: Meaning = "extended") -> Callable[[Message], bool] | None:
    """
    Compile an output's query; None when it wants everything.

    Args:
        where: The query.
        meaning: Whose rules it follows.

    Raises:
        ConfigError: If it is not a query, with the column.
    """
    if not where.strip() or where.strip() == "*":
        return None
    from gelf_listener.errors import QueryError
    from gelf_listener.query import compile_predicate, parse_as  # the parser costs start-up time

    try:
        return compile_predicate(parse_as(where, meaning))
    except QueryError as error:
        raise ConfigError(f"setting 'where': {error}") from None


def _make_inputs(specs: Sequence[Spec]) -> list[tuple[Spec, Input]]:
    """Make inputs; an optional one that cannot be made is left out, and that is logged."""
    made = []
    for spec in specs:
        try:
            made.append((spec, make_input(spec)))
        except ConfigError as error:
            if not spec.optional:
                raise
            _log.warning("%s is left out: %s", spec.address.scheme, error)
    return made


def make_all(config: Config) -> tuple[list[tuple[Spec, Input]], list[tuple[Spec, Output]]]:
    """
    Make everything a configuration names, not started: what `check` shows, and what a reload tries first.

    Raises:
        ConfigError: If anything is wrong that can be told without opening sockets and files.
    """
    inputs = _make_inputs(config.input_specs())
    outputs = [(spec, make_output(spec)) for spec in config.output_specs()]
    for spec, output in outputs:
        predicate_of(spec, output, config)
    check_names("input", ((spec, made.name) for spec, made in inputs))
    check_names("output", ((spec, output_name(spec, output)) for spec, output in outputs))
    _check_buffers(outputs)
    _check_directories(outputs)
    _check_indices(outputs)
    if config.boards:
        from gelf_listener.api.boards import read_boards  # of use to those only who have some

        read_boards(config.boards)
    return inputs, outputs


def make_alerts(config: Config) -> tuple[list[Alert], dict[str, Output]]:
    """
    Make the outputs that notices of alerts go to, not started.

    Returns:
        The alerts, whose ``to`` are names only, and the outputs by name: destinations, and addresses that alerts have.

    Raises:
        ConfigError: If one cannot be made, two have a name, or an alert names one that there is not.
    """
    if not config.alerts and not config.destinations:
        return [], {}
    made = [(spec, make_output(spec)) for spec in config.destinations]
    check_names("destination", ((spec, output_name(spec, output)) for spec, output in made))
    specs = {output_name(spec, output): spec for spec, output in made}
    found = {output_name(spec, output): output for spec, output in made}
    others = {output_name(spec, make_output(spec)) for spec in config.output_specs()}
    alerts = []
    for alert in config.alerts:
        names = []
        for to in alert.to:
            if to not in found and to not in others:
                if ":" not in to:
                    known = ", ".join(sorted({*found, *others}))
                    raise ConfigError(
                        f"alert {alert.name!r}: there is no destination or output {to!r}; there are: {known}"
                    )
                spec = Spec(Address.parse(to))
                output = make_output(spec)
                to = output_name(spec, output)  # noqa: PLW2901  (without its secrets)
                if specs.setdefault(to, spec) != spec:
                    raise ConfigError(f"alert {alert.name!r}: two destinations are called {to!r}; give one a 'name'")
                found.setdefault(to, output)
            names.append(to)
        alerts.append(alert.model_copy(update={"to": tuple(names)}))
    return alerts, found


def make_api_auth(config: Config) -> Auth | None:
    """
    Make what decides who may ask the API; None without an API.

    Raises:
        ConfigError: If anybody could who should not, or a secret is unusable.
    """
    if config.api is None:
        return None
    from gelf_listener.api.auth import make_auth  # costs start-up time where there is no API

    return make_auth(config)


def check_names(kind: str, named: Iterable[tuple[Spec, str]]) -> None:
    """
    Tell names that two have.

    Raises:
        ConfigError: If there is one.
    """
    seen: dict[str, Spec] = {}
    for spec, name in named:
        if name in seen:
            if spec.address == seen[name].address:
                raise ConfigError(f"{kind} {name!r} is given twice")
            raise ConfigError(f"two {kind}s are called {name!r}; give one a setting 'name'")
        seen[name] = spec


def _check_buffers(outputs: Sequence[tuple[Spec, Output]]) -> None:
    """
    Tell what cannot be buffered as asked.

    Raises:
        ConfigError: If two outputs share a buffer, or one is asked for what it cannot do.
    """
    seen: dict[Path, str] = {}
    for spec, output in outputs:
        settings, name = output.settings, output_name(spec, output)
        if settings.concurrency > 1 and not (isinstance(output, Concurrent) and output.concurrent):
            raise ConfigError(
                f"{settings.shown(spec.address)}: setting 'concurrency': this output writes one batch at a time"
            )
        if settings.buffer == "disk":
            directory = buffer_directory(name, settings).resolve()
            if directory in seen:
                raise ConfigError(
                    f"outputs {seen[directory]!r} and {name!r} have the same buffer {directory}; give one a 'name' "
                    "or a 'buffer_path'"
                )
            seen[directory] = name


def _check_directories(outputs: Sequence[tuple[Spec, Output]]) -> None:
    """
    Tell two outputs that want one directory, each alone.

    Raises:
        ConfigError: If there are such.
    """
    seen: dict[Path, str] = {}
    for spec, output in outputs:
        if isinstance(output, OwnsDirectory):
            name, directory = output_name(spec, output), output.own_directory.resolve()
            if directory in seen:
                raise ConfigError(f"outputs {seen[directory]!r} and {name!r} have the same directory {directory}")
            seen[directory] = name


def _check_indices(outputs: Sequence[tuple[Spec, Output]]) -> None:
    """
    Tell what would write into the indices of a store.

    Raises:
        ConfigError: If there is such an output.
    """
    stores: dict[str, str] = {}
    others: dict[str, str] = {}
    for spec, output in outputs:
        if isinstance(output, WritesIndex):
            index, is_store = output.written_index
            (stores if is_store else others)[index] = output_name(spec, output)
    for index in stores.keys() & others.keys():
        raise ConfigError(
            f"outputs {stores[index]!r} and {others[index]!r} write into the same indices ({index}), and a store has "
            "its own alone: give the second another path, such as /logs-{date}"
        )


def output_name(spec: Spec, output: Output) -> str:
    """Return what an output is called: by its setting, else by its address without secrets."""
    return str(output.settings.name or output.settings.shown(spec.address))


def predicate_of(spec: Spec, output: Output, config: Config) -> Callable[[Message], bool] | None:
    """Compile an output's query; an error says which output."""
    try:
        return make_predicate(output.settings.where, config.query or "extended")
    except ConfigError as error:
        raise ConfigError(f"{output.settings.shown(spec.address)}: {error}") from None


def disk_directory(spec: Spec, output: Output) -> Path | None:
    """Return where an output's buffer on disk is; None without one."""
    if output.settings.buffer != "disk":
        return None
    return buffer_directory(output_name(spec, output), output.settings).resolve()


async def explained(spec: Spec, opened: Input | Output, starting: Coroutine[Any, Any, None]) -> None:
    """Say in an error which address could not be opened."""
    try:
        await starting
    except ConfigError as error:
        settings = opened.settings
        raise ConfigError(settings.scrubbed(f"{settings.shown(spec.address)}: {error}")) from None
