"""The safeguards of links between places, and ways to switch each off: the names are those of docs/moving-customers.md."""

from collections.abc import Collection, Mapping, Sequence
from typing import Final, Literal, get_args

import msgspec

from etapa.contracts.stored.transfer import (
    CustomerClaimed,
    CustomerUnknown,
    LayoutAnnounced,
    LinkAsked,
    PersonForgotten,
    Transfer,
    WayProbed,
)
from etapa.journey.engine.judging.outcomes import Happened
from etapa.journey.identity.people import JudgedLink, LinkedIds
from etapa.journey.identity.unite import Published
from etapa.stream.protocol.ports import LoadedCustomers
from etapa.stream.protocol.tenures.linking_tenure import LinkingTenure
from etapa.stream.protocol.waiting import Item

LinkingSafeguard = Literal[
    "unites", "kept_ids", "linked_within", "counts_gone", "forgets_all_ids", "forgets_everywhere", "goes_round", "asks_again", "stays"
]
"""Those of links; only `LinkWorld` has any."""
LINKING_SAFEGUARDS: Final[tuple[LinkingSafeguard, ...]] = get_args(LinkingSafeguard)
LinkedLayoutSafeguard = Literal["tells_ways", "tells_layout"]
"""Those of links while the number of partitions changes; only `LinkedRepartitionWorld` has any."""
LINKED_LAYOUT_SAFEGUARDS: Final[tuple[LinkedLayoutSafeguard, ...]] = get_args(LinkedLayoutSafeguard)


class _DiscardingTenure(LinkingTenure):
    """Without uniting two customers: one takes the other's place."""

    async def _unite(self, judged: JudgedLink, link_id: str, left: dict[str, Published]) -> None:
        await self._into_memory(judged.gone)
        await self._into_memory(judged.kept)
        if self._engine.knows(judged.kept) and self._engine.knows(judged.gone):
            self._engine.leave(judged.kept)
        await super()._unite(judged, link_id, left)


class _LiteralTenure(LinkingTenure):
    """Without judging touchpoints under the id that is kept."""

    def _under_kept(self, item: Item) -> Item:
        return item

    def _who_lives_here(self, customer_ids: Sequence[str], loaded: LoadedCustomers) -> LoadedCustomers:
        here = super()._who_lives_here(customer_ids, loaded)
        own = [customer_id for customer_id, to in self._moves.addresses.items() if to == self._around.partition]
        for customer_id in own:
            # Or it would send them to itself for ever.
            self._moves._addresses.pop(customer_id)
        return here


class _UnstoredTenure(LinkingTenure):
    """Without storing who has which ids in the transaction that unites them."""

    def _settle_person(self, person: LinkedIds, are_right: Collection[str] = ()) -> None:
        super()._settle_person(person, are_right)
        self._people.take_changed()


class _StillCountingTenure(LinkingTenure):
    """Without counting in the ledger that of two customers one is gone."""

    def _note_union(self, happened: Happened) -> None:
        happened.departures = ()
        super()._note_union(happened)


class _ForgettingOneIdTenure(LinkingTenure):
    """Without forgetting all ids of a person together."""

    async def _forget_person(self, person: LinkedIds, forgotten: PersonForgotten, asked: str) -> None:
        digests = {asked: forgotten.digests[asked], person.kept: forgotten.digests[person.kept]}
        await super()._forget_person(person, msgspec.structs.replace(forgotten, digests=digests), asked)


class _ForgettingHereTenure(LinkingTenure):
    """Without telling the other places that a person was forgotten."""

    async def _forget_person(self, person: LinkedIds, forgotten: PersonForgotten, asked: str) -> None:
        await self._forget_ids(forgotten, asked)
        self._people.leave(person)


class _SilentTenure(LinkingTenure):
    """Without telling the new home of an id whose person stays where it is."""

    async def _stays(self, customer_id: str, home: int) -> bool:
        return False

    async def _have_leave(self, customer_ids: Sequence[str]) -> None:
        stay = await self._view.have_several(customer_ids)
        await super()._have_leave([customer_id for customer_id in customer_ids if customer_id not in stay])

    async def _answer(self, claimed: CustomerClaimed, to: int) -> None:
        if await super()._stays(claimed.customer_id, to):
            self._moves.send(to, CustomerUnknown(claimed.customer_id, claimed.layout))
        else:
            await super()._answer(claimed, to)


class _UnlearningTenure(LinkingTenure):
    """Without learning of a layout from what those send who follow it."""

    _is_told = False

    async def _act_on_one(self, transfer: Transfer) -> None:
        self._is_told = isinstance(transfer.sent, LayoutAnnounced)
        await super()._act_on_one(transfer)

    def _adopt(self, announced: LayoutAnnounced) -> None:
        if self._is_told:
            super()._adopt(announced)


class _OvertakingTenure(LinkingTenure):
    """Without sending what comes for somebody who comes back the same way round as before."""

    async def _sent_on(self, comes: LinkedIds) -> dict[str, int]:
        await super()._sent_on(comes)
        return {}


class _OneProbeTenure(LinkingTenure):
    """Without asking again while something was sent behind the probe."""

    def _is_back(self, probe: WayProbed) -> None:
        self._rounds.forget(probe.customer_id)


class _RestlessTenure(LinkingTenure):
    """With people who leave, or pass through, while something of theirs is on its way round."""

    def _ask_later(self, asked: LinkAsked, here: LinkedIds) -> bool:
        for customer_id in here.ids:
            self._rounds.forget(customer_id)
        return False


LINKING_TENURES: Final[Mapping[str, type[LinkingTenure]]] = {
    "unites": _DiscardingTenure,
    "kept_ids": _LiteralTenure,
    "linked_within": _UnstoredTenure,
    "counts_gone": _StillCountingTenure,
    "forgets_all_ids": _ForgettingOneIdTenure,
    "forgets_everywhere": _ForgettingHereTenure,
    "goes_round": _OvertakingTenure,
    "asks_again": _OneProbeTenure,
    "stays": _RestlessTenure,
    "tells_ways": _SilentTenure,
    "tells_layout": _UnlearningTenure,
}
