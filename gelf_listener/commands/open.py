"""``gelf-listener open``: the page, in a browser."""

from __future__ import annotations

import os
import sys
import webbrowser

import typer

from gelf_listener.client import Client


def open_page(client: Client) -> None:
    """Print the page's address, and open it where there is a browser that can be seen."""
    address = client.page()
    typer.echo(address)
    if sys.platform != "linux" or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        webbrowser.open(address)
