"""The condition on a decaying score."""

from bisect import bisect_left
from collections.abc import Callable
from functools import partial
from typing import Final

from etapa.journey.engine.accumulators.ever import DecayingScore, decayed, decayed_after
from etapa.journey.engine.conditions.condition import CompiledLeaf
from etapa.journey.engine.conditions.falling import BY_SCORE, NumberCompares, by_time_as_numbers_fall
from etapa.journey.engine.conditions.surroundings import Surroundings
from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.facts.instant import END_OF_TIME, NEVER
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.language.kinds.condition import Observed
from etapa.journey.language.kinds.score import Score
from etapa.journey.language.matching.predicates import Predicate, compile_comparison
from etapa.journey.language.model import Comparison


class ScoreCompares(NumberCompares):
    """A decaying score satisfies the comparison."""

    __slots__ = ("half_life", "rises_and_falls", "tests")

    def __init__(self, text: str, score: DecayingScore, comparison: Comparison) -> None:
        super().__init__(text, score, comparison, BY_SCORE)
        self.half_life: Final = score.half_life
        only_falls = min(score.points.values()) >= 0
        self.rises_and_falls: Final = by_time_as_numbers_fall(comparison) if only_falls else (True, True)
        self.tests: Final = [compile_comparison(Comparison((test,))) for test in comparison.tests]

    def holds(self, customer: Customer, now: int, touchpoint: Touchpoint | None) -> bool:
        return self.compare.accepts(self._score(customer, now))

    def until(self, customer: Customer, now: int) -> int:
        entry = customer.memory[self.place]
        if entry is None:
            return NEVER
        since: int = entry[0]
        left = partial(decayed_after, entry[1], since, self.half_life)
        # A score only moves towards zero, so each test changes at most once.
        truth = self.compare.accepts(left(now))
        for at in sorted([_first_turn(test, left, now) for test in self.tests]):
            if at != NEVER and self.compare.accepts(left(at)) is not truth:
                return at
        return NEVER

    def until_before(self, customer: Customer, now: int, horizon: int) -> int:
        entry = customer.memory[self.place]
        if entry is None:
            return NEVER
        present = self._score(customer, now)
        later = self._score(customer, min(horizon - 1, END_OF_TIME))
        for test in self.tests:
            if test.accepts(present) is not test.accepts(later):
                return self.until(customer, now)
        return NEVER

    def measured(self, customer: Customer, now: int) -> float:
        return self._score(customer, now)

    def observed(self, customer: Customer, now: int, touchpoint: Touchpoint | None) -> Observed:
        return self._score(customer, now)

    def changes_by_time(self) -> tuple[bool, bool]:
        return self.rises_and_falls

    def _score(self, customer: Customer, now: int) -> float:
        entry = customer.memory[self.place]
        return 0.0 if entry is None else decayed(entry[1], now - entry[0], self.half_life)


def compile_score(written: Score, text: str, surroundings: Surroundings) -> CompiledLeaf:
    return ScoreCompares(text, surroundings.shared(DecayingScore(written.points, written.half_life)), written.comparison)


def _first_turn(test: Predicate, left: Callable[[int], float], now: int) -> int:
    """The first microsecond after `now` at which `test` changes, by bisection up to the end of time."""
    truth = test.accepts(left(now))
    if test.accepts(left(END_OF_TIME)) is truth:
        return NEVER
    span = range(now + 1, END_OF_TIME)
    return span.start + bisect_left(span, True, key=lambda at: test.accepts(left(at)) is not truth)
