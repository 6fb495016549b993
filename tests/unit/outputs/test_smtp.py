"""Mail: to a server of aiosmtpd's in this process."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiosmtpd.smtp import AuthResult, LoginPassword

from gelf_listener.errors import ConfigError, OutputError, Refused, Retry
from gelf_listener.message import Message
from gelf_listener.outputs.smtp import SmtpOutput, SmtpSettings, SmtpTlsOutput
from gelf_listener.testing.contracts import OutputContract
from tests.unit.fakes import message
from tests.unit.outputs.mail import Mailbox, serving

TO = "ops@example.org"


def make(port: int, **settings: Any) -> SmtpOutput:
    return SmtpOutput(SmtpSettings(host="localhost", port=port, to=(TO,), sender="a@example.org", **settings))


async def written(output: SmtpOutput, batch: Sequence[Message]) -> None:
    await output.start()
    try:
        await output.write(batch)
    finally:
        await output.close()


class TestContract(OutputContract):
    scheme = "smtp"

    @pytest.fixture(autouse=True)
    def _server(self) -> Iterator[None]:
        self.mailbox = Mailbox()
        with serving(self.mailbox) as self.port:
            yield

    def make(self, tmp_path: Path) -> SmtpOutput:
        return make(self.port, messages_per_mail=30, starttls="never")

    def texts(self, tmp_path: Path) -> list[str]:
        lines = [line for body in self.mailbox.bodies() for line in body.splitlines()]
        return [line for line in lines if line and not line.startswith(" ")]


@pytest.fixture
def contexts(tmp_path: Path) -> tuple[Path, ssl.SSLContext]:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    return tmp_path / "ca.pem", context


class TestContractTls(TestContract):
    scheme = "smtps"

    @pytest.fixture(autouse=True)
    def _server(self, contexts: tuple[Path, ssl.SSLContext]) -> Iterator[None]:
        self.mailbox, (self.ca, context) = Mailbox(), contexts
        with serving(self.mailbox, context) as self.port:
            yield

    def make(self, tmp_path: Path) -> SmtpOutput:
        return SmtpTlsOutput(SmtpSettings(host="localhost", port=self.port, to=(TO,), messages_per_mail=30, ca=self.ca))


def send(output: SmtpOutput, batch: Sequence[Message]) -> None:
    asyncio.run(written(output, batch))


def test_a_mail() -> None:
    """Whom it is from and for, a subject that cannot forge headers, all fields, and no answer wanted."""
    mailbox = Mailbox()
    text = "disk full\r\nBcc: x@example.org \u202e"
    evil = Message(1.7e9, "host", text, "a\nb", 3, b"", 1.7e9, _fields={"user": "olga", "n": 1})
    with serving(mailbox) as port:
        send(make(port, starttls="never"), [evil])
    (mail,), (envelope,) = mailbox.mails, mailbox.envelopes
    assert mail["Subject"] == r"disk full\r\nBcc: x@example.org \u202e"
    assert (mail["From"], mail["To"], mail["Bcc"]) == ("a@example.org", TO, None)
    assert (envelope.mail_from, envelope.rcpt_tos) == ("a@example.org", [TO])
    assert mail["Message-ID"].startswith(f"<{evil.id}")
    assert mail["Auto-Submitted"] == "auto-generated"
    body = mailbox.bodies()[0]
    assert "user=olga n=1" in body
    assert "host" in body


def test_many_are_one_mail() -> None:
    """So that a flood is no flood of mails; a subject may be chosen."""
    mailbox = Mailbox()
    with serving(mailbox) as port:
        send(make(port, starttls="never", subject="{level} at {source}"), [message(str(n)) for n in range(3)])
        send(make(port, starttls="never", messages_per_mail=2), [message(str(n)) for n in range(3)])
    assert [mail["Subject"] for mail in mailbox.mails] == ["info at host (and 2 more)", "0 (and 1 more)", "2"]


@pytest.mark.parametrize("kind", ["starttls", "smtps"])
def test_tls_and_a_login(kind: str, contexts: tuple[Path, ssl.SSLContext]) -> None:
    """The password goes over TLS only, to a server whose certificate is good."""
    ca, context = contexts
    asked: list[LoginPassword] = []

    def authenticate(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        asked.append(data)
        return AuthResult(success=data == LoginPassword(b"olga", b"s3cret"), handled=False)

    mailbox = Mailbox()
    how = {"tls_context": context} if kind == "starttls" else {"ssl_context": context, "auth_require_tls": False}
    with serving(mailbox, authenticator=authenticate, **how) as port:
        output = SmtpOutput if kind == "starttls" else SmtpTlsOutput
        good = {"host": "localhost", "port": port, "to": (TO,), "sender": "a@example.org", "user": "olga", "ca": ca}
        send(output(SmtpSettings(**good, password="s3cret")), [message("in")])
        with pytest.raises(Retry, match="535"):
            send(output(SmtpSettings(**good, password="wrong")), [message("out")])
        with pytest.raises(Retry, match="certificate"):
            send(output(SmtpSettings(**(good | {"ca": None}), password="s3cret")), [message("out")])
    assert [mail["Subject"] for mail in mailbox.mails] == ["in"]
    assert asked[0] == LoginPassword(b"olga", b"s3cret")


def test_no_tls_no_mail() -> None:
    """When it has to be: a server that cannot gets nothing."""
    mailbox = Mailbox()
    with serving(mailbox) as port:
        with pytest.raises(Retry, match="STARTTLS"):
            send(make(port, starttls="always"), [message("secret")])
        with pytest.raises(Retry, match="STARTTLS"):
            send(make(port, user="olga", password="s3cret"), [message("secret")])
        send(make(port), [message("open")])
    assert [mail["Subject"] for mail in mailbox.mails] == ["open"]


@pytest.mark.parametrize(
    ("data", "recipients", "error"),
    [
        ("451 try again", {}, Retry),
        ("554 spam", {}, Refused),
        ("250 OK", {TO: "450 busy"}, Retry),
        ("250 OK", {TO: "550 nobody"}, Refused),
    ],
)
def test_what_the_server_says(data: str, recipients: dict[str, str], error: type[OutputError]) -> None:
    """What is temporary is tried again; what is not is given up."""
    mailbox = Mailbox()
    mailbox.data_answer, mailbox.recipient_answers = data, recipients
    said = next(iter(recipients.values()), data)
    with serving(mailbox) as port, pytest.raises(error, match=said.partition(" ")[0]):
        send(make(port, starttls="never"), [message()])
    assert mailbox.mails == []


def test_what_was_sent_is_not_sent_again() -> None:
    """When a later mail of the batch fails."""
    mailbox = Mailbox()

    async def main(port: int) -> None:
        output = make(port, starttls="never", messages_per_mail=1)
        await output.start()
        batch = [message("one"), message("two")]
        take = mailbox.handle_DATA

        async def once(*arguments: Any) -> str:
            if mailbox.mails:
                return "451 later"
            return await take(*arguments)

        mailbox.handle_DATA = once  # type: ignore[assignment, method-assign]
        with pytest.raises(Retry, match="451"):
            await output.write(batch)
        mailbox.handle_DATA = take  # type: ignore[method-assign]
        await output.write(batch)
        await output.close()
        assert output.counters() == {"written_messages_total": 2, "mails_total": 2}

    with serving(mailbox) as port:
        asyncio.run(main(port))
    assert [mail["Subject"] for mail in mailbox.mails] == ["one", "two"]


def test_one_of_many_recipients() -> None:
    """Who is refused does not keep the mail from the others."""
    mailbox = Mailbox()
    mailbox.recipient_answers = {"gone@example.org": "550 nobody"}
    with serving(mailbox) as port:
        settings = SmtpSettings(host="localhost", port=port, to=f"gone@example.org, {TO}", starttls="never")
        send(SmtpOutput(settings), [message()])
    assert [envelope.rcpt_tos for envelope in mailbox.envelopes] == [[TO]]


def test_an_answer_that_does_not_end() -> None:
    """Lines that announce more lines are read up to a limit, and the mail is tried again."""
    gone = threading.Event()

    def talk(server: socket.socket) -> None:
        connection, _ = server.accept()
        with connection, contextlib.suppress(OSError):
            while True:
                connection.sendall(b"220-and more\r\n" * 1000)
        gone.set()

    with socket.create_server(("localhost", 0)) as server:
        threading.Thread(target=talk, args=(server,), daemon=True).start()
        with pytest.raises(Retry, match="answers with more than 65536 bytes"):
            send(make(server.getsockname()[1]), [message()])
        assert gone.wait(60)  # we hung up


def test_nobody_there() -> None:
    with serving(Mailbox()) as port:
        pass
    with pytest.raises(Retry, match=r"[Cc]onnection refused|refused"):
        send(make(port), [message()])


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({}, "expected an address that gets the mail"),
        ({"to": "a@b\r\nBcc: c@d"}, "is not a mail address"),
        ({"to": "ops"}, "is not a mail address"),
        ({"to": TO, "sender": "me"}, "is not a mail address"),
        ({"to": TO, "user": "olga"}, "go together"),
        ({"to": TO, "subject": "{nothing}"}, "does not exist"),
    ],
)
def test_settings(settings: dict[str, Any], text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        SmtpSettings.from_values(settings, "smtp")
