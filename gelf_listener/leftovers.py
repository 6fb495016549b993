"""
Leftovers: buffers on disk that no output writes, and who takes them over.

A reload may end an output while messages wait for it, and a listener may start with another configuration than the one
that left a buffer behind.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gelf_listener.assembly import disk_directory, output_name
from gelf_listener.config import Spec
from gelf_listener.directories import buffers_directory
from gelf_listener.errors import ConfigError
from gelf_listener.outputs import Output
from gelf_listener.runner import Runner

if TYPE_CHECKING:
    from gelf_listener.buffers.orphans import Orphan

_log = logging.getLogger(__name__)


class Leftovers:
    """
    The buffers on disk of one listener that no output writes.

    Args:
        origin: Where its configuration comes from: a buffer knows whose it is.
        seen: Whether it looks; the buffers of a worker are its parent's.
    """

    def __init__(self, origin: str, *, seen: bool = True) -> None:
        self.orphans: list[Orphan] = []
        """Those that have messages in them."""
        self._origin = origin
        self._seen = seen
        self._left: set[Path] = set()
        self._told: set[Path] = set()

    @property
    def expected(self) -> bool:
        """Whether there may be some, so that looking again is of use."""
        return bool(self.orphans or self._left)

    def leave(self, spec: Spec, output: Output) -> None:
        """Remember where the buffer of an output was that a reload ended."""
        directory = disk_directory(spec, output)
        if directory is not None:
            self._left.add(directory)

    async def find(self, outputs: Sequence[tuple[Spec, Output]], used: Collection[Path] = ()) -> None:
        """
        Look for buffers that no output writes; SQLite is imported only where there may be one.

        Args:
            outputs: Those there are.
            used: Buffers that are being taken over.
        """
        if not self._seen:
            return
        known = {directory for spec, output in outputs if (directory := disk_directory(spec, output)) is not None}
        known.update(used)
        places = self._left | _subdirectories(buffers_directory())
        if not places - known:
            self.orphans = []
            return
        from gelf_listener.buffers.orphans import find_orphans

        self.orphans = await asyncio.to_thread(find_orphans, places - known)

    def heirs(
        self, outputs: Sequence[tuple[Spec, Output]], replacing: Sequence[tuple[Spec, tuple[Spec, Runner]]] = ()
    ) -> dict[Path, Path]:
        """
        Return which buffers on disk new outputs take over, by the directory of their own.

        That is the buffer of the output that a reload replaces by them. An output that has no directory yet takes over
        the orphan that an unnamed output of its scheme and of this listener left behind, if it is clear which.
        """
        heirs: dict[Path, Path] = {}
        new: list[tuple[str, Path]] = []
        replaced = {id(spec): pair for spec, pair in replacing}
        for spec, output in outputs:
            directory = disk_directory(spec, output)
            before = replaced.get(id(spec))
            if directory is None:
                continue
            if before is not None:
                old = disk_directory(before[0], before[1].output)
                if old not in (None, directory):
                    heirs[directory] = old
            elif not directory.exists():
                new.append((spec.address.scheme, directory))
        for scheme in {scheme for scheme, _ in new}:
            free = [directory for other, directory in new if other == scheme]
            left = [orphan for orphan in self.orphans if orphan.owner == (scheme, self._origin)]
            if len(free) == len(left) == 1:
                heirs[free[0]] = left[0].directory
        taken = set(heirs.values())
        self.orphans = [orphan for orphan in self.orphans if orphan.directory not in taken]
        return heirs

    def tell(self) -> None:
        """Log them, each once."""
        for orphan in self.orphans:
            if orphan.directory not in self._told:
                _log.warning("%s", orphan)
        self._told = {orphan.directory for orphan in self.orphans}


def check_directories(
    gone: Sequence[tuple[Spec, Runner]],
    coming: Sequence[tuple[Spec, Output]],
    replacing: Sequence[tuple[Spec, tuple[Spec, Runner]]],
) -> None:
    """
    Tell a buffer that a reload would give to another output, though its own one goes on elsewhere.

    Raises:
        ConfigError: If there is one: what waits in it would go to the wrong destination.
    """
    followed = {id(pair[1]): id(spec) for spec, pair in replacing}
    owners = {disk_directory(spec, runner.output): runner for spec, runner in gone if id(runner) in followed}
    for spec, output in coming:
        directory = disk_directory(spec, output)
        owner = None if directory is None else owners.get(directory)
        if owner is not None and followed[id(owner)] != id(spec):
            raise ConfigError(
                f"output {output_name(spec, output)!r} cannot have {directory}, the buffer of output {owner.name!r}: "
                "what waits there would go to the wrong destination; give it another 'buffer_path'"
            )


def _subdirectories(parent: Path) -> set[Path]:
    try:
        return {path.resolve() for path in parent.iterdir() if path.is_dir()}
    except OSError:  # nothing was ever buffered on disk
        return set()


def successors(
    gone: Sequence[tuple[Spec, Runner]], coming: Sequence[tuple[Spec, Output]]
) -> list[tuple[Spec, tuple[Spec, Runner]]]:
    """
    Return which new output takes the place of which one that is not configured any more.

    That is the one of the same name. An output without a name is called by its address, so it is followed by the only
    new one of its scheme, where it is the only one that is gone.
    """
    found: list[tuple[Spec, tuple[Spec, Runner]]] = []
    left, free = list(gone), list(coming)
    for spec, output in coming:
        for pair in gone:
            if pair[1].name == output_name(spec, output):
                found.append((spec, pair))
                left.remove(pair)
                free.remove((spec, output))
    for scheme in {spec.address.scheme for spec, _ in free}:
        old = [pair for pair in left if pair[0].address.scheme == scheme and not pair[1].output.settings.name]
        new = [spec for spec, _ in free if spec.address.scheme == scheme]
        if len(old) == len(new) == 1:
            found.append((new[0], old[0]))
    return found
