"""A partition as a worker leaves it: its customers' states and marks in `customer-state`, through the worker's own producer."""

from collections.abc import Sequence

from bench.workload.population import Population
from etapa.contracts.stored.mark import MARK_KEY, Mark, encode_mark
from etapa.settings import Settings
from etapa.stream.kafka.cluster import Cluster
from etapa.stream.kafka.writing.producer import PartitionProducer
from etapa.stream.protocol.ports import VIEW_FORMAT, Transaction, ViewMark
from etapa.stream.protocol.records import Applied, Outgoing

BATCH = 5_000


async def seed(settings: Settings, partition: int, partitions: int, customers: Sequence[Applied], population: Population) -> ViewMark:
    """Commit the states in batches of the worker's size. Gives the mark that a view has that shows all of them."""
    producer = PartitionProducer(Cluster(settings), partition)
    await producer.start()
    common = population.common
    [version] = common.memories
    offset = -1
    try:
        for start in range(0, len(customers), BATCH):
            states = [Outgoing(one.customer_id.encode(), one.state) for one in customers[start : start + BATCH]]
            mark = Mark(
                group=settings.group,
                partitions=partitions,
                through=-1,
                stream_time=None,
                journey="retail",
                version=version,
                memories=dict(common.memories),
                names=common.names,
            )
            offset = await producer.commit(Transaction((), (), (), states, MARK_KEY, encode_mark(mark), 0))
    finally:
        await producer.close()
    return ViewMark(offset, -1, None, settings.group, partitions, VIEW_FORMAT, memories=common.memories, names=common.names)
