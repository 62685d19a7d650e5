"""The actual ways compared with the ideal one, as the ledger has counted them change by change."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from etapa.journey.ledger.ledger import JourneyLedger
from etapa.journey.ledger.periods import end_of, start_of
from etapa.journey.ledger.tables import Figures, Key, Table, add_figures
from etapa.journey.units import SECOND


@dataclass(frozen=True, slots=True)
class Detour:
    """A move off the ideal way or back along it, by which customers who had not left it before left it."""

    source: str
    to: str
    rules: Mapping[str | None, int]
    """How often each rule began it; none: a change of the journey file, or another id of the customer."""
    customers: int | None
    """None of a part of the time: a customer who makes it again then cannot be told from one who makes it for the first time."""
    times: int
    """How often it began in the time shown."""
    lost: int
    """Seconds of the time shown that customers spent until they were back where they had left the way, summed over all."""


@dataclass(frozen=True, slots=True)
class WayFigures:
    """The ways of all customers who are followed, summed up."""

    customers: int
    """Those who are followed at the end of the time shown."""
    on_way: int
    """Customers whose stages so far are exactly the beginning of the ideal way, each once and in order."""
    steps: int
    """Stages entered in the time shown."""
    deviations: int
    """How many of these entries the cost of the customer's best alignment with the ideal way grew by."""
    detours: Sequence[Detour]
    """The most frequent first; if equally frequent, those that cost the most time first."""

    @property
    def fitness(self) -> float | None:
        """1 - cost / worst cost, where the worst alignment deletes every stage entered; none if nobody entered any.

        The fitness of a log in W. van der Aalst, "Process Mining", 2nd edition, 2016, section 8.3: costs are summed over all customers.
        """
        return 1 - self.deviations / self.steps if self.steps else None


class ShownSpan(NamedTuple):
    """What a map shows: from `since` (none: the beginning) to before `ends` (none: everything), in microseconds since 1970; of one persona or, none, of all.

    Periods of the ledger that extend beyond these times count as a whole.
    """

    since: int | None
    ends: int | None
    persona: str | None


def ways_of(ledger: JourneyLedger, span: ShownSpan) -> WayFigures | None:
    """The ways; none if nobody is followed. The ledger must be there from the beginning."""
    before, shown = _sums(ledger, "ways", span)
    followed, on_way = (sum(figures[place] for sums in (before, shown) for figures in sums.values()) for place in (0, 1))
    steps, deviations = (sum(figures[place] for figures in shown.values()) for place in (3, 4))
    if not (followed or steps):
        return None
    return WayFigures(followed, on_way, steps, deviations, tuple(_detours(ledger, span)))


def population_of(ledger: JourneyLedger, stages: Sequence[str], span: ShownSpan) -> Mapping[str, int]:
    """Customers by stage at the end. The ledger must be there from the beginning."""
    population = dict.fromkeys(stages, 0)
    for sums in _sums(ledger, "moves", span):
        for (_, source, to, *_), (count, *_) in sums.items():
            _add_to(population, source, -count)
            _add_to(population, to, count)
    for sums in _sums(ledger, "ways", span):
        for (_, stage, _), figures in sums.items():
            _add_to(population, stage, figures[2])
    # Changes that are not published are not counted.
    return {stage: max(0, number) for stage, number in population.items()}


def reached_of(ledger: JourneyLedger, stages: Sequence[str], span: ShownSpan) -> Mapping[str, int]:
    """Different customers who have been in each stage; for a part of the time: who came to it for the first time.

    Without `since`, the ledger must be there from the beginning, and a customer is of the persona that it has at the end; otherwise, of
    the one at that moment.
    """
    reached = dict.fromkeys(stages, 0)
    for (_, _, to, *_), (_, _, first) in _sums(ledger, "moves", span)[1].items():
        _add_to(reached, to, first)
    if span.since is None:
        for (_, stage, _), figures in _sums(ledger, "ways", span)[1].items():
            _add_to(reached, stage, figures[5])
    return {stage: max(0, number) for stage, number in reached.items()}


def _add_to(population: dict[str, int], stage: str | int | None, number: int) -> None:
    if isinstance(stage, str) and stage in population:
        population[stage] += number


def _detours(ledger: JourneyLedger, span: ShownSpan) -> Iterator[Detour]:
    ends = 0 if span.ends is None else span.ends // SECOND
    since = 0 if span.since is None else span.since // SECOND
    before, shown = _sums(ledger, "detours", span)
    found: dict[tuple[str, str], list[int]] = {}
    rules: dict[tuple[str, str], dict[str | None, int]] = {}
    for key in {**before, **shown}:
        _, source, to, rule = (None if part is None else str(part) for part in key)
        _, times_before, ended_before, _ = before.get(key, _NONE)
        customers, times, ended, clock = shown.get(key, _NONE)
        open_before = times_before - ended_before
        still_open = open_before + times - ended
        move = str(source), str(to)
        # Of who was on it before, the time from the beginning of the span counts; of who still is, that up to its end.
        add_figures(found.setdefault(move, [0, 0, 0]), [customers, times, clock + still_open * ends - open_before * since])
        if times:
            counts = rules.setdefault(move, {})
            counts[rule] = counts.get(rule, 0) + times
    for (source, to), (customers, times, lost) in sorted(found.items(), key=lambda each: (*(-number for number in each[1]), each[0])):
        if times or lost > 0:
            known = customers if span.since is None else None
            yield Detour(source, to, rules.get((source, to), {}), known, times, max(0, lost))


_NONE: Figures = [0, 0, 0, 0]


def _sums(ledger: JourneyLedger, table: Table, span: ShownSpan) -> tuple[dict[Key, Figures], dict[Key, Figures]]:
    """The figures of periods before the span, and of those in it, by key."""
    before: dict[Key, Figures] = {}
    shown: dict[Key, Figures] = {}
    for period, page in ledger.of(table):
        if span.ends is not None and start_of(period) >= span.ends:
            continue
        sums = before if span.since is not None and end_of(period) <= span.since else shown
        for key, figures in page.cells().items():
            if span.persona is None or key[0] == span.persona:
                add_figures(sums.setdefault(key, [0] * len(figures)), figures)
    return before, shown
