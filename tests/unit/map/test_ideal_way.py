"""Who is on the ideal way: counted change by change as workers do, and found in whole ways."""

import random
from itertools import pairwise, product

from etapa.journey.engine.facts.course import BEFORE, OFF, ON, UNKNOWN, Course, Way
from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.judging.compiled_rule import CompiledRule
from etapa.journey.engine.judging.ideal_way import MOST_DETOURS, MOST_STEPS, CompiledWay, way_of
from etapa.journey.ledger.tables import Counted
from etapa.journey.units import SECOND
from tests.unit.engine.shops import program_of

IDEAL = ("a", "b", "c")
STAGES = ("new", "odd", *IDEAL)


def entered(compiled: CompiledWay, before: Way, source: str | None, to: str, at: int = 0, persona: str | None = None) -> Way:
    return compiled.entered(before, persona=persona, source=source, to=to, at=at, rule=None)[0]


def counts(compiled: CompiledWay, before: Way, source: str | None, to: str, persona: str | None = None) -> list[Counted]:
    return list(compiled.entered(before, persona=persona, source=source, to=to, at=0, rule=None)[1])


def gone(compiled: CompiledWay, *stages: str) -> Way:
    course: Way = UNKNOWN
    for source, to in pairwise((None, *stages)):
        assert to is not None
        course = entered(compiled, course, source, to)
    return course


def test_on_it_are_those_who_entered_its_first_stages_in_order() -> None:
    on_way = 0
    for length in (1, 2, 3, 4):
        for stages in product(STAGES, repeat=length):
            if any(source == to for source, to in pairwise(stages)):
                continue
            following = stages if stages[0] in IDEAL else stages[1:]
            is_on = bool(following) and following == IDEAL[: len(following)]
            assert (way_of(gone(CompiledWay(IDEAL), *stages)) == ON) == is_on, stages
            on_way += is_on
    # Each beginning of the ideal way, by itself and after either of the stages that are not on it.
    assert on_way == 9


def test_who_keeps_to_it_takes_a_single_number_of_the_state() -> None:
    assert gone(CompiledWay(IDEAL), "a", "b", "c") == ON


def test_who_came_before_there_was_one_is_not_followed() -> None:
    assert gone(CompiledWay(()), "a", "b") == UNKNOWN
    assert counts(CompiledWay(IDEAL), UNKNOWN, "a", "b") == []


def test_another_ideal_way_takes_customers_off_the_old_one_for_such_as_came_along_the_new_one() -> None:
    before = gone(CompiledWay(IDEAL), "a", "b", "odd")
    assert isinstance(before, Course)
    assert before.detour == (None, "b", "odd", None)
    newer = CompiledWay(("a", "b", "d", "odd", "c"))
    found, counted = newer.entered(before, persona=None, source="odd", to="c", at=7_000_000, rule=None)
    # The detour is over, and a step along the new way fits it; but whoever was off it stays off.
    assert counted == (("detours", (None, "b", "odd", None), (0, 0, 1, 7)), ("ways", (None, "odd", "c"), (0, 0, 0, 1, 0, 0)))
    assert isinstance(found, Course)
    assert (found.way, found.furthest, found.detour) == (OFF, 4, None)


def test_who_becomes_another_persona_is_counted_for_that_one_with_the_next_move() -> None:
    compiled = CompiledWay(IDEAL)
    before = entered(compiled, UNKNOWN, None, "a", persona="student")
    assert counts(compiled, before, "a", "b", "family") == [
        ("ways", ("student", "a", "b"), (-1, -1, -1, 0, 0, 0)),
        ("ways", ("family", "a", "b"), (1, 1, 1, 1, 0, 0)),
    ]
    assert counts(CompiledWay(()), before, "a", "b", None)[0] == ("ways", ("student", "a", "b"), (-1, -1, -1, 0, 0, 0))


def test_a_customer_s_state_holds_so_many_different_detours_and_no_more() -> None:
    stages = [f"x{number}" for number in range(2 * MOST_DETOURS)]
    compiled, course, first = CompiledWay(("a",)), gone(CompiledWay(("a",)), "a"), 0
    for stage in stages:
        course, counted = compiled.entered(course, persona=None, source="a", to=stage, at=0, rule=None)
        first += sum(figures[0] for table, _, figures in counted if table == "detours")
        course = entered(compiled, course, stage, "a")
    assert first == MOST_DETOURS
    assert isinstance(course, Course)
    assert len(course.taken) == 6 * MOST_DETOURS


def test_a_step_that_was_taken_before_is_counted_with_its_own_time() -> None:
    compiled = CompiledWay(IDEAL)
    on_detour, _ = compiled.entered(gone(compiled, "a"), persona=None, source="a", to="odd", at=3_000_000, rule=None)
    for at in (5_000_000, 8_000_000):
        _, began = compiled.entered(gone(compiled, "a"), persona=None, source="a", to="odd", at=at, rule=None)
        assert began[0] == ("detours", (None, "a", "odd", None), (1, 1, 0, -at // 1_000_000))
        _, ended = compiled.entered(on_detour, persona=None, source="odd", to="b", at=at, rule=None)
        assert ended[0] == ("detours", (None, "a", "odd", None), (0, 0, 1, at // 1_000_000))


def test_steps_are_the_same_whatever_steps_others_took_before() -> None:
    chance = random.Random(11)
    compiled = CompiledWay(IDEAL)
    # More different steps than are kept.
    for number in range(MOST_STEPS + 1):
        entered(compiled, UNKNOWN, None, "a", persona=f"persona-{number}")
    for _ in range(200):
        course: Way = UNKNOWN
        source = None
        for at in range(12):
            to = chance.choice([stage for stage in STAGES if stage != source])
            persona = chance.choice([None, "student", "family"])
            found = compiled.entered(course, persona=persona, source=source, to=to, at=at * SECOND, rule=None)
            assert found == CompiledWay(IDEAL).entered(course, persona=persona, source=source, to=to, at=at * SECOND, rule=None)
            course, source = found[0], to


def test_customers_whom_rules_lead_go_as_if_each_step_were_looked_up_by_itself() -> None:
    stages = ("new", "lost", "warm", "hot")
    pairs = [(source, to) for source, to in product(stages, repeat=2) if source != to]
    program = program_of("\n".join(f"- {{id: {source}-{to}, from: {source}, to: {to}, when: {{event: view}}}}" for source, to in pairs))
    rules: dict[tuple[str | None, str], CompiledRule] = {
        (source, rule.to): rule for source, stage in program.stages.items() for rule in stage.rules
    }
    ideals = (("new", "warm", "hot"), ("new", "hot"))
    compiled = [CompiledWay(ideal) for ideal in ideals]
    chance = random.Random(7)
    for _ in range(300):
        customer = Customer(version=1, stage="new", due=None, entered_at=0, clock=0, first_at=0, sequence=0)
        source, persona, version = None, None, 0
        for at in range(15):
            # A new version of the journey, another persona, a way that was put in by hand, a move that was undone.
            if chance.random() < 0.1:
                version = 1 - version
            if chance.random() < 0.1:
                customer.way = chance.choice([UNKNOWN, BEFORE, ON])
            if chance.random() < 0.2:
                persona = chance.choice([None, "student", "family"])
            to = chance.choice([stage for stage in stages if stage != source])
            rule = rules.get((source, to))
            wanted = CompiledWay(ideals[version]).entered(
                customer.way, persona=persona, source=source, to=to, at=at * SECOND, rule=None if rule is None else rule.id
            )
            before, customer.stage = customer.way, to
            found = compiled[version].lead(customer, persona=persona, source=source, at=at * SECOND, rule=rule)
            assert (customer.way, found) == wanted
            if chance.random() < 0.1:
                customer.way = before
            else:
                source = to
