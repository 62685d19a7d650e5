"""Windows with more touchpoints than are kept one by one: what a condition says about them is exact, or off by no more than it says."""

from bisect import bisect_right
from collections.abc import Sequence
from math import fsum

from hypothesis import given
from hypothesis import strategies as st

from etapa.journey.engine.accumulators.window import EXACT, MOST_COUNTS
from etapa.journey.engine.conditions.condition import CompiledLeaf
from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.engine.judging.classify import touch
from etapa.journey.engine.judging.program import Program, compile_journey
from etapa.journey.language.load import journey_or_raise
from tests.reference.made_up import thorough

WINDOW = 3_600_000_000
BEFORE = 600_000_000
HEAD = "journey: many\nversion: 1\nremember_ids: 0\nstages: [{id: a}, {id: b}]\nrules: [{id: r, from: a, to: b, when: {all: ["
WINDOWS = [(", within: 1h", WINDOW, 0), (", before: 10m", None, BEFORE), (", within: 1h, before: 10m", WINDOW, BEFORE)]
CONDITIONS = [
    *[(f"{{count: x{written}, gte: 1000000}}", within, before) for written, within, before in WINDOWS],
    *[
        (f"{{{kind}: properties.v, of: x{written}, eq: 0.125}}", within, before)
        for kind in ("sum", "avg", "min", "max")
        for written, within, before in WINDOWS
    ],
]
bursts = st.tuples(
    st.integers(0, 5 * WINDOW // 4),
    st.integers(0, 400),
    st.sampled_from([0, 1, 1_000, 1_000_000, 7_000_000]),
    st.sampled_from([-2, -0.1, 0, 0.1, 0.3, 1, 3, 1e16, 19.99]),
)


def program() -> Program:
    return compile_journey(journey_or_raise(HEAD + ", ".join(text for text, _, _ in CONDITIONS) + "]}}]\n", "many.yaml"))


MANY = program()


def leaves() -> Sequence[CompiledLeaf]:
    return MANY.stages["a"].rules[0].leaves


@thorough
@given(st.lists(bursts, min_size=2, max_size=6), st.integers(0, WINDOW))
def test_a_figure_is_exact_or_off_by_no_more_than_it_says(found: list[tuple[int, int, int, float]], wait: int) -> None:
    arrivals = [(start + place * step, value) for start, number, step, value in found for place in range(number)]
    customer: Customer | None = None
    for number, (at, value) in enumerate([(0, 0), *arrivals]):
        customer = touch(MANY, customer, Touchpoint(str(number), "c", "x", at, None, {"v": value})).customer
    assert customer is not None
    now = customer.clock + wait
    ordered = sorted([(0, 0), *arrivals])
    times = [at for at, _ in ordered]
    for leaf, (text, within, before) in zip(leaves(), CONDITIONS, strict=True):
        begins = 0 if within is None else bisect_right(times, now - within)
        ends = bisect_right(times, now - before)
        meant = [value for _, value in ordered[begins:ends]]
        true = meaning(text, meant)
        observed = leaf.observed(customer, now, None)
        assert observed is None or isinstance(observed, int | float)
        if leaf.exact(customer, now):
            assert observed == true, leaf.text
        elif observed is None or true is None:
            assert leaf.off_by_at_most(customer, now) is None or observed == true, leaf.text
        else:
            bound = leaf.off_by_at_most(customer, now)
            assert bound is not None
            # What is rounded in the sum of the bound itself.
            assert abs(observed - true) <= bound * (1 + 1e-12) + 1e-15 * abs(true), leaf.text
            assert len(times) > EXACT


def meaning(text: str, values: list[float]) -> float | None:
    """The figure that a condition means, of the values in its window."""
    match text[1:].partition(":")[0]:
        case "count":
            return len(values)
        case "sum":
            return fsum(values)
        case "avg":
            return fsum(values) / len(values) if values else None
        case "min":
            return min(values, default=None)
        case _:
            return max(values, default=None)


@thorough
@given(st.lists(st.integers(0, 2 * WINDOW), min_size=300, max_size=700))
def test_a_count_has_no_more_pieces_than_it_may_have_and_none_wider_than_it_may_be(arrivals: list[int]) -> None:
    customer: Customer | None = None
    for number, at in enumerate(arrivals):
        customer = touch(MANY, customer, Touchpoint(str(number), "c", "x", at, None, {"v": 1})).customer
    assert customer is not None
    entry = customer.memory[MANY.keys.index(str(leaves()[0].memory_key()))]
    if isinstance(entry[0], list):
        assert len(entry[1]) <= MOST_COUNTS
        assert 1 << entry[3] <= WINDOW // 64
