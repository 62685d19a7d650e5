"""Checks that every transaction in a partition has ended, also for its readers.

Kafka writes the end of a transaction into each of its partitions. If such a marker is lost (a partition lost its only leader at
that moment, or an unclean leader election), the transaction hangs there: readers of committed records never get past it, and
the marker of the same producer's next transaction ends it, too, whether with a commit or an abort.

All partitions of the group write to `transfers`, so there the leaders are asked whose transactions are open. What we left there, and others
would read as sent once we commit, has the numbers that our next transfers would have; these would be taken for repeats.
"""

import asyncio
import contextlib
import time
from collections.abc import Sequence

import msgspec
from aiokafka import TopicPartition

from etapa.stream.kafka.clients.consumer import stop_consumer
from etapa.stream.kafka.cluster import Cluster
from etapa.stream.kafka.errors import log_errors
from etapa.stream.kafka.transactions.open_transactions import open_transactions
from etapa.stream.protocol.ports import TransactionHangs

SETTLE_SECONDS = 2.0
"""How long markers may take to become visible to readers."""
_PAUSE_SECONDS = 0.05


class Hanging(msgspec.Struct, frozen=True):
    """A transaction that has not ended in a partition."""

    topic: str
    partition: int
    start: int
    """Its first offset. Committed records are readable up to here."""
    end: int | None
    """The offset after the partition's last record; none where it was not asked for."""


async def see_that_all_is_settled(cluster: Cluster, partition: int, written: Sequence[str], transfers: int, producer_id: int) -> None:
    """Look for transactions that hang in `partition` of the topics `written`, and for ours in all `transfers` partitions of that topic.

    To be called right after the fence, with the producer id that it gave. Raises `TransactionHangs` and `LogError`.
    """
    places = [TopicPartition(topic, partition) for topic in written]
    shared = [TopicPartition(cluster.settings.topic_transfers, place) for place in range(transfers)]
    with log_errors(f"partition {partition}: looking for transactions that hang"):
        async with asyncio.timeout(cluster.session_seconds):
            found = await asyncio.gather(hanging_transactions(cluster, places), own_hanging_transactions(cluster, shared, producer_id))
    if hanging := [*found[0], *found[1]]:
        raise TransactionHangs(describe_hanging(partition, cluster.settings.kafka_bootstrap_servers, hanging))


async def own_hanging_transactions(cluster: Cluster, places: Sequence[TopicPartition], producer_id: int) -> list[Hanging]:
    """The transactions of this producer that are open in `places`, and still are after a while. Others' do not matter.

    Raises what aiokafka raises.
    """
    if not places:
        return []
    async with cluster.admin() as admin:
        deadline = time.monotonic() + SETTLE_SECONDS
        while True:
            found = await open_transactions(admin._client, places)
            hanging = [Hanging(one.place.topic, one.place.partition, one.start, None) for one in found if one.producer_id == producer_id]
            if not hanging or time.monotonic() > deadline:
                return hanging
            await asyncio.sleep(_PAUSE_SECONDS)


async def hanging_transactions(cluster: Cluster, places: Sequence[TopicPartition]) -> list[Hanging]:
    """The transactions in `places` that were open at the beginning and still are after a while.

    Right after the fence of the only producer that writes there, these hang for good. Raises what aiokafka raises.
    """
    async with contextlib.AsyncExitStack() as closing:
        written, committed = (cluster.reading_consumer(isolation) for isolation in ("read_uncommitted", "read_committed"))
        for consumer in (written, committed):
            closing.push_async_callback(stop_consumer, consumer)
        await asyncio.gather(written.start(), committed.start())
        for consumer in (written, committed):
            # Only so that it knows the leaders of these partitions; no records are read.
            consumer.assign(places)
            consumer.pause(*places)
        # In this order: anything that a successor begins in the meantime is beyond these ends.
        ends = await written.end_offsets(places)
        deadline = time.monotonic() + SETTLE_SECONDS
        while True:
            stable = await committed.end_offsets(places)
            hanging = [Hanging(place.topic, place.partition, stable[place], ends[place]) for place in places if stable[place] < ends[place]]
            if not hanging or time.monotonic() > deadline:
                return hanging
            await asyncio.sleep(_PAUSE_SECONDS)


def describe_hanging(partition: int, bootstrap_servers: str, hanging: Sequence[Hanging]) -> str:
    """What is wrong, where, and what to do about it."""
    where = ", ".join(
        f"{one.topic} (partition {one.partition}, from offset {one.start}{'' if one.end is None else f', its end is {one.end}'})"
        for one in hanging
    )
    commands = "; ".join(
        f"kafka-transactions.sh --bootstrap-server {bootstrap_servers} abort --topic {one.topic} --partition {one.partition}"
        f" --start-offset {one.start}"
        for one in hanging
    )
    return (
        f"partition {partition}: a transaction hangs in {where}. Kafka lost the marker that ends it, so nothing after these offsets can be "
        "read, and to go on would publish its records again. Read 'A transaction that hangs' in docs/operations.md, then end it in all of "
        f"these places: {commands}"
    )
