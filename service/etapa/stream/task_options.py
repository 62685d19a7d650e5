"""From settings to what the tasks of partitions are told."""

from etapa.contracts.input_format import decoder_within
from etapa.contracts.touchpoint_message import TouchpointLimits
from etapa.settings import Settings
from etapa.stream.protocol.options import TaskOptions


def task_options(settings: Settings) -> TaskOptions:
    """What the settings mean for a partition task."""
    return TaskOptions(
        group=settings.group,
        topic=settings.topic_touchpoints,
        start=settings.start,
        decoder=decoder_within(
            TouchpointLimits.naming(settings.placeholder_ids, max_bytes=settings.max_touchpoint_bytes, max_ahead=settings.future_limit)
        ),
        quiet_after=settings.quiet_after,
        max_records=settings.batch_records,
        max_bytes=settings.batch_bytes,
        customers_in_memory=settings.customers_in_memory,
    )
