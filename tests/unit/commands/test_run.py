"""run: what is set up around the service, and what is said at the end."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from gelf_listener.address import Address
from gelf_listener.commands.run import _announce, _report, raise_file_limit
from gelf_listener.config import Config
from gelf_listener.service import Service
from tests.unit.fakes import message


def test_file_limit() -> None:
    """As many as the system lets us; a limit that is higher already stays."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (200, before[1]))
        raise_file_limit()
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        assert hard == before[1]
        assert soft == (65536 if hard == resource.RLIM_INFINITY else min(hard, 65536))
        raise_file_limit()
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == soft
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def config(**more: object) -> Config:
    inputs, outputs = ["gelf+udp://127.0.0.1:0"], ["null:?name=a&where=level:<=3", "null:?name=b"]
    return Config.from_values({"inputs": inputs, "outputs": outputs, "api": "127.0.0.1:0"} | more, "test")


def test_announcement(capsys: pytest.CaptureFixture[str]) -> None:
    """Real ports, outputs with their queries, and where to look."""

    async def main() -> str:
        service = Service(config())
        await service.start()
        _announce(service)
        await service.close()
        return service.inputs[0].listening[0]

    url = asyncio.run(main())
    lines = capsys.readouterr().err.splitlines()
    assert lines[:5] == ["listening:", f"  {url}", "writing to:", "  a  where level:<=3", "  b"]
    assert lines[5].startswith("health and metrics: http://127.0.0.1:")


def test_a_person_is_told_what_is_replaced(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The default ports, and the console; a log of the listener's own start is not filled with it."""

    async def told(**values: object) -> str:
        service = Service(config(**values))
        await service.start()
        _announce(service)
        await service.close()
        return capsys.readouterr().err

    assert "replaces" not in asyncio.run(told(outputs=[f"store://{tmp_path}"]))
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    both = asyncio.run(told(outputs=[f"store://{tmp_path}"]))
    assert "the default ports are not open: --input" in both
    assert "messages are not shown here: --output" in both
    assert "not shown" not in asyncio.run(told(outputs=[f"store://{tmp_path}", "console:"]))


@pytest.mark.parametrize("stored", [True, False])
def test_outputs_that_replace_the_store_are_announced(
    stored: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever names an output finds out at once that nothing can be searched."""

    async def main() -> None:
        outputs = ["null:", *([f"store://{tmp_path}"] if stored else [])]
        values = {"inputs": ["gelf+udp://127.0.0.1:0"], "outputs": outputs, "api": "127.0.0.1:0"}
        service = Service(Config.from_values(values, "test"))
        await service.start()
        _announce(service)
        await service.close()

    asyncio.run(main())
    assert ("add --output store:" in capsys.readouterr().err) is not stored


@pytest.mark.parametrize("lost", [False, True])
def test_report(lost: bool, capsys: pytest.CaptureFixture[str]) -> None:
    """What was taken, written and, only if so, lost."""

    async def main() -> None:
        service = Service(config(api="off"))
        await service.start()
        service.pipeline.accept([message()] * 3, 15)
        left = await service.close()
        assert left == 0
        service.pipeline.runners[1].buffer.dropped = 4 if lost else 0
        _report(service, 2 if lost else 0)

    asyncio.run(main())
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("stopped: 3 messages taken, 0 rejected; written: a 0, b 3")
    assert line.endswith("b 3") is not lost
    if lost:
        assert line.endswith("; dropped by buffers 4, by the kernel 0, unwritten at the end 2")


def test_addresses_print_without_secrets() -> None:
    """What is announced comes from addresses."""
    assert "hunter2" not in str(Address.parse("gelf+http://a:hunter2@h?token=hunter2"))
