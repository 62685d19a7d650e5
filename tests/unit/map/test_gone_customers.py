"""Who was forgotten, or turned out to be another customer, is counted nowhere any more: not on the ideal way, on a detour or in a stage."""

from collections.abc import Mapping

import pytest

from etapa.contracts.incoming.rejected import Rejected
from etapa.journey.engine.deny_list import DenyKey, DenyList
from etapa.journey.engine.facts.forget_request import ForgetRequest
from etapa.journey.engine.facts.touchpoint import SAME_AS, Touchpoint
from etapa.journey.engine.judging.program import Program, compile_journey
from etapa.journey.engine.partition import Partition
from etapa.journey.language.load import journey_or_raise
from etapa.journey.ledger.ledger import JourneyLedger, enter
from etapa.journey.map.ways import ShownSpan, WayFigures, population_of, ways_of
from etapa.journey.units import DAY, SECOND
from etapa.rehearsal.file_figures import FileFigures
from etapa.rehearsal.replay import Replay, told_of

JOURNEY = """
journey: shop
version: 1
{identity}
personas: [{{id: student, is: {{trait: persona, eq: student}}}}]
map: {{ideal: [new, buyer, regular]}}
stages: [{{id: new}}, {{id: buyer}}, {{id: regular}}]
rules:
  - {{id: buys, from: new, to: buyer, when: {{event: purchase}}}}
  - {{id: complains, from: buyer, to: new, when: {{event: complaint}}}}
  - {{id: comes-back, from: buyer, to: regular, when: {{event: praise}}}}
"""
STAGES = ("new", "buyer", "regular")
KEY = DenyKey(b"a secret")
END = 9 * DAY


def did(who: str, kind: str, day: int, persona: str | None = "student") -> Touchpoint:
    return Touchpoint(f"{who} {kind} {day}", who, kind, day * DAY, traits={} if persona is None else {"persona": persona})


def link(gone: str, kept: str, day: int) -> Touchpoint:
    return Touchpoint(f"{gone} {kept}", gone, "$link", day * DAY, properties={SAME_AS: kept})


def program(stage: str | None = None) -> Program:
    identity = "" if stage is None else f"identity: {{stage: {stage}, merge_known: true}}"
    return compile_journey(journey_or_raise(JOURNEY.format(identity=identity), "shop.yaml"))


def of_a_file(stage: str, *touchpoints: Touchpoint) -> JourneyLedger:
    replay, figures = Replay(program(stage)), FileFigures()
    for touchpoint in touchpoints:
        figures.see(touchpoint, None)
        for touched in replay.take(touchpoint):
            assert not isinstance(touched, Rejected)
            for each in told_of(touched):
                figures.told(each)
    return figures.close(END)


def figures_of(ledger: JourneyLedger, persona: str | None = None) -> tuple[WayFigures | None, Mapping[str, int]]:
    span = ShownSpan(None, END, persona)
    return ways_of(ledger, span), population_of(ledger, STAGES, span)


def test_a_forgotten_customer_is_on_no_detour_and_in_no_stage() -> None:
    partition = Partition(program(), None, denied=DenyList(KEY, {}))
    ledger = JourneyLedger()
    for who in ("ana", "ben"):
        partition.admit(who, None)
        for touchpoint in (did(who, "purchase", 0), did(who, "complaint", 2)):
            assert partition.take(touchpoint, END)
    assert partition.take(did("ana", "visit", 5), END)
    for who in ("ana", "nobody"):
        partition.admit(who, None)
        assert partition.forget_customer(ForgetRequest(who, KEY.digest(who), 6 * DAY, 7 * DAY))
    work = partition.collect()
    assert work.tally is not None
    enter(ledger, work.tally, END)
    for persona in (None, "student"):
        way, population = figures_of(ledger, persona)
        assert way is not None
        assert (way.customers, way.on_way) == (1, 0)
        assert population == {"new": 1, "buyer": 0, "regular": 0}
        # Ana was away until she was last seen, Ben is up to the end.
        assert [(each.customers, each.times, each.lost) for each in way.detours] == [(2, 2, (3 + 7) * DAY // SECOND)]


@pytest.mark.parametrize("stage", ["keep", "furthest", "replay"])
def test_of_two_ids_of_one_person_one_is_counted(stage: str) -> None:
    ledger = of_a_file(
        stage,
        *(did("anon", "purchase", 0), did("anon", "complaint", 1), did("anon", "visit", 2)),
        *(did("ada", "purchase", 3, "nobody in particular"), link("anon", "ada", 4)),
    )
    way, population = figures_of(ledger)
    assert way is not None
    assert (way.customers, sum(population.values())) == (1, 1)
    # The detour of the id that is gone ended where it was last seen.
    detours = {(each.source, each.to): each.lost for each in way.detours}
    assert detours["buyer", "new"] >= 1 * DAY // SECOND
    ended = [figures for _, page in ledger.of("detours") for figures in page.cells().values()]
    assert sum(figures[2] for figures in ended) >= 1
    student, there = figures_of(ledger, "student")
    assert (0 if student is None else student.customers) == sum(there.values())


def test_an_id_that_was_given_up_is_counted_again_when_it_is_the_one_after_all() -> None:
    linked = (did("ada", "visit", 0), did("bea", "visit", 1), link("ada", "bea", 5))
    _, before = figures_of(of_a_file("keep", *linked))
    assert before == {"new": 1, "buyer": 0, "regular": 0}
    # An earlier link says the opposite, so from now on the other id is the one that is kept.
    ledger = of_a_file("keep", *linked, link("bea", "ada", 3))
    way, population = figures_of(ledger)
    assert sum(population.values()) == 1
    assert figures_of(ledger, "student")[1] == population
    # But its way is known no longer.
    assert way is not None
    assert way.customers == 0
