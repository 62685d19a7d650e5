"""Made-up customers for any journey: they reach every stage, and send what its rules ask for."""

from collections import Counter
from itertools import islice
from pathlib import Path
from random import Random

import pytest

from etapa.contracts.incoming.input_format import decoder_within
from etapa.contracts.incoming.rejected import Rejected
from etapa.contracts.incoming.touchpoint_message import TouchpointLimits
from etapa.embedded.demo_plan import DemoOptions, plan_for, tempo_of
from etapa.embedded.improvised import Improvisation, fitting
from etapa.embedded.shoppers import touchpoints
from etapa.journey.engine.facts.instant import NEVER
from etapa.journey.engine.judging.program import compile_journey
from etapa.journey.language.load import journey_or_raise
from etapa.journey.language.matching.matches import Comparison, Test
from etapa.journey.language.matching.predicates import compile_comparison
from etapa.journey.language.model import Journey
from etapa.rehearsal.replay import Replay
from etapa.settings import SHIPPED_JOURNEY

NOW = 1_790_000_000_000_000
SHIPPED = sorted(SHIPPED_JOURNEY.parent.glob("*.yaml"))
AGREED = decoder_within(TouchpointLimits(max_bytes=1 << 20))


def _journey(path: Path) -> Journey:
    return journey_or_raise(path.read_text(encoding="utf-8"), str(path))


def _played(journey: Journey, path: Path, number: int) -> tuple[Counter[str | None], Counter[str]]:
    """How often each rule moved a customer and each stage was entered, by so many touchpoints in a demo of twenty seconds."""
    improvisation = Improvisation(journey)
    options = DemoOptions(journey=journey, journey_path=path, usual_port=6066, seconds=20)
    plan = plan_for(options, NOW, tempo_of(improvisation))
    replay = Replay(compile_journey(journey))
    rules: Counter[str | None] = Counter()
    stages: Counter[str] = Counter()
    for sent in islice(touchpoints(plan, improvisation.character), number):
        touchpoint = AGREED.read(sent.value or b"", None, NEVER)
        if isinstance(touchpoint, Rejected):
            assert sent.flaw not in (None, "late", "duplicate"), touchpoint.detail
            continue
        for touched in replay.take(touchpoint):
            assert not isinstance(touched, Rejected), touched.detail
            for change in touched.changes:
                rules[change.rule] += 1
                stages[change.to] += 1
    return rules, stages


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_customers_of_a_shipped_journey_reach_nearly_every_stage_by_most_rules(path: Path) -> None:
    journey = _journey(path)
    rules, stages = _played(journey, path, 4_000)
    assert len(stages) >= len(journey.stages) - 1
    assert sum(rules[rule.id] > 0 for rule in journey.rules) >= 0.75 * len(journey.rules)


CHAIN = """
journey: chain
version: 1
stages: [{id: a}, {id: b}, {id: c}, {id: d}, {id: e}]
rules:
  - {id: spends, from: a, to: b, when: {sum: properties.basket.total, of: order, gte: 500}}
  - {id: is-of-a-kind, from: b, to: c, when: {all: [{event: visit, where: {channel: kiosk, properties.floor: {gt: 2, lt: 5}}}, {trait: tier, in: [gold]}]}}
  - {id: goes-quiet, from: c, to: d, when: {absent: order, for: 2h}}
  - {id: this-then-that, from: d, to: e, when: {any: [{sequence: [{event: hello}, {event: bye}], within: 10m}, {in_stage: 400d}]}}
"""


def test_values_traits_channels_waits_and_orders_are_what_rules_ask_for() -> None:
    journey = journey_or_raise(CHAIN, "chain.yaml")
    rules, _ = _played(journey, Path("chain.yaml"), 3_000)
    assert all(rules[rule.id] for rule in journey.rules), rules


def test_the_same_chance_tells_the_same_story_and_each_story_ends() -> None:
    journey = _journey(SHIPPED_JOURNEY)
    improvisation = Improvisation(journey)
    for seed in range(30):
        first, second = (list(improvisation.character(Random(seed)).tell()) for _ in range(2))
        assert first == second
        assert 1 <= len(first) < 200


def test_most_customers_may_be_written_to_and_some_may_not() -> None:
    journey = _journey(SHIPPED_JOURNEY)
    assert journey.consent is not None
    random = Random(1)
    improvisation = Improvisation(journey)
    consenting = sum(journey.consent.name in improvisation.character(random).traits for _ in range(200))
    assert 100 < consenting < 180


@pytest.mark.parametrize(
    "tests",
    [
        (Test("gte", 3), Test("lt", 10)),
        (Test("in", ("a", "b")),),
        (Test("not_in", ("a", "b")),),
        (Test("ne", "a"),),
        (Test("contains", "tea"),),
        (Test("exists", True),),
        (Test("starts_with", "spring"),),
        (Test("ends_with", ".bo"),),
        (Test("eq", False),),
        (Test("lt", 0),),
    ],
    ids=str,
)
def test_a_value_is_found_that_fits(tests: tuple[Test, ...]) -> None:
    comparison = Comparison(tests)
    accepts = compile_comparison(comparison).accepts
    found = [fitting(comparison, Random(seed)) for seed in range(20)]
    assert all(accepts(value) for value in found), found


def test_a_value_that_nobody_can_guess_is_left_out() -> None:
    assert fitting(Comparison((Test("matches", "^[a-f]{8}$"),)), Random(1)) is None
