"""null: counts and drops."""

from __future__ import annotations

from gelf_listener.outputs.null import NullOutput, NullSettings
from gelf_listener.testing.contracts import OutputContract


class TestNull(OutputContract):
    scheme = "null"

    def make(self, tmp_path):
        return NullOutput(NullSettings())

    def texts(self, tmp_path):
        return None
