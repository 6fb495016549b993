"""Inputs: what each registered one makes of real payloads, sent to it as a client of its protocol does."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, NamedTuple

from gelf_listener.codec import Batch
from gelf_listener.inputs import Input
from gelf_listener.message import Message
from gelf_listener.plugins import INPUT_GROUP, load
from gelf_listener.testing.contracts import RecordingIntake, run, until
from tests.matrix.meaning import differences, meaning_of, meaning_of_document, typed
from tests.unit.inputs.clients import post, send_datagrams, send_stream
from tests.unit.inputs.wire import WIRE, assert_read, requests_of

__all__ = ["INPUTS", "Row", "received"]

PAYLOADS = json.loads((WIRE.parent / "matrix" / "payloads.json").read_text())
"""What has no recorded client: documents of GELF, and texts with what must be read of them."""

Send = Callable[[Input, Path], Awaitable[None]]


class Row(NamedTuple):
    """An input in the matrix."""

    send: Send | None
    """Sends everything to it once it has started; None where a broker keeps the messages: only its decoder is used."""

    messages: int
    """How many messages that is."""

    check: Callable[[list[Message]], None]
    """Asserts that what was decoded means what was sent."""

    settings: dict[str, Any] = {}
    """Beyond the port; ``{}`` in a text is its folder."""

    tls: tuple[str, ...] = ()
    """Schemes that are the same with TLS."""

    around: Callable[[], AbstractContextManager[object]] = contextlib.nullcontext
    """What is opened before the input is made, and closed after it."""


def _documents() -> list[bytes]:
    return [json.dumps(document).encode() for document in PAYLOADS["gelf"]]


def _texts(kind: str) -> list[bytes]:
    return [text["sent"].encode() for text in PAYLOADS[kind]]


def _lines() -> bytes:
    return b"".join(line + b"\n" for line in _texts("lines"))


async def _gelf_udp(made: Input, _: Path) -> None:
    await send_datagrams(made.listening[0], _documents())


async def _gelf_tcp(made: Input, _: Path) -> None:
    await send_stream(made.listening[0], b"".join(document + b"\0" for document in _documents()))


async def _gelf_http(made: Input, _: Path) -> None:
    assert set(await post(made.listening[0], _documents())) == {202}


async def _syslog_udp(made: Input, _: Path) -> None:
    await send_datagrams(made.listening[0], _texts("syslog"))


async def _syslog_tcp(made: Input, _: Path) -> None:
    await send_stream(made.listening[0], b"".join(b"%d %s" % (len(text), text) for text in _texts("syslog")))


async def _syslog_unix(made: Input, _: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.connect(str(made.settings.path))
        for text in _texts("syslog"):
            sock.send(text)


async def _file(_: Input, folder: Path) -> None:
    (folder / "app.log").write_bytes(_lines())


async def _stdin(_: Input, __: Path) -> None:
    """Nothing is left to do: what it reads is there before it starts (`_standard_input`)."""


@contextlib.contextmanager
def _standard_input() -> Iterator[None]:
    """Put a pipe with lines in the place of standard input; its end is not closed, for a thread may still read."""
    reading, writing = os.pipe()
    os.write(writing, _lines())
    before, sys.stdin = sys.stdin, os.fdopen(reading, closefd=False)
    try:
        yield
    finally:
        sys.stdin = before
        os.close(writing)


def _bytes_of(client: str) -> Send:
    """Send what a client wrote to its connections."""

    async def send(made: Input, _: Path) -> None:
        streams = sorted((WIRE / client).glob("tcp-stream-*.bin"))
        for data in [path.read_bytes() for path in streams] or requests_of(client):
            await send_stream(made.listening[0], data)

    return send


def _are_documents(messages: list[Message]) -> None:
    for message, document in zip(messages, PAYLOADS["gelf"], strict=True):
        assert not (wrong := differences(meaning_of(message), meaning_of_document(document))), wrong


def _are_texts(kind: str) -> Callable[[list[Message]], None]:
    def check(messages: list[Message]) -> None:
        assert len(messages) == len(PAYLOADS[kind])
        for message, text in zip(messages, PAYLOADS[kind], strict=True):
            found = meaning_of(message)
            fields = typed(text["expected"].get("fields", {}))
            wanted = found._replace(**text["expected"] | {"fields": found.fields | fields})
            assert not (wrong := differences(found, wanted)), wrong

    return check


def _of_documents(send: Send | None, *tls: str, **settings: Any) -> Row:
    return Row(send, len(PAYLOADS["gelf"]), _are_documents, settings, tls)


def _of_texts(kind: str, send: Send, *tls: str, around: Any = contextlib.nullcontext, **settings: Any) -> Row:
    return Row(send, len(PAYLOADS[kind]), _are_texts(kind), settings, tls, around)


def _of_client(client: str, *tls: str) -> Row:
    count = len(json.loads((WIRE / client / "expect.json").read_text())["records"])
    return Row(_bytes_of(client), count, lambda messages: assert_read(client, messages), tls=tls)


INPUTS: dict[str, Row] = {
    "gelf+udp": _of_documents(_gelf_udp),
    "gelf+tcp": _of_documents(_gelf_tcp, "gelf+tls"),
    "gelf+http": _of_documents(_gelf_http, "gelf+https"),
    "gelf+amqp": _of_documents(None),
    "gelf+kafka": _of_documents(None, path="/logs"),
    "syslog+udp": _of_texts("syslog", _syslog_udp),
    "syslog+tcp": _of_texts("syslog", _syslog_tcp, "syslog+tls"),
    "syslog+unix": _of_texts("syslog", _syslog_unix, path="{}/log"),
    "stdin": _of_texts("lines", _stdin, around=_standard_input, join_seconds=0),
    "file": _of_texts("lines", _file, path="{}/*.log", state_path="{}/state", join_seconds=0, poll_seconds=0.005),
    "otlp+http": _of_client("otlp-http-protobuf/java", "otlp+https"),
    "otlp+grpc": _of_client("otlp-grpc/python", "otlp+grpcs"),
    "forward": _of_client("forward/node-message", "forward+tls"),
    "loki+http": _of_client("loki/go-protobuf-snappy", "loki+https"),
    "elasticsearch+http": _of_client("es-bulk/elasticsearch-py", "elasticsearch+https"),
    "splunk+hec": _of_client("hec/node-splunk-logging", "splunk+hec+tls"),
    "journal+http": _of_client("journal-upload/systemd-journal-upload", "journal+https"),
}


def _make(scheme: str, folder: Path) -> Input:
    plugin: Any = load(INPUT_GROUP, scheme)
    values = {
        name: value.format(folder) if isinstance(value, str) else value
        for name, value in INPUTS[scheme].settings.items()
    }
    if "port" in plugin.Settings.model_fields and INPUTS[scheme].send is not None:
        values["port"] = 0
    made: Input = plugin(plugin.Settings(**values))
    return made


def _decoded(scheme: str, folder: Path) -> list[Message]:
    """Decode what a broker would deliver."""
    made: Any = _make(scheme, folder)
    batch = Batch()
    for payload in _documents():
        made.settings.decoder(made.name).decode(made.settings.unwrapped(payload), 1_795_950_000.0, None, batch)
    assert batch.rejected == []
    return batch.messages


async def _sent(scheme: str, folder: Path) -> list[Message]:
    """Start an input, send everything to it, and return what it handed over."""
    row, intake = INPUTS[scheme], RecordingIntake()
    assert row.send is not None
    made = _make(scheme, folder)
    await made.start(intake)
    try:
        await row.send(made, folder)
        await until(lambda: len(intake.messages) >= row.messages)
    finally:
        await made.close()
    assert intake.rejected == []
    return intake.messages


def received(scheme: str, folder: Path) -> list[Message]:
    """
    Return what an input makes of everything that is sent to it, checked against what was meant.

    Args:
        scheme: One of `INPUTS`.
        folder: An empty one, for its files.
    """
    row = INPUTS[scheme]
    with row.around():
        messages = _decoded(scheme, folder) if row.send is None else run(_sent(scheme, folder))
    row.check(messages)
    return messages
