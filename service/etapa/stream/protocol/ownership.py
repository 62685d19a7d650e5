"""Which member of the consumer group has which partitions, and which partitions no worker has.

Pure: what the brokers report about the group arrives as an argument.
"""

from collections.abc import Callable, Sequence

import msgspec

_MOST_NAMED = 10


class GroupMember(msgspec.Struct, frozen=True):
    """A member of the group, as the brokers report it."""

    client: str
    """Its client id."""
    host: str
    partitions: Sequence[int] = ()
    """Its partitions of the touchpoints topic."""


class Ownership(msgspec.Struct, frozen=True):
    """What no worker processes."""

    unowned: Sequence[int]
    """Partitions assigned to no worker."""
    strangers: Sequence[GroupMember]
    """Members that have partitions but are not workers."""


def owned_by_workers(count: int, members: Sequence[GroupMember], is_worker: Callable[[GroupMember], bool]) -> Ownership:
    """Compare the assignments with all `count` partitions."""
    owned = {partition for member in members if is_worker(member) for partition in member.partitions}
    strangers = [member for member in members if member.partitions and not is_worker(member)]
    return Ownership([partition for partition in range(count) if partition not in owned], strangers)


def ownership_in_words(found: Ownership, group: str, topic: str) -> str:
    """What is wrong and what would be right, in words; empty when every partition has a worker."""
    if not found.unowned:
        return ""
    many = len(found.unowned) > 1
    what = f"partition{'s' if many else ''} {numbers(found.unowned)} of {topic} {'have' if many else 'has'} no worker"
    if not found.strangers:
        return f"{what}: the group {group} has assigned {'them' if many else 'it'} to nobody"
    whose = "; ".join(
        f"{stranger.client} at {stranger.host} has {numbers(stranger.partitions)}" for stranger in found.strangers[:_MOST_NAMED]
    )
    return f"{what}. Only Etapa workers may be in the group {group}, but {whose}. Stop that program, or give it its own group"


def another_rule_in_words(group: str, setting: str, ours: str, theirs: str, members: Sequence[GroupMember]) -> str:
    """Say that we cannot join because other members divide partitions by another rule, and who they are as far as the brokers tell.

    `setting` is the variable that names the group.
    """
    found = f"by {theirs}" if theirs else "in another way"
    who = ", ".join(f"{member.client} at {member.host}" for member in members[:_MOST_NAMED])
    return (
        f"the group {group} divides partitions {found}, Etapa does so by {ours}, so it cannot join. The group must hold only"
        f" Etapa's own members; stop {who or 'the other members'}, or use another group ({setting} or theirs)"
    )


def numbers(partitions: Sequence[int]) -> str:
    """The numbers in words, such as "1, 2 and 5"; of many, only the first few."""
    told = [str(partition) for partition in sorted(partitions)]
    if len(told) > _MOST_NAMED:
        return f"{', '.join(told[:_MOST_NAMED])} and {len(told) - _MOST_NAMED} more"
    return " and ".join(filter(None, (", ".join(told[:-1]), told[-1]))) if told else "none"
