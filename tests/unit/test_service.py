"""Service: order of starting and closing, failures that leave nothing open, reloading in one step."""

from __future__ import annotations

import asyncio
import logging
import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gelf_listener.address import Address
from gelf_listener.assembly import make_all, make_predicate
from gelf_listener.config import Config, Spec
from gelf_listener.errors import ConfigError, Retry
from gelf_listener.inputs import Input
from gelf_listener.message import Message
from gelf_listener.metrics import exposition, registry
from gelf_listener.query import Meaning
from gelf_listener.service import Service
from tests.unit.conftest import Install
from tests.unit.fakes import PluggedOutput, message, settle
from tests.unit.fakes import run as run_virtual

HELLO = b'{"short_message":"hello"}'


@pytest.fixture(autouse=True)
def fake(install: Install) -> Iterator[None]:
    """`fake:` outputs."""
    install("fake", "tests.unit.fakes:PluggedOutput")
    PluggedOutput.made.clear()
    yield
    PluggedOutput.made.clear()


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody has."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        yield sock.getsockname()[1]


def config(inputs: Any = ("gelf+udp://127.0.0.1:0",), outputs: Any = ("fake:",), **more: Any) -> Config:
    return Config.from_values({"inputs": list(inputs), "outputs": list(outputs), "api": "off"} | more, "test")


def outputs_made() -> list[PluggedOutput]:
    """Those that were started; others were only made to see whether they could be."""
    return [output for output in PluggedOutput.made if output.started]


def send(input: Input, *payloads: bytes) -> None:
    host, _, port = input.listening[0].removeprefix("gelf+udp://").rpartition(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for payload in payloads:
            sock.sendto(payload, (host, int(port)))


async def until(condition: Callable[[], object]) -> None:
    """Wait for what a thread does."""
    while not condition():
        await asyncio.sleep(0.01)


def is_free(url: str) -> bool:
    """Whether a port can be bound again."""
    kind = socket.SOCK_DGRAM if "+udp" in url else socket.SOCK_STREAM
    host, _, port = url.partition("://")[2].partition("/")[0].rpartition(":")
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((host, int(port)))
        except OSError:
            return False
    return True


def test_from_socket_to_output() -> None:
    """What arrived before the end is written at the end; the report of closing is what was lost."""

    async def main() -> None:
        service = Service(config(outputs=["fake:?name=a", "fake:?name=b&where=short_message:hello"]))
        await service.start()
        send(service.inputs[0], HELLO, b'{"short_message":"other"}', b"garbage")
        assert await service.close() == 0
        first, second = outputs_made()
        assert first.texts == ["hello", "other"]
        assert second.texts == ["hello"]
        assert service.pipeline.rejections.total == 1
        assert (first.closed, second.closed) == (1, 1)

    asyncio.run(main())


def test_close_says_what_was_lost() -> None:
    """What an output cannot write within the drain time."""

    async def main() -> None:
        service = Service(config(drain_seconds=0.01))
        await service.start()
        outputs_made()[0]._answers = [Retry("away", after_seconds=60)] * 10
        service.pipeline.accept([message(), message()], 10)
        assert await service.close() == 2
        assert await service.close() == 0

    asyncio.run(main())


def test_stop_ends_wait() -> None:
    """Also when it was asked for before."""

    async def main() -> None:
        service = Service(config())
        service.stop()
        async with asyncio.timeout(40):
            await service.wait()

    asyncio.run(main())


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (
            {"inputs": ["gelf+udp://127.0.0.1:0", "gelf+udp://127.0.0.2:0"]},
            "two inputs are called 'gelf+udp-0'; give one",
        ),
        ({"outputs": ["fake:", "fake:?batch=2"]}, "two outputs are called 'fake:'; give one a setting 'name'"),
        ({"outputs": ["fake:?where=level:("]}, "fake:: setting 'where': "),
        ({"inputs": ["gelf+udb://x"]}, "unknown input 'gelf+udb'"),
        ({"inputs": ["gelf+tls://x?cert=/no/such"]}, "gelf+tls://x: setting 'cert': '/no/such' does not exist"),
    ],
)
def test_mistakes_are_found_before_anything_opens(given: dict[str, Any], words: str) -> None:
    """Starting and `check` say the same."""

    async def main() -> None:
        with pytest.raises(ConfigError) as caught:
            await Service(config(**given)).start()
        assert words in str(caught.value)

    asyncio.run(main())
    assert outputs_made() == []
    with pytest.raises(ConfigError) as caught:
        make_all(config(**given))
    assert words in str(caught.value)


def test_a_port_in_use_closes_what_was_opened(taken: int) -> None:
    """The error names the address; nothing stays bound or open."""

    async def main() -> None:
        service = Service(config(["gelf+udp://127.0.0.1:0", f"gelf+tcp://127.0.0.1:{taken}"]))
        with pytest.raises(ConfigError, match=f"gelf.tcp://127.0.0.1:{taken}: 127.0.0.1 port {taken} is in use"):
            await service.start()
        assert is_free(service.inputs[0].listening[0])
        assert outputs_made()[0].closed == 1

    asyncio.run(main())


def test_an_optional_input_that_cannot_be_opened_is_left_out(taken: int, caplog: pytest.LogCaptureFixture) -> None:
    """A port that somebody has, a plug-in that is not there: the others are opened."""
    specs = tuple(
        Spec(Address.parse(address), optional=True)
        for address in (f"gelf+tcp://127.0.0.1:{taken}", "gelf+nothing://127.0.0.1", "gelf+udp://127.0.0.1:0")
    )

    async def main() -> None:
        service = Service(config(specs))
        await service.start()
        assert [input.name for input in service.inputs] == ["gelf+udp-0"]
        await service.close()

    asyncio.run(main())
    assert f"gelf+tcp-{taken} is left out: " in caplog.text
    assert "gelf+nothing is left out: " in caplog.text


def test_an_api_port_in_use_closes_everything(taken: int) -> None:
    """It says how to do without the API."""

    async def main() -> None:
        service = Service(config(api=f"127.0.0.1:{taken}"))
        with pytest.raises(ConfigError, match="turn it off with --api off"):
            await service.start()
        assert is_free(service.inputs[0].listening[0])
        assert outputs_made()[0].closed == 1

    asyncio.run(main())


def test_an_output_that_can_never_work() -> None:
    """The ones before it are closed, and no input was opened."""

    async def main() -> None:
        service = Service(config(outputs=["fake:?name=a", "fake:?name=never"]))
        with pytest.raises(ConfigError, match="fake:: this can never work"):
            await service.start()
        assert service.inputs == []
        assert [output.closed for output in outputs_made()] == [1, 1]

    asyncio.run(main())


def test_reload_keeps_what_stays_the_same() -> None:
    """The same input object, the same output, whose files are opened again."""

    async def main() -> None:
        service = Service(config())
        await service.start()
        before, runner = service.inputs[0], service.pipeline.runners[0]
        await service.reload(config(["gelf+udp://127.0.0.1:0", "gelf+tcp://127.0.0.1:0"], ["fake:", "null:"]))
        assert service.inputs[0] is before
        assert [input.name for input in service.inputs] == ["gelf+udp-0", "gelf+tcp-0"]
        assert service.pipeline.runners[0] is runner
        assert [made.name for made in service.pipeline.runners] == ["fake:", "null:"]
        assert outputs_made()[0].reopened == 1
        await service.reload(config())
        assert service.inputs == [before]
        assert service.pipeline.runners == [runner]
        await service.close()

    asyncio.run(main())


def test_reload_changes_a_setting() -> None:
    """Input and output keep name and port; what waited for the old output is written, and nothing twice."""

    async def main() -> None:
        service = Service(config())
        await service.start()
        port = service.inputs[0].listening[0].rpartition(":")[2]
        await service.reload(config([f"gelf+udp://127.0.0.1:{port}"]))
        service.pipeline.accept([message("before")], 6)
        await service.reload(config([f"gelf+udp://127.0.0.1:{port}?mode=graylog"], ["fake:?batch=2"]))
        assert len(service.inputs) == 1
        assert service.inputs[0].settings.mode == "graylog"
        assert service.inputs[0].listening == [f"gelf+udp://127.0.0.1:{port}"]
        service.pipeline.accept([message("after")], 5)
        await service.close()
        old, new = outputs_made()
        assert (old.texts, old.closed) == (["before"], 1)
        assert (new.texts, new.closed) == (["after"], 1)

    asyncio.run(main())


def away(service: Service) -> None:
    """Let the first output's destination be away from now on."""
    service.pipeline.runners[0].output._answers[:] = [Retry("away")] * 1000  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("fake:?name=a", "fake:?name=a&batch=2"),
        ("fake:", "fake:?name=b"),
        ("fake://a", "fake://b"),
        ("fake:?name=a", "null:?name=a"),
        ("fake:?name=a&concurrency=1", "fake:?name=a&where=level:9"),
    ],
)
def test_what_waits_goes_to_the_successor(before: str, after: str) -> None:
    """Of the same name, or the only new one of the scheme: in order, and nothing is lost or counted as lost."""

    async def main() -> None:
        service = Service(config(outputs=[before]))
        await service.start()
        away(service)
        for text in "abc":
            service.pipeline.accept([message(text)], 1)
        await settle()
        assert service.pipeline.runners[0].waiting == 3
        await service.reload(config(outputs=[after]))
        runner = service.pipeline.runners[0]
        service.pipeline.accept([message("d")], 1)
        assert await service.close() == 0
        assert runner.written == (3 if "where" in after else 4)
        if after.startswith("fake"):
            assert outputs_made()[-1].texts[:3] == ["a", "b", "c"]
        assert not service.lost

    run_virtual(main())


def test_what_has_no_successor_is_named(caplog: pytest.LogCaptureFixture) -> None:
    """Messages of an output that is removed while its destination is away are counted and logged with its name."""

    async def main() -> None:
        service = Service(config(outputs=["fake:?name=gone", "null:"], drain_seconds=1))
        await service.start()
        away(service)
        service.pipeline.accept([message("a"), message("b")], 2)
        await service.reload(config(outputs=["null:", "fake:?name=another"], drain_seconds=1))
        assert service.lost == {"gone": 2}
        metrics = exposition(registry(service)).decode()
        assert 'gelf_output_dropped_total{output="gone"} 2.0' in metrics
        await service.close()

    run_virtual(main())
    assert "output gone was changed or removed: 2 messages" in caplog.text


def test_a_buffer_on_disk_is_taken_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the output that replaces its own, in the same process and after a restart."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))

    async def main() -> None:
        service = Service(config(outputs=["fake://one?buffer=disk"]))
        await service.start()
        away(service)
        service.pipeline.accept([message("a"), message("b")], 2)
        await until(lambda: service.pipeline.runners[0].failing_since is not None)
        await service.reload(config(outputs=["fake://two?buffer=disk"]))
        assert service.orphans == []
        await until(lambda: service.pipeline.runners[0].written == 2)
        assert outputs_made()[-1].texts == ["a", "b"]
        away(service)
        service.pipeline.accept([message("c")], 1)
        await until(lambda: service.pipeline.runners[0].failing_since is not None)
        assert await service.close() == 0
        again = Service(config(outputs=["fake://three?buffer=disk"]))
        await again.start()
        assert again.orphans == []
        await until(lambda: again.pipeline.runners[0].written == 1)
        await again.close()

    asyncio.run(asyncio.wait_for(main(), 40))


def disk_outputs(folder: Path, **paths: str) -> list[str]:
    """One output for each path, by its name."""
    wanted = {"x": "short_message:a", "y": "NOT short_message:a"}
    return [f"fake:?name={x}&buffer=disk&buffer_path={folder / path}&where={wanted[x]}" for x, path in paths.items()]


def test_two_stores_in_one_directory(tmp_path: Path) -> None:
    """Told before anything is opened, by whatever path."""
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with pytest.raises(ConfigError, match="'a' and 'b' have the same directory"):
        make_all(config(outputs=[f"store:{tmp_path}/real?name=a", f"store:{tmp_path}/link?name=b"]))


@pytest.mark.parametrize("after", [{"x": "2", "y": "1"}, {"x": "2", "y": "3"}])
def test_outputs_cannot_change_buffers_by_a_reload(tmp_path: Path, after: dict[str, str]) -> None:
    """What waits for one would go to the destination of the other: refused, and nothing has changed."""

    async def main() -> None:
        service = Service(config(outputs=disk_outputs(tmp_path, x="1", y="2")))
        await service.start()
        for runner in service.pipeline.runners:
            runner.output._answers[:] = [Retry("away")]  # type: ignore[attr-defined]
        service.pipeline.accept([message("a"), message("b")], 2)
        await until(lambda: all(runner.failing_since for runner in service.pipeline.runners))
        with pytest.raises(ConfigError, match=r"output 'x' cannot have .*/2, the buffer of output 'y'"):
            await service.reload(config(outputs=disk_outputs(tmp_path, **after)))
        await until(lambda: all(runner.written == 1 for runner in service.pipeline.runners))
        x, y = (runner.output for runner in service.pipeline.runners)
        assert (x.texts, y.texts) == (["a"], ["b"])  # type: ignore[attr-defined]
        await service.close()

    asyncio.run(asyncio.wait_for(main(), 40))


@pytest.mark.parametrize(
    "after", ["fake:?name=z&buffer=disk&buffer_path={}/1", "fake:?name=x&buffer=disk&buffer_path={}/2"]
)
def test_an_output_keeps_its_buffer_under_another_name_or_path(tmp_path: Path, after: str) -> None:
    """Whichever of the two changed, what waits goes on."""

    async def main() -> None:
        service = Service(config(outputs=[f"fake:?name=x&buffer=disk&buffer_path={tmp_path}/1"]))
        await service.start()
        away(service)
        service.pipeline.accept([message("a")], 1)
        await until(lambda: service.pipeline.runners[0].failing_since is not None)
        await service.reload(config(outputs=[after.format(tmp_path)]))
        await until(lambda: service.pipeline.runners[0].written == 1)
        await service.close()

    asyncio.run(asyncio.wait_for(main(), 40))


def test_orphans_are_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """What another kind of output left, or two of one kind: in the log and the metrics, after a reload and a restart."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr("gelf_listener.service._ORPHAN_SECONDS", 0.05)

    async def main() -> None:
        service = Service(config(outputs=["fake://one?buffer=disk"]))
        await service.start()
        away(service)
        service.pipeline.accept([message("a"), message("b")], 2)
        await until(lambda: service.pipeline.runners[0].failing_since is not None)
        await service.reload(config(outputs=["null:?buffer=disk"]))
        assert [orphan.messages for orphan in service.orphans] == [2]
        await service.close()

        again = Service(config(outputs=["null:?buffer=disk", "fake:?name=elsewhere&buffer=disk"]), tmp_path)
        await again.start()
        [orphan] = again.orphans
        assert orphan.messages == 2, "another configuration file's"
        assert f'gelf_buffer_orphaned_messages{{buffer="{orphan.name}"}} 2.0' in exposition(registry(again)).decode()
        shutil.rmtree(orphan.directory)
        await until(lambda: not again.orphans)
        await again.close()

    with caplog.at_level(logging.WARNING):
        asyncio.run(asyncio.wait_for(main(), 40))
    assert caplog.text.count("2 messages wait in") == 2
    assert "gelf-listener buffers send" in caplog.text


def test_one_directory_by_two_paths(tmp_path: Path) -> None:
    """Two outputs cannot have one buffer, whatever it is called."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    addresses = [f"fake:?name={name}&buffer=disk&buffer_path={tmp_path / name}/x" for name in ("real", "link")]
    with pytest.raises(ConfigError, match="have the same buffer"):
        make_all(config(outputs=addresses))


@pytest.mark.parametrize("what", ["where", "input", "output", "names"])
def test_a_reload_that_fails_changes_nothing(what: str, taken: int) -> None:
    """Whichever part is wrong: everything that ran before goes on, and nothing new stays open."""

    async def main() -> None:
        service = Service(config(["gelf+udp://127.0.0.1:0", "gelf+tcp://127.0.0.1:0"]))
        await service.start()
        old = service.config
        udp, runners = service.inputs[0], list(service.pipeline.runners)
        tcp_url = service.inputs[1].listening[0]
        bad: dict[str, Any] = {
            "where": {"outputs": ["fake:?where=("]},
            # TCP goes, TLS cannot come
            "input": {
                "inputs": ["gelf+udp://127.0.0.1:0", "gelf+http://127.0.0.1:0", f"gelf+tcp://127.0.0.1:{taken}"],
                "outputs": ["fake:", "fake:?name=new"],
            },
            "output": {"outputs": ["fake:", "fake:?name=new", "fake:?name=never"]},
            "names": {"outputs": ["null:", "null:?batch=3"]},
        }
        with pytest.raises(ConfigError):
            await service.reload(config(**bad[what]))
        assert service.config is old
        assert service.inputs[0] is udp
        assert [input.name for input in service.inputs] == ["gelf+udp-0", "gelf+tcp-0"]
        assert service.pipeline.runners == runners
        assert (service.inputs[1].listening[0] == tcp_url) is (what != "input")  # port 0 is another one when reopened
        assert all(output.closed for output in outputs_made()[1:])
        send(udp, HELLO)
        await service.close()
        assert outputs_made()[0].texts == ["hello"]

    asyncio.run(main())


def test_a_reload_that_cannot_go_back(taken: int, caplog: pytest.LogCaptureFixture) -> None:
    """When somebody takes the port of what was closed, the log says so, and the rest goes on."""

    async def main() -> None:
        service = Service(config(["gelf+udp://127.0.0.1:0", "gelf+tcp://127.0.0.1:0"]))
        await service.start()
        tcp = service.inputs[1]
        (elsewhere,) = Config.from_values({"inputs": f"gelf+tcp://127.0.0.1:{taken}"}, "test").inputs or ()
        service._open_inputs[1] = (elsewhere, tcp)
        with pytest.raises(ConfigError, match="in use"):
            await service.reload(config(["gelf+udp://127.0.0.1:0", f"gelf+http://127.0.0.1:{taken}"]))
        assert [input.name for input in service.inputs] == ["gelf+udp-0"]
        send(service.inputs[0], HELLO)
        await service.close()
        assert outputs_made()[0].texts == ["hello"]

    asyncio.run(main())
    assert f"cannot go back: gelf+tcp://127.0.0.1:{taken}: 127.0.0.1 port {taken} is in use" in caplog.text


def test_reloads_do_not_run_into_each_other() -> None:
    """Two signals at once are two reloads, one after the other; none after the end."""

    async def main() -> None:
        service = Service(config())
        await service.start()
        await asyncio.gather(
            *(service.reload(config(outputs=["fake:", f"null:?name=n{number}"])) for number in range(5))
        )
        assert [runner.name for runner in service.pipeline.runners] == ["fake:", "n4"]
        await asyncio.gather(service.close(), service.reload(config(outputs=["null:"])))
        assert [runner.name for runner in service.pipeline.runners] == ["fake:", "n4"]

    asyncio.run(main())


def test_reload_of_the_api_takes_a_restart(caplog: pytest.LogCaptureFixture) -> None:
    """And says so."""

    async def main() -> None:
        service = Service(config())
        await service.start()
        await service.reload(config(api="127.0.0.1:0"))
        assert service.api_url == ""
        await service.close()

    asyncio.run(main())
    assert "'api' takes a restart" in caplog.text


@pytest.mark.parametrize("where", ["", "  ", "*"])
def test_no_query_is_no_predicate(where: str) -> None:
    """An output that wants everything costs nothing."""
    assert make_predicate(where) is None


def test_predicate() -> None:
    """An error has the column."""
    predicate = make_predicate("level:<=3")
    assert predicate is not None
    assert not predicate(message())
    with pytest.raises(ConfigError, match=r"setting 'where': .*column"):
        make_predicate("level:<=3 AND (")


def test_the_defaults_are_valid() -> None:
    """Whatever others rename: a listener without any configuration starts."""
    inputs, outputs = make_all(Config.from_values({}, "test"))
    assert len(inputs) == 5
    assert [spec.address.scheme for spec, _ in outputs] == ["console", "store"]


def test_a_route_means_what_the_setting_says() -> None:
    """Words side by side are one text in a Graylog."""
    fields: dict[str, Any] = {"user": "alice"}
    sample = Message(0.0, "web", "paid", None, None, b"", 0.0, _fields=fields)
    meanings: dict[Meaning, bool] = {"extended": True, "graylog": False}
    for meaning, expected in meanings.items():
        matches = make_predicate("alice nobody", meaning)
        assert matches is not None
        assert matches(sample) is expected
    with pytest.raises(ConfigError, match="setting 'where'"):
        make_all(config(outputs=["null:?where=user:-1"], query="graylog"))
    make_all(config(outputs=["null:?where=user:-1"]))
