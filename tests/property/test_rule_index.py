"""Judging only the rules that could have become true, against judging every rule every time: the same, down to the byte."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.workload.book import decoded, shipped_program
from bench.workload.growth_journeys import journey_with_rules
from bench.workload.touchpoints import made_up
from etapa.contracts.stored.state import decode_state, encode_state
from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.engine.judging.classify import run_and_note, touch
from etapa.journey.engine.judging.program import Program, compile_journey
from etapa.journey.language.model import Journey
from etapa.journey.units import DAY, HOUR, SECOND
from tests.reference.made_up import EXAMPLES, journeys, restless_journeys, revolving_journeys, thorough, touchpoints

EVERY_RULE = 10_000
"""More rules than any stage here has, so that all of them are judged every time."""
START = 1_735_689_600 * SECOND
NO_LEAPS: Mapping[int, int] = MappingProxyType({})


def results(
    program: Program, stream: Sequence[Touchpoint], loaded_before: frozenset[int], end: int, leaps: Mapping[int, int] = NO_LEAPS
) -> list[object]:
    """Everything that comes of each touchpoint, the state after it, and what timers then do up to `end`.

    `loaded_before`: places in the stream at which the customer's state is stored and loaded.
    `leaps`: by how much other customers' touchpoints advance stream time after a place, so that the next touchpoint may be late.
    """
    customers: dict[str, Customer] = {}
    told: list[object] = []
    for place, touchpoint in enumerate(stream):
        customer = customers.get(touchpoint.customer_id)
        if customer is not None and place in loaded_before:
            customer = decode_state(encode_state(customer), customer.id)
        touched = touch(program, customer, touchpoint)
        customers[touchpoint.customer_id] = touched.customer
        told += [touched.changes, touched.released, touched.outcomes, touched.timers, encode_state(touched.customer)]
        if place in leaps:
            happened = run_and_note(program, touched.customer, touched.customer.clock + leaps[place])
            told += [happened.changes, happened.released, happened.outcomes, happened.timers, encode_state(touched.customer)]
    for customer in customers.values():
        happened = run_and_note(program, customer, end)
        told += [happened.changes, happened.released, happened.outcomes, happened.timers, encode_state(customer)]
    return [*told, program.type_mismatches()]


def indexed_and_not(
    journey: Journey, stream: Sequence[Touchpoint], loaded_before: frozenset[int], end: int, leaps: Mapping[int, int] = NO_LEAPS
) -> None:
    indexed = results(compile_journey(journey, few_rules=0), stream, loaded_before, end, leaps)
    assert indexed == judged_every_time(journey, stream, end, leaps)


def judged_every_time(journey: Journey, stream: Sequence[Touchpoint], end: int, leaps: Mapping[int, int] = NO_LEAPS) -> list[object]:
    """The same if every rule is judged with every touchpoint, because nothing is known of a customer that was just loaded."""
    return results(compile_journey(journey, few_rules=EVERY_RULE), stream, frozenset(range(len(stream))), end, leaps)


@settings(thorough, max_examples=4 * EXAMPLES)
@given(journeys(most_rules=12), touchpoints(most=25), st.frozensets(st.integers(1, 24)))
def test_an_index_of_rules_changes_nothing(journey: Journey, stream: list[Touchpoint], loaded_before: frozenset[int]) -> None:
    indexed_and_not(journey, stream, loaded_before, 100 * HOUR)


@settings(thorough, max_examples=2 * EXAMPLES)
@given(
    journeys(most_rules=12),
    touchpoints(most=25),
    st.frozensets(st.integers(1, 24)),
    st.dictionaries(st.integers(0, 24), st.sampled_from([HOUR, 5 * HOUR, 30 * HOUR]), min_size=3),
)
def test_an_index_of_rules_changes_nothing_for_late_touchpoints(
    journey: Journey, stream: list[Touchpoint], loaded_before: frozenset[int], leaps: dict[int, int]
) -> None:
    indexed_and_not(journey, stream, loaded_before, 100 * HOUR, leaps)


@thorough
@given(restless_journeys(), touchpoints(most=40), st.frozensets(st.integers(1, 39)))
def test_an_index_of_rules_changes_no_campaign(journey: Journey, stream: list[Touchpoint], loaded_before: frozenset[int]) -> None:
    indexed_and_not(journey, stream, loaded_before, 100 * HOUR)


@settings(thorough, max_examples=2 * EXAMPLES)
@given(revolving_journeys(), touchpoints(most=12), st.frozensets(st.integers(1, 11)), st.sampled_from([0, 2]))
def test_what_customers_met_before_changes_nothing_when_time_brings_them_back(
    journey: Journey, stream: list[Touchpoint], loaded_before: frozenset[int], few_rules: int
) -> None:
    remembering = results(compile_journey(journey, few_rules), stream, loaded_before, 100 * HOUR)
    assert remembering == judged_every_time(journey, stream, 100 * HOUR)


@settings(thorough, max_examples=4 * EXAMPLES)
@given(
    st.one_of(journeys(most_rules=8), restless_journeys(), revolving_journeys()),
    touchpoints(most=25),
    st.frozensets(st.integers(1, 24), max_size=4),
    st.dictionaries(st.integers(0, 24), st.sampled_from([HOUR, 5 * HOUR, 30 * HOUR]), max_size=6),
)
def test_what_is_known_of_calm_customers_changes_nothing(
    journey: Journey, stream: list[Touchpoint], loaded_before: frozenset[int], leaps: dict[int, int]
) -> None:
    remembering = results(compile_journey(journey, few_rules=EVERY_RULE), stream, loaded_before, 100 * HOUR, leaps)
    assert remembering == judged_every_time(journey, stream, 100 * HOUR, leaps)


def test_what_is_known_of_calm_customers_changes_nothing_in_the_shipped_journey() -> None:
    sent = decoded(list(made_up(6_000, 60, START, START + 300 * DAY)))
    journey = shipped_program().journey
    end = START + 900 * DAY
    assert results(compile_journey(journey), sent, frozenset(), end) == judged_every_time(journey, sent, end)


@pytest.mark.parametrize("spread", [False, True], ids=["out-of-one-stage", "out-of-six-stages"])
def test_an_index_of_two_hundred_rules_changes_nothing(spread: bool) -> None:
    sent = decoded(list(made_up(1_500, 40, START, START + 180 * DAY)))
    indexed_and_not(journey_with_rules(200, spread=spread), sent, frozenset(range(0, 1_500, 7)), START + 400 * DAY)
