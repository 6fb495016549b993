"""
Contracts: what every input and output must do, ours or a third party's, as tests to derive from (docs/plugins.md).

A test class derived from `OutputContract` or `InputContract` says how the plug-in is made, and how its other end is
used; pytest runs the rest.
"""

from __future__ import annotations

from gelf_listener.testing.contracts.inputs import InputContract
from gelf_listener.testing.contracts.messages import make_batch
from gelf_listener.testing.contracts.outputs import OutputContract
from gelf_listener.testing.contracts.recording_intake import RecordingIntake
from gelf_listener.testing.contracts.running import run, until

__all__ = ["InputContract", "OutputContract", "RecordingIntake", "make_batch", "run", "until"]
