"""What `etapa doctor` checks about transactions: whether one hangs where others wait for it."""

from collections.abc import Sequence

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from etapa.hosting.check_result import CheckResult
from etapa.hosting.system_clock import SystemClock
from etapa.journey.units import SECOND
from etapa.stream.kafka.cluster import Cluster
from etapa.stream.kafka.topics.topic_ids import worker_topics_now
from etapa.stream.kafka.transactions.open_transactions import OpenTransaction, open_transactions

_GRACE = 60 * SECOND
"""How much later than its time-out brokers may end a transaction (they look every ten seconds), and clocks may differ."""


async def check_open_transactions(cluster: Cluster, admin: AIOKafkaAdminClient) -> list[CheckResult]:
    """Look in `customer-state` and `transfers`, which workers may read. Raises what aiokafka raises."""
    settings = cluster.settings
    now = await worker_topics_now(admin._client, settings)
    places = [TopicPartition(settings.topic_customer_state, partition) for partition in range(now.partitions)]
    places += [TopicPartition(settings.topic_transfers, partition) for partition in range(now.transfers)]
    found = await open_transactions(admin._client, places)
    hanging = hanging_since(found, SystemClock().now(), settings.session_timeout)
    return [_about(cluster, one) for one in hanging] or [
        CheckResult("Kafka", "transactions", "good", "no transaction hangs in customers' states or transfers")
    ]


def hanging_since(found: Sequence[OpenTransaction], now: int, session_timeout: int) -> list[OpenTransaction]:
    """Those that are open for longer than brokers leave any of ours open. Times in microseconds."""
    return [one for one in found if now - one.last_ms * 1000 > session_timeout + _GRACE]


def _about(cluster: Cluster, one: OpenTransaction) -> CheckResult:
    topic, partition = one.place
    found = (
        f"a transaction hangs in {topic} (partition {partition}, from offset {one.start}): Kafka lost the marker that ends it, and nothing"
        " after that offset can be read"
    )
    command = f"kafka-transactions.sh --bootstrap-server {cluster.address} abort --topic {topic} --partition {partition} --start-offset {one.start}"
    return CheckResult("Kafka", "transactions", "bad", found, f"Read 'A transaction that hangs' in docs/operations.md, then: {command}")
