"""Handlers: ready-made logging handlers of the libraries that are installed."""

from __future__ import annotations

import importlib
import importlib.util
import logging
from collections.abc import Mapping
from typing import Any, Literal

from gelf_listener.testing.endpoint import Endpoint
from gelf_listener.testing.plain_handler import PlainHandler

Transport = Literal["udp", "tcp", "http"]
Library = Literal["gelf_handlers", "graypy"]

_LIBRARIES: tuple[Library, ...] = ("gelf_handlers", "graypy")
_INSTALL = {
    "gelf_handlers": "in the directory of gelf-listener's source: pip install ./handlers",
    "graypy": "try: pip install graypy",
}
_GRAYPY = {"gelf+udp": "GELFUDPHandler", "gelf+tcp": "GELFTCPHandler", "gelf+http": "GELFHTTPHandler"}


def make_handler(endpoint: Endpoint, library: Library | None, options: Mapping[str, Any]) -> logging.Handler:
    """
    Make a handler that sends to an endpoint.

    Raises:
        ImportError: If the library is not installed; without a wish, our own small handler stands in.
    """
    wanted = library or next((each for each in _LIBRARIES if importlib.util.find_spec(each)), None)
    if wanted is None:
        return PlainHandler(endpoint, **options)
    if wanted not in _LIBRARIES:
        raise ValueError(f"library is {wanted!r}, not one of {', '.join(_LIBRARIES)}")
    try:
        module: Any = importlib.import_module(wanted)
    except ModuleNotFoundError as error:
        if error.name != wanted:
            raise
        raise ImportError(f"{wanted} is not installed; {_INSTALL[wanted]}") from None
    made: logging.Handler
    if wanted == "gelf_handlers":
        made = module.handler_for(str(endpoint), **options)
    else:
        made = getattr(module, _GRAYPY[endpoint.scheme])(endpoint.host, endpoint.port, **options)
    return made
