"""A real Apache Kafka (KRaft) on 127.0.0.1: one node, or several brokers around one controller."""

import signal
import subprocess
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.servers.kafka_classes import shared_classes
from tests.servers.kafka_jars import java, kafka_jars
from tests.servers.processes import ServerError, ServerProcess, accepts_connections, free_ports

_START_SECONDS = 60.0

# Small and quick to start: test data is small, and several test runs may share a machine.
_JAVA_OPTIONS = ["-Xms256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto", "-Djava.awt.headless=true"]

_LOGGING = """
status = error
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d %p %c{1}: %m%n
rootLogger.level = warn
rootLogger.appenderRef.out.ref = out
"""


class KafkaServer:
    """A cluster; the first `controllers` brokers are controllers as well. Data survives `kill` and `start`."""

    def __init__(
        self,
        folder: Path,
        brokers: int = 1,
        settings: dict[str, str] | None = None,
        protocol: str = "PLAINTEXT",
        *,
        controllers: int = 1,
        further_listeners: Mapping[str, Sequence[int]] | None = None,
        listeners: Mapping[str, tuple[str, int, int | None]] | None = None,
        features: Mapping[str, int] | None = None,
        scram: Mapping[str, str] | None = None,
        java_options: Sequence[str] = (),
        heap: str = "512m",
        classes: Sequence[str] | None = None,
    ) -> None:
        """`protocol` is the brokers' security protocol; `settings` has what it needs.

        `features` are feature levels of the cluster, such as that of `transaction.version`; others have Kafka's defaults.

        `further_listeners` are plaintext, by name: the advertised ports of brokers 1, 2 and so on, at which a proxy forwards to the
        brokers' own ports (`listener_port`).

        `listeners` are those of a single broker, by name: the protocol, the port, and the advertised port if it differs.
        `scram` are SCRAM users with their passwords. `classes` are the options of the JVM for the file of Kafka's classes; left out: it is used.
        """
        self._folder = folder
        self._settings = settings or {}
        self._protocol = protocol
        self._cluster = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        self._features = features or {}
        self._scram = scram or {}
        self._doors = listeners or {}
        self._java_options = [*(shared_classes(_run_and_stop) if classes is None else classes), *java_options]
        self._heap = heap
        self._advertised = further_listeners or {}
        ports = iter(free_ports(controllers + brokers * (1 + len(self._advertised))))
        self._controllers = [next(ports) for _ in range(controllers)]
        self.ports = [next(ports) for _ in range(brokers)]
        self._listeners = {name: [next(ports) for _ in range(brokers)] for name in self._advertised}
        self._nodes: dict[int, ServerProcess] = {}
        self._classpath = f"{kafka_jars()}/*"
        self._java = java()
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "log4j2.properties").write_text(_LOGGING)
        for node in range(1, brokers + 1):
            self._format(node)

    @property
    def bootstrap_servers(self) -> str:
        return ",".join(f"127.0.0.1:{port}" for port in self.ports)

    def listener_port(self, name: str, node: int) -> int:
        """The port at which a broker really listens for one of the further listeners."""
        return self._listeners[name][node - 1]

    def start(self) -> None:
        """Start every node that is not running, and wait until all accept connections."""
        for node in range(1, len(self.ports) + 1):
            self.start_node(node)
        for node in self._nodes:
            self.wait_node(node)

    def start_node(self, node: int) -> None:
        running = self._nodes.get(node)
        if running is None or running.returncode is not None:
            command = self._command("kafka.Kafka", str(self._properties(node)))
            self._nodes[node] = ServerProcess(command, self._folder / f"node-{node}.log")

    def wait_node(self, node: int) -> None:
        port = self.ports[node - 1]
        self._nodes[node].wait_ready(lambda: accepts_connections(port), _START_SECONDS, f"the start of Kafka node {node} on port {port}")

    def kill_node(self, node: int) -> None:
        """Kill it as if the machine had lost power (the page cache survives)."""
        self._nodes[node].kill()

    def move_node(self, node: int) -> None:
        """Restart it at another port, which is also the advertised one."""
        self.kill_node(node)
        self.ports[node - 1] = free_ports(1)[0]
        self._write_properties(node)
        self.start_node(node)
        self.wait_node(node)

    def fill_disk(self, node: int) -> None:
        """Make its disk full. Kafka ends itself over that; `start_node` starts it with room on the disk again."""
        self._nodes[node].limit_files(0)

    def has_ended(self, node: int) -> bool:
        """Whether the node's process is gone."""
        return self._nodes[node].returncode is not None

    def freeze_node(self, node: int) -> None:
        """Freeze it: it keeps its connections but answers nothing until `thaw_node`."""
        self._nodes[node].signal(signal.SIGSTOP)

    def thaw_node(self, node: int) -> None:
        self._nodes[node].signal(signal.SIGCONT)

    def stop_node(self, node: int, seconds: float = 20) -> None:
        """Ask it to end, and kill it if it does not within so many seconds."""
        self._nodes[node].stop(seconds)

    def stop(self) -> None:
        # A broker that shuts down cleanly wants to tell a controller, so node 1 goes last. Test data is not worth
        # waiting for.
        for process in reversed(self._nodes.values()):
            process.kill()

    def _command(self, main: str, *arguments: str) -> list[str]:
        logging = f"-Dlog4j2.configurationFile={self._folder / 'log4j2.properties'}"
        return [self._java, f"-Xmx{self._heap}", *_JAVA_OPTIONS, *self._java_options, logging, "-cp", self._classpath, main, *arguments]

    def _write_properties(self, node: int) -> None:
        self._properties(node).write_text("".join(f"{name}={value}\n" for name, value in self._configuration(node).items()))

    def _format(self, node: int) -> None:
        self._write_properties(node)
        # As one argument: one id in 64 begins with a dash, and would be taken for an option.
        features = [f"--feature={name}={level}" for name, level in self._features.items()]
        users = [
            f"--add-scram={mechanism}=[name={name},password={password}]"
            for name, password in self._scram.items()
            for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512")
        ]
        options = [f"--cluster-id={self._cluster}", "-c", str(self._properties(node)), *features, *users]
        command = self._command("kafka.tools.StorageTool", "format", *options)
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            message = f"formatting the storage of Kafka node {node} failed:\n{done.stdout}{done.stderr}"
            raise ServerError(message)

    def _properties(self, node: int) -> Path:
        return self._folder / f"node-{node}.properties"

    def _configuration(self, node: int) -> dict[str, str]:
        copies = str(min(len(self.ports), 3))
        main = f"{self._protocol}://127.0.0.1:{self.ports[node - 1]}"
        listeners = [main, *(f"{name}://127.0.0.1:{ports[node - 1]}" for name, ports in self._listeners.items())]
        listeners += [f"{name}://127.0.0.1:{port}" for name, (_, port, _) in self._doors.items()]
        if node <= len(self._controllers):
            listeners.append(f"CONTROLLER://127.0.0.1:{self._controllers[node - 1]}")
        further = {}
        if self._advertised or self._doors:
            protocols = dict.fromkeys(self._advertised, "PLAINTEXT") | {"CONTROLLER": "PLAINTEXT", self._protocol: self._protocol}
            protocols |= {name: protocol for name, (protocol, _, _) in self._doors.items()}
            further["listener.security.protocol.map"] = ",".join(f"{name}:{protocol}" for name, protocol in protocols.items())
        return {
            "node.id": str(node),
            "process.roles": "broker,controller" if node <= len(self._controllers) else "broker",
            "controller.quorum.voters": ",".join(f"{number}@127.0.0.1:{port}" for number, port in enumerate(self._controllers, start=1)),
            "controller.listener.names": "CONTROLLER",
            "listeners": ",".join(listeners),
            "advertised.listeners": ",".join(
                [
                    main,
                    *(f"{name}://127.0.0.1:{ports[node - 1]}" for name, ports in self._advertised.items()),
                    *(f"{name}://127.0.0.1:{elsewhere or port}" for name, (_, port, elsewhere) in self._doors.items()),
                ]
            ),
            **further,
            "security.inter.broker.protocol": self._protocol,
            "log.dirs": str(self._folder / f"node-{node}"),
            "offsets.topic.replication.factor": copies,
            "transaction.state.log.replication.factor": copies,
            "transaction.state.log.min.isr": "1",
            # Few partitions in internal topics make the first join and the first transaction quick.
            "offsets.topic.num.partitions": "4",
            "transaction.state.log.num.partitions": "4",
            "group.initial.rebalance.delay.ms": "0",
            # A killed worker is expelled after a second or two.
            "group.min.session.timeout.ms": "1000",
            # Tests create the topics that they need; a misspelt name is an error.
            "auto.create.topics.enable": "false",
            "num.network.threads": "2",
            "num.io.threads": "2",
            "log.cleaner.dedupe.buffer.size": str(16 * 1024 * 1024),
            # Compact at once, where a topic is compacted.
            "log.cleaner.backoff.ms": "100",
            "log.initial.task.delay.ms": "100",
            **self._settings,
        }


def _run_and_stop(folder: Path, classes: Sequence[str]) -> None:
    """Run a broker, and end it in good order, so that it writes what it loaded."""
    server = KafkaServer(folder, classes=classes)
    try:
        server.start()
        server.stop_node(1, 300)
    finally:
        server.stop()
