"""WSGI middleware: a request id in every message logged while a request is served."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterable, Iterator, MutableMapping
from typing import Any, Final

from gelf_handlers.context import attach_fields, bind
from gelf_handlers.request_ids import choose_id, new_id

__all__ = ["RequestIdMiddleware"]

_Environ = MutableMapping[str, Any]
_Start = Callable[..., Callable[[bytes], object]]
_App = Callable[[_Environ, _Start], Iterable[bytes]]

_ERROR_BODY: Final = b"Internal Server Error"


class RequestIdMiddleware:
    """
    Binds a request id for the time of a request and returns it in the response; `gelf_handlers.asgi`'s twin.

    The id holds until the server closes the response, so that gunicorn's access line has it too. An exception that
    leaves the application before a response has begun is logged (``gelf_handlers.wsgi``) and answered with a 500 that
    carries the id, because servers answer and log such an exception without asking a middleware. One that comes later
    goes on to the server, and takes the id along.

    Args:
        app: The application (Flask's ``app.wsgi_app``, Django's ``get_wsgi_application()``).
        header: The header, read and written.
        field: The field's name in messages.
        make_id: Makes a new id.
    """

    def __init__(
        self,
        app: _App,
        header: str = "X-Request-ID",
        field: str = "request_id",
        make_id: Callable[[], str] = new_id,
    ) -> None:
        self.app = app
        self.header = header
        self.field = field
        self.make_id = make_id

    def __call__(self, environ: _Environ, start_response: _Start) -> Iterable[bytes]:
        """Serve one request."""
        given = environ.get("HTTP_" + self.header.upper().replace("-", "_"))
        request_id = choose_id(given) or self.make_id()
        started = False

        def start_with_id(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            nonlocal started
            started = True
            kept = [(name, value) for name, value in headers if name.lower() != self.header.lower()]
            kept.append((self.header, request_id))
            return start_response(status, kept) if exc_info is None else start_response(status, kept, exc_info)

        fields = {self.field: request_id}
        bound = bind(**fields)
        bound.__enter__()
        try:
            return _Response(self.app(environ, start_with_id), bound, fields)
        except Exception as error:
            attach_fields(error, fields)
            if started:
                bound.__exit__(None, None, None)
                raise
            logging.getLogger("gelf_handlers.wsgi").exception("Exception in WSGI application")
            headers = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(_ERROR_BODY)))]
            start_with_id("500 Internal Server Error", headers, sys.exc_info())
            return _Response([_ERROR_BODY], bound, fields)
        except BaseException:
            bound.__exit__(None, None, None)
            raise


class _Response:
    """The application's response; the fields stay bound until the server closes it."""

    def __init__(self, parts: Iterable[bytes], bound: bind, fields: dict[str, str]) -> None:
        self._parts = parts
        self._bound = bound
        self._fields = fields

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._parts
        except Exception as error:
            attach_fields(error, self._fields)
            raise

    def close(self) -> None:
        """Close the application's response."""
        try:
            close = getattr(self._parts, "close", None)
            if close is not None:
                close()
        finally:
            self._bound.__exit__(None, None, None)
