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
CONDITIONS = [
    ("{count: x, within: 1h, gte: 1000000}", WINDOW, 0),
    ("{count: x, before: 10m, gte: 1000000}", None, BEFORE),
    ("{count: x, within: 1h, before: 10m, gte: 1000000}", WINDOW, BEFORE),
    ("{sum: properties.v, of: x, within: 1h, eq: 0.125}", WINDOW, 0),
    ("{sum: properties.v, of: x, before: 10m, eq: 0.125}", None, BEFORE),
    ("{sum: properties.v, of: x, within: 1h, before: 10m, eq: 0.125}", WINDOW, BEFORE),
]
bursts = st.tuples(
    st.integers(0, 5 * WINDOW // 4), st.integers(0, 400), st.sampled_from([0, 1, 1_000, 1_000_000, 7_000_000]), st.integers(-2, 3)
)


def program() -> Program:
    return compile_journey(journey_or_raise(HEAD + ", ".join(text for text, _, _ in CONDITIONS) + "]}}]\n", "many.yaml"))


MANY = program()


def leaves() -> Sequence[CompiledLeaf]:
    return MANY.stages["a"].rules[0].leaves


@thorough
@given(st.lists(bursts, min_size=2, max_size=6), st.integers(0, WINDOW))
def test_a_figure_is_exact_or_off_by_no_more_than_it_says(found: list[tuple[int, int, int, int]], wait: int) -> None:
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
        true = len(meant) if text.startswith("{count") else fsum(meant)
        observed = leaf.observed(customer, now, None)
        assert isinstance(observed, int | float)
        if leaf.exact(customer, now):
            assert observed == true, leaf.text
        else:
            bound = leaf.off_by_at_most(customer, now)
            assert bound is not None
            assert abs(observed - true) <= bound, leaf.text
            assert len(times) > EXACT


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
