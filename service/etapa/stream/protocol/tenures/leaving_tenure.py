"""A tenure that has customers leave for their new homes in the background, and tells the other places when nobody has to any more."""

from collections.abc import Sequence

from etapa.contracts.stored.denial_transfer import all_denials
from etapa.contracts.stored.forwarding import is_forwarding
from etapa.stream.protocol.tenures.moving_tenure import MovingTenure

MOST_SENT_AT_ONCE = 4 * 1024 * 1024
"""Bytes of deny lists after which a batch is committed before the next place is told."""


class LeavingTenure(MovingTenure):
    """A tenure that customers leave."""

    def _idle_for(self) -> float:
        idle = super()._idle_for()
        return min(idle, self._search.idle_for(self._around.clock.monotonic())) if self._moves.someone_may_have_to_leave else idle

    async def _let_some_leave(self) -> None:
        """One batch of customers whose home is elsewhere, or the news that there are none left."""
        moves, now = self._moves, self._around.clock.monotonic()
        if not moves.someone_may_have_to_leave or self._search.idle_for(now):
            return
        await self._settle()
        leavers = await self._search.next(now, self._has_to_leave)
        moves.there_are(self._search.customers)
        if leavers.customer_ids:
            await self._load(self._engine.missing(leavers.customer_ids), None)
            await self._have_leave(leavers.customer_ids)
        elif leavers.all_seen:
            # The view has lost nothing since the search began: otherwise its mark would be another.
            await self._load([], None)
            for waiting in moves.finish(list(all_denials(self._deny_list))):
                if waiting > MOST_SENT_AT_ONCE:
                    await self._commit(0, [], empty=True)
                    await self._settle_moves()
        if moves.has_sends:
            await self._commit(0, [], empty=True)
            await self._settle_moves()

    def _has_to_leave(self, customer_id: str, state: bytes) -> bool:
        return not is_forwarding(state) and self._moves.home(customer_id) != self._around.partition

    async def _have_leave(self, customer_ids: Sequence[str]) -> None:
        """These customers, who are in memory, move to their homes."""
        for count, customer_id in enumerate(customer_ids, start=1):
            if self._engine.knows(customer_id):
                self._leave(customer_id, self._moves.home(customer_id))
            if count % self._around.options.pause_every == 0:
                await self._pause()
