"""The result of a run, from the topics and from Redis, and the expected result: the core's own run over the same touchpoints."""

import asyncio
import contextlib
import io
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
import redis
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupCoordinatorNotAvailableError

from etapa.contracts.outgoing.stage_change import encode_stage_change
from etapa.contracts.partitioner import partition_of
from etapa.contracts.rfc3339 import format_time
from etapa.contracts.stored.mark import is_customer_key
from etapa.contracts.stored.state import decode_standing
from etapa.journey.engine.facts.stage_change import StageChange
from etapa.journey.engine.judging.program import compile_journey
from etapa.journey.language.load import journey_or_raise
from etapa.journey.language.model import Journey
from etapa.journey.units import DAY
from etapa.rehearsal.summary import simulate
from etapa.settings import Settings
from etapa.stream.kafka.clients.security import client_options
from etapa.stream.redis.view import PartitionKeys
from tests.integration.places import read_all, started_producer
from tests.integration.worker import StartedWorker
from tests.support.clickstream import ClickstreamTouchpoint

Message = tuple[bytes | None, bytes | None, tuple[tuple[str, bytes], ...]]


def journey_of(settings: Settings) -> Journey:
    return journey_or_raise(settings.journey_path.read_text(encoding="utf-8"), str(settings.journey_path))


def expected_changes(settings: Settings, values: Iterable[bytes], until: int | None) -> dict[bytes, list[Message]]:
    """The messages that `etapa simulate` makes from the touchpoints, by customer."""
    journey = journey_of(settings)
    changes: dict[bytes, list[Message]] = defaultdict(list)
    lines = io.BytesIO(b"".join(value + b"\n" for value in values))
    for change in simulate(compile_journey(journey), journey, lines, until):
        changes[change.customer_id.encode()].append(message_of(change, journey))
    return dict(changes)


def message_of(change: StageChange, journey: Journey) -> Message:
    """The change as it is published."""
    key, value, headers = encode_stage_change(change, journey.id, journey.version)
    return key, value, tuple(headers)


async def published_changes(settings: Settings) -> dict[bytes, list[Message]]:
    """What a `read_committed` consumer sees, by customer, in order."""
    changes: dict[bytes, list[Message]] = defaultdict(list)
    for record in await read_all(settings, settings.topic_stage_changes):
        changes[record.key].append((record.key, record.value, tuple(record.headers)))
    return dict(changes)


class WholeView(NamedTuple):
    """A whole view: the stage, state and due time of every customer, and how many are in each stage."""

    stages: Mapping[bytes, bytes]
    states: Mapping[bytes, bytes]
    due: Mapping[bytes, int]
    counts: Mapping[bytes, int]


def view_in_redis(settings: Settings, client: "redis.Redis") -> WholeView:
    stages: dict[bytes, bytes] = {}
    states: dict[bytes, bytes] = {}
    due: dict[bytes, int] = {}
    counts: Counter[bytes] = Counter()
    for partition in range(settings.partitions):
        keys = PartitionKeys(settings.redis_prefix, partition)
        answers: list[Any] = [client.hgetall(keys.stage), client.hgetall(keys.state), client.hgetall(keys.counts)]
        timers: Any = client.zrange(keys.timers, 0, -1, withscores=True)
        assert all(partition_of(key.decode(), settings.partitions) == partition for key in answers[0])
        stages.update(answers[0])
        states.update(answers[1])
        counts.update({stage: int(count) for stage, count in answers[2].items()})
        due.update({key: int(score) for key, score in timers})
    return WholeView(stages, states, due, dict(counts))


async def view_from_the_log(settings: Settings) -> WholeView:
    """The view as rebuilt from `customer-state`."""
    states: dict[bytes, bytes] = {}
    for record in await read_all(settings, settings.topic_customer_state):
        if record.value is None:
            states.pop(record.key, None)
        elif is_customer_key(record.key):
            states[record.key] = record.value
    return view_of(states)


def view_of(states: Mapping[bytes, bytes]) -> WholeView:
    """The view that shows these states."""
    customers = {key: decode_standing(state) for key, state in states.items()}
    stages = {key: customer.stage.encode() for key, customer in customers.items()}
    due = {key: customer.due for key, customer in customers.items() if customer.due is not None}
    return WholeView(stages, dict(states), due, dict(Counter(stages.values())))


async def put_touchpoints(settings: Settings, records: Sequence[tuple[bytes, bytes]]) -> None:
    """Publish (key, value) records to the partitions of their keys, in order."""
    async with started_producer(settings, max_batch_size=200_000, linger_ms=5) as producer:
        answers = []
        for key, value in records:
            partition = partition_of(key.decode(), settings.partitions)
            answers.append(await producer.send(settings.topic_touchpoints, value, key, partition=partition))
        for answer in answers:
            await answer


def closing(settings: Settings, at: int) -> list[tuple[bytes, bytes]]:
    """One touchpoint for every partition that advances its stream time to `at`."""
    records: dict[int, tuple[bytes, bytes]] = {}
    number = 0
    while len(records) < settings.partitions:
        customer_id = f"closing-{number}"
        fields = {"id": f"close-{number}", "customer_id": customer_id, "type": "home", "occurred_at": format_time(at)}
        records.setdefault(partition_of(customer_id, settings.partitions), (customer_id.encode(), msgspec.json.encode(fields)))
        number += 1
    return list(records.values())


def records_of(touchpoints: list[ClickstreamTouchpoint]) -> list[tuple[bytes, bytes]]:
    return [(touchpoint.key, touchpoint.value) for touchpoint in touchpoints]


def end_of(settings: Settings, touchpoints: list[ClickstreamTouchpoint]) -> tuple[int, list[tuple[bytes, bytes]]]:
    """A time long after the last touchpoint, and touchpoints that make exactly the timers up to it fire."""
    until = touchpoints[-1].at + 200 * DAY
    return until, closing(settings, until + journey_of(settings).grace)


class GroupProgress:
    """How far the group is, by its committed offsets."""

    def __init__(self, settings: Settings, admin: AIOKafkaAdminClient, consumer: AIOKafkaConsumer) -> None:
        self._settings = settings
        self._admin = admin
        self._consumer = consumer
        self._places = [TopicPartition(settings.topic_touchpoints, number) for number in range(settings.partitions)]

    async def processed(self) -> int:
        try:
            offsets = await self._admin.list_consumer_group_offsets(self._settings.group)
        except GroupCoordinatorNotAvailableError:
            # The first group of a new broker: its offsets topic is being created.
            return 0
        return sum(max(0, offsets[place].offset) for place in self._places if place in offsets)

    async def is_through(self) -> bool:
        ends: dict[TopicPartition, int] = await self._consumer.end_offsets(self._places)
        return await self.processed() == sum(ends.values())

    async def wait_processed(self, count: int) -> None:
        async def enough() -> bool:
            return await self.processed() >= count

        await until(enough, f"{count} touchpoints processed")

    async def wait_through(self) -> None:
        await until(self.is_through, "every touchpoint processed")


@contextlib.asynccontextmanager
async def followed(settings: Settings) -> Any:
    """Follow the group's progress."""
    admin = AIOKafkaAdminClient(**client_options(settings))
    consumer = AIOKafkaConsumer(**client_options(settings))
    await admin.start()
    await consumer.start()
    try:
        yield GroupProgress(settings, admin, consumer)
    finally:
        await consumer.stop()
        await admin.close()


async def until(condition: Callable[[], Awaitable[bool]], what: str, seconds: float = 90) -> None:
    """Poll until the condition holds. Raises an AssertionError that names it if that takes too long."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not await condition():
        assert asyncio.get_running_loop().time() < deadline, f"not within {seconds:g} s: {what}"
        await asyncio.sleep(0.02)


async def check(settings: Settings, client: "redis.Redis", values: Iterable[bytes], until_time: int | None) -> dict[bytes, list[Message]]:
    """Check everything that must hold once every touchpoint is processed. Returns the stage changes by customer."""
    expected = expected_changes(settings, values, until_time)
    published = await published_changes(settings)
    assert published.keys() == expected.keys()
    for customer, changes in expected.items():
        assert published[customer] == changes, f"the stage changes of {customer.decode()} differ from those of simulate"
    rebuilt = await view_from_the_log(settings)

    async def redis_agrees() -> bool:
        return view_in_redis(settings, client) == rebuilt

    # Redis shows the last batch a moment after it is committed.
    await until(redis_agrees, "Redis equals the view that is rebuilt from customer-state", 20)
    assert sum(rebuilt.counts.values()) == len(rebuilt.stages) == len(expected)
    return expected


async def until_not_ready_for(worker: StartedWorker, words: str) -> None:
    """Wait until `/readyz` says that the process is not ready, with these words."""

    async def said() -> bool:
        told = await asyncio.to_thread(worker.ask, "readyz")
        return any(words in one["detail"] for one in told.get("not_ready", ()))

    await until(said, f"its being not ready because of {words}")
