"""When the log does not hold what delivery wants to read next: retention removed it, or it is another log."""

import logging
from collections.abc import Mapping

from aiokafka import TopicPartition
from aiokafka.errors import OffsetOutOfRangeError

from etapa.deliver.dispatch.dispatcher import DeliveryObserver
from etapa.deliver.offsets.beginning import AnotherTopic, DeliveryRefused

logger = logging.getLogger(__name__)


def positions_in(error: OffsetOutOfRangeError) -> Mapping[TopicPartition, int]:
    """The partitions that could not be read, each with the offset asked for, from aiokafka's error."""
    (positions,) = error.args
    return dict(positions)


def another_log(place: TopicPartition, found: DeliveryRefused) -> str:
    """What is wrong, and what to do, when a partition is not the one that was delivered, or ends before the position of delivery."""
    if isinstance(found, AnotherTopic):
        return (
            f"{place.topic} {place.partition}: {found}, and what was delivered of the old one says nothing about it. Bring the old topic back,"
            f" or set its name back if that was changed; if it was recreated on purpose, `etapa topics accept {place.topic}` has it delivered from"
            " its beginning (ETAPA_START=latest: from its end)"
        )
    return (
        f"{place.topic} {place.partition}: {found}. So the topic was recreated, or records were lost, and what was delivered of the old one "
        "says nothing about this one. Bring the old topic back, or deliver this one from its beginning (ETAPA_START=latest: from its end) "
        "with another ETAPA_DELIVERY_GROUP"
    )


def tell_gone(observer: DeliveryObserver, place: TopicPartition, start: int, count: int, target: str = "") -> None:
    """Log and count that retention overtook delivery."""
    logger.error(
        "%s %d: retention removed what came before offset %d before it was delivered%s: up to %d triggers are lost, and delivery goes on"
        " with the rest. Lengthen retention.ms of %s",
        place.topic,
        place.partition,
        start,
        f" to {target}" if target else "",
        count,
        place.topic,
    )
    observer.gone(place.partition, count)
