"""Apache Kafka: a broker of our own, without ZooKeeper (KRaft)."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from tests.e2e.toolchains import maven_jars
from tests.requirements import need
from tests.services.proxy import TcpProxy
from tests.services.server import Server, free_port

__all__ = ["Kafka"]

_POM = Path(__file__).parent / "java" / "kafka.xml"
_CLUSTER = "MkU3OEVBNTcwNTJENDM2Qg"
_JAVA = ["-Xmx384m", "-Xms96m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto"]
MAX_MESSAGE_BYTES = 1_000_000

_CONFIG = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAIN://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller},SECURE://127.0.0.1:{secure},PROXIED://127.0.0.1:{behind}
advertised.listeners=PLAIN://127.0.0.1:{port},SECURE://localhost:{secure},PROXIED://127.0.0.1:{proxied}
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAIN:PLAINTEXT,PROXIED:PLAINTEXT,SECURE:SASL_SSL
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAIN
log.dirs={folder}/data
message.max.bytes={max_message_bytes}
num.partitions=2
num.network.threads=2
num.io.threads=2
background.threads=1
log.cleaner.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
ssl.keystore.type=PEM
ssl.keystore.location={folder}/keystore.pem
listener.name.secure.sasl.enabled.mechanisms=PLAIN
listener.name.secure.plain.sasl.jaas.config=\
org.apache.kafka.common.security.plain.PlainLoginModule required user_ann="secret";
"""


class Kafka:
    """
    One broker that is its own controller.

    Args:
        folder: Everything it writes goes here.
        cert: Its certificate.
        key: The private key of it.
    """

    def __init__(self, folder: Path, cert: Path, key: Path) -> None:
        java = need("java")
        jars = maven_jars(_POM)
        self.port, self.secure_port, controller = free_port(), free_port(), free_port()
        self._behind, self._proxied = free_port(), free_port()
        self._folder = folder
        self._config = folder / "server.properties"
        text = _CONFIG.format(
            port=self.port,
            secure=self.secure_port,
            behind=self._behind,
            proxied=self._proxied,
            controller=controller,
            folder=folder,
            max_message_bytes=MAX_MESSAGE_BYTES,
        )
        self._config.write_text(text, encoding="utf-8")
        private = load_pem_private_key(key.read_bytes(), None)
        pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (folder / "keystore.pem").write_bytes(pem + cert.read_bytes())
        self._java = [java, *_JAVA, "-cp", f"{jars}{os.sep}*"]
        self._server = Server(folder, [*self._java, "kafka.Kafka", str(self._config)], self._answers)
        self.stop = self._server.stop
        self.kill = self._server.kill
        self.freeze = self._server.freeze
        self.thaw = self._server.thaw

    @property
    def pid(self) -> int:
        """The broker's process id."""
        return self._server.pid

    @property
    def address(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self.port}"

    def proxy(self) -> TcpProxy:
        """Open a way to the broker whose connections can be broken: who begins at its port stays on it."""
        return TcpProxy(self._proxied, self._behind)

    def start(self) -> None:
        """Format its folder when that is new, start it, and wait until it answers."""
        if not (self._folder / "data" / "meta.properties").exists():
            command = [*self._java, "kafka.tools.StorageTool", "format", "-t", _CLUSTER, "-c", str(self._config)]
            done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
            assert done.returncode == 0, done.stdout + done.stderr
        self._server.start()

    def admin(self) -> Any:
        """Return a client for topics."""
        from confluent_kafka.admin import AdminClient

        return AdminClient({"bootstrap.servers": self.address, "log_level": 0})

    def create(self, topic: str, partitions: int = 1, **config: str) -> None:
        """Create a topic."""
        from confluent_kafka.admin import NewTopic  # type: ignore[attr-defined]

        admin = self.admin()  # kept until it answered
        made = admin.create_topics(
            [NewTopic(topic, partitions, 1, config={name.replace("_", "."): value for name, value in config.items()})]
        )
        made[topic].result(20)

    def _answers(self) -> bool:
        try:
            self.admin().list_topics(timeout=2)
        except Exception:
            return False
        return True
