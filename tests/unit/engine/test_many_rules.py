"""What makes an indexed rule judged although no touchpoint of its type has arrived."""

from etapa.contracts.stored.state import encode_state
from etapa.journey.engine.judging.classify import touch
from etapa.journey.engine.judging.program import Program, compile_journey
from tests.unit.engine.shops import did, path, play, program_of, us


def indexed(rules: str) -> Program:
    return compile_journey(program_of(rules).journey, few_rules=0)


def test_a_trait_that_changes_moves_the_customer_whatever_brought_it() -> None:
    program = indexed("- {id: gold, from: new, to: hot, when: {trait: plan, eq: gold}}")
    _, changes = play(program, did("view", "1d"), did("view", "2d"), did("search", "3d", traits={"plan": "gold"}))
    assert path(changes) == [("new", us("1d")), ("hot", us("3d"))]


def test_a_touchpoint_earlier_than_any_before_makes_absence_longer() -> None:
    program = indexed("- {id: never-buys, from: new, to: lost, when: {absent: buy, for: 3d}}")
    _, changes = play(program, did("view", "5d"), did("view", "1d"))
    assert path(changes) == [("new", us("5d")), ("lost", us("5d"))]


def test_a_rule_hidden_by_the_touchpoint_at_hand_moves_the_customer_with_the_next() -> None:
    program = indexed("- {id: twice, from: new, to: hot, when: {all: [{count: view, gte: 2}, {not: {event: view}}]}}")
    _, changes = play(program, did("view", "1d"), did("view", "2d"), did("search", "3d"))
    assert path(changes) == [("new", us("1d")), ("hot", us("3d"))]


def test_a_sum_that_a_refund_holds_down_moves_the_customer_when_the_refund_leaves_its_window() -> None:
    program = indexed("- {id: spends, from: new, to: hot, when: {sum: properties.amount, of: buy, within: 10d, gte: 50}}")
    _, changes = play(program, did("buy", "1d", amount=-40), did("buy", "2d", amount=60), until="30d")
    assert path(changes) == [("new", us("1d")), ("hot", us("11d"))]


def test_a_touchpoint_before_a_timer_that_moved_nobody_sets_that_timer_again() -> None:
    rules = "- {id: idle, from: new, to: lost, when: {all: [{absent: buy, for: 3d}, {not: {absent: view, for: 3d}}]}}"
    of_all, by_index = program_of(rules), indexed(rules)
    states = []
    for program in of_all, by_index:
        customer, _ = play(program, did("view", "1d", touchpoint_id="first"), until="6d")
        customer = touch(program, customer, did("search", "2d", touchpoint_id="late")).customer
        assert customer.due == us("4d")
        states.append(encode_state(customer))
    assert states[0] == states[1]
