"""
journal+http, journal+https: the journal of other machines, as systemd-journal-upload sends it.

An upload is one request with any number of entries, and may be longer than memory: entries are handed over as they
come. It is answered when all of them are safe, and only then the client remembers how far it is. Whenever it begins
again, it begins with the entry that it sent last, which is left out: its cursor is known.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import ClassVar

from pydantic import Field

from gelf_listener.codec import Receipt
from gelf_listener.codec.journal.entries import take_entry
from gelf_listener.codec.journal.export import Entry, ExportParser
from gelf_listener.errors import Reason
from gelf_listener.inputs.http_server.answers import Response
from gelf_listener.inputs.http_server.requests import Request
from gelf_listener.inputs.http_server.responder import Responder
from gelf_listener.inputs.http_server.server import HttpServerInput
from gelf_listener.inputs.http_server.settings import HttpServerSettings
from gelf_listener.inputs.tls import TlsSettings
from gelf_listener.settings import Size

_PATH = "/upload"
_MEDIA_TYPE = "application/vnd.fdo.journal"
_MAX_CURSORS = 4096
_OK = Response(202, b"OK.\n", "text/plain", [("Accept-Encoding", "zstd")])
"""Clients of systemd 258 and later compress from then on."""


class JournalHttpSettings(HttpServerSettings):
    """Settings of `journal+http://`."""

    port: int = Field(19532, ge=0, le=65535, description="Port to bind; 0 picks a free one.")
    max_entry_bytes: Size = Field(
        8 * 1024 * 1024, ge=1024, description="Longest entry, with its binary fields; a longer one is skipped."
    )


class JournalHttpsSettings(JournalHttpSettings, TlsSettings):
    """Settings of `journal+https://`."""


class _Cursors:
    """Cursors of the last entries of uploads that are safe; the oldest are forgotten."""

    def __init__(self) -> None:
        self._known: OrderedDict[bytes, None] = OrderedDict()

    def __contains__(self, cursor: bytes) -> bool:
        return cursor in self._known

    def add(self, cursor: bytes) -> None:
        """Remember one."""
        self._known[cursor] = None
        self._known.move_to_end(cursor)
        if len(self._known) > _MAX_CURSORS:
            self._known.popitem(last=False)


class _Upload:
    """
    Reads the body of one upload.

    Args:
        max_entry_bytes: Longest entry.
        cursors: Of entries that may come again at its beginning.
    """

    def __init__(self, max_entry_bytes: int, cursors: _Cursors) -> None:
        self._parser = ExportParser(max_entry_bytes)
        self._cursors = cursors
        self.cursor = b""
        """Of the last entry."""

    @property
    def pending_bytes(self) -> int:
        """Bytes held for an entry that has not ended."""
        return self._parser.pending_bytes

    def feed(self, data: bytes, receipt: Receipt) -> None:
        """Take bytes; see `BodyReader.feed`."""
        for entry in self._parser.feed(data, receipt):
            self._take(entry, receipt)

    def finish(self, receipt: Receipt) -> Response:
        """End the upload."""
        last = self._parser.finish(receipt)
        if last is not None:
            self._take(last, receipt)
        return _OK

    def _take(self, entry: Entry, receipt: Receipt) -> None:
        """Take an entry, unless it was the last of an upload and is now the first."""
        before, self.cursor = self.cursor, next((value for name, value in entry if name == "__CURSOR"), b"")
        if before or self.cursor not in self._cursors:
            take_entry(entry, _export(entry), receipt)


class JournalResponder(Responder):
    """
    Takes uploads on `/upload`.

    Args:
        settings: Of the input.
        input: Its name.
    """

    settings: JournalHttpSettings

    def __init__(self, settings: JournalHttpSettings, input: str) -> None:
        super().__init__(settings, input)
        self._cursors = _Cursors()

    def check(self, request: Request) -> Response | None:
        """Refuse other paths, methods and media types, as systemd-journal-remote does."""
        if request.path != _PATH:
            return self.error(request, 404, f"Not found: the journal is uploaded to {_PATH}")
        if request.method != "POST":
            return self.error(request, 405, "Unsupported method: the journal is uploaded with POST")
        if request.content_type not in ("", _MEDIA_TYPE):
            return self.error(request, 415, f"Content-Type: {_MEDIA_TYPE} is required")
        return None

    def reader(self, request: Request) -> _Upload:
        """Read each upload piece by piece."""
        upload = request.context = _Upload(self.settings.max_entry_bytes, self._cursors)
        return upload

    def encode(self, request: Request) -> bytes:
        """Write an answer, which goes out when the entries are safe: the last of them need not come again."""
        upload = request.context
        if isinstance(upload, _Upload) and upload.cursor and request.response is _OK:
            self._cursors.add(upload.cursor)
        return super().encode(request)

    def error_body(
        self,
        request: Request,  # noqa: ARG002
        status: int,  # noqa: ARG002
        detail: str,
        reason: Reason | None,  # noqa: ARG002  (a text for a person)
    ) -> tuple[bytes, str]:
        """Write an error as the text that the client shows."""
        return detail.encode() + b"\n", "text/plain; charset=utf-8"


class JournalHttpInput(HttpServerInput):
    """
    Takes journals.

    Guarantee: at least once: an upload is answered when its entries are in the buffers of all outputs, and safe there
    (`Intake.when_safe`); otherwise the client sends them again, and they have the ids that they had.
    """

    Settings: ClassVar[type[JournalHttpSettings]] = JournalHttpSettings
    scheme: ClassVar[str] = "journal+http"
    settings: JournalHttpSettings

    def responder(self) -> JournalResponder:
        """Make what answers the requests of all connections."""
        return JournalResponder(self.settings, self.name)


class JournalHttpsInput(JournalHttpInput):
    """
    Takes journals by HTTPS.

    Guarantee: as `JournalHttpInput`.
    """

    Settings: ClassVar[type[JournalHttpsSettings]] = JournalHttpsSettings
    scheme: ClassVar[str] = "journal+https"


def _export(entry: Entry) -> bytes:
    """Write an entry as it came, for people: binary values as lines."""
    return b"\n".join([name.encode() + b"=" + value for name, value in entry]) + b"\n"
