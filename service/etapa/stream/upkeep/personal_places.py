"""Where records about a customer may be: in its home partition, or, once customers have moved between partitions, in any of them."""

from collections.abc import Sequence

import msgspec

from etapa.contracts.partitioner import partition_of
from etapa.contracts.stored.mark import MarkError
from etapa.stream.kafka.cluster import Cluster
from etapa.stream.kafka.errors import log_errors
from etapa.stream.kafka.topics.creation import TopicsError, partition_count
from etapa.stream.protocol.belonging import PartitionRefused
from etapa.stream.protocol.ports import LogError
from etapa.stream.upkeep.repartition import MovesReader


class PersonalPlaces(msgspec.Struct, frozen=True):
    """What to read for one customer."""

    home: int
    """The partition in which the customer lives if nobody is moving."""
    partitions: Sequence[int]
    """Those of every topic but `transfers` that may hold records of the customer."""
    all_partitions: int
    """How many there are."""
    transfers: int = 0
    """How many partitions `transfers` has; 0 if it does not exist, or access control hides it."""
    is_transfers_hidden: bool = False
    """Whether customers have moved, and `transfers` cannot be seen."""


async def personal_places(cluster: Cluster, customer_id: str, partitions: int) -> PersonalPlaces:
    """Ask the partitions' marks whether customers ever moved. `partitions`: how many there are. Raises `LogError` and `MarkError`."""
    try:
        async with MovesReader(cluster) as moves:
            layout = (await moves.now(partitions)).layout
    except PartitionRefused as error:
        raise MarkError(str(error)) from error
    transfers = await topic_partitions(cluster, cluster.settings.topic_transfers) or 0
    if layout is None:
        home = partition_of(customer_id, partitions)
        return PersonalPlaces(home, range(partitions) if transfers else [home], partitions, transfers)
    # While partitions are being added, nobody can write to a new one yet.
    home = partition_of(customer_id, layout.partitions if layout.partitions <= partitions else layout.before)
    return PersonalPlaces(home, range(partitions), partitions, transfers, transfers == 0)


async def topic_partitions(cluster: Cluster, topic: str) -> int | None:
    """How many partitions a topic has; none if it does not exist, or access control hides it."""
    try:
        with log_errors(f"asking for {topic}"):
            return await partition_count(cluster, topic)
    except (TopicsError, LogError):
        return None
