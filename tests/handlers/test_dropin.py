"""Changing the import line is the whole migration: names, arguments, defaults, isinstance, override points."""

import inspect
import logging

import gelf_handlers
import graypy
import pytest
from gelf_rules import assert_valid
from receivers import TCPReceiver, UDPReceiver

CLASSES = ["GELFUDPHandler", "GELFTCPHandler", "GELFTLSHandler", "GELFHTTPHandler"]


@pytest.mark.parametrize("name", CLASSES)
def test_is_a_subclass_of_graypys(name):
    assert issubclass(getattr(gelf_handlers, name), getattr(graypy, name))


@pytest.mark.parametrize("name", [*CLASSES, "GELFWarningChunker", "GELFTruncatingChunker", "BaseGELFChunker"])
def test_takes_graypys_arguments_with_graypys_defaults(name):
    theirs = inspect.signature(getattr(graypy.handler, name).__init__).parameters
    ours = inspect.signature(getattr(gelf_handlers, name).__init__).parameters
    positional = [p for p in theirs.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
    assert [p.name for p in positional] == [p.name for p in ours.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
    for parameter in positional:
        mine = ours[parameter.name].default
        if parameter.name == "gelf_chunker":
            assert isinstance(mine, graypy.handler.GELFWarningChunker)
        elif parameter.name != "gelf_packer":
            assert mine == parameter.default, parameter.name


def test_rabbit_takes_the_arguments_graypy_documents():
    parameters = inspect.signature(gelf_handlers.GELFRabbitHandler.__init__).parameters
    assert {k: p.default for k, p in parameters.items() if p.kind is p.POSITIONAL_OR_KEYWORD and k != "self"} == {
        "url": inspect.Parameter.empty,
        "exchange": "logging.gelf",
        "exchange_type": "fanout",
        "virtual_host": "/",
        "routing_key": "",
    }
    assert issubclass(gelf_handlers.GELFRabbitHandler, graypy.handler.BaseGELFHandler)


def test_base_arguments_are_all_taken():
    handler = gelf_handlers.GELFUDPHandler(
        "127.0.0.1",
        12201,
        debugging_fields=False,
        extra_fields=False,
        localname="h",
        facility="f",
        level_names=True,
        compress=False,
    )
    theirs = graypy.GELFUDPHandler(
        "127.0.0.1",
        12201,
        debugging_fields=False,
        extra_fields=False,
        localname="h",
        facility="f",
        level_names=True,
        compress=False,
    )
    for name in (
        "host",
        "port",
        "debugging_fields",
        "extra_fields",
        "fqdn",
        "localname",
        "facility",
        "level_names",
        "compress",
    ):
        assert getattr(handler, name) == getattr(theirs, name)
    handler.close()


def test_argument_errors_are_graypys():
    with pytest.raises(ValueError, match="fqdn"):
        gelf_handlers.GELFUDPHandler("h", fqdn=True, localname="x")
    with pytest.raises(ValueError, match="CA bundle"):
        gelf_handlers.GELFTLSHandler("h", validate=True)
    with pytest.raises(ValueError, match="certfile"):
        gelf_handlers.GELFTLSHandler("h", keyfile="k")
    with pytest.raises(TypeError):
        gelf_handlers.GELFTCPHandler("h", compress=True)  # type: ignore[call-arg]
    with pytest.raises(ValueError, match="max_queued"):
        gelf_handlers.GELFUDPHandler("h", max_queued=0)
    with pytest.raises(ValueError, match="when_full"):
        gelf_handlers.GELFUDPHandler("h", when_full="explode")  # type: ignore[arg-type]


def test_override_points_still_work_and_the_output_stays_clean(attach):
    class Mine(gelf_handlers.GELFTCPHandler):
        def _make_gelf_dict(self, record):
            message = super()._make_gelf_dict(record)
            message["plain"] = True
            message["_none"] = None
            return message

        @staticmethod
        def _object_to_json(obj):
            return f"<<{type(obj).__name__}>>"

        @staticmethod
        def _add_debugging_fields(gelf_dict, record):
            gelf_dict["line"] = record.lineno

    with TCPReceiver() as receiver:
        attach(Mine("127.0.0.1", receiver.port)).info("x", extra={"thing": object()})
        receiver.wait()
    message = assert_valid(receiver.payloads[0])
    assert message["_plain"] == "true"
    assert message["_thing"] == "<<object>>"
    assert isinstance(message["_line"], int)
    assert "_none" not in message
    assert "_file" not in message


def test_an_overridden_extra_fields_hook_is_called(attach):
    class Picky(gelf_handlers.GELFTCPHandler):
        @staticmethod
        def _add_extra_fields(gelf_dict, record):
            gelf_dict["picked"] = record.wanted

    with TCPReceiver() as receiver:
        attach(Picky("127.0.0.1", receiver.port)).info("x", extra={"wanted": 1, "unwanted": 2})
        receiver.wait()
    message = assert_valid(receiver.payloads[0])
    assert message["_picked"] == 1
    assert "_unwanted" not in message


def test_udp_takes_any_graypy_chunker(attach):
    with UDPReceiver() as receiver:
        log = attach(
            gelf_handlers.GELFUDPHandler(
                "127.0.0.1", receiver.port, graypy.handler.BaseGELFChunker(500), compress=False
            )
        )
        log.info("x" * 3000)
        assert receiver.wait()[0]["short_message"] == "x" * 3000
        assert len(receiver.datagrams) > 5


def test_make_pickle_returns_what_graypys_does():
    import zlib

    handler = gelf_handlers.GELFUDPHandler("127.0.0.1", 1)
    record = logging.LogRecord("a", logging.INFO, "f.py", 1, "m %s", ("x",), None)
    assert_valid(zlib.decompress(handler.makePickle(record)))
    tcp = gelf_handlers.GELFTCPHandler("127.0.0.1", 1)
    pickled = tcp.makePickle(record)
    assert pickled[-1:] == b"\0"
    assert_valid(pickled[:-1])
    handler.close()
    tcp.close()


def test_no_network_thread_or_lookup_in_the_constructor(monkeypatch):
    import socket
    import threading

    monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: pytest.fail("looked up"))
    before = set(threading.enumerate())
    for name in ("GELFUDPHandler", "GELFTCPHandler", "GELFTLSHandler", "GELFHTTPHandler"):
        getattr(gelf_handlers, name)("nowhere.invalid").close()
    assert not set(threading.enumerate()) - before


def test_exclude_filter_excludes_a_logger_and_its_children():
    excluded = gelf_handlers.ExcludeFilter("amqp")
    record = logging.makeLogRecord
    assert not excluded.filter(record({"name": "amqp"}))
    assert not excluded.filter(record({"name": "amqp.channel"}))
    assert excluded.filter(record({"name": "amqpx"}))
    with pytest.raises(ValueError, match="non-empty"):
        gelf_handlers.ExcludeFilter("")
