"""logging: messages as records of Python's own, for any handler."""

from __future__ import annotations

import json
import logging
import re
from pathlib import Path
from typing import Any

import pytest

from gelf_listener.errors import ConfigError, Refused, Retry
from gelf_listener.outputs.log_records import LogRecordOutput, LogRecordSettings, record_of
from gelf_listener.testing.contracts import OutputContract, run
from tests.unit.outputs.messages import make_batch, make_message

PAGE = Path(__file__).parents[3] / "docs" / "outputs" / "logging.md"


class Keeper(logging.Handler):
    """Keeps records."""

    kept: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.kept.append(record)


@pytest.fixture(autouse=True)
def keeper() -> Any:
    """A logger with a handler that keeps what it gets."""
    Keeper.kept = []
    logger = logging.getLogger("kept")
    handler = Keeper()
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    yield Keeper
    logger.removeHandler(handler)
    logger.setLevel(logging.NOTSET)
    logger.propagate = True


def test_a_record() -> None:
    """What graypy and gelf-handlers send is what the service logged."""
    message = make_message(
        "100 % paid", host="web1", level=3, timestamp=1790000000.25, full_message="100 % paid\nTraceback ...",
        fields={
            "logger": "shop.cart", "file": "/srv/shop/cart.py", "line": 7, "function": "pay", "pid": 42,
            "thread_name": "MainThread", "user_id": 4711, "msg": "not ours", "args": "neither",
        },
    )  # fmt: skip
    record = record_of(message)
    assert (record.name, record.levelno, record.levelname) == ("shop.cart", logging.ERROR, "ERROR")
    assert (record.getMessage(), record.args) == ("100 % paid", ())
    assert (record.created, record.msecs) == (1790000000.25, 250)
    assert (record.pathname, record.filename, record.module) == ("/srv/shop/cart.py", "cart.py", "cart")
    assert (record.lineno, record.funcName, record.process) == (7, "pay", 42)
    assert record.exc_text == "Traceback ..."
    assert record.threadName == "MainThread"
    unknown = record_of(make_message())
    assert (unknown.process, unknown.processName, unknown.thread, unknown.threadName) == (0, "", 0, "")
    values = record.__dict__
    assert (values["user_id"], values["_msg"], values["_args"]) == (4711, "not ours", "neither")
    assert (values["host"], values["gelf_id"]) == ("web1", message.id)
    assert logging.Formatter("%(levelname)s %(name)s %(message)s").format(record).splitlines() == [
        "ERROR shop.cart 100 % paid",
        "Traceback ...",
    ]


def test_values_of_another_type_are_kept() -> None:
    """A line that is not a number does not become the record's line."""
    values = record_of(make_message("a", fields={"line": "seven", "pid": "x", "logger": 5})).__dict__
    assert (values["line"], values["pid"], values["name"]) == ("seven", "x", "5")


def test_our_own_loggers_are_not_named() -> None:
    """What handlers do must not come back to us."""
    assert record_of(make_message("a", fields={"logger": "gelf_listener.runner"})).name == "remote.gelf_listener.runner"


def test_the_nearest_logger_that_exists_handles() -> None:
    """And none is made: names come from strangers."""

    async def main() -> None:
        output = LogRecordOutput(LogRecordSettings())
        await output.start()
        before = set(logging.Logger.manager.loggerDict)
        await output.write([make_message(str(number), fields={"logger": f"kept.x{number}.y"}) for number in range(50)])
        await output.close()
        assert set(logging.Logger.manager.loggerDict) == before

    run(main())
    assert [record.name for record in Keeper.kept] == [f"kept.x{number}.y" for number in range(50)]


def test_one_logger_for_all(tmp_path: Path) -> None:
    """And a level that keeps some out."""

    async def main() -> None:
        output = LogRecordOutput(LogRecordSettings(logger="kept"))
        await output.start()
        logging.getLogger("kept").setLevel(logging.WARNING)
        await output.write([make_message("a", level=3), make_message("b", level=6)])
        await output.close()
        assert output.counters() == {"written_messages_total": 2}

    run(main())
    assert [record.getMessage() for record in Keeper.kept] == ["a"]


def test_a_handler_that_raises() -> None:
    """An `OSError` may pass, anything else is about that message; nobody gets a message twice."""
    failures: list[Exception] = [ConnectionError("away"), ConnectionError("still"), ValueError("odd")]

    class Raises(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.getMessage() == "message 2" and failures:
                raise failures.pop(0)

    handler = Raises()
    batch = make_batch(5)

    async def main() -> None:
        output = LogRecordOutput(LogRecordSettings(logger="kept"))
        await output.start()
        for why in ("away", "still"):
            with pytest.raises(Retry, match=why):
                await output.write(batch)
        with pytest.raises(Refused, match="odd") as caught:
            await output.write(batch)
        assert caught.value.messages == [batch[2]]
        assert output.counters() == {"written_messages_total": 4}
        await output.close()

    logging.getLogger("kept").handlers.insert(0, handler)
    try:
        run(main())
    finally:
        logging.getLogger("kept").removeHandler(handler)
    assert [record.getMessage() for record in Keeper.kept] == [f"message {number}" for number in (0, 1, 3, 4)]


def test_a_configuration(tmp_path: Path) -> None:
    """TOML or JSON; what handlers buffer is there after the end."""
    target = tmp_path / "out.log"
    handlers = {
        "file": {"class": "logging.FileHandler", "filename": str(target), "level": "ERROR"},
        "all": {
            "class": "logging.handlers.MemoryHandler", "capacity": 1000, "flushLevel": 60, "target": "file",
        },
    }  # fmt: skip
    config = tmp_path / "handlers.json"
    loggers = {"from.far": {"handlers": ["all"], "level": "DEBUG", "propagate": False}}
    config.write_text(json.dumps({"version": 1, "handlers": handlers, "loggers": loggers}))

    async def main() -> None:
        output = LogRecordOutput(LogRecordSettings(config=config, logger="from.far"))
        await output.start()
        await output.write(make_batch(3))
        await output.close()
        await output.close()
        with pytest.raises(Retry):
            await output.write(make_batch(1))

    run(main())
    assert target.read_text().splitlines() == ["message 0", "message 1", "message 2"]


def test_the_page(tmp_path: Path) -> None:
    """What the documentation shows is a configuration."""
    match = re.search(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert match is not None
    config = tmp_path / "handlers.toml"
    config.write_text(match[1].replace("[root]", "[loggers.mailed]"))

    async def main() -> None:
        output = LogRecordOutput(LogRecordSettings(config=config, logger="mailed"))
        await output.start()
        await output.close()

    run(main())
    assert [type(handler).__name__ for handler in logging.getLogger("mailed").handlers] == ["SMTPHandler"]
    logging.getLogger("mailed").handlers.clear()


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("x.toml", "version = ", "'config'"),
        ("x.json", "[1]", "holds no table"),
        ("x.json", '{"version": 1, "handlers": {"h": {"class": "no.such.Class"}}}', "'h'"),
        ("x.json", "{}", "version"),
    ],
)
def test_configurations_that_are_none(tmp_path: Path, name: str, text: str, words: str) -> None:
    """Are told of, with the cause."""
    path = tmp_path / name
    path.write_text(text)

    async def main() -> None:
        await LogRecordOutput(LogRecordSettings(config=path)).start()

    with pytest.raises(ConfigError, match=words):
        run(main())


def test_a_configuration_that_is_not_there(tmp_path: Path) -> None:
    """Is told of when the output is made."""
    with pytest.raises(ConfigError, match="No such file"):
        LogRecordOutput(LogRecordSettings(config=tmp_path / "none.toml"))


class TestLogging(OutputContract):
    """logging."""

    scheme = "logging"

    def make(self, tmp_path: Path) -> LogRecordOutput:
        return LogRecordOutput(LogRecordSettings(logger="kept"))

    def texts(self, tmp_path: Path) -> list[str]:
        return [record.getMessage() for record in Keeper.kept]
