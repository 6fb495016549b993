"""send: against real inputs on loopback, in process."""

from __future__ import annotations

import asyncio
import io
import json
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from gelf_listener import cli
from gelf_listener.commands import send as module
from gelf_listener.commands.send import _Pace, parse_field, parse_level
from gelf_listener.errors import ConfigError
from gelf_listener.inputs.http import HttpInput, HttpSettings, HttpsInput, HttpsSettings
from gelf_listener.inputs.tcp import TcpInput, TcpSettings, TlsInput, TlsInputSettings
from gelf_listener.inputs.udp import UdpInput, UdpSettings
from tests.unit.fakes import FakeIntake


def call(*arguments: str) -> Any:
    with pytest.raises(SystemExit) as caught:
        cli.main(["send", *arguments])
    return caught.value.code or 0


def send(make: Callable[[], Any], *arguments: str, query: str = "", count: int = 1, user: str = "") -> FakeIntake:
    """Send to an input that is made in the loop; wait for so many messages."""

    async def main() -> FakeIntake:
        intake = FakeIntake()
        made = make()
        await made.start(intake)
        scheme, _, where = made.listening[0].partition("://")
        try:
            status = await asyncio.to_thread(call, "--to", f"{scheme}://{user}{where}{query}", *arguments)
            assert status == 0
            async with asyncio.timeout(40):
                while len(intake.messages) < count:
                    await asyncio.sleep(0.001)
        finally:
            await made.close()
        return intake

    return asyncio.run(main())


def udp() -> UdpInput:
    return UdpInput(UdpSettings(host="127.0.0.1", port=0, receive_buffer_bytes=1 << 20))


def tcp() -> TcpInput:
    return TcpInput(TcpSettings(host="127.0.0.1", port=0))


def web(**settings: Any) -> Callable[[], HttpInput]:
    return lambda: HttpInput(HttpSettings(host="127.0.0.1", port=0, **settings))


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def certificate(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("tls")
    issued = authority.issue_cert("localhost", "127.0.0.1")
    issued.private_key_and_cert_chain_pem.write_to_path(directory / "cert.pem")
    authority.cert_pem.write_to_path(directory / "ca.pem")
    return directory / "cert.pem"


@pytest.mark.parametrize("make", [udp, tcp, web()], ids=["udp", "tcp", "http"])
def test_a_message(make: Callable[[], Any], capsys: pytest.CaptureFixture[str]) -> None:
    """With every part of it; a sentence says what was done."""
    options = ("-f", "user_id=42", "--field", "_cart=a=b", "-l", "error", "--host", "web-1", "--full-message", "more")
    (message,) = send(make, *options, "hello").messages
    assert (message.short_message, message.host, message.level) == ("hello", "web-1", 3)
    assert message.full_message == "more"
    assert message.fields == {"user_id": 42, "cart": "a=b"}
    assert message.notes == ()
    assert capsys.readouterr().err.startswith("sent 1 message to gelf+")


def test_every_setting_of_the_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Addresses take what `--output` takes: here a query, a name for the way, a delimiter and times with units."""
    monkeypatch.setattr(sys, "stdin", io.StringIO("one\ntwo\n"))
    query = "?where=two&forwarder=shop&framing=newline&timeout_seconds=5s&max_buffer_bytes=1MiB"
    (message,) = send(tcp, query=query).messages
    assert (message.short_message, message.fields["forwarder"]) == ("two", "shop")


def test_an_encrypted_key(authority: trustme.CA, certificate: Path, tmp_path: Path) -> None:
    """Its password is a setting."""
    from cryptography.hazmat.primitives import serialization

    issued = authority.issue_cert("client@example.org")
    key = serialization.load_pem_private_key(issued.private_key_pem.bytes(), None)
    sealed = serialization.BestAvailableEncryption(b"hunter2")
    pem = serialization.PrivateFormat.PKCS8
    (tmp_path / "key.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, pem, sealed))
    issued.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    ca = certificate.with_name("ca.pem")
    values = {"host": "127.0.0.1", "port": 0, "cert": certificate, "client_ca": ca}
    query = f"?ca={ca}&cert={tmp_path / 'cert.pem'}&key={tmp_path / 'key.pem'}&key_password=hunter2"
    assert send(lambda: TlsInput(TlsInputSettings(**values)), "hello", query=query).texts == ["hello"]


def test_a_buffer_on_disk(closed_port: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Keeps what the destination does not take; the next one sends it."""
    query = f"?buffer=disk&buffer_path={tmp_path / 'buffer'}"
    assert call("--to", f"gelf+tcp://127.0.0.1:{closed_port}{query}", "first") == 0
    err = capsys.readouterr().err
    assert "sent 0 messages" in err
    assert "1 message left in the buffer: Connection refused" in err
    assert send(tcp, "second", query=query, count=2).texts == ["first", "second"]


def test_retry(closed_port: int, capsys: pytest.CaptureFixture[str]) -> None:
    """Says for how long a destination may be away."""
    began = time.monotonic()
    assert call("--to", f"gelf+tcp://127.0.0.1:{closed_port}?retry=300ms", "hello") == 1
    assert time.monotonic() - began > 0.3
    assert "Connection refused" in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["zlib", "gzip"])
@pytest.mark.parametrize("make", [udp, web()], ids=["udp", "http"])
def test_compressed(make: Callable[[], Any], kind: str) -> None:
    """What the listener gets, it understands."""
    assert send(make, "--compress", kind, "hello").texts == ["hello"]


def test_chunks() -> None:
    """A long message goes in datagrams of the size given."""
    assert send(udp, "--chunk-bytes", "100", "x" * 5000).texts == ["x" * 5000]


def test_counted(capsys: pytest.CaptureFixture[str]) -> None:
    """So many times."""
    assert send(tcp, "-n", "50", "hello", count=50).texts == ["hello"] * 50
    assert "sent 50 messages to gelf+tcp://127.0.0.1:" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [(), ("-",)], ids=["piped", "dash"])
def test_standard_input(arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """Each line that is not blank is a message."""
    monkeypatch.setattr(sys, "stdin", io.StringIO("one\r\n\n  \ntwo\n three"))
    assert send(tcp, *arguments, count=3).texts == ["one", "two", " three"]


def test_nothing_to_send(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """On a terminal, nobody is kept waiting without a word."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stdin", Terminal())
    assert call() == 2
    assert "no message: give one as an argument" in capsys.readouterr().err


def test_tls(authority: trustme.CA, certificate: Path) -> None:
    """With the authority's certificate, or without looking."""
    values = {"host": "127.0.0.1", "port": 0, "cert": certificate}
    ca = certificate.with_name("ca.pem")
    for query in (f"?ca={ca}", "?verify=no"):
        assert send(lambda: TlsInput(TlsInputSettings(**values)), "hello", query=query).texts == ["hello"]
        assert send(lambda: HttpsInput(HttpsSettings(**values)), "hello", query=query).texts == ["hello"]


def test_untrusted(certificate: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A certificate nobody vouched for is an error, and nothing is sent."""
    with pytest.raises(AssertionError):
        send(lambda: TlsInput(TlsInputSettings(host="127.0.0.1", port=0, cert=certificate)), "hello")
    assert "certificate verify failed" in capsys.readouterr().err


def test_basic_and_bearer() -> None:
    """An address carries what the input asks for."""
    assert send(web(user="ann", password="a:b c"), "hello", user="ann:a%3Ab%20c@").texts == ["hello"]
    assert send(web(token="t0ken"), "hello", query="?token=t0ken").texts == ["hello"]


def test_refused_by_the_server(capsys: pytest.CaptureFixture[str]) -> None:
    """Its status and reason are shown; its secrets are not."""
    with pytest.raises(AssertionError):
        send(web(token="other"), "hello", query="?token=hunter2")
    err = capsys.readouterr().err
    assert ": status 401: " in err
    assert "hunter2" not in err


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that nothing is listening on, and nobody else gets meanwhile."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        sock.bind(("127.0.0.1", 0))
        yield sock.getsockname()[1]


@pytest.mark.parametrize("scheme", ["gelf+udp", "gelf+tcp", "gelf+tls", "gelf+http", "gelf+https"])
def test_nobody_listens(scheme: str, closed_port: int, capsys: pytest.CaptureFixture[str]) -> None:
    """Status 1 and one line, without the password; UDP too learns of it."""
    user = "ann:hunter2@" if "http" in scheme else ""
    assert call("--to", f"{scheme}://{user}127.0.0.1:{closed_port}", "hello") == 1
    err = capsys.readouterr().err
    assert "refused" in err
    assert "hunter2" not in err
    assert len(err.splitlines()) == 1


def test_a_server_that_speaks_something_else(capsys: pytest.CaptureFixture[str]) -> None:
    """Not a traceback."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            sock, _ = server.accept()
            with sock:
                sock.recv(1000)
                sock.sendall(b"220 mail.example ESMTP\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        assert call("--to", f"gelf+http://127.0.0.1:{server.getsockname()[1]}", "hello") == 1
        thread.join()
    assert "gelf+http://127.0.0.1:" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--to", "gelf+ump://x", "m"], "expected one of gelf+udp, gelf+tcp, gelf+tls, gelf+http, gelf+https"),
        (["--to", "kafka://ann:hunter2@x", "m"], "setting 'to' is 'kafka://x'"),
        (
            ["--to", "gelf+http://x?tokn=hunter2", "m"],
            "gelf+http://x:12203: unknown setting 'tokn'; did you mean 'token'?",
        ),
        (["--to", "gelf+udp://x?zzz=1", "m"], "unknown setting 'zzz'; known settings: batch, "),
        (["--compress", "brotli", "m"], "setting 'compress' is 'brotli': expected none, zlib, gzip"),
        (["--compress", "zlib", "--to", "gelf+tcp://x", "m"], "GELF over TCP is not compressed"),
        (["--level", "8", "m"], "setting 'level' is '8': expected 0 to 7, or a name such as error"),
        (["--level", "errro", "m"], "setting 'level' is 'errro': did you mean error?"),
        (["--level", "loud", "m"], "setting 'level' is 'loud'"),
        (["--field", "novalue", "m"], "setting 'field' is 'novalue': expected name=value"),
        (["--field", "=x", "m"], "setting 'field' is '=x'"),
    ],
)
def test_mistakes(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Status 2, with the setting, its value and what is allowed."""
    assert call(*arguments) == 2
    err = capsys.readouterr().err
    assert words in err
    assert "hunter2" not in err


def test_too_long_for_udp(closed_port: int, capsys: pytest.CaptureFixture[str]) -> None:
    """128 chunks is what GELF has; one more is refused before anything is sent."""
    assert call("--to", f"gelf+udp://127.0.0.1:{closed_port}", "--chunk-bytes", "13", "x" * 500) == 1
    assert "128" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a=1", ("a", 1)),
        ("a=-1", ("a", -1)),
        ("a=1.5", ("a", 1.5)),
        ("a=1e3", ("a", 1000.0)),
        ("a=9223372036854775807", ("a", 2**63 - 1)),
        ("a=9223372036854775808", ("a", "9223372036854775808")),
        ("a=" + "9" * 5000, ("a", "9" * 5000)),
        ("a=1e999", ("a", "1e999")),
        ("a=1_000", ("a", "1_000")),
        ("a=007", ("a", "007")),
        ("a= 1", ("a", " 1")),
        ("a=nan", ("a", "nan")),
        ("a=inf", ("a", "inf")),
        ("a=٣", ("a", "٣")),
        ("a=", ("a", "")),
        ("a=b=c", ("a", "b=c")),
        (" _a =x", ("a", "x")),
    ],
)
def test_fields(text: str, expected: tuple[str, Any]) -> None:
    """Numbers are what JSON calls so, and what every peer can hold; the rest stays text."""
    assert parse_field(text) == expected
    assert type(parse_field(text)[1]) is type(expected[1])
    json.dumps(parse_field(text))


@pytest.mark.parametrize(("text", "level"), [("0", 0), ("7", 7), ("error", 3), ("WARNING", 4), ("info", 6)])
def test_levels(text: str, level: int) -> None:
    """Numbers and names."""
    assert parse_level(text) == level


@pytest.mark.parametrize("text", ["8", "-1", "", "²", "01"])
def test_no_levels(text: str) -> None:
    """And what is neither."""
    with pytest.raises(ConfigError, match="setting 'level' is"):
        parse_level(text)


@pytest.mark.parametrize("text", ["eror", "erro", "errro", "Eror"])
def test_a_level_that_is_misspelled(text: str) -> None:
    """As in a query: some program abbreviates it like that, but nobody who types it means to."""
    with pytest.raises(ConfigError, match="did you mean error"):
        parse_level(text)


def test_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rate is kept on average: after a delay it catches up."""
    now, slept = [0.0], []

    class Time:
        @staticmethod
        def monotonic() -> float:
            return now[0]

        @staticmethod
        def sleep(seconds: float) -> None:
            slept.append(round(seconds, 6))
            now[0] += seconds

    monkeypatch.setattr(module, "time", Time)
    pace = _Pace(10)
    for _ in range(3):
        pace.wait()
    assert slept == [0.1, 0.1]
    now[0] += 0.25
    for _ in range(3):
        pace.wait()
    assert slept == [0.1, 0.1, 0.05]
    free = _Pace(0)
    free.wait()
    assert len(slept) == 3


def test_a_line_of_json_is_read(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """As `pipe` reads it: GELF, or a logger's record; its fields beside those of the options."""
    lines = '{"msg":"paid","level":"error","order":7}\n{"version":"1.1","host":"h","short_message":"g"}\nplain {text}\n'
    monkeypatch.setattr(sys, "stdin", io.StringIO(lines))
    intake = send(udp, "-", "-f", "env=dev", count=3)
    assert [(m.short_message, m.level) for m in intake.messages] == [("paid", 3), ("g", None), ("plain {text}", 6)]
    assert intake.messages[0].fields["order"] == 7
    assert intake.messages[0].fields["env"] == "dev"
    assert "sent 3 messages" in capsys.readouterr().err
