import json
from collections import Counter
from collections.abc import Iterator
from itertools import count, islice

import pytest
from confluent_kafka import Consumer, TopicPartition

from etapa.contracts.partitioner import partition_of
from etapa.embedded.broker import KEPT_BYTES_PER_PARTITION, PARTITIONS, PrivateBroker
from etapa.embedded.feeder import Feeder
from etapa.embedded.shoppers import SentTouchpoint, ShoppingTrip, touchpoints

PLAN = ShoppingTrip(seed=1, start=1_700_000_000_000_000, end=1_790_000_000_000_000, pace=3_600_000_000)


@pytest.fixture
def broker() -> Iterator[PrivateBroker]:
    with PrivateBroker() as broker:
        broker.create_topics(["touchpoints"])
        yield broker


def _feeder(broker: PrivateBroker, rate: float) -> Feeder:
    return Feeder(broker.address, "touchpoints", touchpoints(PLAN), rate)


def test_it_keeps_to_the_rate(broker: PrivateBroker) -> None:
    feeder = _feeder(broker, rate=200)
    feeder.feed(now=1000.0)
    assert feeder.sent == 0
    feeder.feed(now=1000.5)
    assert feeder.sent == 100
    feeder.feed(now=1003.0)
    assert feeder.sent == 600


def test_what_it_sent_is_what_was_made_up_in_the_partition_of_the_customer(broker: PrivateBroker) -> None:
    feeder = _feeder(broker, rate=500)
    feeder.feed(now=1.0)
    feeder.feed(now=2.0)
    assert feeder.flush(10) == 0
    made_up = list(islice(touchpoints(PLAN), 500))
    assert Counter(_all_of(broker, 500)) == Counter((partition_of(sent.key.decode(), PARTITIONS), sent.key, sent.value) for sent in made_up)
    assert feeder.shop_time >= made_up[-1].arrives_at


def test_it_waits_for_a_worker_that_is_far_behind_and_owes_nothing_afterwards(broker: PrivateBroker) -> None:
    feeder = Feeder(broker.address, "touchpoints", _large_records(), rate=1000)
    feeder.feed(now=1.0)
    feeder.feed(now=61.0)
    assert feeder.held_back
    assert 0 < feeder.sent * 10_000 < PARTITIONS * KEPT_BYTES_PER_PARTITION / 2
    stuck_at = feeder.sent
    feeder.feed(now=62.0)
    assert feeder.sent == stuck_at

    feeder.has_read(_sent_by_partition(stuck_at))
    assert feeder.unread() == 0
    feeder.feed(now=62.1)
    assert not feeder.held_back
    assert feeder.sent - stuck_at == 100


def test_a_worker_that_is_behind_gets_fewer_and_larger_batches(broker: PrivateBroker) -> None:
    feeder = _feeder(broker, rate=1000)
    feeder.feed(now=1.0)
    feeder.feed(now=3.0)
    assert feeder.unread() == 2000
    feeder.feed(now=3.1)
    assert feeder.sent == 2100
    feeder.feed(now=3.2)
    assert feeder.sent == 2100
    feeder.feed(now=3.4)
    assert feeder.sent == 2400


def test_it_remembers_when_a_touchpoint_was_sent(broker: PrivateBroker) -> None:
    feeder = _feeder(broker, rate=10)
    feeder.feed(now=5.0)
    feeder.feed(now=6.0)
    assert feeder.sent_at("t-1") == 6.0
    assert feeder.sent_at("t-9999") is None


def _large_records() -> Iterator[SentTouchpoint]:
    for number in count(1):
        key = b"c-%d" % number
        value = json.dumps({"id": number, "filling": "x" * 10_000}).encode()
        yield SentTouchpoint(f"t-{number}", key, value, PLAN.start, PLAN.start + number, None)


def _sent_by_partition(sent: int) -> list[int]:
    partitions = Counter(partition_of(record.key.decode(), PARTITIONS) for record in islice(_large_records(), sent))
    return [partitions[partition] for partition in range(PARTITIONS)]


def _all_of(broker: PrivateBroker, expected: int) -> list[tuple[int | None, bytes | None, bytes | None]]:
    consumer = Consumer({"bootstrap.servers": broker.address, "group.id": "test", "auto.offset.reset": "earliest", "log_level": 3})
    try:
        consumer.assign([TopicPartition("touchpoints", partition, 0) for partition in range(PARTITIONS)])
        messages = consumer.consume(expected, 20)
    finally:
        consumer.close()
    return [(message.partition(), _bytes(message.key()), _bytes(message.value())) for message in messages]


def _bytes(content: bytes | str | None) -> bytes | None:
    return content.encode() if isinstance(content, str) else content
