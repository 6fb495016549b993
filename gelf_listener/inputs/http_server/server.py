"""HttpServerInput: an input that takes HTTP requests, with TLS where its settings have a certificate."""

from __future__ import annotations

from typing import ClassVar

from gelf_listener.inputs.http_server.protocol import HttpProtocol
from gelf_listener.inputs.http_server.responder import Responder
from gelf_listener.inputs.http_server.settings import HttpServerSettings
from gelf_listener.inputs.server_connections import Connections
from gelf_listener.inputs.stream import StreamInput
from gelf_listener.intake import Intake


class HttpServerInput(StreamInput):
    """
    Takes HTTP requests; subclasses say what they mean with a `Responder`.

    Guarantee: a request is answered with success when its messages are in the buffers of all outputs, and safe there
    (`Intake.when_safe`).
    """

    Settings: ClassVar[type[HttpServerSettings]]
    asks_requests: ClassVar[bool] = True
    settings: HttpServerSettings

    def __init__(self, settings: HttpServerSettings) -> None:
        super().__init__(settings)
        self._responder = self.responder()

    def responder(self) -> Responder:
        """Make what answers the requests of all connections."""
        raise NotImplementedError

    def protocol(self, connections: Connections, intake: Intake) -> HttpProtocol:
        """Make the protocol of a new connection."""
        return HttpProtocol(connections, intake, self._responder)
