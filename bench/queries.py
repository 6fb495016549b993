"""
Queries: how long the embedded store takes to answer, side by side with another build.

Each build fills a store of its own with the same messages and answers the same questions in a process of its own; the
questions go to them in turn, so that whatever else the machine does falls on both.

    python -m bench.queries --messages 2000000 --base ../before
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

START = 1_700_000_000.0
RESULTS = Path(__file__).parent / "results"
QUERIES = {
    "user_id:42, newest 150": ("search", "user_id:42"),
    "word, last hour": ("search_hour", "timeout"),
    "top values": ("top", "route"),
    "rare id": ("search", "request_id:req-0000001234"),
    "histogram by minute": ("histogram", "*"),
    "*inner*": ("search", "*a12b*"),
    "request_id:*a12b*": ("search", "request_id:*a12b*"),
    "expi*": ("search", "expi*"),
    "fuzzy word": ("search", "message:timeuot~"),
    "regular expression": ("search", "message:/time[a-z]+/"),
    "request_id:req-00000* (prefix)": ("search", "request_id:req-00000*"),
    "top of a unique field": ("top", "request_id"),
}


def documents(messages: int) -> Iterator[dict[str, Any]]:
    """Give the messages that are asked about, as GELF documents: a day of a web service."""
    words = "timeout connection order payment expired retry user cache database request failed accepted"
    vocabulary = words.split()
    chance = random.Random(7)
    for number in range(messages):
        fields: dict[str, Any] = {
            "user_id": chance.randrange(20_000),
            "route": f"/api/{chance.randrange(60)}",
            "request_id": f"req-{number:010d}-{chance.randrange(16**6):06x}",
            "took": round(chance.random(), 4),
            "status": chance.choice((200, 200, 200, 404, 500)),
        }
        at = START + number * 86400 / messages
        first_word, second_word = chance.choice(vocabulary), chance.choice(vocabulary)
        text = f"{first_word} {second_word} {number % 997} {chance.randrange(16**6):06x}"
        known = {"version": "1.1", "host": f"web-{number % 7}", "short_message": text, "timestamp": at}
        yield known | {"level": number % 8} | {f"_{name}": value for name, value in fields.items()}


def fill(path: Path, messages: int) -> None:
    """Fill a store."""
    from gelf_listener.codec.gelf.lenient import read_fields
    from gelf_listener.message import Message
    from gelf_listener.store.tantivy_store import TantivyStore

    def made(document: dict[str, Any]) -> Message:
        raw, at = json.dumps(document).encode(), document["timestamp"]
        fields = {name[1:]: value for name, value in document.items() if name.startswith("_")}
        known = (at, document["host"], document["short_message"], None, document["level"])
        return Message(*known, raw, at, "udp", None, _fields=fields)

    async def main() -> None:
        store = TantivyStore(path, read_fields)
        await store.open()
        left = documents(messages)
        while batch := list(itertools.islice(left, 1000)):
            await store.add([made(document) for document in batch])
        await store.flush()
        await store.close()

    asyncio.run(main())


def answer(path: Path) -> None:
    """Answer questions: a line in, its milliseconds and what was found out."""
    from gelf_listener.codec.gelf.lenient import read_fields
    from gelf_listener.query import parse
    from gelf_listener.store.parameters import EVERYTHING, Span, TimeGroup, ValuesGroup
    from gelf_listener.store.tantivy_store import TantivyStore

    async def main() -> None:
        store = TantivyStore(path, read_fields)
        await store.open()
        print("ready", flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            kind, query = QUERIES[line.strip()]
            began = time.perf_counter()
            try:
                if kind == "top":
                    found: Any = len(await store.aggregate(parse("*").node, EVERYTHING, [ValuesGroup(query, 10)]))
                elif kind == "histogram":
                    found = len(await store.aggregate(parse(query).node, EVERYTHING, [TimeGroup()]))
                else:
                    span = Span(START + 82800, None) if kind == "search_hour" else EVERYTHING
                    found = (await store.search(parse(query).node, span)).total
            except Exception as error:
                found = str(error)[:120]
            print(json.dumps([1000 * (time.perf_counter() - began), found]), flush=True)
        await store.close()

    asyncio.run(main())


def _process(build: Path, *arguments: str, **settings: Any) -> subprocess.Popen[str]:
    environment = os.environ | {"PYTHONPATH": str(build)}
    command = [sys.executable, str(Path(__file__).resolve()), *arguments]
    return subprocess.Popen(command, env=environment, cwd=build, text=True, **settings)


def _line(process: subprocess.Popen[str], question: str = "") -> str:
    """Return the next line that a process says, to a question if one is given."""
    assert process.stdin is not None
    assert process.stdout is not None
    if question:
        process.stdin.write(question + "\n")
        process.stdin.flush()
    return process.stdout.readline()


def compare(base: Path, messages: int, rounds: int) -> list[dict[str, Any]]:
    """Ask both builds in turn; return a row for each question, in milliseconds."""
    builds = {"before": base.resolve(), "after": Path(__file__).resolve().parents[1]}
    rows = []
    with tempfile.TemporaryDirectory() as directory:
        asked = {}
        for name, build in builds.items():
            if _process(build, "--fill", f"{directory}/{name}", "--messages", str(messages)).wait():
                raise SystemExit(f"the {name} build could not fill its store")
        for name, build in builds.items():
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
            asked[name] = _process(build, "--answer", f"{directory}/{name}", **pipes)
            assert _line(asked[name])
        for query in QUERIES:
            times: dict[str, list[float]] = {name: [] for name in builds}
            found = {}
            for _ in range(rounds):
                for name, process in asked.items():
                    milliseconds, found[name] = json.loads(_line(process, query))
                    times[name].append(milliseconds)
            row: dict[str, Any] = {
                "query": query,
                **{name: round(statistics.median(each), 2) for name, each in times.items()},
            }
            row |= {"ratio": round(row["before"] / row["after"], 2), "found": found, "raw": times}
            rows.append(row)
            print(row["query"], row["before"], row["after"], row["ratio"], found, flush=True)
        for process in asked.values():
            process.communicate()
    return rows


def main() -> None:
    """Run it from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=500_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--base", type=Path)
    parser.add_argument("--fill", type=Path)
    parser.add_argument("--answer", type=Path)
    asked = parser.parse_args()
    if asked.fill:
        fill(asked.fill, asked.messages)
    elif asked.answer:
        answer(asked.answer)
    else:
        rows = compare(asked.base, asked.messages, asked.rounds)
        document = {"messages": asked.messages, "rounds": asked.rounds, "rows": rows}
        (RESULTS / "store-queries.json").write_text(json.dumps(document, indent=1) + "\n")
        table = "\n".join(f"| `{row['query']}` | {row['before']} | {row['after']} | {row['ratio']} |" for row in rows)
        (RESULTS / "store-queries.md").write_text(
            f"# Queries of the embedded store\n\n{asked.messages} messages, median of {asked.rounds} rounds in turn, "
            f"milliseconds (`bench/queries.py`).\n\n| query | before | after | ratio |\n|---|---|---|---|\n{table}\n"
        )


if __name__ == "__main__":
    main()
