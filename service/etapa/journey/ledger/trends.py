"""How many customers were in each stage over time: from how many there are in the end, back through the ledger's moves."""

from collections.abc import Iterator, Mapping, Sequence
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
    for end, stage, change in _changes(ledger, persona, ends):
        found = counts.get(stage)
        if found is not None:
            for step in range(sum(step < end for step in steps)):
                found[step] -= change
    # A ledger that is younger than its customers counts more exits than entries.
    return {stage: [max(0, number) for number in found] for stage, found in counts.items()}


def _changes(ledger: JourneyLedger, persona: str | None, ends: int) -> Iterator[tuple[int, str, int]]:
    """By how much the number of customers in a stage grew up to an instant."""
    for table in ("moves", "ways"):
        for period, page in ledger.of(table):
            if start_of(period) >= ends:
                continue
            end = min(end_of(period), ends)
            for (whose, source, to, *_), figures in page.cells().items():
                if persona is not None and whose != persona:
                    continue
                leave, enter = (figures[0], figures[0]) if table == "moves" else (-figures[2], 0)
                if isinstance(source, str) and leave:
                    yield end, source, -leave
                if isinstance(to, str) and enter:
                    yield end, to, enter
