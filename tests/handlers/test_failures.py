"""Every failure in the table of today's handlers (clients.md 2.3), each with a real socket, repaired."""

import itertools
import json
import logging
import socket
import threading
import time
import warnings
from typing import Any, NamedTuple

import pytest
from gelf_handlers import (
    GELFHTTPHandler,
    GELFTCPHandler,
    GELFTruncatingChunker,
    GELFUDPHandler,
    chunkers,
)
from gelf_rules import assert_valid
from receivers import HTTPReceiver, TCPReceiver, UDPReceiver, free_port, wait_for

HANDLERS = {"udp": GELFUDPHandler, "tcp": GELFTCPHandler, "http": GELFHTTPHandler}
RECEIVERS = {"udp": UDPReceiver, "tcp": TCPReceiver, "http": HTTPReceiver}
QUICK: dict[str, Any] = {"retry_min_seconds": 0.02, "retry_max_seconds": 0.1}
every_transport = pytest.mark.parametrize("kind", ["udp", "tcp", "http"])


class NameServer:
    """Stands in for the resolver: fails, is slow, and then knows the name."""

    def __init__(self, monkeypatch):
        self.lookups = 0
        self.known = False
        self.real = socket.getaddrinfo
        monkeypatch.setattr(socket, "getaddrinfo", self)

    def __call__(self, host, *arguments, **options):
        if host != "graylog.test":
            return self.real(host, *arguments, **options)
        self.lookups += 1
        if not self.known:
            time.sleep(0.05)
            raise socket.gaierror(-2, "Name or service not known")
        return self.real("127.0.0.1", *arguments, **options)


# DNS failure


@every_transport
def test_dns_failure_neither_raises_nor_prints_per_record_and_loses_nothing(kind, attach, monkeypatch, capfd):
    names = NameServer(monkeypatch)
    with RECEIVERS[kind]() as receiver:
        handler = HANDLERS[kind]("graylog.test", receiver.port, **QUICK)
        log = attach(handler)
        for number in range(50):
            log.info("m%d", number)
        assert wait_for(lambda: names.lookups >= 3)
        assert handler.stats.queued == 50
        assert handler.stats.connected is False
        assert "gaierror" in str(handler.stats.last_error)
        assert names.lookups < 40, "a lookup per attempt, not per record"
        names.known = True
        receiver.wait(50)
        assert receiver.texts == [f"m{number}" for number in range(50)]
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) == 1, "one line for the operator"
    assert "gaierror" in lines[0]


def test_dns_failure_does_not_block_the_caller_on_udp(attach, monkeypatch):
    names = NameServer(monkeypatch)
    log = attach(GELFUDPHandler("graylog.test", 9, **QUICK))
    started = time.monotonic()
    for number in range(2000):
        log.info("m%d", number)
    assert time.monotonic() - started < 0.05 * 2000 / 4, "far from a lookup of 50 ms per call"
    assert wait_for(lambda: names.lookups > 0)


def test_udp_resolves_the_name_once_not_per_datagram(attach, monkeypatch):
    names = NameServer(monkeypatch)
    names.known = True
    with UDPReceiver() as receiver:
        log = attach(GELFUDPHandler("graylog.test", receiver.port))
        for number in range(300):
            log.info("m%d", number)
        receiver.wait(300)
    assert names.lookups == 1


def test_udp_follows_a_name_that_moves(attach, monkeypatch):
    real = socket.getaddrinfo
    with UDPReceiver() as old, UDPReceiver() as new:
        port = [old.port]
        monkeypatch.setattr(socket, "getaddrinfo", lambda host, _port, *rest: real("127.0.0.1", port[0], *rest))
        log = attach(GELFUDPHandler("graylog.test", 1, resolve_seconds=0.0))
        log.info("to the old one")
        old.wait(1)
        port[0] = new.port
        log.info("to the new one")
        new.wait(1)


def test_udp_keeps_the_last_address_while_the_name_does_not_resolve(attach, monkeypatch):
    names = NameServer(monkeypatch)
    names.known = True
    with UDPReceiver() as receiver:
        log = attach(GELFUDPHandler("graylog.test", receiver.port, resolve_seconds=0.0))
        log.info("first")
        receiver.wait(1)
        names.known = False
        log.info("second")
        receiver.wait(2)


# Refused, down


def test_udp_refused_is_noticed_and_does_not_raise(attach):
    handler = GELFUDPHandler("127.0.0.1", free_port(socket.SOCK_DGRAM))
    log = attach(handler)
    for _ in range(20):
        log.info("into the void")
        handler.flush()
    assert handler.stats.possibly_lost > 0
    assert "ConnectionRefusedError" in str(handler.stats.last_error)


def test_udp_goes_on_after_a_refusal(attach):
    port = free_port(socket.SOCK_DGRAM)
    handler = GELFUDPHandler("127.0.0.1", port)
    log = attach(handler)
    for _ in range(3):
        log.info("lost")
        handler.flush()
    with UDPReceiver(port=port) as receiver:
        for _ in range(3):
            log.info("back")
        receiver.wait(3)


@pytest.mark.parametrize("kind", ["tcp", "http"])
def test_refused_neither_raises_nor_loses(kind, attach):
    port = free_port()
    handler = HANDLERS[kind]("127.0.0.1", port, **QUICK)
    log = attach(handler)
    for number in range(100):
        log.info("m%d", number)
    assert wait_for(lambda: "Refused" in (handler.stats.last_error or ""))
    assert handler.stats.queued == 100
    with RECEIVERS[kind](port=port) as receiver:
        receiver.wait(100)
        assert receiver.texts == [f"m{number}" for number in range(100)], "in order"
        assert wait_for(lambda: handler.stats.sent == 100)
        assert handler.stats.dropped_total == 0


def test_tcp_server_that_closes_and_comes_back_loses_nothing_at_ten_messages_a_second(attach):
    """graypy lost 12 of 40 here: the first after the close, and all during back-off."""
    first = TCPReceiver(close_after=3)
    log = attach(GELFTCPHandler("127.0.0.1", first.port, **QUICK))
    for number in range(3):
        log.info("m%d", number)
        first.wait(number + 1)
    assert wait_for(lambda: first.connections and first.connections[0].fileno() == -1), "closed by the server"
    first.close()
    for number in range(3, 23):
        log.info("m%d", number)
        time.sleep(0.01)
    with TCPReceiver(port=first.port) as second:
        for number in range(23, 40):
            log.info("m%d", number)
            time.sleep(0.01)
        second.wait(37)
        assert first.texts + second.texts == [f"m{number}" for number in range(40)]


def test_tcp_back_off_grows_and_ends(attach):
    attempts = []

    class Counting(GELFTCPHandler):
        def makeSocket(self, timeout=1):
            attempts.append(time.monotonic())
            raise ConnectionRefusedError(111, "refused")

    log = attach(Counting("127.0.0.1", 9, retry_min_seconds=0.02, retry_max_seconds=0.08))
    log.info("x")
    assert wait_for(lambda: len(attempts) >= 6)
    gaps = [later - earlier for earlier, later in itertools.pairwise(attempts)]
    assert all(gap >= minimum * 0.9 for gap, minimum in zip(gaps, [0.02, 0.04, 0.08, 0.08, 0.08], strict=False))


# The peer stops reading


def test_tcp_peer_that_stops_reading_blocks_nobody_and_loses_nothing(attach):
    with TCPReceiver(rcvbuf=4096) as receiver:
        receiver.reading.clear()
        handler = GELFTCPHandler("127.0.0.1", receiver.port)
        log = attach(handler)
        slowest = 0.0
        text = "x" * 20_000
        for number in range(600):
            started = time.perf_counter()
            log.info("%d %s", number, text)
            slowest = max(slowest, time.perf_counter() - started)
        assert wait_for(lambda: handler.stats.sent > 0)
        time.sleep(0.5)
        assert handler.stats.queued > 0, "more than the kernel takes"
        assert slowest < 0.9, "graypy waits a second for the socket in each call"
        receiver.reading.set()
        messages = receiver.wait(600)
        assert [int(message["short_message"].split()[0]) for message in messages] == list(range(600))
        assert not receiver.partial
        assert receiver.accepted == 1


def test_tcp_frame_cut_by_a_dying_connection_is_sent_again_whole(attach):
    with TCPReceiver(rcvbuf=4096) as receiver:
        receiver.reading.clear()
        handler = GELFTCPHandler("127.0.0.1", receiver.port, **QUICK)
        log = attach(handler)
        big = "y" * 6_000_000
        log.info("small")
        log.info(big)
        assert wait_for(lambda: handler.stats.sent >= 1)
        time.sleep(0.3)
        connection = receiver.connections[0]
        connection.shutdown(socket.SHUT_RDWR)
        connection.close()
        receiver.reading.set()
        assert wait_for(lambda: any(text == big for text in receiver.texts), 60)
        assert receiver.accepted == 2


def test_http_server_that_never_replies_is_left_and_asked_again(attach):
    with HTTPReceiver(replies=["silent"]) as receiver:
        handler = GELFHTTPHandler("127.0.0.1", receiver.port, timeout=0.2, **QUICK)
        log = attach(handler)
        log.info("patience")
        receiver.wait(1)
        assert len(receiver.requests) == 2
        error = str(handler.stats.last_error)
        assert "Timeout" in error or "timed out" in error


@pytest.mark.parametrize("kind", ["tcp", "http"])
def test_a_slow_server_does_not_hold_up_other_threads(kind, attach):
    """graypy holds the handler's lock while it sends; here nobody does."""
    with RECEIVERS[kind]() as receiver:
        receiver.reading.clear()
        log = attach(HANDLERS[kind]("127.0.0.1", receiver.port))
        done = []
        threads = [threading.Thread(target=lambda: done.append([log.info("x") for _ in range(50)])) for _ in range(8)]
        started = time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
        assert len(done) == 8
        assert time.monotonic() - started < 20
        receiver.reading.set()
        receiver.wait(400)


# Replies


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 302])
def test_http_refusal_is_counted_said_and_not_repeated(status, attach, capfd):
    with HTTPReceiver(replies=[status]) as receiver:
        handler = GELFHTTPHandler("127.0.0.1", receiver.port, **QUICK)
        log = attach(handler)
        log.info("refused")
        assert wait_for(lambda: handler.stats.rejected == 1)
        log.info("taken")
        receiver.wait(1)
        assert receiver.texts == ["taken"]
        assert str(handler.stats.last_error).endswith(f"HTTP {status}")
    assert f"rejected: HTTP {status}" in capfd.readouterr().err


@pytest.mark.parametrize("status", [500, 502, 503, 504, 429, 408])
def test_http_failure_that_may_pass_is_tried_again(status, attach):
    with HTTPReceiver(replies=[status, status]) as receiver:
        handler = GELFHTTPHandler("127.0.0.1", receiver.port, **QUICK)
        log = attach(handler)
        log.info("again")
        receiver.wait(1)
        assert len(receiver.requests) == 3
        assert handler.stats.rejected == 0


def test_http_retry_after_is_respected(attach):
    with HTTPReceiver(replies=[(503, {"Retry-After": "1"})]) as receiver:
        log = attach(GELFHTTPHandler("127.0.0.1", receiver.port, **QUICK))
        started = time.monotonic()
        log.info("later")
        receiver.wait(1)
        assert time.monotonic() - started >= 0.95


@pytest.mark.parametrize(
    "said",
    ["0", "-5", "-inf", "nan", "Wed, 21 Oct 2015 07:28:00 GMT", "Wed, 99999999999999999999 Oct 2015 07:28:00 GMT"],
)
def test_http_retry_after_that_means_nothing_neither_drops_a_message_nor_ends_the_pauses(said, attach):
    """Asked for no pause, or for one that is not a time, the handler pauses as without the header."""
    with HTTPReceiver(replies=[(503, {"Retry-After": said})] * 1000) as receiver:
        handler = GELFHTTPHandler("127.0.0.1", receiver.port, retry_min_seconds=0.1, retry_max_seconds=0.4)
        log = attach(handler)
        log.info("later")
        time.sleep(1.0)
        assert handler.stats.queued == 1
        assert len(receiver.requests) <= 6
        receiver.replies.clear()
        receiver.wait(1)


def test_http_message_the_server_always_fails_on_does_not_block_the_rest(attach):
    with HTTPReceiver(replies=[500] * 6) as receiver:
        handler = GELFHTTPHandler("127.0.0.1", receiver.port, retry_min_seconds=0.01, retry_max_seconds=0.02)
        log = attach(handler)
        log.info("poison")
        assert wait_for(lambda: handler.stats.rejected == 1)
        log.info("fine")
        receiver.wait(1)
        assert receiver.texts == ["fine"]


def test_http_server_failing_on_everything_for_a_while_loses_nothing(attach):
    with HTTPReceiver(replies=[500] * 60) as receiver:
        handler = GELFHTTPHandler("127.0.0.1", receiver.port, **QUICK)
        receiver.reading.clear()
        log = attach(handler)
        for number in range(20):
            log.info("m%d", number)
        receiver.reading.set()
        receiver.wait(20)
        # Requests are pipelined: the last of them may be the first that is not refused.
        assert sorted(receiver.texts) == sorted(f"m{number}" for number in range(20))
        assert handler.stats.rejected == 0


def test_http_server_that_closes_without_a_reply_gets_it_again(attach):
    with HTTPReceiver(replies=["close"]) as receiver:
        log = attach(GELFHTTPHandler("127.0.0.1", receiver.port, **QUICK))
        log.info("once more")
        receiver.wait(1)
        assert receiver.texts == ["once more"]


# Records that cannot be encoded


class Point(NamedTuple):
    x: object
    y: object


class BadRepr:
    def __repr__(self):
        raise RuntimeError("no repr")

    __str__ = __repr__


def _cyclic():
    value: dict[str, Any] = {}
    value["me"] = [value]
    return value


@every_transport
def test_records_that_break_graypy_are_sent(kind, attach, capfd):
    with RECEIVERS[kind]() as receiver:
        log = attach(HANDLERS[kind]("127.0.0.1", receiver.port))
        log.info("bad repr", extra={"v": BadRepr()})
        log.info("bad repr %s", BadRepr())
        log.info(BadRepr())
        log.info("namedtuple", extra={"v": Point(1, 2)})
        log.info("tuple key", extra={"v": {(1, 2): 3}})
        log.info("cyclic", extra={"v": _cyclic()})
        log.info("bad args %d", "x")
        log.info("too many", 1, 2)  # noqa: PLE1205 - the point
        log.info("last")
        messages = receiver.wait(9)
    for payload in receiver.payloads:
        assert_valid(payload)
    assert [message["short_message"][:8] for message in messages] == [
        "bad repr", "bad repr", "<unprint", "namedtup", "tuple ke", "cyclic", "bad args", "too many", "last",
    ]  # fmt: skip
    assert messages[3]["_v"] == "[1,2]"
    assert messages[4]["_v.(1, 2)".replace("(", "_").replace(")", "_").replace(", ", "__")] == 3
    assert "Traceback" not in capfd.readouterr().err


# Too large


def incompressible(size):
    import random

    return "".join(random.Random(1).choices("abcdefghijklmnopqrstuvwxyz0123456789", k=size))


def test_udp_message_of_more_than_128_chunks_is_warned_of_counted_and_reported(attach):
    with UDPReceiver() as receiver, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        handler = GELFUDPHandler("127.0.0.1", receiver.port, compress=False)
        log = attach(handler)
        log.info(incompressible(200_000))
        log.info("after")
        handler.flush()
        receiver.wait(2)
    assert handler.stats.dropped == {"too_large": 1}
    report, after = sorted(receiver.messages, key=lambda message: message["short_message"] == "after")
    assert after["short_message"] == "after"
    assert report["short_message"] == "gelf-handlers dropped 1 message (in all: too_large 1)"
    assert report["_dropped_messages"] == 1
    assert [type(w.message).__name__ for w in caught] == ["GELFChunkOverflowWarning"]


def test_udp_message_of_exactly_128_chunks_is_sent(attach):
    with UDPReceiver() as receiver:
        handler = GELFUDPHandler("127.0.0.1", receiver.port, compress=False)
        log = attach(handler)
        record = logging.LogRecord(log.name, 20, "f", 1, "", None, None)
        record.created = 1.5
        overhead = len(handler.makePickle(record)) - len("(empty)")
        record.msg = "x" * (128 * 1420 - overhead)
        log.handle(record)
        receiver.wait(1)
        assert len(receiver.datagrams) == 128


def test_udp_warning_holds_no_payload_and_nothing_stays_in_memory(attach):
    with UDPReceiver() as receiver, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        handler = GELFUDPHandler("127.0.0.1", receiver.port, compress=False)
        log = attach(handler)
        for number in range(3):
            log.info("%d%s", number, "z" * 190_000)
        handler.flush()
    assert len(caught) == 3
    assert all(len(str(warning.message)) < 200 for warning in caught)
    registry = getattr(chunkers, "__warningregistry__", {})
    assert sum(len(str(key)) for key in registry) < 2000


@pytest.mark.parametrize("compress", [True, False])
def test_truncating_chunker_keeps_level_and_fields(attach, compress):
    with UDPReceiver() as receiver, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        handler = GELFUDPHandler("127.0.0.1", receiver.port, GELFTruncatingChunker(500), compress=compress)
        log = attach(handler)
        log.debug(incompressible(200_000), extra={"order": 17})
        receiver.wait(1)
    message = assert_valid(receiver.payloads[0])
    assert (message["level"], message["_order"], message["_chunk_overflow"]) == (7, 17, "true")
    assert len(message["short_message"]) > 30_000
    assert incompressible(200_000).startswith(message["short_message"])


def test_capture_warnings_and_an_oversize_message_do_not_recurse(attach):
    """graypy logs the warning, which is larger still, through itself, until memory is full."""
    with UDPReceiver() as receiver:
        handler = GELFUDPHandler("127.0.0.1", receiver.port, compress=False)
        log = attach(handler)
        warned = logging.getLogger("py.warnings")
        warned.addHandler(handler)
        logging.captureWarnings(capture=True)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("always")
                logging.captureWarnings(capture=False)
                logging.captureWarnings(capture=True)
                for _ in range(3):
                    log.info("w" * 190_000)
                log.info("end")
                handler.flush()
                warnings.warn("from the service", UserWarning, stacklevel=1)
                handler.flush()
        finally:
            logging.captureWarnings(capture=False)
            warned.removeHandler(handler)
        assert wait_for(lambda: any("from the service" in text for text in receiver.texts))
    assert handler.stats.dropped == {"too_large": 3}
    assert not any("128 chunks" in text for text in receiver.texts), "our own warning is not sent"


def test_a_client_library_that_logs_while_sending_does_not_recurse(attach):
    class Chatty(GELFTCPHandler):
        def makeSocket(self, timeout=1):
            logging.getLogger("tests.handlers.chatty").warning("connecting")
            return super().makeSocket(timeout)

    with TCPReceiver() as receiver:
        handler = Chatty("127.0.0.1", receiver.port)
        attach(handler)
        chatty = logging.getLogger("tests.handlers.chatty")
        chatty.propagate = False
        chatty.addHandler(handler)
        chatty.warning("from the service")
        handler.flush()
        receiver.wait(1)
        assert receiver.texts == ["from the service"]
        chatty.removeHandler(handler)


# Connections


def test_http_keeps_one_connection_for_all_records(attach):
    with HTTPReceiver() as receiver:
        handler = GELFHTTPHandler("127.0.0.1", receiver.port)
        log = attach(handler)
        for number in range(300):
            log.info("m%d", number)
        receiver.wait(300)
        assert receiver.accepted == 1
        assert receiver.texts == [f"m{number}" for number in range(300)]


def test_http_kept_alive_connection_closed_by_the_server_is_opened_again(attach):
    with HTTPReceiver(close_after=None) as receiver:
        handler = GELFHTTPHandler("127.0.0.1", receiver.port, **QUICK)
        log = attach(handler)
        log.info("one")
        receiver.wait(1)
        handler.flush()
        receiver.connections[0].shutdown(socket.SHUT_RDWR)
        log.info("two")
        receiver.wait(2)
        assert receiver.accepted == 2
        assert handler.stats.reconnects == 1


def test_http_server_that_closes_after_each_reply_gets_everything_once(attach):
    with HTTPReceiver(close_each=True) as receiver:
        log = attach(GELFHTTPHandler("127.0.0.1", receiver.port))
        for number in range(40):
            log.info("m%d", number)
        receiver.wait(40)
        assert receiver.texts == [f"m{number}" for number in range(40)]


def test_http_default_is_one_message_per_request_as_graylog_needs(attach):
    with HTTPReceiver() as receiver:
        log = attach(GELFHTTPHandler("127.0.0.1", receiver.port))
        for number in range(100):
            log.info("m%d", number)
        receiver.wait(100)
        assert len(receiver.requests) == 100
        line, headers, body = receiver.requests[0]
        assert line == "POST /gelf HTTP/1.1"
        assert headers["content-type"] == "application/json"
        assert json.loads(body)["short_message"] == "m0"


def test_http_bulk_puts_many_newline_ended_messages_into_one_request(attach):
    with HTTPReceiver(bulk=True) as receiver:
        receiver.reading.clear()
        handler = GELFHTTPHandler("127.0.0.1", receiver.port, bulk=True, compress=False)
        log = attach(handler)
        for number in range(1000):
            log.info("m%d", number)
        receiver.reading.set()
        receiver.wait(1000)
        assert receiver.texts == [f"m{number}" for number in range(1000)]
        assert len(receiver.requests) < 300
        assert all(body.endswith(b"\n") for _, _, body in receiver.requests)
        assert wait_for(lambda: handler.stats.sent == 1000)


def test_http_auto_goes_bulk_with_a_gelf_listener_only(attach):
    with HTTPReceiver(bulk=True, server="gelf-listener/1.0") as receiver:
        log = attach(GELFHTTPHandler("127.0.0.1", receiver.port))
        log.info("hello")
        receiver.wait(1)
        receiver.reading.clear()
        for number in range(500):
            log.info("m%d", number)
        receiver.reading.set()
        receiver.wait(501)
        assert len(receiver.requests) < 300


def test_http_bulk_body_with_one_refused_message_is_halved_until_it_is_alone(attach):
    class Picky(HTTPReceiver):
        def _more(self, connection, buffer):
            data = super()._more(connection, buffer)
            if b"poison" in data:
                self.replies.append(400)
            return data

    with Picky(bulk=True) as receiver:
        handler = GELFHTTPHandler("127.0.0.1", receiver.port, bulk=True, compress=False, **QUICK)
        log = attach(handler)
        log.info("good")
        log.info("poison")
        log.info("good too")
        assert wait_for(lambda: handler.stats.rejected == 1)
        assert wait_for(lambda: {"good", "good too"} <= set(receiver.texts))
        assert "poison" not in receiver.texts


def test_http_compresses_large_bodies_under_their_true_name(attach):
    with HTTPReceiver() as receiver:
        log = attach(GELFHTTPHandler("127.0.0.1", receiver.port))
        log.info("a" * 5000)
        assert receiver.wait(1)[0]["short_message"] == "a" * 5000
        _, headers, body = receiver.requests[0]
        assert headers["content-encoding"] == "gzip"
        assert len(body) < 1000


def test_http_chunked_reply_is_read_to_its_end(attach):
    with HTTPReceiver(chunked=True) as receiver:
        log = attach(GELFHTTPHandler("127.0.0.1", receiver.port))
        for number in range(50):
            log.info("m%d", number)
        receiver.wait(50)
        assert receiver.accepted == 1


def test_http_authentication_and_headers(attach):
    with HTTPReceiver() as receiver:
        handler = GELFHTTPHandler(
            "127.0.0.1", receiver.port, path="/in/gelf", username="u", password="p:w", headers={"X-Tenant": "a"}
        )
        log = attach(handler)
        log.info("x")
        receiver.wait(1)
        handler.headers["Authorization"] = "Bearer t"
        log.info("y")
        receiver.wait(2)
        line, headers, _ = receiver.requests[0]
        assert line.startswith("POST /in/gelf ")
        assert headers["authorization"] == "Basic dTpwOnc="
        assert headers["x-tenant"] == "a"
        assert receiver.requests[1][1]["authorization"] == "Bearer t"


def test_a_header_with_a_line_break_is_refused_at_once():
    with pytest.raises(ValueError, match="line break"):
        GELFHTTPHandler("127.0.0.1", 1, headers={"X": "a\r\nY: b"})


# Chunks


def test_udp_message_of_exactly_the_chunk_size_is_not_chunked(attach):
    with UDPReceiver() as receiver:
        handler = GELFUDPHandler("127.0.0.1", receiver.port, compress=False)
        log = attach(handler)
        record = logging.LogRecord(log.name, 20, "f", 1, "", None, None)
        record.created = 1.5
        record.msg = "x" * (1420 - len(handler.makePickle(record)) + len("(empty)"))
        log.handle(record)
        receiver.wait(1)
        assert len(receiver.datagrams) == 1
        assert len(receiver.datagrams[0]) == 1420
        assert receiver.datagrams[0][:1] == b"{"


def test_udp_message_ids_do_not_repeat_when_the_service_seeds_random(attach):
    import random

    with UDPReceiver() as receiver:
        log = attach(GELFUDPHandler("127.0.0.1", receiver.port, compress=False))
        for _ in range(2):
            random.seed(7)
            log.info("x" * 3000)
        receiver.wait(2)
        assert len({datagram[2:10] for datagram in receiver.datagrams}) == 2


def test_udp_over_ipv6(attach):
    with UDPReceiver(family=socket.AF_INET6) as receiver:
        attach(GELFUDPHandler("::1", receiver.port)).info("six")
        receiver.wait(1)


def test_tcp_over_ipv6(attach):
    with TCPReceiver(family=socket.AF_INET6) as receiver:
        attach(GELFTCPHandler("::1", receiver.port)).info("six")
        receiver.wait(1)
