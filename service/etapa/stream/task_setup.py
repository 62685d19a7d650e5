"""Turns settings into the options of partition tasks."""

from etapa.contracts.incoming.decoder import Decoder
from etapa.journey.engine.deny_list import DenyKey
from etapa.settings import Settings
from etapa.stream.protocol.task_options import TaskOptions


def task_options(settings: Settings, decoder: Decoder) -> TaskOptions:
    """The options of a partition task; `decoder` reads the records."""
    return TaskOptions(
        group=settings.group,
        topic=settings.topic_touchpoints,
        start=settings.start,
        decoder=decoder,
        follows_links=decoder.limits.takes_links,
        forget_key=None if settings.forget_key is None else DenyKey(settings.forget_key.reveal().encode()),
        quiet_after=settings.quiet_after,
        max_records=settings.batch_records,
        max_bytes=settings.batch_bytes,
        max_timers=timers_at_once(settings.batch_records),
        customers_in_memory=settings.customers_in_memory,
    )


def timers_at_once(batch_records: int) -> int:
    """The most due timers to load for a batch of at most so many touchpoints: half as many, but from 2,000 to 10,000.

    Smaller batches are there to block Redis for less time, which many timers would undo.
    """
    return min(10_000, max(2_000, batch_records // 2))
