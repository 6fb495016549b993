"""AMQP (clients.md 2.5): a real RabbitMQ, started for the test where it is installed."""

import os
import sys
from typing import Any

import gelf_handlers
import pytest
from gelf_handlers import GELFRabbitHandler
from gelf_rules import assert_valid
from receivers import free_port, wait_for

QUICK: dict[str, Any] = {"retry_min_seconds": 0.05, "retry_max_seconds": 0.3}


def test_without_the_extra_it_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "amqp", None)
    with pytest.raises(ImportError, match=r"gelf-handlers\[amqp\]"):
        GELFRabbitHandler("amqp://localhost")


def test_other_urls_are_refused():
    pytest.importorskip("amqp")
    with pytest.raises(ValueError, match="scheme"):
        GELFRabbitHandler("http://localhost")


def test_a_broker_that_is_away_neither_raises_nor_loses(attach):
    pytest.importorskip("amqp")
    handler = GELFRabbitHandler(f"amqp://127.0.0.1:{free_port()}/", **QUICK)
    attach(handler).info("kept")
    assert wait_for(lambda: "Refused" in (handler.stats.last_error or ""))
    assert handler.stats.queued == 1


@pytest.fixture
def broker(rabbitmq):
    return rabbitmq


@pytest.fixture
def queue(broker):
    """A queue bound to graypy's exchange; take() returns what is in it."""
    connection = broker.connect()
    channel = connection.channel()
    channel.exchange_declare("logging.gelf", type="fanout", durable=True, auto_delete=False)
    name = channel.queue_declare(exclusive=False, durable=True, auto_delete=False).queue
    channel.queue_bind(name, "logging.gelf")

    def take(count, seconds=20):
        taken = []

        def more():
            while (message := channel.basic_get(name, no_ack=True)) is not None:
                taken.append(message)
            return len(taken) >= count

        assert wait_for(more, seconds), f"{len(taken)} of {count}"
        return taken

    vars(take)["name"] = name
    yield take
    try:
        channel.queue_delete(name)
        connection.close()
    except OSError:  # the test restarted the broker
        connection.collect()


def payload(message):
    body = message.body
    return body if isinstance(body, bytes) else body.encode()


@pytest.mark.external
def test_messages_are_published_persistent_and_confirmed(attach, broker, queue):
    handler = GELFRabbitHandler(f"amqp://guest:guest@127.0.0.1:{broker.port}/")
    log = attach(handler)
    log.info("hello %s", "w", extra={"thing": object(), "n": 3})
    for number in range(500):
        log.info("m%d", number)
    assert handler.flush(20)
    messages = queue(501)
    first = assert_valid(payload(messages[0]))
    assert (first["short_message"], first["_n"]) == ("hello w", 3)
    assert [assert_valid(payload(m))["short_message"] for m in messages[1:]] == [f"m{n}" for n in range(500)]
    assert messages[0].properties["delivery_mode"] == 2
    assert messages[0].properties["content_type"] == "application/json"
    assert handler.stats.sent == 501
    assert handler.stats.rejected == 0


@pytest.mark.external
def test_the_address_form(attach, broker, queue):
    handler = gelf_handlers.handler_for(f"gelf+amqp://guest:guest@127.0.0.1:{broker.port}/?exchange=logging.gelf")
    attach(handler).info("by address")
    assert assert_valid(payload(queue(1)[0]))["short_message"] == "by address"


@pytest.mark.external
def test_a_message_no_queue_takes_is_rejected_not_lost_silently(attach, broker):
    handler = GELFRabbitHandler(f"amqp://guest:guest@127.0.0.1:{broker.port}/", exchange="unbound")
    attach(handler).info("for nobody")
    assert wait_for(lambda: handler.stats.rejected == 1)
    assert "no queue is bound" in str(handler.stats.last_error)


@pytest.mark.external
def test_the_broker_restarted_loses_nothing(attach, broker, queue):
    handler = GELFRabbitHandler(f"amqp://guest:guest@127.0.0.1:{broker.port}/", **QUICK)
    log = attach(handler)
    log.info("before")
    assert handler.flush(20)
    broker.stop()
    for number in range(50):
        log.info("during %d", number)
    assert handler.stats.queued > 0
    broker.start()
    assert handler.flush(30)
    # The fixture's connection died with the broker: look with a new one.
    connection = broker.connect()
    channel = connection.channel()
    texts = []
    while (message := channel.basic_get(queue.name, no_ack=True)) is not None:
        texts.append(assert_valid(payload(message))["short_message"])
    channel.queue_delete(queue.name)
    connection.close()
    assert texts == ["before", *(f"during {n}" for n in range(50))]
    assert handler.stats.reconnects == 1


@pytest.mark.external
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this platform")
def test_fork_gives_the_child_a_connection_of_its_own(run, broker, queue):
    run(
        """
        import logging, os, sys, gelf_handlers
        handler = gelf_handlers.GELFRabbitHandler(f"amqp://guest:guest@127.0.0.1:{sys.argv[1]}/")
        log = logging.getLogger(); log.setLevel(20); log.addHandler(handler)
        log.info("before"); handler.flush()
        pid = os.fork()
        log.info("child" if pid == 0 else "parent")
        if pid:
            os.waitpid(pid, 0)
            log.info("after")
        """,
        broker.port,
    )
    texts = sorted(assert_valid(payload(m))["short_message"] for m in queue(4))
    assert texts == ["after", "before", "child", "parent"]
