"""The package as it is imported: names on demand, the plugin where pytest looks, errors that say what to install."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest

import gelf_listener
from gelf_listener import testing
from gelf_listener.testing import plugin, recent
from gelf_listener.testing.endpoint import Endpoint
from gelf_listener.testing.receive_buffer import receive_buffer_bytes
from tests.unit.test_architecture import ALL, MODULES, layer, offenders


def test_pytest_finds_the_plugin() -> None:
    """By its entry point."""
    assert ("gelf", "gelf_listener.testing.plugin") in {
        (point.name, point.value) for point in entry_points(group="pytest11")
    }


@pytest.mark.parametrize("module", [gelf_listener, testing])
def test_every_public_name_is_there(module: object) -> None:
    """And no other."""
    names: list[str] = module.__all__  # type: ignore[attr-defined]
    for name in names:
        if name == "GelfListenerContainer":
            pytest.importorskip("testcontainers")
        assert getattr(module, name) is not None
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        _ = module.nonsense  # type: ignore[attr-defined]


def test_importing_the_package_imports_nothing_else() -> None:
    """The version is known without a parser, a settings library or an event loop."""
    code = "import sys, gelf_listener; gelf_listener.__version__; print(sorted(m for m in sys.modules if 'gelf' in m))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True)
    assert "'gelf_listener']" in done.stdout
    assert "gelf_listener." not in done.stdout


def test_a_container_needs_testcontainers(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command to install it is the way on."""
    monkeypatch.delitem(sys.modules, "gelf_listener.testing.container", raising=False)
    monkeypatch.setitem(sys.modules, "testcontainers.core.container", None)
    with pytest.raises(ImportError, match=r"pip install '.\[testcontainers\]'"):
        _ = testing.GelfListenerContainer


@pytest.mark.parametrize(
    ("address", "text", "url"),
    [
        (Endpoint("gelf+udp", "127.0.0.1", 12201), "gelf+udp://127.0.0.1:12201", "udp://127.0.0.1:12201"),
        (Endpoint("gelf+http", "::1", 1, "/gelf"), "gelf+http://[::1]:1/gelf", "http://[::1]:1/gelf"),
        (Endpoint("syslog+udp", "web", 514), "syslog+udp://web:514", "syslog+udp://web:514"),
    ],
)
def test_endpoints(address: Endpoint, text: str, url: str) -> None:
    """As addresses of ours, and as others write them."""
    assert str(address) == text
    assert address.url == url
    assert Endpoint.parse(text) == address
    assert address.address == (address.host, address.port)


def test_receive_buffer(tmp_path: Path) -> None:
    """As much as the system gives to anybody, within reason; a little where it does not say."""
    for content, wanted in (("212992\n", 212992), ("999999999", 8 * 1024 * 1024), ("1", 65536), ("?", 65536)):
        file = tmp_path / "rmem_max"
        file.write_text(content, encoding="ascii")
        assert receive_buffer_bytes(file) == wanted
    assert receive_buffer_bytes(tmp_path / "absent") == 65536


def test_only_the_plugin_has_listeners_remembered() -> None:
    """Outside of pytest nothing would ever let go of them; within it, few are kept."""
    watching = list(recent._watching)
    before = recent.listeners()
    try:
        recent._watching.clear()
        with testing.listening() as unseen:
            assert all(each.listening is not unseen for each in recent.listeners())
        recent.watch("this test")
        many = [testing.Listening() for _ in range(40)]
        for each in many:
            recent.add(each)
        assert [each.listening for each in recent.listeners()] == many[-16:]
        recent.begin_test()
        assert recent.listeners() == []  # none of them is open
        recent.add(many[0])
        recent.unwatch("this test")
        assert recent.listeners() == []
    finally:
        recent._watching[:] = watching
        recent._recent.extend(before)


def test_nothing_of_the_listener_knows_its_tests() -> None:
    """And the plugin imports what pytest has loaded anyway."""
    assert offenders([module for module in MODULES if layer(module) != "testing"], {"testing"}) == []
    plugin = [each for each in ALL["gelf_listener.testing.plugin"] if each.top and not each.typing]
    assert {each.module for each in plugin if each.module.startswith("gelf_listener")} == {
        "gelf_listener.testing",
        "gelf_listener.testing.recent",
    }


def test_a_report_that_fails_does_not_hide_the_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """What went wrong stands in its place."""

    class Broken:
        def received_since(self, *_: int) -> None:
            raise RuntimeError("a bug")

    broken: Any = Broken()
    monkeypatch.setattr(recent, "listeners", lambda: [recent.Recent(broken, 0, 0)])
    assert list(plugin._received()) == ["cannot be shown: RuntimeError('a bug')"]
