"""A tenure to which people come back: docs/moving-customers.md, *Coming back*. When they come and go is in `linking_tenure`.

What this place has sent on for their ids is still on its way round, and what comes next takes the same way, so that it overtakes nothing.
"""

from collections.abc import Mapping, Sequence

import msgspec

from etapa.contracts.stored.ledger_page import LedgerField
from etapa.contracts.stored.transfer import LinkAsked, PersonForgotten, WayProbed
from etapa.contracts.stored.way_round import WayRound, read_rounds, round_fields
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.identity.people import LinkedIds
from etapa.journey.language.model import LINK
from etapa.stream.protocol.batch import Encoded
from etapa.stream.protocol.forwarded_items import LivesElsewhere, elsewhere
from etapa.stream.protocol.moved_in_batch import MovedInBatch
from etapa.stream.protocol.ports import Transfers
from etapa.stream.protocol.records import forwarder, was_made
from etapa.stream.protocol.takeover import TakenOver
from etapa.stream.protocol.task_context import TaskContext
from etapa.stream.protocol.tenures.ways_tenure import WaysTenure
from etapa.stream.protocol.ways_round import WaysRound


class ReturningTenure(WaysTenure):
    """A tenure that lets nothing overtake what is on its way round."""

    def __init__(self, around: TaskContext, taken: TakenOver, transfers: Transfers) -> None:
        super().__init__(around, taken, transfers)
        self._rounds = WaysRound({})

    def _take_up(self, pages: Mapping[LedgerField, bytes]) -> None:
        super()._take_up(pages)
        self._rounds = WaysRound(read_rounds(pages))

    # --- touchpoints ---

    async def _look_where_they_live(self) -> int:
        """What comes for an id with a way round is sent that way. What comes back from there is judged."""
        count = await super()._look_where_they_live()
        decoder = self._around.options.decoder
        for position, item in enumerate(self._as_read[:count] if self._rounds else ()):
            way = self._rounds.of(item.customer_id) if isinstance(item, Touchpoint) and item.type != LINK else None
            if way is not None and isinstance(item, Touchpoint) and forwarder(self._touchpoints_from, position) != way.back_from:
                is_made = decoder.makes_several or was_made(self._touchpoints_from, position)
                self._waiting.items[position] = elsewhere(item, way.to, self._deny_list, has_left=False, is_made=is_made)
        return count

    # --- people ---

    async def _sent_on(self, comes: LinkedIds) -> dict[str, int]:
        """The ids of somebody who arrives for which this place has sent on what came, and where to."""
        found: dict[str, int] = {}
        for customer_id in comes.ids:
            await self._into_memory(customer_id)
            left = self._left.get(customer_id)
            to = self._moves.addresses.get(customer_id) if left is None else left.place
            if to is None and not self._moves.is_stateless(customer_id):
                # Without an address it was sent on, too, wherever the id is not at home: producers may have used this partition for it in any layout.
                to = self._moves.way_home(customer_id)
            if to is not None and to != self._around.partition:
                found[customer_id] = to
        return found

    def _probe(self, customer_id: str, to: int, back_from: int) -> None:
        """Have a probe follow what was sent to a place for an id, and comes back from another place."""
        number = self._moves.next_number(to)
        self._rounds.begin(customer_id, WayRound(to, back_from, number))
        self._moves.send(to, WayProbed(customer_id=customer_id, origin=self._around.partition, number=number, layout=self._moves.layout))

    def _ask_later(self, asked: LinkAsked, here: LinkedIds) -> bool:
        """Whether somebody may not leave yet. Then the question goes round behind the probe, and is asked again when it comes back."""
        customer_id = self._rounds.one_of(here.ids)
        way = None if customer_id is None else self._rounds.of(customer_id)
        if customer_id is None or way is None:
            return False
        self._moves.send(way.to, msgspec.structs.replace(asked, target=customer_id, layout=self._moves.layout))
        return True

    def _is_back(self, probe: WayProbed) -> None:
        """A probe has come back. If something was sent behind it, another one follows that."""
        used = self._rounds.is_back(probe.customer_id, probe.number)
        if used is not None:
            self._probe(probe.customer_id, used.to, used.back_from)

    async def _forget_ids(self, forgotten: PersonForgotten, asked: str | None = None) -> None:
        await super()._forget_ids(forgotten, asked)
        for customer_id in forgotten.digests:
            self._rounds.forget(customer_id)

    # --- a change of the layout ---

    async def _who_stays(self, customer_ids: Sequence[str]) -> set[str]:
        stay = await super()._who_stays(customer_ids)
        return {*stay, *(one for one in customer_ids if self._rounds.of(one) is not None)}

    # --- the batch ---

    def _moved(self, count: int, encoded: Encoded) -> MovedInBatch:
        for item in self._waiting.items[:count]:
            if isinstance(item, LivesElsewhere):
                self._rounds.sent_behind(item.touchpoint.customer_id)
        moved = super()._moved(count, encoded)
        return moved._replace(pages={**moved.pages, **round_fields(self._rounds.take_changed())})
