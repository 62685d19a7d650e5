"""What customers take in `customer-state` once Kafka has compacted it: bytes of the log's segments on disk."""

import asyncio
from pathlib import Path

import msgspec
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from bench.servers.place import BenchPlace, create_topic
from bench.servers.seeded import seed
from bench.workload.population import Population
from etapa.settings.reading import load_settings
from tests.servers.processes import wait_until

_SECONDS = 180.0
_LOOKS = 15
_SMALL_SEGMENTS = {
    # So that little of what was written last, which is never compacted, is left.
    "cleanup.policy": "compact",
    "segment.bytes": str(4 * 1024 * 1024),
    "segment.ms": "1000",
    "min.cleanable.dirty.ratio": "0.01",
}


class TopicSize(msgspec.Struct, frozen=True):
    customers: int
    times_written: int
    compacted_bytes: float
    """Bytes on disk for each customer."""
    state_bytes: float
    """Of them, the state itself."""


def topic_size(place: BenchPlace, population: Population, customers: int, times: int) -> TopicSize:
    """Write each customer so often, and wait until the log stops shrinking."""
    settings = load_settings(place.worker_environment("topic-size", "topic-size-touchpoints"), {})
    everybody = list(population.many(customers))

    async def write() -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=place.kafka)
        await admin.start()
        await admin.create_topics([NewTopic(settings.topic_customer_state, 1, 1, topic_configs=_SMALL_SEGMENTS)])
        await admin.close()
        # The producer notes the group's offset in it.
        await create_topic(place.kafka, settings.topic_touchpoints, 1)
        for _ in range(times):
            await seed(settings, 0, 1, everybody, population)

    asyncio.run(write())
    folder = next(place.folder.glob(f"kafka/**/{settings.topic_customer_state}-0"))
    states = sum(len(one.state or b"") for one in everybody)
    sizes = [_log_bytes(folder)]

    def is_settled() -> bool:
        # Each look writes a little, so that segments are closed.
        asyncio.run(seed(settings, 0, 1, everybody[:10], population))
        sizes.append(_log_bytes(folder))
        return len(sizes) > _LOOKS and min(sizes) < 1.5 * states

    wait_until(is_settled, _SECONDS, "compaction", poll=2)
    return TopicSize(customers, times, min(sizes) / customers, states / customers)


def _log_bytes(folder: Path) -> int:
    sizes = []
    for path in folder.glob("*.log"):
        try:
            sizes.append(path.stat().st_size)
        except FileNotFoundError:
            # Compaction has just replaced it.
            continue
    return sum(sizes)
