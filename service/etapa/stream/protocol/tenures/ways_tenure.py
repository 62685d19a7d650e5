"""A tenure in which people with several ids stay where they are when the layout changes: the old home of each id tells the new one that the way
leads through it. People with one id move to their new homes.
"""

from collections.abc import Sequence

from etapa.contracts.stored.forwarding import ForwardingAddress, decode_forwarding, is_forwarding
from etapa.contracts.stored.transfer import CustomerClaimed, LayoutAnnounced, Transfer, WaysTold
from etapa.stream.protocol.tenures.people_tenure import PeopleTenure


class WaysTenure(PeopleTenure):
    """A tenure that tells of ways, and hears of them."""

    async def _act_on_one(self, transfer: Transfer) -> None:
        sent = transfer.sent
        if isinstance(sent, WaysTold):
            await self._hear_of_ways(sent, transfer.sender)
        else:
            await super()._act_on_one(transfer)

    async def _answer(self, claimed: CustomerClaimed, to: int) -> None:
        if await self._stays(claimed.customer_id, to):
            self._moves.send(to, WaysTold([claimed.customer_id], claimed.layout))
        else:
            await super()._answer(claimed, to)

    async def _stays(self, customer_id: str, home: int) -> bool:
        """Whether whoever has this id, which is in memory, does not move to its home, and the way there leads through this place."""
        if customer_id in self._left:
            return self._left[customer_id].place != home
        if self._engine.knows(customer_id):
            return customer_id in await self._who_stays([customer_id]) or await self._person(customer_id) is not None
        return self._moves.is_stateless(customer_id) or self._moves.addresses.get(customer_id, home) != home

    def _has_to_leave(self, customer_id: str, state: bytes) -> bool:
        """Whether this place has to tell the new home of an id who that is, be it only that the way leads through here."""
        moves = self._moves
        return moves.has_to_tell(customer_id) and not (is_forwarding(state) and decode_forwarding(state).place == moves.home(customer_id))

    async def _have_leave(self, customer_ids: Sequence[str]) -> None:
        here = [customer_id for customer_id in customer_ids if self._engine.knows(customer_id)]
        stay = await self._who_stays(here)
        ways: dict[int, list[str]] = {}
        for customer_id in customer_ids:
            home, is_here = self._moves.home(customer_id), self._engine.knows(customer_id)
            if customer_id in stay if is_here else await self._stays(customer_id, home):
                ways.setdefault(home, []).append(customer_id)
        if self._moves.layout is not None:
            for home, told in ways.items():
                self._moves.send(home, WaysTold(told, self._moves.layout))
        await super()._have_leave([customer_id for customer_id in here if customer_id not in stay])

    async def _who_stays(self, customer_ids: Sequence[str]) -> set[str]:
        """Who of these, who live here under these ids, does not move to another home."""
        return await self._view.have_several(customer_ids)

    async def _hear_of_ways(self, told: WaysTold, sender: int) -> None:
        """The old home of these ids does not have their people move here. Where a way is known already, it stays."""
        self._adopt(LayoutAnnounced(told.layout))
        moves, denied = self._moves, self._deny_list
        for customer_id in told.customer_ids:
            moves.is_told_of(customer_id, told.layout)
            await self._into_memory(customer_id)
            is_known = customer_id in self._left or self._engine.knows(customer_id) or moves.leaves_a_trace(customer_id)
            # Who was forgotten meanwhile has no way any more.
            if not is_known and not (denied is not None and denied.entries_of(customer_id)):
                self._left[customer_id] = ForwardingAddress(sender)
