"""A ledger of stage changes alone, counted change by change as workers do."""

from collections.abc import Iterable, Sequence

from etapa.journey.engine.facts.course import UNKNOWN, Way
from etapa.journey.engine.judging.ideal_way import CompiledWay
from etapa.journey.ledger.ledger import JourneyLedger, enter
from etapa.journey.ledger.tally import BatchTally
from tests.reference.ways import WayStep


def ledger_of(steps: Iterable[WayStep], ideal: Sequence[str]) -> JourneyLedger:
    """Times must lie within the same fourteen days, so that all hours are kept."""
    compiled, tally, courses = CompiledWay(ideal), BatchTally(), dict[str, Way]()
    latest = 0
    for step in steps:
        before = courses.get(step.customer, UNKNOWN)
        courses[step.customer], counts = compiled.entered(
            before, persona=step.persona, source=step.source, to=step.to, at=step.at, rule=step.rule
        )
        tally.moved(step.at, step.persona, step.source, step.to, "touchpoint", None, step.rule)
        tally.counted(step.at, counts)
        latest = max(latest, step.at)
    ledger = JourneyLedger()
    enter(ledger, tally, latest)
    return ledger
