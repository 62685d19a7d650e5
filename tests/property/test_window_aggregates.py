"""When a comparison of a window's sum, average, smallest or largest value changes by time alone: computed fast, and slowly."""

import math

from hypothesis import example, given
from hypothesis import strategies as st

from etapa.journey.engine.accumulators.estimated_sums import estimated_sum, worked_out
from etapa.journey.engine.accumulators.ever import exact_sum
from etapa.journey.engine.accumulators.quick_sums import quick_look
from etapa.journey.engine.accumulators.window import ValueWindow
from etapa.journey.engine.conditions.aggregates import WindowCompares, WindowSumCompares, window_compares
from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.facts.instant import NEVER
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.engine.queries.comparing import Comparing
from etapa.journey.engine.queries.whereabouts import Whereabouts
from etapa.journey.language.kinds.aggregate import AggregateKind
from etapa.journey.language.model import Comparison, CustomerZone, Match, Operator, Test

WITHIN = 1000
KINDS: list[AggregateKind] = ["sum", "avg", "min", "max"]
OPERATORS: list[Operator] = ["gt", "gte", "lt", "lte", "eq", "ne"]
VALUES = st.one_of(
    st.integers(-3, 3), st.sampled_from([0.1, 0.2, 0.3, -0.3, 1e-300, 5e-324, 1e308, -1e308, 2**63 - 1]), st.floats(-1e6, 1e6)
)
ARRIVALS = st.lists(st.tuples(st.integers(0, 3 * WITHIN), VALUES), max_size=40)


def compared(kind: AggregateKind, tests: list[tuple[Operator, float]]) -> tuple[WindowCompares, ValueWindow]:
    window = ValueWindow(("properties", "amount"), Match(("purchase",)), WITHIN)
    comparison = Comparison(tuple(Test(operator, operand) for operator, operand in tests))
    return window_compares("text", kind, window, Comparing(comparison, Whereabouts(CustomerZone()))), window


def customer_after(window: ValueWindow, arrivals: list[tuple[int, float]]) -> Customer:
    customer = Customer(version=1, stage="here", due=None, entered_at=0, clock=0, first_at=0, sequence=1)
    customer.memory = [None]
    for at, amount in arrivals:
        customer.clock = max(customer.clock, at)
        window.record(customer.memory, Touchpoint("t", "ada", "purchase", at, None, {"amount": amount}), customer.clock)
    return customer


def slow_until(leaf: WindowCompares, customer: Customer, now: int) -> int:
    truth = leaf.holds(customer, now, None)
    times = range(now + 1, now + WITHIN + 1)
    return next((at for at in times if leaf.holds(customer, at, None) is not truth), NEVER)


@given(st.sampled_from(KINDS), st.lists(st.tuples(st.sampled_from(OPERATORS), VALUES), min_size=1, max_size=2), ARRIVALS)
@example("sum", [("gt", 0.6)], [(0, 1.0), (1, 0.3), (2, 0.2), (3, 0.1)])
@example("sum", [("eq", 0)], [(0, 1), (1, -1), (2, 1)])
@example("avg", [("lte", 0.2)], [(0, 0.3), (1, 0.2), (2, 0.1)])
@example("sum", [("gt", 1e308)], [(0, 1e308), (1, 1e308), (2, -1e308)])
def test_the_time_of_the_next_change_is_the_one_that_trying_every_moment_finds(
    kind: AggregateKind, tests: list[tuple[Operator, float]], arrivals: list[tuple[int, float]]
) -> None:
    leaf, window = compared(kind, tests)
    customer = customer_after(window, arrivals)
    assert leaf.until(customer, customer.clock) == slow_until(leaf, customer, customer.clock)


@given(st.sampled_from(KINDS), st.sampled_from(OPERATORS), st.integers(-50, 400), st.lists(st.integers(-1, 3), min_size=257, max_size=300))
def test_so_it_is_past_where_windows_are_exact(kind: AggregateKind, operator: Operator, operand: int, amounts: list[int]) -> None:
    leaf, window = compared(kind, [(operator, operand)])
    customer = customer_after(window, [(2 * place, amount) for place, amount in enumerate(amounts)])
    assert leaf.until(customer, customer.clock) == slow_until(leaf, customer, customer.clock)


@given(st.lists(st.tuples(st.sampled_from(OPERATORS), VALUES), min_size=1, max_size=2), ARRIVALS, st.integers(0, WITHIN))
@example([("gte", 0.3)], [(0, 0.1), (1, 0.2)], 0)
@example([("eq", 0.6)], [(0, 0.1), (1, 0.2), (2, 0.3)], 0)
@example([("gt", 1e308)], [(0, 1e308), (1, 1e308), (2, -1e308)], 0)
@example([("gte", 2**53 + 1)], [(0, 2**53), (1, 1)], 0)
def test_an_estimate_decides_as_the_exact_sum_does(
    tests: list[tuple[Operator, float]], arrivals: list[tuple[int, float]], later: int
) -> None:
    leaf, window = compared("sum", tests)
    assert isinstance(leaf, WindowSumCompares)
    customer = customer_after(window, arrivals)
    now = customer.clock + later
    kept = [value for at, value in zip(*(customer.memory[0] or [[], []])[:2], strict=True) if at > now - WITHIN]
    # A sum over no values is 0, as before any.
    exact = exact_sum(kept)
    assert leaf.holds(customer, now, None) is leaf.comparing.predicate.accepts(exact)
    assert leaf.rises(customer, now) == (now if leaf.holds(customer, now, None) else leaf.until(customer, now))
    assert leaf.measured(customer, now) >= exact


@given(st.lists(VALUES, max_size=30))
def test_values_are_looked_over_alike_where_that_is_compiled(values: list[float]) -> None:
    look = worked_out if quick_look is None else quick_look
    assert look(values) == worked_out(values)
    estimate = estimated_sum(values, [])
    if estimate is not None and math.isfinite(estimate.most - estimate.least):
        assert estimate.least <= exact_sum(values) <= estimate.most
        assert estimate.falls is all(value >= 0 for value in values)
