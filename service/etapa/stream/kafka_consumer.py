"""Consumers as Etapa needs them: committed records only, no offset chosen or committed behind our back, the fast parser."""

import asyncio
import logging
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.record import default_records

from etapa.settings import Settings

_FETCH_WAIT_MS = 100
"""A fetch that waits at a broker holds up those for its other partitions, so it must not wait for long."""
_MAX_INT32 = 2**31 - 1
_STALE_AFTER_MS = 2_000
"""An answer of the broker that is older tells nothing about what waits there now."""

logger = logging.getLogger(__name__)


def compiled_parser_in_use() -> bool:
    """False when aiokafka parses records in Python, which it falls back to without a word, at a thirtieth of the speed."""
    module: str = default_records.DefaultRecordBatch.__module__
    return module.startswith("aiokafka.record._crecords")


def _common(settings: Settings, options: dict[str, Any]) -> dict[str, Any]:
    return {
        **options,
        "isolation_level": "read_committed",
        "enable_auto_commit": False,
        # Where to read is always said by a seek. An offset that is not there any more is an error, never a silent jump.
        "auto_offset_reset": "none",
        "check_crcs": settings.kafka_check_crcs == "on",
        "fetch_max_wait_ms": _FETCH_WAIT_MS,
        "max_partition_fetch_bytes": max(4 * 1024 * 1024, settings.max_touchpoint_bytes + 64 * 1024),
        "request_timeout_ms": max(1_000, settings.session_timeout // 2_000),
    }


def group_consumer(settings: Settings, options: dict[str, Any]) -> AIOKafkaConsumer:
    """The one member of the group that this worker is; to be subscribed and started by its owner."""
    session_ms = settings.session_timeout // 1000
    return AIOKafkaConsumer(
        **_common(settings, options),
        client_id=f"etapa-{settings.group}",
        group_id=settings.group,
        session_timeout_ms=session_ms,
        # Members finish their batch before they let go of a partition; aiokafka would give them 10 s, whatever the session.
        rebalance_timeout_ms=session_ms,
        heartbeat_interval_ms=max(100, min(3_000, session_ms // 5)),
        # Tasks are watched by the worker. A member without partitions never polls, and would be thrown out for it.
        max_poll_interval_ms=_MAX_INT32,
        partition_assignment_strategy=(RoundRobinPartitionAssignor,),
    )


def reading_consumer(settings: Settings, options: dict[str, Any]) -> AIOKafkaConsumer:
    """A consumer outside any group, for one look at one partition."""
    return AIOKafkaConsumer(**_common(settings, options), client_id=f"etapa-{settings.group}-reader")


async def stop_consumer(consumer: AIOKafkaConsumer, seconds: float = 5.0) -> None:
    """Leave the group and close the connections, within about `seconds`, whatever state the brokers are in. Never raises."""
    # A task of its own: aiokafka's stop() awaits tasks that it has cancelled, and would pass their cancellation on as ours.
    # Shutting down twice is harmless; closing the connections ends what waits for a broker that does not answer.
    for closing in (consumer.stop, consumer._client.close):
        task = asyncio.ensure_future(closing())
        done, _ = await asyncio.wait({task}, timeout=seconds)
        if not done:
            task.cancel()
            await asyncio.wait({task}, timeout=1)
        if done and not task.cancelled() and task.exception() is not None:
            logger.info("a Kafka consumer did not close cleanly: %r", task.exception())


class EmptyPolls:
    """Tells when a position is at the end of what is there, although it is not the log's end.

    Compaction and retention remove control records and whole batches. A position before such a hole at the end of the log
    stays there for ever: every fetch is answered with nothing. Two answered fetches in a row that moved nothing, with the
    stable end beyond the position, are such a hole: a broker answers with at least one batch when there is one.
    """

    def __init__(self, consumer: AIOKafkaConsumer, place: TopicPartition) -> None:
        self._consumer = consumer
        self._place = place
        self._position = -1
        self._polls: list[int] = []

    def at_end(self, position: int, now_ms: int) -> bool:
        """Whether nothing more was waiting at `position` when the broker answered last, which must not be long ago."""
        stable_end = self._consumer.last_stable_offset(self._place)
        polled = self._consumer.last_poll_timestamp(self._place)
        if stable_end is None or polled is None or now_ms - polled > _STALE_AFTER_MS:
            return False
        if position >= stable_end:
            return True
        if position != self._position:
            self._position, self._polls = position, [polled]
        elif polled != self._polls[-1]:
            self._polls.append(polled)
        # The first answer was for an earlier position, perhaps; the next two were for this one.
        return len(self._polls) > 2
