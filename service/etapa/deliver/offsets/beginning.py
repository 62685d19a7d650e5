"""Where delivery of a partition begins: decided from its stored progress and from what the log holds. Pure."""

from collections.abc import Sequence

import msgspec

from etapa.deliver.offsets.progress import Kept, furthest
from etapa.errors import EtapaError


class DeliveryRefused(EtapaError):
    """The partition cannot be delivered in this state. Trying again does not help; the message says what would."""


class LogRange(msgspec.Struct, frozen=True):
    """What a partition of `campaign-triggers` holds: its first offset, and the one after the last committed record."""

    start: int
    end: int


class Beginning(msgspec.Struct, frozen=True):
    """Where to begin reading, and what is known to be finished already."""

    offset: int
    before: Kept | None
    """None when no progress of the partition was ever stored."""
    everywhere: bool = False
    """Whether the group and the topic of progress agree."""
    gone: int = 0
    """How many triggers retention may have removed before they were delivered."""


class AnotherTopic(DeliveryRefused):
    """The stored progress belongs to a topic with another id."""

    def __init__(self, before: str, now: str) -> None:
        super().__init__(f"the topic was deleted and recreated, or is another one (its id was {before} and is {now})")


def beginning(
    found: LogRange, by_group: Kept | None, by_topic: Sequence[Kept], *, from_end: bool, topic_id: str | None = None
) -> Beginning:
    """Where to begin, given the group's offset and the topic of progress. `from_end`: begin at the end if no progress was ever stored.

    `topic_id` is the current id of the topic. Once there is progress of this topic, progress of one with another id is ignored.
    Raises `DeliveryRefused` when the stored progress does not belong to this log.
    """
    others = [one.topic_id for one in (*by_topic, by_group) if one is not None and is_of_another(one, topic_id)]
    if others and topic_id is not None:
        if all(one.topic_id != topic_id for one in by_topic):
            raise AnotherTopic(others[0] or "", topic_id)
        by_topic = [one for one in by_topic if not is_of_another(one, topic_id)]
        by_group = None if by_group is not None and is_of_another(by_group, topic_id) else by_group
    topic = furthest(by_topic)
    before = furthest([one for one in (topic, by_group) if one is not None])
    if before is None:
        return Beginning(found.end if from_end else found.start, None)
    reached = max(before.offset, before.through.upto if before.through is not None else 0)
    if reached > found.end:
        raise DeliveryRefused(f"it is delivered up to offset {reached}, but ends at {found.end}")
    gone = before.may_miss(found.start)
    return Beginning(max(before.offset, found.start), before, everywhere=topic == by_group, gone=gone)


def is_of_another(kept: Kept, topic_id: str | None) -> bool:
    """Whether this is the progress of a topic with another id, if both ids are known."""
    return kept.topic_id is not None and topic_id is not None and kept.topic_id != topic_id


def read_on_at(position: int, found: LogRange) -> int:
    """Where to continue reading when the log does not hold `position`. Raises `DeliveryRefused` when the log ends before it."""
    if position > found.end:
        raise DeliveryRefused(f"it is read up to offset {position}, but ends at {found.end}")
    return max(position, found.start)
