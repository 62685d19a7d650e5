"""Whatever versions of a journey take turns at a customer: nothing is lost or repeated, and what they share is as with one version."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from etapa.contracts.stored.state import decode_state, encode_state
from etapa.journey.engine.conditions.condition import CompiledLeaf
from etapa.journey.engine.conditions.event import EventHappens
from etapa.journey.engine.conditions.in_stage import InStageFor
from etapa.journey.engine.conditions.trait import TraitCompares
from etapa.journey.engine.facts.customer import Customer, Memory
from etapa.journey.engine.facts.stage_change import StageChange
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.engine.judging.classify import run_until, touch
from etapa.journey.engine.judging.program import Program, compile_journey
from etapa.journey.engine.queries.beginnings import trait_key
from etapa.journey.language.model import Journey
from tests.reference.made_up import journeys, thorough, touchpoints

LATER = 200 * 3_600_000_000


@st.composite
def takes(draw: st.DrawFn) -> tuple[list[Program], list[tuple[Touchpoint, int]]]:
    """Versions in ascending order, and touchpoints, each with the version at work when it arrives."""
    some: list[Journey] = draw(st.lists(journeys(), min_size=2, max_size=3))
    programs = [compile_journey(replace(journey, version=number, remember_ids=64)) for number, journey in enumerate(some, start=1)]
    stream: list[Touchpoint] = draw(touchpoints())
    return programs, [(touchpoint, draw(st.integers(0, len(programs) - 1))) for touchpoint in stream]


def run(programs: list[Program], script: list[tuple[Touchpoint, int]]) -> tuple[Customer, list[StageChange], list[Touchpoint]]:
    """The customer, all changes, and the touchpoints that were not duplicates, where the customer then was by the version at work.

    The state goes through the store each time.
    """
    customer: Customer | None = None
    changes: list[StageChange] = []
    applied: list[Touchpoint] = []
    for touchpoint, number in script:
        touched = touch(programs[number], None if customer is None else decode_state(encode_state(customer), customer.id), touchpoint)
        customer = touched.customer
        changes += touched.changes
        if not touched.duplicate:
            where = programs[number].whereabouts
            applied.append(touchpoint if where is None else touchpoint.arriving_in(where.of(customer)))
            assert customer.version == programs[number].version
            assert customer.stage in programs[number].stages
    assert customer is not None
    return customer, changes, applied


@thorough
@given(takes())
def test_changes_form_a_chain_without_gaps(taken: tuple[list[Program], list[tuple[Touchpoint, int]]]) -> None:
    programs, script = taken
    customer, changes, applied = run(programs, script)
    changes += run_until(programs[-1], customer, LATER)
    assert [change.sequence for change in changes] == list(range(1, len(changes) + 1))
    assert [change.source for change in changes] == [None, *(change.to for change in changes[:-1])]
    assert [change.at for change in changes] == sorted(change.at for change in changes)
    assert (customer.sequence, customer.stage) == (len(changes), changes[-1].to)
    assert {touchpoint.id for touchpoint in applied} == {touchpoint.id for touchpoint, _ in script}


@thorough
@given(takes())
def test_only_a_newer_version_or_one_without_the_stage_moves_by_its_rules_alone(
    taken: tuple[list[Program], list[tuple[Touchpoint, int]]],
) -> None:
    programs, script = taken
    customer: Customer | None = None
    for touchpoint, number in script:
        program = programs[number]
        before = customer
        version, stage = (0, "") if before is None else (before.version, before.stage)
        touched = touch(program, customer, touchpoint)
        customer = touched.customer
        if any(change.cause == "journey" for change in touched.changes):
            assert version < program.version or stage not in program.stages


@thorough
@given(takes())
def test_what_all_versions_remember_is_as_if_there_were_one(taken: tuple[list[Program], list[tuple[Touchpoint, int]]]) -> None:
    programs, script = taken
    customer, _, applied = run(programs, script)
    program = programs[script[-1][1]]
    shared = set.intersection(*(set(programs[number].memories) for _, number in script))
    reference = of_one_version(program, customer, applied)
    now = max(customer.clock, reference.clock)
    # A customer for whom the last versions saw only repeats has not been converted to them yet.
    customer.lay_out(program.keys, program)
    for leaf in leaves_of(program):
        if key_of(leaf) in shared:
            assert leaf.observed(customer, now, None) == leaf.observed(reference, now, None)
            assert leaf.holds(customer, now, None) == leaf.holds(reference, now, None)
    assert not shared & customer.began.keys()


@thorough
@given(takes())
def test_a_memory_says_since_when_it_holds_everything(taken: tuple[list[Program], list[tuple[Touchpoint, int]]]) -> None:
    programs, script = taken
    customer, _, _ = run(programs, script)
    at_work = [number for number, duplicate in zip((number for _, number in script), repeats(script), strict=True) if not duplicate]
    for key in programs[at_work[-1]].memories:
        watched_throughout = all(key in programs[number].memories for number in at_work)
        assert (key in customer.began) is not watched_throughout


def repeats(script: Sequence[tuple[Touchpoint, int]]) -> list[bool]:
    """Which of them are repeats."""
    seen: set[str] = set()
    found = []
    for touchpoint, _ in script:
        found.append(touchpoint.id in seen)
        seen.add(touchpoint.id)
    return found


def of_one_version(program: Program, customer: Customer, applied: Sequence[Touchpoint]) -> Customer:
    """A customer as if processed by this version alone, as far as memories go."""
    memory: Memory = [None] * len(program.keys)
    traits: dict[str, list[Any]] = {}
    now = applied[0].at
    for touchpoint in applied:
        now = max(now, touchpoint.at)
        for accumulator in program.kind_of(touchpoint.type).accumulators:
            accumulator.record(memory, touchpoint, now)
        for name, value in touchpoint.traits.items():
            if name not in traits or touchpoint.at >= traits[name][0]:
                traits[name] = [touchpoint.at, value]
    first_at = min(touchpoint.at for touchpoint in applied)
    assert customer.first_at == first_at
    alone = Customer(
        version=program.version,
        stage=customer.stage,
        due=None,
        entered_at=0,
        clock=now,
        first_at=first_at,
        sequence=1,
        recent=b"",
        traits=traits,
        id=customer.id,
    )
    alone.memory = memory
    return alone


def leaves_of(program: Program) -> list[CompiledLeaf]:
    leaves = [leaf for stage in program.stages.values() for rule in stage.rules for leaf in rule.leaves]
    return [leaf for leaf in leaves if not isinstance(leaf, EventHappens | InStageFor)]


def key_of(leaf: CompiledLeaf) -> str:
    if isinstance(leaf, TraitCompares):
        return trait_key(leaf.name)
    for owner in (leaf, getattr(leaf, "values", None), getattr(leaf, "sequence", None)):
        key = getattr(owner, "key", None)
        if isinstance(key, str):
            return key
    raise TypeError(f"{leaf.text} remembers nothing")
