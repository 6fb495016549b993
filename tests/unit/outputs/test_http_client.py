"""HttpClient: what becomes of each way in which a server can answer, or not."""

from __future__ import annotations

import asyncio
import gzip
import time
import tracemalloc
from email.utils import formatdate
from pathlib import Path

import pytest

from gelf_listener.errors import ConfigError, OutputError, Retry
from gelf_listener.outputs.http_client import Denied, HttpClient, HttpOutputSettings
from gelf_listener.testing.contracts import run
from tests.unit.outputs.web import Asked, Web, answer


def client(port: int, **settings: object) -> HttpClient:
    made = HttpOutputSettings(host="127.0.0.1", port=port, **{"timeout_seconds": 2, **settings})
    return HttpClient(made, 80, tls=False)


def outcome(said: bytes | None, **settings: object) -> OutputError | bytes:
    """What a request ends with when the server answers so."""

    async def main() -> OutputError | bytes:
        async with Web(lambda _: said) as web:
            asking = client(web.port, **settings)
            try:
                return await asking.post("/x", b"body", "text/plain")
            except OutputError as error:
                return error
            finally:
                await asking.close()

    return asyncio.run(main())


@pytest.mark.parametrize(("compress", "accepted"), [("gzip", "gzip"), ("zlib", "gzip"), ("none", "identity")])
def test_answers_are_compressed_where_bodies_are(compress: str, accepted: str) -> None:
    """To a server beside us both only take time."""

    async def main() -> None:
        async with Web(lambda asked: answer(200, asked.headers["accept-encoding"].encode())) as web:
            asking = client(web.port, compress=compress)
            assert await asking.request("GET", "/") == accepted.encode()
            await asking.close()

    asyncio.run(main())


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_success(status: int) -> None:
    """With the answer's body."""
    assert outcome(answer(status, b"" if status == 204 else b"said")) == (b"" if status == 204 else b"said")


@pytest.mark.parametrize("status", [301, 401, 403, 404, 405, 407, 408, 425, 429, 500, 502, 503, 504])
def test_again(status: int) -> None:
    """Busy or broken, or something that somebody will repair: nothing is given up."""
    error = outcome(answer(status, b"not\n now"))
    assert isinstance(error, Retry)
    assert f"status {status}: not now" in str(error)
    assert error.after_seconds is None


@pytest.mark.parametrize("status", [400, 406, 409, 413, 415, 422])
def test_never(status: int) -> None:
    """With the server's words, in short."""
    error = outcome(answer(status, b"bad " * 1000))
    assert isinstance(error, Denied)
    assert (error.status, len(error.said)) == (status, 300)


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [
        ("7", 7, 7),
        ("99999999999999", 3600, 3600),
        ("soon", None, None),
        ("\xb2", None, None),
        ("7\xbd", None, None),
        ("", None, None),
        ("-3", None, None),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0, 0),
    ],
)
def test_retry_after(text: str, least: float | None, most: float | None) -> None:
    """Seconds or a date, within bounds; what is neither is ignored."""
    error = outcome(answer(503, retry_after=text))
    assert isinstance(error, Retry)
    if least is None or most is None:
        assert error.after_seconds is None
    else:
        assert error.after_seconds is not None
        assert least <= error.after_seconds <= most


def test_retry_after_a_date() -> None:
    """In how many seconds it will be that date."""
    error = outcome(answer(503, retry_after=formatdate(time.time() + 1000, usegmt=True)))
    assert isinstance(error, Retry)
    assert error.after_seconds is not None
    assert 500 <= error.after_seconds <= 1001


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"\0\1\2 garbage\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: nonsense\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\nconnection: close\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\nnope",
    ],
)
def test_garbage(said: bytes) -> None:
    """Is no answer."""
    error = outcome(said + b"" if b"short" not in said else said, timeout_seconds=0.5)
    assert isinstance(error, Retry)


def test_silence() -> None:
    """Has an end."""
    error = outcome(None, timeout_seconds=0.2)
    assert isinstance(error, Retry)
    assert "no answer within 0.2 s" in str(error)


def test_an_endless_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Is not read to its end."""
    monkeypatch.setattr("gelf_listener.outputs.http_client._MOST_ANSWER_BYTES", 1000)
    error = outcome(answer(200, b"x" * 5000))
    assert isinstance(error, Retry)
    assert "longer than 1000 bytes" in str(error)


def test_an_answer_is_inflated_up_to_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few hundred bytes that inflate to 64 MiB take no memory."""
    monkeypatch.setattr("gelf_listener.outputs.http_client._MOST_ANSWER_BYTES", 1000)
    bomb = gzip.compress(bytes(64 << 20))
    tracemalloc.start()
    try:
        error = outcome(answer(200, bomb, content_encoding="gzip"), timeout_seconds=5)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert isinstance(error, Retry)
    assert "longer than 1000 bytes" in str(error)
    assert peak < 8 << 20
    assert outcome(answer(200, gzip.compress(b"fine"), content_encoding="gzip")) == b"fine"


def test_nobody_is_there() -> None:
    """A port that is closed."""

    async def main() -> None:
        async with Web(lambda _: b"") as web:
            port = web.port
        asking = client(port)
        with pytest.raises(Retry):
            await asking.post("/", b"", "text/plain")
        await asking.close()

    run(main())


def test_a_connection_that_ends_while_it_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """anyio asks for the socket of a connection that uvloop has closed already, and fails on the None it gets."""
    from httpcore._backends.anyio import AnyIOStream

    def extra(stream: AnyIOStream, info: str) -> object:
        raise AttributeError("'NoneType' object has no attribute 'getpeername'")

    monkeypatch.setattr(AnyIOStream, "get_extra_info", extra)
    error = outcome(answer(200))
    assert isinstance(error, Retry)
    assert "getpeername" in str(error)


def test_a_reset_is_named() -> None:
    """The library's error has no text then."""

    async def main() -> None:
        async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.transport.abort()

        server = await asyncio.start_server(reset, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        asking = client(port)
        with pytest.raises(Retry, match=rf"http://127.0.0.1:{port}: \w+"):
            await asking.post("/", b"", "text/plain")
        await asking.close()
        server.close()
        await server.wait_closed()

    run(main())


def test_requests() -> None:
    """Headers of ours and of the settings; long bodies with gzip; one connection for many requests."""

    async def main() -> list[Asked]:
        async with Web(lambda _: answer(200)) as web:
            asking = client(web.port, token="secret", headers="X-One: 1; X-Two: a:b")
            await asking.post("/a?b=c", b"x" * 5000, "text/plain", {"X-Three": "3"})
            await asking.request("PUT", "/b", b"short")
            await asking.close()
            await asking.close()
            assert web.connections == 1
            return web.asked

    first, second = asyncio.run(main())
    assert (first.method, first.path, first.body) == ("POST", "/a?b=c", b"x" * 5000)
    assert first.headers["content-encoding"] == "gzip"
    assert int(first.headers["content-length"]) < 100
    assert (first.headers["authorization"], first.headers["user-agent"]) == ("Bearer secret", "gelf-listener")
    assert [first.headers[f"x-{name}"] for name in ("one", "two", "three")] == ["1", "a:b", "3"]
    assert (second.method, second.body, "content-encoding" in second.headers) == ("PUT", b"short", False)


def test_basic_authentication() -> None:
    """User and password."""

    async def main() -> Asked:
        async with Web(lambda _: answer(200)) as web:
            asking = client(web.port, user="ann", password="ü:x")
            await asking.post("/", b"", "text/plain")
            await asking.close()
            return web.asked[0]

    assert asyncio.run(main()).headers["authorization"] == "Basic YW5uOsO8Ong="


@pytest.mark.parametrize("headers", ["nonsense", ": x", "Ü: x", "a: b\r\nc: d"])
def test_headers_that_are_none(headers: str) -> None:
    """Are told of at the start, without what they hold."""
    with pytest.raises(ConfigError, match="setting 'headers': write"):
        client(1, headers=headers)


@pytest.mark.parametrize(
    ("setting", "value"), [("token", "tökén"), ("token", "secret\n"), ("headers", "a: ü"), ("headers", "a: b\x00c")]
)
def test_values_that_no_header_can_have(setting: str, value: str) -> None:
    """Every request would fail; a secret from a file often ends with a line end."""
    with pytest.raises(ConfigError, match=f"setting '{setting}': a header takes only printable ASCII") as raised:
        client(1, **{setting: value})
    assert value not in str(raised.value)


def test_files_of_tls_without_tls(tmp_path: Path) -> None:
    """Would be of no use."""
    with pytest.raises(ConfigError, match="'ca' is of use with TLS only"):
        client(1, ca=tmp_path / "ca.pem")
