"""Sessions of the forward protocol: modes, times, options, compression, JSON, handshakes and what is not an event."""

from __future__ import annotations

import gzip
import hashlib
import json
import struct
from typing import Any

import msgpack
import pytest
import zstandard

from gelf_listener.codec import Batch, Receipt
from gelf_listener.codec.forward.handshake import Handshake
from gelf_listener.codec.forward.session import ForwardLimits, ForwardSession
from gelf_listener.codec.inflater import Inflater
from gelf_listener.errors import Reason, Rejected
from gelf_listener.message import Peer
from tests.unit.inputs.wire import assert_read, clients, requests_of

NOW = 1795914000.0
AT = 1795913000
EXT = msgpack.ExtType(0, struct.pack(">II", AT, 123_456_789))


class Client:
    """What a server makes of a client's bytes."""

    def __init__(
        self, handshake: Handshake | None = None, max_event_bytes: int = 64 * 1024, room: int = 1 << 20
    ) -> None:
        self.session = ForwardSession(ForwardLimits(max_event_bytes), Inflater(room), handshake)
        self.receipt = Receipt("forward", Peer("192.0.2.7", 4711), NOW, Batch())
        self.turns = 0

    def send(self, data: bytes, step: int = 0) -> bytes:
        answers = b""
        for at in range(0, len(data), step or len(data)):
            answers += self.session.feed(data[at : at + (step or len(data))], self.receipt)
            while self.session.has_more:
                self.turns += 1
                answers += self.session.feed(b"", self.receipt)
        return answers

    def end(self) -> None:
        self.session.feed_eof(self.receipt)

    @property
    def texts(self) -> list[str]:
        return [message.short_message for message in self.receipt.batch.messages]

    @property
    def reasons(self) -> list[Reason]:
        return [rejected.reason for rejected in self.receipt.batch.rejected]


def packed(*events: Any) -> bytes:
    return b"".join(msgpack.packb(list(event)) for event in events)


RECORDS: list[dict[str, Any]] = [{"message": f"text {number}", "level": "warn", "n": number} for number in range(3)]
EVENTS = [(AT + number, record) for number, record in enumerate(RECORDS)]
OPTION = {"chunk": "p8n9gmxTQVC8/nh2wlKKeQ==", "size": 3}

MODES = {
    "message": b"".join(msgpack.packb(["app.a", *event]) for event in EVENTS),
    "message, with an option": b"".join(msgpack.packb(["app.a", *event, OPTION]) for event in EVENTS),
    "forward": msgpack.packb(["app.a", EVENTS, OPTION]),
    "packed": msgpack.packb(["app.a", packed(*EVENTS), OPTION]),
    "packed, as a text": msgpack.packb(["app.a", packed(*EVENTS)], use_bin_type=False),
    "compressed": msgpack.packb(["app.a", gzip.compress(packed(*EVENTS)), {**OPTION, "compressed": "gzip"}]),
    "compressed, a member each": msgpack.packb(
        ["app.a", b"".join(gzip.compress(packed(event)) for event in EVENTS), {"compressed": "gzip"}]
    ),
    "compressed, without saying so": msgpack.packb(["app.a", gzip.compress(packed(*EVENTS)), {}]),
    "zstd": msgpack.packb(["app.a", zstandard.compress(packed(*EVENTS)), {**OPTION, "compressed": "zstd"}]),
    "message in JSON": b"\n".join(json.dumps(["app.a", *event]).encode() for event in EVENTS),
    "forward in JSON": json.dumps(["app.a", EVENTS, OPTION]).encode(),
    "with heartbeats": b"\xc0" + msgpack.packb(["app.a", EVENTS]) + b"\xc0",
    "map with keys as binaries": msgpack.packb(
        ["app.a", [(at, {name.encode(): value for name, value in record.items()}) for at, record in EVENTS]]
    ),
}


@pytest.mark.parametrize("client", clients("forward"))
@pytest.mark.parametrize("step", [0, 1, 7])
def test_reads_what_clients_send(client: str, step: int) -> None:
    """Whole connections as they came on the wire, cut anywhere."""
    handshake = Handshake("shop-secret", {}, nonce=b"0123456789abcdef") if "sharedkey" in client else None
    made = Client(handshake)
    for data in requests_of(client):
        made.send(data, step)
    made.end()
    assert made.reasons == []
    assert_read(client, made.receipt.batch.messages)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("step", [0, 1])
def test_modes(mode: str, step: int) -> None:
    """Every mode gives the same messages, however it was read."""
    made = Client()
    made.send(MODES[mode], step)
    made.end()
    assert made.reasons == []
    assert made.texts == ["text 0", "text 1", "text 2"]
    for number, message in enumerate(made.receipt.batch.messages):
        assert (message.timestamp, message.level) == (AT + number, 4)
        assert message.fields == {"tag": "app.a", "n": number}
        assert message.host == "192.0.2.7"
    assert made.session.pending_bytes == 0


@pytest.mark.parametrize("mode", [name for name, data in MODES.items() if OPTION["chunk"].encode() in data])  # type: ignore[attr-defined]
def test_acknowledges_chunks(mode: str) -> None:
    """In the client's own form, once for each chunk, and not before its end has come."""
    made = Client()
    data = MODES[mode]
    early = made.send(data[:-1])
    late = made.send(data[-1:])
    count = 3 if mode == "message, with an option" else 1
    if "JSON" in mode:
        assert json.loads(late) == {"ack": OPTION["chunk"]}
    else:
        unpacker = msgpack.Unpacker()
        unpacker.feed(early + late)
        assert list(unpacker) == [{"ack": OPTION["chunk"]}] * count
    assert late


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        (AT, AT),
        (AT + 0.5, AT + 0.5),
        (EXT, AT + 0.123456789),
        ([EXT, {"trace": "x"}], AT + 0.123456789),
        (msgpack.Timestamp(AT, 5000), AT + 5e-6),
        (str(AT), AT),
        (AT * 1000 + 125, AT + 0.125),
        ("2026-11-29T00:43:20Z", AT),
        (0, NOW),
        (None, NOW),
        (True, NOW),
        (-1, NOW),
        (1e300, NOW),
        ("soon", NOW),
    ],
)
def test_times(time: Any, expected: float) -> None:
    """Seconds, EventTime, Fluent Bit's pair with metadata, MessagePack's own extension; else the receive time."""
    made = Client()
    made.send(msgpack.packb(["a", [[time, {"message": "x"}]]]))
    assert made.receipt.batch.messages[0].timestamp == pytest.approx(expected, abs=1e-6)


def test_the_time_of_a_record_is_more_exact() -> None:
    """Where it is close to that of the event; else it is a field."""
    made = Client()
    made.send(msgpack.packb(["a", AT, {"message": "x", "level": "info", "time": AT + 0.25}]))
    made.send(msgpack.packb(["a", AT, {"message": "x", "level": "info", "created_at": AT - 86400}]))
    near, far = made.receipt.batch.messages
    assert (near.timestamp, near.fields) == (AT + 0.25, {"tag": "a"})
    assert (far.timestamp, far.fields) == (AT, {"tag": "a", "created_at": AT - 86400})


def test_values_of_every_kind() -> None:
    """What JSON has no type for becomes text; nothing is lost."""
    record = {
        "message": b"caf\xc3\xa9", "n": 1 << 63, "f": float("inf"), "none": None, "yes": True,
        "due": EXT, "other": msgpack.ExtType(5, b"abc"), "nested": {"a": [1, {"b": b"x"}]}, 7: "seven",
        "times": [EXT],
    }  # fmt: skip
    made = Client()
    made.send(msgpack.packb(["a", AT, record]))
    (message,) = made.receipt.batch.messages
    assert message.short_message == "café"
    assert message.fields == {
        "tag": "a", "n": 1 << 63, "f": "inf", "yes": True, "due": "2026-11-29T00:43:20.123457+00:00",
        "other": "YWJj", "nested.a": '[1,{"b":"x"}]', "7": "seven",
        "times": '["2026-11-29T00:43:20.123457+00:00"]',
    }  # fmt: skip
    json.loads(message.to_gelf())


def test_texts_that_are_not_utf_8() -> None:
    """Replacement characters, and everything else of the record."""
    made = Client()
    made.send(
        b"\x93\xa1a\xce" + struct.pack(">I", AT) + b"\x82\xa7message\xa2\xff!\xa1n\x92\xd1\xff\x00\xca\x3f\x00\x00\x00"
    )
    (message,) = made.receipt.batch.messages
    assert (message.short_message, message.fields) == ("\ufffd!", {"tag": "a", "n": "[-256,0.5]"})


def test_what_docker_sends_stays_a_line() -> None:
    """For the reader of containers, with its stream as level."""
    record = {"container_id": "c0ffee", "container_name": "/web", "source": "stderr", "log": '{"msg":"x"}\r'}
    made = Client()
    made.send(msgpack.packb(["docker.c0ffee", AT, record]))
    (message,) = made.receipt.batch.messages
    assert (message.short_message, message.level) == ('{"msg":"x"}', 3)
    assert message.fields == {
        "tag": "docker.c0ffee", "container_id": "c0ffee", "container_name": "/web", "stream": "stderr"
    }  # fmt: skip


def test_what_our_output_sends_is_what_it_was() -> None:
    """Host, level, long text, and fields with the names of ours."""
    record = {"message": "a", "host": "web1", "gelf_id": "01", "level": 3, "full_message": "long", "_message": "mine"}
    made = Client()
    made.send(msgpack.packb(["gelf.web1", EXT, record]))
    (message,) = made.receipt.batch.messages
    assert (message.short_message, message.full_message, message.level, message.host) == ("a", "long", 3, "web1")
    assert message.fields == {"tag": "gelf.web1", "message_": "mine"}


def test_a_text_without_a_name() -> None:
    """logrus_fluent 0.4 writes it so, unless it is given a name for it."""
    made = Client()
    made.send(msgpack.packb(["shop", AT, {"level": "warning", "": "loved", "order": 1}, {}]))
    made.send(
        msgpack.packb(["shop", AT, {"level": "error", "": "order failed", "order": 7, "shop": {"name": "north"}}])
    )
    first, second = made.receipt.batch.messages
    assert (first.short_message, first.level, first.fields) == ("loved", 4, {"tag": "shop", "order": 1})
    assert (second.short_message, second.fields["shop.name"], second.notes) == ("order failed", "north", ())


def test_a_record_with_gelf_names() -> None:
    """A GELF library behind this protocol."""
    record = {"version": "1.1", "host": "web1", "short_message": "a", "level": 4, "timestamp": AT + 1.5, "_order": 7}
    made = Client()
    made.send(msgpack.packb(["a", AT, record]))
    (message,) = made.receipt.batch.messages
    assert (message.short_message, message.host, message.level, message.timestamp) == ("a", "web1", 4, AT + 1.5)
    assert message.fields == {"tag": "a", "order": 7}


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ([AT, "text"], Reason.NOT_AN_OBJECT),
        ([AT, {}], Reason.NO_MESSAGE),
        ([AT], Reason.NOT_AN_OBJECT),
        ("x", Reason.NOT_AN_OBJECT),
        (AT, Reason.NOT_AN_OBJECT),
    ],
)
def test_what_is_no_event_is_rejected_and_the_rest_goes_on(entry: Any, reason: Reason) -> None:
    """And its chunk is acknowledged, for it would be sent again indefinitely."""
    for data in (
        msgpack.packb(["a", [EVENTS[0], entry, EVENTS[1]], OPTION]),
        msgpack.packb(["a", packed(EVENTS[0]) + msgpack.packb(entry) + packed(EVENTS[1]), OPTION]),
        json.dumps(["a", [EVENTS[0], entry, EVENTS[1]], OPTION]).encode(),
    ):
        made = Client()
        assert b"ack" in made.send(data)
        assert (made.texts, made.reasons) == (["text 0", "text 1"], [reason])


@pytest.mark.parametrize(
    "data",
    [
        *(b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01", b"\x00", b"\xc1", b"\x91\xa1a", b"\x92\xa1a\x01", b"\x90"),
        *(b'["a"]', b'{"a": 1}', b"[1, 2]", b'["a", }]', b"\x94\xa1a\xce", b"\x92\xa1a\xc1"),
    ],
)
def test_what_is_not_the_protocol_ends_the_connection(data: bytes) -> None:
    """At once, with a reason; what was cut short ends with it."""
    made = Client()
    try:
        made.send(data)
        made.end()
    except Rejected as rejected:
        made.receipt.add_rejection(rejected)
    assert made.texts == []
    assert made.reasons in ([Reason.UNEXPECTED_PROTOCOL], [Reason.INVALID_JSON], [Reason.FRAME_TRUNCATED])


@pytest.mark.parametrize(
    "damaged", [b"\x1f\x8bnonsense", gzip.compress(packed(*EVENTS), mtime=0)[:-12], b"\x28\xb5\x2f\xfdxx"]
)
def test_a_damaged_chunk_is_rejected_once(damaged: bytes) -> None:
    """Acknowledged, for it will never be right; the connection goes on."""
    made = Client()
    assert b"ack" in made.send(msgpack.packb(["a", damaged, OPTION]))
    assert made.reasons == [Reason.CORRUPT_COMPRESSION]
    made.send(MODES["message"])
    assert made.texts[-3:] == ["text 0", "text 1", "text 2"]


@pytest.mark.parametrize("compress", [gzip.compress, zstandard.compress])
def test_what_comes_before_the_damage_counts(compress: Any) -> None:
    """However a chunk arrives: wherever a byte of it is damaged, the same events are taken."""
    events = [
        (AT, {"message": f"text {number}", "id": hashlib.sha256(b"%d" % number).hexdigest()}) for number in range(40)
    ]
    chunk = compress(packed(*events))
    taken = set()
    for place in range(10, len(chunk), 37):
        data = msgpack.packb(["a", chunk[:place] + bytes([chunk[place] ^ 0x55]) + chunk[place + 1 :], OPTION])
        at_once, bytewise = Client(), Client()
        at_once.send(data)
        for number in range(len(data)):
            bytewise.send(data[number : number + 1])
        assert (at_once.texts, at_once.reasons) == (bytewise.texts, bytewise.reasons)
        taken.add(len(at_once.texts))
    assert (len(taken) > 10) is (compress is gzip.compress)  # a block of zstd is whole or not at all


@pytest.mark.parametrize("step", [1, 10_000])
def test_a_chunk_with_two_faults_is_rejected_once(step: int) -> None:
    """For the first of them, in whatever pieces it arrives; fuzzing found that it depended on these."""
    chunk = gzip.compress(packed(EVENTS[0]) + b"\xc1" + bytes(2000))
    data = msgpack.packb(["a", chunk[:-4] + b"\0\0\0\0", OPTION])
    made = Client()
    for at in range(0, len(data), step):
        made.send(data[at : at + step])
    assert (made.texts, made.reasons) == (["text 0"], [Reason.UNEXPECTED_PROTOCOL])


def test_a_chunk_that_cannot_be_read_further() -> None:
    """The events before it count."""
    made = Client()
    assert b"ack" in made.send(msgpack.packb(["a", packed(EVENTS[0]) + b"\xc1" + packed(EVENTS[1]), OPTION]))
    assert (made.texts, made.reasons) == (["text 0"], [Reason.UNEXPECTED_PROTOCOL])
    made.send(msgpack.packb(["a", packed(EVENTS[1])[:-1], OPTION]))
    assert made.reasons[1:] == [Reason.FRAME_TRUNCATED]


@pytest.mark.parametrize("compress", [gzip.compress, zstandard.compress])
def test_bombs(compress: Any) -> None:
    """What inflates to too much ends the connection, and is not acknowledged: the limit may be raised."""
    event = packed((AT, {"message": "x" * 1000}))
    Client(room=len(event) * 10).send(msgpack.packb(["a", compress(event * 10), OPTION]))
    made = Client(room=len(event) * 10)
    with pytest.raises(Rejected) as caught:
        made.send(msgpack.packb(["a", compress(event * 11), OPTION]))
    assert caught.value.reason is Reason.PAYLOAD_TOO_LARGE


def test_a_long_chunk_leaves_others_their_turn() -> None:
    """It is worked off some kilobytes at a time."""
    made = Client()
    made.send(msgpack.packb(["a", gzip.compress(packed(*EVENTS) * 5000), OPTION]))
    assert len(made.texts) == 15_000
    assert made.turns > 20


@pytest.mark.parametrize(
    "data",
    [
        b"\x93\xa1a\xce\x00\x00\x00\x01" + b"\x91" * 100,
        b"\x93\xa1a\xce\x00\x00\x00\x01\xdf\xff\xff\xff\xff",
        b"\x92\xa1a\xdd\xff\xff\xff\xff\xdd\xff\xff\xff\xff",
        b"\x93\xa1a\xce\x00\x00\x00\x01\x81\xa1a\xdb\xff\xff\xff\xff",
        b"\x93\xa1a\xce\x00\x00\x00\x01\x81\xa1a\xdb\x00\x00\x20\x00" + b"x" * 8000,
        b'["a", 1, ' + b"[" * 100,
        b'["a", 1, {"message": "' + b"x" * 5000,
        b'["a", 1, {"message": "' + b"x" * 5000 + b'"}]',
    ],
)
def test_bounds(data: bytes) -> None:
    """Depth, width and length of an event are bounded, before memory is spent, however it is cut."""
    for step in (0, 1, 64):
        made = Client(max_event_bytes=4096)
        with pytest.raises(Rejected) as caught:
            made.send(data, step)
        assert caught.value.reason in (Reason.TOO_COMPLEX, Reason.FRAME_TOO_LARGE)


def test_names_that_are_maps() -> None:
    """Each in the name of the one around it: sixty of them took gigabytes, for each doubled what marked the texts within."""
    name = b"\xa4it's"
    for _ in range(60):
        name = b"\x81" + name + b"\xa1'"
    made = Client()
    made.send(b"\x93\xa1a\x01\x82" + name + b"\x01\xa7message\xa2ok")
    assert made.texts == ["ok"]
    (message,) = made.receipt.batch.messages
    assert max(map(len, message.fields)) <= 1000


def test_an_event_at_the_limit() -> None:
    """And honest ones after it."""
    record = {"message": "x" * 4000}
    most = len(msgpack.packb(record))
    made = Client(max_event_bytes=most)
    made.send(msgpack.packb(["a", AT, record]) + MODES["message"])
    assert len(made.texts) == 4
    with pytest.raises(Rejected):
        Client(max_event_bytes=most - 1).send(msgpack.packb(["a", AT, record]))


def test_an_end_in_the_middle() -> None:
    """Is counted; what was whole before it is taken."""
    made = Client()
    made.send(MODES["message"][:-1])
    made.end()
    assert (made.texts, made.reasons) == (["text 0", "text 1"], [Reason.FRAME_TRUNCATED])


# Handshake


def digest(*parts: bytes) -> str:
    return hashlib.sha512(b"".join(parts)).hexdigest()


def shake(handshake: Handshake, key: bytes = b"secret", user: str = "", password: str = "") -> tuple[Client, list[Any]]:
    """Answer a HELO as a client does; return it with the PONG, and events that it sends after it."""
    made = Client(handshake)
    word, options = msgpack.unpackb(made.session.greeting)
    assert word == "HELO"
    assert options["keepalive"] is True
    proof = digest(options["auth"], user.encode(), password.encode()) if options["auth"] else ""
    ping = ["PING", "web1", b"salt", digest(b"salt", b"web1", options["nonce"], key), user, proof]
    pong = msgpack.unpackb(made.send(msgpack.packb(ping)))
    made.send(MODES["message"])
    if pong[1]:
        assert pong[4] == digest(b"salt", pong[3].encode(), options["nonce"], key)
    return made, pong


def test_a_shared_key() -> None:
    """Both sides prove that they have it; another is refused, and nothing of the client is taken."""
    made, pong = shake(Handshake("secret", {}))
    assert (pong[:3], len(made.texts), made.session.ended) == (["PONG", True, ""], 3, False)
    made, pong = shake(Handshake("secret", {}), key=b"guessed")
    assert (pong[:3], made.texts) == (["PONG", False, "shared_key mismatch"], [])
    assert (made.session.ended, made.reasons) == (True, [Reason.PEER_NOT_ALLOWED])
    assert pong[4] == ""


def test_users() -> None:
    """A user that is known, with its password; any other gets the same answer."""
    users = {"ann": "pw"}
    made, pong = shake(Handshake("secret", users), user="ann", password="pw")
    assert (pong[1], len(made.texts)) == (True, 3)
    for user, password in (("ann", "no"), ("bob", "pw"), ("bob", ""), ("", "")):
        made, pong = shake(Handshake("secret", users), user=user, password=password)
        assert (pong[1:3], made.texts) == ([False, "username/password mismatch"], [])


def test_a_client_without_the_key_is_refused() -> None:
    """It sends events at once, or something else."""
    made = Client(Handshake("secret", {}))
    assert made.send(MODES["forward"]) == b""
    assert (made.session.ended, made.reasons, made.texts) == (True, [Reason.PEER_NOT_ALLOWED], [])
    for data in (MODES["message in JSON"], b"\xc0"):
        with pytest.raises(Rejected):
            Client(Handshake("secret", {})).send(data)


def test_each_connection_has_a_nonce_of_its_own() -> None:
    """An answer that was recorded opens no other."""
    assert Handshake("secret", {}).hello != Handshake("secret", {}).hello


def test_a_time_in_a_list_of_a_record() -> None:
    """Found by fuzzing: nothing else in the record needed a second look."""
    made = Client()
    made.send(msgpack.packb(["a", AT, {"message": "x", "times": [EXT]}]))
    (message,) = made.receipt.batch.messages
    assert message.fields == {"tag": "a", "times": '["2026-11-29T00:43:20.123457+00:00"]'}


@pytest.mark.parametrize(
    ("tag", "record", "level"),
    [
        ("orders.warning", {"message": "stock is low"}, 4),  # Monolog's FluentdFormatter(true)
        ("system.auth.err", {"message": "it failed"}, 3),  # Fluentd's in_syslog
        ("shop.FATAL", {"message": "all is lost"}, 2),  # log4js-fluent-appender
        ("error", {"message": "it failed"}, 3),
        ("orders.warning", {"message": "placed", "level": "info"}, 6),
        ("orders.warning", {"message": "ERROR: it failed"}, 3),
        ("orders.placed", {"message": "placed"}, None),
        ("orders.5", {"message": "placed"}, None),
        ("", {"message": "placed"}, None),
    ],
)
def test_the_end_of_a_tag_is_a_level_where_nothing_else_is(tag: str, record: dict[str, str], level: int | None) -> None:
    client = Client()
    client.send(msgpack.packb([tag, AT, record]))
    assert [message.level for message in client.receipt.batch.messages] == [level]


TRACE, SPAN = bytes.fromhex("4bf92f3577b34da6a3ce929d0e0e4736"), bytes.fromhex("00f067aa0ba902b7")
GROUP = [
    [[msgpack.ExtType(0, b"\xff\xff\xff\xff\0\0\0\0"), {"schema": "otlp", "resource_id": 0, "scope_id": 0}],
     {"resource": {"attributes": {"service.name": "shop", "host.name": "web-1"}},
      "scope": {"name": "orders", "version": "1.2", "attributes": {"lib": "x"}}}],
    [[EXT, {"otlp": {"timestamp": AT * 10**9, "severity_number": 18, "severity_text": "CRITICAL", "trace_flags": 1,
                     "trace_id": TRACE, "span_id": SPAN, "attributes": {"article": 4711, "lib": "y"},
                     "event_name": "sold_out", "dropped_attributes_count": 2}}],
     {"log": "stock is low"}],
    [[EXT, {"otlp": {"trace_flags": 0}}], {"log": '{"level":"warn","msg":"as JSON"}'}],
    [[EXT, {"otlp": {"severity_number": 9}}], {"msg": "a map", "order": {"id": 7}}],
    [[EXT, {}], {"log": "of the group", "level": "error"}],
    [[msgpack.ExtType(0, b"\xff\xff\xff\xfe\0\0\0\0"), {}], {}],
    [[EXT, {"otlp": {"severity_number": 13}, "region": "eu"}], {"log": "behind the group"}],
]  # fmt: skip
"""What Fluent Bit's output sends of what its input for OTLP took (opentelemetry_logs.c), from version 5.0.4 on."""


@pytest.mark.parametrize("mode", ["forward", "packed"])
def test_what_fluent_bit_took_by_otlp_is_read_as_by_otlp(mode: str) -> None:
    """The group's resource and scope, and of each record everything but the body, are beside the records."""
    client = Client()
    client.send(msgpack.packb(["v1.logs", GROUP if mode == "forward" else packed(*GROUP)]))
    assert client.reasons == []
    first, second, third, fourth, last = client.receipt.batch.messages
    assert (first.short_message, first.level, first.host) == ("stock is low", 2, "web-1")
    assert first.timestamp == pytest.approx(AT + 0.123456789, abs=1e-6)
    assert first.fields == {
        "tag": "v1.logs", "service.name": "shop", "logger": "orders", "otel.scope.version": "1.2", "lib": "y",
        "article": 4711, "trace_id": TRACE.hex(), "span_id": SPAN.hex(), "trace_flags": 1, "event_name": "sold_out",
        "otel.dropped_attributes_count": 2,
    }  # fmt: skip
    assert (second.short_message, second.level, second.fields["lib"]) == ("as JSON", 4, "x")
    assert (third.short_message, third.level, third.fields["order.id"]) == ("a map", 6, 7)
    assert (fourth.short_message, fourth.level, fourth.host) == ("of the group", 3, "web-1")
    assert fourth.fields["service.name"] == "shop"
    assert (last.short_message, last.level, last.host) == ("behind the group", 4, "192.0.2.7")
    assert last.fields == {"tag": "v1.logs", "region": "eu"}


def test_metadata_are_fields() -> None:
    """The record's own count; a token of Splunk's clients is not for readers."""
    client = Client()
    event = [[EXT, {"region": "eu", "n": 1, "hec_token": "secret"}], {"message": "placed", "n": 2}]
    client.send(msgpack.packb(["a", [event]]))
    (message,) = client.receipt.batch.messages
    assert message.fields == {"tag": "a", "region": "eu", "n": 2}
    assert message.timestamp == pytest.approx(AT + 0.123456789, abs=1e-6)


@pytest.mark.parametrize(
    "odd",
    [
        {"severity_number": 99, "severity_text": 7, "attributes": [1], "trace_id": b"short", "trace_flags": "x"},
        {"severity_number": True, "dropped_attributes_count": -1, "event_name": None, "span_id": {"a": 1}},
    ],
)
@pytest.mark.parametrize("time", [EXT, 1e300, float("nan"), None, "soon", [], {}])
def test_odd_metadata_do_no_harm(odd: dict[str, Any], time: Any) -> None:
    client = Client()
    client.send(msgpack.packb(["a", [[[time, {"otlp": odd}], {"log": "placed"}], [[], {"log": "second"}]]]))
    assert (client.texts, client.reasons) == (["placed", "second"], [])


def test_a_group_may_be_anything() -> None:
    client = Client()
    start = [msgpack.ExtType(0, b"\xff\xff\xff\xff\0\0\0\0"), {}]
    events = [[start, {"unit": "a"}], [[EXT, {}], {"log": "in it"}], [start, None], [[EXT, {}], {"log": "out of it"}]]
    client.send(msgpack.packb(["a", events]))
    assert [message.fields.get("unit") for message in client.receipt.batch.messages] == ["a", None]


@pytest.mark.parametrize("source", [{"ip": "192.0.2.1"}, ["a"], None, 7, "stdout"])
def test_a_source_may_be_anything(source: Any) -> None:
    """ECS has an object there; it ended the connection."""
    client = Client()
    client.send(msgpack.packb(["a", AT, {"message": "placed", "source": source}]))
    assert (client.texts, client.reasons) == (["placed"], [])
