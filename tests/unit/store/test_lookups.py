"""Numbers and ids, which are looked up in their columns: every kind of search finds what the predicate lets through."""

from __future__ import annotations

import asyncio
import json
import random
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gelf_listener.codec.gelf.lenient import read_document, read_fields
from gelf_listener.packing import Packer
from gelf_listener.query import parse
from gelf_listener.store import column_leaves
from gelf_listener.store.documents import Documents
from gelf_listener.store.memory_store import MemoryStore
from gelf_listener.store.parameters import EVERYTHING, ValuesGroup
from gelf_listener.store.schema import MAX_ID_FIELDS, Names, ids_test, is_id
from gelf_listener.store.searching import Target
from tests.unit.store.embedded import opened
from tests.unit.store.samples import decoded, plain


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("0d96f816-1c94-4dfb-9165-a438d30cf7e2", True),
        ("01HF7YAT00KAFKA00000000025", True),
        ("user-123456", True),
        ("12345678", True),
        ("1" * 128, True),
        ("1" * 129, False),
        ("123456", False),
        ("user-12345", False),
        ("/api/v1/orders/123456", False),
        ("at 12345678", False),
        ("2026-11-23", False),
        ("2026-11-23T10_00_00", False),
        ("٠١٢٣٤٥٦٧٨", False),
    ],
)
def test_what_may_be_an_id(text: str, *, wanted: bool) -> None:
    """Dates and paths are none: patterns and ranges are asked of them."""
    assert is_id(text) is wanted
    for texts in ([text], ["user-123456", text], [text, "12345678", "1" * 128]):  # several are tested at once
        assert (ids_test([None] * len(texts))("\0".join(texts)) is not None) is wanted
        assert (ids_test(texts)("\0".join(texts)) is not None) is wanted


def test_several_texts_are_not_taken_for_others() -> None:
    """Digits of one do not count for another, and a NUL in one parts it from nothing."""
    assert ids_test([None, None])("worker-12\x00345678901") is None
    assert ids_test([None, None])("12345678\x0012345678\x00") is None
    assert ids_test(["0123456789", None])("12345678\x00abc-12345678")
    assert ids_test([None, "0123456789"])("12345678\x00abc-12345678") is None
    assert ids_test([""])("12345678") is None


QUERIES = [
    *("request:req-000017", "request:req-9", "request:req-00001*", "request:*17", "request:*7*", "request:req-??00?7"),
    *("request:/req-0000[0-9]7/", "request:[req-000017 TO req-000020]", "request:req-000071~1", "request:none"),
    *("request:*", "NOT request:*1*", "req-000017", "*000017", "req-00001*", "/req-.*7/", "req-000071~1", "none"),
    *("request:*/*", "request:*e-0*", "*e-0*", "*on*", "*/v1*", "*v?/*", "/.*on.*/", "other:*on*", "*x*"),
    *('request:["req 0" TO "req-000020"}', 'request:>"req 1"', "request:[a! TO *]"),
    *("user:17", "user:1*", "user:*7", "user:[3 TO 17]", "user:0", "user:>-1", "17", "*7", "user:x"),
    *(
        "share:1.5",
        "share:[0.5 TO 1.5]",
        "share:*.5",
        "share:[-0.00001 TO 0.5]",
        "share:>-1e-9",
        "share:0",
        "share:-0.0",
    ),
    *("large:1234567890123456789", "large:12345678901234567*", "large:9007199254740993"),
]


@pytest.mark.parametrize("at_once", [500, 2])
def test_searches_agree_with_the_predicate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    """Ids of one message, of two and of many; and where more match than are looked up one by one."""
    monkeypatch.setattr(column_leaves, "_MAX_LOOKED_UP", at_once)
    messages = [
        plain(
            request=f"req-{number % 70 if number < 140 else 7:06}"
            if number % 10
            else ("none", "/v1/x")[number % 20 // 10],
            other=("none", "once", "/v2/x", "req-000017")[number % 4],
            user=number % 25,
            share=number / 2 if number else -0.0,
            large=1234567890123456789 - number % 2,
        )
        for number in range(160)
    ]

    async def main() -> None:
        judge = MemoryStore()
        await judge.add(messages)
        async with opened(tmp_path) as store:
            await store.add(messages)
            for text in QUERIES:
                query = parse(text).node
                assert await store.count(query, EVERYTHING) == await judge.count(query, EVERYTHING), text
            rows = await store.aggregate(parse("*").node, EVERYTHING, [ValuesGroup("request", 3)])
            assert next((row.keys, row.messages) for row in rows) == (("req-000007",), 20)

    asyncio.run(main())


def test_columns_of_ids_are_looked_through_seldom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once for a pattern, until there is something new; and not at all where no id can match."""
    looks: list[str] = []
    aggregate = Target.aggregate

    def noted(target: Target, wanted: dict[str, Any]) -> dict[str, Any]:
        looks.append(str(wanted))
        return aggregate(target, wanted)

    monkeypatch.setattr(Target, "aggregate", noted)

    async def main() -> None:
        async with opened(tmp_path) as store:
            await store.add([plain(request=f"req-{number:06}", path=f"/v1/{number}") for number in range(30)])

            async def asked(text: str) -> tuple[int, int]:
                looks.clear()
                return await store.count(parse(text).node, EVERYTHING), len(looks)

            assert await asked("*eq-00002*") == (10, 1)
            assert await asked("*eq-00002*") == (10, 0)
            assert await asked("*v1/2*") == (11, 0)
            await store.add([plain(request="req-000020")])
            assert await asked("*eq-00002*") == (11, 1)
            assert await asked("request:*eq-00002*") == (11, 0)

    asyncio.run(main())


_ROW = b'{"version":"1.1","host":"h","short_message":"s","timestamp":1700000000,%s}'


def _ids(chance: random.Random, number: int) -> list[bytes]:
    """Payloads with ids of some letters, and now and then of others, or texts that are none."""
    fields = {
        "hex": f"{chance.randrange(16**12):012x}-000000",
        "late": f"{number:08}" if number < 150 else f"{number:08}-z",
        "mixed": chance.choice((f"{number:07}", f"req_{number:06}", "none", "path/9", "Q000000")),
        **({"rare": f"{number:06}abx"} if number % 40 == 39 else {}),
    }
    if chance.random() < 0.05:
        fields["hex"] = chance.choice(("000000-G", "nothing", "000000-\\u0068"))
    return [_ROW % b",".join(b'"_%s":"%s"' % (name.encode(), text.encode()) for name, text in fields.items())]


@pytest.mark.parametrize("step", [1, 7, 200], ids=["one by one", "a few", "at once"])
def test_patterns_with_letters_that_no_id_has(tmp_path: Path, step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an id is made of is noted however it is indexed, over restarts, and for each field by itself."""
    chance = random.Random(step)
    messages = [each for number in range(200) for each in decoded(*_ids(chance, number))]
    pieces = ["a", "f", "g", "G", "h", "x", "z", "-z", "req", "none", "/9", "Q", "000", "7", "-", "_", "abx", "path"]

    async def main() -> None:
        judge = MemoryStore()
        await judge.open()
        for first in range(0, len(messages), 100):
            async with opened(tmp_path) as store:
                for start in range(first, first + 100, step):
                    batch = messages[start : min(start + step, first + 100)]
                    await judge.add(batch)
                    await store.add(batch)
                    await store.flush()
                for piece in pieces:
                    for field in ("", "hex:", "late:", "mixed:", "rare:"):
                        for text in (f"{field}*{piece}*", f"{field}*{piece}", f"{field}?*{piece}*0*"):
                            query = parse(text).node
                            assert await store.count(query, EVERYTHING) == await judge.count(query, EVERYTHING), text
                [partition] = store._all.list
                assert set("0123456789abcdef-") <= set(partition.letters["hex"]) < {*"0123456789abcdef-Gh"} | {"z"}

    asyncio.run(main())


def test_letters_that_were_not_noted(tmp_path: Path) -> None:
    """Of a field whose ids an earlier version indexed, nothing is known, also of what comes later."""

    async def main() -> None:
        async with opened(tmp_path) as store:
            await store.add([plain(request=f"req-{number:06}") for number in range(5)])
        description = tmp_path / "p00000001" / "partition.json"
        found = json.loads(description.read_text())
        assert found.pop("letters") == {"request": "-01234eqr"}
        description.write_text(json.dumps(found))
        async with opened(tmp_path) as store:
            await store.add([plain(request=f"{number:08}", other=f"{number:08}") for number in range(5)])
            assert await store.count(parse("*eq*").node, EVERYTHING) == 5
            assert store._all.list[0].letters == {"other": "01234"}

    asyncio.run(main())


def test_ids_under_many_names_are_all_found(tmp_path: Path) -> None:
    """From some number of names on they are terms."""
    names = [f"id_{number}" for number in range(MAX_ID_FIELDS + 10)]
    messages = [plain(**{name: f"id-{number:06}"}) for number, name in enumerate(names)]

    async def main() -> None:
        async with opened(tmp_path) as store:
            await store.add(messages)
            for number, name in enumerate(names):
                for text in (f"id-{number:06}", f"{name}:id-{number:06}", f"{name}:*{number:04}"):
                    assert await store.count(parse(text).node, EVERYTHING) == 1, text
            assert await store.count(parse("*0000*").node, EVERYTHING) == len(names)

    asyncio.run(main())


def test_no_term_is_made_of_a_number_or_an_id() -> None:
    """Also where a field that has ids has something else now and then, and first."""
    packer, names = Packer(read_fields), Names()
    documents = Documents(packer, names, read_document)

    def terms(place: int, id: str) -> set[str]:
        payload = {"version": "1.1", "host": "h", "short_message": "m", "timestamp": 1, "_id_": id, "_n": 1, "_a": "x"}
        (message,) = decoded(json.dumps(payload).encode())
        found = msgspec.json.decode(documents.of(packer.pack(message), place).text)
        assert (found["added"]["id_"], found["added"]["n"]) == ("=" + id, 1)
        return {term.replace("\x00s=", ":") for term in found["terms"] if not term.startswith("@")}

    assert terms(1, "none") == {"id_:none", "a:x"}
    assert terms(2, "12345678") == {"id_:12345678", "a:x"}  # it is not known yet that it has ids
    assert terms(4096, "12345678") == {"a:x"}
    assert terms(4097, "12345679") == {"a:x"}
    assert terms(4098, "none") == {"id_:none", "a:x"}
