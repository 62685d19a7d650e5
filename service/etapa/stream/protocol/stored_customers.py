"""The customers of a batch, as they go to the log and to the view.

Most of them stand in buffers, each with a portion of the customers; `Outgoing` and `Applied` are made only for those who look at them.
"""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import Generic, TypeVar, overload

from etapa.contracts.stored.packed_texts import texts_of
from etapa.contracts.stored.state import decode_standing
from etapa.contracts.stored.written_states import WrittenStates
from etapa.stream.protocol.records import Applied, Outgoing

_T = TypeVar("_T")


class _InPortions(Sequence[_T], Generic[_T]):
    """What there is for each customer of the portions, and then others."""

    def __init__(self, portions: list[WrittenStates], others: list[_T]) -> None:
        self.portions = portions
        self.others = others

    def append(self, other: _T) -> None:
        self.others.append(other)

    def __len__(self) -> int:
        return sum([portion.customers for portion in self.portions]) + len(self.others)

    def __iter__(self) -> Iterator[_T]:
        for portion in self.portions:
            yield from self._of(portion)
        yield from self.others

    @overload
    def __getitem__(self, position: int) -> _T: ...
    @overload
    def __getitem__(self, position: slice) -> list[_T]: ...
    def __getitem__(self, position: int | slice) -> _T | list[_T]:
        return list(self)[position]

    @abstractmethod
    def _of(self, portion: WrittenStates) -> list[_T]:
        """One for each of its customers."""


class StateRecords(_InPortions[Outgoing]):
    """What a batch writes into `customer-state`: states, then whatever else there is."""

    def _of(self, portion: WrittenStates) -> list[Outgoing]:
        return [Outgoing(key, state) for key, state in portion.pairs()]


def followed_by(records: Sequence[Outgoing], more: Sequence[Outgoing]) -> Sequence[Outgoing]:
    """These, and then more; states stay in their buffers."""
    if isinstance(records, StateRecords):
        return StateRecords(records.portions, [*records.others, *more])
    return [*records, *more]


class ShownCustomers(_InPortions[Applied]):
    """What the view is to show of the customers of a batch."""

    def _of(self, portion: WrittenStates) -> list[Applied]:
        moved = set(texts_of([portion.stages])[::2])
        rescheduled = {*texts_of([portion.timers])[1::2], *texts_of([portion.untimed])}
        shown = []
        for key, state in portion.pairs():
            customer_id, standing = key.decode(), decode_standing(state)
            told = customer_id in moved, customer_id in rescheduled
            shown.append(Applied(customer_id, standing.stage, standing.due, state, moved=told[0], rescheduled=told[1]))
        return shown
