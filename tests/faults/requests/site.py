"""Three brokers, a Redis and workers; everything between workers and brokers passes through crossings."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient

from etapa.journey.units import DAY
from etapa.settings import Settings
from etapa.settings.values import RedisUrl
from etapa.stream.kafka.cluster import Cluster
from etapa.stream.kafka.topics.creation import create_topics
from etapa.stream.kafka.writing.producer import transactional_id
from etapa.stream.redis.view import PartitionKeys
from tests.faults.installation.log_ends import hanging_transactions
from tests.faults.installation.network import Network
from tests.faults.installation.placement import Place, reassign
from tests.faults.requests.crossing import Crossing, Crossings
from tests.integration.worker import StartedWorker, environment_of
from tests.servers.kafka_server import KafkaServer
from tests.servers.processes import wait_until
from tests.servers.redis_server import RedisServer

BROKERS = 3
_THROUGH_CROSSINGS = "CROSSING"
_SECONDS = 60.0
_COMMAND_SECONDS = 300.0
_SESSION = 6_000_000

_KAFKA_SETTINGS = {
    # No broker is lost here, and one replica is quicker than three, which allows more trials.
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.replication.factor": "1",
    "auto.leader.rebalance.enable": "false",
}


class Site(AbstractContextManager["Site"]):
    """A context manager that starts and stops everything."""

    def __init__(self, folder: Path, *, workers: int, partitions: int, transactions: int, module: str = "etapa", **settings: Any) -> None:
        """`transactions` is the brokers' version of the transaction protocol; `module` runs instead of `etapa`."""
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._module = module
        self._network = Network()
        self.crossings = Crossings()
        crossings = [self._network.add(Crossing(self.crossings)) for _ in range(BROKERS)]
        self.kafka = KafkaServer(
            folder / "kafka",
            BROKERS,
            _KAFKA_SETTINGS,
            further_listeners={_THROUGH_CROSSINGS: [one.port for one in crossings]},
            features={"transaction.version": transactions},
            heap="320m",
        )
        for number, one in enumerate(crossings, start=1):
            one.target = self.kafka.listener_port(_THROUGH_CROSSINGS, number)
        self._redis = RedisServer(folder / "redis")
        self.settings = Settings(
            kafka_bootstrap_servers=self.kafka.bootstrap_servers,
            redis_url=RedisUrl(self._redis.url),
            partitions=partitions,
            session_timeout=_SESSION,
            # Timers follow the touchpoints alone, so that the expected output is known.
            quiet_after=DAY,
            **settings,
        )
        through = ",".join(f"127.0.0.1:{one.port}" for one in crossings)
        self._worker_settings = msgspec.structs.replace(self.settings, kafka_bootstrap_servers=through)
        self._count = workers
        self.workers: list[StartedWorker] = []

    def __enter__(self) -> Self:
        try:
            self.kafka.start()
            self._redis.start()
            asyncio.run(create_topics(Cluster(self.settings)))
            self._lead_apart()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stop()

    def start_workers(self) -> None:
        """Wait until all partitions are ready."""
        for _ in range(self._count):
            self.workers.append(StartedWorker(self._worker_settings, self._folder, module=self._module))
        every = set(range(self.settings.partitions))
        wait_until(lambda: self.ready() == every, _SECONDS, "every partition's being ready", 0.2)

    def _stop(self) -> None:
        for worker in self.workers:
            worker.kill()
        self._redis.stop()
        self.kafka.stop()
        self._network.close()

    def client_of(self, partition: int) -> str:
        """The client id of the partition's producer."""
        return f"etapa-{self.settings.group}-{partition}"

    def fence(self, partition: int) -> None:
        """Fence the partition's producer, so that the partition has to be taken over again."""
        options = {"bootstrap.servers": self.kafka.bootstrap_servers, "log_level": 2}
        Producer({**options, "transactional.id": transactional_id(self.settings, partition)}).init_transactions(_SECONDS)

    def ready(self) -> set[int]:
        """The partitions that some worker reports as ready."""
        found: set[int] = set()
        for worker in self.workers:
            told = worker.ask("readyz")
            names = {one["name"] for one in told.get("not_ready", ())}
            found |= {int(name.split()[1]) for name in told["checked"] if name.startswith("partition ") and name not in names}
        return found

    def through(self) -> Mapping[int, int]:
        """For each partition, the offset after the last touchpoint that Redis shows."""
        numbers = range(self.settings.partitions)
        with self._redis.client() as client, client.pipeline(transaction=False) as asking:
            for number in numbers:
                asking.hget(PartitionKeys(self.settings.redis_prefix, number).mark.decode(), "through")
            answers = asking.execute()
        return {number: 0 if answer is None else int(answer) + 1 for number, answer in zip(numbers, answers, strict=True)}

    def verified(self) -> str | None:
        """What `etapa verify` finds wrong."""
        done = subprocess.run(
            [sys.executable, "-m", "etapa", "verify"],
            env={**os.environ, **environment_of(self.settings)},
            capture_output=True,
            text=True,
            timeout=_COMMAND_SECONDS,
            check=False,
        )
        return None if done.returncode == 0 else f"etapa verify ended with {done.returncode}: {(done.stdout + done.stderr)[-500:]}"

    def hanging(self) -> list[Place]:
        """Partitions with an open transaction, including those of the group's offsets."""
        settings = self.settings
        ours = (
            settings.topic_stage_changes,
            settings.topic_campaign_triggers,
            settings.topic_campaign_outcomes,
            settings.topic_dead_letters,
            settings.topic_customer_state,
        )
        places = [(topic, number) for topic in ours for number in range(settings.partitions)]
        places += [("__consumer_offsets", number) for number in self._leaders("__consumer_offsets")]
        return hanging_transactions(self.kafka.bootstrap_servers, places)

    def last_words(self) -> str:
        """The end of what the workers logged."""
        return "\n".join(f"worker {number}:\n{worker.said()[-3000:]}" for number, worker in enumerate(self.workers))

    def _lead_apart(self) -> None:
        """Put the partitions to which a transaction writes on three different brokers, so that nothing keeps its writes in order."""
        apart = (self.settings.topic_customer_state, self.settings.topic_stage_changes, self.settings.topic_campaign_triggers)
        wanted = {
            (topic, number): 1 + (number + shift) % BROKERS
            for shift, topic in enumerate(apart)
            for number in range(self.settings.partitions)
        }
        reassign(self.kafka.bootstrap_servers, {place: [broker] for place, broker in wanted.items()})

        def are_apart() -> bool:
            found = {(topic, number): leader for topic in apart for number, leader in self._leaders(topic).items()}
            return found == wanted

        wait_until(are_apart, _SECONDS, "the leaders' being apart", 0.2)

    def _leaders(self, topic: str) -> Mapping[int, int]:
        admin = AdminClient({"bootstrap.servers": self.kafka.bootstrap_servers, "log_level": 2})
        return {number: one.leader for number, one in admin.list_topics(topic, timeout=20).topics[topic].partitions.items()}
