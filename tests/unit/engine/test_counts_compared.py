"""Counts are compared as whole numbers and found by halving; what comes of it is what predicates and `bisect` say. Their ratios are
rounded once, however large they are.
"""

from bisect import bisect_right
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from etapa.journey.engine.accumulators.window import place_after
from etapa.journey.engine.conditions.falling import whole_numbers_in
from etapa.journey.engine.facts.instant import ratio
from etapa.journey.language.matching.predicates import compile_comparison
from etapa.journey.language.model import Comparison, Operator, Test

OPERATORS: list[Operator] = ["gt", "gte", "lt", "lte", "eq", "ne", "exists"]
BOUNDS = st.one_of(st.integers(-3, 12), st.floats(-2, 12), st.sampled_from([2**60, -(2**60), 1e300, 0.5, float("inf"), float("nan"), True]))
EDGE = 2**53
"""Up to this, floats hold every whole number."""
TESTS = st.lists(st.tuples(st.sampled_from(OPERATORS), BOUNDS), min_size=1, max_size=3)


@given(TESTS)
@example([("gte", 3)])
@example([("eq", 0)])
@example([("gt", 1), ("lt", 3)])
@example([("lt", 2.5)])
@example([("eq", 2.5)])
def test_a_range_of_whole_numbers_is_what_the_comparison_accepts(tests: list[tuple[Operator, float]]) -> None:
    comparison = Comparison(tuple(Test(operator, operand) for operator, operand in tests))
    predicate, found = compile_comparison(comparison), whole_numbers_in(comparison)
    if found is not None:
        smallest, largest = found
        assert [number for number in range(16) if smallest <= number <= largest] == list(filter(predicate.accepts, range(16)))


def test_the_usual_comparisons_are_ranges() -> None:
    for operator in ("gt", "gte", "lt", "lte", "eq"):
        assert whole_numbers_in(Comparison((Test(operator, 3),))) is not None
    assert whole_numbers_in(Comparison((Test("ne", 3),))) is None


@given(st.lists(st.integers(-20, 20)).map(sorted), st.integers(-25, 25))
def test_halving_finds_the_place_that_bisect_does(times: list[int], at: int) -> None:
    assert place_after(times, at) == bisect_right(times, at)


@pytest.mark.parametrize("part", [0, 1, -7, EDGE - 1, EDGE, EDGE + 1, 3 * EDGE + 1, -EDGE - 1, 253_402_300_799_999_999])
@pytest.mark.parametrize("whole", [1, 3, 1_000_000, EDGE - 1, EDGE, EDGE + 1, 5 * EDGE + 3])
def test_a_ratio_is_rounded_once(part: int, whole: int) -> None:
    assert ratio(part, whole) == float(Fraction(part, whole))


def test_large_numbers_are_not_rounded_before_they_are_divided() -> None:
    part, whole = 7 * EDGE + 5, 9 * EDGE + 7
    assert any(ratio(part + more, whole) != float(part + more) / float(whole) for more in range(100))
