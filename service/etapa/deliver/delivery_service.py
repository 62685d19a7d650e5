"""Delivery as one service in a Faust app: it starts the parts that deliver, commit and watch, and finishes what was begun when it stops."""

import asyncio
import itertools
import logging
import random
from collections.abc import Mapping, Sequence
from typing import Any

from aiokafka.errors import UnknownTopicOrPartitionError
from mode import Service

from etapa.contracts.trace import trace_of
from etapa.deliver.attempts.target_answers import Answer
from etapa.deliver.catch_up import CatchUp
from etapa.deliver.delivery_file.plan import Plan, Target
from etapa.deliver.delivery_file.secrets_found import Credentials
from etapa.deliver.dispatch.dead_letter_writer import DeadLetterWriter
from etapa.deliver.dispatch.dispatcher import Dispatcher
from etapa.deliver.dispatch.pending_trigger import PendingTrigger
from etapa.deliver.dispatch.request_tracer import RequestTracer
from etapa.deliver.dispatch.target_queue import TargetQueue
from etapa.deliver.dispatch.webhook import Webhooks
from etapa.deliver.faust_consumer import DeliveryApp, DeliveryConsumer
from etapa.deliver.group import GroupWatch
from etapa.deliver.metrics import DeliveryMetrics
from etapa.deliver.offsets.progress_log import ProgressLog
from etapa.hosting.health import Health
from etapa.hosting.system_clock import SystemClock
from etapa.journey.units import SECOND
from etapa.stream.kafka.causes import cause_in_kafka
from etapa.stream.kafka.cluster import Cluster
from etapa.stream.kafka.diagnosis.probe import in_words, trouble_behind
from etapa.stream.kafka.errors import KAFKA_FAILURES, describe
from etapa.stream.kafka.topics.topic_ids import about_missing_topics

_COMMIT_EVERY = 0.5
_LAG_EVERY = 4
"""How many commits there are between two checks of the partitions' ends."""
_LOST_AFTER = 120.0
"""Seconds after which a record that Faust fetched but did not hand over counts as lost."""
_PROBE_SECONDS = 3.0

logger = logging.getLogger(__name__)


class DeliveryService(Service):
    """Delivers from start to stop. `ended` is set when it ends by itself; `error` says why."""

    def __init__(
        self,
        cluster: Cluster,
        plan: Plan,
        credentials: Mapping[str, Credentials],
        metrics: DeliveryMetrics,
        tracer: RequestTracer | None = None,
    ) -> None:
        super().__init__()
        settings = cluster.settings
        self._settings = settings
        self._plan = plan
        self._credentials = credentials
        self._metrics = metrics
        self._tracer = tracer
        self._clock = SystemClock()
        self._webhooks = Webhooks(plan.allow_internal)
        self._dead_letters = DeadLetterWriter(cluster)
        self.progress_log = ProgressLog(cluster, plan.routing)
        self.dispatcher = Dispatcher(plan, settings.delivery_window, self._dead_letters.write, metrics)
        # This randomness spreads retries; no secret depends on it.
        chance = random.random
        self._queues = {
            target.id: TargetQueue(target, self._poster(target), self.dispatcher, self._clock, chance) for target in plan.targets
        }
        self.dispatcher.use_queues(self._queues)
        self._catch_up = CatchUp(cluster, self.dispatcher, settings.delivery_window, metrics)
        self._group = GroupWatch(cluster, metrics)
        self._app: DeliveryApp | None = None
        self._cluster = cluster
        self._kafka_trouble = ""
        """Why the last request to Kafka failed, in words; empty when it succeeded."""
        self._jobs: list[asyncio.Task[None]] = []
        self._first_waiting: dict[int, tuple[int, float]] = {}
        # Half of the time that the group gives a member, which leaves the other half for joining again.
        self.hand_back_seconds = settings.session_timeout / 2_000_000
        self.ended = asyncio.Event()
        self.error: Exception | None = None
        self.kept_all = True
        """Whether all progress was stored at the end."""

    def serve(self, app: DeliveryApp) -> None:
        """Set the app whose consumer commits for this service."""
        self._app = app

    @property
    def _consumer(self) -> DeliveryConsumer | None:
        consumer = self._app._consumer if self._app is not None else None
        return consumer if isinstance(consumer, DeliveryConsumer) else None

    def _poster(self, target: Target) -> Any:
        async def send(delivery: PendingTrigger, trace: Mapping[str, str]) -> Answer:
            return await self._webhooks.post(
                target,
                self._credentials[target.id],
                delivery.campaign,
                delivery.trigger_id,
                delivery.value or b"",
                self._clock.now() // SECOND,
                trace,
            )

        async def post(delivery: PendingTrigger) -> Answer:
            trace = {name: value.decode("ascii") for name, value in trace_of(delivery.headers)}
            if self._tracer is None:
                return await send(delivery, trace)
            with self._tracer.request(target.id, delivery.campaign, delivery.requests, trace) as request:
                answer = await send(delivery, request.headers)
                request.answered(answer)
            return answer

        return post

    async def on_start(self) -> None:
        """Begin."""
        await self._webhooks.__aenter__()
        self._jobs = [
            *(queue.start() for queue in self._queues.values()),
            asyncio.create_task(self._dead_letters.run(), name="etapa writing dead letters"),
            asyncio.create_task(self._catch_up.run(), name="etapa catching up"),
            asyncio.create_task(self._commit(), name="etapa committing deliveries"),
        ]
        self._jobs.append(asyncio.create_task(self._watch(list(self._jobs)), name="etapa watching delivery"))

    async def on_stop(self) -> None:
        """Start nothing new, let requests in progress end, and commit what is finished."""
        # First the queues, then the writer of dead letters, finish what was begun.
        first_other = len(self._queues) + 1
        await _ended(self._jobs[first_other:])
        progress = await self.dispatcher.hand_back(set(self.dispatcher.progress), self.longest_request)
        self.dispatcher.progress.update(progress)
        if self._consumer is not None and progress:
            self.kept_all = await self._consumer.keep_progress() or not any(each.has_settled for each in progress.values())
        self.dispatcher.progress.clear()
        for queue in self._queues.values():
            await queue.stop()
        await _ended(self._jobs[:first_other])
        await self._dead_letters.close()
        await self.progress_log.stop()
        await self._webhooks.__aexit__()

    @property
    def longest_request(self) -> float:
        """The longest time that a request may take, in seconds."""
        return max(target.timeout for target in self._plan.targets) / SECOND

    async def _commit(self) -> None:
        for turn in itertools.count():
            await asyncio.sleep(_COMMIT_EVERY)
            consumer = self._consumer
            if consumer is not None:
                await consumer.keep_progress()
                if turn % _LAG_EVERY == 0 and consumer.is_assigned():
                    await self._measure_lag(consumer)
            self._tell()

    async def _measure_lag(self, consumer: DeliveryConsumer) -> None:
        try:
            async with asyncio.timeout(_PROBE_SECONDS):
                await consumer.see_that_it_is_the_same_topic()
                ends = await consumer.ends()
        except KAFKA_FAILURES as error:
            before = self._kafka_trouble
            words = await self.no_kafka(error)
            logger.log(logging.INFO if words == before else logging.WARNING, "the lag cannot be measured now: %s", words)
        else:
            self.kafka_answers()
            self._metrics.lag(
                {partition: self._lag(partition, *ends[partition]) for partition in self.dispatcher.progress if partition in ends}
            )

    async def no_kafka(self, error: BaseException) -> str:
        """A request to Kafka failed. Finds out why, reports it, and returns it in words."""
        trouble = await trouble_behind(self._cluster, error)
        self._kafka_trouble = in_words(self._cluster.settings, trouble, describe(error))
        if trouble is None and isinstance(error, UnknownTopicOrPartitionError):
            self._kafka_trouble = about_missing_topics(str(error.args[0]))
        self._metrics.dependencies.told("kafka", cause_in_kafka(error) if trouble is None else trouble.cause)
        return self._kafka_trouble

    def kafka_answers(self) -> None:
        """A request to Kafka succeeded."""
        self._kafka_trouble = ""
        self._metrics.dependencies.told("kafka", None)

    def _tell(self) -> None:
        progress = self.dispatcher.progress.values()
        for target in self._queues:
            held = sum(each.open_in(target) for each in progress)
            self._metrics.held(target, held, sum(target in each.behind for each in progress))

    async def _watch(self, tasks: Sequence[asyncio.Task[None]]) -> None:
        """Wait for anything that must end delivery."""
        crashed = asyncio.ensure_future(self._crashed.wait())
        ends: set[asyncio.Future[Any]] = {*tasks, self.dispatcher.failed, crashed}
        try:
            while True:
                await asyncio.wait(ends, timeout=1.0, return_when="FIRST_COMPLETED")
                if self.dispatcher.failed.done():
                    self.dispatcher.failed.result()
                for task in tasks:
                    if task.done():
                        task.result()
                        raise RuntimeError(f"{task.get_name()} ended")
                if crashed.done():
                    raise RuntimeError(f"Faust gave up: {self.crash_reason!r}")
                self._look_for_lost_records()
                if self._consumer is not None:
                    await self._group.look(self._consumer)
        except Exception as error:  # noqa: BLE001 - passed on to the caller that runs this
            self.error = error
            self.ended.set()
        finally:
            crashed.cancel()

    def _look_for_lost_records(self) -> None:
        now = self._clock.monotonic()
        seen = {}
        for partition, progress in self.dispatcher.progress.items():
            offset = progress.first_waiting
            if offset is None:
                continue
            before = self._first_waiting.get(partition)
            seen[partition] = before if before is not None and before[0] == offset else (offset, now)
            if now - seen[partition][1] > _LOST_AFTER:
                raise RuntimeError(
                    f"partition {partition}: Faust fetched offset {offset} and never handed it over; it is read again after a restart"
                )
        self._first_waiting = seen

    def _lag(self, partition: int, position: int, end: int) -> int:
        progress = self.dispatcher.progress[partition]
        # When nothing is under way, everything read is finished, however many offsets transaction markers take up.
        place = None if progress.is_idle else progress.committable()
        return max(0, end - (position if place is None else place))

    async def health(self) -> Sequence[Health]:
        """Check everything that must work, now."""
        consumer = self._consumer
        if consumer is None or not consumer.is_assigned():
            waiting = "waiting for the group to assign partitions" + (f": {self._group.trouble}" if self._group.trouble else "")
            return [Health("kafka", ready=False, detail=self._kafka_trouble or waiting)]
        try:
            async with asyncio.timeout(_PROBE_SECONDS):
                ends = await consumer.ends()
        except KAFKA_FAILURES:
            return [Health("kafka", ready=False, detail=self._kafka_trouble or "does not answer")]
        partitions = [
            Health(
                f"partition {number}", number in self.dispatcher.progress, "" if number in self.dispatcher.progress else "being taken over"
            )
            for number in sorted(ends)
        ]
        # This stays until a request to Kafka has succeeded again; even when a topic is gone, offsets that are still known can be asked for.
        return [Health("kafka", ready=not self._kafka_trouble, detail=self._kafka_trouble), *partitions]


async def _ended(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(set(tasks))
