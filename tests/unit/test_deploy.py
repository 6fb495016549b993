"""Examples of deploy/: as far as their own programs can check them on one machine."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import trustme
import yaml

from tests.requirements import need

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"


def test_nginx(tmp_path: Path) -> None:
    """nginx takes the server block, with a certificate in the place of the example's."""
    nginx = need("nginx")
    certificate = trustme.CA().issue_cert("logs.example.org")
    certificate.cert_chain_pems[0].write_to_path(str(tmp_path / "cert.pem"))
    certificate.private_key_pem.write_to_path(str(tmp_path / "key.pem"))
    block = (DEPLOY / "nginx" / "gelf-listener.conf").read_text()
    for line in block.splitlines():
        name, _, value = line.strip().rstrip(";").partition(" ")
        if name in ("ssl_certificate", "ssl_certificate_key"):
            block = block.replace(value.strip(), str(tmp_path / ("key.pem" if name.endswith("key") else "cert.pem")))
    config = tmp_path / "nginx.conf"
    config.write_text(f"pid {tmp_path}/pid;\nerror_log stderr;\nevents {{}}\nhttp {{\naccess_log off;\n{block}\n}}\n")
    done = subprocess.run([nginx, "-t", "-c", config, "-p", tmp_path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_systemd(tmp_path: Path) -> None:
    """systemd finds nothing wrong with the units but that the program is not installed there."""
    analyze = need("systemd-analyze")
    unit = (DEPLOY / "systemd" / "gelf-listener.service").read_text()
    copy = tmp_path / "gelf-listener.service"
    copy.write_text(unit.replace("/opt/gelf-listener/bin/gelf-listener", "/bin/true"))
    sockets = tmp_path / "gelf-listener.socket"
    sockets.write_text((DEPLOY / "systemd" / "gelf-listener.socket").read_text())
    done = subprocess.run([analyze, "verify", copy, sockets], capture_output=True, text=True, check=False)
    said = [line for line in done.stderr.splitlines() if "gelf-listener" in line]
    assert said == []


MANIFESTS = sorted(path for path in DEPLOY.rglob("*.y*ml") if path.parent.name != "prometheus")


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.name)
def test_manifests_are_read(path: Path) -> None:
    """Every document is one, and says what it is."""
    documents = list(yaml.safe_load_all(path.read_text()))
    assert documents
    for document in documents:
        assert {"apiVersion", "kind", "metadata"} <= set(document) or "services" in document


def test_alerts() -> None:
    """Each rule asks for metrics that exist, and docs/operations.md says what to do about it."""
    (group,) = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yaml").read_text())["groups"]
    documented = "".join(page.read_text() for page in (ROOT / "docs").rglob("*.md") if page.name != "operations.md")
    manual = (ROOT / "docs" / "operations.md").read_text()
    assert group["rules"]
    for rule in group["rules"]:
        metrics = re.findall(r"gelf_\w+", rule["expr"])
        assert metrics
        for metric in metrics:
            assert f"`{metric}`" in documented, f"{rule['alert']}: there is no metric {metric}"
        assert f"| `{rule['alert']}` |" in manual
    assert len(re.findall(r"^\| `Gelf", manual, re.MULTILINE)) == len(group["rules"])


def test_disk_sizes() -> None:
    """The table of docs/operations.md is worked out of the bytes that it names."""
    text = (ROOT / "docs" / "operations.md").read_text()
    size = re.search(r"<!-- sizing: (\d+) bytes a message -->", text)
    assert size is not None
    rows = re.findall(r"^\| (\d+) \| ([\d.]+) GiB \| ([\d.]+) GiB \| ([\d.]+) GiB \|$", text, re.MULTILINE)
    assert len(rows) == 3
    for rate, *cells in rows:
        for days, cell in zip((1, 7, 30), cells, strict=True):
            gibibytes = int(rate) * 86_400 * days * int(size[1]) / 2**30
            assert cell == f"{gibibytes:.1f}", (rate, days)
