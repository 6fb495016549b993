"""The catalog: what was put is there again, bounded, whatever happens to the file."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gelf_listener.api.catalog import MAX_DOCUMENT_BYTES, MAX_DOCUMENTS, CatalogFull
from gelf_listener.api.catalog_file import FileCatalog


def test_put_get_remove(tmp_path: Path) -> None:
    """Another process's catalog has what was put and not what was removed, in the same order."""

    async def main() -> None:
        catalog = FileCatalog(tmp_path / "state" / "c.sqlite")
        assert not (tmp_path / "state").exists(), "looking makes nothing"
        await catalog.put("streams", "b", {"n": 1})
        await catalog.put("streams", "a", {"n": 2, "text": "\ud800"})
        await catalog.put("streams", "b", {"n": 3})
        await catalog.put("tokens", "b", {})
        assert await catalog.remove("tokens", "b")
        assert not await catalog.remove("tokens", "b")
        catalog.close()

    asyncio.run(main())
    again = FileCatalog(tmp_path / "state" / "c.sqlite")
    assert list(again.all("streams").items()) == [("b", {"n": 3}), ("a", {"n": 2, "text": "\ud800"})]
    assert again.get("tokens", "b") is None
    again.close()
    assert (tmp_path / "state" / "c.sqlite").stat().st_mode & 0o077 == 0, "its owner alone reads it"


def test_kill(tmp_path: Path) -> None:
    """What `put` returned from survives kill -9."""
    program = (
        "import asyncio, os, signal, sys\n"
        "from pathlib import Path\n"
        "from gelf_listener.api.catalog_file import FileCatalog\n"
        "async def main():\n"
        "    catalog = FileCatalog(Path(sys.argv[1]))\n"
        "    for number in range(20): await catalog.put('streams', str(number), {'n': number})\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "asyncio.run(main())\n"
    )
    path = tmp_path / "c.sqlite"
    done = subprocess.run([sys.executable, "-c", program, str(path)], check=False)
    assert done.returncode == -signal.SIGKILL
    catalog = FileCatalog(path)
    assert [document["n"] for document in catalog.all("streams").values()] == list(range(20))
    catalog.close()


def test_bounds() -> None:
    """One more stream is refused; one more search makes the oldest go."""

    async def main() -> None:
        catalog = FileCatalog(None)
        for number in range(MAX_DOCUMENTS["inputs"]):
            await catalog.put("inputs", str(number), {})
        with pytest.raises(CatalogFull, match="delete some"):
            await catalog.put("inputs", "more", {})
        await catalog.put("inputs", "0", {"changed": True})
        room = MAX_DOCUMENT_BYTES - len('{"a": ""}')
        await catalog.put("streams", "large", {"a": "x" * room})
        with pytest.raises(CatalogFull, match="too many"):
            await catalog.put("streams", "larger", {"a": "x" * (room + 1)})
        await catalog.put("streams", "large", {})
        for number in range(MAX_DOCUMENTS["searches"] + 1):
            await catalog.put("searches", str(number), {})
        assert len(catalog.all("searches")) == MAX_DOCUMENTS["searches"]
        assert catalog.get("searches", "0") is None

    asyncio.run(main())


def test_a_damaged_file(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It is left alone, the log says so, and the catalog works in memory."""
    path = tmp_path / "c.sqlite"
    path.write_bytes(b"no database" * 100)

    async def main() -> None:
        catalog = FileCatalog(path)
        await catalog.put("streams", "a", {"n": 1})
        assert catalog.get("streams", "a") == {"n": 1}

    asyncio.run(main())
    assert path.read_bytes() == b"no database" * 100
    assert "cannot be read" in caplog.text


def test_a_place_that_cannot_be_written(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The catalog works in memory, and the log says that it will be gone."""
    (tmp_path / "file").write_text("")

    async def main() -> None:
        catalog = FileCatalog(tmp_path / "file" / os.sep.join(("below", "c.sqlite")))
        await catalog.put("streams", "a", {"n": 1})
        await catalog.put("streams", "b", {"n": 2})
        assert len(catalog.all("streams")) == 2

    asyncio.run(main())
    assert caplog.text.count("will be gone after a restart") == 1
