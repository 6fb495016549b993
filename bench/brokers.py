"""
Command: `python -m bench.brokers`: UDP to a real Kafka, through memory or disk, and whose processor is the limit.

Needs Java and Maven, as the tests of Kafka do. Datagrams are sent at growing rates; each line says what Kafka
acknowledged, what was lost on the way, and how much of a core the listener and the broker took meanwhile.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import trustme

from bench.relay import DISK, FarSide, run
from tests.services.kafka import Kafka

_RATES = (10_000, 20_000, 40_000, 60_000, 80_000, 120_000, 160_000)


@contextmanager
def _kafka(folder: Path) -> Iterator[tuple[str, int]]:
    certificate = trustme.CA().issue_cert("localhost")
    cert, key = folder / "cert.pem", folder / "key.pem"
    certificate.cert_chain_pems[0].write_to_path(cert)
    certificate.private_key_pem.write_to_path(key)
    made = Kafka(folder, cert, key)
    made.start()
    try:
        made.create("bench", 2)
        yield f"kafka://{made.address}/bench", made.pid
    finally:
        made.stop()


FAR_SIDES = {"kafka": FarSide(_kafka, "", _RATES), "disk-kafka": FarSide(_kafka, DISK, _RATES)}

if __name__ == "__main__":
    sys.exit(run(__doc__, FAR_SIDES))
