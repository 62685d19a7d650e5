"""What is broken and repaired: three brokers, a Redis with its replica, workers, and a link between each worker and each server."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import msgspec

from etapa.contracts.partitioner import partition_of
from etapa.journey.language.load import journey_or_raise
from etapa.journey.language.model import Journey
from etapa.journey.units import DAY
from etapa.settings import Settings
from etapa.settings.values import RedisUrl
from etapa.stream.kafka.cluster import Cluster
from etapa.stream.kafka.topics.creation import create_topics
from tests.faults.installation.network import Network, NetworkLink
from tests.faults.installation.redis_pair import RedisPair
from tests.integration.worker import StartedWorker
from tests.servers.kafka_server import KafkaServer
from tests.servers.processes import wait_until

BROKERS = (1, 2, 3)
REDIS = "redis"
_TELL_SECONDS = 30.0

_KAFKA_SETTINGS = {
    "min.insync.replicas": "2",
    "transaction.state.log.min.isr": "2",
    "num.network.threads": "1",
    # A dead or frozen broker is dropped after a few seconds.
    "broker.session.timeout.ms": "4000",
    "broker.heartbeat.interval.ms": "500",
    "replica.lag.time.max.ms": "5000",
    # Leadership moves only when a fault moves it.
    "auto.leader.rebalance.enable": "false",
}


class Slot:
    """A place where workers run one after the other, with the same links to the servers."""

    def __init__(self, number: int, settings: Settings, links: dict[int | str, NetworkLink], folder: Path) -> None:
        self.number = number
        self.links = links
        """By broker, and `REDIS`."""
        self._settings = settings
        self._folder = folder
        self._meant_to_run = False
        self.worker: StartedWorker | None = None
        self.ends: list[str] = []
        """The last log lines of workers that ended without being asked to."""

    def start(self) -> None:
        self.worker = StartedWorker(self._settings, self._folder)
        self._meant_to_run = True

    def running(self) -> StartedWorker:
        assert self.worker is not None
        return self.worker

    def kill(self) -> None:
        self._meant_to_run = False
        self.running().kill()

    def stop(self) -> None:
        """Ask it to end, as a deployment does. Raises AssertionError if its exit code says that it failed."""
        self._meant_to_run = False
        worker = self.running()
        worker.ask_to_stop()
        code = worker.exit_code()
        assert code == 0, f"a worker that was asked to stop ended with {code}:\n{worker.said()[-2000:]}"

    def look_after(self) -> None:
        """Start it again if it ended by itself, as an orchestrator would, and record that in `ends`."""
        if self._meant_to_run and not self.running().is_running:
            self.ends.append(self.running().said()[-3000:])
            self.start()


class Installation:
    """Created in `folder` and started as a whole; `stop` ends it, whatever state it is in."""

    def __init__(self, folder: Path, workers: int, partitions: int) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.network = Network()
        slots = range(workers)
        links: dict[int, dict[int | str, NetworkLink]] = {
            slot: {server: self.network.link(f"worker {slot} - {_name(server)}") for server in (*BROKERS, REDIS)} for slot in slots
        }
        listeners = {f"WORKER{slot}": [links[slot][broker].port for broker in BROKERS] for slot in slots}
        self.kafka = KafkaServer(
            folder / "kafka", len(BROKERS), _KAFKA_SETTINGS, controllers=len(BROKERS), further_listeners=listeners, heap="256m"
        )
        self.redis = RedisPair(folder / "redis", self.network, [links[slot][REDIS] for slot in slots])
        for slot in slots:
            for broker in BROKERS:
                links[slot][broker].lead_to(self.kafka.listener_port(f"WORKER{slot}", broker))
        self.settings = Settings(
            kafka_bootstrap_servers=self.kafka.bootstrap_servers,
            journey=str(journey_file(folder)),
            partitions=partitions,
            replication=3,
            session_timeout=6_000_000,
            redis_timeout=2_000_000,
            # Many batches, so that there are many moments to break something in.
            batch_records=200,
            # Timers follow the touchpoints alone, so that the expected output is known.
            quiet_after=DAY,
        )
        self.slots = [Slot(slot, self._settings_of(links[slot]), links[slot], folder) for slot in slots]

    @property
    def journey(self) -> Journey:
        return journey_or_raise(self.settings.journey_path.read_text(encoding="utf-8"), str(self.settings.journey_path))

    def start(self) -> None:
        """Wait until every worker is ready."""
        self.kafka.start()
        self.redis.start()
        asyncio.run(_until_topics_are_made(self.settings))
        for slot in self.slots:
            slot.start()
        for slot in self.slots:
            slot.running().wait_ready()

    def stop(self) -> None:
        for slot in self.slots:
            if slot.worker is not None:
                slot.worker.kill()
        self.redis.stop()
        self.kafka.stop()
        self.network.close()

    def links(self) -> Iterator[NetworkLink]:
        """All links between workers and servers."""
        for slot in self.slots:
            yield from slot.links.values()

    def is_ready(self) -> bool:
        """Whether every worker says that it is working, and every partition has an owner."""
        owned: set[int] = set()
        for slot in self.slots:
            told = slot.running().ask("readyz")
            if not told["ready"]:
                return False
            owned |= {int(name.split()[1]) for name in told["checked"] if name.startswith("partition ")}
        return owned == set(range(self.settings.partitions))

    def wait_until_told(self, words: str) -> None:
        """Wait until a worker's /readyz names what is wrong."""

        def is_told() -> bool:
            answers = [slot.running().ask("readyz").get("not_ready", ()) for slot in self.slots]
            return any(words in one["detail"] for answer in answers for one in answer)

        wait_until(is_told, _TELL_SECONDS, f"/readyz's saying {words!r}", 0.2)

    def closing_touchpoints(self, at: str) -> list[tuple[bytes, bytes]]:
        """A touchpoint for every partition that advances its stream time to `at`."""
        records: dict[int, tuple[bytes, bytes]] = {}
        number = 0
        while len(records) < self.settings.partitions:
            customer_id = f"closing-{number}"
            fields = {"id": f"close-{number}", "customer_id": customer_id, "type": "home", "occurred_at": at}
            place = partition_of(customer_id, self.settings.partitions)
            records.setdefault(place, (customer_id.encode(), msgspec.json.encode(fields)))
            number += 1
        return list(records.values())

    def _settings_of(self, links: dict[int | str, NetworkLink]) -> Settings:
        servers = ",".join(f"127.0.0.1:{links[broker].port}" for broker in BROKERS)
        url = RedisUrl(f"redis://127.0.0.1:{links[REDIS].port}/0")
        return msgspec.structs.replace(self.settings, kafka_bootstrap_servers=servers, redis_url=url)


def _name(server: int | str) -> str:
    return f"broker {server}" if isinstance(server, int) else server


def journey_file(folder: Path) -> Path:
    """The shipped journey with a grace longer than any made-up touchpoint is late, so that `etapa simulate` gives the same."""
    path = folder / "journey.yaml"
    path.write_text("grace: 4d\n" + Settings().journey_path.read_text(encoding="utf-8"), encoding="utf-8")
    return path


async def _until_topics_are_made(settings: Settings) -> None:
    await create_topics(Cluster(settings))
