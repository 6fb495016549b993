"""
Index writer: makes the index of one partition from its saved messages.

Laws:

* It needs nothing but the partition's directory, so it may run in any thread and any process; only one at a time.
* The index lies in a directory of its own and holds nothing that cannot be made again. One that is damaged, or of
  another format, is refused: only whoever answers searches throws it away, for he has to know what they lack.
* Only the writer makes an index that is not there; who reads one might write over what it just committed.
* A message that cannot be indexed stops no other: it is reported and left out.
"""

from __future__ import annotations

import contextlib
import logging
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gelf_listener.packing import Packer
from gelf_listener.store.blocks import BlockReader
from gelf_listener.store.description import Description
from gelf_listener.store.documents import Documents, Indexable, OpenDocument
from gelf_listener.store.schema import FORMAT, make_schema

if TYPE_CHECKING:
    import tantivy

if sys.platform != "win32":
    import fcntl

INDEX = "index"
"""The directory beside the messages."""

HALF_DELETED = "half deleted"
"""Mark of a partition whose index may still find what was deleted."""

_HEAP_BYTES = 100_000_000
"""What the indexing thread gathers before it writes a segment."""
_LOCK_PATIENCE_SECONDS = 10.0
_LOCK_PAUSE_SECONDS = 0.02
_META = "meta.json"
_WRITER_LOCK = ".tantivy-writer.lock"
_STEP_BYTES = 16 * 1024 * 1024
"""Documents that are held at once, and those of one block."""
_FEW = 3
"""So many times fewer messages than a block has are read one by one."""
_TROUBLE = "An IO error occurred"
"""How the engine says that the disk, and not what is on it, is the trouble."""
_UNREADABLE = ("could not be parsed", "not valid JSON")
"""How the engine says that a document, and not the index, is the trouble."""

_log = logging.getLogger(__name__)


def is_index(path: Path) -> bool:
    """Whether a partition has an index."""
    return (path / INDEX / _META).exists()


def open_index(path: Path, *, new: bool) -> tantivy.Index:
    """
    Open a partition's index.

    Args:
        path: The partition's directory.
        new: Whether to make it if it is not there.

    Raises:
        ValueError: If it is damaged, or not there.
        OSError: If it cannot be read or made now.
    """
    import tantivy  # not before somebody needs it

    directory = path / INDEX
    if new:
        directory.mkdir(exist_ok=True)
    try:
        index = tantivy.Index(make_schema(), path=str(directory)) if new else tantivy.Index.open(str(directory))
        index.config_reader("manual", 0)
        index.reload()
    except ValueError as error:
        if _TROUBLE in str(error):
            raise OSError(str(error)) from None
        raise
    if index.schema != make_schema():
        raise ValueError("it has other fields")
    return index


def empty_index() -> tantivy.Index:
    """Return an index in memory that finds nothing."""
    import tantivy  # not before somebody needs it

    return tantivy.Index(make_schema())


def throw_away_index(path: Path) -> None:
    """
    Delete a partition's index, for it to be made again.

    Raises:
        OSError: If that cannot be done.
    """
    directory = path / INDEX
    if directory.exists():
        with _nobody_writing(directory):
            doomed = path / (INDEX + ".deleted")  # at once, so that a crash in the middle does not leave half an index
            shutil.rmtree(doomed, ignore_errors=True)
            directory.rename(doomed)
            shutil.rmtree(doomed, ignore_errors=True)


@contextlib.contextmanager
def _nobody_writing(directory: Path) -> Iterator[None]:
    """
    Hold the engine's own lock of an index.

    The indexer of a listener that was killed finishes what it was told, and would write that to the new index, for it
    goes by the name of the directory.
    """
    file = directory / _WRITER_LOCK
    if sys.platform == "win32" or not file.exists():
        yield
        return
    with file.open("rb+") as lock:
        deadline = time.monotonic() + _LOCK_PATIENCE_SECONDS
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(_LOCK_PAUSE_SECONDS)
        yield


class IndexWriter:
    """
    Writes one index.

    Args:
        path: The partition's directory.
        packer: Makes messages of bytes.
        open_document: See `Documents`.

    Raises:
        ValueError: If the index is damaged, or of another format.
        OSError: If it cannot be opened now, for example because the disk is full or another process writes to it.
    """

    def __init__(self, path: Path, packer: Packer, open_document: OpenDocument | None = None) -> None:
        self.path = path
        self.unindexable: list[tuple[int, str]] = []
        """Places of messages that cannot be indexed, and why; whoever asks for a step takes them."""
        self._blocks = BlockReader(path)
        _description(path)
        self._engine = open_index(path, new=True)
        self._writer: tantivy.IndexWriter | None = None
        self._changed = False
        self._open_writer()  # whoever else had it may have gone on until now
        try:
            self._engine.reload()
            self._description = _description(path)
        except ValueError:
            self.close()
            raise
        self._documents = Documents(packer, self._description.names, open_document)
        self.committed = self.given = self._last()

    def step(self, upto: int, most: int) -> None:
        """
        Give the index the next saved messages.

        Args:
            upto: The last place that is saved.
            most: How many places to go on, at most.

        Raises:
            OSError: If that cannot be written; what was given since the last commit is given again.
        """
        end = min(upto, self.given + most)
        room = _STEP_BYTES
        made: list[Indexable] = []
        for first, messages, places in self._blocks.blocks(self.given + 1, end):
            documents = self._documents_of(first, messages, places)
            made += documents
            room -= sum([len(document.text) for document in documents])
            if room <= 0:
                end = min(end, first + len(messages) - 1)
                break
        if made:
            self._give(made)
        self.given = end

    def _documents_of(self, first: int, messages: Sequence[bytes], places: Sequence[int]) -> list[Indexable]:
        """Make the documents of a block's messages; what cannot be indexed is left out."""
        few = len(places) * _FEW < len(messages)
        at_once = [None] * len(messages) if few else self._documents.of_block(messages, first)
        found = []
        for place in places:
            document = at_once[place - first]
            if document is None:
                try:
                    if packed := messages[place - first]:
                        document = self._documents.of(packed, place)
                except Exception as error:  # noqa: BLE001  (one odd message must not keep the others from being found)
                    self._leave_out(place, repr(error))
            if document is not None:
                found.append(document)
        return found

    def commit(self) -> None:
        """
        Make what was given searchable.

        Raises:
            OSError: If it cannot be written; what was given since the last commit is given again.
        """
        if self._changed and self._writer is not None:
            try:
                self._description.write(self.path)
                self._writer.commit()
            except (ValueError, OSError) as error:
                self._roll_back()
                raise OSError(str(error)) from None
            self._changed = False
        self.committed = self.given

    def delete(self, query: tantivy.Query) -> None:
        """
        Delete what matches and commit.

        Raises:
            OSError: If that cannot be written.
        """
        self._open_writer().delete_documents_by_query(query)
        self._changed = True
        self.commit()

    def close(self) -> None:
        """Forget what is not committed, finish merging and give the writer's memory back."""
        writer, self._writer = self._writer, None
        if writer is not None:
            if self._changed:
                with contextlib.suppress(ValueError, OSError):
                    writer.rollback()
            try:
                writer.wait_merging_threads()
            except ValueError as error:  # what was committed is there all the same, or is made again
                _log.warning("segments of the index in %s were not merged: %s", self.path, error)
        self._blocks.close()

    def collect_garbage(self) -> None:
        """Delete files that nothing needs."""
        self._open_writer().garbage_collect_files()

    def _last(self) -> int:
        """Return the highest place in the index; the one before the first when it is empty."""
        import tantivy

        searcher = self._engine.searcher()
        found: Any = searcher.aggregate(tantivy.Query.all_query(), {"x": {"max": {"field": "order"}}})
        value = found["x"]["value"]
        return (self._blocks.mark("first") or 0) - 1 if value is None else int(value)

    def _give(self, made: Sequence[Indexable]) -> None:
        times = [each.timestamp for each in made]
        self._description.take_in(min(times), max(times), max([each.received for each in made]))
        add = self._open_writer().add_json
        self._changed = True
        for each in made:
            try:
                add(each.text)
            except ValueError as error:
                if not any(words in str(error) for words in _UNREADABLE):
                    self._roll_back()
                    raise OSError(str(error)) from None
                self._leave_out(each.place, str(error))

    def _leave_out(self, place: int, why: str) -> None:
        self.unindexable.append((place, why[:500]))

    def _roll_back(self) -> None:
        """Let the index forget what was added since the last commit."""
        writer, self._writer = self._writer, None
        self.given = self.committed
        self._changed = False
        if writer is not None:
            with contextlib.suppress(ValueError, OSError):  # it is broken; the next one begins at the last commit
                writer.rollback()
            del writer

    def _open_writer(self) -> tantivy.IndexWriter:
        """Open the engine's writer; an indexer whose listener was killed may have it for a moment longer."""
        deadline = time.monotonic() + _LOCK_PATIENCE_SECONDS
        while self._writer is None:
            try:
                self._writer = self._engine.writer(_HEAP_BYTES, 1)
            except ValueError as error:
                if "LockBusy" not in str(error) or time.monotonic() > deadline:
                    raise OSError(str(error)) from None
                time.sleep(_LOCK_PAUSE_SECONDS)
        return self._writer


def _description(path: Path) -> Description:
    """
    Read a description.

    Raises:
        ValueError: If it is damaged, or of another format.
    """
    found = Description.read(path)
    if found.format != FORMAT:
        raise ValueError(f"its format is {found.format}, not {FORMAT}")
    return found
