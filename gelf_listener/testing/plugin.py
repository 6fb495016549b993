"""
Plugin: the fixtures `gelf` and `gelf_session` of pytest, and what they received in the report of a failed test.

pytest imports this in every test suite of an environment where gelf-listener is installed. So it imports nothing: what
a listener needs is loaded when one of the collected tests asks for one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from gelf_listener.testing import recent

if TYPE_CHECKING:
    from gelf_listener.testing.in_process import Listening

pytest.register_assert_rewrite("gelf_listener.testing.contracts")

_SESSION = "gelf_session"
_FIXTURES = {"gelf", _SESSION}


@pytest.fixture
def gelf(request: pytest.FixtureRequest) -> Iterator[Listening]:
    """
    Start a GELF listener in this process, on free ports, for one test: ``gelf.wait_for('level:<=3 AND user_id:42')``.

    How it is made: ``@pytest.mark.gelf(mode="graylog")``.
    """
    from gelf_listener.testing.in_process import Listening

    mark = request.node.get_closest_marker("gelf")
    if mark is not None and mark.args:
        raise pytest.UsageError("the mark gelf takes named arguments only, those of gelf_listener.testing.Listening")
    try:
        made = Listening(**(mark.kwargs if mark is not None else {}))
    except (TypeError, ValueError) as error:
        pytest.fail(f"the mark gelf: {error}", pytrace=False)
    with made as opened:
        yield opened


@pytest.fixture(scope="session")
def gelf_session() -> Iterator[Listening]:
    """Start one GELF listener for all tests (of an xdist worker); it is emptied before each test that asks for it."""
    from gelf_listener.testing.in_process import Listening

    with Listening() as opened:
        recent.for_session.append(opened)
        try:
            yield opened
        finally:
            recent.for_session.remove(opened)


def pytest_configure(config: pytest.Config) -> None:
    """Make the mark known, and have listeners remembered for the reports."""
    config.addinivalue_line(
        "markers", "gelf(mode, query, max_messages, max_bytes): how the listener of fixture `gelf` is made"
    )
    recent.watch(config)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Let go of them."""
    recent.unwatch(config)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Load what a listener needs before the first test that asks for one, whose time it is not."""
    asked = any(not _FIXTURES.isdisjoint(getattr(item, "fixturenames", ())) for item in session.items)
    if asked and not session.config.option.collectonly:
        import gelf_listener.testing.in_process  # noqa: F401


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Begin a test: what came before it is not its own."""
    if _SESSION in getattr(item, "fixturenames", ()):
        for listening in recent.for_session:
            listening.clear()
    recent.begin_test()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:  # noqa: ARG001  (of the hook)
    """Add what the test's listeners received to the report of its failure."""
    outcome: Any = yield
    made: pytest.TestReport = outcome.get_result()
    if made.failed:
        for text in _received():
            made.sections.append((f"Captured gelf log {made.when}", text))


def _received() -> Iterator[str]:
    """Give what each listener of the test received, if anything."""
    for each in recent.listeners():
        from gelf_listener.testing.report import report

        try:
            text = report(*each.listening.received_since(each.arrived, each.refused))
        except Exception as error:  # noqa: BLE001  (the failure of the test is what has to be seen)
            text = f"cannot be shown: {error!r}"
        if text:
            yield text
