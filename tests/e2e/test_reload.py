"""SIGHUP: the configuration is read again; what stays the same goes on as if nothing had happened."""

from __future__ import annotations

import json
import signal
import socket
import threading
from pathlib import Path

import pytest

from tests.e2e.conftest import Start
from tests.e2e.listener import ANSWER_SECONDS, Listener, free_port, until
from tests.e2e.wire import HttpClient, gelf, send_tcp, send_udp, texts


def reload(listener: Listener) -> str:
    """Send SIGHUP and return what the listener says about it."""
    seen = len(listener.stderr)
    listener.signal(signal.SIGHUP)

    def said() -> str:
        return next((line for line in listener.stderr[seen:] if "reloaded" in line), "")

    line: str = until(said, 5, "an answer to SIGHUP")
    if "not reloaded" not in line:
        until(lambda: any(line.startswith("health and metrics") for line in listener.stderr[seen:]), 5, "its ports")
    return line


def is_open(port: int) -> bool:
    """Whether something accepts connections."""
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0


def configure(path: Path, inputs: list[str], outputs: list[str], more: str = "") -> None:
    """Write a configuration file."""
    path.write_text(f"inputs = {json.dumps(inputs)}\noutputs = {json.dumps(outputs)}\napi = '127.0.0.1:0'\n{more}")


def test_inputs_are_added_and_removed(start: Start, tmp_path: Path) -> None:
    """The connection and the socket of the input that stays are the same, before and after."""
    config, output = tmp_path / "config.toml", tmp_path / "messages.jsonl"
    stays, goes, comes = (
        "gelf+tcp://127.0.0.1:0?name=stays",
        "gelf+udp://127.0.0.1:0?name=goes",
        "gelf+udp://127.0.0.1:0?name=comes",
    )
    configure(config, [stays, goes], [f"file://{output}"])
    listener = start(plain=True, arguments=["--config", str(config)])
    listener.file = output
    kept, removed = listener.endpoints
    with socket.create_connection(kept.address, ANSWER_SECONDS) as connection:
        connection.sendall(gelf("before") + b"\0")
        send_udp(removed.address, gelf("before, by UDP"))
        listener.messages(2)

        configure(config, [stays, comes], [f"file://{output}"])
        assert "not reloaded" not in reload(listener)
        assert listener.endpoint("gelf+tcp") == kept
        added = listener.endpoint("gelf+udp")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(removed.address)  # free: the removed input has let go
        connection.sendall(gelf("after") + b"\0")
        listener.messages(3)
        send_udp(added.address, gelf("after, by UDP"))
        assert sorted(texts(listener.messages(4))) == ["after", "after, by UDP", "before", "before, by UDP"]
    inputs = listener.health()[1]["inputs"]
    assert set(inputs) == {"stays", "comes"}


def test_a_changed_setting_keeps_its_port(start: Start, tmp_path: Path) -> None:
    """An input that is configured again on the port it had opens after the old one has closed."""
    config, output = tmp_path / "config.toml", tmp_path / "messages.jsonl"
    configure(config, ["gelf+tcp://127.0.0.1:0"], [f"file://{output}"])
    listener = start(plain=True, arguments=["--config", str(config)])
    listener.file = output
    port = listener.port("gelf+tcp")
    configure(config, [f"gelf+tcp://127.0.0.1:{port}?max_connections=7"], [f"file://{output}"])
    assert "not reloaded" not in reload(listener)
    assert listener.port("gelf+tcp") == port
    send_tcp(("127.0.0.1", port), gelf("same port") + b"\0")
    assert texts(listener.messages(1)) == ["same port"]


def test_a_reload_while_starting(tmp_path: Path) -> None:
    """SIGHUP ends a process that has no handler for it; sockets are open before the last line is said."""
    config, port = tmp_path / "config.toml", free_port()
    configure(config, [f"gelf+tcp://127.0.0.1:{port}"], [f"file://{tmp_path}/messages.jsonl"])
    listener = Listener(tmp_path, plain=True, arguments=["--config", str(config)])

    def hang_up() -> None:
        until(lambda: is_open(port), 30, "the first socket")
        listener.signal(signal.SIGHUP)

    thread = threading.Thread(target=hang_up)
    thread.start()
    with listener:
        thread.join()
        until(lambda: any("reloaded" in line for line in listener.stderr), what="an answer to SIGHUP")
        assert listener.alive


def test_outputs_are_added_and_removed(start: Start, tmp_path: Path) -> None:
    """A removed output has written what it was given; a new one gets what comes from then on."""
    config, one, two = tmp_path / "config.toml", tmp_path / "one.jsonl", tmp_path / "two.jsonl"
    configure(config, ["gelf+tcp://127.0.0.1:0"], [f"file://{one}"])
    listener = start(plain=True, arguments=["--config", str(config)])
    address = listener.endpoint("gelf+tcp").address
    with socket.create_connection(address, ANSWER_SECONDS) as connection:
        connection.sendall(b"".join(gelf(f"{number}") + b"\0" for number in range(1000)))
        until(lambda: listener.metric("gelf_input_messages_total") == 1000, what="all taken")
        configure(config, ["gelf+tcp://127.0.0.1:0"], [f"file://{two}"])
        assert "not reloaded" not in reload(listener)
        assert len(one.read_text().splitlines()) == 1000
        connection.sendall(gelf("for two") + b"\0")
        listener.file = two
        assert texts(listener.messages(1)) == ["for two"]
    assert len(one.read_text().splitlines()) == 1000


def test_a_store_with_other_settings(start: Start, tmp_path: Path) -> None:
    """Its directory is locked; it is opened again once the one before has closed it, and nothing is lost between."""
    config, store = tmp_path / "config.toml", f"store:{tmp_path}/store"
    configure(config, ["gelf+tcp://127.0.0.1:0"], [f"{store}?max_age=1d"])
    listener = start(plain=True, arguments=["--config", str(config)])
    address = listener.endpoint("gelf+tcp").address

    def total() -> int:
        status, text = listener.get("/api/gelf/search?query=*")
        return int(json.loads(text)["total"]) if status == 200 else -1

    for number, settings in enumerate(("?max_age=2d", "?max_age=2d&name=mine", "?buffer=disk&name=mine", "?name=mine")):
        send_tcp(address, gelf(f"before {number}") + b"\0")
        until(lambda: total() == 2 * number + 1, 20, "the message before")  # noqa: B023
        configure(config, ["gelf+tcp://127.0.0.1:0"], [store + settings])
        assert "not reloaded" not in reload(listener)
        send_tcp(address, gelf(f"after {number}") + b"\0")
        until(lambda: total() == 2 * number + 2, 20, "the message after")  # noqa: B023
    until(lambda: listener.health()[0] == 200, 10, "health")
    status, report = listener.stop()
    assert status == 0, report


def test_a_broken_configuration_changes_nothing(start: Start, tmp_path: Path) -> None:
    """Whatever is wrong with it, the old one goes on, and stderr says what is wrong."""
    config, output = tmp_path / "config.toml", tmp_path / "messages.jsonl"
    tcp = "gelf+tcp://127.0.0.1:0"
    configure(config, [tcp], [f"file://{output}"])
    listener = start(plain=True, arguments=["--config", str(config)])
    listener.file = output
    before = listener.endpoints
    with socket.create_connection(before[0].address, ANSWER_SECONDS) as connection, socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        for number, (inputs, outputs, more, said) in enumerate(
            (
                ([tcp], [f"file://{output}"], "inptus = []", "inputs"),
                ([tcp], [f"file://{output}"], "= nonsense", "TOML"),
                ([tcp, "gelf+tpc://"], [f"file://{output}"], "", "gelf+tcp"),
                ([tcp, "gelf+udp://127.0.0.1:0?prot=1"], [f"file://{output}"], "", "port"),
                ([tcp, f"gelf+tcp://127.0.0.1:{port}"], [f"file://{output}"], "", "in use"),
                ([tcp, "gelf+tls://127.0.0.1:0?cert=/does/not/exist"], [f"file://{output}"], "", "does not exist"),
                ([tcp], [f"file://{output}", "nul:"], "", "null"),
            )
        ):
            configure(config, inputs, outputs, more)
            line = reload(listener)
            assert "not reloaded" in line
            assert said in line
            connection.sendall(gelf(f"goes on {number}") + b"\0")
            assert texts(listener.messages(number + 1))[-1] == f"goes on {number}"
            assert listener.endpoints == before
            assert len(listener.health()[1]["inputs"]) == 1
            assert len(listener.health()[1]["outputs"]) == 1


def test_rotated_files_are_opened_anew(start: Start, tmp_path: Path) -> None:
    """What logrotate does: move the file away, send SIGHUP."""
    config, output = tmp_path / "config.toml", tmp_path / "messages.jsonl"
    configure(config, ["gelf+tcp://127.0.0.1:0"], [f"file://{output}"])
    listener = start(plain=True, arguments=["--config", str(config)])
    address = listener.endpoint("gelf+tcp").address
    listener.file = output
    send_tcp(address, gelf("old file") + b"\0")
    listener.messages(1)
    output.rename(tmp_path / "messages.jsonl.1")
    reload(listener)
    send_tcp(address, gelf("new file") + b"\0")
    until(output.exists, what="the file written again")
    until(lambda: b"new file" in output.read_bytes(), what="the message in the new file")
    assert b"new file" not in (tmp_path / "messages.jsonl.1").read_bytes()


@pytest.mark.parametrize(
    "options", ["", "?name=one", "?buffer=disk", "?name=one&buffer=disk"], ids=["memory", "named", "disk", "named-disk"]
)
@pytest.mark.parametrize("how", ["reload", "restart"])
def test_what_waits_follows_an_address_that_is_corrected(start: Start, tmp_path: Path, options: str, how: str) -> None:
    """The destination was misspelt: what waits goes to the right one, from memory and from disk."""
    if how == "restart" and "disk" not in options:
        pytest.skip("memory does not survive a restart")
    config = tmp_path / "config.toml"
    far = start("gelf+tcp://127.0.0.1:0")
    state = {"XDG_STATE_HOME": str(tmp_path / "state")}
    configure(config, ["gelf+http://127.0.0.1:0"], [f"gelf+tcp://127.0.0.1:{free_port()}{options}"])
    near = start(plain=True, arguments=["--config", str(config)], environment=state)
    sent = [f"{number}" for number in range(5)]
    for text in sent:
        with HttpClient(near.endpoint("gelf+http").address) as client:
            assert client.post(gelf(text)).status == 202
    configure(config, ["gelf+http://127.0.0.1:0"], [f"gelf+tcp://127.0.0.1:{far.port('gelf+tcp')}{options}"])
    if how == "reload":
        assert "not reloaded" not in reload(near)
    else:
        near.stop()
        near = start(plain=True, arguments=["--config", str(config)], environment=state)
    assert texts(far.messages(5)) == sent
    assert near.health()[1]["orphaned_buffers"] == {}
    assert near.stop()[0] == 0


def test_what_nobody_writes_is_shown(start: Start, tmp_path: Path) -> None:
    """An output with a buffer on disk is removed: its messages are named in the log, in /health and in the metrics."""
    config = tmp_path / "config.toml"
    state = {"XDG_STATE_HOME": str(tmp_path / "state")}
    configure(config, ["gelf+http://127.0.0.1:0"], [f"gelf+tcp://127.0.0.1:{free_port()}?buffer=disk&name=away"])
    listener = start(plain=True, arguments=["--config", str(config)], environment=state)
    with HttpClient(listener.endpoint("gelf+http").address) as client:
        assert client.post(gelf("a")).status == 202
    configure(config, ["gelf+http://127.0.0.1:0"], ["null:"])
    reload(listener)
    for _ in range(2):
        listener.said("1 messages wait in")
        assert listener.health()[1]["orphaned_buffers"] == {"away": {"waiting": 1}}
        assert listener.metric("gelf_buffer_orphaned_messages", buffer="away") == 1
        assert "in buffers that no output writes: 1" in listener.stop()[1]
        listener = start(plain=True, arguments=["--config", str(config)], environment=state)
