"""Accepts a topic that was deleted and created again on purpose: writes its new id into the mark of each partition.

The mark is written as a worker would write it, in a transaction of the partition's own producer. So the partition's owner is fenced, and
finds the new mark when it takes over again; a worker that refuses the partition checks again within seconds.
"""

from etapa.contracts.stored.mark import MARK_KEY, TopicRole, encode_mark
from etapa.errors import EtapaError
from etapa.stream.kafka.clients.consumer import stop_consumer
from etapa.stream.kafka.cluster import Cluster
from etapa.stream.kafka.errors import log_errors
from etapa.stream.kafka.partition.log import KafkaLog
from etapa.stream.protocol.belonging import LastMark, refuse_what_is_of_others, replaced
from etapa.stream.protocol.ports import Fenced, Log, Topics, Transaction
from etapa.stream.protocol.takeover import last_mark

TRIES = 5
"""How many times to try a partition if its owner takes it over in the meantime."""


class NothingProcessed(EtapaError):
    """The partition holds no mark, so no topic can have been replaced."""


async def accept_replacement(cluster: Cluster, partition: int, role: TopicRole) -> bool:
    """Rewrite the mark of one partition. Returns false when it knows this topic already.

    Raises `LogError`, `MarkError`, `NothingProcessed`, and `PartitionRefused` when the partition is not ours.
    """
    consumer = cluster.reading_consumer()
    try:
        with log_errors("asking for the topics"):
            await consumer.start()
        log = KafkaLog(cluster, partition, consumer)
        try:
            return await accept_in(log, partition, cluster.settings.group, role)
        finally:
            await log.close()
    finally:
        await stop_consumer(consumer)


async def accept_in(log: Log, partition: int, group: str, role: TopicRole) -> bool:
    """Like `accept_replacement`, for a partition of any log."""
    for tries_left in reversed(range(TRIES)):
        topics = await log.topics()
        last = await _mark_of(log, partition, group, topics)
        # Fence only if there is something to write, because that interrupts the partition's owner.
        if replaced(last.mark, role, topics) is None:
            return False
        try:
            await _write(log, partition, group, role, topics)
        except Fenced:
            if not tries_left:
                raise
        else:
            return True
    return False


async def _mark_of(log: Log, partition: int, group: str, topics: Topics) -> LastMark:
    last = await last_mark(log, *await log.state_range())
    if last is None:
        raise NothingProcessed(
            f"partition {partition} of customer-state holds no mark: nothing was ever processed, so any topic is accepted"
        )
    refuse_what_is_of_others(partition, group, topics, None, last)
    return last


async def _write(log: Log, partition: int, group: str, role: TopicRole, topics: Topics) -> None:
    await log.fence()
    last = await _mark_of(log, partition, group, topics)
    mark = replaced(last.mark, role, topics)
    if mark is not None:
        await log.commit(Transaction([], [], [], [], MARK_KEY, encode_mark(mark), mark.through + 1))
