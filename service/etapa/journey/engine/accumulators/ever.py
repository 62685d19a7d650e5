"""Accumulators without a window: how many ever, the latest time, values ever, a decaying score."""

import math
from fractions import Fraction
from typing import Any, Final

from etapa.journey.engine.accumulators.accumulator import Accumulator, Matching, accumulator_key, value_definition
from etapa.journey.engine.accumulators.matching import NumberWatch, compile_value
from etapa.journey.engine.accumulators.watch import Watch
from etapa.journey.engine.facts.customer import Memory
from etapa.journey.engine.facts.instant import ratio
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.language.model import ANY_TYPE, Conversion, Match, Path, Weights

SMALLEST_INTEGER: Final = -(2**63)
LARGEST_INTEGER: Final = 2**63 - 1
"""The integers that MessagePack can store."""


def number_or_none(value: object) -> int | float | None:
    """`value` if it is a number that can be stored; none for booleans, infinities and integers beyond 64 bits."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, int) and not isinstance(value, bool) and SMALLEST_INTEGER <= value <= LARGEST_INTEGER:
        return value
    return None


def exact_sum(values: list[Any]) -> float:
    """The correctly rounded sum; infinite when it is too large for a float. Parts that are infinite already decide, the first of them alone."""
    try:
        return math.fsum(values)
    except (OverflowError, ValueError):
        # `fsum` also fails if only an intermediate sum is too large, and if parts are infinite in both directions.
        for value in values:
            if isinstance(value, float) and math.isinf(value):
                return value
        total = sum(map(Fraction, values))
        try:
            return float(total)
        except OverflowError:
            return math.inf if total > 0 else -math.inf


class Total(Matching):
    """How many matching touchpoints ever. Entry: [number]."""

    __slots__ = ()

    def __init__(self, match: Match) -> None:
        super().__init__("total", match)

    def record(self, memory: Memory, touchpoint: Touchpoint, now: int) -> None:
        if not self.takes(touchpoint):
            return
        entry = memory[self.place]
        if entry is None:
            memory[self.place] = [1]
        else:
            entry[0] += 1

    def united(self, kept: Any, other: Any, now: int) -> Any:
        return [kept[0] + other[0]]


class Latest(Matching):
    """When the latest matching touchpoint occurred. Entry: the time."""

    __slots__ = ()

    def __init__(self, match: Match) -> None:
        super().__init__("latest", match)

    def record(self, memory: Memory, touchpoint: Touchpoint, now: int) -> None:
        if not self.takes(touchpoint):
            return
        record_latest(memory, self.place, touchpoint, now)

    def united(self, kept: Any, other: Any, now: int) -> Any:
        return max(kept, other)


def record_latest(memory: Memory, place: int, touchpoint: Touchpoint, now: int) -> None:
    """Keep the touchpoint's time at `place` if it is the latest. None of the times there is later than `now`, so mostly none is looked at."""
    if touchpoint.at < now:
        entry = memory[place]
        if entry is not None:
            latest: int = entry
            if touchpoint.at <= latest:
                return
    memory[place] = touchpoint.when


class Values(Matching):
    """Number, smallest, largest and exact sum of all numeric values ever. Entry: [number, smallest, largest, partial, …].

    The partials are non-overlapping floats that add up to the sum exactly, so that it can be rounded correctly after any
    number of values (J. R. Shewchuk, "Adaptive Precision Floating-Point Arithmetic", 1997). There are only a few of them.
    """

    __slots__ = ("value_of", "watch")

    def __init__(self, path: Path, match: Match, conversion: Conversion | None = None, weights: Weights | None = None) -> None:
        super().__init__("values", match, *value_definition(path, conversion, weights))
        self.value_of: Final = compile_value(path, conversion, weights)
        self.watch: Final = NumberWatch()

    def watches(self) -> list[Watch]:
        return [*super().watches(), self.watch, *self.value_of.watches()]

    def record(self, memory: Memory, touchpoint: Touchpoint, now: int) -> None:
        if not self.takes(touchpoint):
            return
        for found in self.value_of.every(touchpoint):
            self._take(memory, found, touchpoint)

    def _take(self, memory: Memory, found: Any, touchpoint: Touchpoint) -> None:
        value = number_or_none(found)
        if value is None:
            self.watch.see_no_number(found, self.value_of, touchpoint)
            return
        entry = memory[self.place]
        if entry is None:
            memory[self.place] = [1, value, value, float(value)]
            return
        number, smallest, largest, *partials = entry
        memory[self.place] = [
            number + 1,
            min(smallest, value),
            max(largest, value),
            *with_partial(partials, float(value)),
        ]

    def united(self, kept: Any, other: Any, now: int) -> Any:
        return united_values(kept, other)


def united_values(kept: list[Any], other: list[Any]) -> list[Any]:
    """What `Values` keeps of both."""
    number, smallest, largest, *partials = kept
    for partial in other[3:]:
        partials = with_partial(partials, partial)
    return [number + other[0], min(smallest, other[1]), max(largest, other[2]), *partials]


def with_partial(partials: list[float], value: float) -> list[float]:
    """The partials with `value` added. Past the largest float they stay at infinity."""
    if math.isinf(partials[-1]):
        return partials
    grown: list[float] = []
    for partial in partials:
        large, small = (value, partial) if abs(value) >= abs(partial) else (partial, value)
        value = large + small
        rest = small - (value - large)
        if rest:
            grown.append(rest)
    return [value] if math.isinf(value) else [*grown, value]


class DecayingScore(Accumulator):
    """Points that halve every `half_life`. Entry: [time, score at that time].

    The score decays from the latest touchpoint that earned points; a late touchpoint adds what is left of its points by then.
    """

    __slots__ = ("half_life", "other", "points")

    def __init__(self, points: tuple[tuple[str, float], ...], half_life: int) -> None:
        key = accumulator_key("score", sorted([kind, float(worth)] for kind, worth in points), half_life)
        super().__init__(key, tuple(kind for kind, _ in points))
        self.points: Final = {kind: float(worth) for kind, worth in points}
        self.other: Final = self.points.get(ANY_TYPE, 0.0)
        self.half_life: Final = half_life

    def record(self, memory: Memory, touchpoint: Touchpoint, now: int) -> None:
        points = self.points.get(touchpoint.type, self.other)
        if points == 0.0:
            return
        at = touchpoint.at
        entry = memory[self.place]
        if entry is None:
            memory[self.place] = [touchpoint.when, points]
            return
        kept: list[Any] = entry
        since: int = kept[0]
        score: float = kept[1]
        if at >= since:
            kept[0], kept[1] = touchpoint.when, decayed(score, at - since, self.half_life) + points
        else:
            kept[1] = score + decayed(points, since - at, self.half_life)

    def united(self, kept: Any, other: Any, now: int) -> Any:
        later, earlier = (kept, other) if kept[0] >= other[0] else (other, kept)
        return [later[0], later[1] + decayed(earlier[1], later[0] - earlier[0], self.half_life)]


def decayed_after(score: float, since: int, half_life: int, at: int) -> float:
    """What is left at `at` of a score that was `score` at `since`."""
    return decayed(score, at - since, half_life)


def decayed(score: float, elapsed: int, half_life: int) -> float:
    """What is left of `score` after `elapsed`. Decay alone never reduces it to zero."""
    left = score * math.pow(2.0, -ratio(elapsed, half_life))
    if left == 0.0 and score != 0.0:
        return math.copysign(5e-324, score)
    return left
