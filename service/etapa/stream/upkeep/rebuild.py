"""Makes the owners of partitions rebuild the view from the log.

Only the mark is removed. The owner notices at its next load, or at its next check while idle, and takes the partition over
again; a takeover without a mark first empties the keys and then reads the log from its beginning. Until it reaches the end,
the mark says that the view is incomplete, which readers respect. So nothing is written here that could get in the owner's
way, and if no worker is running, the next one does it.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable

import msgspec

from etapa.errors import EtapaError
from etapa.stream.protocol.belonging import MayPass, refuse_to_rebuild
from etapa.stream.protocol.ports import States, Topics, UnreadableMark, View, ViewMark
from etapa.stream.protocol.takeover import last_mark
from etapa.stream.redis.inspection import RedisInspection

LOOK_SECONDS = 0.1
"""Seconds between checks of the mark."""
LOOKS_AT_LOG = 30
"""How many times the log is checked when it does not match the view."""
LOOKS_BETWEEN_COUNTS = 20
"""Checks of the mark between two checks whether any worker is running."""


class NobodyAtWork(EtapaError):
    """No worker is in the group, so the partition waits; the next worker that starts rebuilds it."""


class Rebuilding(msgspec.Struct, frozen=True):
    """How far a rebuild has got; without a mark it has not begun."""

    mark: ViewMark | None
    end: int
    """The log's end when the rebuild began."""

    @property
    def share(self) -> float:
        """How much of the log has been read, from 0 to 1."""
        return 0.0 if self.mark is None else min(1.0, (self.mark.state_offset + 1) / max(1, self.end))


async def see_that_it_can_be_rebuilt(states: States, view: View, partition: int, group: str, topics: Topics) -> bool:
    """Whether anything was ever processed.

    Raises `PartitionRefused` when the view was not made from this `customer-state`, `LogError` and `ViewError`.
    What the view shows was committed, but Kafka may show the end of a transaction a moment later, so a mismatch is checked again before
    it is believed.
    """
    for looks_left in reversed(range(LOOKS_AT_LOG)):
        try:
            shown = await view.mark()
        except UnreadableMark:
            shown = None
        try:
            last = await last_mark(states, *await states.state_range())
            refuse_to_rebuild(partition, group, topics, shown, last)
        except MayPass:
            if not looks_left:
                raise
            await asyncio.sleep(LOOK_SECONDS)
        else:
            return last is not None
    return False


async def rebuilding(
    states: States, view: View, inspection: RedisInspection, workers: Callable[[], Awaitable[int]]
) -> AsyncGenerator[Rebuilding, None]:
    """Remove the mark of a partition and report its owner's progress until the view is complete.

    Raises `LogError`, `ViewError`, and `NobodyAtWork` when the last worker has left in the meantime.
    """
    end = (await states.state_range())[1]
    await inspection.remove_mark()
    looks = 0
    while True:
        mark = await view.mark()
        yield Rebuilding(mark, end)
        if mark is not None and mark.complete:
            return
        looks += 1
        if looks % LOOKS_BETWEEN_COUNTS == 0 and not await workers():
            raise NobodyAtWork
        await asyncio.sleep(LOOK_SECONDS)
