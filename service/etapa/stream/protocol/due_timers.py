"""Due timers as a view tells them. There are thousands in a batch, of which little more than the customers' ids is asked for."""

from collections.abc import Iterable, Sequence
from typing import Any, Final, Self

import msgspec

from etapa.stream.protocol.made_when_asked import MadeWhenAsked


class Due(msgspec.Struct, frozen=True, gc=False):
    """A customer whose timer is due, with its state as stored; empty where states of due customers were not asked for."""

    customer_id: str
    due: int
    state: bytes


class DueTimers(MadeWhenAsked[Due]):
    """Ordered by (due, customer)."""

    __slots__ = ("_states", "_times", "customer_ids", "have_states")

    def __init__(self, customer_ids: Sequence[str], times: Sequence[Any], states: Sequence[bytes] | None) -> None:
        """`times`: when each is due, as a number or as text. `states`: none where they were not asked for."""
        self.customer_ids: Final = customer_ids
        self.have_states: Final = states is not None
        self._times: Final = times
        self._states: Final = states

    @classmethod
    def of(cls, those: Iterable[Due], *, have_states: bool) -> Self:
        """These."""
        known = list(those)
        return cls([one.customer_id for one in known], [one.due for one in known], [one.state for one in known] if have_states else None)

    def __len__(self) -> int:
        return len(self.customer_ids)

    def _made(self, place: int) -> Due:
        # Redis tells large times with an exponent.
        due = int(float(self._times[place]))
        return Due(self.customer_ids[place], due, b"" if self._states is None else self._states[place])


NOTHING_DUE: Final = DueTimers((), (), None)
