"""webhook+http, webhook+https: post messages to any server."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field

from gelf_listener.message import Message
from gelf_listener.outputs.http_batch import HttpBatchOutput, Request
from gelf_listener.outputs.http_client import HttpOutputSettings, sendable
from gelf_listener.rendering.gelf import GelfRenderer, JsonRenderer


class WebhookSettings(HttpOutputSettings):
    """Settings of `webhook+http://`."""

    path: str = Field("/", description="Path to post to, with the query if there is one.", repr=False)
    body: Literal["array", "lines"] = Field(
        "array", description="One JSON array, or a JSON object on each line; `batch=1` makes a request of each message."
    )
    format: Literal["json", "gelf"] = Field(
        "json", description="`gelf` is GELF 1.1; `json` is that with `id`, `received_at`, `input`, `peer` and `notes`."
    )
    content_type: str = Field("", description="By default application/json, or application/x-ndjson for lines.")


class WebhookOutput(HttpBatchOutput):
    """
    Posts messages as JSON.

    Guarantee: at least once. A batch counts as written once the server answered with a success; its messages keep their
    ids when it comes again.
    """

    Settings: ClassVar[type[WebhookSettings]] = WebhookSettings
    port = 80

    def __init__(self, settings: WebhookSettings) -> None:
        super().__init__(settings)
        self._render = (JsonRenderer() if settings.format == "json" else GelfRenderer()).render
        default = "application/json" if settings.body == "array" else "application/x-ndjson"
        self._content_type = sendable("content_type", settings.content_type) or default
        self._path = "/" + settings.path.lstrip("/")

    def encode(self, messages: Sequence[Message]) -> Request:
        """Return the request; see `HttpBatchOutput.encode`."""
        body = self._render(messages)
        if self.settings.body == "array":
            body = b"[" + body.rstrip(b"\n").replace(b"\n", b",\n") + b"]"
        return Request(self._path, body, self._content_type)


class WebhookTlsOutput(WebhookOutput):
    """
    Posts messages as JSON, with TLS.

    Guarantee: as `WebhookOutput`.
    """

    tls = True
    port = 443
