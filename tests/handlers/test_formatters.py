"""The other ways to send logs: GELF JSON lines, RFC 5424 by our handlers and by the standard SysLogHandler."""

import io
import json
import logging
import logging.handlers
import re
import socket
import sys
import time

import pytest
from gelf_handlers import GELFFormatter, RFC5424Formatter, RFC5424Handler, SysLogHandler, bind, handler_for
from gelf_rules import assert_valid
from receivers import TCPReceiver, UDPReceiver, wait_for

RFC5424 = re.compile(
    r"(?:<(?P<pri>\d{1,3})>)?1 (?P<time>\S+) (?P<host>\S{1,255}) (?P<app>[!-~]{1,48}) (?P<proc>\S+) (?P<msgid>\S+) "
    r'(?P<data>-|(?:\[[^ ="\]]{1,32}(?: [^ ="\]]{1,32}="(?:[^"\\\]]|\\.)*")*\])+)(?: (?P<msg>.*))?',
    re.DOTALL,
)


def parse(text):
    match = RFC5424.fullmatch(text)
    assert match, text
    values = re.findall(r' ([^ ="\]]{1,32})="((?:[^"\\\]]|\\.)*)"', match["data"], re.DOTALL)
    return match, {name: re.sub(r'\\(["\\\]])', r"\1", value) for name, value in values}


def record(msg="hello", *args, level=logging.INFO, **extra):
    made = logging.LogRecord("orders.db", level, "f.py", 7, msg, args, extra.pop("exc_info", None), "func")
    made.__dict__.update(extra)
    return made


def test_gelf_lines_from_a_stream_handler():
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(GELFFormatter(facility="orders", fields={"env": "test"}))
    with bind(request_id="r1"):
        handler.handle(record("line\nbreak %s", "x", amount=3))
    (line,) = stream.getvalue().splitlines()
    message = assert_valid(line.encode())
    assert (message["short_message"], message["_amount"], message["_env"], message["_request_id"]) == (
        "line\nbreak x", 3, "test", "r1",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("fmt", "style"), [("%(name)s: %(message)s", "%"), ("{name}: {message}", "{"), ("$name: $message", "$")]
)
def test_gelf_formatter_formats_the_message_in_every_style(fmt, style):
    assert json.loads(GELFFormatter(fmt, style=style).format(record("x")))["short_message"] == "orders.db: x"


def test_gelf_formatter_leaves_the_record_as_it_was():
    made = record("x", amount=1)
    before = dict(made.__dict__)
    GELFFormatter().format(made)
    assert {key: value for key, value in made.__dict__.items() if key != "message"} == before


def test_rfc5424_parts():
    made = record("paid", amount=3, who='A "b" ]\\', level=logging.WARNING)
    match, data = parse(RFC5424Formatter(localname="host1").format(made))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", match["time"])
    assert time.strftime("%Y-%m-%dT%H:%M", time.gmtime(made.created)) == match["time"][:16], "UTC"
    assert (match["host"], match["app"], match["proc"], match["msgid"]) == (
        "host1",
        "orders.db",
        str(made.process),
        "-",
    )
    assert (data["amount"], data["who"], data["function"]) == ("3", 'A "b" ]\\', "func")
    assert match["msg"] == "paid"


def test_rfc5424_byte_order_mark_only_before_text_that_is_not_ascii():
    assert parse(RFC5424Formatter().format(record("plain")))[0]["msg"] == "plain"
    assert parse(RFC5424Formatter().format(record("héllo")))[0]["msg"] == "\ufeffhéllo"


def test_rfc5424_difficult_values():
    text = RFC5424Formatter(localname="my host", appname="an app" * 20).format(
        record("nul \0 \ud83d", **{"x y": 1, "n" * 40: 1, "n" * 41: 2, "q": "a\0b"})
    )
    match, data = parse(text)
    text.encode()
    assert "\0" not in text
    assert (match["host"], len(match["app"])) == ("my_host", 48)
    assert data["x_y"] == "1"
    assert sorted(value for name, value in data.items() if name.startswith("nnn")) == ["1", "2"]


def test_rfc5424_traceback_is_a_field():
    try:
        raise ValueError("boom")
    except ValueError:
        match, data = parse(RFC5424Formatter().format(record("failed", exc_info=sys.exc_info())))
    assert match["msg"] == "failed"
    assert data["full_message"].endswith("ValueError: boom")


def test_formatter_with_the_standard_syslog_handler(attach):
    with UDPReceiver() as receiver:
        handler = logging.handlers.SysLogHandler(("127.0.0.1", receiver.port))
        handler.append_nul = False
        handler.setFormatter(RFC5424Formatter())
        attach(handler).error("over")
        assert wait_for(lambda: receiver.payloads)
    match, _ = parse(receiver.payloads[0].decode())
    assert (match["pri"], match["msg"]) == ("11", "over")


def test_our_syslog_handler_has_no_trailing_nul_and_counts_octets_on_tcp(attach):
    with UDPReceiver() as datagrams, TCPReceiver(octet_counted=True) as stream:
        attach(SysLogHandler(("127.0.0.1", datagrams.port))).info("a")
        log = attach(SysLogHandler(("127.0.0.1", stream.port), socktype=socket.SOCK_STREAM))
        log.info("b\nc")
        log.info("é")
        assert wait_for(lambda: datagrams.payloads and len(stream.payloads) == 2)
    assert parse(datagrams.payloads[0].decode())[0]["msg"] == "a"
    assert [parse(payload.decode())[0]["msg"] for payload in stream.payloads] == ["b\nc", "\ufeffé"]


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
def test_syslog_addresses_send_what_the_formatter_writes_without_blocking(transport, attach, server_context):
    kind = (
        UDPReceiver()
        if transport == "udp"
        else TCPReceiver(octet_counted=True, context=server_context if transport == "tls" else None)
    )
    with kind as receiver:
        query = "?validate=false" if transport == "tls" else ""
        handler = handler_for(
            f"syslog+{transport}://localhost:{receiver.port}{query}", facility="orders", fields={"env": "t"}
        )
        assert isinstance(handler, RFC5424Handler)
        log = attach(handler)
        log.critical("down\nreally", extra={"amount": 3})
        log.info("up")
        assert wait_for(lambda: len(receiver.payloads) == 2)
    match, data = parse(receiver.payloads[0].decode())
    assert (match["pri"], match["app"], match["msg"]) == ("10", "orders", "down\nreally")
    assert (data["amount"], data["env"], data["logger"]) == ("3", "t", log.name)
    assert parse(receiver.payloads[1].decode())[0]["pri"] == "14"


def test_the_facility_is_a_field_as_in_gelf():
    _, data = parse(RFC5424Formatter(appname="shop", facility="orders").format(record("paid")))
    assert data["facility"] == json.loads(GELFFormatter(facility="orders").format(record("paid")))["_facility"]
