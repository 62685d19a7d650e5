"""How a condition compares what it looks at. Dates are compared in the zone where the customer is now."""

from bisect import bisect_left, bisect_right
from typing import Any, Final

from etapa.journey.engine.accumulators.accumulator import accumulator_key, comparison_definition
from etapa.journey.engine.accumulators.kept_value import Answered
from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.facts.instant import BEGINNING_OF_TIME, END_OF_TIME, instant_text
from etapa.journey.engine.queries.scalars import scalar_text
from etapa.journey.engine.queries.whereabouts import Whereabouts
from etapa.journey.language.kinds.condition import Observed
from etapa.journey.language.matching.matches import Comparison
from etapa.journey.language.matching.predicates import Predicate, compile_converted, needs_zone, tests_in
from etapa.journey.units import SECOND


class Comparing:
    """The comparison of a value that was converted when it was remembered."""

    __slots__ = ("are_dates", "bounds", "comparison", "predicate", "whereabouts")

    def __init__(self, comparison: Comparison, whereabouts: Whereabouts) -> None:
        self.comparison: Final = comparison
        self.predicate: Final = answered(comparison, compile_converted(comparison))
        self.whereabouts: Final = whereabouts if needs_zone(comparison) else None
        self.are_dates: Final = comparison.conversion == "date"
        self.bounds: Final = _numbers_in(comparison)
        """Between two neighbouring bounds, either all numbers satisfy the comparison or none does."""

    def of(self, customer: Customer) -> Predicate:
        """The predicate that values must satisfy for this customer."""
        whereabouts = self.whereabouts
        return self.predicate if whereabouts is None else self.predicate.in_zone(whereabouts.of(customer))

    def bounds_of(self, customer: Customer) -> list[float]:
        """The bounds, with dates as instants."""
        whereabouts = self.whereabouts
        if whereabouts is None or not self.are_dates:
            return self.bounds
        return _numbers_in(Comparison(tests_in(self.comparison.tests, whereabouts.of(customer))))

    def shown(self, value: Any) -> Observed:
        """The value as shown in reasons."""
        if self.are_dates and isinstance(value, int):
            return date_text(value)
        return scalar_text(value)

    def shown_length(self, length: Any) -> Any:
        """A difference of two values as shown in reasons: between dates in seconds."""
        return length / SECOND if self.are_dates and length is not None else length


def asks_of_whole(comparison: Comparison) -> bool:
    """Whether it needs a whole list or a long text, of which only a part may be kept."""
    return bool(comparison.elements) or any(test.operator in ("contains", "ends_with", "matches") for test in comparison.tests)


def ask_key(comparison: Comparison) -> str:
    """A short key under which the answer is kept."""
    return accumulator_key("ask", comparison_definition(comparison))


def answered(comparison: Comparison, predicate: Predicate) -> Predicate:
    """The predicate for a kept value."""
    return Answered(ask_key(comparison), predicate) if asks_of_whole(comparison) else predicate


def date_text(at: int) -> str:
    """An instant read from a date. Its offset may take it outside the years 1 to 9999."""
    return instant_text(max(BEGINNING_OF_TIME, min(END_OF_TIME, at)))


def all_alike(bounds: list[float], low: float, high: float) -> bool:
    """Whether a comparison with these bounds certainly gives all numbers from `low` to `high` the same answer. False for NaN."""
    return low <= high and bisect_left(bounds, low) == bisect_right(bounds, high)


def _numbers_in(comparison: Comparison) -> list[float]:
    operands = [each for test in comparison.tests for each in (test.operand if isinstance(test.operand, tuple) else (test.operand,))]
    return sorted(each for each in operands if isinstance(each, int | float) and not isinstance(each, bool))
