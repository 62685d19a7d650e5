"""Who in the consumer group was given which partitions, and what nobody who is a worker was given.

Pure: what the brokers tell of the group arrives as an argument.
"""

from collections.abc import Callable, Sequence

import msgspec

_MOST_NAMED = 10


class GroupMember(msgspec.Struct, frozen=True):
    """A member of the group as the brokers tell it."""

    client: str
    """By which name it goes."""
    host: str
    partitions: Sequence[int] = ()
    """Those of the touchpoints topic that it was given."""


class Ownership(msgspec.Struct, frozen=True):
    """What is processed by no worker."""

    unowned: Sequence[int]
    """Partitions that no worker was given."""
    strangers: Sequence[GroupMember]
    """Members that are no workers and were given some of them."""


def owned_by_workers(count: int, members: Sequence[GroupMember], is_worker: Callable[[GroupMember], bool]) -> Ownership:
    """Hold what was given to whom against the `count` partitions that there are."""
    owned = {partition for member in members if is_worker(member) for partition in member.partitions}
    strangers = [member for member in members if member.partitions and not is_worker(member)]
    return Ownership([partition for partition in range(count) if partition not in owned], strangers)


def ownership_in_words(found: Ownership, group: str, topic: str) -> str:
    """What is wrong and what would be right, for people; nothing when every partition has a worker."""
    if not found.unowned:
        return ""
    many = len(found.unowned) > 1
    what = f"partition{'s' if many else ''} {numbers(found.unowned)} of {topic} {'have' if many else 'has'} no worker"
    if not found.strangers:
        return f"{what}: the group {group} has given {'them' if many else 'it'} to nobody"
    whose = "; ".join(
        f"{stranger.client} at {stranger.host} has {numbers(stranger.partitions)}" for stranger in found.strangers[:_MOST_NAMED]
    )
    return f"{what}. In the group {group}, where nobody but workers of Etapa may be, {whose}. Stop that, or give it a group of its own"


def another_rule_in_words(group: str, setting: str, ours: str, theirs: str, members: Sequence[GroupMember]) -> str:
    """That we cannot join, since others in the group divide partitions by another rule; with what the brokers tell of them.

    `setting` is the variable that names the group.
    """
    found = f"by {theirs}" if theirs else "in another way"
    who = ", ".join(f"{member.client} at {member.host}" for member in members[:_MOST_NAMED])
    return (
        f"the group {group} divides partitions {found}, Etapa does so by {ours}, so it cannot join. Nobody else may be in it; stop"
        f" {who or 'whoever is there'}, or use another group ({setting} or theirs)"
    )


def numbers(partitions: Sequence[int]) -> str:
    """1, 2 and 5; of many the first few."""
    told = [str(partition) for partition in sorted(partitions)]
    if len(told) > _MOST_NAMED:
        return f"{', '.join(told[:_MOST_NAMED])} and {len(told) - _MOST_NAMED} more"
    return " and ".join(filter(None, (", ".join(told[:-1]), told[-1]))) if told else "none"
