"""HTTP: how bodies come, whatever the headers claim."""

from __future__ import annotations

import gzip
import subprocess
import zlib
from pathlib import Path

import pytest

from tests.e2e.conftest import Certificates, Start
from tests.e2e.listener import Listener
from tests.e2e.wire import HttpClient, gelf, texts
from tests.requirements import need


def raw_deflate(data: bytes) -> bytes:
    """Deflate without zlib's header, as some take "deflate" to mean."""
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


PACKERS = {"plain": lambda data: data, "gzip": gzip.compress, "zlib": zlib.compress}
ENCODINGS = ["", "gzip", "deflate", "gzip,deflate", "identity"]


@pytest.fixture
def listener(start: Start) -> Listener:
    """A listener for HTTP."""
    return start("gelf+http://127.0.0.1:0")


def test_bodies_are_told_from_their_bytes(listener: Listener) -> None:
    """Right and wrong: graypy says gzip,deflate and sends zlib, gelf-php says gzip, asyncgelf sends plain text."""
    sent = []
    with HttpClient(listener.endpoint("gelf+http").address) as client:
        for encoding in ENCODINGS:
            headers = [f"Content-Encoding: {encoding}"] if encoding else []
            for name, pack in PACKERS.items():
                sent.append(f"{name} as {encoding or 'nothing'}")
                assert client.post(pack(gelf(sent[-1])), *headers).status == 202, sent[-1]
        sent.append("raw deflate")
        assert client.post(raw_deflate(gelf(sent[-1])), "Content-Encoding: deflate").status == 202
        sent += ["two", "lines"]
        assert client.post(gzip.compress(gelf("two") + b"\n" + gelf("lines")), "Content-Encoding: gzip").status == 202
    assert texts(listener.messages(len(sent))) == sent


def test_content_types_are_nobodys_business(listener: Listener) -> None:
    """`curl -d` says it sends a form, graypy says nothing."""
    types = ["application/json", "application/x-www-form-urlencoded", "text/plain; charset=latin-1", "nonsense"]
    with HttpClient(listener.endpoint("gelf+http").address) as client:
        for kind in types:
            assert client.post(gelf(kind), f"Content-Type: {kind}").status == 202
    assert texts(listener.messages(len(types))) == types


def test_what_cannot_be_understood_is_a_400_with_a_reason(listener: Listener) -> None:
    """The client is told, the rejection is counted, and the connection goes on."""
    bodies = {
        b"": "empty_payload",
        b"no json": "invalid_json",
        b"{}": "no_message",
        b"[1, 2]": "not_an_object",
        gzip.compress(gelf())[:-20]: "corrupt_compression",
    }
    with HttpClient(listener.endpoint("gelf+http").address) as client:
        for body, reason in bodies.items():
            answer = client.post(body)
            assert (answer.status, answer.headers["content-type"]) == (400, "application/json"), body
            assert answer.error["reason"] == reason, answer
            assert answer.error["message"]
            assert listener.rejected(reason) >= 1, answer
        answer = client.post(gelf("br"), "Content-Encoding: br")
        assert answer.status == 202  # a header that lies: the body is plain
        assert client.post(b"\x8b\x05\x80not brotli", "Content-Encoding: br").error["reason"] == "unknown_compression"
    assert texts(listener.messages(1)) == ["br"]


def test_graylog_mode_answers_before_it_looks(start: Start) -> None:
    """A real Graylog says 202 to anything; the rejection is counted all the same."""
    listener = start("gelf+http://127.0.0.1:0?mode=graylog")
    with HttpClient(listener.endpoint("gelf+http").address) as client:
        assert client.post(b"no json").status == 202
        assert client.post(gelf("good")).status == 202
    assert texts(listener.messages(1)) == ["good"]
    assert listener.rejected() == 1


def test_chunked_transfer(listener: Listener) -> None:
    """Chunks that end anywhere, with extensions and trailers; several requests on the connection."""
    with HttpClient(listener.endpoint("gelf+http").address) as client:
        for size in (1, 7, 1000):
            body = gelf(f"chunks of {size}")
            parts = [body[start : start + size] for start in range(0, len(body), size)]
            coded = b"".join(b"%x;ext=1\r\n%s\r\n" % (len(part), part) for part in parts)
            client.send(HttpClient.request(b"", "Transfer-Encoding: chunked", length=False))
            client.send(coded + b"0\r\nTrailer: x\r\n\r\n")
            assert client.read().status == 202
        assert client.post(gelf("plain again")).status == 202
    assert texts(listener.messages(4)) == ["chunks of 1", "chunks of 7", "chunks of 1000", "plain again"]


def test_expect_100_continue(listener: Listener) -> None:
    """curl asks before it sends more than a kilobyte, and is answered at once, also with a refusal."""
    address = listener.endpoint("gelf+http").address
    body = gelf("asked first")
    with HttpClient(address) as client:
        client.send(HttpClient.request(body, "Expect: 100-continue")[: -len(body)])
        assert client.read().status == 100
        client.send(body)
        assert client.read().status == 202
    with HttpClient(address) as client:
        client.send(HttpClient.request(body, "Expect: 100-continue", path="/else")[: -len(body)])
        assert client.read().status == 404  # before the body is sent
    assert texts(listener.messages(1)) == ["asked first"]


def test_upgrade_to_h2c_is_declined(listener: Listener) -> None:
    """Java's client offers HTTP/2 with every request; the body is there all the same."""
    upgrade = (
        "Connection: Upgrade, HTTP2-Settings",
        "Upgrade: h2c",
        "HTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAA",
    )
    with HttpClient(listener.endpoint("gelf+http").address) as client:
        for number in range(3):
            assert client.post(gelf(f"h2c {number}"), *upgrade).status == 202
        body = zlib.compress(gelf("chunked h2c"))
        client.send(HttpClient.request(b"", "Transfer-Encoding: chunked", *upgrade, length=False))
        client.send(b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body))
        assert client.read().status == 202
        assert client.post(gelf("plain")).status == 202
    assert texts(listener.messages(5)) == ["h2c 0", "h2c 1", "h2c 2", "chunked h2c", "plain"]


@pytest.mark.parametrize("version", ["--http1.0", "--http1.1", "--http2"])
def test_curl(start: Start, tmp_path: Path, certificates: Certificates, version: str) -> None:
    """The one-liners of every tutorial, with a body long enough for `Expect`, and by HTTPS."""
    curl = need("curl")
    listener = start("gelf+http://127.0.0.1:0", f"gelf+https://localhost:0?cert={certificates.server}")
    (tmp_path / "body").write_bytes(gelf("from a file", full_message="x" * 3000))
    http = f"http://127.0.0.1:{listener.port('gelf+http')}/gelf"
    https = f"https://localhost:{listener.port('gelf+https')}/gelf"
    for command in (
        ["-d", gelf("in the command").decode(), http],
        ["-X", "POST", "-H", "Content-Type: application/json", "--data-binary", f"@{tmp_path / 'body'}", http],
        ["-H", "Transfer-Encoding: chunked", "--data-binary", f"@{tmp_path / 'body'}", http],
        ["--cacert", str(certificates.ca), "-d", gelf("encrypted").decode(), https],
    ):
        if version == "--http1.0" and "Transfer-Encoding: chunked" in command:
            command = ["--data-binary", f"@{tmp_path / 'body'}", http]  # 1.0 has no chunks
        done = subprocess.run(
            [curl, "-sS", "--max-time", "10", "--noproxy", "*", version, "-w", "%{http_code}", *command],
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
        assert (done.stdout, done.stderr) == ("202", "")
    assert texts(listener.messages(4)) == ["in the command", "from a file", "from a file", "encrypted"]
