"""Makes ``tests.*`` importable however pytest is started (``python -m pytest`` does it by itself)."""

from __future__ import annotations

import sys
from pathlib import Path

from hypothesis import settings

_ROOT = str(Path(__file__).parent.parent)
if _ROOT not in sys.path:
    sys.path.insert(0, _ROOT)

pytest_plugins = ["tests.services.fixtures"]

# A busy machine is no reason to fail: no test asserts a time.
settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")
