"""The engine against a slow evaluator that keeps every touchpoint and judges from scratch."""

from collections.abc import Sequence

from hypothesis import given, settings

from etapa.journey.engine.facts.changes import CampaignOutcome, Release
from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.facts.stage_change import StageChange
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.engine.judging.campaigns import in_order, offers_of, triggers_of
from etapa.journey.engine.judging.classify import run_and_note, touch
from etapa.journey.engine.judging.program import compile_journey
from etapa.journey.language.model import Journey
from etapa.journey.units import HOUR
from tests.reference.evaluator import ReferenceMove, Shopper
from tests.reference.goals import ReferenceOutcome
from tests.reference.made_up import EXAMPLES, journeys, restless_journeys, thorough, touchpoints


def moves(changes: list[StageChange]) -> list[ReferenceMove]:
    return [
        ReferenceMove(each.sequence, each.source, each.to, each.at, each.cause, each.rule, each.touchpoint_id, each.dwell)
        for each in changes
    ]


def ends(outcomes: Sequence[CampaignOutcome]) -> list[ReferenceOutcome]:
    return [ReferenceOutcome(each.campaign, each.sequence, each.holdout, each.met, each.at, each.elapsed, each.value) for each in outcomes]


def offers(told: Sequence[StageChange | Release]) -> list[tuple[int, str, str]]:
    return [(each.sequence, offer.campaign, offer.outcome) for each in told for offer in offers_of([each])]


@thorough
@given(journeys(), touchpoints())
def test_engine_and_definitions_agree_on_every_change(journey: Journey, stream: list[Touchpoint]) -> None:
    agree(journey, stream)


@settings(thorough, max_examples=max(EXAMPLES, min(300, 5 * EXAMPLES)))
@given(restless_journeys(), touchpoints(most=40))
def test_engine_and_definitions_agree_on_what_campaigns_make_of_every_change(journey: Journey, stream: list[Touchpoint]) -> None:
    agree(journey, stream)


def agree(journey: Journey, stream: list[Touchpoint]) -> None:
    program = compile_journey(journey)
    shopper = Shopper(journey)
    customer: Customer | None = None
    changes: list[StageChange] = []
    told: list[StageChange | Release] = []
    outcomes: list[CampaignOutcome] = []
    for touchpoint in stream:
        touched = touch(program, customer, touchpoint)
        customer = touched.customer
        changes += touched.changes
        told += in_order(touched.changes, touched.released)
        outcomes += touched.outcomes
        shopper.meet(touchpoint)
        assert moves(changes) == shopper.moves
        assert offers(told) == shopper.marketer.told
        assert ends(outcomes) == shopper.goals.told
    assert customer is not None
    end = customer.clock + 60 * HOUR
    happened = run_and_note(program, customer, end)
    changes += happened.changes
    told += in_order(happened.changes, happened.released)
    outcomes += happened.outcomes
    shopper.wait_until(end)
    assert moves(changes) == shopper.moves
    assert offers(told) == shopper.marketer.told
    assert ends(outcomes) == shopper.goals.told
    assert customer.clock == shopper.clock
    assert triggers_of(told) == sorted(triggers_of(told), key=lambda trigger: trigger.at)
