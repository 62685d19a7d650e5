"""Ways counted change by change, with a few bytes for each customer, compared with trying every way of repairing whole ways."""

import random
from collections import Counter

import pytest

from etapa.journey.ledger.report import ReportQuery, report_of
from etapa.journey.map.ways import ShownSpan, population_of, ways_of
from etapa.journey.units import HOUR, SECOND
from tests.reference import ways as reference
from tests.reference.ways import WayStep
from tests.support.counted_ways import ledger_of

STAGES = ("a", "b", "c", "d", "x", "y")
IDEAL = ("a", "b", "c", "d")
PERSONAS = (None, "student")
LOGS = 1_000
LONGEST = 9
END = 400 * HOUR


def _log(chance: random.Random) -> list[WayStep]:
    steps: list[WayStep] = []
    stages: dict[str, str] = {}
    lengths: Counter[str] = Counter()
    at = 0
    for _ in range(chance.randint(1, 40)):
        customer = f"c{chance.randint(1, 5)}"
        if lengths[customer] == LONGEST:
            continue
        lengths[customer] += 1
        at += chance.randrange(8 * HOUR)
        source = stages.get(customer)
        stages[customer] = to = chance.choice([stage for stage in STAGES if stage != source])
        steps.append(WayStep(customer, source, to, at, chance.choice(["one", "other"]), chance.choice(PERSONAS)))
    return steps


@pytest.mark.parametrize("tenth", range(10))
def test_every_figure_equals_trying_everything(tenth: int) -> None:
    fell_back = seldom = 0
    for seed in range(tenth * LOGS // 10, (tenth + 1) * LOGS // 10):
        chance = random.Random(seed)
        steps = _log(chance)
        ledger = ledger_of(steps, IDEAL)
        middle = chance.randrange(1, 100) * HOUR
        for since, ends, persona in (
            (None, END, None),
            (None, END, "student"),
            (middle, END, None),
            (middle, middle + 60 * HOUR, "student"),
        ):
            found = ways_of(ledger, ShownSpan(since, ends, persona))
            wanted = reference.ways_of(steps, IDEAL, since, ends, persona)
            if found is None:
                assert not wanted.customers
                assert not wanted.entered
                continue
            assert (found.customers, found.on_way, found.steps, found.deviations) == wanted[:4]
            detours = {(each.source, each.to): (each.times, each.lost) for each in found.detours}
            assert detours == {move: (times, lost) for move, (times, _, lost) in wanted.detours.items()}
            if since is None:
                firsts = {move: first for move, (_, first, _) in wanted.detours.items()}
                assert {(each.source, each.to): each.customers for each in found.detours} == firsts
                seldom += sum(times > first for times, first, _ in wanted.detours.values())
            fell_back += sum(lost > 0 for _, _, lost in wanted.detours.values())
    assert fell_back > 100
    assert seldom > 10


def test_a_mean_over_all_stages_entered() -> None:
    steps = [WayStep("ana", source, to, at * HOUR) for at, (source, to) in enumerate([(None, "a"), ("a", "b"), ("b", "a"), ("a", "b")])]
    steps.append(WayStep("eva", None, "b", 5 * HOUR))
    found = ways_of(ledger_of(steps, IDEAL), ShownSpan(None, END, None))
    assert found is not None
    assert (found.steps, found.deviations, found.fitness) == (5, 3, 0.4)


def test_personas_have_as_many_customers_in_each_stage_as_are_of_them() -> None:
    for seed in range(50):
        steps = _log(random.Random(seed))
        ledger = ledger_of(steps, IDEAL)
        last = {step.customer: step for step in steps}
        for persona in PERSONAS[1:]:
            wanted = Counter(step.to for step in last.values() if step.persona == persona)
            assert population_of(ledger, STAGES, ShownSpan(None, END, persona)) == {stage: wanted[stage] for stage in STAGES}


def test_a_report_tells_by_which_rule_how_many_left_it_how_often() -> None:
    moves = [(None, "a"), ("a", "x"), ("x", "a"), ("a", "x"), ("x", "a"), ("a", "y")]
    steps = [WayStep("ana", source, to, at * SECOND, "one" if at < 4 else "other") for at, (source, to) in enumerate(moves)]
    rows = report_of(ledger_of(steps, IDEAL), ReportQuery(), STAGES).tables["detours"]
    assert [(row["from"], row["to"], row["rule"], row["customers"], row["times"], row["ended"]) for row in rows] == [
        ("a", "x", "one", 1, 2, 2),
        ("a", "y", "other", 1, 1, 0),
    ]
