"""How many customers were in each stage over time: from how many there are in the end, back through the ledger's moves."""

from collections.abc import Mapping, Sequence
from typing import Final

from etapa.journey.ledger.ledger import JourneyLedger
from etapa.journey.ledger.periods import end_of, start_of

STEPS: Final = 24


def trends_of(
    ledger: JourneyLedger, persona: str | None, population: Mapping[str, int], begins: int, ends: int
) -> Mapping[str, Sequence[int]]:
    """Customers by stage at the end of each of `STEPS` equal steps from `begins` to `ends` (microseconds since 1970).

    `population`: customers by stage at `ends`. A move counts at the end of the period in which the ledger keeps it.
    """
    steps = [begins + (ends - begins) * step // STEPS for step in range(1, STEPS + 1)]
    counts = {stage: [number] * STEPS for stage, number in population.items()}
    for period, page in ledger.of("moves"):
        if start_of(period) >= ends:
            continue
        end = min(end_of(period), ends)
        before = sum(step < end for step in steps)
        for (whose, source, to, *_), figures in page.cells().items():
            if persona is not None and whose != persona:
                continue
            for stage, change in ((source, figures[0]), (to, -figures[0])):
                found = counts.get(stage) if isinstance(stage, str) else None
                if found is not None:
                    for step in range(before):
                        found[step] += change
    # A ledger that is younger than its customers counts more exits than entries.
    return {stage: [max(0, number) for number in found] for stage, found in counts.items()}
