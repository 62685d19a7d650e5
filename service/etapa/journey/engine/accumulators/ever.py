"""Accumulators that need no window: how many ever, the latest time, the last value, values ever, a decaying score."""

import math
from fractions import Fraction
from typing import Any, Final

from etapa.journey.engine.accumulators.accumulator import Accumulator, Matching, accumulator_key, value_definition
from etapa.journey.engine.accumulators.matching import NumberWatch, compile_value
from etapa.journey.engine.accumulators.watch import Watch
from etapa.journey.engine.facts.customer import Memory
from etapa.journey.engine.facts.instant import ratio
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.language.matching.value_tests import Predicate
from etapa.journey.language.model import ANY_TYPE, Conversion, Match, Path, Weights
from etapa.journey.localtime.zone import Zone

LONGEST_TEXT: Final = 1024
"""Characters kept of a remembered string."""
MOST_MEMBERS: Final = 64
"""Members kept of a remembered list."""
_SMALLEST: Final = -(2**63)
_LARGEST: Final = 2**63 - 1


def number_or_none(value: object) -> int | float | None:
    """`value` if it is a number that can be stored. Booleans, infinities and integers beyond 64 bits are none."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, int) and not isinstance(value, bool) and _SMALLEST <= value <= _LARGEST:
        return value
    return None


def exact_sum(values: list[Any]) -> float:
    """The correctly rounded sum of finite numbers; infinite when it is too large for a float."""
    try:
        return math.fsum(values)
    except OverflowError:
        # `fsum` also gives up when only a sum on the way is too large.
        total = sum(map(Fraction, values))
        try:
            return float(total)
        except OverflowError:
            return math.inf if total > 0 else -math.inf


def keepsake(value: Any) -> Any:
    """What is kept of a value (of a trait, or of `last`), so that a customer's memory stays bounded.

    Strings are cut after 1,024 characters. Lists keep their first 64 members, of which only scalars can be asked for.
    No comparison looks into an object; that there is one is kept.
    """
    if isinstance(value, str):
        return value[:LONGEST_TEXT]
    if isinstance(value, dict):
        return {}
    if isinstance(value, list | tuple):
        return [keepsake(each) for each in value[:MOST_MEMBERS] if each is None or isinstance(each, str | int | float)]
    if isinstance(value, int) and not _SMALLEST <= value <= _LARGEST:
        return math.inf if value > 0 else -math.inf
    return value


KEPT: Final = "kept"
ANSWERS: Final = "answers"


class Ask:
    """What a condition asks of a whole value, of which only a part may be kept."""

    __slots__ = ("key", "predicate")

    def __init__(self, key: str, predicate: Predicate) -> None:
        self.key: Final = key
        self.predicate: Final = predicate


def keep(value: Any, asks: list[Ask], zone: Zone) -> Any:
    """What is kept of a value about which more is asked than that would tell: where it is not all, the answers as well."""
    kept = keepsake(value)
    if not asks or kept == value:
        return kept
    return {KEPT: kept, ANSWERS: {ask.key: ask.predicate.in_zone(zone).accepts(value) for ask in asks}}


class Answered(Predicate):
    """A comparison of a value that was kept: by the answer that was kept with it, if there is one."""

    __slots__ = ("_key", "_predicate")

    def __init__(self, key: str, predicate: Predicate) -> None:
        self._key: Final = key
        self._predicate: Final = predicate

    def accepts(self, value: Any) -> bool:
        if isinstance(value, dict) and ANSWERS in value:
            answer = value[ANSWERS].get(self._key)
            return self._predicate.accepts(value[KEPT]) if answer is None else bool(answer)
        return self._predicate.accepts(value)

    def in_zone(self, zone: Zone) -> Predicate:
        return Answered(self._key, self._predicate.in_zone(zone))


def lacks_answer(value: Any, key: str) -> bool:
    """Whether a part is all there is to tell by, because nobody asked when the value came."""
    return isinstance(value, dict) and ANSWERS in value and key not in value[ANSWERS]


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


class Latest(Matching):
    """When the latest matching touchpoint occurred. Entry: the time."""

    __slots__ = ()

    def __init__(self, match: Match) -> None:
        super().__init__("latest", match)

    def record(self, memory: Memory, touchpoint: Touchpoint, now: int) -> None:
        if not self.takes(touchpoint):
            return
        entry = memory[self.place]
        if entry is None or touchpoint.at > entry:
            memory[self.place] = touchpoint.at


class LastValue(Matching):
    """The value of the latest matching touchpoint, by the time it occurred, then arrival. Entry: [time, value]."""

    __slots__ = ("asks", "compared", "value_of")

    def __init__(self, path: Path, match: Match, conversion: Conversion | None = None) -> None:
        super().__init__("last", match, *value_definition(path, conversion))
        self.value_of: Final = compile_value(path, conversion)
        self.compared: Final[list[Watch]] = []
        """One for each comparison of the value."""
        self.asks: Final[list[Ask]] = []
        """What is asked of the whole of it."""

    def watches(self) -> list[Watch]:
        return [*super().watches(), *self.value_of.watches()]

    def record(self, memory: Memory, touchpoint: Touchpoint, now: int) -> None:
        if not self.takes(touchpoint):
            return
        value = self.value_of.of(touchpoint)
        for watch in self.compared:
            watch.look(value)
        entry = memory[self.place]
        if entry is None or touchpoint.at >= entry[0]:
            memory[self.place] = [touchpoint.at, keep(value, self.asks, touchpoint.zone)]


class Values(Matching):
    """Number, smallest, largest and exact sum of numeric values ever. Entry: [number, smallest, largest, partial, …].

    The partials are floats that do not overlap and add up to the sum exactly, so that it can be rounded correctly however
    many values there were (J. R. Shewchuk, "Adaptive Precision Floating-Point Arithmetic", 1997). There are a few of them.
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


def with_partial(partials: list[float], value: float) -> list[float]:
    """Partials of the sum that `partials` stand for and `value`. Past the largest float they stay at infinity."""
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

    The score decays from the latest touchpoint that earned points; a late touchpoint adds what is left of its points.
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
            memory[self.place] = [at, points]
            return
        since, score = entry
        if at >= since:
            memory[self.place] = [at, decayed(score, at - since, self.half_life) + points]
        else:
            entry[1] = score + decayed(points, since - at, self.half_life)


def decayed_after(score: float, since: int, half_life: int, at: int) -> float:
    """What is left at `at` of what was `score` at `since`."""
    return decayed(score, at - since, half_life)


def decayed(score: float, elapsed: int, half_life: int) -> float:
    """What is left of `score` after `elapsed`. Decay alone never makes it zero."""
    left: float = score * 2.0 ** -ratio(elapsed, half_life)
    if left == 0.0 and score != 0.0:
        return math.copysign(5e-324, score)
    return left
