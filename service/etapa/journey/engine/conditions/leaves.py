"""The conditions about the touchpoint at hand, about times, counts, order, scores and traits."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from etapa.journey.engine.accumulators.distinct import DistinctEver, DistinctWindow
from etapa.journey.engine.accumulators.ever import Latest, Score, Total, decayed, decayed_after
from etapa.journey.engine.accumulators.matching import compile_where
from etapa.journey.engine.accumulators.ordered import OrderedSteps
from etapa.journey.engine.accumulators.window import EXACT, CountWindow, has_buckets, straddles
from etapa.journey.engine.conditions.beginnings import trait_key
from etapa.journey.engine.conditions.comparing import date_text, scalar_text
from etapa.journey.engine.conditions.condition import Leaf
from etapa.journey.engine.conditions.surroundings import Surroundings
from etapa.journey.engine.conditions.whereabouts import Whereabouts
from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.facts.instant import END_OF_TIME, NEVER, instant_text, ratio
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.language import model
from etapa.journey.language.kinds.condition import Observed
from etapa.journey.language.matching.conversions import converted
from etapa.journey.language.matching.predicates import MISSING, Predicate, compile_comparison, needs_zone
from etapa.journey.language.model import ANY_TYPE, Comparison, Conversion, Match
from etapa.journey.localtime.zones import UTC
from etapa.journey.units import SECOND

_RISING: Final = frozenset({"gt", "gte"})
_FALLING: Final = frozenset({"lt", "lte"})


class EventHappens(Leaf):
    """The touchpoint at hand matches. False without one."""

    __slots__ = ("any_type", "types", "where", "within")

    def __init__(self, text: str, match: Match, within: int | None = None) -> None:
        super().__init__(text)
        self.any_type: Final = ANY_TYPE in match.types
        self.types: Final = frozenset(match.types)
        self.where: Final = compile_where(match.where)
        self.within: Final = NEVER if within is None else within

    def holds(self, customer: Customer, now: int, touchpoint: Touchpoint | None) -> bool:
        if touchpoint is None or not (self.any_type or touchpoint.type in self.types):
            return False
        if touchpoint.at <= now - self.within:
            return False
        return self.where is None or self.where.admits(touchpoint)

    def observed(self, customer: Customer, now: int, touchpoint: Touchpoint | None) -> Observed:
        return None if touchpoint is None else touchpoint.type

    def possible(self, touchpoint_type: str | None) -> bool | None:
        if touchpoint_type is None or not (self.any_type or touchpoint_type in self.types):
            return False
        return True if self.where is None and self.within == NEVER else None


class TraitCompares(Leaf):
    """The customer's trait satisfies the comparison."""

    __slots__ = ("compare", "conversion", "name", "whereabouts")

    def __init__(self, text: str, name: str, comparison: Comparison, whereabouts: Whereabouts) -> None:
        super().__init__(text)
        self.name: Final = name
        self.compare: Final = compile_comparison(comparison)
        self.conversion: Final[Conversion | None] = comparison.conversion
        self.whereabouts: Final = whereabouts if needs_zone(comparison) else None

    def holds(self, customer: Customer, now: int, touchpoint: Touchpoint | None) -> bool:
        entry = customer.traits.get(self.name)
        compare = self.compare if self.whereabouts is None else self.compare.in_zone(self.whereabouts.of(customer))
        return compare.accepts(MISSING if entry is None else entry[1])

    def memory_key(self) -> str | None:
        return trait_key(self.name)

    def told_at(self, customer: Customer) -> int | None:
        entry = customer.traits.get(self.name)
        return None if entry is None else entry[0]

    def traits(self) -> tuple[str, ...]:
        return (self.name,) if self.whereabouts is None else (self.name, *self.whereabouts.traits())

    def observed(self, customer: Customer, now: int, touchpoint: Touchpoint | None) -> Observed:
        """The value as it was read; as it came, if it cannot be read so."""
        entry = customer.traits.get(self.name)
        if entry is None:
            return None
        if self.conversion is None:
            return scalar_text(entry[1])
        value = converted(entry[1], self.conversion, UTC if self.whereabouts is None else self.whereabouts.of(customer))
        if value is MISSING:
            return scalar_text(entry[1])
        return date_text(value) if self.conversion == "date" else scalar_text(value)


class NothingFor(Leaf):
    """No matching touchpoint for a duration, and the customer was known all that time. Written `absent` or `idle`."""

    __slots__ = ("duration", "key", "place")

    def __init__(self, text: str, latest: Latest, duration: int) -> None:
        super().__init__(text)
        self.key: Final = latest.key
        self.place: Final = latest.place
        self.duration: Final = duration

    def holds(self, customer: Customer, now: int, touchpoint: Touchpoint | None) -> bool:
        return now >= self._since(customer) + self.duration

    def until(self, customer: Customer, now: int) -> int:
        at = self._since(customer) + self.duration
        return at if at > now else NEVER

    def rises(self, customer: Customer, now: int) -> int:
        return self._since(customer) + self.duration

    def memory_key(self) -> str | None:
        return self.key

    def observed(self, customer: Customer, now: int, touchpoint: Touchpoint | None) -> Observed:
        entry = customer.memory[self.place]
        return None if entry is None else instant_text(entry)

    def changes_by_time(self) -> tuple[bool, bool]:
        return True, False

    def _since(self, customer: Customer) -> int:
        """The latest match, or how long matches have been watched for."""
        entry = customer.memory[self.place]
        since: int = customer.first_at if entry is None else entry
        if customer.began:
            began = customer.began.get(self.key)
            if began is not None and began[1] > since:
                return began[1]
        return since


class InStageFor(Leaf):
    """In the stage for a duration."""

    __slots__ = ("duration",)

    def __init__(self, text: str, duration: int) -> None:
        super().__init__(text)
        self.duration: Final = duration

    def holds(self, customer: Customer, now: int, touchpoint: Touchpoint | None) -> bool:
        return now >= customer.entered_at + self.duration

    def until(self, customer: Customer, now: int) -> int:
        at = customer.entered_at + self.duration
        return at if at > now else NEVER

    def rises(self, customer: Customer, now: int) -> int:
        return customer.entered_at + self.duration

    def observed(self, customer: Customer, now: int, touchpoint: Touchpoint | None) -> Observed:
        return ratio(now - customer.entered_at, SECOND)

    def changes_by_time(self) -> tuple[bool, bool]:
        return True, False


class TotalCompares(Leaf):
    """The number of matching touchpoints ever satisfies the comparison."""

    __slots__ = ("compare", "key", "none_suffice", "place")

    def __init__(self, text: str, total: Total, comparison: Comparison) -> None:
        super().__init__(text)
        self.key: Final = total.key
        self.place: Final = total.place
        self.compare: Final = compile_comparison(comparison)
        self.none_suffice: Final = self.compare.accepts(0)

    def holds(self, customer: Customer, now: int, touchpoint: Touchpoint | None) -> bool:
        entry = customer.memory[self.place]
        return self.none_suffice if entry is None else self.compare.accepts(entry[0])

    def memory_key(self) -> str | None:
        return self.key

    def observed(self, customer: Customer, now: int, touchpoint: Touchpoint | None) -> Observed:
        entry = customer.memory[self.place]
        return 0 if entry is None else entry[0]


class CountCompares(Leaf):
    """The number of matching touchpoints in a window satisfies the comparison."""

    __slots__ = ("compare", "key", "none_suffice", "place", "rises_and_falls", "turns", "within")

    def __init__(self, text: str, window: CountWindow, comparison: Comparison) -> None:
        super().__init__(text)
        self.key: Final = window.key
        self.place: Final = window.place
        self.within: Final = window.within
        self.compare: Final = compile_comparison(comparison)
        self.none_suffice: Final = self.compare.accepts(0)
        self.turns: Final = falling_turns(self.compare)
        self.rises_and_falls: Final = by_time_as_numbers_fall(comparison)

    def holds(self, customer: Customer, now: int, touchpoint: Touchpoint | None) -> bool:
        entry = customer.memory[self.place]
        return self.none_suffice if entry is None else self.compare.accepts(self._number(entry, now))

    def rises(self, customer: Customer, now: int) -> int:
        if self.holds(customer, now, None):
            return now
        return self.until(customer, now) if self.rises_and_falls[0] else NEVER

    def until(self, customer: Customer, now: int) -> int:
        entry = customer.memory[self.place]
        if entry is None:
            return NEVER
        if not has_buckets(entry):
            return until_turned(entry, now, self.within, self.turns, self.compare)
        times: list[int] = entry[0]
        bucket_times: list[int] = entry[1]
        bucket_counts: list[int] = entry[2]
        gone = now - self.within
        number = self._number(entry, now)
        truth = self.compare.accepts(number)
        weighted: list[tuple[int, int]] = [*zip(bucket_times, bucket_counts, strict=True), *((at, 1) for at in times)]
        for place, (at, weight) in enumerate(weighted):
            if at > gone:
                number -= weight
                together = place + 1 < len(weighted) and weighted[place + 1][0] == at
                if not together and self.compare.accepts(number) is not truth:
                    return at + self.within
        return NEVER

    def memory_key(self) -> str | None:
        return self.key

    def observed(self, customer: Customer, now: int, touchpoint: Touchpoint | None) -> Observed:
        entry = customer.memory[self.place]
        return 0 if entry is None else self._number(entry, now)

    def exact(self, customer: Customer, now: int) -> bool:
        entry = customer.memory[self.place]
        return entry is None or not has_buckets(entry) or not straddles(entry[1], now - self.within, self.within)

    def changes_by_time(self) -> tuple[bool, bool]:
        return self.rises_and_falls

    def _number(self, entry: list[Any], now: int) -> int:
        gone = now - self.within
        if has_buckets(entry):
            counts: list[int] = entry[2]
            return _left(entry[0], gone) + sum(counts[bisect_right(entry[1], gone) :])
        return _left(entry, gone)


class DistinctCompares(Leaf):
    """The number of different values, ever or in a window, satisfies the comparison."""

    __slots__ = ("compare", "rises_and_falls", "turns", "values")

    def __init__(self, text: str, values: DistinctEver | DistinctWindow, comparison: Comparison) -> None:
        super().__init__(text)
        self.values: Final = values
        self.compare: Final = compile_comparison(comparison)
        self.turns: Final = falling_turns(self.compare)
        self.rises_and_falls: Final = by_time_as_numbers_fall(comparison) if isinstance(values, DistinctWindow) else (False, False)

    def holds(self, customer: Customer, now: int, touchpoint: Touchpoint | None) -> bool:
        return self.compare.accepts(self._number(customer, now))

    def until(self, customer: Customer, now: int) -> int:
        values = self.values
        entry = customer.memory[values.place]
        if entry is None or isinstance(values, DistinctEver):
            return NEVER
        bits: int = entry[0]
        times: list[int] = entry[1]
        if not bits:
            return until_turned(times, now, values.within, self.turns, self.compare)
        return until_turned(times, now, values.within, tuple(range(len(times), 0, -1)), _Estimated(self.compare, bits))

    def memory_key(self) -> str | None:
        return self.values.key

    def observed(self, customer: Customer, now: int, touchpoint: Touchpoint | None) -> Observed:
        return self._number(customer, now)

    def exact(self, customer: Customer, now: int) -> bool:
        entry = customer.memory[self.values.place]
        return entry is None or not entry[0]

    def changes_by_time(self) -> tuple[bool, bool]:
        return self.rises_and_falls

    def _number(self, customer: Customer, now: int) -> int:
        values = self.values
        if isinstance(values, DistinctEver):
            return values.number(customer.memory)
        entry = customer.memory[values.place]
        if entry is None:
            return 0
        bits: int = entry[0]
        times: list[int] = entry[1]
        return (len(times) - bisect_right(times, now - values.within)) << bits


class StepsTaken(Leaf):
    """Touchpoints match the steps of a sequence, in order and all in the window."""

    __slots__ = ("sequence",)

    def __init__(self, text: str, sequence: OrderedSteps) -> None:
        super().__init__(text)
        self.sequence: Final = sequence

    def holds(self, customer: Customer, now: int, touchpoint: Touchpoint | None) -> bool:
        return self.sequence.began(customer.memory) > now - self.sequence.within

    def until(self, customer: Customer, now: int) -> int:
        at = self.sequence.began(customer.memory) + self.sequence.within
        return at if at > now else NEVER

    def memory_key(self) -> str | None:
        return self.sequence.key

    def observed(self, customer: Customer, now: int, touchpoint: Touchpoint | None) -> Observed:
        """How many of the steps have been taken in order within the window."""
        entry = customer.memory[self.sequence.place]
        gone = now - self.sequence.within
        return 0 if entry is None else sum(begun > gone for begun in entry[0])

    def changes_by_time(self) -> tuple[bool, bool]:
        return False, True


class ScoreCompares(Leaf):
    """A decaying score satisfies the comparison."""

    __slots__ = ("compare", "half_life", "key", "place", "tests")

    def __init__(self, text: str, score: Score, comparison: Comparison) -> None:
        super().__init__(text)
        self.key: Final = score.key
        self.place: Final = score.place
        self.half_life: Final = score.half_life
        self.compare: Final = compile_comparison(comparison)
        self.tests: Final = [compile_comparison(Comparison((test,))) for test in comparison.tests]

    def holds(self, customer: Customer, now: int, touchpoint: Touchpoint | None) -> bool:
        return self.compare.accepts(self._score(customer, now))

    def until(self, customer: Customer, now: int) -> int:
        entry = customer.memory[self.place]
        if entry is None:
            return NEVER
        since: int = entry[0]
        left = partial(decayed_after, entry[1], since, self.half_life)
        # A score only ever moves towards zero, so each test turns at most once.
        truth = self.compare.accepts(left(now))
        for at in sorted([_first_turn(test, left, now) for test in self.tests]):
            if at != NEVER and self.compare.accepts(left(at)) is not truth:
                return at
        return NEVER

    def memory_key(self) -> str | None:
        return self.key

    def observed(self, customer: Customer, now: int, touchpoint: Touchpoint | None) -> Observed:
        return self._score(customer, now)

    def changes_by_time(self) -> tuple[bool, bool]:
        return True, True

    def _score(self, customer: Customer, now: int) -> float:
        entry = customer.memory[self.place]
        return 0.0 if entry is None else decayed(entry[1], now - entry[0], self.half_life)


def compile_event(written: model.Event, text: str, surroundings: Surroundings) -> Leaf:
    return EventHappens(text, written.match, written.within)


def compile_trait(written: model.Trait, text: str, surroundings: Surroundings) -> Leaf:
    return TraitCompares(text, written.name, written.comparison, surroundings.whereabouts)


def compile_absent(written: model.Absent, text: str, surroundings: Surroundings) -> Leaf:
    return NothingFor(text, surroundings.shared(Latest(written.match)), written.duration)


def compile_in_stage(written: model.InStage, text: str, surroundings: Surroundings) -> Leaf:
    return InStageFor(text, written.duration)


def compile_count(written: model.Count, text: str, surroundings: Surroundings) -> Leaf:
    if written.within is None:
        return TotalCompares(text, surroundings.shared(Total(written.match)), written.comparison)
    return CountCompares(text, surroundings.shared(CountWindow(written.match, written.within)), written.comparison)


def compile_sequence(written: model.Sequence, text: str, surroundings: Surroundings) -> Leaf:
    return StepsTaken(text, surroundings.shared(OrderedSteps(written.steps, written.within)))


def compile_score(written: model.Score, text: str, surroundings: Surroundings) -> Leaf:
    return ScoreCompares(text, surroundings.shared(Score(written.points, written.half_life)), written.comparison)


def _first_turn(test: Predicate, left: Callable[[int], float], now: int) -> int:
    """The first microsecond after `now` at which `test` turns, by bisection up to the end of time."""
    truth = test.accepts(left(now))
    if test.accepts(left(END_OF_TIME)) is truth:
        return NEVER
    span = range(now + 1, END_OF_TIME)
    return span.start + bisect_left(span, True, key=lambda at: test.accepts(left(at)) is not truth)


def _left(times: list[int], gone: int) -> int:
    """How many of them are after `gone`. Mostly all are."""
    number = len(times)
    return number - bisect_right(times, gone) if number and times[0] <= gone else number


def falling_turns(compare: Predicate) -> tuple[int, ...]:
    """The numbers, descending, at which a falling count turns: `compare` differs between the number and the one below."""
    return tuple([number for number in range(EXACT, 0, -1) if compare.accepts(number) is not compare.accepts(number - 1)])


def until_turned(times: list[int], now: int, within: int, turns: tuple[int, ...], compare: Predicate) -> int:
    """When the number of `times` in the window turns `compare`, as they leave it one by one (those at the same time together)."""
    number = len(times) - bisect_right(times, now - within)
    truth = compare.accepts(number)
    for turn in turns:
        if turn <= number:
            at = times[-turn]
            if compare.accepts(len(times) - bisect_right(times, at)) is not truth:
                return at + within
    return NEVER


class _Estimated(Predicate):
    """What a comparison says of the number that so many kept digests stand for."""

    __slots__ = ("bits", "compare")

    def __init__(self, compare: Predicate, bits: int) -> None:
        self.compare: Final = compare
        self.bits: Final = bits

    def accepts(self, value: Any) -> bool:
        return self.compare.accepts(value << self.bits)


def by_time_as_numbers_fall(comparison: Comparison) -> tuple[bool, bool]:
    """Whether a number that only falls can make the comparison true, and false."""
    operators = {test.operator for test in comparison.tests}
    return not operators <= _RISING, not operators <= _FALLING
