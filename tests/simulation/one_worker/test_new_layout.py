"""Taking a partition over where customers move to other partitions."""

import msgspec
import pytest

from etapa.contracts.stored.transfer import ANNOUNCER, LayoutAnnounced, TopicLayout, Transfer, encode_transfer
from etapa.stream.protocol.belonging import PartitionRefused
from etapa.stream.protocol.records import Outgoing
from tests.simulation.machines.memory_transfers import MemoryTransfers
from tests.simulation.one_worker.alone import OPTIONS, Alone
from tests.simulation.worlds.sourced import source_decoder


def announced(alone: Alone) -> None:
    """A new layout was announced to the partition."""
    alone.broker.transfers = [MemoryTransfers(), MemoryTransfers()]
    sent = Transfer(sender=ANNOUNCER, number=0, sent=LayoutAnnounced(TopicLayout(1, 2, 1)))
    alone.broker.transfers[0].append(Outgoing(None, encode_transfer(sent)), "committed")


def test_a_partition_that_a_new_layout_added_begins_at_its_earliest_whatever_the_settings_say() -> None:
    alone = Alone(msgspec.structs.replace(OPTIONS, start="latest"))
    announced(alone)
    alone.touch("before")
    alone.worker()
    alone.run(alone.drain())
    mark = alone.last_mark()
    assert mark is not None
    assert mark.moving is not None
    assert (mark.through, mark.moving.layout) == (0, TopicLayout(1, 2, 1))


def test_once_customers_have_moved_a_partition_is_refused_without_the_topic_through_which_they_did() -> None:
    alone = Alone()
    announced(alone)
    alone.touch("a")
    alone.worker()
    alone.run(alone.drain())
    alone.broker.transfers = ()
    alone.worker()
    with pytest.raises(PartitionRefused, match="customers have moved through the topic transfers, and Kafka has no such topic"):
        alone.run(alone.drain())


def test_where_customers_may_move_a_worker_that_reads_with_a_source_refuses_and_says_what_would_be_right() -> None:
    alone = Alone(msgspec.structs.replace(OPTIONS, decoder=source_decoder()))
    announced(alone)
    alone.worker()
    with pytest.raises(
        PartitionRefused, match=r"partition 0: there is a topic transfers, .*ETAPA_SOURCE\) cannot be forwarded .* unset ETAPA_SOURCE"
    ):
        alone.run(alone.drain())
    assert alone.last_mark() is None
