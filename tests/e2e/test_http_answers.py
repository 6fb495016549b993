"""HTTP: what is not taken, and what the client is told."""

from __future__ import annotations

import base64
import gzip
from collections.abc import Iterator

import pytest

from tests.e2e.conftest import Start
from tests.e2e.listener import Listener
from tests.e2e.wire import HttpClient, gelf, texts

LIMIT = 100_000


def basic(pair: str) -> str:
    """An Authorization header."""
    return "Authorization: Basic " + base64.b64encode(pair.encode()).decode()


def test_authorization(start: Start) -> None:
    """Without the right one nothing is stored, whatever the body (Graylog issue 21156)."""
    listener = start("gelf+http://shop:s3cret%21@127.0.0.1:0?token=t0ken")
    with HttpClient(listener.endpoint("gelf+http").address) as client:
        wrong = ["", basic("shop:wrong"), basic("else:s3cret!"), "Authorization: Basic", "Authorization: Bearer t0ke"]
        for header in [*wrong, "Authorization: Basic !!!", basic("shop:s3cret!") + "x"]:
            answer = client.post(gelf("stored without being asked"), *filter(None, [header]))
            assert answer.status == 401, header
            assert answer.headers["www-authenticate"].startswith("Basic ")
        for header in (basic("shop:s3cret!"), "Authorization: Bearer t0ken", "authorization: bearer t0ken"):
            assert client.post(gelf("allowed"), header).status == 202, header
        assert client.post(b"", path="/else").status == 401  # nothing is told to strangers, not even which paths exist
    assert texts(listener.messages(3)) == ["allowed"] * 3
    assert "s3cret" not in listener.log
    assert "t0ken" not in listener.log


def test_paths_and_methods(start: Start) -> None:
    """404, 405 with Allow, and a body that says what would be right."""
    listener = start("gelf+http://127.0.0.1:0", "gelf+http://127.0.0.1:0/in/here?name=other")
    with HttpClient(listener.endpoint("gelf+http").address) as client:
        for path in ("/", "/gelf2", "/gelf/more", "*", "//gelf"):
            answer = client.post(gelf(path), path=path)
            assert answer.status == 404, path
            assert "/gelf" in answer.error["message"]
        for path in ("/gelf", "/gelf/", "/gelf?source=x"):
            assert client.post(gelf("right"), path=path).status == 202, path
        for method in ("GET", "PUT", "DELETE", "PATCH", "HEAD"):
            answer = client.post(b"", method=method)
            assert (answer.status, answer.headers["allow"]) == (405, "POST, OPTIONS"), method
        assert client.post(gelf("right")).status == 202
    other = next(endpoint for endpoint in listener.endpoints if endpoint.path.startswith("/***"))
    with HttpClient(other.address) as client:
        assert client.post(gelf("right"), path="/in/here").status == 202
        assert client.post(gelf("wrong")).status == 404
    assert texts(listener.messages(5)) == ["right"] * 5


def test_browsers_of_any_origin(start: Start) -> None:
    """A preflight request and the answer to the real one, as Graylog gives them; off when turned off."""
    listener = start("gelf+http://127.0.0.1:0", "gelf+http://127.0.0.1:0?cors=false&name=closed")
    origin = "Origin: https://shop.example"
    with HttpClient(listener.endpoints[0].address) as client:
        answer = client.post(b"", origin, "Access-Control-Request-Method: POST", method="OPTIONS")
        assert answer.status == 200
        assert answer.headers["access-control-allow-origin"] == "https://shop.example"
        assert "POST" in answer.headers["access-control-allow-methods"]
        assert "Content-Type" in answer.headers["access-control-allow-headers"]
        answer = client.post(gelf("from a browser"), origin)
        assert (answer.status, answer.headers["access-control-allow-origin"]) == (202, "https://shop.example")
    with HttpClient(listener.endpoints[1].address) as client:
        answer = client.post(gelf("from a browser"), origin)
        assert answer.status == 202
        assert "access-control-allow-origin" not in answer.headers
    listener.messages(2)


def test_body_limits(start: Start) -> None:
    """At the limit, one over (declared, streamed, inflated), and an honest message afterwards."""
    listener = start(f"gelf+http://127.0.0.1:0?max_body_bytes={LIMIT}&max_payload_bytes={2 * LIMIT}")
    address = listener.endpoint("gelf+http").address
    fill = LIMIT - len(gelf("", timestamp=1.5))
    with HttpClient(address) as client:
        assert client.post(gelf("x" * fill, timestamp=1.5)).status == 202
        client.send(HttpClient.request(gelf("x" * (fill + 1), timestamp=1.5))[:200])
        assert client.read().status == 413  # by what it declares, before it is sent
        assert client.closed()
    with HttpClient(address) as client:
        client.send(HttpClient.request(b"", "Transfer-Encoding: chunked", length=False))
        part = b"%x\r\n%s\r\n" % (10_000, b" " * 10_000)
        client.send(part * 11)
        assert client.read().status == 413
        assert client.closed()
    with HttpClient(address) as client:
        answer = client.post(gzip.compress(gelf("x" * 2 * LIMIT)), "Content-Encoding: gzip")
        assert (answer.status, answer.error["reason"]) == (413, "payload_too_large")
        assert client.post(gelf("honest")).status == 202
    assert texts(listener.messages(2)) == ["x" * fill, "honest"]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Listener]:
    """One listener for everything that is not a request."""
    with Listener(tmp_path_factory.mktemp("no_request"), "gelf+http://127.0.0.1:0") as listener:
        yield listener


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"POST /gelf HTTP/1.1\r\nHost: x\r\nX-Long: " + b"x" * 400_000, 431),  # several reads
        (b"POST /" + b"x" * 9_000 + b" HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", 431),
        (b"POST /gelf HTTP/1.1\r\nContent-Length: abc\r\n\r\n", 400),
        (b"POST /gelf HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", 400),
        (b"POST /gelf HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n", 400),
        (b"POST /gelf HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
        (gelf() + b"\0", 400),
        (b"\r\n\r\n\r\nGET", None),
    ],
    ids=["headers", "target", "length", "lengths", "huge", "chunk", "tls", "gelf", "blank"],
)
def test_bytes_that_are_no_request(shared: Listener, request_: bytes, status: int | None) -> None:
    """An answer where one is due, the connection closed, and the next client is served."""
    address = shared.endpoint("gelf+http").address
    before = len(shared.lines())
    with HttpClient(address) as client:
        client.send(request_)
        if status is not None:
            answer = client.read()
            assert answer.status in (status, 413)
            # A parsed request is answered like any other; after what is not a request there is no telling what follows.
            if b" /xxx" not in request_:
                assert answer.headers["connection"] == "close"
                assert client.closed()
    with HttpClient(address) as client:
        assert client.post(gelf("honest")).status == 202
    assert texts(shared.messages(before + 1))[before:] == ["honest"]
    assert "Traceback" not in shared.log
