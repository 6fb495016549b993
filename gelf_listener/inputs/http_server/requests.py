"""Request: what a client asks, and in the end what it is answered."""

from __future__ import annotations

from urllib.parse import parse_qsl, unquote

from gelf_listener.inputs.http_server.answers import Response
from gelf_listener.message import Peer

_MAX_PARAMETERS = 1000


class Request:
    """
    One request.

    Attributes:
        peer: Who sent it, if known.
        method: In capitals, for example ``POST``.
        target: Path and query as they came.
        headers: By name in lower case; the values of a name that came several times are joined with ``, ``.
        body: What was sent; without its Content-Encoding, unless the responder undoes that itself.
        context: Whatever the responder wants to remember between `Responder.check` and `Responder.respond`.
        response: The answer, once there is one.
        old: Whether the client speaks HTTP/1.0.
        closes: Whether the connection is closed behind the answer.
        promises: Whether the answer says that messages were taken.
    """

    __slots__ = (
        "_query",
        "body",
        "closes",
        "context",
        "headers",
        "method",
        "old",
        "peer",
        "promises",
        "response",
        "target",
    )

    def __init__(self, peer: Peer | None) -> None:
        self.peer = peer
        self.method = ""
        self.target = b""
        self.headers: dict[bytes, bytes] = {}
        self.body = b""
        self.context: object = None
        self.response: Response | None = None
        self.old = False
        self.closes = False
        self.promises = False
        self._query: dict[str, str] | None = None

    def header(self, name: str, default: str = "") -> str:
        """Return a header, whatever the case of its name."""
        value = self.headers.get(name.lower().encode("latin-1"))
        return default if value is None else value.decode("latin-1")

    @property
    def content_type(self) -> str:
        """The media type of the body in lower case, without parameters."""
        return self.header("content-type").partition(";")[0].strip().lower()

    @property
    def path(self) -> str:
        """The path, decoded, without the query."""
        return unquote(self.target.partition(b"?")[0].decode("latin-1"))

    @property
    def query(self) -> dict[str, str]:
        """The parameters of the query, decoded; of several with a name the last. Too many are none at all."""
        if self._query is None:
            text = self.target.partition(b"?")[2].decode("latin-1")
            try:
                self._query = dict(parse_qsl(text, keep_blank_values=True, max_num_fields=_MAX_PARAMETERS))
            except ValueError:
                self._query = {}
        return self._query
