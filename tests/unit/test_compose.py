"""docker-compose.yml and Dockerfile: read by Docker's own parser, and looked into here."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from gelf_listener.assembly import make_all, make_api_auth
from gelf_listener.config import load_config
from tests.e2e.toolchains import GO_SECONDS, go_client

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = [name for name, service in SERVICES.items() if service.get("image") == "gelf-listener"]

# Of the compose specification: what a service of ours may say. A misspelt key would go unnoticed otherwise.
KEYS = {
    "logging",
    *(
        "build",
        "image",
        "restart",
        "user",
        "read_only",
        "tmpfs",
        "cap_drop",
        "security_opt",
        "healthcheck",
        "environment",
    ),
    *("volumes", "ports", "profiles", "depends_on", "network_mode", "command"),
}


@pytest.mark.external
@pytest.mark.timeout(GO_SECONDS + 60)
def test_docker_takes_it(tmp_path: Path) -> None:
    """The parser of Docker's own compose, with every profile; and it minds what it should."""
    command = go_client("compose")
    done = subprocess.run([*command, str(ROOT / "docker-compose.yml")], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    wrong = tmp_path / "docker-compose.yml"
    wrong.write_text((ROOT / "docker-compose.yml").read_text().replace("read_only:", "readonly:"))
    done = subprocess.run([*command, str(wrong)], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "readonly" in done.stderr


def test_the_file_is_whole() -> None:
    """Known keys, volumes that are declared, services that exist, ports on loopback only."""
    assert set(COMPOSE) == {"x-listener", "services", "volumes"}
    for name, service in SERVICES.items():
        assert set(service) - KEYS == set(), name
        for volume in service.get("volumes", []):
            assert volume.partition(":")[0] in COMPOSE["volumes"]
        assert set(service.get("depends_on", [])) <= set(SERVICES)
        if service.get("network_mode", "").startswith("service:"):
            assert service["network_mode"].removeprefix("service:") in SERVICES
        for port in service.get("ports", []):
            assert re.fullmatch(r"127\.0\.0\.1:\d+:\d+(/udp)?", port), port
    published = [
        port.split(":")[1] + port.partition("/")[2]
        for service in SERVICES.values()
        for port in service.get("ports", [])
    ]
    assert len(published) == len(set(published))


@pytest.mark.parametrize("name", OURS)
def test_our_services_may_do_little(name: str) -> None:
    """Not root, nothing to write but volumes, no capabilities, a health check."""
    service = SERVICES[name]
    assert service["user"].split(":")[0] not in ("", "0", "root")
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "/health" in service["healthcheck"]["test"][-1]
    writable = [volume.partition(":")[2] for volume in service.get("volumes", [])] + service["tmpfs"]
    assert "/data" in writable


@pytest.mark.parametrize("name", OURS)
def test_our_services_would_run(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the environment of the image and of the service, and inputs for every published port."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    image = dict(re.findall(r"^ +(GELF_\w+)=(\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE))
    environment = image | SERVICES[name].get("environment", {})
    config = load_config({}, None, environment)
    inputs, outputs = make_all(config)
    assert outputs
    assert config.api is not None
    assert make_api_auth(config) is not None
    taken = {made.settings.port for _, made in inputs} | {config.api.port}
    assert {int(port.split(":")[2].partition("/")[0]) for port in SERVICES[name].get("ports", [])} <= taken


def test_the_image() -> None:
    """The user of the compose file is the image's."""
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert "USER gelf" in dockerfile
    assert all(
        SERVICES[name]["user"] == f"{uid}:{uid}" for name in OURS for uid in re.findall(r"--uid (\d+)", dockerfile)
    )
    assert "HEALTHCHECK" in dockerfile
    exposed = set(re.findall(r"\d+/(?:udp|tcp)", dockerfile.partition("EXPOSE")[2].partition("\n")[0]))
    published = {port.split(":")[2] for port in SERVICES["gelf"]["ports"]}
    assert {port if "/" in port else f"{port}/tcp" for port in published} <= exposed


def locked_in(name: str) -> set[str]:
    """The packages of a lock file."""
    return set(re.findall(r"^([\w-]+)==", (ROOT / "requirements" / name).read_text(), re.MULTILINE))


def test_the_image_has_every_extra() -> None:
    """Nobody can install one into a read-only file system, so every input and output is in it."""
    assert "--require-hashes -r requirements/image.txt" in (ROOT / "Dockerfile").read_text()
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    wanted = {name.partition("[")[0] for name in re.findall(r"[\w-]+\[([\w,]+)\]", extras["all"][0])[0].split(",")}
    packages = {re.split(r"[\[>=<]", extras[name][0])[0] for name in wanted}
    locked = locked_in("image.txt")
    assert packages
    assert packages <= locked
    assert locked_in("run.txt") - locked_in("build.txt") <= locked


def test_the_image_has_no_build_tools() -> None:
    """They stay in the first stage: what the last one copies was installed from outside of it."""
    assert "hatchling" in locked_in("build.txt")
    assert "hatchling" not in locked_in("image.txt")
    build, last = (ROOT / "Dockerfile").read_text().rsplit("\nFROM ", 1)
    assert "venv --without-pip /opt/gelf-listener" in build
    assert "pip install" not in last
    assert "pip uninstall --yes pip" in last
