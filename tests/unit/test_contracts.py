"""Which test holds which input and output to its contract: none that is registered goes without."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from gelf_listener.plugins import INPUT_GROUP, OUTPUT_GROUP, names, registered

TESTS = Path(__file__).parents[1]

INPUTS = {
    **dict.fromkeys(("gelf+udp", "gelf+tcp", "gelf+tls", "gelf+http", "gelf+https"), "unit/inputs/test_contract.py"),
    **dict.fromkeys(
        ("syslog+udp", "syslog+tcp", "syslog+tls", "syslog+unix", "stdin", "file"), "unit/inputs/test_contract.py"
    ),
    **dict.fromkeys(("forward", "forward+tls"), "unit/inputs/test_contract.py"),
    **dict.fromkeys(("otlp+http", "otlp+https", "loki+http", "loki+https"), "unit/inputs/test_contract.py"),
    **dict.fromkeys(("elasticsearch+http", "elasticsearch+https"), "unit/inputs/test_contract.py"),
    **dict.fromkeys(("otlp+grpc", "otlp+grpcs"), "unit/inputs/test_contract.py"),
    **dict.fromkeys(("splunk+hec", "splunk+hec+tls"), "unit/inputs/test_contract.py"),
    **dict.fromkeys(("journal+http", "journal+https"), "unit/inputs/test_contract.py"),
    "gelf+amqp": "services/test_amqp.py",
    "gelf+kafka": "services/test_kafka.py",
}
OUTPUTS = {
    **dict.fromkeys(("gelf+udp", "gelf+tcp", "gelf+tls", "gelf+http", "gelf+https"), "unit/outputs/test_contract.py"),
    **dict.fromkeys(("syslog+udp", "syslog+tcp", "syslog+tls"), "unit/outputs/test_contract.py"),
    **dict.fromkeys(("loki+http", "loki+https", "otlp+http", "otlp+https"), "unit/outputs/test_contract.py"),
    **dict.fromkeys(("webhook+http", "webhook+https", "forward+tls"), "unit/outputs/test_contract.py"),
    "opensearch+https": "unit/outputs/test_contract.py",
    "store+opensearch+https": "unit/outputs/test_contract.py",
    "console": "unit/outputs/test_console.py",
    "file": "unit/outputs/test_file.py",
    "logging": "unit/outputs/test_log_records.py",
    "null": "unit/outputs/test_null.py",
    **dict.fromkeys(("smtp", "smtps"), "unit/outputs/test_smtp.py"),
    "store": "unit/outputs/test_store.py",
    "amqp": "services/test_amqp.py",
    "forward": "services/test_forward.py",
    "kafka": "services/test_kafka.py",
    "nats": "services/test_nats.py",
    "opensearch+http": "services/test_opensearch.py",
    "store+opensearch+http": "services/test_opensearch_store.py",
    "postgresql": "services/test_postgresql.py",
    "redis": "services/test_redis.py",
}


def held(path: Path, contract: str) -> set[str]:
    """The schemes of the test classes in a file that derive from a contract, however indirectly."""
    bases: dict[str, set[str]] = {}
    schemes: dict[str, str] = {}
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if not isinstance(node, ast.ClassDef):
            continue
        bases[node.name] = {base.id for base in node.bases if isinstance(base, ast.Name)}
        for statement in node.body:
            if isinstance(statement, ast.Assign) and getattr(statement.targets[0], "id", "") == "scheme":
                schemes[node.name] = ast.literal_eval(statement.value)

    def derives(name: str) -> bool:
        return name == contract or any(derives(base) for base in bases.get(name, ()))

    return {scheme for name, scheme in schemes.items() if name.startswith("Test") and derives(name)}


@pytest.mark.parametrize(
    ("group", "table", "contract"),
    [(INPUT_GROUP, INPUTS, "InputContract"), (OUTPUT_GROUP, OUTPUTS, "OutputContract")],
    ids=["inputs", "outputs"],
)
def test_everything_registered_is_held_to_its_contract(group: str, table: dict[str, str], contract: str) -> None:
    """A new one needs a line in the table, and a class with its scheme in the file that the line names."""
    ours = {name for name in names(group) if registered(group)[name].value.startswith("gelf_listener.")}
    assert set(table) == ours
    for file in sorted(set(table.values())):
        expected = {scheme for scheme, held_in in table.items() if held_in == file}
        assert held(TESTS / file, contract) == expected, file
