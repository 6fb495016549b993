"""
Graylog's own classes, in a program of a few lines: an oracle for the `graylog` mode, keyword time ranges and rules.

Its classes are fetched by Maven when the test runs (`org.graylog2:graylog2-server`); their licence is the SSPL, so nothing of
them is copied, linked or shipped here.
"""

from __future__ import annotations

import base64
import json
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.e2e.toolchains import java_server

__all__ = ["GraylogCodecs"]

_JAVA = Path(__file__).parent / "java"
_LEAST_JAVA = 21


class GraylogCodecs:
    """
    A process that answers what Graylog makes of payloads.

    Args:
        log: Takes what it says on standard error.
    """

    def __init__(self, log: Path) -> None:
        command = java_server(_JAVA / "graylog.xml", _JAVA / "Graylog.java", least=_LEAST_JAVA)
        with log.open("wb") as errors:
            self._process = subprocess.Popen(
                [*command, "Graylog"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors
            )

    def ask(self, codec: str, payloads: Sequence[bytes]) -> list[dict[str, Any]]:
        """
        Return what becomes of payloads: `stored`, a document, and when it was `received`, or why it is `refused`.

        Args:
            codec: ``gelf`` or ``syslog``, or one of those whose questions are JSON: ``keyword`` and ``rules``.
            payloads: What a client sent; each is a message by itself.
        """
        questions, answers = self._process.stdin, self._process.stdout
        assert questions is not None
        assert answers is not None

        def write() -> None:
            for payload in payloads:
                questions.write(b"%s %s\n" % (codec.encode(), base64.b64encode(payload)))
            questions.flush()

        writer = threading.Thread(target=write)
        writer.start()
        found = [json.loads(answers.readline()) for _ in payloads]
        writer.join()
        return found

    def stop(self) -> None:
        """End it."""
        self._process.communicate(timeout=20)
