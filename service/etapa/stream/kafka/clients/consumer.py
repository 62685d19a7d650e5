"""Consumers as Etapa needs them: only committed records, no offsets chosen or committed automatically, the fast parser."""

import asyncio
import logging
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.record import default_records

from etapa.settings import Settings
from etapa.stream.kafka.clients.access import Access
from etapa.stream.kafka.clients.found_again import find_again
from etapa.stream.kafka.clients.named_member import leave_for_good

_FETCH_WAIT_MS = 100
"""A fetch that waits at a broker delays those for its other partitions, so it must not wait for long."""
SHORT_FETCH_MS = 10
"""For records that exist: a fetch that waits for more would delay the next seek."""
_LARGEST_ANSWER = 50 * 1024 * 1024
"""By default brokers put no more than this into an answer, for all partitions together."""
_MAX_INT32 = 2**31 - 1
ASSIGNOR = RoundRobinPartitionAssignor
"""How workers divide partitions; all members of the group must support it."""
_STALE_AFTER_MS = 2_000
"""An older answer of the broker says nothing about what is waiting there now."""

logger = logging.getLogger(__name__)


def compiled_parser_in_use() -> bool:
    """False when aiokafka parses records in Python, its silent fallback, at a thirtieth of the speed."""
    module: str = default_records.DefaultRecordBatch.__module__
    return module.startswith("aiokafka.record._crecords")


def tell_of_slow_parser() -> None:
    """Log an error when aiokafka parses records in Python."""
    if not compiled_parser_in_use():
        logger.error(
            "aiokafka parses records in Python here, at a thirtieth of its speed: its compiled parser is missing or switched off."
            " Install an aiokafka wheel built for this Python, and unset AIOKAFKA_NO_EXTENSIONS"
        )


def client_id_of(group: str) -> str:
    """The client id of our members of a group."""
    return f"etapa-{group}"


def _common(settings: Settings, options: dict[str, Any]) -> dict[str, Any]:
    return {
        **options,
        "isolation_level": "read_committed",
        "enable_auto_commit": False,
        # A seek always says where to read. An offset that no longer exists is an error, never a silent jump.
        "auto_offset_reset": "none",
        "check_crcs": settings.kafka_check_crcs == "on",
        "fetch_max_wait_ms": _FETCH_WAIT_MS,
        # A fetch brings as much as a batch may hold: with less, every other batch would be a small remainder.
        "max_partition_fetch_bytes": max(min(settings.batch_bytes, _LARGEST_ANSWER), settings.max_touchpoint_bytes + 64 * 1024),
        "request_timeout_ms": max(1_000, settings.session_timeout // 2_000),
    }


def group_consumer(settings: Settings, access: Access, group: str | None = None, most_records: int | None = None) -> AIOKafkaConsumer:
    """This process's one member of the group (by default that of the settings), to be subscribed and started by its owner.

    `most_records` limits the records that one fetch returns.
    """
    session_ms = settings.session_timeout // 1000
    consumer = AIOKafkaConsumer(
        **_common(settings, access.options),
        client_id=client_id_of(group or settings.group),
        group_id=group or settings.group,
        group_instance_id=settings.group_instance if group is None else None,
        max_poll_records=most_records,
        session_timeout_ms=session_ms,
        # Members finish their batch before they give up a partition; aiokafka would allow 10 s, whatever the session.
        rebalance_timeout_ms=session_ms,
        heartbeat_interval_ms=max(100, min(3_000, session_ms // 5)),
        # The worker watches its tasks. A member without partitions never polls, and would be removed for that.
        max_poll_interval_ms=_MAX_INT32,
        partition_assignment_strategy=(ASSIGNOR,),
    )
    find_again(consumer._client, access)
    return consumer


def reading_consumer(
    settings: Settings, access: Access, isolation: str = "read_committed", fetch_wait_ms: int = SHORT_FETCH_MS
) -> AIOKafkaConsumer:
    """A consumer outside any group. `fetch_wait_ms`: how long a broker holds back its answer while nothing is there."""
    options = {**_common(settings, access.options), "fetch_max_wait_ms": fetch_wait_ms, "isolation_level": isolation}
    consumer = AIOKafkaConsumer(**options, client_id=f"etapa-{settings.group}-reader")
    find_again(consumer._client, access)
    return consumer


async def stop_consumer(consumer: AIOKafkaConsumer, seconds: float = 5.0) -> None:
    """Leave the group and close the connections, within about `seconds`, whatever state the brokers are in. Never raises."""
    leave_for_good(consumer)
    # In a separate task: aiokafka's stop() awaits tasks that it has cancelled, and would pass their cancellation on to us.
    # Shutting down twice is harmless; closing the connections ends any wait for a broker that does not answer.
    for closing in (consumer.stop, consumer._client.close):
        task = asyncio.ensure_future(closing())
        done, _ = await asyncio.wait({task}, timeout=seconds)
        if not done:
            task.cancel()
            await asyncio.wait({task}, timeout=1)
        if done and not task.cancelled() and task.exception() is not None:
            logger.info("a Kafka consumer did not close cleanly: %r", task.exception())


def is_caught_up(consumer: AIOKafkaConsumer, place: TopicPartition, position: int, now_ms: int) -> bool:
    """Whether nothing readable was waiting at `position` at the broker's last answer, which must be recent."""
    stable_end = consumer.last_stable_offset(place)
    polled = consumer.last_poll_timestamp(place)
    return stable_end is not None and polled is not None and now_ms - polled <= _STALE_AFTER_MS and position >= stable_end


class HoleAtEnd:
    """Detects that nothing is left between a position and an end that the position will never reach.

    Compaction removes whole batches. If two answers in a row for this one partition are empty, although the broker's stable end
    is at or beyond `end`, nothing is there: a broker that has a batch answers with it. Do not use it for a consumer of several
    partitions, where others may have filled the answer.
    """

    def __init__(self, consumer: AIOKafkaConsumer, place: TopicPartition, end: int) -> None:
        self._consumer = consumer
        self._place = place
        self._end = end
        self._position = -1
        self._answers: set[int] = set()

    def is_at(self, position: int) -> bool:
        """Whether `position` is at such a hole. Call it after every empty fetch."""
        if position != self._position:
            self._position, self._answers = position, set()
        stable_end = self._consumer.last_stable_offset(self._place)
        answered = self._consumer.last_poll_timestamp(self._place)
        if stable_end is None or answered is None or stable_end < self._end:
            return False
        self._answers.add(answered)
        # The first of them may be the answer that brought us here.
        return len(self._answers) > 2
