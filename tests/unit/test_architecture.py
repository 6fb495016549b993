"""The layers of docs/architecture.md, read from the code: who imports whom, no cycles, a docstring for every public name."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2] / "gelf_listener"


class Import(NamedTuple):
    """One import of our own package."""

    module: str
    line: int
    top: bool
    """At the top of the module; others run later and make no cycle."""
    typing: bool
    """Only for the type checker."""


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = sorted(ROOT.rglob("*.py"))
MODULES = {name_of(path): ast.parse(path.read_text(encoding="utf-8")) for path in FILES}
PACKAGES = {name_of(path) for path in FILES if path.name == "__init__.py"}


def is_type_checking(node: ast.If) -> bool:
    return isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def imports_below(node: ast.AST, *, top: bool, typing: bool) -> Iterator[tuple[str, int, bool, bool]]:
    """Every import, with absolute names; `from a import b` gives both a and a.b, if that is a module."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            for alias in child.names:
                yield alias.name, child.lineno, top, typing
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, "imports are absolute"
            yield child.module or "", child.lineno, top, typing
            for alias in child.names:
                if f"{child.module}.{alias.name}" in MODULES:
                    yield f"{child.module}.{alias.name}", child.lineno, top, typing
        elif isinstance(child, ast.If) and is_type_checking(child):
            yield from imports_below(child, top=top, typing=True)
        else:
            inside = isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
            yield from imports_below(child, top=top and not inside, typing=typing)


ALL: dict[str, list[Import]] = {
    module: [Import(*found) for found in imports_below(tree, top=True, typing=False)]
    for module, tree in MODULES.items()
}


def layer(module: str) -> str:
    """The first part of a name below the package: a sub-package, or a module."""
    return module.split(".")[1] if "." in module else "__init__"


def test_there_is_something_to_look_at() -> None:
    """Or every other test here would pass for nothing."""
    assert len(MODULES) > 50
    assert "gelf_listener.codec.gelf.lenient" in MODULES
    assert any(found.module == "gelf_listener.codec" for found in ALL["gelf_listener.inputs.tcp"])
    assert any(found.typing for found in ALL["gelf_listener.metrics"])
    assert any(not found.top for found in ALL["gelf_listener.service"])


def offenders(modules: list[str], forbidden: set[str], *, but_for_types: bool = False) -> list[str]:
    """Imports of forbidden layers or libraries, as file and line."""
    found = []
    for module in modules:
        for imported in ALL[module]:
            ours = imported.module.split(".")[0] == "gelf_listener"
            name = layer(imported.module) if ours else imported.module.split(".")[0]
            if name in forbidden and not (but_for_types and imported.typing):
                found.append(f"{module}:{imported.line} imports {imported.module}")
    return found


def below(*layers: str) -> list[str]:
    return [module for module in MODULES if layer(module) in layers]


def test_offenders_are_found() -> None:
    """The service imports inputs, the assembly the parser, late; the contract names the pipeline for types only."""
    assert any("gelf_listener.inputs" in found for found in offenders(below("service"), {"inputs"}))
    assert any("gelf_listener.query" in found for found in offenders(below("assembly"), {"query"}))
    contract = ["gelf_listener.api.contract"]
    assert offenders(contract, {"pipeline"}) != []
    assert offenders(contract, {"pipeline"}, but_for_types=True) == []


def test_the_codec_does_no_input_or_output() -> None:
    """Bytes in, messages out, time as an argument: it can be tested with plain bytes and fuzzed."""
    assert offenders(below("codec"), {"asyncio", "socket", "ssl", "threading", "inputs", "outputs"}) == []


def test_the_query_language_is_a_pure_function() -> None:
    """It knows messages and nothing of where they come from or go to."""
    assert offenders(below("query"), {"asyncio", "socket", "inputs", "outputs", "codec"}) == []


LOW = {"message", "document_classes", "errors", "notes", "intake", "quantities"}
MIDDLE = {"brokers", "client_tls", "codec", "patterns", "query", "rendering", "address", "settings"}
HIGH = {
    "alerts",
    "assistant",
    "buffers",
    "budget",
    "pace",
    "runner",
    "figures",
    "pipeline",
    "rejections",
    "live",
    "senders",
    "conflicts",
    "throughput",
    "inputs",
    "outputs",
    "capabilities",
    "plugin",
    "store",
    "metrics",
    "api",
    "commands",
    "config",
    "cli",
    "workers",
}


@pytest.mark.parametrize("name", sorted(LOW | MIDDLE))
def test_dependencies_point_one_way(name: str) -> None:
    """Messages and errors know nothing above them; codec, query and settings nothing of the machinery."""
    forbidden = HIGH | {"assembly", "leftovers", "service", "plugins"} | (MIDDLE if name in LOW else set())
    assert offenders(below(name), forbidden, but_for_types=True) == []


def test_inputs_and_outputs_do_not_know_each_other() -> None:
    """Nor the pipeline: an input hands over to an `Intake`, an output is called by its runner."""
    above = {"pipeline", "runner", "buffers", "service", "api", "cli", "commands", "config", "plugins"}
    assert offenders(below("inputs"), above | {"outputs", "rendering"}) == []
    # The parts of the codec that go both ways: how a message is cut into chunks, OpenTelemetry's severities, and the
    # names of syslog's facilities.
    both = tuple(
        f"imports gelf_listener.codec.{part}" for part in ("gelf.chunking", "otlp.severity", "syslog.facilities")
    )
    found = offenders(below("outputs"), above | {"inputs", "codec"})
    assert [each for each in found if not each.endswith(both)] == []


def test_a_store_knows_messages_and_queries() -> None:
    """Not who fills it or who asks."""
    above = {"pipeline", "runner", "buffers", "service", "api", "cli", "commands", "config", "plugins"}
    assert offenders(below("store"), above | {"inputs", "outputs", "codec"}) == []


def test_alerts_know_the_store_and_outputs() -> None:
    """Not who configures them, keeps what is remembered of them, or shows them."""
    above = {"pipeline", "runner", "buffers", "service", "api", "cli", "commands", "config", "plugins", "inputs"}
    assert offenders(below("alerts"), above) == []


def test_the_pipeline_does_not_know_transports() -> None:
    """Nor what is built on it."""
    assert (
        offenders(
            below(
                "pipeline",
                "buffers",
                "rejections",
                "runner",
                "figures",
                "budget",
                "live",
                "senders",
                "conflicts",
                "throughput",
            ),
            {"inputs", "service", "api", "socket"},
        )
        == []
    )


def test_who_knows_the_service() -> None:
    """The composition root is imported by what starts it alone; what shows it asks a protocol (`api.contract`)."""
    allowed = {"cli", "commands", "__main__", "testing", "service"}
    assert offenders([module for module in MODULES if layer(module) not in allowed], {"service"}) == []


def test_no_circle_of_types() -> None:
    """Nor do modules name each other's types in circles, packages aside: what is shown does not know who shows it."""
    graph = {
        module: {found.module for found in imported if found.module in MODULES and (found.top or found.typing)}
        - PACKAGES
        for module, imported in ALL.items()
    }
    circles = [sorted(circle) for circle in strongly_connected(graph) if len(circle) > 1]
    assert circles == []


def test_only_the_command_line_knows_the_command_line() -> None:
    """typer and rich stay out of the listener: they cost start-up time."""
    others = [module for module in MODULES if layer(module) not in {"cli", "commands", "__main__"}]
    assert offenders(others, {"cli", "commands", "typer", "rich"}) == []


def strongly_connected(graph: dict[str, set[str]]) -> list[set[str]]:
    """The groups of modules that reach each other (Kosaraju)."""
    order: list[str] = []
    seen: set[str] = set()

    def visit(start: str, edges: dict[str, set[str]], into: list[str]) -> None:
        stack = [(start, iter(sorted(edges.get(start, ()))))]
        seen.add(start)
        while stack:
            module, others = stack[-1]
            other = next((each for each in others if each not in seen), None)
            if other is None:
                into.append(module)
                stack.pop()
            else:
                seen.add(other)
                stack.append((other, iter(sorted(edges.get(other, ())))))

    for module in sorted(graph):
        if module not in seen:
            visit(module, graph, order)
    backwards: dict[str, set[str]] = {}
    for module, others in graph.items():
        for other in others:
            backwards.setdefault(other, set()).add(module)
    seen.clear()
    groups = []
    for module in reversed(order):
        if module not in seen:
            group: list[str] = []
            visit(module, backwards, group)
            groups.append(set(group))
    return groups


def test_no_cycles() -> None:
    """Imports that run at once, packages' own included, form no circle."""
    graph: dict[str, set[str]] = {}
    for module, imported in ALL.items():
        graph[module] = {
            found.module for found in imported if found.top and not found.typing and found.module in MODULES
        } - {module}
        for found in imported:  # importing a.b runs a first
            package = found.module.rpartition(".")[0]
            if (
                found.top
                and not found.typing
                and found.module in MODULES
                and not f"{module}.".startswith(f"{package}.")  # those above a module run before it does
            ):
                graph[module].add(package)
    done: set[str] = set()
    path: list[str] = []

    def visit(module: str) -> None:
        if module in done:
            return
        assert module not in path, " -> ".join([*path[path.index(module) :], module])
        path.append(module)
        for other in sorted(graph.get(module, ())):
            visit(other)
        path.pop()
        done.add(module)

    for module in sorted(graph):
        visit(module)


def public_definitions(tree: ast.Module) -> Iterator[tuple[str, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef]]:
    """Public classes and functions, and the public methods of public classes."""
    for node in tree.body:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)) and not node.name.startswith("_"):
            yield node.name, node
            if isinstance(node, ast.ClassDef):
                for method in node.body:
                    if isinstance(method, (ast.FunctionDef, ast.AsyncFunctionDef)) and not method.name.startswith("_"):
                        yield f"{node.name}.{method.name}", method


@pytest.mark.parametrize("module", sorted(MODULES))
def test_docstrings(module: str) -> None:
    """Every module, public class, function and method says what it is, beginning with a capital, ending its sentence."""
    tree = MODULES[module]
    text = ast.get_docstring(tree)
    assert text, f"{module} has no docstring"
    missing = []
    for name, node in public_definitions(tree):
        overload = any(isinstance(mark, ast.Name) and mark.id == "overload" for mark in node.decorator_list)
        if not ast.get_docstring(node) and not overload:
            missing.append(name)
    assert missing == []


@pytest.mark.parametrize("module", sorted(MODULES))
def test_public_names(module: str) -> None:
    """A name without an underscore is public; only a module that hands on names of others lists them, in `__all__`."""
    tree = MODULES[module]
    own = {node.name for node in tree.body if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))}
    imported = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for alias in node.names
    }
    for node in tree.body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__":
            exported = ast.literal_eval(node.value)
            assert set(exported) & imported
            assert set(exported) - own - imported - {"__version__"} == set()
            assert len(exported) == len(set(exported))


FORBIDDEN_NAMES = {"utils", "helpers", "common", "manager", "misc", "base"}


def test_no_drawer_for_everything() -> None:
    """A module is named for what is in it."""
    assert {module.rpartition(".")[2] for module in MODULES} & FORBIDDEN_NAMES == set()


def test_files_are_short() -> None:
    """A file that grows past this holds more than one noun: it is divided."""
    long = {
        name_of(path): lines for path in FILES if (lines := len(path.read_text(encoding="utf-8").splitlines())) > 600
    }
    assert not long
