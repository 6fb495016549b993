"""HTTP: many requests on one connection, each of which counts."""

from __future__ import annotations

import threading

from tests.e2e.conftest import Start
from tests.e2e.listener import until
from tests.e2e.wire import HttpClient, gelf, texts


def test_every_request_of_a_connection_counts(start: Start) -> None:
    """One after the other, the answer read in between."""
    listener = start("gelf+http://127.0.0.1:0")
    with HttpClient(listener.endpoint("gelf+http").address) as client:
        for number in range(300):
            answer = client.post(gelf(f"request {number}"))
            assert (answer.status, answer.phrase, answer.body) == (202, "Accepted", b"")
            assert answer.headers["content-length"] == "0"
    assert texts(listener.messages(300)) == [f"request {number}" for number in range(300)]
    assert listener.metric("gelf_input_connections_total") == 1


def test_newline_delimited_bodies_on_one_connection(start: Start) -> None:
    """Graylog loses all but the first request of a connection when bodies hold several messages (its issue 21551)."""
    listener = start("gelf+http://127.0.0.1:0")
    with HttpClient(listener.endpoint("gelf+http").address) as client:
        for number in range(50):
            body = b"\n".join(gelf(f"request {number} line {line}") for line in range(5))
            assert client.post(body + (b"\n" if number % 2 else b"")).status == 202
    expected = [f"request {number} line {line}" for number in range(50) for line in range(5)]
    assert texts(listener.messages(250)) == expected


def test_other_bodies_with_several_messages(start: Start) -> None:
    """An array, objects one after the other, objects over several lines; one bad line does not cost the others."""
    listener = start("gelf+http://127.0.0.1:0")
    with HttpClient(listener.endpoint("gelf+http").address) as client:
        assert client.post(b"[" + gelf("in") + b",\n" + gelf("array") + b"]").status == 202
        assert client.post(gelf("put") + gelf("together")).status == 202
        assert client.post(gelf("pretty").replace(b", ", b",\r\n  ")).status == 202
        assert client.post(gelf("crlf") + b"\r\n" + gelf("lines") + b"\r\n\r\n").status == 202
        assert client.post(gelf("good") + b"\n" + b'{"version": "1.1"}' + b"\n" + gelf("also good")).status == 202
    expected = ["in", "array", "put", "together", "pretty", "crlf", "lines", "good", "also good"]
    assert texts(listener.messages(len(expected))) == expected
    assert listener.rejected() == 1


def test_pipelined_requests_are_answered_in_order(start: Start) -> None:
    """All sent before one answer is read, in segments that end anywhere."""
    listener = start("gelf+http://127.0.0.1:0")
    requests = b"".join(
        HttpClient.request(gelf(f"request {number}"), path="/gelf" if number % 3 else "/else") for number in range(60)
    )
    with HttpClient(listener.endpoint("gelf+http").address) as client:
        for start_ in range(0, len(requests), 1001):
            client.send(requests[start_ : start_ + 1001])
        answers = [client.read() for _ in range(60)]
    assert [answer.status for answer in answers] == [202 if number % 3 else 404 for number in range(60)]
    assert texts(listener.messages(40)) == [f"request {number}" for number in range(60) if number % 3]


def test_http_1_0_and_connection_close(start: Start) -> None:
    """HTTP/1.0 closes unless asked not to; 1.1 closes when asked to."""
    listener = start("gelf+http://127.0.0.1:0")
    address = listener.endpoint("gelf+http").address
    with HttpClient(address) as client:
        client.send(HttpClient.request(gelf("1.0"), version="1.0"))
        assert client.read().status == 202
        assert client.closed()
    with HttpClient(address) as client:
        for number in range(3):
            client.send(HttpClient.request(gelf(f"1.0 kept {number}"), "Connection: keep-alive", version="1.0"))
            answer = client.read()
            assert (answer.status, answer.headers["connection"]) == (202, "keep-alive")
    with HttpClient(address) as client:
        answer = client.post(gelf("close"), "Connection: close")
        assert (answer.status, answer.headers["connection"]) == (202, "close")
        assert client.closed()
    assert texts(listener.messages(5)) == ["1.0", *(f"1.0 kept {number}" for number in range(3)), "close"]


def test_clients_that_leave_early(start: Start) -> None:
    """Whole requests of clients that never read count; halves of requests do not, and harm nobody."""
    listener = start("gelf+http://127.0.0.1:0")
    address = listener.endpoint("gelf+http").address
    for number in range(40):
        with HttpClient(address) as client:  # as graypy, pygelf and winston-log2gelf do
            client.send(HttpClient.request(gelf(f"gone {number}")))
    for number in range(40):
        with HttpClient(address) as client:
            client.send(HttpClient.request(gelf("never whole"))[: -1 - number])
    assert sorted(texts(listener.messages(40))) == sorted(f"gone {number}" for number in range(40))
    with HttpClient(address) as client:
        assert client.post(gelf("still there")).status == 202
    listener.messages(41)
    until(lambda: listener.metric("gelf_input_connections") == 0, what="all connections closed")
    assert listener.alive
    assert "Traceback" not in listener.log


def test_many_connections_at_once(start: Start) -> None:
    """Fifty clients in parallel, each on its own connection."""
    listener = start("gelf+http://127.0.0.1:0")
    address = listener.endpoint("gelf+http").address
    statuses: list[int] = []

    def work(worker: int) -> None:
        with HttpClient(address) as client:
            statuses.extend(client.post(gelf(f"{worker}/{number}")).status for number in range(20))

    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert statuses == [202] * 1000
    assert sorted(texts(listener.messages(1000))) == sorted(f"{w}/{n}" for w in range(50) for n in range(20))
