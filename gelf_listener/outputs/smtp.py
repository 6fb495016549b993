"""smtp, smtps: messages as mail, several in one when many come at once."""

from __future__ import annotations

import datetime as dt
import logging
import smtplib
import socket
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from gelf_listener.client_tls import ClientTlsSettings, check_files, client_context
from gelf_listener.errors import Retry, describe
from gelf_listener.message import Message
from gelf_listener.outputs.progress import Progress
from gelf_listener.rendering.placeholders import compile_placeholders
from gelf_listener.rendering.pretty import PrettyRenderer
from gelf_listener.rendering.sanitise import clean_text
from gelf_listener.settings import Duration, OutputSettings, split_commas
from gelf_listener.writer_thread import WriterThread

_log = logging.getLogger(__name__)

_MOST_SUBJECT = 200
_MOST_TEXT = 100_000
"""Characters of one message in a mail."""
_MOST_ANSWER_BYTES = 64 * 1024
_PERMANENT = 500
_CLOSE_SECONDS = 5.0


class SmtpSettings(OutputSettings, ClientTlsSettings):
    """Settings of `smtp://` and `smtps://`."""

    host: str = Field("localhost", description="The mail server.")
    port: int | None = Field(None, ge=1, le=65535, description="Its port.")
    user: str = Field("", description="User to log in as; without one nobody logs in.", repr=False)
    password: str = Field("", description="Password.", repr=False)
    to: Annotated[tuple[str, ...], BeforeValidator(split_commas)] = Field(
        (), description="Addresses that get the mail, separated by commas."
    )
    sender: str = Field("", description="Address it comes from; by default gelf-listener at the server's name.")
    subject: str = Field(
        "",
        description="Subject; may hold {source}, {input}, {level}, {_field} of the first message; by default its text.",
    )
    starttls: Literal["auto", "always", "never"] = Field(
        "auto", description="Whether `smtp` turns on TLS: if the server can or there is a login, always, or never."
    )
    messages_per_mail: int = Field(50, ge=1, le=1000, description="Most messages in one mail.")
    timeout_seconds: Duration = Field(30.0, gt=0, le=600, description="Time to connect, and for each answer.")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if not self.to:
            raise ValueError("setting 'to': expected an address that gets the mail, such as ops@example.org")
        for address in (*self.to, *([self.sender] if self.sender else [])):
            if not address.isprintable() or address.count("@") != 1 or any(each in address for each in " <>,;"):
                raise ValueError(f"{address!r} is not a mail address; expected for example ops@example.org")
        compile_placeholders(self.subject)
        if bool(self.password) != bool(self.user):
            raise ValueError("settings 'user' and 'password' go together")
        return self


class _Lines:
    """Reads answers line by line, each answer up to a limit."""

    def __init__(self, file: Any) -> None:
        self.room = 0
        """Bytes that the current answer may still have."""
        self._file = file

    def readline(self, most: int) -> bytes:
        """Return the next line."""
        line: bytes = self._file.readline(most)
        self.room -= len(line)
        if self.room < 0:
            raise ValueError(f"the mail server answers with more than {_MOST_ANSWER_BYTES} bytes")
        return line

    def close(self) -> None:
        """Close it."""
        self._file.close()


class _Session(smtplib.SMTP):
    """A conversation. smtplib itself reads lines for as long as the server announces more of them."""

    file: Any

    def getreply(self) -> tuple[int, bytes]:
        """Read an answer."""
        if self.file is None and self.sock is not None:
            self.file = _Lines(self.sock.makefile("rb"))
        if self.file is not None:
            self.file.room = _MOST_ANSWER_BYTES
        try:
            return super().getreply()
        except ValueError:
            self.close()
            raise


class _TlsSession(_Session, smtplib.SMTP_SSL):
    """The same with TLS from the first byte."""


class SmtpOutput:
    """
    Sends messages as mail.

    Guarantee: at least once. A message counts as written once the server accepted its mail for all who get it; when the
    connection breaks before the answer, the mail is sent again with the same Message-ID.
    """

    Settings: ClassVar[type[SmtpSettings]] = SmtpSettings
    tls: ClassVar[bool] = False
    port: ClassVar[int] = 25

    def __init__(self, settings: SmtpSettings) -> None:
        self.settings = settings
        if self.tls or settings.starttls != "never":
            self._context: ssl.SSLContext | None = client_context(settings)
        else:
            check_files(settings, tls=False)
            self._context = None
        self._subject = compile_placeholders(settings.subject)
        self._renderer = PrettyRenderer(utc=True, max_full_message_characters=_MOST_TEXT, service=True)
        self._thread = WriterThread("smtp")
        self._progress = Progress()
        self._mails = 0
        self._closed = True

    async def start(self) -> None:
        """Start the thread; the server is asked when there is something to send; see `Output.start`."""
        self._thread.start()
        self._closed = False

    async def write(self, batch: Sequence[Message]) -> None:
        """Send a batch; see `Output.write`."""
        if not batch:
            return
        if self._closed:
            raise Retry("the output is closed")
        left = self._progress.begin(batch)
        retry = await self._thread.run(self._send, left)
        self._progress.finish(self.settings.scrubbed(retry))

    async def close(self) -> None:
        """End the thread; see `Output.close`."""
        self._closed = True
        await self._thread.close(_CLOSE_SECONDS)

    def counters(self) -> dict[str, float]:
        """Return how many messages were sent, and in how many mails."""
        return {"written_messages_total": self._progress.written_messages, "mails_total": self._mails}

    def _send(self, messages: Sequence[Message]) -> str:
        """Send messages, in the thread; return why some have to be offered again."""
        most = self.settings.messages_per_mail
        try:
            with self._connected() as server:
                for start in range(0, len(messages), most):
                    self._send_mail(server, messages[start : start + most])
        except smtplib.SMTPServerDisconnected:
            return "the mail server closed the connection"
        except smtplib.SMTPResponseException as error:
            return f"the mail server says {error.smtp_code} {_said(error.smtp_error)}"
        except (smtplib.SMTPException, OSError, ValueError) as error:
            return describe(error)
        return ""

    @contextmanager
    def _connected(self) -> Iterator[smtplib.SMTP]:
        """Connect, with TLS and a login as they are set; a failure to say goodbye is none."""
        settings, seconds = self.settings, self.settings.timeout_seconds
        port = settings.port or self.port
        if self.tls:
            server: smtplib.SMTP = _TlsSession(settings.host, port, timeout=seconds, context=self._context)
        else:
            server = _Session(settings.host, port, timeout=seconds)
        try:
            server.ehlo_or_helo_if_needed()
            wanted = settings.starttls == "always" or bool(settings.user) or server.has_extn("starttls")
            if not self.tls and settings.starttls != "never" and wanted:
                server.starttls(context=self._context)
                server.ehlo()
            if settings.user:
                server.login(settings.user, settings.password)
            yield server
            with suppress(smtplib.SMTPException, OSError):
                server.quit()
        finally:
            server.close()

    def _send_mail(self, server: smtplib.SMTP, messages: Sequence[Message]) -> None:
        """Send one mail, and note what became of its messages."""
        try:
            refused = server.send_message(self._mail(messages), self._sender, self.settings.to)
        except smtplib.SMTPRecipientsRefused as error:
            refused = error.recipients
            if any(code < _PERMANENT for code, _ in refused.values()):
                raise smtplib.SMTPResponseException(*next(iter(refused.values()))) from None
        except smtplib.SMTPDataError as error:
            if error.smtp_code < _PERMANENT:
                raise
            for message in messages:
                self._progress.refused(message, f"the mail server says {error.smtp_code} {_said(error.smtp_error)}")
            return
        if len(refused) == len(self.settings.to):
            code, said = next(iter(refused.values()))
            for message in messages:
                self._progress.refused(message, f"the mail server refuses all who get it: {code} {_said(said)}")
            return
        for address, (code, said) in refused.items():
            _log.warning("mail to %s was refused: %s %s", address, code, _said(said))
        self._mails += 1
        self._progress.written(messages)

    @property
    def _sender(self) -> str:
        return self.settings.sender or f"gelf-listener@{socket.getfqdn()}"

    def _mail(self, messages: Sequence[Message]) -> EmailMessage:
        """Write a mail: the messages as the terminal shows them, with all their fields."""
        first = messages[0]
        more = f" (and {len(messages) - 1} more)" if len(messages) > 1 else ""
        subject = clean_text((self._subject(first) or first.short_message)[:_MOST_SUBJECT])
        mail = EmailMessage()
        mail["Subject"] = subject + more
        mail["From"] = self._sender
        mail["To"] = ", ".join(self.settings.to)
        mail["Date"] = format_datetime(dt.datetime.now(dt.UTC))
        mail["Message-ID"] = f"<{first.id}.{len(messages)}@{self._sender.partition('@')[2]}>"
        mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's absence note answers it
        mail.set_content(self._renderer.render(messages).decode("utf-8", "replace"))
        return mail


class SmtpTlsOutput(SmtpOutput):
    """
    Sends messages as mail, with TLS from the first byte.

    Guarantee: as `SmtpOutput`.
    """

    tls = True
    port = 465


def _said(answer: bytes | str) -> str:
    text = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
    return clean_text(text[:_MOST_SUBJECT])
