"""Whether the log and the view are ours: compares their marks with our group and with the topics as they are now. Pure."""

import msgspec

from etapa.contracts.stored.forwarding import is_forwarding
from etapa.contracts.stored.mark import REPLACEABLE_ROLES, TOPIC_ROLES, Mark, TopicRole, is_customer_key
from etapa.contracts.stored.state import decode_state
from etapa.errors import EtapaError
from etapa.journey.localtime.zones import VERSION as ZONE_DATA
from etapa.stream.protocol.ports import VIEW_FORMAT, Topics, ViewMark
from etapa.stream.protocol.records import StateRecord


class PartitionRefused(EtapaError):
    """The partition cannot be processed in this state. Trying again does not help; the message says what does."""


class AllRefused(PartitionRefused):
    """The problem affects every partition, even those where it does not show: none may be processed."""


class MayPass(PartitionRefused):
    """The problem may be permanent or only momentary: a broker that has just become leader may not know everything that was
    committed, and a paused process may see a topic in two states. So it is checked again before it is believed.
    """


class LastMark(msgspec.Struct, frozen=True):
    """The last mark in `customer-state`, and where it is."""

    offset: int
    mark: Mark
    state: StateRecord | None = None
    """The last customer's state that was met on the way to it."""

    def see_that_states_can_be_read(self) -> None:
        """Raises `StateError` before anything is judged, if another version of Etapa has stored the customers in a way of its own."""
        if self.state is not None:
            decode_state(self.state.value or b"", self.state.key.decode(), self.mark.in_common())


def is_state(record: StateRecord) -> bool:
    """Whether it is a customer's state: no tombstone, no forwarding address, and nothing of the partition's own."""
    return record.value is not None and is_customer_key(record.key) and not is_forwarding(record.value)


OF_ANOTHER_VERSION = (
    "Another version of Etapa may have stored it, or something else. Run that version, or start over with another group, new output topics"
    " and another ETAPA_REDIS_PREFIX"
)
NOT_ASKED_TO_MOVE = (
    "customers would change partitions, and `etapa repartition` was not asked to move them. Start with new output topics and another"
    " ETAPA_REDIS_PREFIX, or undo the change"
)

LINKED_ELSEWHERE = (
    "another partition follows links, and the journey of this worker has no `identity`: all workers need the same journey file"
)

_LOSS: dict[TopicRole, str] = {
    "touchpoints": "the offset reached in the old one means nothing in the new one",
    "customer-state": "the states of the old one are not in the new one",
    "stage-changes": "what was published before is not in it",
    "campaign-triggers": "what was published before is not in it, and the progress of delivery does not apply to it",
    "campaign-outcomes": "what was published before is not in it",
    "dead-letters": "what was put there before is not in it",
    "transfers": "customers who were on their way in the old one are not in it",
}


def refuse_what_is_not_ours(partition: int, group: str, topics: Topics, shown: ViewMark | None, last: LastMark | None) -> None:
    """Check that the log and the view belong to us, and to each other. Raises `PartitionRefused`."""
    if shown is not None and shown.format != VIEW_FORMAT:
        raise PartitionRefused(
            f"the view of partition {partition} has format {shown.format}, this version writes format {VIEW_FORMAT}; "
            "remove its keys from Redis (they are rebuilt from customer-state), or set another ETAPA_REDIS_PREFIX"
        )
    refuse_what_is_of_others(partition, group, topics, shown, last)
    if last is not None and last.mark.zones > ZONE_DATA:
        raise PartitionRefused(
            f"partition {partition} was processed with zone data {last.mark.zones}, this worker has {ZONE_DATA} and may place local times at other "
            "instants; install the same version of Etapa and of tzdata, or later ones"
        )
    if last is not None and (others := other_topics(last.mark.topics, topics)):
        raise MayPass(f"partition {partition}: {recreated(others, last.mark.topics, topics)}")
    if shown is None:
        return
    if last is None or last.offset < shown.state_offset:
        ends = "holds no mark" if last is None else f"ends with the mark at offset {last.offset}"
        raise MayPass(
            f"partition {partition}: Redis shows customer-state up to offset {shown.state_offset}, but the topic {ends}; "
            "either the topic was recreated, or a transaction that Redis shows was aborted since (then remove the keys of this partition "
            "from Redis to have them rebuilt), or ETAPA_REDIS_PREFIX is another group's"
        )
    if last.mark.through < shown.through or (last.offset == shown.state_offset and not shown.complete):
        raise PartitionRefused(
            f"partition {partition}: what Redis shows (offset {shown.state_offset}, touchpoints up to {shown.through}) was not made from "
            f"this customer-state topic (touchpoints up to {last.mark.through}); remove the keys of this prefix from Redis to have them rebuilt"
        )


def refuse_what_is_of_others(partition: int, group: str, topics: Topics, shown: ViewMark | None, last: LastMark | None) -> None:
    """Check that view and log belong to our group, and were written with the current number of partitions. Raises `AllRefused`, or
    `MayPass` where partitions were added that we may only not see yet.
    """
    for place, its_group, its_partitions in (
        *((("the view in Redis", shown.group, shown.partitions),) if shown else ()),
        *((("the topic customer-state", last.mark.group, last.mark.partitions),) if last else ()),
    ):
        if its_group != group:
            raise AllRefused(
                f"partition {partition}: {place} belongs to group {its_group!r}, this worker is of group {group!r}; "
                "each group needs output topics and a Redis prefix of its own"
            )
        if its_partitions != topics.partitions and not _have_grown_as_announced(its_partitions, topics, last):
            refusal = MayPass if topics.partitions < its_partitions and _was_asked_to_move(shown, last) else AllRefused
            raise refusal(
                f"partition {partition}: {place} was written when there were {its_partitions} partitions, now touchpoints has "
                f"{topics.partitions}; {NOT_ASKED_TO_MOVE}"
            )


def _was_asked_to_move(shown: ViewMark | None, last: LastMark | None) -> bool:
    """Whether there ever was a layout."""
    moving = None if last is None else last.mark.moving
    return (shown is not None and shown.layout is not None) or (moving is not None and moving.layout is not None)


def _have_grown_as_announced(partitions: int, topics: Topics, last: LastMark | None) -> bool:
    """Whether the partition follows a layout for which partitions were added."""
    moving = None if last is None else last.mark.moving
    layout = None if moving is None else moving.layout
    return layout is not None and partitions < topics.partitions <= max(layout.partitions, layout.before)


def refuse_to_rebuild(partition: int, group: str, topics: Topics, shown: ViewMark | None, last: LastMark | None) -> None:
    """Check that the view of a partition may be discarded and rebuilt from `customer-state`. Raises `PartitionRefused` if not:
    the view's mark is the only evidence that the topic lacks something.
    """
    refuse_what_is_of_others(partition, group, topics, shown, last)
    if last is not None and (others := other_topics(last.mark.topics, topics)):
        raise MayPass(f"partition {partition}: {recreated(others, last.mark.topics, topics)}")
    if shown is None or (last is not None and last.offset >= shown.state_offset):
        return
    role: TopicRole = "customer-state"
    if last is not None and role in topics.ids and last.mark.topics.get(role) == topics.ids[role]:
        # The same topic: a transaction that the view shows has been aborted since.
        return
    name = topics.names.get(role, role)
    ends = "holds no mark" if last is None else f"ends with the mark at offset {last.offset}"
    raise MayPass(
        f"partition {partition}: Redis shows {name} up to offset {shown.state_offset}, but the topic {ends}: it was recreated, or is another"
        " one, and what is made from it would lack what Redis shows. Bring the old topic back, or set its name or ETAPA_REDIS_PREFIX back if they"
        f" were changed. To use this topic anyway, remove the keys {{prefix}}:{{{partition}}}:* from Redis"
    )


def other_topics(ids: dict[TopicRole, str], now: Topics) -> list[TopicRole]:
    """The topics whose id has changed. A topic whose old or new id is unknown is left out."""
    return [role for role in TOPIC_ROLES if role in ids and role in now.ids and ids[role] != now.ids[role]]


def recreated(others: list[TopicRole], ids: dict[TopicRole, str], now: Topics) -> str:
    """What was found and what to do about it, in words."""
    which = "; ".join(
        f"the topic {now.names.get(role, role)} was deleted and recreated, or is another one (its id was {ids[role]} and is {now.ids[role]}):"
        f" {_LOSS[role]}"
        for role in others
    )
    if set(others) <= set(REPLACEABLE_ROLES):
        commands = " and ".join(f"`etapa topics accept {now.names.get(role, role)}`" for role in others)
        return f"{which}. Set the names of the topics back if they were changed; if that was on purpose, {commands} lets it go on"
    return (
        f"{which}. Set the names of the topics back if they were changed; else start from the beginning, with new output topics, another"
        " ETAPA_GROUP and another ETAPA_REDIS_PREFIX"
    )


def replaced(mark: Mark, role: TopicRole, now: Topics) -> Mark | None:
    """The mark after accepting the current topic in this role; none when it is accepted already, or ids are unknown."""
    if role not in other_topics(mark.topics, now):
        return None
    return msgspec.structs.replace(
        mark,
        topics={**mark.topics, role: now.ids[role]},
        last_change=None if role == "stage-changes" else mark.last_change,
        replaced=tuple(one for one in TOPIC_ROLES if one == role or one in mark.replaced),
    )


def loss_of(role: TopicRole) -> str:
    """What is lost when another topic takes the place of this one, in words."""
    return _LOSS[role]


def changed(then: Topics, now: Topics) -> str:
    """What has changed, in words; empty when nothing has."""
    others = other_topics(dict(then.ids), now)
    if others:
        return f"{', '.join(now.names.get(role, role) for role in others)} was deleted and recreated"
    if then.partitions != now.partitions:
        return f"touchpoints had {then.partitions} partitions, and has {now.partitions} now"
    if then.transfers != now.transfers:
        return f"{now.names.get('transfers', 'transfers')} had {then.transfers} partitions, and has {now.transfers} now"
    return ""
