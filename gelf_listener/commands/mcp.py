"""``gelf-listener mcp``: the Model Context Protocol over standard input and output, for an assistant in an editor."""

from __future__ import annotations

import signal
import sys

import typer

from gelf_listener.assistant.questions import Questions
from gelf_listener.assistant.tools import make_server
from gelf_listener.client.session import Session
from gelf_listener.commands.printing import leaving_quietly


def serve(session: Session) -> None:
    """
    Answer an assistant until it closes standard input.

    Args:
        session: With the listener's address; the listener need not run yet.

    Raises:
        ConfigError: If the SDK is not installed.
    """
    server = make_server(Questions(session))
    if sys.stdin.isatty():
        typer.echo("gelf-listener: this is for an assistant, whose editor starts it: see docs/mcp.md", err=True)
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # the SDK would wait for a line more; there is nothing to lose
    with leaving_quietly():
        server.run("stdio")
