"""The request id: in the traceback's record, the access line and the header of a 500, under ASGI and WSGI."""

import asyncio
import logging
import threading
import urllib.error
import urllib.request
from typing import Any

import pytest
from gelf_handlers import GELFTCPHandler, asgi, wsgi
from receivers import TCPReceiver, free_port, wait_for


@pytest.fixture
def sent(attach, monkeypatch):
    """A receiver that gets everything the root logger is given, uvicorn's records included."""
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "shop", "gelf_handlers.wsgi", "access"):
        logger = logging.getLogger(name)
        for attribute, value in (("propagate", True), ("disabled", False), ("handlers", []), ("level", logging.NOTSET)):
            monkeypatch.setattr(logger, attribute, value)
        logger.manager._clear_cache()  # type: ignore[attr-defined]
    with TCPReceiver() as receiver:
        handler = GELFTCPHandler("127.0.0.1", receiver.port)
        attach(handler)
        root = logging.getLogger()
        level = root.level
        root.addHandler(handler)
        root.setLevel(logging.INFO)
        try:
            yield receiver
        finally:
            root.removeHandler(handler)
            root.setLevel(level)


def ask(port, path="/"):
    """Ask a server with a request id; return status, the id of the response, and the body."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers={"X-Request-ID": "abc-1"})
    try:
        reply = urllib.request.urlopen(request, timeout=20)
    except urllib.error.HTTPError as error:
        reply = error
    with reply:
        return reply.status, reply.headers.get_all("X-Request-ID"), reply.read().decode()


def served_by_uvicorn(app, path):
    uvicorn = pytest.importorskip("uvicorn")
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, port=port, lifespan="off", log_config=None))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        assert wait_for(lambda: server.started)
        return ask(port, path)
    finally:
        server.should_exit = True
        thread.join(20)


async def bare(scope, receive, send):
    logging.getLogger("shop").info("in the view")
    if scope["path"] == "/fail":
        raise ValueError("boom")
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"ok"})


def starlette_app(**options):
    pytest.importorskip("starlette")
    from starlette.applications import Starlette
    from starlette.routing import Mount

    app = Starlette(routes=[Mount("/", bare)], **options)
    app.add_middleware(asgi.RequestIdMiddleware)
    return app


@pytest.mark.parametrize("kind", ["around", "add_middleware"])
@pytest.mark.parametrize("path", ["/", "/fail"])
def test_under_uvicorn_every_record_of_a_request_has_its_id(kind, path, sent):
    app = asgi.RequestIdMiddleware(bare) if kind == "around" else starlette_app()
    status, header, _ = served_by_uvicorn(app, path)
    assert (status, header) == (500 if path == "/fail" else 200, ["abc-1"])
    sent.wait(2)
    assert wait_for(lambda: any("Finished server process" in text for text in sent.texts)), sent.texts
    about = [m for m in sent.messages if m["_facility"] in ("shop", "uvicorn.access") or "full_message" in m]
    assert len(about) == (3 if path == "/fail" else 2), [m["short_message"] for m in about]
    assert {m.get("_request_id") for m in about} == {"abc-1"}
    assert all("_request_id" not in m for m in sent.messages if "server process" in m["short_message"])


def test_the_error_handler_of_a_starlette_application_is_still_asked(sent):
    responses = pytest.importorskip("starlette.responses")
    app = starlette_app(exception_handlers={500: lambda _request, _error: responses.PlainTextResponse("ours", 500)})
    assert served_by_uvicorn(app, "/fail") == (500, ["abc-1"], "ours")
    assert served_by_uvicorn(starlette_app(debug=True), "/fail")[2].count("ValueError: boom")


def test_a_response_that_began_is_not_begun_again():
    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": [(b"x-request-id", b"own")]})
        raise ValueError("boom")

    messages = []

    async def send(message):
        messages.append(message)

    middleware: Any = asgi.RequestIdMiddleware(app)
    with pytest.raises(ValueError, match="boom"):
        asyncio.run(middleware({"type": "http", "headers": []}, None, send))
    assert [message["type"] for message in messages] == ["http.response.start"]
    assert len(messages[0]["headers"]) == 1, "the header stands once"


def wsgi_app(environ, start_response):
    logging.getLogger("shop").info("in the view")
    if environ["PATH_INFO"] == "/fail":
        raise ValueError("boom")
    start_response("200 OK", [("X-Request-ID", "own")])

    def parts():
        logging.getLogger("shop").info("in the body")
        yield b"ok"

    return parts()


@pytest.mark.parametrize("path", ["/", "/fail"])
def test_the_wsgi_twin(path, sent):
    from wsgiref import simple_server

    class Handler(simple_server.WSGIRequestHandler):
        def log_request(self, *_):
            logging.getLogger("access").info("access line")

    server = simple_server.make_server("127.0.0.1", 0, wsgi.RequestIdMiddleware(wsgi_app), handler_class=Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        status, header, _ = ask(server.server_port, path)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    logging.getLogger("shop").info("outside")
    sent.wait(4)
    assert (status, header) == (500 if path == "/fail" else 200, ["abc-1"])
    assert [m.get("_request_id") for m in sent.messages] == ["abc-1"] * 3 + [None]


def test_a_bad_id_is_replaced_under_wsgi(sent):
    got: dict[str, Any] = {}
    app: Any = wsgi.RequestIdMiddleware(wsgi_app, make_id=lambda: "made")
    response = app(
        {"PATH_INFO": "/", "HTTP_X_REQUEST_ID": "bad id"}, lambda status, headers: got.update(status=status, h=headers)
    )
    assert b"".join(response) == b"ok"
    response.close()
    assert got == {"status": "200 OK", "h": [("X-Request-ID", "made")]}


def test_flask_under_the_wsgi_twin(sent):
    flask = pytest.importorskip("flask")
    app = flask.Flask("shop")
    app.wsgi_app = wsgi.RequestIdMiddleware(app.wsgi_app)

    @app.get("/")
    def index():
        raise ValueError("boom")

    reply = app.test_client().get("/", headers={"X-Request-ID": "abc-1"})
    assert (reply.status_code, reply.headers.getlist("X-Request-ID")) == (500, ["abc-1"])
    reply.close()
    sent.wait(1)
    assert sent.messages[0]["_request_id"] == "abc-1"
