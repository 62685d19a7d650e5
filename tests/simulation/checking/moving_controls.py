"""The safeguards of moving customers between partitions, and ways to switch each off: the names are those of the model in `tests/model`."""

from collections.abc import Mapping
from typing import Final, Literal, get_args

import msgspec

from etapa.contracts.stored.forwarding import ForwardingAddress
from etapa.contracts.stored.mark import MovingMark
from etapa.contracts.stored.transfer import PlaceFinished, Transfer
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.stream.protocol.ports import Transaction
from etapa.stream.protocol.residence import Moves, Whereabouts
from etapa.stream.protocol.takeover import TakenOver
from etapa.stream.protocol.tenures.gathering_tenure import GatheringTenure
from etapa.stream.protocol.tenures.leaving_tenure import LeavingTenure
from etapa.stream.protocol.tenures.linking_tenure import LinkingTenure
from etapa.stream.protocol.tenures.moving_tenure import MovingTenure
from etapa.stream.protocol.tenures.task import PartitionTask
from etapa.stream.protocol.tenures.tenure import Tenure
from etapa.stream.protocol.waiting import Waiting
from tests.simulation.checking.linking_controls import LINKING_TENURES
from tests.simulation.machines.memory_log import MemoryLog, no_answer

MovingSafeguard = Literal[
    "forwards", "waits", "waits_in_order", "sends_within", "sends_with_it", "numbers", "marks_both", "adopts_first", "ends_last"
]
"""Those of a partition whose customers may move to another one; this happens only in `RepartitionWorld`."""
MOVING_SAFEGUARDS: Final[tuple[MovingSafeguard, ...]] = get_args(MovingSafeguard)


class _KeepingMoves(Moves):
    """Without forwarding: whoever is not here is new."""

    def whereabouts(self, customer_id: str, forwarded_by: int | None = None) -> int | Whereabouts:
        place = super().whereabouts(customer_id, forwarded_by)
        return "here" if isinstance(place, int) else place

    def note_address(self, customer_id: str, address: ForwardingAddress) -> None:
        """Addresses mean nothing."""


class _HastyMoves(Moves):
    """Without waiting for customers who may be on the way."""

    def whereabouts(self, customer_id: str, forwarded_by: int | None = None) -> int | Whereabouts:
        place = super().whereabouts(customer_id, forwarded_by)
        return "here" if place == "maybe on the way" else place


class _ForgetfulMoves(Moves):
    """Without the numbers of transfers."""

    def is_repeated(self, transfer: Transfer, ahead: Mapping[int, int]) -> bool:
        return False


class _HalfMarkedMoves(Moves):
    """Without the progress of the second input in the mark."""

    def __init__(self, place: int, marked: MovingMark | None) -> None:
        super().__init__(place, None if marked is None else msgspec.structs.replace(marked, next_transfer=0, taken={}))


_MOVES: Final[Mapping[str, type[Moves]]] = {
    "forwards": _KeepingMoves,
    "waits": _HastyMoves,
    "numbers": _ForgetfulMoves,
    "marks_both": _HalfMarkedMoves,
}


class _OvertakingTenure(GatheringTenure):
    """Without order while one waits: the touchpoints of its customer take each other's places."""

    async def _look_where_they_live(self) -> int:
        count = await super()._look_where_they_live()
        items = self._waiting.items
        if count < len(items) and isinstance(first := items[count], Touchpoint):
            own = [place for place, item in enumerate(items) if isinstance(item, Touchpoint) and item.customer_id == first.customer_id]
            turned = list(items)
            for place, other in zip(own, reversed(own), strict=True):
                turned[place] = items[other]
            self._waiting = Waiting(self._waiting.records, turned)
        return count


class _EarlyEnd(LeavingTenure):
    """Without waiting until all have left before others hear that."""

    _said_so_already = False

    async def _let_some_leave(self) -> None:
        layout = self._moves.layout
        if layout is not None and self._moves.someone_may_have_to_leave and not self._said_so_already:
            self._said_so_already = True
            for place in self._moves.others():
                self._moves.send(place, PlaceFinished(layout))
        await super()._let_some_leave()


class _EarlyTenure(_EarlyEnd, GatheringTenure):
    """The same, of customers with one id."""


class _EarlyLinkingTenure(_EarlyEnd, LinkingTenure):
    """The same, of people with several ids."""


_TENURES: Final[Mapping[str, type[MovingTenure]]] = {
    "waits_in_order": _OvertakingTenure,
    "ends_last": _EarlyTenure,
}
_IN_LINKS: Final[Mapping[str, type[LinkingTenure]]] = {"ends_last": _EarlyLinkingTenure, **LINKING_TENURES}


def moving_task(off: frozenset[str]) -> type[PartitionTask] | None:
    """The task with these safeguards off; none if they are not of the task."""
    moves = next((kind for safeguard, kind in _MOVES.items() if safeguard in off), None)
    tenure = next((kind for safeguard, kind in _TENURES.items() if safeguard in off), None)
    in_links = next((kind for safeguard, kind in _IN_LINKS.items() if safeguard in off), None)
    if moves is None and tenure is None and in_links is None:
        return None

    class CarelessTask(PartitionTask):
        def _begin(self, taken: TakenOver) -> Tenure:
            transfers = self._around.transfers
            if transfers is None:
                return super()._begin(taken)
            without_links = tenure or GatheringTenure
            kind = (in_links or LinkingTenure) if self._around.options.follows_links else without_links
            begun: MovingTenure = kind(self._around, taken, transfers)
            if moves is not None:
                follows_links = begun._moves.follows_links
                begun._moves = moves(self._around.partition, None if taken.mark is None else taken.mark.moving)
                begun._moves.follows_links = follows_links
            return begun

    return CarelessTask


class SentBeforeLog(MemoryLog):
    """Without what is sent in the transaction: it is sent before."""

    async def commit(self, transaction: Transaction) -> int:
        await _send(self, transaction)
        return await super().commit(msgspec.structs.replace(transaction, transfers=()))


class SentAfterLog(MemoryLog):
    """The same, sent after it."""

    async def commit(self, transaction: Transaction) -> int:
        offset = await super().commit(msgspec.structs.replace(transaction, transfers=()))
        await _send(self, transaction)
        return offset


async def _send(log: MemoryLog, transaction: Transaction) -> None:
    def send() -> None:
        for to, outgoing in transaction.transfers:
            log._broker.transfers[to].append(outgoing, "committed")

    if transaction.transfers:
        await log._process.call("publish", send, no_answer)


MOVING_LOGS: Final[Mapping[str, type[MemoryLog]]] = {"sends_within": SentBeforeLog, "sends_with_it": SentAfterLog}
