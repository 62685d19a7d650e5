"""Passes assignments and revocations of the consumer group on to the partition tasks."""

import asyncio
import logging

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition

from etapa.settings import variable_of
from etapa.stream.kafka.clients.named_member import forgotten_name, look_out_for_more_partitions
from etapa.stream.protocol.tenures.partition_tasks import PartitionTasks

logger = logging.getLogger(__name__)


class Rebalances(ConsumerRebalanceListener):  # type: ignore[misc]
    """Starts and stops the tasks as the group decides. aiokafka swallows a listener's errors, so they are kept in `failed`."""

    def __init__(self, consumer: AIOKafkaConsumer, tasks: PartitionTasks, stop_seconds: float) -> None:
        self._consumer = consumer
        self._tasks = tasks
        self._stop_seconds = stop_seconds
        self.assigned_once = False
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        """Finish the current batches before the partitions go to another member. The group waits for us."""
        name = forgotten_name(self._consumer) if self.assigned_once else None
        if name is not None:
            logger.warning(
                "the group does not know this process as %s any more: another one runs under that name, which %s must give to one only,"
                " or this one was silent for longer than %s",
                name,
                variable_of("group_instance"),
                variable_of("session_timeout"),
            )
        try:
            await self._tasks.stop(self._stop_seconds)
        except Exception as error:
            self._fail(error)
            raise

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        """Begin to take over, without waiting for the end: heartbeats wait for this method."""
        try:
            # A task's first seek resumes the partition. Until then nothing is fetched from wherever the group's offset is.
            self._consumer.pause(*assigned)
            look_out_for_more_partitions(self._consumer)
            self._tasks.start(place.partition for place in assigned)
            self.assigned_once = True
        except Exception as error:
            self._fail(error)
            raise

    def _fail(self, error: Exception) -> None:
        if not self.failed.done():
            self.failed.set_exception(error)
            self.failed.exception()
