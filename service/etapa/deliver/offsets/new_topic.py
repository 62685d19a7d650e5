"""Accepting a topic of triggers that was deleted and recreated on purpose: its progress begins again."""

from collections.abc import Sequence

from etapa.deliver.offsets.beginning import is_of_another
from etapa.deliver.offsets.progress import Kept, Through
from etapa.deliver.offsets.progress_log import ProgressLog
from etapa.stream.kafka.cluster import Cluster
from etapa.stream.kafka.errors import log_errors
from etapa.stream.kafka.reading.topic_reader import TopicReader
from etapa.stream.kafka.topics.topic_ids import topics_found

NO_ROUTES = ""
"""No routing: only the offset is stored."""


async def accept_triggers(cluster: Cluster) -> Sequence[tuple[int, int]]:
    """Begin delivery again in the partitions of `campaign-triggers` whose progress belongs to a topic with another id.

    Returns them, each with the first offset to be delivered. Raises `LogError`, and `DeliveryProgressError` for progress that cannot be read.
    """
    settings = cluster.settings
    triggers, progress = settings.topic_campaign_triggers, settings.topic_delivery_progress
    found = await topics_found(cluster, [triggers, progress])
    if triggers not in found or progress not in found or found[triggers].id is None:
        return []
    topic_id = found[triggers].id
    log = ProgressLog(cluster, NO_ROUTES)
    begun: dict[int, Kept] = {}
    try:
        for partition, kept in (await log.read(range(found[progress].partitions))).items():
            if any(is_of_another(one, topic_id) for one in kept) and all(one.topic_id != topic_id for one in kept):
                async with TopicReader(cluster, triggers) as reader:
                    first, end = await reader.range_of(partition)
                offset = end if settings.start == "latest" else first
                begun[partition] = Kept(offset, Through(offset), topic_id)
        if begun:
            with log_errors(f"writing {progress}"):
                await log.keep(begun)
    finally:
        await log.stop()
    return [(partition, kept.offset) for partition, kept in sorted(begun.items())]
