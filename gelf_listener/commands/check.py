"""``gelf-listener check``: validate the configuration and print what would run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gelf_listener.assembly import make_alerts, make_all, make_api_auth
from gelf_listener.config import load_config
from gelf_listener.settings import written


def check_config(flags: Mapping[str, Any], file: Path | None) -> None:
    """
    Print every input and output with the settings that differ from their defaults.

    Raises:
        ConfigError: If anything is wrong; all of it that can be told without opening sockets and files.
    """
    config = load_config(flags, file)
    inputs, outputs = make_all(config)
    auth = make_api_auth(config)
    alerts, destinations = make_alerts(config)
    print("inputs:")
    for spec, input in inputs:
        _show(input.settings.shown(spec.address), input.name, input.settings)
    print("outputs:")
    for spec, output in outputs:
        _show(output.settings.shown(spec.address), output.settings.name, output.settings)
    if destinations:
        print("destinations:")
        for name in destinations:
            print(f"  {name}")
    if alerts:
        print("alerts:")
        for alert in alerts:
            to = ", ".join(alert.to) or "nowhere: only the API and the command alerts show it"
            print(f"  {alert.name}: {alert.condition} of {alert.query}, to {to}")
    login = "  (with a login)" if auth is not None and auth.required else ""
    print(f"api: {'off' if config.api is None else config.api}{login}")
    print("configuration is valid")


def _show(address: str, name: str, settings: Any) -> None:
    changed = {
        field: value
        for field, value in settings
        if value != type(settings).model_fields[field].default
        and field not in ("name", "host", "port", "path")
        and type(settings).model_fields[field].repr
    }
    fields = type(settings).model_fields
    text = "  ".join(f"{field}={written(fields[field], value)}" for field, value in changed.items())
    label = f"  [{name}]" if name and name != address else ""
    print(f"  {address}{label}  {text}".rstrip())
