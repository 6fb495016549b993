"""Reports: what happened since the last one, once, and how things are."""

from __future__ import annotations

from collections import Counter

from gelf_listener.errors import Reason, Rejected
from gelf_listener.figures import OutputFigures
from gelf_listener.message import Peer
from gelf_listener.pipeline import Pipeline
from gelf_listener.senders import Senders
from gelf_listener.workers.reports import Reporter
from gelf_listener.workers.wire import RejectedRecord, Report, decode_reply, encode
from tests.unit.fakes import message


def rejection(number: int) -> Rejected:
    return Rejected(
        Reason.INVALID_JSON, f"number {number}", b"x" * 2000, peer=Peer("192.0.2.1", 5), input="in", received_at=1.0
    )


def made() -> tuple[Pipeline, Reporter, Senders, Counter[str]]:
    pipeline, senders, lost = Pipeline(), Senders(), Counter[str]()
    pipeline.taps.append(senders.saw)
    return pipeline, Reporter(pipeline, [], lambda: [OutputFigures("out", written=3)], senders, lost), senders, lost


def test_what_happened_since() -> None:
    """Sums of all reports are what was counted."""
    pipeline, reporter, _, lost = made()
    pipeline.accept([message("a"), message("b", input="other")][:1], 1)
    pipeline.accept([message("a")] * 3, 3)
    pipeline.reject(rejection(1))
    lost["gone"] += 2
    first = reporter.report()
    assert (first.messages, first.bytes, first.lost) == ({"in": 4}, {"in": 4}, {"gone": 2})
    assert first.rejected == [("in", "invalid_json", 1)]
    assert [each.detail for each in first.recent] == ["number 1"]
    assert [(each.host, each.messages) for each in first.senders] == [("host", 4)]
    assert first.outputs == [OutputFigures("out", written=3)]
    pipeline.accept([message("a")], 1)
    second = reporter.report(unwritten=5)
    assert (second.messages, second.rejected, second.recent, second.lost) == ({"in": 1}, [], [], {})
    assert (second.full, second.unwritten) == (False, 5)
    assert second.cpu_seconds > 0


def test_a_flood_of_rejections_is_counted() -> None:
    """And only the last of them sent."""
    pipeline, reporter, _, _ = made()
    for number in range(5000):
        pipeline.reject(rejection(number))
    report = reporter.report()
    assert report.rejected == [("in", "invalid_json", 5000)]
    assert 100 <= len(report.recent) <= 200
    assert report.recent[-1].detail == "number 4999"


def test_a_rejection_arrives_as_it_was() -> None:
    """With the size of a payload of which the beginning was kept."""
    again = RejectedRecord.of(rejection(1)).rejected()
    before = rejection(1)
    for name in ("reason", "detail", "payload", "payload_bytes", "peer", "input", "received_at"):
        assert getattr(again, name) == getattr(before, name)


def test_a_report_on_the_wire() -> None:
    """Is the same on the other side."""
    pipeline, reporter, _, _ = made()
    pipeline.accept([message("a")], 1)
    pipeline.reject(rejection(1))
    report = reporter.report()
    found = decode_reply(encode(report))
    assert isinstance(found, Report)
    assert found == report
