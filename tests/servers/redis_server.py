"""A real Redis (or Valkey) on 127.0.0.1: standalone, a three-node Cluster, or one with a Sentinel beside it."""

import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import redis

from etapa.embedded.redis_server import redis_executable
from tests.servers.processes import ServerError, ServerProcess, free_ports, wait_until

_START_SECONDS = 20.0
_SLOTS = 16384


def redis_major_version() -> int:
    """The major version: 6 for the server in the wheel; `redis-server --version` prints `v=7.0.15`."""
    said = subprocess.run([redis_executable(), "--version"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"v=(\d+)", said)
    if found is None:
        raise ServerError(f"no version in what redis-server says: {said!r}")
    return int(found[1])


class RedisServer:
    """One node without persistence. `arguments` are passed to the server."""

    def __init__(self, folder: Path, *arguments: str, port: int | None = None) -> None:
        self.port = free_ports(1)[0] if port is None else port
        self.folder = folder
        self._arguments = arguments
        self._process: ServerProcess | None = None
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def client(self) -> redis.Redis:
        return redis.Redis(port=self.port, socket_timeout=5)

    @property
    def command(self) -> list[str]:
        command = [redis_executable(), "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder)]
        return [*command, "--save", "", "--appendonly", "no", "--maxmemory-policy", "noeviction", *self._arguments]

    def start(self) -> None:
        self.start_command(self.command)

    def start_command(self, command: list[str], ready: Callable[[], bool] | None = None) -> None:
        self._process = ServerProcess(command, self.folder / f"redis-{self.port}.log")
        self._process.wait_ready(ready or self.answers, _START_SECONDS, f"the start of Redis on port {self.port}")

    def answers(self) -> bool:
        with self.client() as client:
            try:
                return bool(client.ping())
            except redis.ConnectionError:
                return False

    def freeze(self) -> None:
        """Freeze it: it keeps its connections but answers nothing until `thaw`."""
        self._running().signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._running().signal(signal.SIGCONT)

    def fill_disk(self) -> None:
        """Make its disk full, until `clear_disk`."""
        self._running().limit_files(0)

    def clear_disk(self) -> None:
        """Make room on the disk again."""
        self._running().limit_files()

    def kill(self) -> None:
        """Kill it with all its data; `start` brings an empty one back on the same port."""
        self._running().kill()

    def flush(self) -> None:
        with self.client() as client:
            client.flushall()

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()

    def _running(self) -> ServerProcess:
        if self._process is None:
            message = "this Redis was never started"
            raise ServerError(message)
        return self._process


class RedisCluster:
    """Three masters that share the slots."""

    def __init__(self, folder: Path) -> None:
        self.nodes = [RedisServer(folder / str(port), "--cluster-enabled", "yes", port=port) for port in _ports_with_free_bus(3)]

    @property
    def url(self) -> str:
        return f"redis+cluster://127.0.0.1:{self.nodes[0].port}"

    def start(self) -> None:
        for node in self.nodes:
            node.start()
        share = -(-_SLOTS // len(self.nodes))
        for number, node in enumerate(self.nodes):
            with node.client() as client:
                client.execute_command("CLUSTER", "ADDSLOTS", *range(number * share, min((number + 1) * share, _SLOTS)))
                client.execute_command("CLUSTER", "MEET", "127.0.0.1", self.nodes[0].port)
        for node in self.nodes:
            wait_until(lambda node=node: self._is_whole(node), _START_SECONDS, "agreement among the nodes of the Redis Cluster")  # type: ignore[misc]

    def stop(self) -> None:
        for node in self.nodes:
            node.stop()

    def flush(self) -> None:
        for node in self.nodes:
            node.flush()

    def _is_whole(self, node: RedisServer) -> bool:
        with node.client() as client:
            told = client.execute_command("CLUSTER", "INFO")
        fields = told if isinstance(told, dict) else dict(line.split(":", 1) for line in told.decode().split("\r\n") if ":" in line)
        return fields.get("cluster_state") == "ok" and fields.get("cluster_known_nodes") == str(len(self.nodes))


class RedisSentinel:
    """One master named `etapa`, and a Sentinel that says where it is."""

    def __init__(self, folder: Path, address: int | None = None) -> None:
        """`address` is the port that the Sentinel announces instead of the master's own."""
        self.master = RedisServer(folder)
        self._address = self.master.port if address is None else address
        self._sentinel = RedisServer(folder)
        self._configuration = folder / "sentinel.conf"

    @property
    def url(self) -> str:
        return f"redis+sentinel://127.0.0.1:{self._sentinel.port}/etapa/0"

    def start(self) -> None:
        self.master.start()
        self._configuration.write_text(f"port {self._sentinel.port}\nbind 127.0.0.1\nsentinel monitor etapa 127.0.0.1 {self._address} 1\n")
        self._sentinel.start_command([redis_executable(), str(self._configuration), "--sentinel"])

    def stop(self) -> None:
        self._sentinel.stop()
        self.master.stop()


def _ports_with_free_bus(count: int) -> list[int]:
    # A Cluster node also listens on its port + 10000, which must exist and be free.
    return [port for port in free_ports(count * 20) if port < 55000][:count]
