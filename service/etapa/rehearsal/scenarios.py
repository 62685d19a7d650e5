"""Running the tests in journey files: the touchpoints of one customer go through the core, and the results are compared.

Times in a test count from its start. So do all times in the results here, including those in clauses.
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
from etapa.journey.engine.facts.touchpoint import SAME_AS, Touchpoint
from etapa.journey.engine.judging.campaigns import offers_of
from etapa.journey.engine.judging.outcomes import EvaluationFailed
from etapa.journey.engine.judging.program import Program
from etapa.journey.language.model import ExpectedChange, ExpectedGoal, Scenario
from etapa.journey.units import SECOND
from etapa.rehearsal.alignment import Row, side_by_side
from etapa.rehearsal.identities import Gone
from etapa.rehearsal.replay import Replay, Told, told_of

START: Final = parse_time("2000-01-01T00:00:00Z")
"""When tests begin. No condition depends on the date, so any time will do that leaves a thousand years of calendar."""

MOST_UNEXPECTED: Final = 10_000
"""How many unexpected stage changes stop a test: it has failed, and more of them would not help."""

CUSTOMER: Final = "customer"


@dataclass(frozen=True, slots=True)
class ScenarioMove:
    """A stage change in a test. `at` counts from the start of the test, in microseconds."""

    at: int
    source: str | None
    to: str
    rule: str | None
    cause: Cause
    because: tuple[Clause, ...]

    def as_expected(self) -> ExpectedChange:
        """What a test would have to say to expect it. The time is cut to the second, because durations cannot be written more finely.

        (A score can drop below its bound at any microsecond.)
        """
        return ExpectedChange(self.at - self.at % SECOND, self.to)


@dataclass(frozen=True, slots=True)
class Offered:
    """A stage change that was offered to a campaign in a test, or a held trigger that was checked again. `at` counts from the start of
    the test.
    """

    at: int
    campaign: str
    held_back: HeldBack | None
    """None: it was triggered. The customer of a test is never drawn into a holdout group."""


@dataclass(frozen=True, slots=True)
class ScenarioRun:
    """What the touchpoints of a test did."""

    moves: tuple[ScenarioMove, ...]
    offers: tuple[Offered, ...] = ()
    """What campaigns did with the moves, in order."""
    outcomes: tuple[ExpectedGoal, ...] = ()
    """The outcomes of campaigns' goals, in order; `at` is cut to the second, and the value is there if the goal has one."""
    failures: tuple[str, ...] = ()
    """What could not be judged at all, because of a bug or a value too large for arithmetic."""
    is_whole: bool = True
    """False when there were too many moves to go on; then `moves` holds the first of them."""

    @property
    def triggers(self) -> tuple[str, ...]:
        """Campaigns that were triggered, in order."""
        return tuple(offered.campaign for offered in self.offers if offered.held_back is None)


@dataclass(frozen=True, slots=True)
class ScenarioOutcome:
    """A test and its result."""

    scenario: Scenario
    run: ScenarioRun
    rows: tuple[Row[ScenarioMove], ...] = field(init=False)
    """Expected and actual changes, aligned."""
    problems: tuple[str, ...] = field(init=False)
    """What is wrong besides the changes, each a sentence without the full stop."""

    def __post_init__(self) -> None:
        moves = self.run.moves
        if not self.scenario.expect and moves and moves[0].rule is None:
            # A test that expects no change still allows the one that brings the customer in.
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
    """Run one test. Never raises, whatever the test or the journey says."""
    return ScenarioOutcome(scenario, run(program, scenario))


def run(program: Program, scenario: Scenario) -> ScenarioRun:
    """Run the touchpoints of a test through the journey, and its timers up to `until`."""
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
            yield from replay.fire_until(START + scenario.until, dropped)

    most = len(scenario.expect) + MOST_UNEXPECTED
    # Of other ids only what they come to is of interest, once a link makes them this customer's.
    going_on = (each for each in happening() if not isinstance(each, Gone) and each.customer_id == CUSTOMER)
    told = list(islice(going_on, most))
    is_whole = next(going_on, None) is None
    offered = [each for each in told if isinstance(each, StageChange | Release)]
    offers = tuple(_offered(each.at, offer) for each in offered for offer in offers_of([each]))
    moves = tuple(_move(each) for each in told if isinstance(each, StageChange))
    outcomes = tuple(_outcome(each) for each in told if isinstance(each, CampaignOutcome))
    return ScenarioRun(moves, offers, outcomes, tuple(failures), is_whole)


def touchpoints_of(scenario: Scenario) -> Iterator[Touchpoint]:
    """The touchpoints of a test, in order of arrival. Those without an id get one that is unique in the test."""
    named = {given.id for given in scenario.given}
    made_up = (identity for number in range(1, len(scenario.given) + len(named) + 1) if (identity := f"touchpoint-{number}") not in named)
    for given in scenario.given:
        properties = dict(given.properties or {}) if given.same_as is None else {SAME_AS: given.same_as}
        yield Touchpoint(
            given.id or next(made_up),
            given.customer or CUSTOMER,
            given.type,
            START + given.at,
            given.channel,
            properties,
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
    # Only these two see a time. A text that another condition saw may look like a time without being one.
    about_absence = clause.condition.removeprefix("not ").startswith(("absent(", "idle("))
    return format_duration(parse_time(clause.observed) - START) if about_absence and isinstance(clause.observed, str) else clause.observed


def _problems(scenario: Scenario, run: ScenarioRun) -> Iterator[str]:
    if not run.is_whole:
        yield f"stopped after {len(run.moves):,} stage changes, because there were more"
    yield from _wrong_triggers(scenario, run)
    if scenario.outcomes is None:
        return
    # Values are compared only where the test gives one.
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
    return "fits no other stage change" if asked else "fits no stage change"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) or "(none)"
