"""Passes assignments and revocations of the consumer group on to the partition tasks."""

import asyncio

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition

from etapa.stream.protocol.tenures.partition_tasks import PartitionTasks


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
            self._tasks.start(place.partition for place in assigned)
            self.assigned_once = True
        except Exception as error:
            self._fail(error)
            raise

    def _fail(self, error: Exception) -> None:
        if not self.failed.done():
            self.failed.set_exception(error)
            self.failed.exception()
