"""
What inputs and outputs are made of: the public module for plug-ins (docs/plugins.md).

Everything here stays as it is within a minor version. Names are imported when they are asked for, so an output does not
load what inputs need.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gelf_listener.capabilities import Concurrent, KeepsPayloads, Parallel, Reopens, Searchable, SharesPorts
    from gelf_listener.client_tls import ClientTlsSettings, client_context
    from gelf_listener.codec.batch import Batch
    from gelf_listener.codec.contracts import DatagramDecoder, Decoder, Framer
    from gelf_listener.codec.inflater import Inflater
    from gelf_listener.codec.payload_decoder import PayloadDecoder
    from gelf_listener.codec.receipt import Receipt
    from gelf_listener.codec.record import make_message
    from gelf_listener.codec.session import FramedSession, Session
    from gelf_listener.errors import ConfigError, GelfError, OutputError, Reason, Refused, Rejected, Retry
    from gelf_listener.inputs import Input
    from gelf_listener.inputs.http_server.answers import Response
    from gelf_listener.inputs.http_server.requests import Request
    from gelf_listener.inputs.http_server.responder import BodyReader, Responder
    from gelf_listener.inputs.http_server.server import HttpServerInput
    from gelf_listener.inputs.http_server.settings import HttpServerSettings
    from gelf_listener.inputs.listening import ListeningSettings, SessionSettings, StreamSettings
    from gelf_listener.inputs.stream import SessionInput, StreamInput
    from gelf_listener.inputs.stream_connection import StreamConnection, TextConnection
    from gelf_listener.inputs.tls import TlsSettings
    from gelf_listener.inputs.udp import DatagramInput, DatagramSettings
    from gelf_listener.intake import Intake
    from gelf_listener.message import FieldValue, Message, Peer
    from gelf_listener.notes import Deviation, Note
    from gelf_listener.outputs import Output
    from gelf_listener.outputs.http_batch import HttpBatchOutput
    from gelf_listener.outputs.http_batch import Request as BatchRequest
    from gelf_listener.outputs.http_client import HttpOutputSettings
    from gelf_listener.outputs.stream_output import StreamOutput, StreamOutputSettings
    from gelf_listener.settings import Duration, InputSettings, OutputSettings, Size
    from gelf_listener.writer_thread import WriterThread

__all__ = [
    "Batch",
    "BatchRequest",
    "BodyReader",
    "ClientTlsSettings",
    "Concurrent",
    "ConfigError",
    "DatagramDecoder",
    "DatagramInput",
    "DatagramSettings",
    "Decoder",
    "Deviation",
    "Duration",
    "FieldValue",
    "FramedSession",
    "Framer",
    "GelfError",
    "HttpBatchOutput",
    "HttpOutputSettings",
    "HttpServerInput",
    "HttpServerSettings",
    "Inflater",
    "Input",
    "InputSettings",
    "Intake",
    "KeepsPayloads",
    "ListeningSettings",
    "Message",
    "Note",
    "Output",
    "OutputError",
    "OutputSettings",
    "Parallel",
    "PayloadDecoder",
    "Peer",
    "Reason",
    "Receipt",
    "Refused",
    "Rejected",
    "Reopens",
    "Request",
    "Responder",
    "Response",
    "Retry",
    "Searchable",
    "Session",
    "SessionInput",
    "SessionSettings",
    "SharesPorts",
    "Size",
    "StreamConnection",
    "StreamInput",
    "StreamOutput",
    "StreamOutputSettings",
    "StreamSettings",
    "TextConnection",
    "TlsSettings",
    "WriterThread",
    "client_context",
    "make_message",
]

_HOMES = {
    "capabilities": ("Concurrent", "KeepsPayloads", "Parallel", "Reopens", "Searchable", "SharesPorts"),
    "client_tls": ("ClientTlsSettings", "client_context"),
    "codec.batch": ("Batch",),
    "codec.contracts": ("DatagramDecoder", "Decoder", "Framer"),
    "codec.inflater": ("Inflater",),
    "codec.payload_decoder": ("PayloadDecoder",),
    "codec.receipt": ("Receipt",),
    "codec.record": ("make_message",),
    "codec.session": ("FramedSession", "Session"),
    "errors": ("ConfigError", "GelfError", "OutputError", "Reason", "Refused", "Rejected", "Retry"),
    "inputs": ("Input",),
    "inputs.http_server.answers": ("Response",),
    "inputs.http_server.requests": ("Request",),
    "inputs.http_server.responder": ("BodyReader", "Responder"),
    "inputs.http_server.server": ("HttpServerInput",),
    "inputs.http_server.settings": ("HttpServerSettings",),
    "inputs.listening": ("ListeningSettings", "SessionSettings", "StreamSettings"),
    "inputs.stream": ("SessionInput", "StreamInput"),
    "inputs.stream_connection": ("StreamConnection", "TextConnection"),
    "inputs.tls": ("TlsSettings",),
    "inputs.udp": ("DatagramInput", "DatagramSettings"),
    "intake": ("Intake",),
    "message": ("FieldValue", "Message", "Peer"),
    "notes": ("Deviation", "Note"),
    "outputs": ("Output",),
    "outputs.http_batch": ("HttpBatchOutput",),
    "outputs.http_client": ("HttpOutputSettings",),
    "outputs.stream_output": ("StreamOutput", "StreamOutputSettings"),
    "settings": ("Duration", "InputSettings", "OutputSettings", "Size"),
    "writer_thread": ("WriterThread",),
}
"""Where each name lives, below the package."""

_HOME_OF = {name: (home, name) for home, names in _HOMES.items() for name in names} | {
    "BatchRequest": ("outputs.http_batch", "Request")
}


def __getattr__(name: str) -> Any:
    """Import a public name when somebody asks for it."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home, there = _HOME_OF[name]
    return getattr(importlib.import_module(f"gelf_listener.{home}"), there)
