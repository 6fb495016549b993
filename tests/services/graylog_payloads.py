"""Random payloads and syslog lines, made of what parsers disagree about."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator

__all__ = ["gelf_payloads", "syslog_lines"]

_CHARACTERS = [
    *'aB7 \t\n\0._-@/é"\\{[,:$#',
    "\x1f",
    "\x7f",
    "\x85",
    "\xa0",
    "ß",
    "\u200b",
    "\u2028",
    "\u3000",
    "\ufeff",
    "😀",
]
_NUMBERS = [
    "0",
    "-0",
    "1",
    "-1",
    "7",
    "42",
    "1.5",
    "-1.5",
    "1e3",
    "1E5",
    "1e400",
    "-1e400",
    "1e-400",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775809",
    "18446744073709551616",
    "0.1",
    "1e10",
    "1e7",
    "12345678.9",
    "0.001",
    "0.0001",
    "1e-7",
    "123456789012345678901234567890",
    "1.7976931348623157e308",
    "4.9e-324",
    "2147483648",
    "-2147483649",
    "4294967296",
    "100000000000000000000000.5",
    "1.0",
    "1e22",
    "1.00000000000000000000000001",
    "253402300799",
    "253402300799.9994",
    "253402300800",
    "1700000000.1234567",
    "99.99999",
    "-0.0",
    "1e+3",
    "5E-1",
    "1" * 20,
    "1" * 400,
    "0." + "3" * 300,
]
_NO_NUMBERS = ("01", "+1", ".5", "1.", "0x10", "NaN", "Infinity", "-Infinity", "1e", "--1", "-", "1_000")
_TEXTS = ("true", "null", "2024-01-01", "NaN", "Infinity", "0x10", "0x1p3", "+5", " 5", "5 ", "١", "5d", "1e3f", "-5")
_RAW_TEXTS = (r'"\ud83d\ude00"', r'"\x41"', "'a'", r'"\u00"', r'"\/"', r'"\b\f"', r'"\u0000"', '""')
_KEYS = [
    "host",
    "short_message",
    "message",
    "full_message",
    "timestamp",
    "level",
    "version",
    "facility",
    "line",
    "file",
    "source",
    "_host",
    "_short_message",
    "_message",
    "_full_message",
    "_timestamp",
    "_level",
    "_version",
    "_facility",
    "_line",
    "_file",
    "_source",
    "_id",
    "id",
    "_",
    "__",
    "_a",
    "_b",
    "a",
    "b",
    "_a.b",
    "a.b",
    "a_b",
    "_a_b",
    "gl2_x",
    "_gl2_x",
    "_gl2_remote_ip",
    "streams",
    "_streams",
    "_index",
    "_ttl",
    "_type",
    "_score",
    "_all",
    "_routing",
    "_gl2_message_id",
    "gl2_processing_error",
    "_é",
    "_a/b",
    "_a:b",
    "_A",
    "_a@b",
    "_$",
    "__id",
    "__a",
    "@timestamp",
    "_.",
    "..",
    "_a..b",
    "_gl2_original_timestamp",
    "",
    "_a ",
    "_ a",
    "_level ",
    "_facility ",
    " full_message",
    "_streams ",
]
_FOLLOWING = (
    "\n", "\0", " ", "}", "]", "{", "[", ",", ":", "x", "1", "-", "-1", '"a', '"', "null", "nul", "true", "truex", "/", "{}",
    "NaN", "01", "1.", "/*a*/", "\x0c", "'", " 1x", "1 x", '{"a":1} x', "1,2", '""x',
)  # fmt: skip
_BROKEN = (
    b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xe2\x82", b"\xf0\x9f\x98", b"\xc0\x80", b"\xf4\x90\x80\x80", b"\xf0\x80\x80\x80",
    b"\xe0\x80", b"\x80", b"\xed\xa0\xbd\xed\xb8\x80",
)  # fmt: skip


class _Maker:
    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.choice = self.random.choice

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def text(self) -> str:
        return "".join(self.choice(_CHARACTERS) for _ in range(self.choice((0, 1, 2, 3, 5))))

    def string(self, text: str) -> str:
        if self.chance(0.1):
            return '"' + text.replace("\\", "").replace('"', "") + '"'
        return json.dumps(text, ensure_ascii=self.chance(0.6))

    def value(self, depth: int = 0) -> str:
        kind = self.random.random()
        if kind < 0.3 or depth > 3:
            return self.string(self.text())
        if kind < 0.5:
            return self.choice(_NUMBERS)
        if kind < 0.6:
            return self.string(self.choice((*_NUMBERS, *_TEXTS)) + self.choice(("", "", " ", "d", " x")))
        if kind < 0.7:
            return self.choice(("true", "false", "null"))
        if kind < 0.72:
            return self.choice(_NO_NUMBERS)
        if kind < 0.74:
            return self.choice(_RAW_TEXTS)
        comma = "," if self.chance(0.07) else ""
        count = self.random.randint(0, 3)
        if kind < 0.87:
            return "[" + ",".join(self.value(depth + 1) for _ in range(count)) + comma + "]"
        members = [f"{self.key()}{self.choice((':', ' : '))}{self.value(depth + 1)}" for _ in range(count)]
        return "{" + ", ".join(members) + comma + "}"

    def key(self) -> str:
        return self.string(self.text()) if self.chance(0.07) else json.dumps(self.choice(_KEYS))

    def gelf(self) -> bytes:
        parts = ['"version":"1.1"'] if self.chance(0.9) else []
        for name, usual in (("host", ("h", " h ", "web.example.org")), ("short_message", ("m", " m ", "a b"))):
            if self.chance(0.88):
                parts.append(f'"{name}":{self.string(self.choice(usual)) if self.chance(0.8) else self.value()}')
        parts += [f"{self.key()}:{self.value()}" for _ in range(self.choice((0, 1, 1, 2, 2, 3, 4, 6)))]
        if self.chance(0.5):
            self.random.shuffle(parts)
        text = "{" + ",".join(parts) + ("," if self.chance(0.08) else "") + "}"
        if self.chance(0.05):
            text += self.choice(_FOLLOWING)
        elif self.chance(0.03):
            text = self.choice(("\n", "\0", " ", "\ufeff", "//c\n", "[", ",", "\x0c")) + text
        payload = text.encode()
        if self.chance(0.04):
            at = self.random.randrange(len(payload))
            payload = payload[:at] + self.choice(_BROKEN) + payload[at:]
        return payload

    def words(self) -> str:
        usual = (
            "web1",
            "10.0.0.1",
            "fe80::1",
            "app",
            "app:",
            "sshd[22]:",
            "-",
            "%ASA-1-2:",
            "x=y",
            "[t]",
            "<b>",
            "ünï",
            "",
            "{}",
        )
        return " ".join(self.choice(usual) for _ in range(self.random.randint(0, 5)))

    def data(self) -> str:
        if self.chance(0.3):
            return "-"
        values = ("1", "v", "a b", "", r"\"q\"", r"\]", r"x\\y", " p ", "n/a")
        elements = []
        for identifier in self.choice((("x@1",), ("meta", "id"), ("",))):
            names = [
                self.choice(("a", "b", "c.d", "e-f", "x@1", "message", "a b", "ü"))
                for _ in range(self.random.randint(0, 3))
            ]
            elements.append(f"[{identifier}" + "".join(f' {name}="{self.choice(values)}"' for name in names) + "]")
        return "".join(elements)[: -1 if self.chance(0.1) else None]

    def syslog(self) -> bytes:
        priority = self.choice(
            ("<13>",) * 6
            + ("<0>", "<191>", "<192>", "<165>", "<999>", "<>", "<a>", "<1234>", "<013>", "", "<13", "<-1>")
        )
        iso = self.choice(
            ("2024-05-01T10:00:00Z", "2024-05-01T10:00:00.123456+02:00", "2024-05-01", "2024-05-01T10:00:00-0700")
        )
        bsd = self.choice(
            (
                "May  1 10:00:00",
                "May 01 10:00:00",
                "May 1 10:00:00",
                "Feb 30 10:00:00",
                "Foo 01 10:00:00",
                "may 11 10:00:00.123",
            )
        )
        kind = self.random.random()
        if kind < 0.4:
            words = [
                iso,
                self.choice(("h", "10.0.0.1", "-")),
                self.choice(("app", "-")),
                self.choice(("1", "-")),
                self.choice(("-", "ID47")),
            ]
            line = f"{priority}{self.choice('120')} {' '.join(words)} {self.data()} {self.words()}"
        elif kind < 0.7:
            line = f"{priority}{self.choice((bsd, iso))} {self.words()}"
        elif kind < 0.85:
            line = priority + self.words()
        else:
            line = f"{priority}{self.choice(('123', '000005', ''))}: {self.choice(('', '*'))}{bsd}{self.choice(('', ' UTC', ' EDT'))}: %SYS-5-X: {self.words()}"
        return (line + self.choice(("",) * 6 + ("\n", "\0", "\r\n", " "))).encode()


def gelf_payloads(seed: int, count: int) -> Iterator[bytes]:
    """Make GELF, nearly GELF, and things that are not."""
    maker = _Maker(seed)
    return (maker.gelf() for _ in range(count))


def syslog_lines(seed: int, count: int) -> Iterator[bytes]:
    """Make lines of syslog in all their forms."""
    maker = _Maker(seed)
    return (maker.syslog() for _ in range(count))
