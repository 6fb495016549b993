"""Alerts."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from gelf_listener.api.native.shapes.messages import Value


class AlertChange(BaseModel):
    """A change of an alert's state."""

    at: float = Field(description="UTC Unix seconds.")
    state: str = Field(description="firing, ok, unknown, silenced or silence ended.")
    text: str


class AlertShape(BaseModel):
    """An alert and its state."""

    name: str
    definition: dict[str, Any] = Field(description="Its settings, as they are put.")
    condition: str = Field(description="When it fires, for a person.")
    interval_seconds: float = Field(description="How often it is looked at.")
    configured: bool = Field(description="Whether the configuration makes it; it is changed there then.")
    state: str = Field(description="ok, firing, silenced or unknown.")
    firing: bool = Field(description="Whether its condition held when that could be told last.")
    since: float | None = Field(description="Since when that is so; null before the first look.")
    text: str = Field(description="What was found last.")
    unknown: str | None = Field(description="Why it cannot be told at the moment; null when it can.")
    figure: float | None = Field(description="Messages, or the metric, at the last look.")
    silenced_until: float | None
    pending_notices: int = Field(description="Notices that are not delivered yet.")
    history: list[AlertChange] = Field(description="Newest first, at most 100.")


class AlertsShape(BaseModel):
    """All alerts by name, and where they can send notices."""

    alerts: list[AlertShape]
    destinations: list[str]


class AlertTrial(BaseModel):
    """What an alert would find now."""

    condition: str
    holds: bool = Field(description="Whether it would fire; for new values never, as it knows none before it looks.")
    figure: float | None
    values: list[Value] = Field(description="Values of the field, for an alert on new ones.")
