"""Container: the image of gelf-listener for tests, with testcontainers-python."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gelf_listener.testing.endpoint import Endpoint, environment
from gelf_listener.testing.remote import Questions

try:
    from testcontainers.core.container import DockerContainer
    from testcontainers.core.wait_strategies import HttpWaitStrategy
except ModuleNotFoundError as error:
    raise ImportError(
        f"GelfListenerContainer needs {error.name!r}; "
        "in the directory of gelf-listener's source: pip install '.[testcontainers]'"
    ) from error

_GELF_PORT = 12201
_HTTP_PORT = 12203
_API_PORT = 9000
_PORTS = (f"{_GELF_PORT}/udp", f"{_GELF_PORT}/tcp", f"{_HTTP_PORT}/tcp", f"{_API_PORT}/tcp")


class GelfListenerContainer(DockerContainer, Questions):
    """
    A listener in a container: GELF over UDP, TCP and HTTP, a store, and the API with the questions of a test.

    It is ready when ``/health`` answers. The API wants no login: whoever reaches the published port can read what the
    tests logged.

    Args:
        image: Name of the image, built from the project's Dockerfile.
        startup_seconds: Longest time until it is healthy.
        options: Of `testcontainers.core.container.DockerContainer`.
    """

    def __init__(self, image: str = "gelf-listener", *, startup_seconds: float = 60.0, **options: Any) -> None:
        super().__init__(image, **options)
        self.with_exposed_ports(*_PORTS)
        self.with_env("GELF_API_AUTH", "off")
        ready = HttpWaitStrategy(_API_PORT, "/health").for_status_code(200)
        self.waiting_for(ready.with_startup_timeout(int(startup_seconds)).with_poll_interval(0.1))

    @property
    def api_url(self) -> str:
        """Base URL of the API, and of the page."""
        return f"http://{self._endpoint('http', f'{_API_PORT}/tcp').netloc}"

    @property
    def udp(self) -> Endpoint:
        """Where it takes GELF over UDP, from the host."""
        return self._endpoint("gelf+udp", f"{_GELF_PORT}/udp")

    @property
    def tcp(self) -> Endpoint:
        """Where it takes GELF over TCP, from the host."""
        return self._endpoint("gelf+tcp", f"{_GELF_PORT}/tcp")

    @property
    def http(self) -> Endpoint:
        """Where it takes GELF over HTTP, from the host."""
        return self._endpoint("gelf+http", f"{_HTTP_PORT}/tcp")._replace(path="/gelf")

    @property
    def environment(self) -> Mapping[str, str]:
        """Variables for a service on the host; see `Listening.environment`."""
        return environment(self.udp, self.tcp, self.http)

    def _endpoint(self, scheme: str, port: str) -> Endpoint:
        found: Any = self.get_exposed_port(port)  # type: ignore[arg-type]  # says int, and takes what Docker does
        return Endpoint(scheme, self.get_container_host_ip(), int(str(found).partition("/")[0]))
