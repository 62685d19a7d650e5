"""What a worker finds out about itself on a clock, whatever its partition tasks are waiting for: its servers, its share, its lag."""

import asyncio
import logging

from aiokafka import AIOKafkaConsumer, TopicPartition

from etapa.hosting.dependencies import Cause, Dependency
from etapa.stream.kafka.causes import cause_in_kafka
from etapa.stream.kafka.cluster import Cluster
from etapa.stream.kafka.diagnosis import probe as kafka_probe
from etapa.stream.kafka.errors import KAFKA_FAILURES, describe
from etapa.stream.kafka.topics.topic_ids import about_missing_topics, topics_missing
from etapa.stream.protocol.partition_tasks import PartitionTasks
from etapa.stream.protocol.ports import ViewError
from etapa.stream.redis import probe as redis_probe
from etapa.stream.redis.causes import cause_in_redis
from etapa.stream.redis.reader import ViewReader
from etapa.stream.worker_observer import Share, WorkerObserver

EVERY = 5.0
"""Seconds between two looks: as often as Prometheus is likely to ask."""
PROBE_SECONDS = 3.0
"""How long a server may take to answer a question that costs it nothing."""

logger = logging.getLogger(__name__)


class VitalSigns:
    """Looks, and tells the observer. Kafka and Redis are asked apart, so that neither hides the other."""

    def __init__(self, cluster: Cluster, observer: WorkerObserver) -> None:
        self._cluster = cluster
        self._settings = cluster.settings
        self._observer = observer
        self.troubles: dict[Dependency, str] = {}
        """What is wrong with each server that does not do its part, in words."""
        self.partitions = 0
        """Of the touchpoints topic, as the brokers told last; 0 before they have."""

    async def take(self, consumer: AIOKafkaConsumer | None, tasks: PartitionTasks | None, reader: ViewReader, *, is_refused: bool) -> None:
        """One look. Without a consumer nothing is asked of Kafka: who cannot make one tells why with `no_kafka`."""
        await asyncio.gather(self._look_at_redis(reader), self._look_at_kafka(consumer, tasks))
        self.tell_share(tasks, is_refused=is_refused)

    async def no_kafka(self, error: BaseException) -> str:
        """Kafka did not do what was asked. Finds out why, tells, and gives it in words."""
        trouble = await kafka_probe.trouble_behind(self._cluster, error)
        words = kafka_probe.in_words(self._settings, trouble, describe(error))
        if trouble is None and (missing := await topics_missing(self._cluster)):
            words = about_missing_topics(missing)
        self._tell("kafka", cause_in_kafka(error) if trouble is None else trouble.cause, words)
        return words

    def kafka_answers(self) -> None:
        """Kafka did what was asked."""
        self._tell("kafka", None, "")

    def _tell(self, name: Dependency, cause: Cause | None, words: str) -> None:
        self._observer.dependency(name, cause)
        if cause is not None:
            self.troubles[name] = words
        elif name in self.troubles:
            logger.info("this is over: %s", self.troubles.pop(name))

    def tell_share(self, tasks: PartitionTasks | None, *, is_refused: bool) -> None:
        """Tell which part of the work is ours. `is_refused`: no partition is held because every one would be refused."""
        owned = 0 if tasks is None else len(tasks.readiness())
        refused = max(1, self.partitions) if is_refused else 0 if tasks is None else tasks.refused()
        self._observer.share(Share(self.partitions, owned, refused))

    async def _look_at_redis(self, reader: ViewReader) -> None:
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                await reader.takes_writes()
        except (ViewError, TimeoutError) as error:
            trouble = await redis_probe.trouble_behind(self._settings, error)
            words = redis_probe.in_words(self._settings, trouble, str(error) or f"no answer within {PROBE_SECONDS:g} s")
            if words != self.troubles.get("redis"):
                logger.warning("%s", words)
            self._tell("redis", cause_in_redis(error) if trouble is None else trouble.cause, words)
        else:
            self._tell("redis", None, "")

    async def _look_at_kafka(self, consumer: AIOKafkaConsumer | None, tasks: PartitionTasks | None) -> None:
        if consumer is None or tasks is None:
            return
        topic = self._settings.topic_touchpoints
        self.partitions = len(consumer.partitions_for_topic(topic) or ()) or self.partitions
        owned = sorted(tasks.readiness())
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                ends = await consumer.end_offsets([TopicPartition(topic, number) for number in owned or [0]])
                done = {number: await self._done_up_to(consumer, tasks, number) for number in owned}
        except KAFKA_FAILURES as error:
            logger.debug("the lag cannot be measured now: %s", describe(error))
            before = self.troubles.get("kafka")
            words = await self.no_kafka(error)
            if words != before:
                logger.warning("%s", words)
            return
        self.kafka_answers()
        # Only of those that are still ours: another worker speaks for the others by now.
        still = tasks.readiness()
        self._observer.lag({number: max(0, ends[TopicPartition(topic, number)] - done[number]) for number in owned if number in still})

    async def _done_up_to(self, consumer: AIOKafkaConsumer, tasks: PartitionTasks, number: int) -> int:
        """Up to where touchpoints are committed: by the task's word or, while it cannot know, by the group's."""
        known = tasks.done_up_to().get(number)
        if known is not None:
            return known
        place = TopicPartition(self._settings.topic_touchpoints, number)
        committed: int | None = await consumer.committed(place)
        if committed is not None:
            return committed
        begin = await (consumer.beginning_offsets([place]) if self._settings.start == "earliest" else consumer.end_offsets([place]))
        return int(begin[place])
