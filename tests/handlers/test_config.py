"""One line of configuration, and the same through every framework's own."""

import io
import json
import logging
import logging.config
import os
import subprocess
import sys
import textwrap
from typing import Any

import gelf_handlers
import pytest
from conftest import HANDLERS
from gelf_handlers import configure, handler_for
from receivers import HTTPReceiver, TCPReceiver, UDPReceiver, free_port, wait_for


@pytest.fixture
def root():
    """The root logger, put back afterwards."""
    logger = logging.getLogger()
    level, handlers = logger.level, list(logger.handlers)
    yield logger
    for handler in [h for h in logger.handlers if h not in handlers]:
        logger.removeHandler(handler)
        handler.close()
    logger.setLevel(level)
    logging.captureWarnings(capture=False)


def test_one_line_sends_a_services_logs(root):
    with UDPReceiver() as receiver:
        configure(
            "orders",
            f"gelf+udp://localhost:{receiver.port}",
            level="INFO",
            fields={"env": "test"},
            exit_on_sigterm=False,
        )
        logging.getLogger("orders.db").info("paid", extra={"amount": 3})
        logging.getLogger("orders.db").debug("not this")
        (message,) = receiver.wait(1)
    assert (message["_facility"], message["_logger"], message["_env"], message["_amount"]) == (
        "orders", "orders.db", "test", 3,
    )  # fmt: skip
    assert root.level == logging.INFO


def test_the_address_may_come_from_the_environment(root, monkeypatch):
    with TCPReceiver() as receiver:
        monkeypatch.setenv("GELF_URL", f"gelf+tcp://127.0.0.1:{receiver.port}?fields.env=prod&level_names=true")
        configure("orders", exit_on_sigterm=False)
        logging.getLogger().info("hello")
        (message,) = receiver.wait(1)
    assert (message["_env"], message["_level_name"]) == ("prod", "INFO")


def test_calling_it_again_replaces_the_first(root):
    with TCPReceiver() as first, TCPReceiver() as second:
        configure("orders", f"gelf+tcp://127.0.0.1:{first.port}", exit_on_sigterm=False)
        configure("orders", f"gelf+tcp://127.0.0.1:{second.port}", exit_on_sigterm=False)
        logging.getLogger().info("once")
        second.wait(1)
        assert not first.payloads


def test_warnings_are_sent_too(root):
    import warnings

    with TCPReceiver() as receiver:
        configure("orders", f"gelf+tcp://127.0.0.1:{receiver.port}", exit_on_sigterm=False)
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            logging.captureWarnings(capture=False)
            logging.captureWarnings(capture=True)
            warnings.warn("careful", UserWarning, stacklevel=1)
        receiver.wait(1)
        assert "careful" in receiver.texts[0]


def test_without_an_address_it_writes_json_lines_to_standard_output(run):
    done = run(
        """
        import logging, gelf_handlers
        gelf_handlers.configure("orders", fields={"env": "dev"})
        with gelf_handlers.bind(request_id="r1"):
            logging.getLogger("orders.db").info("paid %d", 3, extra={"who": "ada"})
        try:
            1 / 0
        except ZeroDivisionError:
            logging.exception("failed")
        """,
        env={"GELF_URL": ""},
    )
    first, second = map(json.loads, done.stdout.splitlines())
    assert (first["version"], first["short_message"], first["_env"]) == ("1.1", "paid 3", "dev")
    assert (first["_request_id"], first["_who"], first["_facility"]) == ("r1", "ada", "orders")
    assert second["full_message"].endswith("ZeroDivisionError: division by zero")


def test_standard_output_is_readable_on_a_terminal(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    handler = handler_for("stdout:")
    record = logging.LogRecord("orders", logging.WARNING, "f", 1, "low stock", None, None)
    record.left = 2
    handler.handle(record)
    assert "WARNING" in terminal.getvalue()
    assert "orders: low stock  left=2\n" in terminal.getvalue()


@pytest.mark.parametrize(
    ("address", "kind", "host", "port"),
    [
        ("gelf+udp://", "GELFUDPHandler", "localhost", 12201),
        ("gelf+udp://graylog", "GELFUDPHandler", "graylog", 12201),
        ("gelf+tcp://graylog", "GELFTCPHandler", "graylog", 12201),
        ("gelf+tls://graylog", "GELFTLSHandler", "graylog", 12204),
        ("gelf+http://graylog", "GELFHTTPHandler", "graylog", 12203),
        ("gelf+https://graylog", "GELFHTTPHandler", "graylog", 443),
        ("gelf+https://[::1]:8443/in", "GELFHTTPHandler", "::1", 8443),
        ("syslog+udp://log", "RFC5424Handler", "log", 514),
        ("syslog+tcp://log:601", "RFC5424Handler", "log", 601),
        ("syslog+tls://log", "RFC5424Handler", "log", 6514),
    ],
)
def test_addresses_name_a_handler_and_its_default_port(address, kind, host, port):
    handler: Any = handler_for(address)
    assert type(handler).__name__ == kind
    assert (handler.host, handler.port) == (host, port)
    handler.close()


def test_query_parameters_are_settings():
    handler: Any = handler_for(
        "gelf+http://user:p%40ss@graylog:1234/in?compress=no&timeout=2.5&bulk=true&max_queued=7&when_full=drop_oldest&facility=f"
    )
    assert (handler.compress, handler.timeout, handler.bulk, handler.path) == (False, 2.5, True, "/in")
    assert (handler._max_queued, handler._queue_settings.when_full, handler.facility) == (7, "drop_oldest", "f")
    assert handler.headers["Authorization"] == "Basic dXNlcjpwQHNz"
    handler.close()
    udp: Any = handler_for("gelf+udp://h?chunk_size=lan")
    assert udp.gelf_chunker.chunk_size == gelf_handlers.LAN_CHUNK
    udp.close()


@pytest.mark.parametrize(
    ("address", "complaint"),
    [
        ("gelf+upd://h", "did you mean 'gelf\\+udp'"),
        ("localhost:12201", "unknown address scheme"),
        ("gelf+udp://h?max_queue=3", "did you mean 'max_queued'"),
        ("gelf+udp://h?compress=maybe", "expected true or false"),
        ("gelf+udp://h?max_queued=many", "max_queued='many'"),
        ("gelf+udp://h:99999", "[Pp]ort"),
        ("gelf+tcp://h?when_full=explode", "when_full must be"),
        ("syslog+udp://h?syslog_facility=nope", "unknown syslog facility"),
    ],
)
def test_a_wrong_address_is_told_with_the_nearest_right_one(address, complaint):
    with pytest.raises(ValueError, match=complaint):
        handler_for(address)


# The frameworks' own ways


def test_dict_config(root):
    with TCPReceiver() as receiver:
        logging.config.dictConfig(
            {
                "version": 1,
                "disable_existing_loggers": False,
                "formatters": {"named": {"format": "[%(name)s] %(message)s"}},
                "filters": {"quiet": {"name": "orders"}},
                "handlers": {
                    "gelf": {
                        "class": "gelf_handlers.GELFTCPHandler",
                        "host": "127.0.0.1",
                        "port": receiver.port,
                        "facility": "orders",
                        "fields": {"env": "test"},
                        "level": "INFO",
                        "formatter": "named",
                        "filters": ["quiet"],
                    },
                    "address": {"()": "gelf_handlers.handler_for", "address": f"gelf+tcp://127.0.0.1:{receiver.port}"},
                },
                "loggers": {"orders": {"handlers": ["gelf", "address"], "level": "DEBUG", "propagate": False}},
            }
        )
        logging.getLogger("orders").info("hello")
        messages = receiver.wait(2)
        assert {m["short_message"] for m in messages} == {"[orders] hello", "hello"}
        assert {m.get("_env") for m in messages} == {"test", None}
        logging.config.dictConfig(
            {"version": 1, "disable_existing_loggers": False, "loggers": {"orders": {"handlers": []}}}
        )


def test_file_config(root, tmp_path):
    with UDPReceiver() as receiver:
        path = tmp_path / "logging.ini"
        path.write_text(
            textwrap.dedent(f"""
            [loggers]
            keys=root
            [handlers]
            keys=gelf
            [formatters]
            keys=
            [logger_root]
            level=INFO
            handlers=gelf
            [handler_gelf]
            class=gelf_handlers.GELFUDPHandler
            args=('127.0.0.1', {receiver.port})
            kwargs={{'facility': 'orders', 'fields': {{'env': 'test'}}}}
            level=INFO
            """)
        )
        logging.config.fileConfig(path, disable_existing_loggers=False)
        logging.getLogger().info("hello")
        (message,) = receiver.wait(1)
        assert (message["_facility"], message["_env"]) == ("orders", "test")


def test_django_logging_setting(run):
    pytest.importorskip("django")
    with UDPReceiver() as receiver:
        run(
            """
            import sys
            from django.conf import settings
            settings.configure(
                LOGGING={
                    "version": 1,
                    "disable_existing_loggers": False,
                    "handlers": {"gelf": {"class": "gelf_handlers.GELFUDPHandler", "host": "127.0.0.1", "port": int(sys.argv[1])}},
                    "root": {"handlers": ["gelf"], "level": "INFO"},
                },
                ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="x",
            )
            import django
            django.setup()
            from django.http import HttpResponse
            from django.urls import path
            import logging
            def view(request):
                logging.getLogger("shop").info("seen", extra={"request": request})
                return HttpResponse("ok")
            urlpatterns = [path("", view)]
            from django.test import Client
            assert Client().get("/").status_code == 200
            assert Client().get("/missing").status_code == 404
            """,
            receiver.port,
        )
        messages = receiver.wait(2)
        assert messages[0]["short_message"] == "seen"
        assert messages[0]["_request"] == "<WSGIRequest: GET '/'>"
        assert messages[1]["short_message"] == "Not Found: /missing"


def test_flask(run):
    pytest.importorskip("flask")
    with TCPReceiver() as receiver:
        run(
            """
            import sys
            import flask, gelf_handlers
            gelf_handlers.configure("shop", f"gelf+tcp://127.0.0.1:{sys.argv[1]}")
            app = flask.Flask("shop")
            @app.get("/")
            def index():
                app.logger.info("seen")
                raise ValueError("boom")
            assert app.test_client().get("/").status_code == 500
            """,
            receiver.port,
        )
        messages = receiver.wait(2)
        assert messages[0]["short_message"] == "seen"
        assert messages[1]["full_message"].endswith("ValueError: boom")


def _serve(command, port, folder, ready=lambda: True):
    import urllib.request

    process = subprocess.Popen(
        [sys.executable, "-m", *command],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(HANDLERS)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )

    def answers():
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=2) as reply:
                return reply.status == 200
        except OSError:
            return False

    try:
        up = wait_for(answers, 40) and wait_for(ready, 40)
    finally:
        process.terminate()
        _, errors = process.communicate(timeout=60)
    assert up, errors.decode()


def test_uvicorn_log_config(tmp_path):
    pytest.importorskip("uvicorn")
    port = free_port()
    with TCPReceiver() as receiver:
        (tmp_path / "app.py").write_text(
            "async def app(scope, receive, send):\n"
            "    if scope['type'] != 'http': return\n"
            "    await send({'type': 'http.response.start', 'status': 200, 'headers': []})\n"
            "    await send({'type': 'http.response.body', 'body': b'ok'})\n"
        )
        (tmp_path / "logging.json").write_text(
            json.dumps(
                {
                    "version": 1,
                    "disable_existing_loggers": False,
                    "handlers": {
                        "gelf": {
                            "()": "gelf_handlers.handler_for",
                            "address": f"gelf+tcp://127.0.0.1:{receiver.port}",
                            "exit_on_sigterm": True,
                        }
                    },
                    "loggers": {
                        name: {"handlers": ["gelf"], "level": "INFO", "propagate": False}
                        for name in ("uvicorn", "uvicorn.access")
                    },
                }
            )
        )
        _serve(
            ["uvicorn", "app:app", "--port", str(port), "--lifespan", "off", "--log-config", "logging.json"],
            port,
            tmp_path,
        )
        assert wait_for(lambda: any("GET / HTTP/1.1" in text for text in receiver.texts))
        assert wait_for(lambda: any("Finished server process" in t for t in receiver.texts)), "the last message too"


@pytest.mark.parametrize(
    "command",
    [["uvicorn", "--workers", "2"], ["gunicorn", "-w", "2", "-k", "uvicorn.workers.UvicornWorker", "--preload"]],
    ids=["uvicorn", "gunicorn"],
)
def test_the_last_messages_of_uvicorns_workers(command, tmp_path):
    """uvicorn ends its workers by the signal they got, right after the application's shutdown."""
    pytest.importorskip("uvicorn")
    pytest.importorskip(command[0])
    port = free_port()
    with TCPReceiver() as receiver:
        (tmp_path / "app.py").write_text(
            "import logging, gelf_handlers\n"
            f"gelf_handlers.configure('shop', 'gelf+tcp://127.0.0.1:{receiver.port}', level='INFO')\n"
            "log = logging.getLogger('shop')\n"
            "async def app(scope, receive, send):\n"
            "    if scope['type'] == 'lifespan':\n"
            "        await receive()\n"
            "        log.info('ready')\n"
            "        logging.getLogger('uvicorn').propagate = True\n"
            "        await send({'type': 'lifespan.startup.complete'})\n"
            "        await receive()\n"
            "        for number in range(500):\n"
            "            log.info('last %d', number)\n"
            "        await send({'type': 'lifespan.shutdown.complete'})\n"
            "        return\n"
            "    await send({'type': 'http.response.start', 'status': 200, 'headers': []})\n"
            "    await send({'type': 'http.response.body', 'body': b'ok'})\n"
        )
        bind = ["--port", str(port)] if command[0] == "uvicorn" else ["--bind", f"127.0.0.1:{port}"]
        _serve([*command, *bind, "app:app"], port, tmp_path, lambda: receiver.texts.count("ready") == 2)
        assert wait_for(lambda: sum(text.startswith("last ") for text in receiver.texts) == 1000), receiver.texts
        if command[0] == "uvicorn":  # gunicorn keeps uvicorn's own lines
            assert wait_for(lambda: sum("Finished server process" in text for text in receiver.texts) == 2)


def test_gunicorn_prefork_configuration(tmp_path):
    pytest.importorskip("gunicorn")
    port = free_port()
    with HTTPReceiver() as receiver:
        (tmp_path / "app.py").write_text(
            "import logging\n"
            "logging.getLogger('shop').info('imported')\n"
            "def app(environ, start):\n"
            "    logging.getLogger('shop').info('served')\n"
            "    start('200 OK', [])\n"
            "    return [b'ok']\n"
        )
        (tmp_path / "gunicorn.conf.py").write_text(
            f"bind = '127.0.0.1:{port}'\nworkers = 2\npreload_app = True\naccesslog = '-'\ncontrol_socket_disable = True\n"
            "logconfig_dict = {\n"
            "    'version': 1, 'disable_existing_loggers': False,\n"
            "    'handlers': {'gelf': {'class': 'gelf_handlers.GELFHTTPHandler', 'host': '127.0.0.1', 'port': %d}},\n"
            "    'root': {'handlers': ['gelf'], 'level': 'INFO'},\n"
            "    'loggers': {name: {'handlers': ['gelf'], 'level': 'INFO', 'propagate': False}\n"
            "                for name in ('gunicorn.error', 'gunicorn.access')},\n"
            "}\n"
            # A worker that is told to stop before it has begun does not hear it (of gunicorn).
            "def post_worker_init(worker):\n"
            "    __import__('logging').getLogger('shop').info('ready')\n" % receiver.port
        )
        _serve(["gunicorn", "app:app"], port, tmp_path, lambda: receiver.texts.count("ready") == 2)
        assert wait_for(lambda: any("Shutting down" in text for text in receiver.texts))
        texts = receiver.texts
        assert texts.count("imported") == 1
        assert texts.count("served") == sum("GET / HTTP/1.1" in text for text in texts) >= 1
        assert sum("Booting worker" in text for text in texts) == 2
        assert sum("Worker exiting" in text for text in texts) == 2, "the workers' last messages"


def test_the_terminal_can_be_kept(run):
    with TCPReceiver() as receiver:
        done = run(
            """
            import logging, sys, gelf_handlers
            for _ in range(2):
                gelf_handlers.configure("orders", f"gelf+tcp://127.0.0.1:{sys.argv[1]}", terminal=True)
            logging.getLogger("orders.db").info("paid", extra={"amount": 3})
            """,
            receiver.port,
        )
        receiver.wait(1)
    assert done.stderr.count("orders.db: paid  amount=3") == 1
    assert done.stdout == ""


def test_celery_workers_keep_the_handler(root):
    """Celery's set-up removes the root logger's handlers, then sends the signal."""
    log = pytest.importorskip("celery.app.log", reason="celery is not installed")
    celery = pytest.importorskip("celery")
    pytest.importorskip("celery.utils.log")

    with TCPReceiver() as receiver:
        configure("shop", f"gelf+tcp://127.0.0.1:{receiver.port}", exit_on_sigterm=False)
        log.Logging._setup = False
        celery.Celery("shop").log.setup(logging.WARNING)
        logging.getLogger("shop").info("from a task")
        celery.utils.log.get_task_logger("shop.tasks").info("from a task's own logger")
        receiver.wait(2)
        assert receiver.texts == ["from a task", "from a task's own logger"]
    with TCPReceiver() as receiver:  # again, in a child that Celery forked
        configure("shop", f"gelf+tcp://127.0.0.1:{receiver.port}", exit_on_sigterm=False)
        celery.utils.log.get_task_logger("shop.tasks").info("once")
        logging.getLogger("shop").info("more")
        receiver.wait(2)
        assert receiver.texts == ["once", "more"]
