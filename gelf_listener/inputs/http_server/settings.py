"""Settings of inputs that take HTTP requests."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from gelf_listener.inputs.listening import StreamSettings
from gelf_listener.settings import Duration, Size


class HttpServerSettings(StreamSettings):
    """Who may send, and what a request may take."""

    user: str = Field("", description="With `password`: requests must carry it (Basic).")
    password: str = Field("", description="Password of `user`.", repr=False)
    token: str = Field("", description="Requests must carry it in an Authorization: Bearer header.", repr=False)
    max_body_bytes: Size = Field(8 * 1024 * 1024, ge=1024, description="Largest body as sent; 413 beyond it.")
    max_payload_bytes: Size = Field(8 * 1024 * 1024, ge=1024, description="Largest body after inflating.")
    header_timeout_seconds: Duration = Field(10.0, gt=0, description="Time for a request's headers.")
    body_timeout_seconds: Duration = Field(60.0, gt=0, description="Time for a request's body.")
    idle_timeout_seconds: Duration = Field(75.0, gt=0, description="Time between requests on one connection.")
    cors: bool = Field(True, description="Answer browsers of any origin, as Graylog does by default.")

    @model_validator(mode="after")
    def _password_needs_user(self) -> Self:
        if bool(self.user) != bool(self.password):
            raise ValueError("user and password go together")
        return self
