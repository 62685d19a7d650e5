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
        customers_in_memory=settings.customers_in_memory,
    )
