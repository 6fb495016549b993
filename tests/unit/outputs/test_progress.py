"""Progress: what became of a batch, over several tries."""

from __future__ import annotations

import pytest

from gelf_listener.errors import Refused, Retry
from gelf_listener.outputs.progress import Progress
from tests.unit.outputs.messages import make_batch


def test_a_batch_offered_again_is_what_is_left_of_it() -> None:
    """In order, without what was written or refused."""
    progress, batch = Progress(), make_batch(4)
    assert progress.begin(batch) == batch
    progress.written(batch[1:2])
    progress.refused(batch[2], "too long")
    with pytest.raises(Retry, match="away"):
        progress.finish("away")
    assert progress.begin(batch) == [batch[0], batch[3]]
    progress.written([batch[0], batch[3]])
    with pytest.raises(Refused, match="too long") as caught:
        progress.finish()
    assert caught.value.messages == [batch[2]]
    assert progress.written_messages == 3


def test_an_equal_batch_is_another_one() -> None:
    """Only the very same list is the same batch: a copy is written whole."""
    progress, batch = Progress(), make_batch(2)
    progress.begin(batch)
    progress.written(batch)
    assert progress.begin(batch.copy()) == batch


def test_a_settled_batch_is_forgotten() -> None:
    """The list may be used again; nothing of it is kept in memory."""
    progress, batch = Progress(), make_batch(2)
    progress.begin(batch)
    progress.written(batch)
    progress.finish()
    assert progress._batch == ()
    assert progress.begin(batch) == batch


def test_the_first_reason_is_told() -> None:
    """One reason stands for all of a batch."""
    progress, batch = Progress(), make_batch(2)
    progress.begin(batch)
    progress.refused(batch[0], "first")
    progress.refused(batch[1], "second")
    with pytest.raises(Refused, match="first"):
        progress.finish()
