"""Many customers: stream time, timers in due order, and memory."""

import pytest

from etapa.journey.engine.facts.stage_change import StageChange
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.engine.judging.outcomes import EvaluationFailed
from etapa.journey.engine.judging.program import Program
from etapa.journey.engine.partition import Partition
from tests.support.faulty import Faulty
from tests.unit.engine.shops import did, play, program_of, us

WALL = us("100d")
GRACE = us("10s")


@pytest.fixture
def program() -> Program:
    return program_of("- {id: idles, from: new, to: lost, when: {idle: 2d}}\n- {id: back, from: lost, to: warm, when: {event: view}}")


def feed(partition: Partition, *touchpoints: Touchpoint, wall: int = WALL) -> list[tuple[str, str, int]]:
    """Process touchpoints of customers that are new or in memory; returns (customer, to, at) of the changes."""
    for touchpoint in touchpoints:
        for customer_id in partition.missing([touchpoint.customer_id]):
            partition.admit(customer_id, None)
        partition.take(touchpoint, wall)
    return [(change.customer_id, change.to, change.at) for change in partition.collect().changes]


def test_timers_of_others_fire_once_stream_time_has_passed_them_by_the_grace(program: Program) -> None:
    partition = Partition(program, None)
    feed(partition, did("ad", 0, who="a"))
    assert feed(partition, did("ad", us("2d") + GRACE - 1, who="b")) == [("b", "new", us("2d") + GRACE - 1)]
    assert feed(partition, did("ad", us("2d") + GRACE, who="c")) == [("a", "lost", us("2d")), ("c", "new", us("2d") + GRACE)]


def test_timers_fire_in_order_of_due_time_then_customer(program: Program) -> None:
    partition = Partition(program, None)
    feed(partition, did("ad", 5, who="c"), did("ad", 5, who="b"), did("ad", 0, who="d"), did("ad", 9, who="a"), did("view", 7, who="d"))
    partition.advance(us("9d"))
    work = partition.collect()
    assert [(change.customer_id, change.at - us("2d")) for change in work.changes] == [("b", 5), ("c", 5), ("d", 7), ("a", 9)]
    assert work.timers_fired == 4
    assert work.timer_delays.packed()[0] == us("7d") - 5 - GRACE


def test_a_timer_that_is_due_sooner_after_a_touchpoint_fires_sooner() -> None:
    program = program_of(
        """
        - {id: warms, from: new, to: warm, when: {event: view}}
        - {id: cools, from: warm, to: hot, when: {idle: 1d}}
        - {id: leaves, from: new, to: lost, when: {idle: 9d}}
        """
    )
    partition = Partition(program, None)
    feed(partition, did("ad", 0, who="a"), did("view", 5, who="a"))
    assert feed(partition, did("ad", "2d", who="b")) == [("a", "hot", us("1d") + 5), ("b", "new", us("2d"))]


def test_a_touchpoint_within_the_grace_disproves_an_absence(program: Program) -> None:
    partition = Partition(program, None)
    feed(partition, did("ad", 0, who="a"), did("ad", us("2d") + GRACE - 1, who="b"))
    assert feed(partition, did("ad", us("2d") - 1, who="a")) == []


def test_stream_time_is_never_ahead_of_the_wall_clock_and_never_goes_back(program: Program) -> None:
    partition = Partition(program, None)
    feed(partition, did("ad", "5d"), wall=us("3d"))
    assert partition.stream_time == us("3d")
    feed(partition, did("ad", "1d"), wall=us("2d"))
    assert partition.stream_time == us("3d")
    partition.advance(us("1d"))
    assert partition.stream_time == us("3d")
    partition.advance(us("4d"))
    assert partition.stream_time == us("4d")


def test_a_duplicate_is_counted_and_stored_nowhere(program: Program) -> None:
    partition = Partition(program, None)
    again = did("ad", 0)
    feed(partition, again)
    partition.admit("c-1", None)
    partition.take(again, WALL)
    work = partition.collect()
    assert (work.applied, work.duplicates, work.changed, work.changes) == (0, 1, {}, [])


def test_an_admitted_customer_goes_on_where_it_was_stored(program: Program) -> None:
    stored, _ = play(program, did("ad", 0))
    partition = Partition(program, us("1d"))
    assert partition.missing(["c-1", "x", "c-1"]) == ["c-1", "x"]
    partition.admit("c-1", stored)
    assert partition.missing(["c-1", "x"]) == ["x"]
    partition.advance(us("3d"))
    work = partition.collect()
    assert [change.to for change in work.changes] == ["lost"]
    assert work.changed == {"c-1": stored}


def test_a_customer_tells_what_of_it_has_changed_since_it_was_last_collected_or_admitted(program: Program) -> None:
    partition = Partition(program, None)

    def collected(*touchpoints: Touchpoint) -> dict[str, tuple[bool, bool]]:
        for touchpoint in touchpoints:
            partition.take(touchpoint, WALL)
        return {customer_id: (each.moved, each.rescheduled) for customer_id, each in partition.collect().changed.items()}

    partition.admit("c-1", None)
    assert collected(did("ad", 0)) == {"c-1": (True, True)}
    # It occurred earlier, so the timer stays where it is.
    assert collected(did("ad", us("-1h"))) == {"c-1": (False, False)}
    assert collected(did("ad", us("1h"))) == {"c-1": (False, True)}
    assert collected(did("ad", us("3d")), did("view", us("3d") + 5)) == {"c-1": (True, True)}
    successor = Partition(program, us("1d"))
    successor.admit("c-1", play(program, did("ad", us("1d")))[0])
    successor.take(did("ad", us("1d") - 1), WALL)
    assert [(each.moved, each.rescheduled) for each in successor.collect().changed.values()] == [(False, False)]


def test_of_a_customer_that_leaves_and_comes_back_everything_is_told_even_that_it_has_no_timer() -> None:
    program = program_of("- {id: warms, from: new, to: warm, when: {event: view}}\n- {id: leaves, from: new, to: lost, when: {idle: 2d}}")
    partition = Partition(program, None)
    feed(partition, did("ad", 0))
    customer = partition.leave("c-1")
    customer.stage, customer.due = "warm", None
    partition.arrive(customer)
    assert partition.collect().changed == {"c-1": customer}
    assert (customer.moved, customer.rescheduled) == (True, True)


def test_admitting_twice_keeps_what_is_in_memory(program: Program) -> None:
    stale, _ = play(program, did("ad", 0))
    partition = Partition(program, None)
    feed(partition, did("ad", 0), did("view", "1d"))
    partition.admit("c-1", stale)
    partition.advance(us("2d") + GRACE)
    assert partition.collect().changes == []


def test_the_least_recently_used_are_forgotten_with_their_timers(program: Program) -> None:
    partition = Partition(program, None)
    feed(partition, *[did("ad", 0, who=who) for who in "abcd"])
    feed(partition, did("view", 1, who="a"))
    partition.forget(2, protect={"b"})
    assert partition.missing("abcd") == ["c", "d"]
    partition.advance(us("3d"))
    assert {change.customer_id for change in partition.collect().changes} == {"a", "b"}


def test_who_left_has_no_timer_here_until_it_comes_back(program: Program) -> None:
    partition = Partition(program, None)
    feed(partition, did("ad", 0, who="a"), did("ad", 0, who="b"))
    partition.collect()
    gone = partition.leave("a")
    partition.advance(us("3d"))
    assert [change.customer_id for change in partition.collect().changes] == ["b"]
    partition.arrive(gone)
    partition.advance(us("4d"))
    assert [(change.customer_id, change.at) for change in partition.collect().changes] == [("a", us("2d"))]


def test_what_was_not_collected_is_not_forgotten(program: Program) -> None:
    partition = Partition(program, None)
    partition.admit("a", None)
    partition.take(did("ad", 0, who="a"), WALL)
    partition.forget(0, protect=())
    assert partition.missing(["a"]) == []


def test_a_timer_that_cannot_be_judged_is_dropped_and_holds_nobody_up(program: Program) -> None:
    broken, _ = play(program, did("ad", 0, who="a"))
    broken.memory = [["not a time"] for _ in broken.memory]
    partition = Partition(program, 0)
    partition.admit("a", broken)
    feed(partition, did("ad", 0, who="b"))
    partition.advance(us("3d"))
    work = partition.collect()
    assert [change.customer_id for change in work.changes] == ["b"]
    assert [failure.customer_id for failure in work.failures] == ["a"]
    assert work.changed["a"].due is None


def with_a_curse(program: Program, rule_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Judging that rule raises for touchpoints whose id is `cursed`."""
    for rule in {rule for stage in program.stages.values() for rule in stage.rules if rule.id == rule_id}:
        cursed = Faulty(rule.condition, lambda _, __, touchpoint: touchpoint is not None and touchpoint.id == "cursed", ArithmeticError())
        monkeypatch.setattr(rule, "condition", cursed)


def test_a_rehearsal_raises_what_taking_would_and_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    program = program_of("- {id: idles, from: new, to: lost, when: {idle: 2d}}\n- {id: back, from: lost, to: warm, when: {event: view}}")
    with_a_curse(program, "back", monkeypatch)
    partition, other = Partition(program, None), Partition(program, None)
    first = [did("ad", 0, who="a"), did("ad", 5, who="b")]
    assert feed(partition, *first) == feed(other, *first)
    # The rule is judged only because it makes the customer's timer due first.
    cursed = did("view", us("3d"), touchpoint_id="cursed", who="a")
    for _ in range(2):
        with pytest.raises(EvaluationFailed, match=r"^rule 'back': ArithmeticError$"):
            partition.rehearsal(cursed, WALL).go_on()
    spoiled = Partition(program, None)
    feed(spoiled, *first)
    with pytest.raises(EvaluationFailed, match=r"^rule 'back': ArithmeticError$"):
        spoiled.take(cursed, WALL)
    assert partition.rehearsal(did("view", us("3d"), who="a"), WALL).go_on()
    assert partition.stream_time == 5
    then = [did("view", us("4d"), who="a"), did("view", us("5d"), who="b")]
    assert feed(partition, *then) == feed(other, *then) != []


def test_the_first_touchpoint_of_a_customer_can_be_rehearsed(program: Program) -> None:
    partition = Partition(program, None)
    partition.admit("a", None)
    assert partition.rehearsal(did("ad", 0, who="a"), WALL).go_on()
    assert feed(partition, did("ad", 0, who="a")) == [("a", "new", 0)]


def test_the_schedule_stays_as_small_as_the_number_of_customers(program: Program) -> None:
    partition = Partition(program, None)
    for time in range(5_000):
        feed(partition, did("view", time, who="a"), did("view", 5_000 - time, who=f"late-{time % 3}"))
    assert len(partition._timers) < 2_000, "that it does not grow can be seen nowhere else"


CHASE = "- {id: remind, from: new, to: warm, when: {in_stage: 1h}}\n- {id: wait, from: warm, to: new, when: {in_stage: 1h}}"


def test_timers_that_chase_each_other_fire_a_portion_at_a_time_before_a_touchpoint() -> None:
    partition = Partition(program_of(CHASE), None, at_once=10)
    partition.admit("a", None)
    assert partition.take(did("ad", 0, who="a"), WALL)
    portions: list[int] = []
    while not partition.take(did("ad", "4d", who="a"), WALL):
        assert partition.stream_time == us("10h") * (len(portions) + 1) + GRACE
        portions.append(len(partition.collect().changes))
    assert portions == [1 + 10, *[10] * 8]
    work = partition.collect()
    assert (len(work.changes), work.applied, partition.stream_time) == (6, 1, us("4d"))


def test_timers_within_the_grace_before_a_touchpoint_fire_a_portion_at_a_time_too() -> None:
    partition = Partition(program_of(CHASE, grace="9d"), None, at_once=10)
    partition.admit("a", None)
    partition.take(did("ad", 0, who="a"), WALL)
    partition.collect()
    portions: list[int] = []
    while not partition.take(did("ad", "1d", who="a"), WALL):
        portions.append(len(partition.collect().changes))
    assert portions == [10, 10]
    work = partition.collect()
    assert (len(work.changes), work.applied) == (4, 1)


def test_time_goes_on_a_portion_at_a_time() -> None:
    partition = Partition(program_of(CHASE), None, at_once=10)
    feed(partition, did("ad", 0, who="a"), did("ad", 0, who="b"))
    calls = 1
    while not partition.advance(us("1d") + GRACE):
        calls += 1
    work = partition.collect()
    assert (len(work.changes), calls, partition.stream_time) == (48, 5, us("1d") + GRACE)
    assert [change.at for change in work.changes] == sorted(change.at for change in work.changes)


def test_who_leaves_one_partition_and_arrives_in_another_goes_on_there_with_its_timer(program: Program) -> None:
    old, new = Partition(program, None), Partition(program, us("1d"))
    feed(old, did("ad", 0, who="a"), did("ad", 0, who="b"))
    customer = old.leave("a")
    assert (old.knows("a"), old.knows("b"), old.missing(["a", "b"])) == (False, True, [])
    new.admit("a", None)
    new.arrive(customer)
    assert new.knows("a")
    assert list(new.collect().changed) == ["a"]
    assert [(change.customer_id, change.sequence) for change in _after(new, us("3d"))] == [("a", 2)]
    assert [(change.customer_id, change.sequence) for change in _after(old, us("3d"))] == [("b", 2)]


def test_who_leaves_is_stored_no_more_and_its_changes_are_published_nevertheless(program: Program) -> None:
    partition = Partition(program, None)
    partition.admit("a", None)
    partition.take(did("ad", 0, who="a"), WALL)
    partition.leave("a")
    work = partition.collect()
    assert (list(work.changed), [change.customer_id for change in work.changes]) == ([], ["a"])
    with pytest.raises(KeyError):
        partition.leave("a")
    partition.drop("a")
    assert partition.missing(["a"]) == ["a"]


def _after(partition: Partition, stream_time: int) -> list[StageChange]:
    assert partition.advance(stream_time)
    return partition.collect().changes
