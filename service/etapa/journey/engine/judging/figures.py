"""What touchpoints, stage changes and released triggers count in the ledger."""

from collections.abc import Sequence

from etapa.journey.engine.facts.changes import Release
from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.facts.stage_change import StageChange
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.engine.judging.program import Program
from etapa.journey.ledger.tally import BatchTally


def count_changes(tally: BatchTally, changes: Sequence[StageChange], released: Sequence[Release]) -> None:
    """Count changes that are published with what campaigns made of them, and triggers that had been held."""
    for change in changes:
        persona = change.persona
        tally.moved(change.at, persona, change.source, change.to, change.cause, change.dwell)
        for offer in change.offers:
            tally.offered(change.at, persona, offer.campaign, offer.outcome)
    for release in released:
        tally.offered(release.at, release.persona, release.offer.campaign, release.offer.outcome)


def count_touchpoint(
    program: Program, customer: Customer, touchpoint: Touchpoint, found_in: str, belongs_to: str, tally: BatchTally
) -> None:
    """Count a touchpoint that was applied: in the stage into which it moved the customer, or in which it found the customer.

    What it says of how the customer feels is about where the customer was.
    """
    persona = None if program.personas is None else program.personas.of(customer)
    tally.touched(touchpoint.at, persona, belongs_to, touchpoint.type, touchpoint.channel)
    if program.feeling is not None:
        value = program.feeling.of(touchpoint)
        if value is not None:
            tally.felt(touchpoint.at, persona, found_in, value)
