"""Taking a partition over where customers move to other partitions."""

from collections.abc import Sequence

import msgspec
import pytest

from etapa.contracts.partitioner import partition_of
from etapa.contracts.stored.made_touchpoint import encode_made
from etapa.contracts.stored.transfer import (
    ANNOUNCER,
    CustomerUnknown,
    LayoutAnnounced,
    Sent,
    TopicLayout,
    TouchpointForwarded,
    Transfer,
    decode_transfer,
    encode_transfer,
)
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.stream.protocol.belonging import PartitionRefused
from etapa.stream.protocol.forwarded_items import sent_along
from etapa.stream.protocol.records import Outgoing, Record
from tests.simulation.machines.memory_transfers import MemoryTransfers
from tests.simulation.one_worker.alone import OPTIONS, START, Alone


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


@pytest.mark.parametrize("others", [(), (CustomerUnknown("somebody", TopicLayout(1, 3, 2)),)], ids=["alone", "with others in its batch"])
def test_what_a_source_made_elsewhere_goes_on_as_it_was_made_through_a_worker_without_that_source(others: Sequence[Sent]) -> None:
    layout = TopicLayout(1, 3, 2)
    who = next(name for name in (f"c{number}" for number in range(99)) if (partition_of(name, 2), partition_of(name, 3)) == (0, 2))
    made = encode_made(Touchpoint("t-1", who, "view", START))
    original = Record(7, START, b"anything", b"<original/>", [("source", b"till")])
    alone = Alone()
    alone.broker.transfers = [MemoryTransfers(), MemoryTransfers(), MemoryTransfers()]
    forwarded = sent_along(original, (1, 7), layout, made, is_needed=False)
    announced = Transfer(sender=ANNOUNCER, number=0, sent=LayoutAnnounced(layout))
    for transfer in (announced, *(Transfer(sender=1, number=place, sent=sent) for place, sent in enumerate((*others, forwarded), start=1))):
        alone.broker.transfers[0].append(Outgoing(None, encode_transfer(transfer)), "committed")
    alone.worker()
    alone.run(alone.work_until(lambda: bool(forwarded_to(alone, 2))))
    assert forwarded_to(alone, 2) == [forwarded]


def forwarded_to(alone: Alone, place: int) -> list[TouchpointForwarded]:
    """The touchpoints that were forwarded to another place."""
    sent = [decode_transfer(one.value).sent for each in alone.broker.committed for to, one in each.transaction.transfers if to == place]
    return [one for one in sent if isinstance(one, TouchpointForwarded)]
