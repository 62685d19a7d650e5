"""A state of another journey version is carried over when the customer is next touched or struck."""

from etapa.journey.engine.classify import strike, touch
from tests.unit.engine.shops import did, path, play, program_of, us

OFTEN = "- {id: often, from: new, to: hot, when: {all: [{event: view}, {count: view, gte: 3}]}}"


def test_memories_that_both_versions_define_are_kept() -> None:
    customer, _ = play(program_of(OFTEN), did("view", 0), did("view", 1))
    touched = touch(
        program_of("- {id: renamed, from: [new, warm], to: hot, when: {all: [{event: view}, {count: view, gte: 3}]}}", version=2),
        customer,
        did("view", 2),
    )
    assert path(list(touched.changes)) == [("hot", 2)]
    assert customer.version == 2


def test_memories_that_only_the_new_version_defines_start_empty_and_others_are_forgotten() -> None:
    customer, _ = play(program_of(OFTEN), did("view", 0), did("buy", 1))
    later = program_of("- {id: buys, from: new, to: hot, when: {all: [{event: buy}, {count: buy, gte: 2}]}}", version=2)
    assert touch(later, customer, did("buy", 2)).changes == []
    assert len(customer.remembered()) == 1
    assert path(list(touch(later, customer, did("buy", 3)).changes)) == [("hot", 3)]


def test_a_stage_that_is_no_more_becomes_the_initial_one() -> None:
    program = program_of("- {id: buys, from: new, to: hot, when: {event: buy}}")
    customer, _ = play(program, did("buy", 5))
    customer.stage = "gone"
    customer.version = 7
    customer.laid_out_for = None
    (change,) = touch(program, customer, did("view", 9)).changes
    assert (change.source, change.to, change.cause, change.rule, change.at) == ("gone", "new", "journey", None, 5)
    assert change.touchpoint_id is None
    assert customer.sequence == change.sequence == 3


def test_the_new_rules_are_judged_at_the_clock_before_the_touchpoint() -> None:
    customer, _ = play(program_of(OFTEN), did("view", 0), did("view", us("3d")))
    later = program_of("- {id: tracked, from: new, to: warm, when: {count: view, gte: 2}}\n" + OFTEN, version=2)
    change, *rest = touch(later, customer, did("buy", "9d")).changes
    assert (change.to, change.cause, change.rule, change.at) == ("warm", "journey", "tracked", us("3d"))
    assert rest == []


def test_a_timer_of_an_older_version_carries_the_customer_over_and_strikes_only_if_it_still_exists() -> None:
    customer, _ = play(program_of("- {id: idles, from: new, to: lost, when: {idle: 2d}}"), did("view", 0))
    later = program_of("- {id: idles, from: new, to: lost, when: {idle: 5d}}", version=2)
    assert strike(later, customer, us("2d")) == []
    assert customer.due == us("5d"), "the latest time is kept, whatever the duration"
    assert path(strike(later, customer, us("5d"))) == [("lost", us("5d"))]


def test_a_duplicate_does_not_carry_over() -> None:
    customer, _ = play(program_of(OFTEN), did("view", 0, touchpoint_id="e"))
    assert touch(program_of(OFTEN, version=2), customer, did("view", 9, touchpoint_id="e")).duplicate
    assert customer.version == 1
