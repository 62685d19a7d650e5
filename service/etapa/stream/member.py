"""The worker's one service: a member of the consumer group that runs a task for each of its partitions.

It survives everything that waiting can fix: unreachable brokers or Redis, a broken consumer. It ends, and says why,
when the topics are unusable, or after an error that should not exist.
"""

import asyncio
import logging
from collections.abc import Coroutine, Iterator, Sequence
from functools import partial
from typing import Any, TypeVar

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import InconsistentGroupProtocolError
from mode import Service

from etapa.contracts.incoming.decoder import Decoder
from etapa.hosting.health import Health, WorkerError
from etapa.hosting.system_clock import SystemClock
from etapa.journey.engine.judging.program import Program
from etapa.settings import Settings
from etapa.stream.kafka.clients.consumer import stop_consumer, tell_of_slow_parser
from etapa.stream.kafka.cluster import Cluster
from etapa.stream.kafka.errors import KAFKA_FAILURES, describe
from etapa.stream.kafka.groups.broker_bounds import TimeoutRefused, about_timeout
from etapa.stream.kafka.groups.membership import about_another_rule
from etapa.stream.kafka.partition.log import KafkaLog
from etapa.stream.kafka.topics.creation import TopicsError, check_topics, may_have_grown, partition_count
from etapa.stream.kafka.topics.topic_ids import TopicWatch
from etapa.stream.lookout import Lookout
from etapa.stream.members_view import MembersView
from etapa.stream.protocol.belonging import NOT_ASKED_TO_MOVE
from etapa.stream.protocol.ports import ViewError
from etapa.stream.protocol.tenures.partition_tasks import PartitionTasks
from etapa.stream.protocol.tenures.task import AllRefused, PartitionTask
from etapa.stream.rebalances import Rebalances
from etapa.stream.redis.reader import ViewReader
from etapa.stream.redis.store import Store
from etapa.stream.task_setup import task_options
from etapa.stream.vital_signs import EVERY, PROBE_SECONDS, VitalSigns
from etapa.stream.worker_observer import WorkerObserver

_FIRST_BACKOFF, _LONGEST_BACKOFF, _LOOK_EVERY = 0.5, 10.0, 1.0
_REFUSED_PAUSE = 10.0
"""Seconds until a worker that cannot process any partition checks again."""

logger = logging.getLogger(__name__)
_T = TypeVar("_T")


class Member(Service):
    """Classifies the touchpoints of its partitions from start to stop. `ended` is set when it ends by itself, and `error` says why."""

    def __init__(self, settings: Settings, program: Program, observer: WorkerObserver, decoder: Decoder) -> None:
        """Raises `KafkaSettingsError`."""
        super().__init__()
        self._settings = settings
        self._program = program
        self._observer = observer
        self._cluster = Cluster(settings)
        self._vital_signs = VitalSigns(self._cluster, observer)
        self._looking: asyncio.Task[None] | None = None
        self._refusal = ""
        """Why no partition can be processed before an operator acts; empty when some can."""
        self._clock = SystemClock()
        self._options = task_options(settings, decoder)
        # Half of the time that the group allows, so that the other half is left for rejoining.
        self._stop_seconds = settings.session_timeout / 2_000_000
        self._store: Store | None = None
        self.view = MembersView(self._reader)
        """What all workers have stored in Redis."""
        self._lookout: Lookout | None = None
        self._consumer: AIOKafkaConsumer | None = None
        self._partitions: PartitionTasks | None = None
        self._work: asyncio.Task[None] | None = None
        self._no_member = ""
        """Why we could not join the group last time, in words; empty once we have joined."""
        self._stopping = asyncio.Event()
        self.ended = asyncio.Event()
        self.error: Exception | None = None

    async def on_start(self) -> None:
        """Start, and wait for servers that are not there yet. Raises `RedisUrlError`."""
        tell_of_slow_parser()
        self._store = Store(self._settings)
        self._lookout = Lookout(self._cluster, self._clock, self._observer)
        self._work = asyncio.create_task(self._run(self._cluster, self._store, self._lookout), name="etapa member")
        self._looking = asyncio.create_task(self._look(self._store), name="etapa vital signs")

    async def on_stop(self) -> None:
        """Finish and commit the current batches, show them in Redis, and leave the group."""
        self._stopping.set()
        if self._work is not None:
            await asyncio.wait({self._work})
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait({self._looking})
        if self._store is not None:
            await self._store.close()
            self._store = None

    async def _run(self, cluster: Cluster, store: Store, lookout: Lookout) -> None:
        try:
            await self._work_until_stopped(cluster, store, lookout)
        except Exception as error:  # noqa: BLE001 - kept for the code that runs the worker
            self.error = error
        finally:
            await lookout.stop()
            self.ended.set()

    async def _look(self, store: Store) -> None:
        while not self._stopping.is_set():
            try:
                await self._vital_signs.take(self._consumer, self._partitions, store.reader(), is_refused=bool(self._refusal))
            except Exception:
                logger.exception("a bug in Etapa: checking Kafka, Redis and the lag failed; the work goes on")
            await asyncio.sleep(EVERY)

    async def _work_until_stopped(self, cluster: Cluster, store: Store, lookout: Lookout) -> None:
        backoff = _FIRST_BACKOFF
        topics_checked = False
        while not self._stopping.is_set():
            try:
                if not topics_checked:
                    for warning in await self._unless_stopping(check_topics(cluster, for_links=self._options.follows_links)) or ():
                        logger.warning("%s", warning)
                    self._vital_signs.kafka_answers()
                    await self._unless_stopping(self._check_partition_count(cluster))
                    topics_checked = True
                    # Not earlier: asking for a topic by name may make a broker create it.
                    lookout.start()
                if await self._be_a_member(cluster, store):
                    backoff = _FIRST_BACKOFF
            except TopicsError as error:
                raise WorkerError(str(error)) from error
            except AllRefused as refusal:
                # It keeps running, so that operators can find the reason, and carries on by itself once the cause is gone.
                topics_checked = False
                await self._stay_refused(str(refusal))
                continue
            except TimeoutRefused as error:
                await self._stay_refused(await about_timeout(cluster, error))
                continue
            except InconsistentGroupProtocolError:
                # The other member may leave.
                self._no_member = await about_another_rule(cluster, self._settings.group, self._settings.topic_touchpoints)
                logger.error("%s", self._no_member)
            except KAFKA_FAILURES as error:
                self._no_member = await self._unless_stopping(self._vital_signs.no_kafka(error)) or describe(error)
                logger.warning("no work without %s", self._no_member)
            if not self._stopping.is_set():
                logger.warning("trying again in %g s", backoff)
                await self._unless_stopping(asyncio.sleep(backoff))
                backoff = min(_LONGEST_BACKOFF, 2 * backoff)

    async def _stay_refused(self, refusal: str) -> None:
        if refusal != self._refusal:
            logger.error("refusing to process any partition, and checking again every %g s: %s", _REFUSED_PAUSE, refusal)
        self._refusal = refusal
        self._vital_signs.tell_share(None, is_refused=True)
        await self._unless_stopping(asyncio.sleep(_REFUSED_PAUSE))

    async def _check_partition_count(self, cluster: Cluster) -> None:
        """Raises `AllRefused` when the view was made with another number: a partition that was added could not find that out by itself."""
        try:
            shown = await self._reader().partition_count()
        except ViewError as error:
            logger.warning("could not find out how many partitions the view was made with: %s", error)
            return
        count = await partition_count(cluster)
        if shown is not None and shown != count and not await may_have_grown(cluster, count):
            message = (
                f"the view in Redis was written when there were {shown} partitions, now {self._settings.topic_touchpoints} has {count};"
                f" {NOT_ASKED_TO_MOVE}"
            )
            raise AllRefused(message)

    async def _be_a_member(self, cluster: Cluster, store: Store) -> bool:
        """Be in the group until we stop or our consumer breaks. Returns whether partitions were ever assigned."""
        consumer = cluster.group_consumer()
        watch = TopicWatch(self._settings, consumer)

        def make(partition: int) -> tuple[PartitionTask, KafkaLog]:
            log = KafkaLog(cluster, partition, consumer, watch)
            log.transfers.on_withheld = partial(self._observer.withheld, partition)
            view = store.view(partition)
            return PartitionTask(partition, self._program, log, view, self._clock, self._observer, self._options, log.transfers), log

        tasks = PartitionTasks(make)
        rebalances = Rebalances(consumer, tasks, self._stop_seconds)
        self._refusal = ""
        watching: asyncio.Task[None] | None = None
        try:
            await self._unless_stopping(consumer.start())
            if not self._stopping.is_set():
                consumer.subscribe([self._settings.topic_touchpoints], listener=rebalances)
                self._consumer, self._partitions = consumer, tasks
                watching = asyncio.create_task(watch.run(), name="etapa topic watch")
                await self._watch(consumer, tasks, rebalances)
        finally:
            self._consumer = self._partitions = None
            if watching is not None:
                watching.cancel()
            await tasks.close(self._stop_seconds)
            await stop_consumer(consumer)
        return rebalances.assigned_once

    async def _watch(self, consumer: AIOKafkaConsumer, tasks: PartitionTasks, rebalances: Rebalances) -> None:
        """Wait until we stop. Raises when a task has given up, or when the consumer cannot go on."""
        stopping = asyncio.create_task(self._stopping.wait())
        coordinator = consumer._coordinator
        # aiokafka's own background tasks: when one of them ends, nothing is ever assigned or fetched again.
        background = {coordinator._coordination_task, consumer._fetcher.error_future}
        try:
            while not stopping.done():
                await asyncio.wait(
                    {stopping, tasks.ended, rebalances.failed, *background}, timeout=_LOOK_EVERY, return_when="FIRST_COMPLETED"
                )
                if tasks.ended.done():
                    tasks.ended.result()
                if rebalances.failed.done():
                    rebalances.failed.result()
                if not stopping.done():
                    for task in background:
                        if task.done():
                            task.result()
                            raise ConnectionError("the consumer has stopped fetching")
                    if tasks.readiness():
                        self._no_member = ""
                    else:
                        # Otherwise the tasks find the errors when they read.
                        coordinator.check_errors()
        finally:
            stopping.cancel()

    async def _unless_stopping(self, work: Coroutine[Any, Any, _T]) -> _T | None:
        """The result of `work`, or none at once when we are asked to stop."""
        task, stopping = asyncio.ensure_future(work), asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait({task, stopping}, return_when="FIRST_COMPLETED")
            if task.done():
                return task.result()
            task.cancel()
            await asyncio.wait({task})
            return None
        finally:
            stopping.cancel()
            task.cancel()

    def _reader(self) -> ViewReader:
        if self._store is None:
            raise ViewError("the worker has no connection to Redis: it is starting or stopping")
        return self._store.reader()

    async def health(self) -> Sequence[Health]:
        """The current health of everything we need: Kafka, Redis, and each of our partitions."""
        if self._refusal:
            return [Health("partitions", ready=False, detail=f"refused: {self._refusal}")]
        kafka, redis = await asyncio.gather(self._kafka_health(), self._redis_health())
        beside = () if self._lookout is None else self._lookout.health()
        return [kafka, *redis, *beside, *self._partitions_health()]

    def _partitions_health(self) -> Iterator[Health]:
        tasks = self._partitions
        if tasks is None:
            return
        for number, ready in sorted(tasks.readiness().items()):
            yield Health(f"partition {number}", ready, tasks.remark(number) if ready else tasks.trouble(number))

    async def _kafka_health(self) -> Health:
        consumer = self._consumer
        why = f": {self._no_member}" if self._no_member else ""
        if consumer is None:
            return Health("kafka", ready=False, detail=f"not a member of the consumer group{why}")
        if not consumer._subscription.subscription.assignment:
            return Health("kafka", ready=False, detail=f"waiting for the group to assign partitions{why}")
        place = TopicPartition(self._settings.topic_touchpoints, 0)
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                await consumer.end_offsets([place])
        except KAFKA_FAILURES as error:
            return Health("kafka", ready=False, detail=self._vital_signs.troubles.get("kafka") or describe(error))
        return Health("kafka", ready=True)

    async def _redis_health(self) -> list[Health]:
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                problem = await self._reader().eviction_policy_problem()
        except (ViewError, TimeoutError) as error:
            return [Health("redis", ready=False, detail=self._vital_signs.troubles.get("redis") or str(error) or "no answer")]
        return [Health("redis", ready=True), Health("redis maxmemory-policy", ready=problem is None, detail=problem or "")]
