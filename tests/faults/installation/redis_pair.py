"""A Redis and its replica, each with an append-only file, and the address at which workers find the current primary."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import redis

from tests.faults.installation.network import Network, NetworkLink
from tests.servers.processes import ServerError, wait_until
from tests.servers.redis_server import RedisServer, redis_major_version

_SECONDS = 30.0
_TORN_OFF = 20_000
"""Bytes at the end of the append-only file that would be lost in a power failure."""


class RedisPair:
    """`links` lead to the current primary. The replica follows through its own link, so that it can lag."""

    def __init__(self, folder: Path, network: Network, links: Sequence[NetworkLink]) -> None:
        self._folders = [folder / name for name in ("a", "b")]
        # Replication starts at once, and its failure is noticed soon.
        options = ["--appendonly", "yes", "--appendfsync", "everysec", "--repl-diskless-sync-delay", "0", "--repl-timeout", "10"]
        options += ["--repl-ping-replica-period", "1", "--enable-debug-command", "local"]
        if redis_major_version() < 7:
            raise ServerError("faults are injected into Redis 7 or newer; this one is older. Debian: apt install redis-server")
        self._servers = [RedisServer(one, *options) for one in self._folders]
        self._links = links
        self.replication = network.link("replication")
        self._primary = 0

    @property
    def primary(self) -> RedisServer:
        return self._servers[self._primary]

    @property
    def replica(self) -> RedisServer:
        return self._servers[1 - self._primary]

    def start(self) -> None:
        for server in self._servers:
            server.start()
        self._point()
        self._follow()

    def stop(self) -> None:
        for server in self._servers:
            server.stop()

    def tell(self, *command: str | float) -> Any:
        """The primary's answer to a command."""
        with self.primary.client() as client:
            return client.execute_command(*command)

    def restart_empty(self) -> None:
        """Kill the primary and start it again without its data. The replica then has none either."""
        self.primary.kill()
        shutil.rmtree(self._folders[self._primary] / "appendonlydir")
        self.primary.start()

    def restart_from_file(self) -> None:
        """Kill the primary and start it again from its append-only file, without the last writes."""
        self.primary.kill()
        files = sorted((self._folders[self._primary] / "appendonlydir").glob("*.incr.aof"))
        with files[-1].open("r+b") as file:
            file.truncate(max(0, file.seek(0, 2) - _TORN_OFF))
        self.primary.start()

    def promote(self) -> None:
        """Kill the primary; the replica takes its place with what it has. The old primary comes back as its replica."""
        self.primary.kill()
        self._primary = 1 - self._primary
        self.tell("REPLICAOF", "NO", "ONE")
        self._point()
        self.replication.mend()
        self.replica.start()
        self._follow()

    def wait_replicated(self) -> None:
        """Wait until the replica follows and has everything that the primary had a moment ago."""
        wait_until(self._is_replicated, _SECONDS, "the replica's following its primary")

    def _point(self) -> None:
        for link in (*self._links, self.replication):
            link.lead_to(self.primary.port)

    def _follow(self) -> None:
        with self.replica.client() as client:
            client.execute_command("REPLICAOF", "127.0.0.1", self.replication.port)
        self.wait_replicated()

    def _is_replicated(self) -> bool:
        with self.replica.client() as client:
            try:
                told: Any = client.info("replication")
            except redis.RedisError:
                return False
        return told["role"] == "slave" and told["master_link_status"] == "up" and not told["master_sync_in_progress"]
