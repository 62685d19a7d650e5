from collections.abc import Iterator
from contextlib import closing

import pytest
import redis
from confluent_kafka import Producer

from etapa.contracts.incoming.rejected import Rejected
from etapa.contracts.outgoing.dead_letter import encode_dead_letter
from etapa.contracts.outgoing.stage_change import encode_stage_change
from etapa.embedded.broker import PrivateBroker
from etapa.embedded.demo_outcome import Results, StagesShown, is_ready, worker_counts
from etapa.embedded.redis_server import PrivateRedis
from etapa.journey.engine.facts.stage_change import StageChange
from tests.servers.processes import free_ports, wait_until

CHANGE = StageChange(
    customer_id="c-42",
    sequence=1,
    source=None,
    to="discovery",
    phase="pre-purchase",
    at=1_700_000_000_000_000,
    cause="touchpoint",
    rule=None,
    because=[],
    touchpoint_id="t-1",
    channel="web",
    dwell=None,
)


@pytest.fixture
def broker() -> Iterator[PrivateBroker]:
    with PrivateBroker() as broker:
        broker.create_topics(["stage-changes", "dead-letters"])
        yield broker


def test_changes_and_dead_letters_of_all_partitions_are_counted(broker: PrivateBroker) -> None:
    producer = Producer({"bootstrap.servers": broker.address, "log_level": 3})
    for partition in range(4):
        key, value, headers = encode_stage_change(CHANGE, "retail", 1)
        producer.produce("stage-changes", value, key, partition, headers=list(headers))
    letter = encode_dead_letter(b"c-1", None, (), Rejected("invalid", "no value"), "touchpoints", 3, 17)
    producer.produce("dead-letters", letter[1], letter[0], 3, headers=list(letter[2]))
    producer.flush(10)
    sent = {"t-1": 100.0}
    with closing(Results(broker.address, "stage-changes", "dead-letters", sent.get)) as results:
        changes = []

        def everything_is_read() -> bool:
            changes.extend(results.read(0.1, lambda: 100.25))
            return (results.stage_changes, results.dead_letters.total()) == (4, 1)

        wait_until(everything_is_read, 20, "the reading of four changes and one dead letter")
        assert [change.change() for change in changes] == [CHANGE] * 4
        assert results.dead_letters == {"invalid": 1}
        assert list(results.delays) == [0.25] * 4


@pytest.mark.redis
def test_redis_tells_what_is_processed_and_who_is_where() -> None:
    with PrivateRedis() as server, redis.Redis.from_url(server.url) as client, closing(StagesShown(server.url, "etapa")) as view:
        assert view.look() == ([0, 0, 0, 0], {})
        client.hset("etapa:{0}:mark", mapping={"through": 41})
        client.hset("etapa:{2}:mark", mapping={"through": -1})
        client.hset("etapa:{0}:counts", mapping={"discovery": 3, "loyalty": 1})
        client.hset("etapa:{2}:counts", mapping={"discovery": 2})
        assert view.look() == ([42, 0, 0, 0], {"discovery": 5, "loyalty": 1})


def test_a_worker_that_does_not_answer_is_not_ready_and_tells_nothing() -> None:
    url = f"http://127.0.0.1:{free_ports(1)[0]}/"
    assert not is_ready(url)
    assert worker_counts(url) is None
