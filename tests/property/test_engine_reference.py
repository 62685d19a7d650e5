"""The engine against a slow evaluator that keeps every touchpoint and judges from scratch."""

from hypothesis import given, settings

from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.facts.stage_change import StageChange
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.engine.judging.classify import run_until, touch
from etapa.journey.engine.judging.program import compile_journey
from etapa.journey.language.model import Journey
from etapa.journey.units import HOUR
from tests.reference.evaluator import ReferenceMove, Shopper
from tests.reference.made_up import EXAMPLES, journeys, restless_journeys, thorough, touchpoints


def moves(changes: list[StageChange]) -> list[ReferenceMove]:
    return [
        ReferenceMove(each.sequence, each.source, each.to, each.at, each.cause, each.rule, each.touchpoint_id, each.dwell)
        for each in changes
    ]


def offers(changes: list[StageChange]) -> list[tuple[int, str, str]]:
    return [(change.sequence, offer.campaign, offer.outcome) for change in changes for offer in change.offers]


@thorough
@given(journeys(), touchpoints())
def test_engine_and_definitions_agree_on_every_change(journey: Journey, stream: list[Touchpoint]) -> None:
    agree(journey, stream)


@settings(thorough, max_examples=5 * EXAMPLES)
@given(restless_journeys(), touchpoints(most=40))
def test_engine_and_definitions_agree_on_what_campaigns_make_of_every_change(journey: Journey, stream: list[Touchpoint]) -> None:
    agree(journey, stream)


def agree(journey: Journey, stream: list[Touchpoint]) -> None:
    program = compile_journey(journey)
    shopper = Shopper(journey)
    customer: Customer | None = None
    changes: list[StageChange] = []
    for touchpoint in stream:
        touched = touch(program, customer, touchpoint)
        customer = touched.customer
        changes += touched.changes
        shopper.meet(touchpoint)
        assert moves(changes) == shopper.moves
        assert offers(changes) == shopper.marketer.told
    assert customer is not None
    end = customer.clock + 60 * HOUR
    changes += run_until(program, customer, end)
    shopper.wait_until(end)
    assert moves(changes) == shopper.moves
    assert offers(changes) == shopper.marketer.told
