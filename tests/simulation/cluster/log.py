"""The partition's log as a worker on the simulated cluster uses it: our own adapter fences and commits through aiokafka."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, cast

from aiokafka import AIOKafkaConsumer

from etapa.stream.kafka.cluster import Cluster
from etapa.stream.kafka.partition.log import KafkaLog
from etapa.stream.kafka.partition.settled import SETTLE_SECONDS
from etapa.stream.kafka.topics.topic_ids import TopicWatch
from etapa.stream.protocol.ports import Fetched, RecentChanges, Topics, Transaction, TransactionHangs
from tests.simulation.cluster.readable import ClusterBroker
from tests.simulation.machines.memory_log import MemoryLog, no_answer
from tests.simulation.machines.process import Process

_LOOKS_EVERY = 0.05


class _AllAreThere(TopicWatch):
    """Never finds a topic missing: none is deleted in this world."""

    async def see_that_all_are_there(self, partition: int) -> Topics:
        """Ask nobody."""
        return Topics(partition + 1, {}, {})


class ClusterLog(KafkaLog):
    """`KafkaLog`, except that it reads directly from the brokers instead of through aiokafka's consumers."""

    def __init__(self, cluster: Cluster, broker: ClusterBroker, process: Process, portion: Callable[[int], int]) -> None:
        no_consumer = cast("AIOKafkaConsumer", None)
        super().__init__(cluster, broker.number, no_consumer, _AllAreThere(cluster.settings, no_consumer))
        self._broker = broker
        self._process = process
        self._reading = MemoryLog(broker, process, portion)

    def revoke(self) -> None:
        self._reading.revoke()

    async def _see_that_all_is_settled(self, transfers: int, producer_id: int) -> None:
        ends = await self._process.call("ends", lambda: self._broker.ends, no_answer)
        deadline = asyncio.get_running_loop().time() + SETTLE_SECONDS
        while hanging := await self._process.call("settled", lambda: self._broker.unsettled(ends), no_answer):
            if asyncio.get_running_loop().time() > deadline:
                raise TransactionHangs(f"a transaction hangs in {', '.join(hanging)}")
            await self._process.sleep(_LOOKS_EVERY)

    async def _ask_for_limits(self) -> None:
        """The topics accept records up to the brokers' default size."""

    async def state_range(self) -> tuple[int, int]:
        return await self._reading.state_range()

    async def states(self, start: int, end: int) -> AsyncIterator[Any]:
        async for chunk in self._reading.states(start, end):
            yield chunk

    async def touchpoint_range(self) -> tuple[int, int]:
        return await self._reading.touchpoint_range()

    async def group_offset(self) -> int | None:
        return await self._reading.group_offset()

    async def topics(self) -> Topics:
        return await self._reading.topics()

    async def recent_changes(self) -> RecentChanges:
        return await self._reading.recent_changes()

    def seek(self, offset: int) -> None:
        self._reading.seek(offset)

    async def fetch(self, max_records: int, max_bytes: int, wait: float) -> Fetched:
        return await self._reading.fetch(max_records, max_bytes, wait)

    async def commit(self, transaction: Transaction) -> int:
        self._broker.attempt(transaction)
        offset = await super().commit(transaction)
        self._broker.told(transaction, offset)
        return offset
