"""Series (see `series`) over accumulators of latest values, of different values and of days."""

from bisect import bisect_right
from typing import Any, Final

from etapa.journey.engine.accumulators.before import LastBefore
from etapa.journey.engine.accumulators.estimates import Estimates, WithinEstimates
from etapa.journey.engine.accumulators.kept_value import LastValue
from etapa.journey.engine.accumulators.keys import DaysEver, KeysBefore, KeysBetween, KeysWithin
from etapa.journey.engine.queries.series import Series
from etapa.journey.language.matching.predicates import MISSING

_NO_TIMES: Final[list[int]] = []


class LatestValue(Series):
    """The latest value."""

    __slots__ = ()

    def __init__(self, last: LastValue) -> None:
        super().__init__(last, MISSING)

    def value(self, entry: Any, gone: int, upto: int) -> Any:
        return entry[1] if gone < entry[0] <= upto else MISSING

    def times(self, entry: Any) -> list[int]:
        return [entry[0]]


class LatestBefore(Series):
    """The latest value up to a given time ago."""

    __slots__ = ()

    def __init__(self, last: LastBefore) -> None:
        super().__init__(last, MISSING)

    def value(self, entry: Any, gone: int, upto: int) -> Any:
        place = bisect_right(entry[1], upto)
        if place:
            return entry[2][place - 1] if entry[1][place - 1] > gone else MISSING
        aged = entry[0]
        return aged[1] if aged is not None and gone < aged[0] <= upto else MISSING

    def times(self, entry: Any) -> list[int]:
        return list(entry[1]) if entry[0] is None else [entry[0][0], *entry[1]]

    def exact(self, entry: Any, gone: int, upto: int) -> bool:
        return entry[3] is None or entry[3] <= gone


class KeysLatest(Series):
    """How many different keys, for an accumulator that knows the latest time of each."""

    __slots__ = ()

    def __init__(self, keys: KeysWithin) -> None:
        super().__init__(keys, 0)

    def value(self, entry: Any, gone: int, upto: int) -> Any:
        bits: int = entry[0]
        return (len(entry[1]) - bisect_right(entry[1], gone)) << bits

    def times(self, entry: Any) -> list[int]:
        return list(entry[1])

    def exact(self, entry: Any, gone: int, upto: int) -> bool:
        return not entry[0]


class KeysEarliest(Series):
    """How many different keys, for an accumulator that knows the earliest time of each."""

    __slots__ = ()

    def __init__(self, keys: KeysBefore) -> None:
        super().__init__(keys, 0)

    def value(self, entry: Any, gone: int, upto: int) -> Any:
        bits: int = entry[0]
        return bisect_right(entry[1], upto) << bits

    def times(self, entry: Any) -> list[int]:
        return list(entry[1])

    def exact(self, entry: Any, gone: int, upto: int) -> bool:
        return not entry[0]


class KeysAmong(Series):
    """How many different keys, for an accumulator that knows all relevant times of each."""

    __slots__ = ()

    def __init__(self, keys: KeysBetween) -> None:
        super().__init__(keys, 0)

    def value(self, entry: Any, gone: int, upto: int) -> Any:
        bits: int = entry[0]
        times: list[int] = entry[1]
        return len(set(entry[2][bisect_right(times, gone) : bisect_right(times, upto)])) << bits

    def estimates(self, entry: Any) -> Estimates | None:
        bits: int = entry[0]
        return WithinEstimates(0, len(set(entry[2])) << bits)

    def times(self, entry: Any) -> list[int]:
        return list(entry[1])

    def exact(self, entry: Any, gone: int, upto: int) -> bool:
        return not entry[0]


class DaysCounted(Series):
    """How many different days, ever."""

    __slots__ = ()

    def __init__(self, days: DaysEver) -> None:
        super().__init__(days, 0)

    def value(self, entry: Any, gone: int, upto: int) -> Any:
        return entry[1]

    def times(self, entry: Any) -> list[int]:
        return _NO_TIMES

    def exact(self, entry: Any, gone: int, upto: int) -> bool:
        return not entry[3]

    def off_by_at_most(self, entry: Any, gone: int, upto: int) -> Any:
        # Each touchpoint that was too far away may have been of a day of its own.
        return entry[3]
