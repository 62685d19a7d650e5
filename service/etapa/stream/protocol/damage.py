"""Looks for traces of half a transaction when a partition is taken over.

Everything a batch writes is one transaction, so after the fence, with every transaction ended, three things must agree: the mark, the
group's offset and the end of `stage-changes`. If they do not, the brokers showed half of a transaction, or lost part of one, or
something else wrote there. The mark still counts, because it comes with the states; but consumers of `stage-changes` may have seen
a gap or a repeat, and operators should know. It costs one read of the last few hundred offsets per takeover.
"""

import logging
from collections.abc import Sequence
from typing import Literal, NamedTuple

from etapa.contracts.outgoing.customer_moved import is_customer_moved
from etapa.contracts.stored.mark import Mark
from etapa.stream.protocol.observer import TaskObserver
from etapa.stream.protocol.ports import Log, LogError, RecentChanges
from etapa.stream.protocol.records import Record

logger = logging.getLogger(__name__)

DamageKind = Literal["group_offset_ahead", "changes_missing", "changes_without_mark", "sequence_broken"]


class Damage(NamedTuple):
    """A trace that no complete transaction can leave. The message names no customers."""

    kind: DamageKind
    message: str


async def look_for_damage(log: Log, observer: TaskObserver, partition: int, mark: Mark | None, next_offset: int) -> list[Damage]:
    """Look, and report. `next_offset` is where the mark says to go on. Raises `LogError` when the group's offset is unknown."""
    found = _of_offset(await log.group_offset(), mark, next_offset, observer, partition)
    try:
        recent = await log.recent_changes()
    except LogError as error:
        # Nothing depends on it, and a user who may write to a topic need not be allowed to read it.
        logger.info("partition %d: could not check whether the end of stage-changes agrees with the mark: %s", partition, error)
    else:
        found += damage_of_changes(mark, recent)
    for one in found:
        logger.error("partition %d: %s. The mark counts. See 'Half a transaction' in docs/operations.md", partition, one.message)
        observer.damaged(partition, one.kind, one.message)
    return found


def _of_offset(group_offset: int | None, mark: Mark | None, next_offset: int, observer: TaskObserver, partition: int) -> list[Damage]:
    if group_offset is None or group_offset == next_offset:
        return []
    observer.group_offset_disagrees(partition, group_offset, next_offset)
    if group_offset > next_offset:
        told = "there is no mark" if mark is None else f"the mark says to go on at {next_offset}"
        return [
            Damage(
                "group_offset_ahead",
                f"the group's committed offset is {group_offset}, but {told}: a transaction was committed without its mark, the mark was lost,"
                " or the offset was moved by hand",
            )
        ]
    # It may have been moved or have expired, or may lag a moment behind.
    logger.warning(
        "partition %d: the group's committed offset is %d, but the mark says to go on at %d. The mark counts",
        partition,
        group_offset,
        next_offset,
    )
    return []


def damage_of_changes(mark: Mark | None, changes: RecentChanges) -> list[Damage]:
    """What is wrong with the end of `stage-changes`, according to the last mark."""
    recent = [record for record in changes.records if not is_customer_moved(record.headers)]
    if not recent and changes.records and not changes.all:
        # So many have left that no change is among the last records.
        return []
    if not recent:
        # Retention may have removed all of it.
        lost = changes.all and mark is not None and mark.last_change is not None
        return (
            [Damage("changes_missing", "the mark names a stage change, but stage-changes never held one: changes were lost")]
            if lost
            else []
        )
    found = []
    ids = [_id_of(record) for record in recent]
    last = recent[-1].offset
    if mark is None:
        found.append(
            Damage(
                "changes_without_mark",
                f"stage-changes holds records up to offset {last}, but customer-state holds no mark: it was lost or recreated, or something"
                " else writes there",
            )
        )
    elif mark.last_change is not None and ids[-1] != mark.last_change:
        if mark.last_change in ids:
            beyond = recent[len(ids) - 1 - ids[::-1].index(mark.last_change) + 1].offset
            found.append(
                Damage(
                    "changes_without_mark",
                    f"the records of stage-changes from offset {beyond} to {last} were published without their mark, and will be"
                    " published again",
                )
            )
        else:
            found.append(
                Damage(
                    "changes_missing",
                    f"the last stage change that the mark names is not among the last records of stage-changes, which end at offset {last}:"
                    " changes were lost, although the resulting states were kept",
                )
            )
    broken = _broken_sequence(changes.records)
    if broken is not None:
        found.append(broken)
    return found


def _broken_sequence(recent: Sequence[Record]) -> Damage | None:
    """The first change whose sequence does not follow that of the same customer's previous change."""
    numbers: dict[str, int] = {}
    for record in recent:
        if is_customer_moved(record.headers):
            # If the customer comes back, there were changes elsewhere.
            numbers.pop((record.key or b"").decode(errors="replace"), None)
            continue
        customer, _, number = _id_of(record).rpartition("/")
        if not number.isdecimal():
            continue
        before = numbers.get(customer)
        numbers[customer] = int(number)
        if before is not None and int(number) != before + 1:
            what = "was published before" if int(number) <= before else "is not the next one"
            return Damage(
                "sequence_broken",
                f"the stage change at offset {record.offset} of stage-changes has sequence {number} after the same customer's {before}: it {what}",
            )
    return None


def _id_of(record: Record) -> str:
    return next((value.decode(errors="replace") for name, value in record.headers if name == "ce_id"), "")
