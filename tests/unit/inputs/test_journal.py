"""journal: uploads as systemd-journal-upload sends them, answered when they are safe."""

from __future__ import annotations

import asyncio
import gzip
from typing import Any

import pytest
import zstandard

from gelf_listener.errors import Reason
from gelf_listener.inputs.journal import JournalHttpInput, JournalHttpSettings
from gelf_listener.testing.contracts import RecordingIntake, run, until
from tests.unit.inputs.asking import Answer, ask, request
from tests.unit.inputs.clients import send_stream
from tests.unit.inputs.wire import assert_read, clients, requests_of

ENTRIES = b"".join(
    b"__CURSOR=s=1;i=%d\n__REALTIME_TIMESTAMP=1795913000000000\nMESSAGE=text %d\nPRIORITY=6\n\n" % (number, number)
    for number in range(3)
)


def exchange(raw: list[bytes], **settings: Any) -> tuple[RecordingIntake, list[Answer]]:
    return ask(lambda: JournalHttpInput(JournalHttpSettings(port=0, **settings)), raw)


def upload(body: bytes = ENTRIES, path: str = "/upload", method: str = "POST", **headers: str) -> bytes:
    return request(body, path, method, **{"Content_Type": "application/vnd.fdo.journal", **headers})


@pytest.mark.parametrize("client", clients("journal-upload"))
def test_reads_what_clients_send(client: str) -> None:
    """Chunked, after it was told to go on."""
    intake, answers = exchange(requests_of(client))
    assert [(answer.status, answer.body, answer.continued) for answer in answers] == [(202, b"OK.\n", True)]
    assert intake.rejected == []
    assert_read(client, intake.messages)


def test_uploads() -> None:
    """With a length, without a media type, compressed, empty."""
    intake, answers = exchange(
        [
            upload(),
            upload(gzip.compress(ENTRIES), Content_Encoding="gzip"),
            upload(zstandard.compress(ENTRIES), Content_Encoding="zstd"),
            request(ENTRIES, "/upload"),
            upload(b""),
        ]
    )
    assert [answer.status for answer in answers] == [202] * 5
    assert {answer.headers["accept-encoding"] for answer in answers} == {"zstd"}
    assert intake.texts == ["text 0", "text 1", "text 2"] * 4
    assert len({message.id for message in intake.messages}) == 3  # by their cursors


@pytest.mark.parametrize(
    ("path", "method", "kind", "status"),
    [
        *(
            ("/", "POST", "", 404),
            ("/uploads", "POST", "", 404),
            ("/upload", "GET", "", 405),
            ("/upload", "PUT", "", 405),
        ),
        *(("/upload", "POST", "text/plain", 415), ("/upload", "POST", "application/vnd.fdo.journal; x=y", 202)),
    ],
)
def test_other_requests(path: str, method: str, kind: str, status: int) -> None:
    """As systemd-journal-remote answers them."""
    _, answers = exchange([upload(path=path, method=method, Content_Type=kind)])
    assert answers[0].status == status


def test_what_is_not_an_upload() -> None:
    """What was whole before it is taken; the client is told that it is not."""
    intake, answers = exchange([upload(ENTRIES + b"x" * 10_000)], max_entry_bytes=2000)
    assert (answers[0].status, intake.texts, intake.reasons) == (
        400,
        ["text 0", "text 1", "text 2"],
        [Reason.UNEXPECTED_PROTOCOL],
    )
    assert b"export format" in answers[0].body


def test_a_long_entry_does_not_stop_the_upload() -> None:
    """It would be sent again indefinitely."""
    intake, answers = exchange([upload(b"MESSAGE=" + b"x" * 3000 + b"\n\n" + ENTRIES)], max_entry_bytes=2000)
    assert (answers[0].status, intake.texts) == (202, ["text 0", "text 1", "text 2"])
    assert intake.reasons == [Reason.FRAME_TOO_LARGE]


def test_an_upload_longer_than_any_bound_of_a_body() -> None:
    """Only entries are bounded."""
    intake, answers = exchange([upload(ENTRIES * 1000)], max_body_bytes=2000, max_payload_bytes=2000)
    assert (answers[0].status, len(intake.texts)) == (202, 3000)


def test_a_cursor_is_acknowledged_when_its_entries_are_safe() -> None:
    """And not when a buffer could not take them: the client sends them again."""
    intake = RecordingIntake()

    async def main() -> None:
        made = JournalHttpInput(JournalHttpSettings(port=0))
        await made.start(intake)
        intake.unsafe = True
        for failure, status in ((None, 202), ("the disk is full", 503)):
            sending = asyncio.ensure_future(send_stream(made.listening[0], upload()))
            await until(lambda: intake.safe)
            assert not sending.done()
            intake.settle(failure)
            assert Answer(await sending).status == status
        await made.close()

    run(main())
    assert intake.texts == ["text 0", "text 1", "text 2"] * 2


def test_the_last_entry_does_not_come_twice() -> None:
    """systemd-journal-upload begins with it whenever it begins again; elsewhere a cursor that is known is taken."""
    first, second = ENTRIES.partition(b"\n\n")[0] + b"\n\n", ENTRIES.partition(b"\n\n")[2]
    intake, answers = exchange([upload(first), upload(ENTRIES), upload(first), upload(second + ENTRIES)])
    assert [answer.status for answer in answers] == [202] * 4
    assert intake.texts == ["text 0", "text 1", "text 2", "text 1", "text 2", "text 0", "text 1", "text 2"]


def test_a_cursor_whose_entries_were_not_safe_is_not_known() -> None:
    """They come again, all of them."""
    intake = RecordingIntake()

    async def main() -> None:
        made = JournalHttpInput(JournalHttpSettings(port=0))
        await made.start(intake)
        intake.unsafe = True
        last = b"__CURSOR=s=1;i=9\nMESSAGE=last\n\n"
        sending = asyncio.ensure_future(send_stream(made.listening[0], upload(last)))
        await until(lambda: intake.safe)
        intake.settle("the disk is full")
        assert Answer(await sending).status == 503
        intake.unsafe = False
        assert Answer(await send_stream(made.listening[0], upload(last))).status == 202
        await made.close()

    run(main())
    assert intake.texts == ["last", "last"]
