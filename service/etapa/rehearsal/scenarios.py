"""Running the tests that stand beside the rules: touchpoints of one customer through the core, and what came of them.

A test counts its times from its own start. So does everything that is given back here, the times in clauses included.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from etapa.contracts.incoming.rejected import Rejected
from etapa.contracts.rfc3339 import parse_time
from etapa.journey.duration import format_duration
from etapa.journey.engine.facts.changes import CampaignOutcome, Cause, Clause, HeldBack, Offer, Release
from etapa.journey.engine.facts.stage_change import StageChange
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.engine.judging.campaigns import offers_of
from etapa.journey.engine.judging.outcomes import EvaluationFailed
from etapa.journey.engine.judging.program import Program
from etapa.journey.language.model import ExpectedChange, ExpectedGoal, Scenario
from etapa.journey.units import SECOND
from etapa.rehearsal.alignment import Row, side_by_side
from etapa.rehearsal.replay import Replay, Told, told_of

START: Final = parse_time("2000-01-01T00:00:00Z")
"""When tests begin. No condition asks for the date, so any time does from which a thousand years fit into the calendar."""

MOST_UNEXPECTED: Final = 10_000
"""Stage changes beyond the expected ones after which a test is stopped: it has failed, and more of them would not help."""

CUSTOMER: Final = "customer"


@dataclass(frozen=True, slots=True)
class ScenarioMove:
    """A stage change as a test sees it. `at` is counted from the start of the test, in microseconds."""

    at: int
    source: str | None
    to: str
    rule: str | None
    cause: Cause
    because: tuple[Clause, ...]

    def as_expected(self) -> ExpectedChange:
        """What a test would have to say to expect it: the time to the second, below which no duration can be written.

        A score falls through its bound at any microsecond.
        """
        return ExpectedChange(self.at - self.at % SECOND, self.to)


@dataclass(frozen=True, slots=True)
class Offered:
    """A stage change that was offered to a campaign, or a held trigger that was looked at again, as a test sees it. `at` is counted from
    the start of the test.
    """

    at: int
    campaign: str
    held_back: HeldBack | None
    """None: it was triggered. Nobody is in a control group here: the customer of a test is no customer that could be drawn."""


@dataclass(frozen=True, slots=True)
class ScenarioRun:
    """What the touchpoints of a test did."""

    moves: tuple[ScenarioMove, ...]
    offers: tuple[Offered, ...] = ()
    """What campaigns made of the moves, in order."""
    outcomes: tuple[ExpectedGoal, ...] = ()
    """What became of campaigns' goals, in order; `at` to the second, and the value always there where the goal has one."""
    failures: tuple[str, ...] = ()
    """What could not be judged at all: a bug, or a value that no arithmetic holds."""
    is_whole: bool = True
    """False when there are too many moves to go on; then those are the first."""

    @property
    def triggers(self) -> tuple[str, ...]:
        """Campaigns that were triggered, in order."""
        return tuple(offered.campaign for offered in self.offers if offered.held_back is None)


@dataclass(frozen=True, slots=True)
class ScenarioOutcome:
    """A test, and how it went."""

    scenario: Scenario
    run: ScenarioRun
    rows: tuple[Row[ScenarioMove], ...] = field(init=False)
    """Expected and actual changes beside each other."""
    problems: tuple[str, ...] = field(init=False)
    """What is wrong apart from the changes, each a sentence without its full stop."""

    def __post_init__(self) -> None:
        moves = self.run.moves
        if not self.scenario.expect and moves and moves[0].rule is None:
            # To expect nothing is to expect nothing but that the customer is new.
            moves = moves[1:]
        rows = side_by_side(self.scenario.expect, moves, [move.as_expected() for move in moves])
        object.__setattr__(self, "rows", tuple(rows))
        object.__setattr__(self, "problems", tuple(_problems(self.scenario, self.run)))

    @property
    def changes_differ(self) -> bool:
        """Whether the changes are not the expected ones."""
        return any(row.differs for row in self.rows)

    @property
    def passed(self) -> bool:
        """Whether everything is as the test says."""
        return not self.changes_differ and not self.problems and not self.run.failures


def rehearse(program: Program, scenario: Scenario) -> ScenarioOutcome:
    """Run one test. Never raises because of what the test or the journey says."""
    return ScenarioOutcome(scenario, run(program, scenario))


def run(program: Program, scenario: Scenario) -> ScenarioRun:
    """Let the touchpoints of a test go through the journey, and its timers up to `until`."""
    replay = Replay(program)
    failures: list[str] = []

    def dropped(failure: EvaluationFailed) -> None:
        failures.append(f"a timer could not be judged: {failure}")

    def happening() -> Iterator[Told]:
        for touchpoint in touchpoints_of(scenario):
            for touched in replay.take(touchpoint):
                if isinstance(touched, Rejected):
                    failures.append(f"the touchpoint at {format_duration(touchpoint.at - START)} could not be judged: {touched.detail}")
                    continue
                yield from told_of(touched)
                for failure in touched.failures:
                    dropped(failure)
        if scenario.until is not None:
            yield from replay.strike_until(START + scenario.until, dropped)

    most = len(scenario.expect) + MOST_UNEXPECTED
    going_on = happening()
    told = list(islice(going_on, most))
    is_whole = next(going_on, None) is None
    offered = [each for each in told if isinstance(each, StageChange | Release)]
    offers = tuple(_offered(each.at, offer) for each in offered for offer in offers_of([each]))
    moves = tuple(_move(each) for each in told if isinstance(each, StageChange))
    outcomes = tuple(_outcome(each) for each in told if isinstance(each, CampaignOutcome))
    return ScenarioRun(moves, offers, outcomes, tuple(failures), is_whole)


def touchpoints_of(scenario: Scenario) -> Iterator[Touchpoint]:
    """The touchpoints of a test, in order of arrival. Those without an id get one that no other in the test has."""
    named = {given.id for given in scenario.given}
    made_up = (identity for number in range(1, len(scenario.given) + len(named) + 1) if (identity := f"touchpoint-{number}") not in named)
    for given in scenario.given:
        yield Touchpoint(
            given.id or next(made_up),
            CUSTOMER,
            given.type,
            START + given.at,
            given.channel,
            dict(given.properties or {}),
            dict(given.traits or {}),
        )


def clauses_from_start(clauses: Sequence[Clause]) -> tuple[Clause, ...]:
    """Clauses with what they saw; a time of day becomes a duration since the start of the test."""
    return tuple(Clause(clause.condition, _since_start(clause), clause.exact, clause.off_by_at_most) for clause in clauses)


def _move(change: StageChange) -> ScenarioMove:
    return ScenarioMove(change.at - START, change.source, change.to, change.rule, change.cause, clauses_from_start(change.because))


def _outcome(outcome: CampaignOutcome) -> ExpectedGoal:
    at = outcome.at - START
    return ExpectedGoal(at - at % SECOND, outcome.campaign, outcome.met, outcome.value)


def _offered(time: int, offer: Offer) -> Offered:
    at = time - START
    match offer.outcome:
        case "published" | "holdout":
            return Offered(at, offer.campaign, None)
        case held_back:
            return Offered(at, offer.campaign, held_back)


def _since_start(clause: Clause) -> str | int | float | bool | None:
    # Only these two see a time; a text that another one saw may look like a time and yet be somebody's words.
    about_absence = clause.condition.removeprefix("not ").startswith(("absent(", "idle("))
    return format_duration(parse_time(clause.observed) - START) if about_absence and isinstance(clause.observed, str) else clause.observed


def _problems(scenario: Scenario, run: ScenarioRun) -> Iterator[str]:
    if not run.is_whole:
        yield f"stopped after {len(run.moves):,} stage changes, as there were more"
    yield from _wrong_triggers(scenario, run)
    if scenario.outcomes is None:
        return
    # A value that is not expected is not looked at.
    unexpected = len(scenario.outcomes) != len(run.outcomes)
    found = tuple(
        ExpectedGoal(actual.at, actual.campaign, actual.met, None if expected.value is None else actual.value)
        for expected, actual in zip(scenario.outcomes, run.outcomes, strict=False)
    )
    if unexpected or found != scenario.outcomes:
        yield f"expected the outcomes {_listed(_told(scenario.outcomes))}, found {_listed(_told(run.outcomes))}"


def _told(outcomes: Sequence[ExpectedGoal]) -> list[str]:
    return [
        f"{each.campaign} {'met' if each.met else 'missed'} at {format_duration(each.at)}{'' if each.value is None else f' with {each.value:g}'}"
        for each in outcomes
    ]


def _wrong_triggers(scenario: Scenario, run: ScenarioRun) -> Iterator[str]:
    if scenario.triggers is None or run.triggers == scenario.triggers:
        return
    sentence = f"expected the triggers {_listed(scenario.triggers)}, found {_listed(run.triggers)}"
    for campaign in dict.fromkeys(scenario.triggers):
        if scenario.triggers.count(campaign) > run.triggers.count(campaign):
            sentence += f"; {campaign} {_why_not(campaign, run)}"
    yield sentence


def _why_not(campaign: str, run: ScenarioRun) -> str:
    asked = [offered for offered in run.offers if offered.campaign == campaign]
    reasons = [f"at {format_duration(each.at - each.at % SECOND)} by {each.held_back}" for each in asked if each.held_back is not None]
    if reasons:
        return f"was held back {', '.join(reasons)}"
    return "fits no other of the stage changes" if asked else "fits none of the stage changes"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) or "(none)"
