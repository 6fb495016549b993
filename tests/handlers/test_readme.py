"""Every block of the README runs: python blocks against local receivers, configuration files through their loaders."""

import json
import re

import pytest
from conftest import HANDLERS
from receivers import HTTPReceiver, TCPReceiver, UDPReceiver, wait_for

README = (HANDLERS / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
PYTHON = [text for language, text in BLOCKS if language == "python"]
NEEDS = ("flask", "structlog", "loguru", "django")
# What a block sends, so that running it proves something; blocks that send nothing are settings.
SENDS = {
    "paid %s": "paid A-17",
    "hello %s": "hello graylog",
    '"configured"': "configured",
    'app.logger.info("ready")': "ready",
    '"served"': "served",
    "to_logging": "paid",
    "GELFSink": "paid 9.5",
    "low stock": "low stock",
}


def localise(text, udp, tcp, http):
    """Point a block's addresses at the receivers."""
    text = text.replace('("localhost", 12201)', f'("localhost", {udp.port})')
    text = text.replace('("localhost", 514)', f'("localhost", {udp.port})')
    text = text.replace("gelf+udp://localhost", f"gelf+udp://localhost:{udp.port}")
    text = text.replace("gelf+tcp://localhost", f"gelf+tcp://localhost:{tcp.port}")
    text = text.replace("gelf+http://localhost", f"gelf+http://localhost:{http.port}")
    text = re.sub(r'("host": "localhost",\s+"port": )12201', rf"\g<1>{tcp.port}", text)
    return re.sub(r'("host": "localhost",\s+"port": )12203', rf"\g<1>{http.port}", text)


@pytest.mark.parametrize("number", range(len(PYTHON)), ids=lambda n: f"{n}-{PYTHON[n].splitlines()[-1][:40]}")
def test_python_block_runs(number, run):
    text = PYTHON[number]
    for name in NEEDS:
        if re.search(rf"^(import|from) {name}\b", text, re.MULTILINE):
            pytest.importorskip(name)
    with UDPReceiver() as udp, TCPReceiver() as tcp, HTTPReceiver() as http:
        # syslog datagrams are not JSON: keep them apart from the GELF ones
        done = run(localise(text, udp, tcp, http))
        assert "Traceback" not in done.stderr
        assert "gelf-handlers:" not in done.stderr
        expected = [message for mark, message in SENDS.items() if mark in text]

        def arrived():
            payloads = b"\n".join([*udp.payloads, *tcp.payloads, *http.payloads]).decode()
            return all(message in payloads for message in expected)

        assert wait_for(arrived), (expected, udp.payloads, tcp.payloads, http.payloads)


def test_every_expectation_belongs_to_a_block():
    for mark in SENDS:
        assert any(mark in text for text in PYTHON), mark


def test_the_ini_block_is_a_file_configuration(run, tmp_path):
    (block,) = [text for language, text in BLOCKS if language == "ini"]
    with UDPReceiver() as udp:
        path = tmp_path / "logging.ini"
        path.write_text(block.replace("12201", str(udp.port)))
        run(
            "import logging, logging.config, sys; logging.config.fileConfig(sys.argv[1]); logging.info('from ini')",
            path,
        )
        assert udp.wait(1)[0]["_facility"] == "orders"


def test_the_uvicorn_block_is_a_dict_configuration(run):
    (block,) = [text for language, text in BLOCKS if language == "json" and "uvicorn" in text]
    with TCPReceiver() as tcp:
        run(
            "import json, logging, logging.config, sys; logging.config.dictConfig(json.loads(sys.argv[1]));"
            "logging.getLogger('uvicorn').info('from json')",
            block.replace("gelf+tcp://localhost", f"gelf+tcp://localhost:{tcp.port}"),
        )
        tcp.wait(1)
        assert json.loads(tcp.payloads[0])["short_message"] == "from json"


def test_the_message_shown_is_what_the_first_block_sends(run):
    from receivers import UDPReceiver as Receiver

    shown = json.loads(next(text for language, text in BLOCKS if language == "json"))
    with Receiver() as udp:
        run(PYTHON[0].replace("gelf+udp://localhost", f"gelf+udp://localhost:{udp.port}"))
        (sent,) = udp.wait(1)
    assert list(sent) == [key for key in shown if key in sent] + [key for key in sent if key not in shown]
    assert {
        key: sent[key] for key in ("short_message", "level", "_facility", "_logger", "_env", "_amount", "_currency")
    } == {key: shown[key] for key in ("short_message", "level", "_facility", "_logger", "_env", "_amount", "_currency")}
    assert set(shown) == set(sent) | ({"_task_name"} & set(shown))


def test_every_setting_of_an_address_is_in_the_readme():
    from gelf_handlers import config

    for settings in (config._MESSAGE, config._QUEUE, *(own for _, own, _ in config._SCHEMES.values())):
        for name in settings:
            assert f"`{name}`" in README, name
    for scheme in config._SCHEMES:
        assert f"{scheme}:" in README or f"`{scheme}`" in README, scheme


def test_every_default_in_the_readme_is_the_true_one():
    from gelf_handlers.worker import QueueSettings

    settings = QueueSettings()
    for name in (
        "max_queued",
        "when_full",
        "block_timeout_seconds",
        "linger_seconds",
        "flush_timeout_seconds",
        "exit_timeout_seconds",
    ):
        row = re.search(rf"^\| `{name}` \| `?([\w.]+)`? \|", README, re.MULTILINE)
        assert row, name
        value = getattr(settings, name)
        assert row[1] in (str(value), str(int(value)) if isinstance(value, float) else ""), name
