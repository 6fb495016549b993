"""
Testing: a listener for tests, so that a test can say what should have been logged.

pytest finds the fixtures `gelf` and `gelf_session` by itself; anything else says ``with listening() as gelf:``. Three
ways to a listener, with the same questions to all of them: `Listening` runs in this process, `RemoteListener` asks one
that runs elsewhere over its API, and `GelfListenerContainer` runs the image. See docs/testing.md.

Nothing is imported before it is asked for: pytest loads the plugin in every test suite of an environment.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gelf_listener.testing.container import GelfListenerContainer
    from gelf_listener.testing.endpoint import Endpoint
    from gelf_listener.testing.in_process import Listening, listening
    from gelf_listener.testing.remote import RemoteListener

__all__ = ["Endpoint", "GelfListenerContainer", "Listening", "RemoteListener", "listening"]

_HOMES = {
    "Endpoint": "endpoint",
    "GelfListenerContainer": "container",
    "Listening": "in_process",
    "RemoteListener": "remote",
    "listening": "in_process",
}


def __getattr__(name: str) -> Any:
    """Import a public name when somebody asks for it."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
