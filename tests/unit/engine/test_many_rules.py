"""What makes a rule judged although no touchpoint of its type has arrived, in stages with many rules and with few, and when time brings a customer back."""

import random
from typing import NamedTuple

import pytest

from etapa.contracts.stored.state import decode_state, encode_state
from etapa.journey.engine.conditions.falling import UNBOUNDED, NumberCompares
from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.engine.judging.calm import Calm
from etapa.journey.engine.judging.classify import run_until, touch
from etapa.journey.engine.judging.compiled_rule import MOST_SORTED
from etapa.journey.engine.judging.program import Program, compile_journey
from tests.unit.engine.shops import did, path, play, program_of, us
from tests.unit.engine.test_campaigns import shop

AWAY = """
- {id: away, from: new, to: hot, when: {not: {event: none}}}
- {id: away-too, from: new, to: warm, when: {not: {event: none}}}
- {id: back, from: [hot, warm, lost], to: new, when: {in_stage: 1d}}
"""
"""From `new` to `hot` and `warm` in turn, for a day each."""
FIRST_OF_ALL = {
    "nothing else": "",
    "a touchpoint": "- {id: buys, from: new, to: lost, when: {count: buy, within: 3d, gte: 1}}",
    "a trait": "- {id: gold, from: new, to: lost, when: {trait: plan, eq: gold}}",
    "absence": "- {id: away-long, from: new, to: lost, when: {all: [{absent: view, for: 5d}, {not: {absent: view, for: 9d}}]}}",
    "absence, or the touchpoint at hand": "- {id: either, from: new, to: lost, when: {any: [{event: buy}, {absent: view, for: 5d}]}}",
    "a score that has fallen": "- {id: cools, from: new, to: lost, when: {all: [{score: {view: 8}, half_life: 2d, lt: 2}, {count: view, gte: 1}]}}",
    "a sum after a refund": "- {id: spends, from: new, to: lost, when: {sum: properties.amount, of: buy, within: 4d, gte: 50}}",
}
HISTORIES = {
    "one touchpoint": [did("view", "1d")],
    "a purchase while away": [did("view", "1d"), did("buy", "7d", amount=9)],
    "gold while away, then no longer": [
        did("view", "1d"),
        did("view", "6d", traits={"plan": "gold"}),
        did("view", "9d", traits={"plan": ""}),
    ],
    "a refund and a purchase": [did("buy", "1d", amount=-40), did("buy", "2d", amount=60)],
    "a late touchpoint": [did("view", "3d"), did("buy", "9d", amount=70), did("view", "8d")],
}

FEW_VIEWS = 40
"""So few that nothing that is kept of them is merged or left out."""


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


@pytest.mark.parametrize("views", [3, MOST_SORTED - 1, 3 * MOST_SORTED])
def test_of_many_rules_the_first_in_the_file_that_holds_moves_the_customer(views: int) -> None:
    # A number is a guard by itself, and none where it is one of two.
    guarded, unguarded = "{count: view, gte: %d}", "{any: [{count: view, gte: %d}, {count: buy, gte: 1}]}"
    for seed in range(5):
        thresholds = list(range(1, 4 * MOST_SORTED))
        random.Random(seed).shuffle(thresholds)
        whens = [f"{{all: [{{event: go}}, {(unguarded if each % 3 == 0 else guarded) % each}]}}" for each in thresholds]
        rules = [f"- {{id: r{each}, from: new, to: hot, when: {when}}}" for each, when in zip(thresholds, whens, strict=True)]
        program = indexed("\n".join(rules))
        _, changes = play(program, *(did("view", f"{minute}m") for minute in range(views)), did("go", "1d"))
        assert [change.rule for change in changes] == [None, f"r{next(each for each in thresholds if each <= views)}"]


@pytest.mark.parametrize("hours", [3, MOST_SORTED - 1, 3 * MOST_SORTED])
def test_of_many_rules_that_only_wait_the_first_in_the_file_that_holds_moves_the_customer(hours: int) -> None:
    for seed in range(3):
        waits = list(range(1, 4 * MOST_SORTED))
        random.Random(seed).shuffle(waits)
        whens = [f"{{all: [{{absent: buy, for: {each}h}}, {{trait: plan, in: [gold, silver]}}]}}" for each in waits]
        program = indexed(
            "\n".join(f"- {{id: r{each}, from: new, to: hot, when: {when}}}" for each, when in zip(waits, whens, strict=True))
        )
        _, changes = play(program, did("view", 0), did("view", f"{hours}h", traits={"plan": "silver"}))
        assert [(change.rule, change.at) for change in changes[1:]] == [
            (f"r{next(each for each in waits if each <= hours)}", us(f"{hours}h"))
        ]


@pytest.mark.parametrize(
    ("who", "when_not_gold"),
    [
        ("", us("4d")),
        ("{trait: plan, eq: gold}, ", None),
        ("{trait: plan, in: [gold, silver]}, ", None),
        ("{trait: plan, in: [gold, silver], starts_with: s}, ", None),
    ],
)
def test_time_makes_the_shortest_wait_true_first(who: str, when_not_gold: int | None) -> None:
    rules = "".join(
        f"- {{id: {rule}, from: new, to: {to}, when: {{all: [{who}{{absent: buy, for: {wait}}}]}}}}\n"
        for rule, to, wait in (("long", "hot", "5d"), ("short", "warm", "3d"), ("longer", "lost", "9d"))
    )
    program = indexed(rules)
    is_possible = "starts_with" not in who
    for traits, moved in (({}, when_not_gold), ({"plan": "gold"}, us("4d") if is_possible else None)):
        customer, changes = play(program, did("view", "1d", traits=traits), until="2d")
        assert customer.due == moved
        assert path(changes + run_until(program, customer, us("20d")))[1:] == ([] if moved is None else [("warm", moved)])
    # Two of them are true by the time the customer is one for whom they count.
    _, changes = play(program, did("search", "1d", traits={"plan": "other"}), did("search", "6d", traits={"plan": "gold"}), until="30d")
    expected = [("warm", us("4d"))] if not who else [("hot", us("6d"))] if is_possible else []
    assert path(changes)[1:] == expected


@pytest.mark.parametrize(
    "number",
    [
        "{count: view, within: 10d, gte: 5}",
        "{distinct: properties.page, of: view, within: 10d, gte: 5}",
        "{distinct: properties.page, of: view, gte: 5}",
        "{score: {view: 3}, half_life: 2d, gte: 5}",
        "{score: {view: 3, search: -3}, half_life: 2d, gte: 5}",
        "{sum: properties.page, of: view, within: 10d, gte: 5}",
        "{count: view, gte: 5}",
    ],
)
@pytest.mark.parametrize("views", [0, 1, FEW_VIEWS, 400])
def test_what_a_number_does_not_exceed_holds_now_and_later(number: str, views: int) -> None:
    program = indexed(f"- {{id: many, from: new, to: hot, when: {number}}}\n- {{id: back, from: hot, to: new, when: {{idle: 1d}}}}")
    leaf = program.stages["new"].rules[0].leaves[0]
    assert isinstance(leaf, NumberCompares)
    seen = [did("view", f"{20 * place}m", page=place % 300) for place in range(views)]
    customer, _ = play(program, did("search", "1h"), *seen)
    at_first = leaf.measured(customer, customer.clock)
    for now in (us("1h"), customer.clock, customer.clock + us("1d"), customer.clock + us("9d"), customer.clock + us("30d")):
        most = max(leaf.measured(customer, later) for later in (now, now + 1, now + us("2d"), now + us("12d")))
        entry = customer.memory[leaf.place]
        assert most == 0.0 if entry is None else leaf.may_reach(most, entry, now)
    if leaf.bounded != UNBOUNDED and views == FEW_VIEWS:
        assert not leaf.may_reach(FEW_VIEWS * 3.0 + 1.0, customer.memory[leaf.place], customer.clock)
    assert at_first > 0.0 or views < 40


@pytest.mark.parametrize("first", FIRST_OF_ALL)
@pytest.mark.parametrize("history", HISTORIES)
@pytest.mark.parametrize("few_rules", [0, 2], ids=["every-stage-indexed", "one-stage-indexed"])
def test_coming_back_is_judged_as_if_all_rules_were(first: str, history: str, few_rules: int) -> None:
    journey = program_of(FIRST_OF_ALL[first] + AWAY).journey
    told = []
    for few in few_rules, 1_000:
        customer, changes = play(compile_journey(journey, few), *HISTORIES[history], until="30d")
        told.append((changes, encode_state(customer)))
    assert told[0] == told[1]
    assert [change.at for change in told[0][0]][-1] >= us("29d")


class Told(NamedTuple):
    """What came of a history."""

    path: list[tuple[str, int]]
    states: list[bytes]
    """After each step."""


def told(program: Program, steps: list[Touchpoint | str], *, loaded: bool) -> Told:
    """What comes of touchpoints of one customer and, for a text, of its timers up to then. `loaded`: it is loaded before each touchpoint."""
    customer: Customer | None = None
    found = Told([], [])
    for step in steps:
        if isinstance(step, str):
            assert customer is not None
            changes = run_until(program, customer, us(step))
        else:
            if customer is not None and loaded:
                customer = decode_state(encode_state(customer), customer.id)
            touched = touch(program, customer, step)
            customer, changes = touched.customer, touched.changes
        found.path.extend((change.to, change.at) for change in changes)
        found.states.append(encode_state(customer))
    return found


COMES_BACK = """
- {id: soon, from: new, to: lost, when: {all: [{not: {in_stage: 1d}}, {absent: buy, for: 9d12h}]}}
- {id: goes, from: new, to: hot, when: {in_stage: 5d}}
- {id: back, from: hot, to: new, when: {in_stage: 4d}}
- {id: views, from: new, to: warm, when: {count: view, within: 1d, gte: 5}}
"""
FALLS = """
- {id: first-days, from: new, to: lost, when: {all: [{not: {absent: view, for: 4d}}, {absent: buy, for: 6d}]}}
"""


def test_a_customer_who_comes_back_is_not_taken_for_one_who_stayed() -> None:
    steps: list[Touchpoint | str] = [did("view", "0d"), did("other", "2d"), "9d", did("view", "9d6h"), "10d"]
    program = program_of(COMES_BACK)
    assert told(program, steps, loaded=False) == told(program, steps, loaded=True)
    assert told(program, steps, loaded=False).path[-1] == ("lost", us("9d12h"))


def test_a_touchpoint_earlier_than_a_timer_is_judged_at_its_own_time() -> None:
    steps: list[Touchpoint | str] = [did("view", "0d"), did("other", "3d"), "7d", did("other", "3d12h")]
    program = program_of(FALLS)
    assert told(program, steps, loaded=False) == told(program, steps, loaded=True)


def test_a_goal_that_is_met_no_longer_waits_for_its_end() -> None:
    program = shop("{id: hello, on: {enter: buyer}, goal: {event: review, within: 10d}}")
    steps: list[Touchpoint | str] = [did("purchase", "1d"), did("search", "2d"), did("review", "3d")]
    found = told(program, steps, loaded=False)
    assert found == told(program, steps, loaded=True)
    assert decode_state(found.states[-1], "c-1").due == us("31d")


@pytest.mark.parametrize("kind", ["other", "view"])
def test_customers_who_wait_for_the_same_rules_share_what_is_known(kind: str) -> None:
    program = program_of(COMES_BACK)
    known = [touch(program, None, did(kind, "1d", who=who)).customer.settled for who in ("c-1", "c-2")]
    assert known[0] is known[1]
    assert isinstance(known[0], Calm)


def test_a_rule_with_an_any_is_judged_whichever_part_of_it_can_hold() -> None:
    program = indexed(
        """
- {id: either, from: new, to: hot, when: {any: [{count: view, within: 5d, gte: 2}, {all: [{event: call}, {last: properties.rating, of: pay, gte: 4}]}]}}
- {id: back, from: hot, to: new, when: {event: reset}}
"""
    )
    calls = [did("pay", 0, rating=5), did("view", "1d"), did("call", "2d"), did("reset", "3d")]
    _, changes = play(program, *calls, did("view", "9d"), did("view", "10d"))
    assert [change.at // us("1d") for change in changes if change.to == "hot"] == [2, 10]


def test_a_part_of_an_any_that_the_touchpoint_at_hand_hides_comes_true_with_time() -> None:
    program = indexed(
        "- {id: either, from: new, to: hot, when: {any: [{count: view, gte: 9}, {all: [{not: {event: ad}}, {absent: pay, for: 3d}]}]}}"
    )
    _, changes = play(program, did("view", 0), did("ad", "1d"), until="5d")
    assert path(changes) == [("new", 0), ("hot", us("3d"))]
