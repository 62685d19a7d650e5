"""Runs touchpoints from a file through the core, without a server: what `etapa simulate` prints, and its summary.

Each customer's own touchpoints drive its timers, like in `classify.touch`, so this is the reference that a live
worker is compared with. A file has no record keys, so none are checked here.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from etapa.contracts.incoming.decoder import Decoder
from etapa.contracts.incoming.input_format import decoder_within
from etapa.contracts.incoming.rejected import Reason, Rejected
from etapa.contracts.incoming.touchpoint_message import TouchpointLimits
from etapa.journey.engine.facts.changes import TRIGGER_OUTCOMES, CampaignOutcome, Release, TriggerOutcome
from etapa.journey.engine.facts.stage_change import StageChange
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.engine.judging.outcomes import EvaluationFailed
from etapa.journey.engine.judging.program import Program
from etapa.journey.language.model import Journey
from etapa.journey.units import SECOND
from etapa.rehearsal.file_figures import FileFigures
from etapa.rehearsal.file_findings import FileFinding, FileLook
from etapa.rehearsal.goal_figures import GoalFigures
from etapa.rehearsal.identities import Gone, Linked
from etapa.rehearsal.readings import Touchpoints, readings
from etapa.rehearsal.replay import Replay, Told, told_of
from etapa.sources.lines import Lines


class Dwell:
    """The median of how long customers stayed in a stage, in memory that does not grow with their number.

    It is exact up to `EXACT` values; beyond that, values are counted in buckets, each 1 % wider than the one before.
    """

    EXACT = 4096
    _GROWTH = math.log(1.01)

    def __init__(self) -> None:
        self._exact: list[int] = []
        self._buckets: Counter[int] = Counter()

    def add(self, dwell: int) -> None:
        """Count one stay, in microseconds."""
        if self._buckets:
            self._buckets[self._bucket(dwell)] += 1
            return
        self._exact.append(dwell)
        if len(self._exact) > self.EXACT:
            self._buckets.update(map(self._bucket, self._exact))
            self._exact.clear()

    def median(self) -> int | None:
        """The lower median in microseconds; None when nobody has left the stage."""
        if self._exact:
            return sorted(self._exact)[(len(self._exact) - 1) // 2]
        left = (self._buckets.total() + 1) // 2
        for bucket in sorted(self._buckets):
            left -= self._buckets[bucket]
            if left <= 0:
                return round(math.exp((bucket + 0.5) * self._GROWTH)) - 1
        return None

    def _bucket(self, dwell: int) -> int:
        return int(math.log(max(dwell, 0) + 1) / self._GROWTH)


@dataclass
class Summary:
    """What happened. Filled while `simulate` runs; complete when its iterator has ended."""

    journey: Journey
    touchpoints: int = 0
    """Lines that held a touchpoint, including duplicates. Links are not among them."""
    duplicates: int = 0
    links: int = 0
    """Lines that held a link, including repeats."""
    joined: int = 0
    """Customers who turned out to be others, and are no longer counted by themselves."""
    rejected: Counter[Reason] = field(default_factory=Counter)
    """Lines without a touchpoint, or with one that could not be judged (`evaluation_failed`), by reason."""
    dropped_timers: int = 0
    """Timers that could not be judged."""
    changes: int = 0
    stages: dict[str, int] = field(init=False)
    """Customers per stage, in the order of the journey, including empty stages."""
    transitions: Counter[tuple[str | None, str]] = field(default_factory=Counter)
    """Stage changes by (from, to); `from` is None for new customers."""
    rules: dict[str, int] = field(init=False)
    """Stage changes by rule, in the order of the journey, including rules that never fired."""
    dwell: dict[str, Dwell] = field(init=False)
    """How long customers stayed, for each stage that they left."""
    campaigns: dict[str, Counter[TriggerOutcome]] = field(init=False)
    """The outcomes of the stage changes that fit each campaign, in the order of the journey."""
    goals: dict[str, GoalFigures] = field(init=False)
    """The outcomes of the goals of each campaign that has one, in the order of the journey."""
    findings: list[FileFinding] = field(default_factory=list)
    """Oddities of the touchpoints."""
    figures: FileFigures | None = None
    """The ledger, if one is wanted."""

    def __post_init__(self) -> None:
        self.stages = {stage.id: 0 for stage in self.journey.stages}
        self.rules = {rule.id: 0 for rule in self.journey.rules}
        self.dwell = {stage.id: Dwell() for stage in self.journey.stages}
        self.campaigns = {campaign.id: Counter() for campaign in self.journey.campaigns}
        self.goals = {campaign.id: GoalFigures() for campaign in self.journey.campaigns if campaign.goal is not None}

    @property
    def customers(self) -> int:
        """How many different customers there were."""
        return sum(self.stages.values())

    @property
    def rules_never_fired(self) -> list[str]:
        """Rules that moved nobody, in the order of the journey."""
        return [rule for rule, fired in self.rules.items() if not fired]

    def median_dwell(self, stage: str) -> int | None:
        """Median time in microseconds that customers spent in a stage before they left it; accurate to 1 % when there are many."""
        return self.dwell[stage].median()

    def add(self, change: StageChange) -> None:
        """Count one stage change."""
        self.changes += 1
        self.transitions[change.source, change.to] += 1
        self.stages[change.to] += 1
        if change.source is not None:
            self.stages[change.source] -= 1
            if change.dwell is not None:
                self.dwell[change.source].add(change.dwell)
        if change.rule is not None:
            self.rules[change.rule] += 1
        for offer in change.offers:
            self.campaigns[offer.campaign][offer.outcome] += 1

    def add_release(self, release: Release) -> None:
        """Count the outcome of a trigger that had been held."""
        found = self.campaigns.get(release.offer.campaign)
        if found is not None:
            found[release.offer.outcome] += 1

    def told(self, each: Told) -> None:
        """Count what happened."""
        if isinstance(each, Gone):
            self.joined += 1
            self.stages[each.stage] -= 1
            if each.returns_in is not None:
                self.stages[each.returns_in] += 1
        if self.figures is not None:
            self.figures.told(each)
        if isinstance(each, Gone):
            return
        if isinstance(each, CampaignOutcome):
            goal = self.goals.get(each.campaign)
            if goal is not None:
                goal.add(each)
            return
        if isinstance(each, Release):
            self.add_release(each)
        else:
            self.add(each)

    def drop_timer(self, _: EvaluationFailed) -> None:
        """Count one timer that could not be judged."""
        self.dropped_timers += 1

    def as_json(self) -> dict[str, Any]:
        """Everything, ready to be written as one JSON object."""
        medians = {stage: self.median_dwell(stage) for stage in self.stages}
        return {
            "journey": self.journey.id,
            "version": self.journey.version,
            "touchpoints": self.touchpoints,
            "duplicates": self.duplicates,
            "links": self.links,
            "joined": self.joined,
            "rejected": dict(sorted(self.rejected.items())),
            "dropped_timers": self.dropped_timers,
            "stage_changes": self.changes,
            "customers": self.customers,
            "stages": self.stages,
            "transitions": [
                {"from": source, "to": to, "count": count} for (source, to), count in sorted(self.transitions.items(), key=self._by_stage)
            ],
            "median_dwell_seconds": {stage: None if median is None else median / SECOND for stage, median in medians.items()},
            "rules": self.rules,
            "rules_never_fired": self.rules_never_fired,
            "campaigns": {
                campaign: {outcome: found[outcome] for outcome in TRIGGER_OUTCOMES} for campaign, found in self.campaigns.items()
            },
            "goals": {campaign: figures.as_json() for campaign, figures in self.goals.items()},
            "findings": [asdict(finding) for finding in self.findings],
        }

    def _by_stage(self, transition: tuple[tuple[str | None, str], int]) -> tuple[int, int]:
        """Sort key: the order of the journey, new customers first."""
        order = list(self.stages)
        (source, to), _ = transition
        return -1 if source is None else order.index(source), order.index(to)


def replayed(
    program: Program,
    journey: Journey,
    lines: Lines | Touchpoints,
    until: int | None = None,
    *,
    summary: Summary | None = None,
    on_rejected: Callable[[int, Rejected], None] | None = None,
    decoder: Decoder | None = None,
    wall: int | None = None,
) -> Iterator[Told]:
    """Yields stage changes, released campaign triggers and outcomes of goals in processing order, while the lines are read.

    `lines`: JSON Lines, such as a file opened in binary mode. Blank lines are skipped; a line without a usable
    touchpoint is counted and left out.
    `until`: microseconds since 1970. After the last line, all customers' timers up to and including this time run, in
    order of (due time, customer id). None: no timer after a customer's last touchpoint fires.
    `summary`: filled on the way. `on_rejected`: called with the number of a line, from 1, and why it was left out.
    `wall`: the clock, in microseconds since 1970; touchpoints further ahead of it than the decoder allows are left out, as in a worker.
    None: no limit.
    """
    summary = Summary(journey) if summary is None else summary
    figures = summary.figures
    replay = Replay(program, tally=None if figures is None else figures.tally)
    look = FileLook([journey], replay.cuts)
    for change in _touchpoints_through(
        replay,
        readings(lines, decoder or decoder_within(TouchpointLimits(takes_links=True)), wall, journey.accept_from),
        summary,
        look,
        on_rejected,
        wall,
    ):
        summary.told(change)
        yield change
    summary.findings = look.findings(summary.rejected)
    if until is not None:
        for change in replay.fire_until(until, summary.drop_timer):
            summary.told(change)
            yield change
    if figures is not None:
        figures.close(until)


def _touchpoints_through(
    replay: Replay,
    read: Iterator[tuple[int, Touchpoint | Rejected]],
    summary: Summary,
    look: FileLook,
    on_rejected: Callable[[int, Rejected], None] | None,
    wall: int | None,
) -> Iterator[Told]:
    for number, reading in read:
        clock = None if isinstance(reading, Rejected) else replay.clock_of(reading.customer_id)
        for touched in (reading,) if isinstance(reading, Rejected) else replay.take(reading):
            if isinstance(touched, Rejected):
                summary.rejected[touched.reason] += 1
                if on_rejected is not None:
                    on_rejected(number, touched)
            elif isinstance(touched, Linked):
                summary.links += 1
                look.link(ignored=touched.ignored)
                summary.dropped_timers += len(touched.failures)
                yield from told_of(touched)
            else:
                summary.touchpoints += not touched.cut
                summary.duplicates += touched.duplicate
                summary.dropped_timers += len(touched.failures)
                if not touched.cut and not isinstance(reading, Rejected):
                    if summary.figures is not None:
                        summary.figures.see(reading, wall)
                    look.see(reading, clock, duplicate=touched.duplicate)
                yield from told_of(touched)


def simulate(
    program: Program,
    journey: Journey,
    lines: Lines | Touchpoints,
    until: int | None = None,
    *,
    summary: Summary | None = None,
    on_rejected: Callable[[int, Rejected], None] | None = None,
    decoder: Decoder | None = None,
    wall: int | None = None,
) -> Iterator[StageChange]:
    """Like `replayed`, but only the stage changes."""
    everything = replayed(program, journey, lines, until, summary=summary, on_rejected=on_rejected, decoder=decoder, wall=wall)
    return (each for each in everything if isinstance(each, StageChange))
