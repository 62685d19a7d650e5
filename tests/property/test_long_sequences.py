"""Sequences over more touchpoints than are kept one by one: right, or marked as not exact."""

from hypothesis import example, given
from hypothesis import strategies as st

from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.engine.judging.classify import touch
from etapa.journey.engine.judging.program import compile_journey
from etapa.journey.identity.remembered import unite_memories
from etapa.journey.language.load import journey_or_raise
from tests.reference.made_up import thorough

WINDOW = 3_600_000_000
JOURNEY = """journey: long
version: 1
remember_ids: 0
stages: [{id: a}, {id: b}]
rules: [{id: r, from: a, to: b, when: {all: [{sequence: [{event: x}, {event: y}, {event: z}], within: 1h}, {event: never}]}}]
"""
PROGRAM = compile_journey(journey_or_raise(JOURNEY, "long.yaml"))
LEAF = PROGRAM.stages["a"].rules[0].leaves[0]
bursts = st.tuples(st.integers(0, 5 * WINDOW // 4), st.integers(1, 300), st.sampled_from([0, 1_000_000, 7_000_000]), st.sampled_from("xyz"))


def taken(arrivals: list[tuple[int, str]], now: int) -> bool:
    """Whether x, y and z came in this order within the last hour."""
    came = [kind for at, _, kind in sorted((at, number, kind) for number, (at, kind) in enumerate(arrivals)) if now - WINDOW < at <= now]
    wanted = iter(came)
    return all(step in wanted for step in "xyz")


@thorough
@given(st.lists(bursts, min_size=2, max_size=6), st.integers(0, WINDOW))
# A late y that comes before the merged x, and after it in the sequence that is kept.
@example([(1_000_000, 300, 1_000_000, "x"), (0, 1, 0, "y"), (400_000_000, 1, 0, "z")], 0)
def test_a_sequence_is_right_or_says_that_it_is_not_exact(found: list[tuple[int, int, int, str]], wait: int) -> None:
    arrivals = [(start + place * step, kind) for start, number, step, kind in found for place in range(number)]
    customer: Customer | None = None
    for number, (at, kind) in enumerate(arrivals):
        customer = touch(PROGRAM, customer, Touchpoint(str(number), "c", kind, at)).customer
    assert customer is not None
    now = customer.clock + wait
    if LEAF.exact(customer, now):
        assert LEAF.holds(customer, now, None) is taken(arrivals, now)


def test_a_sequence_is_exact_again_when_what_was_merged_has_left_the_window() -> None:
    customer: Customer | None = None
    for number, at in enumerate([*range(1_000_000, 301_000_000, 1_000_000), 0]):
        customer = touch(PROGRAM, customer, Touchpoint(str(number), "c", "x" if at else "y", at)).customer
    assert customer is not None
    # Of 300, the first 44 were merged when the late one came.
    assert [LEAF.exact(customer, now) for now in (customer.clock, WINDOW + 43_999_999, WINDOW + 44_000_000)] == [False, False, True]


def test_a_sequence_of_two_customers_that_become_one_is_exact_unless_one_of_them_had_merged_touchpoints() -> None:
    def customer(kind: str, number: int) -> Customer:
        touched: Customer | None = None
        for each in range(number):
            touched = touch(PROGRAM, touched, Touchpoint(str(each), "c", kind, 1_000_000 * each)).customer
        assert touched is not None
        return touched

    few = customer("x", 200)
    unite_memories(PROGRAM, few, customer("y", 200))
    assert LEAF.exact(few, few.clock)
    many = customer("x", 300)
    unite_memories(PROGRAM, many, customer("y", 200))
    assert not LEAF.exact(many, many.clock)
    assert LEAF.exact(many, WINDOW + 44_000_000)
