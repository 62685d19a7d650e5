"""Waiting until nothing is on its way between partitions any more."""

from etapa.contracts.stored.mark import MARK_KEY, Mark, decode_mark
from etapa.settings import Settings
from tests.integration.outcome import followed, until
from tests.integration.places import read_all


async def marks_of(settings: Settings) -> list[Mark]:
    """The last mark of each partition."""
    marks = []
    for partition in range(settings.partitions):
        found = [one.value for one in await read_all(settings, settings.topic_customer_state, partition) if one.key == MARK_KEY]
        marks.append(decode_mark(found[-1]))
    return marks


async def wait_at_rest(settings: Settings) -> None:
    """Until every touchpoint is judged, and everything that one partition has sent to another is taken in there."""

    async def at_rest() -> bool:
        if not await progress.is_through():
            return False
        moving = [mark.moving for mark in await marks_of(settings)]
        if None in moving:
            return False
        return all(
            sender.sent.get(to, 0) == receiver.taken.get(place, 0)
            for place, sender in enumerate(moving)
            for to, receiver in enumerate(moving)
            if sender is not None and receiver is not None
        )

    async with followed(settings) as progress:
        await until(at_rest, "nothing's being on its way")
