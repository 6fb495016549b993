"""Fuzzing for a bounded time, from the vectors as seeds."""

from __future__ import annotations

import base64
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.requirements import missing

HERE = Path(__file__).parent
VECTORS = HERE.parent / "vectors"


def write_seeds(folder: Path) -> None:
    """Write each vector's text once for every target."""
    number = 0
    for path in [*VECTORS.glob("codec/*.json"), *VECTORS.glob("framing/*.json")]:
        for vector in json.loads(path.read_text()):
            text = vector.get("payload") or vector.get("stream") or json.dumps(vector.get("set", {}))
            if not isinstance(text, str):
                continue
            for choice in (0, 1, 2, 4):
                seed = bytes([choice]) + text.encode("utf-8", "surrogatepass")[:4000]
                (folder / f"seed-{number}").write_bytes(seed)
                number += 1
    for path in VECTORS.glob("lines/*.json"):
        for vector in json.loads(path.read_text()):
            for choice in (7, 8):
                (folder / f"seed-{number}").write_bytes(bytes([choice]) + vector["lines"].encode()[:4000])
                number += 1
    for vector in json.loads((VECTORS / "chunks" / "chunks.json").read_text()):
        seed = b"\x04"
        for step in vector["arrive"]:
            if "text" in step:
                header = bytes.fromhex(step["id_hex"]) if "id_hex" in step else step["id"].encode()
                chunk = header + bytes([step["number"], step["count"]]) + step["text"].encode()
                seed += bytes([len(chunk)]) + chunk
        (folder / f"seed-{number}").write_bytes(seed)
        number += 1
    for query in ('a AND (b OR -c:"d e"~2)', "x:[1 TO 5} y:>=3 /re[g]+x/ z~1", "timestamp:[now-5d/d TO 2026-11-23]"):
        (folder / f"seed-{number}").write_bytes(b"\x03" + query.encode())
        number += 1

    for choice, protocol in WIRE.items():
        for path in VECTORS.glob(f"wire/{protocol}/*/request-*.bin"):
            head, _, body = path.read_bytes().partition(b"\r\n\r\n")
            (folder / f"seed-{number}").write_bytes(bytes([choice]) + (body or head)[:4000])
            number += 1

    for choice, texts in SEEDS.items():
        for text in texts:
            (folder / f"seed-{number}").write_bytes(bytes([choice]) + text)
            number += 1

    for choice in range(_TARGETS):
        for text in LONG_NUMBERS:
            (folder / f"seed-{number}").write_bytes(bytes([choice]) + text)
            number += 1


def _body(client: str, size: int = 4000) -> bytes:
    """The beginning of what a client sends."""
    return (VECTORS / "wire" / client / "request-1.bin").read_bytes().partition(b"\r\n\r\n")[2][:size]


WIRE = {11: "forward", 13: "es-bulk", 14: "hec", 15: "journal-upload"}
"""Protocols whose seeds are what clients put on the wire, by the number of their target."""

_TARGETS = 16
LONG_NUMBERS = tuple(
    text.replace(b"N", digits)
    for digits in (b"9" * 1200, b"0." + b"9" * 1200, b"1E999999999", b"1E-999999999")
    for text in (
        b'{"short_message":"m","host":"h","level":N,"timestamp":N,"_x":N}',
        b'{"msg":"m %d","levelno":N,"args":[N],"created":N}',
        b"level=N time=N x=N msg=m",
    )
)
"""Numbers of any size, wherever a decoder looks for one."""

_SYSLOG = (
    b'<165>1 2003-10-11T22:14:15.003Z host app 1 ID47 [a@32473 b="\\"c\\]" d="e"][f] \xef\xbb\xbftext',
    b"<34>Oct 11 22:14:15 host su[1]: text\n",
    b"<189>123: *Mar  1 18:48:50.483 UTC: %SYS-5-CONFIG_I: text",
    b'<189>date=2018-06-13 time=20:30:03 devname="F" tz="+0200"',
    b'<14>Nov 23 2026 18:20:01 CET h a: @cee: {"msg":"x"}',
)
SEEDS: dict[int, tuple[bytes, ...]] = {
    5: _SYSLOG,
    6: (b"".join(b"%d %s" % (len(text), text) for text in _SYSLOG), b"\n".join(_SYSLOG), b"\0".join(_SYSLOG)),
    7: (
        b"ERROR x\nTraceback (most recent call last):\n  File\nE: x\n\nDuring handling of the above exception\n",
        b"java.lang.E: x\n\tat a.b(C.java:1)\nCaused by: x\npanic: x\n\ngoroutine 1 [running]:\n",
        b'{"msg":"x","time":1,"pid":1,"hostname":"h","level":30}\nlevel=info msg="a b" c=d\n',
    ),
    8: (
        b"msg=a+%25s&args=%28%27x%27%2C%29&levelno=20",
        b'{"msg":"%5.1f %(a)s","args":[{"a":1}],"created":1.5}',
        b"gelf={}",
    ),
    10: (
        b"\x0a\x0b\x12\x09\x12\x07\x2a\x05\x0a\x03abc",
        b"\x0a\x19\x12\x17\x12\x15\x09abcdefgh\x10\x09\x32\x08\x0a\x01a\x12\x03\x0a\x01b",
        b'{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"kvlistValue":{"values":[{"key":"a","value":{}}]}}}]}]}]}',
        _body("otlp-http-protobuf/java"),
    ),
    12: (
        b'{"streams":[{"stream":{"level":"info"},"values":[["1795913697911092480","text",{"a":"b"}]]}]}',
        b'{"streams":[{"labels":"{a=\\"b\\"}","entries":[{"ts":"2026-11-29T00:54:57.9Z","line":"text"}]}]}',
        b'\x0a\x1f\x0a\x07{a="b"}\x12\x14\x0a\x06\x08\x81\xbe\xac\xd8\x06\x12\x02hi\x1a\x06\x0a\x01a\x12\x01b',
        _body("loki/go-protobuf-snappy"),
    ),
}
"""Roads that have no vectors, by the number of their target."""


@pytest.mark.fuzz
def test_fuzz_for_a_while(tmp_path: Path) -> None:
    """No input makes the codec or the query parser raise or hang."""
    if importlib.util.find_spec("atheris") is None:
        missing("atheris is not installed")
    seconds = int(os.environ.get("GELF_FUZZ_SECONDS", "20"))
    corpus, findings = tmp_path / "corpus", tmp_path / "findings"
    corpus.mkdir()
    findings.mkdir()
    write_seeds(corpus)
    command = [sys.executable, "-m", "tests.fuzz.fuzz_codec", str(corpus), f"-max_total_time={seconds}"]
    command += ["-timeout=10", "-rss_limit_mb=2048", "-max_len=8000", f"-artifact_prefix={findings}/", "-verbosity=1"]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=seconds + 90, check=False, cwd=HERE.parents[1]
    )
    found = [f"{path.name}: {base64.b64encode(path.read_bytes()).decode()}" for path in findings.iterdir()]
    assert done.returncode == 0, "\n".join([done.stdout[-2000:], done.stderr[-4000:], *found])
    runs = [line for line in done.stderr.splitlines() if line.startswith("Done ")]
    assert runs, done.stderr[-2000:]
    print(runs[0])
