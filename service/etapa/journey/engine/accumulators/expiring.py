"""Forgetting windows once nothing is in them any more."""

from array import array
from collections.abc import Iterable
from typing import Any, Final, final

from etapa.journey.engine.accumulators.accumulator import Windowed
from etapa.journey.engine.accumulators.ordered import OrderedSteps
from etapa.journey.engine.accumulators.quick_expiry import quick_forget
from etapa.journey.engine.facts.customer import Customer, Memory
from etapa.journey.engine.facts.instant import LONG_AGO, NEVER

_QUICK: Final = quick_forget


@final
class Expiring:
    """The accumulators whose memory expires one day even if nothing happens."""

    __slots__ = ("_packed", "_windows")

    def __init__(self, accumulators: Iterable[Windowed | OrderedSteps]) -> None:
        self._windows: Final = {each.place: (each.within, each.times_at) for each in accumulators}
        """By place in a customer's memory: after which time it is over, and where in it its times are."""
        spans = [self._windows.get(place, (0, 0)) for place in range(max(self._windows, default=-1) + 1)]
        self._packed: Final = array("q", [number for span in spans for number in span]).tobytes()

    def forget_what_is_over(self, customer: Customer, now: int) -> None:
        """Remove entries whose window is empty; to every condition, a missing entry equals an empty one.

        A new touchpoint only clears its own windows, so others would keep touchpoints long after they have left.
        """
        if now < customer.over_at:
            return
        quick = _QUICK
        if quick is not None:
            next_over = quick(customer.memory, self._packed, now)
            if next_over is not None:
                customer.over_at = next_over
                return
        customer.over_at = self.forgotten(customer.memory, now)

    def forgotten(self, memory: Memory, now: int) -> int:
        """Remove such entries from the memory. Returns when the next window is over."""
        next_over = NEVER
        for place, (within, times_at) in self._windows.items():
            entry = memory[place]
            if entry is not None:
                times = times_in(entry, times_at)
                over = times[-1] + within if times else LONG_AGO
                if over <= now:
                    memory[place] = None
                elif over < next_over:
                    next_over = over
        return next_over


def times_in(entry: list[Any], times_at: int) -> list[int]:
    """The times that an entry holds, ascending; `times_at` as in `Windowed`."""
    if times_at >= 0:
        times: list[int] = entry[times_at]
    elif entry and isinstance(entry[0], list):
        times = entry[0]
    else:
        times = entry
    return times
