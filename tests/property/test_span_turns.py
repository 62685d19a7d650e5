"""When a comparison of a window with `before` changes by time alone: computed fast, and by trying every moment."""

from hypothesis import given
from hypothesis import strategies as st

from etapa.journey.engine.conditions.condition import CompiledLeaf
from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.facts.instant import NEVER
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.engine.judging.classify import touch
from etapa.journey.engine.judging.program import Program, compile_journey
from etapa.journey.language import model
from etapa.journey.language.kinds.aggregate import Aggregate, AggregateKind
from etapa.journey.language.kinds.count import Count
from etapa.journey.language.kinds.event import Event
from tests.reference.made_up import thorough

WITHIN, BEFORE = 90, 30
KINDS: list[AggregateKind] = ["sum", "avg", "min", "max", "distinct"]
OPERATORS: list[model.Operator] = ["gt", "gte", "lt", "lte", "eq", "ne"]
VALUES = st.one_of(st.integers(-3, 3), st.sampled_from([0.1, 0.2, 0.3, -0.3, 1e-300, 1e308, -1e308, 2**63 - 1, "no number"]))
ARRIVALS = st.lists(st.tuples(st.integers(0, 150), VALUES), min_size=6, max_size=60)
WINDOWS = st.sampled_from([model.Window(before=BEFORE), model.Window(WITHIN, BEFORE)])
TESTS = st.builds(model.Test, st.sampled_from(OPERATORS), st.one_of(st.integers(-6, 60), st.sampled_from([0.3, 0.6, 1e308])))
MATCH = model.Match(("x",))
CONDITIONS = st.one_of(
    st.builds(lambda window, test: Count(MATCH, window, model.Comparison((test,)), None), WINDOWS, TESTS),
    st.builds(
        lambda kind, window, test: Aggregate(kind, ("properties", "v"), MATCH, window, model.Comparison((test,))),
        st.sampled_from(KINDS),
        WINDOWS,
        TESTS,
    ),
    st.builds(
        lambda window, test, weight: Aggregate(
            "sum", ("properties", "v"), MATCH, window, model.Comparison((test,)), None, (("x", weight),)
        ),
        WINDOWS,
        TESTS,
        st.sampled_from([-1, 0.1]),
    ),
)


def program_of(condition: model.Condition) -> Program:
    rule = model.Rule("r", ("a",), "b", model.All((condition, Event(model.Match(("never",))))))
    return compile_journey(model.Journey("spans", 1, "a", 0, 0, (model.Stage("a", None, {}), model.Stage("b", None, {})), (rule,)))


def slow_until(leaf: CompiledLeaf, customer: Customer, now: int) -> int:
    truth = leaf.holds(customer, now, None)
    return next((at for at in range(now + 1, now + WITHIN + 2) if leaf.holds(customer, at, None) is not truth), NEVER)


@thorough
@given(CONDITIONS, ARRIVALS)
def test_the_time_of_the_next_change_is_the_one_that_trying_every_moment_finds(
    condition: model.Condition, arrivals: list[tuple[int, object]]
) -> None:
    program = program_of(condition)
    leaf = program.stages["a"].rules[0].leaves[0]
    customer: Customer | None = None
    for number, (at, value) in enumerate(arrivals):
        customer = touch(program, customer, Touchpoint(str(number), "c", "x", at, None, {"v": value})).customer
    assert customer is not None
    assert leaf.until(customer, customer.clock) == slow_until(leaf, customer, customer.clock)
