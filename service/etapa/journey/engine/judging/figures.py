"""How touchpoints, stage changes, released triggers and campaign outcomes are counted in the ledger."""

from collections.abc import Sequence

from etapa.journey.engine.facts.changes import CampaignOutcome, Offer, Release
from etapa.journey.engine.facts.course import Departure
from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.facts.stage_change import StageChange
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.engine.judging.program import Program
from etapa.journey.engine.judging.touchpoint_kind import TouchpointKind
from etapa.journey.ledger.tally import BatchTally


def count_changes(tally: BatchTally, changes: list[StageChange], start: int = 0) -> None:
    """Count published changes from that position on, with their offers to campaigns."""
    for position in range(start, len(changes)):
        change = changes[position]
        persona = change.persona
        tally.moved(
            change.at,
            persona,
            change.source,
            change.to,
            change.cause,
            change.dwell,
            change.rule,
            first=change.is_first,
            counts=change.counts,
        )
        if change.offers:
            for offer in change.offers:
                _count_offer(tally, change.at, persona, offer)


def count_releases(tally: BatchTally, released: Sequence[Release]) -> None:
    """Count triggers that had been held."""
    for release in released:
        _count_offer(tally, release.at, release.persona, release.offer)


def count_ends(tally: BatchTally, outcomes: Sequence[CampaignOutcome], departures: Sequence[Departure]) -> None:
    """Count the outcomes of goals, and who is no longer counted."""
    for departure in departures:
        tally.counted(departure.at, departure.counts)
    for outcome in outcomes:
        if outcome.enrolled:
            tally.ended(outcome.at, outcome.persona, outcome.campaign, holdout=outcome.holdout, met=outcome.met, value=outcome.value)


def count_touchpoint(
    program: Program,
    customer: Customer,
    touchpoint: Touchpoint,
    kind: TouchpointKind,
    found_in: str,
    belongs_to: int,
    tally: BatchTally | None,
) -> None:
    """Count an applied touchpoint of that kind, if there is a tally. `belongs_to`: the number of the stage it moved the customer to or, without a move, found it in.

    What it says about the customer's feeling is counted in the stage where the customer was before.
    """
    if tally is None:
        return
    personas = program.personas
    # Nearly always known; asking costs a call.
    persona = 0 if personas is None else customer.persona if customer.persona_by is personas else personas.number_of(customer)
    segment = program.segments[persona * program.stages_each + belongs_to]
    tally.touched_in(touchpoint.at, segment, touchpoint.type, touchpoint.channel)
    if kind.says_feeling and program.feeling is not None:
        value = program.feeling.of(touchpoint)
        if value is not None:
            tally.felt(touchpoint.at, segment.persona, found_in, value)


def _count_offer(tally: BatchTally, at: int, persona: str | None, offer: Offer) -> None:
    tally.offered(at, persona, offer.campaign, offer.outcome)
    if offer.enrolls:
        tally.enrolled(at, persona, offer.campaign, holdout=offer.outcome == "holdout")
