"""structlog, loguru, ASGI, asyncio task names."""

import asyncio
import json
import logging

import pytest
from gelf_handlers import GELFTCPHandler, bind
from gelf_handlers.asgi import RequestIdMiddleware
from gelf_rules import assert_valid
from receivers import TCPReceiver


def test_structlog_through_logging(attach):
    structlog = pytest.importorskip("structlog")
    from gelf_handlers.structlog import to_logging

    with TCPReceiver() as receiver:
        # The factory's loggers know structlog's frames: the call site is the service's.
        target = structlog.stdlib.LoggerFactory()("tests.structlog")
        target.propagate = False
        target.setLevel(20)
        handler = GELFTCPHandler("127.0.0.1", receiver.port)
        attach(handler)
        target.addHandler(handler)
        log = structlog.wrap_logger(
            target,
            processors=[structlog.contextvars.merge_contextvars, to_logging],
            wrapper_class=structlog.stdlib.BoundLogger,
            context_class=dict,
        ).bind(order=17)
        with structlog.contextvars.bound_contextvars(request_id="r1"):
            log.info("100% paid", name="ada", module="m", amount=3.5)
        try:
            raise ValueError("boom")
        except ValueError:
            log.exception("failed")
        first, second = receiver.wait(2)
        target.removeHandler(handler)
        logging.setLoggerClass(logging.Logger)
    for payload in receiver.payloads:
        assert_valid(payload)
    assert first["short_message"] == "100% paid"
    assert (first["_order"], first["_name"], first["_module"], first["_amount"]) == (17, "ada", "m", 3.5)
    assert first["_request_id"] == "r1"
    assert first["_function"] == "test_structlog_through_logging"
    assert second["full_message"].endswith("ValueError: boom")
    assert second["level"] == 3


def test_structlog_rendered_exception_is_full_message(attach):
    structlog = pytest.importorskip("structlog")
    from gelf_handlers.structlog import to_logging

    with TCPReceiver() as receiver:
        log = structlog.wrap_logger(
            attach(GELFTCPHandler("127.0.0.1", receiver.port)),
            processors=[structlog.processors.format_exc_info, to_logging],
            wrapper_class=structlog.stdlib.BoundLogger,
        )
        try:
            raise ValueError("boom")
        except ValueError:
            log.exception("failed")
        (message,) = receiver.wait(1)
    assert message["full_message"].endswith("ValueError: boom")
    assert "_exception" not in message


@pytest.mark.parametrize("as_bytes", [True, False])
def test_structlog_rendered_as_gelf_lines(as_bytes):
    structlog = pytest.importorskip("structlog")
    from gelf_handlers.structlog import GELFRenderer

    output = structlog.testing.CapturingLoggerFactory()
    log = structlog.wrap_logger(
        output(),
        processors=[structlog.processors.add_log_level, GELFRenderer(as_bytes=as_bytes, facility="orders")],
    )
    with bind(request_id="r1"):
        log.warning("low", left=2)
    try:
        raise ValueError("boom")
    except ValueError:
        log.error("failed", exc_info=True)  # noqa: G201 - exc_info is what is tested
    lines = [call.args[0] for call in output.logger.calls]
    first, second = (assert_valid(line if as_bytes else line.encode()) for line in lines)
    assert (first["short_message"], first["level"], first["_left"], first["_request_id"]) == ("low", 4, 2, "r1")
    assert "_level" not in first
    assert first["_facility"] == "orders"
    assert second["full_message"].endswith("ValueError: boom")


def test_loguru_sink():
    loguru = pytest.importorskip("loguru")
    from gelf_handlers.loguru import GELFSink

    with TCPReceiver() as receiver:
        handler = GELFTCPHandler("127.0.0.1", receiver.port, level_names=True)
        logger = loguru.logger
        number = logger.add(GELFSink(handler), format="{message}", level="DEBUG")
        try:
            with logger.contextualize(request_id="r1"):
                logger.bind(order=17, nested={"a": [1]}).success("paid {}", 3)
            try:
                raise ValueError("boom")
            except ValueError:
                logger.exception("failed")
        finally:
            logger.remove(number)
        first, second = receiver.wait(2)
    for payload in receiver.payloads:
        assert_valid(payload)
    assert (first["short_message"], first["level"]) == ("paid 3", 5)
    assert (first["_order"], first["_nested.a"], first["_request_id"]) == (17, "[1]", "r1")
    assert first["_function"] == "test_loguru_sink"
    assert "_extra" not in first
    assert second["full_message"].rstrip().endswith("ValueError: boom")
    assert second["short_message"] == "failed"


async def _call(app, path="/", headers=(), kind="http"):
    sent = []

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        sent.append(message)

    await app({"type": kind, "method": "GET", "path": path, "headers": list(headers)}, receive, send)
    return sent


async def _plain(scope, receive, send):
    logging.getLogger("tests.asgi").info("serving")
    await send({"type": "http.response.start", "status": 200, "headers": [(b"a", b"b")]})
    await send({"type": "http.response.body", "body": b"ok"})


def test_asgi_request_id_is_in_every_message_and_in_the_response(attach):
    with TCPReceiver() as receiver:
        handler = GELFTCPHandler("127.0.0.1", receiver.port)
        attach(handler)
        log = logging.getLogger("tests.asgi")
        log.setLevel(20)
        log.addHandler(handler)
        app = RequestIdMiddleware(_plain)

        async def main():
            return await asyncio.gather(
                _call(app, headers=[(b"x-request-id", b"abc-1")]),
                _call(app),
                _call(app, headers=[(b"x-request-id", b"bad id\n")]),
            )

        given, made, refused = asyncio.run(main())
        log.info("outside")
        messages = receiver.wait(4)
        log.removeHandler(handler)
    headers = [dict(sent[0]["headers"])[b"x-request-id"].decode() for sent in (given, made, refused)]
    assert headers[0] == "abc-1"
    assert len(headers[1]) == 32
    assert headers[2] != "bad id\n"
    assert [message.get("_request_id") for message in messages] == [*headers, None]
    assert given[0]["headers"][0] == (b"a", b"b")


def test_asgi_lifespan_passes_through():
    seen = []

    async def app(scope, receive, send):
        seen.append(scope["type"])

    asyncio.run(_call(RequestIdMiddleware(app), kind="lifespan"))
    assert seen == ["lifespan"]


def test_asgi_under_starlette(attach):
    pytest.importorskip("starlette")
    pytest.importorskip("httpx")
    from starlette.applications import Starlette
    from starlette.middleware import Middleware
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route

    with TCPReceiver() as receiver:
        log = attach(GELFTCPHandler("127.0.0.1", receiver.port))

        async def index(request):
            log.info("in the view")
            return PlainTextResponse("ok")

        app = Starlette(routes=[Route("/", index)], middleware=[Middleware(RequestIdMiddleware)])

        import httpx

        async def main():
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://t") as client:
                return await client.get("/")

        reply = asyncio.run(main())
        (message,) = receiver.wait(1)
    assert message["_request_id"] == reply.headers["x-request-id"]


def test_asyncio_task_names_are_sent(attach):
    with TCPReceiver() as receiver:
        log = attach(GELFTCPHandler("127.0.0.1", receiver.port))

        async def work():
            task = asyncio.current_task()
            assert task is not None
            log.info("from %s", task.get_name())

        async def main():
            await asyncio.gather(asyncio.create_task(work(), name="payer"), asyncio.create_task(work(), name="mailer"))

        asyncio.run(main())
        log.info("from nobody")
        messages = receiver.wait(3)
    assert [message.get("_task_name") for message in messages] == ["payer", "mailer", None]


def test_bound_fields_are_json_safe(attach):
    with TCPReceiver() as receiver:
        log = attach(GELFTCPHandler("127.0.0.1", receiver.port))
        with bind(user={"id": 1, "tags": {"a"}}, none=None):
            log.info("x")
        receiver.wait(1)
    message = assert_valid(receiver.payloads[0])
    assert (message["_user.id"], json.loads(message["_user.tags"])) == (1, ["a"])
