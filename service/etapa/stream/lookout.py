"""Checks what no single partition can see: whether every partition is assigned to a worker, and whether the clock here is right.

It runs every few seconds beside the work and never affects it: a problem makes the worker unready, is logged, and is counted.
"""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import AsyncExitStack

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import IncompatibleBrokerVersion

from etapa.hosting.health import Health
from etapa.hosting.system_clock import SystemClock
from etapa.journey.units import SECOND
from etapa.stream.kafka.clients.consumer import client_id_of, stop_consumer
from etapa.stream.kafka.cluster import Cluster
from etapa.stream.kafka.errors import KAFKA_FAILURES, describe
from etapa.stream.kafka.groups.membership import describe_group, partitions_now
from etapa.stream.kafka.reading.brokers_clocks import BrokersClocks, disagreement_in_words
from etapa.stream.kafka.reading.stamps import EndsOfTransactions
from etapa.stream.protocol.observer import TaskObserver
from etapa.stream.protocol.ownership import owned_by_workers, ownership_in_words

LOOK_SECONDS = 5.0
_STABLE = "Stable"

logger = logging.getLogger(__name__)


class Lookout:
    """Checks from `start` to `stop`. A finding holds until the next check that gets an answer."""

    def __init__(self, cluster: Cluster, clock: SystemClock, observer: TaskObserver) -> None:
        self._cluster = cluster
        self._clock = clock
        self._observer = observer
        self._clocks = BrokersClocks()
        self._addresses: dict[int, str] = {}
        self._group_trouble = ""
        self._looking: asyncio.Task[None] | None = None
        self._told = {"group": "", "clock": ""}

    def health(self) -> Sequence[Health]:
        """What was found, with the clock as it is now."""
        found = {"group": self._group_trouble, "clock": self._clock_trouble()}
        return [Health(name, ready=not trouble, detail=trouble) for name, trouble in found.items()]

    def _clock_trouble(self) -> str:
        apart = self._clocks.farthest(self._clock.now(), self._clock.elapsed())
        self._observer.clock_ahead(0.0 if apart is None else apart.ahead / SECOND)
        return disagreement_in_words(apart, self._addresses)

    def start(self) -> None:
        """Start checking. The topics must exist: asking for a missing one by name may make a broker create it."""
        if self._looking is None:
            self._looking = asyncio.create_task(self._run(), name="etapa lookout")

    async def stop(self) -> None:
        """Stop checking, and close the connections."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait({self._looking})

    async def _run(self) -> None:
        """Check, and try again when the brokers do not answer."""
        while True:
            try:
                await self._look_on()
            except KAFKA_FAILURES as error:
                # The worker reports this too, with more detail.
                logger.debug("could not check the group and the brokers' clocks: %s", describe(error))
            await asyncio.sleep(LOOK_SECONDS)

    async def _look_on(self) -> None:
        settings, seconds = self._cluster.settings, self._cluster.session_seconds
        async with AsyncExitStack() as closing:
            async with asyncio.timeout(seconds):
                admin = await closing.enter_async_context(self._cluster.admin())
                count = await partitions_now(admin, settings.topic_touchpoints)
                places = [TopicPartition(settings.topic_customer_state, partition) for partition in range(count)]
                consumer = self._cluster.reading_consumer()
                closing.push_async_callback(stop_consumer, consumer)
                await consumer.start()
                # Only so that it knows the leaders of these partitions; no records are read.
                consumer.assign(places)
                consumer.pause(*places)
            ends = EndsOfTransactions(consumer, places, self._clock)
            while True:
                async with asyncio.timeout(seconds):
                    await self._look_at_group(admin)
                    for stamp in await ends.look():
                        self._clocks.saw(stamp)
                self._addresses = {broker.nodeId: f"{broker.host}:{broker.port}" for broker in consumer._client.cluster.brokers()}
                self._tell()
                await asyncio.sleep(LOOK_SECONDS)

    async def _look_at_group(self, admin: AIOKafkaAdminClient) -> None:
        settings = self._cluster.settings
        name = client_id_of(settings.group)
        try:
            found = await describe_group(admin, settings.group, settings.topic_touchpoints)
        except IncompatibleBrokerVersion:
            # A broker that does not support the request, such as the demo's.
            return
        if found.state != _STABLE:
            # During a rebalance no member has partitions.
            return
        owned = owned_by_workers(
            await partitions_now(admin, settings.topic_touchpoints), found.members, lambda member: member.client == name
        )
        self._observer.partitions_unowned(len(owned.unowned))
        self._group_trouble = ownership_in_words(owned, settings.group, settings.topic_touchpoints)

    def _tell(self) -> None:
        """Log when a problem begins, and when it is over."""
        for health in self.health():
            before, self._told[health.name] = self._told[health.name], health.detail
            if health.detail and not before:
                logger.error("%s", health.detail)
            elif before and not health.detail:
                logger.info("this is over: %s", before)
