"""What a worker checks about itself at regular intervals, whatever its tasks are doing: its servers, its share, its lag."""

import asyncio
import logging

from aiokafka import AIOKafkaConsumer, TopicPartition

from etapa.hosting.dependencies import Cause, Dependency
from etapa.stream.kafka.causes import cause_in_kafka
from etapa.stream.kafka.cluster import Cluster
from etapa.stream.kafka.diagnosis import probe as kafka_probe
from etapa.stream.kafka.errors import KAFKA_FAILURES, describe
from etapa.stream.kafka.topics.topic_ids import about_missing_topics, topics_missing
from etapa.stream.protocol.ports import ViewError
from etapa.stream.protocol.tenures.partition_tasks import PartitionTasks
from etapa.stream.redis import probe as redis_probe
from etapa.stream.redis.causes import cause_in_redis
from etapa.stream.redis.reader import ViewReader
from etapa.stream.worker_observer import Share, WorkerObserver

EVERY = 5.0
"""Seconds between checks: as often as Prometheus is likely to scrape."""
PROBE_SECONDS = 3.0
"""Seconds that a server may take to answer a trivial question."""

logger = logging.getLogger(__name__)


class VitalSigns:
    """Checks, and tells the observer. Kafka and Redis are checked separately, so that neither hides the other."""

    def __init__(self, cluster: Cluster, observer: WorkerObserver) -> None:
        self._cluster = cluster
        self._settings = cluster.settings
        self._observer = observer
        self.troubles: dict[Dependency, str] = {}
        """What is wrong with each failing server, in words."""
        self.partitions = 0
        """Of the touchpoints topic, as last reported by the brokers; 0 before the first report."""

    async def take(self, consumer: AIOKafkaConsumer | None, tasks: PartitionTasks | None, reader: ViewReader, *, is_refused: bool) -> None:
        """Check once. Without a consumer Kafka is not asked: a caller that cannot create one reports why with `no_kafka`."""
        await asyncio.gather(self._look_at_redis(reader, tasks), self._look_at_kafka(consumer, tasks))
        self.tell_share(tasks, is_refused=is_refused)

    async def no_kafka(self, error: BaseException) -> str:
        """Find out why Kafka failed, tell the observer, and return it in words."""
        trouble = await kafka_probe.trouble_behind(self._cluster, error)
        words = kafka_probe.in_words(self._settings, trouble, describe(error))
        if trouble is None and (missing := await topics_missing(self._cluster)):
            words = about_missing_topics(missing)
        self._tell("kafka", cause_in_kafka(error) if trouble is None else trouble.cause, words)
        return words

    def kafka_answers(self) -> None:
        """Note that Kafka did what was asked."""
        self._tell("kafka", None, "")

    def _tell(self, name: Dependency, cause: Cause | None, words: str) -> None:
        self._observer.dependency(name, cause)
        if cause is not None:
            self.troubles[name] = words
        elif name in self.troubles:
            logger.info("this is over: %s", self.troubles.pop(name))

    def tell_share(self, tasks: PartitionTasks | None, *, is_refused: bool) -> None:
        """Tell which share of the work is ours. `is_refused`: we hold no partitions because all would be refused."""
        owned = 0 if tasks is None else len(tasks.readiness())
        refused = max(1, self.partitions) if is_refused else 0 if tasks is None else tasks.refused()
        self._observer.share(Share(self.partitions, owned, refused))

    async def _look_at_redis(self, reader: ViewReader, tasks: PartitionTasks | None) -> None:
        owned = [] if tasks is None else sorted(tasks.readiness())
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                await reader.takes_writes()
                counts = await reader.ids(owned) if owned else {}
        except (ViewError, TimeoutError) as error:
            trouble = await redis_probe.trouble_behind(self._settings, error)
            words = redis_probe.in_words(self._settings, trouble, str(error) or f"no answer within {PROBE_SECONDS:g} s")
            if words != self.troubles.get("redis"):
                logger.warning("%s", words)
            self._tell("redis", cause_in_redis(error) if trouble is None else trouble.cause, words)
        else:
            self._tell("redis", None, "")
            # Only for partitions that are still ours: other workers report the others by now.
            still = {} if tasks is None else tasks.readiness()
            self._observer.ids({number: ids for number, ids in counts.items() if number in still})

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
        still = tasks.readiness()
        self._observer.lag({number: max(0, ends[TopicPartition(topic, number)] - done[number]) for number in owned if number in still})

    async def _done_up_to(self, consumer: AIOKafkaConsumer, tasks: PartitionTasks, number: int) -> int:
        """Up to which offset touchpoints are committed: from the task or, while it does not know, from the group."""
        known = tasks.done_up_to().get(number)
        if known is not None:
            return known
        place = TopicPartition(self._settings.topic_touchpoints, number)
        committed: int | None = await consumer.committed(place)
        if committed is not None:
            return committed
        begin = await (consumer.beginning_offsets([place]) if self._settings.start == "earliest" else consumer.end_offsets([place]))
        return int(begin[place])
