"""What the consumer group gives and takes, handed on to the partition tasks."""

import asyncio

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition

from etapa.stream.protocol.partition_tasks import PartitionTasks


class Rebalances(ConsumerRebalanceListener):  # type: ignore[misc]
    """Stops and starts the tasks as the group says. aiokafka swallows what a listener raises, so it is kept in `failed`."""

    def __init__(self, consumer: AIOKafkaConsumer, tasks: PartitionTasks, stop_seconds: float) -> None:
        self._consumer = consumer
        self._tasks = tasks
        self._stop_seconds = stop_seconds
        self.assigned_once = False
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        """Finish what is at hand before somebody else may be given it. The group waits for us meanwhile."""
        try:
            await self._tasks.stop(self._stop_seconds)
        except Exception as error:
            self._fail(error)
            raise

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        """Begin to take over; this must not wait for it, because the group's heartbeats do."""
        try:
            # A task's first seek lets it go. Until then nothing is fetched from where the group's offset happens to be.
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
