"""One step of classification: clock, late touchpoints, timers, steps, duplicates, and what a change says."""

from copy import copy

import pytest

from etapa.contracts.stored.state import decode_state, encode_state
from etapa.journey.engine.facts.changes import Clause
from etapa.journey.engine.facts.stage_change import StageChange
from etapa.journey.engine.judging.classify import fire, run_until, touch
from etapa.journey.engine.judging.outcomes import EvaluationFailed
from tests.support.faulty import Faulty
from tests.unit.engine.shops import did, path, play, program_of, us

BUYS = "- {id: buys, from: new, to: hot, when: {event: purchase}}"
IDLES = "- {id: idles, from: [new, warm, hot], to: lost, when: {idle: 2d}}"


def test_the_first_touchpoint_enters_the_initial_stage_and_is_judged_there() -> None:
    _, changes = play(program_of(BUYS), did("purchase", "1d", touchpoint_id="e-1", channel="web"))
    assert changes == [
        StageChange(
            customer_id="c-1",
            sequence=1,
            source=None,
            to="new",
            phase=None,
            at=us("1d"),
            cause="touchpoint",
            rule=None,
            because=(),
            touchpoint_id="e-1",
            channel="web",
            dwell=None,
        ),
        StageChange(
            customer_id="c-1",
            sequence=2,
            source="new",
            to="hot",
            phase=None,
            at=us("1d"),
            cause="touchpoint",
            rule="buys",
            because=[Clause("event(purchase)", "purchase")],
            touchpoint_id="e-1",
            channel="web",
            dwell=0,
        ),
    ]


def test_a_change_tells_phase_dwell_and_cause() -> None:
    program = program_of("- {id: looks, from: new, to: warm, when: {event: view}}\n" + IDLES)
    _, changes = play(program, did("ad", "0s"), did("view", "3h", touchpoint_id="e-9"), until="9d")
    looked, idled = changes[1:]
    assert (looked.phase, looked.dwell, looked.cause, looked.touchpoint_id) == ("later", us("3h"), "touchpoint", "e-9")
    assert (idled.phase, idled.dwell, idled.cause, idled.touchpoint_id, idled.channel) == (None, us("2d"), "timer", None, None)
    assert [change.sequence for change in changes] == [1, 2, 3]


def test_a_timer_fires_at_the_exact_microsecond() -> None:
    program = program_of(IDLES)
    customer, _ = play(program, did("ad", 7))
    assert customer.due == 7 + us("2d")
    assert run_until(program, customer, us("2d") + 6) == []
    assert path(run_until(program, customer, us("2d") + 7)) == [("lost", us("2d") + 7)]
    assert customer.due is None


def test_timers_up_to_a_touchpoint_fire_before_it() -> None:
    program = program_of(IDLES + "\n- {id: back, from: lost, to: warm, when: {event: view}}")
    _, changes = play(program, did("ad", "0s"), did("view", "2d"))
    assert path(changes) == [("new", 0), ("lost", us("2d")), ("warm", us("2d"))]
    assert [change.cause for change in changes] == ["touchpoint", "timer", "touchpoint"]


def test_a_touchpoint_just_before_the_timer_puts_it_off() -> None:
    customer, changes = play(program_of(IDLES), did("ad", "0s"), did("view", us("2d") - 1))
    assert path(changes) == [("new", 0)]
    assert customer.due == us("4d") - 1


def test_a_late_touchpoint_is_remembered_at_its_own_time_and_judged_at_the_clock() -> None:
    program = program_of("- {id: twice, from: new, to: hot, when: {count: purchase, within: 1d, gte: 2}}")
    _, changes = play(program, did("purchase", "2d"), did("purchase", "1d6h", touchpoint_id="late"))
    assert path(changes) == [("new", us("2d")), ("hot", us("2d"))]
    assert changes[1].touchpoint_id == "late"
    _, changes = play(program, did("purchase", "2d"), did("purchase", "1d"))
    assert path(changes) == [("new", us("2d"))], "one day ago exactly is outside of one day"


def test_a_late_touchpoint_does_not_turn_the_clock_back() -> None:
    customer, _ = play(program_of(IDLES), did("ad", "2d"), did("view", "1d"))
    assert (customer.clock, customer.first_at, customer.due) == (us("2d"), us("1d"), us("4d"))


def test_a_timer_that_moves_nobody_leaves_the_clock_where_it_is() -> None:
    program = program_of(
        "- {id: often, from: new, to: hot, when: {all: [{trait: vip, eq: true}, {any: [{in_stage: 1d}, {in_stage: 3d}]}]}}"
    )
    customer, changes = play(program, did("view", 0, traits={"vip": True}), until=us("1d") - 1)
    assert (path(changes), customer.due) == ([("new", 0)], us("1d"))
    customer.traits = {}
    assert fire(program, customer, us("1d")) == []
    assert (customer.clock, customer.due) == (0, None)
    touched = touch(program, customer, did("view", "2h", traits={"vip": True}))
    assert (customer.clock, touched.changes, customer.due) == (us("2h"), [], us("1d"))


def test_after_a_move_the_next_rules_are_judged_without_the_touchpoint() -> None:
    program = program_of(
        """
        - {id: one, from: new, to: warm, when: {event: purchase}}
        - {id: two, from: warm, to: hot, when: {count: purchase, gte: 1}}
        - {id: three, from: hot, to: lost, when: {event: purchase}}
        """
    )
    _, changes = play(program, did("purchase", "1d", touchpoint_id="e-1"))
    assert path(changes[1:]) == [("warm", us("1d")), ("hot", us("1d"))]
    assert [change.touchpoint_id for change in changes] == ["e-1"] * 3


def test_the_first_rule_that_holds_wins() -> None:
    program = program_of(
        """
        - {id: first, from: new, to: warm, when: {event: purchase, where: {properties.amount: {gte: 10}}}}
        - {id: second, from: new, to: hot, when: {event: purchase}}
        """
    )
    assert play(program, did("purchase", 0, amount=10))[1][1].rule == "first"
    assert play(program, did("purchase", 0, amount=9))[1][1].rule == "second"


def test_a_stage_is_visited_once_in_a_chain() -> None:
    program = program_of(
        """
        - {id: there, from: new, to: warm, when: {count: view, gte: 1}}
        - {id: back, from: warm, to: new, when: {count: view, gte: 1}}
        """
    )
    customer, changes = play(program, did("view", 0), until="9d")
    assert path(changes) == [("new", 0), ("warm", 0)]
    assert customer.due is None, "time alone changes nothing here"
    _, changes = play(program, did("view", 0), did("ad", 5))
    assert path(changes) == [("new", 0), ("warm", 0), ("new", 5)]


def test_a_rule_that_was_passed_over_is_judged_at_the_next_change_of_any_condition() -> None:
    program = program_of(
        """
        - {id: there, from: new, to: warm, when: {event: view}}
        - {id: back, from: warm, to: new, when: {count: view, gte: 1}}
        - {id: on, from: warm, to: hot, when: {all: [{in_stage: 1d}, {event: purchase}]}}
        """
    )
    _, changes = play(program, did("view", 0), until="9d")
    assert path(changes) == [("new", 0), ("warm", 0), ("new", us("1d"))]
    assert changes[-1].cause == "timer"


def test_not_event_is_false_at_its_touchpoint_and_comes_true_at_the_next_change_of_any_condition() -> None:
    program = program_of("- {id: quiet, from: new, to: lost, when: {all: [{not: {event: view}}, {count: view, within: 1d, gte: 1}]}}")
    _, changes = play(program, did("view", 0), did("ad", 5))
    assert path(changes) == [("new", 0), ("lost", 5)]
    assert changes[-1].because == [Clause("not event(view)", "ad"), Clause("count(view, 1d) >= 1", 1)]


def test_a_duplicate_changes_nothing_and_runs_no_timers() -> None:
    program = program_of(IDLES)
    first = did("ad", 0)
    customer, _ = play(program, first)
    before = copy(customer)
    touched = touch(program, customer, did("view", "9d", touchpoint_id=first.id))
    assert touched.duplicate
    assert touched.changes == []
    assert touched.customer == before


def test_only_the_last_ids_are_remembered() -> None:
    program = program_of("- {id: often, from: new, to: hot, when: {count: view, gte: 4}}", remember_ids=2)
    again = did("view", 0)
    _, changes = play(program, again, did("view", 1), again, did("view", 2), again)
    assert path(changes) == [("new", 0), ("hot", 2)], "after two others it counts again"


OFTEN = "- {id: often, from: new, to: hot, when: {count: view, gte: 4}}"


def test_ids_of_a_time_are_remembered_however_many_others_came() -> None:
    program = program_of(OFTEN, remember_ids="{last: 1, for: 1d}")
    again = did("view", 0)
    customer, changes = play(program, again, did("ad", "1h"), did("ad", "2h"), did("view", "3h"), again, did("view", "4h"), again)
    assert path(changes) == [("new", 0)]
    assert len(customer.recent) == 5 * 6
    late = did("view", 0, touchpoint_id=again.id)
    assert touch(program, customer, late).duplicate
    reused = did("view", "1d", touchpoint_id=again.id)
    assert not touch(program, customer, reused).duplicate, "a day after it came it is another one's"


def test_ids_of_a_time_are_forgotten_when_it_is_over_but_for_the_last() -> None:
    program = program_of(OFTEN, remember_ids="{last: 2, for: 1d}")
    first, second = did("view", 0), did("view", "1h")
    customer, _ = play(program, first, second, did("ad", "9d"))
    assert (len(customer.recent), len(customer.arrived)) == (2 * 6, 2 * 8)
    assert touch(program, customer, second).duplicate
    assert not touch(program, customer, first).duplicate


def test_no_more_than_1024_ids_are_kept_however_many_a_time_brings() -> None:
    program = program_of(OFTEN, remember_ids="{last: 0, for: 1y}")
    many = [did("ad", number) for number in range(1025)]
    customer, _ = play(program, *many)
    assert (len(customer.recent), len(customer.arrived)) == (1024 * 6, 1024 * 8)
    assert touch(program, customer, many[1]).duplicate
    assert not touch(program, customer, many[0]).duplicate


def test_a_version_that_remembers_ids_for_a_time_takes_over_those_that_were_kept() -> None:
    first = did("view", 0)
    customer, _ = play(program_of(OFTEN, remember_ids=4), first, did("ad", 1))
    newer = program_of(OFTEN, version=2, remember_ids="{last: 2, for: 1d}")
    stored = decode_state(encode_state(touch(newer, customer, did("ad", 2)).customer), customer.id)
    assert len(stored.recent) == 2 * 6, "of those it is not known when they came"
    assert not touch(newer, stored, first).duplicate
    back, _ = play(program_of(OFTEN, version=3, remember_ids=4), first)
    assert back.arrived == b""


def test_ids_need_not_be_remembered_at_all() -> None:
    program = program_of("- {id: often, from: new, to: hot, when: {count: view, gte: 2}}", remember_ids=0)
    again = did("view", 0)
    customer, changes = play(program, again, again)
    assert path(changes) == [("new", 0), ("hot", 0)]
    assert customer.recent == b""


def test_the_last_two_changes_are_kept() -> None:
    program = program_of(
        """
        - {id: up, from: new, to: hot, when: {event: up}}
        - {id: down, from: hot, to: new, when: {event: down}}
        """
    )
    customer, _ = play(program, *[did(["up", "down"][turn % 2], turn) for turn in range(8)])
    assert customer.sequence == 9
    assert customer.changes == [("hot", 6, "up"), ("new", 7, "down")]


def test_no_timer_fires_after_the_year_9999() -> None:
    customer, _ = play(program_of(IDLES), did("ad", 253_402_300_799_999_999 - us("1d")))
    assert customer.due is None


def test_a_timer_that_cannot_be_judged_leaves_the_customer_as_it_was_but_without_timer() -> None:
    program = program_of(IDLES)
    customer, _ = play(program, did("ad", 0))
    customer.memory = [["not a time"] for _ in customer.memory]
    before = copy(customer)
    with pytest.raises(EvaluationFailed, match=r"^rule 'idles': TypeError$"):
        fire(program, customer, us("2d"))
    before.due = None
    assert customer == before


def test_a_timer_whose_second_move_cannot_be_judged_undoes_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    program = program_of(
        "- {id: looks, from: new, to: warm, when: {event: view}}\n" + IDLES + "\n- {id: rests, from: lost, to: hot, when: {idle: 1d}}"
    )
    customer, _ = play(program, did("ad", 0), did("view", 5))
    (rests,) = program.stages["lost"].rules
    monkeypatch.setattr(rests, "condition", Faulty(rests.condition, lambda judged, _, __: judged.stage == "lost", ArithmeticError()))
    before = copy(customer)
    with pytest.raises(EvaluationFailed, match=r": ArithmeticError$"):
        fire(program, customer, 5 + us("2d"))
    before.due = None
    assert customer == before
    assert (customer.stage, customer.sequence, customer.clock, customer.rule) == ("warm", 2, 5, "looks")


def test_a_touchpoint_that_cannot_be_judged_names_the_rule_and_nothing_of_the_customer() -> None:
    program = program_of("- {id: often, from: new, to: hot, when: {all: [{event: buy}, {count: view, within: 1d, gte: 2}]}}")
    customer, _ = play(program, did("view", 0))
    customer.memory = [[["not a time"], [], []] for _ in customer.memory]
    with pytest.raises(EvaluationFailed, match=r"^rule 'often': TypeError$") as failed:
        touch(program, customer, did("buy", 1))
    assert failed.value.customer_id == "c-1"
