"""The journey as data: what a journey file means once it has been read.

Everything here is frozen and says nothing about where it was written; `load` keeps positions to itself and its findings.
Times and durations are whole microseconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from etapa.journey.language.design.parts import Design
from etapa.journey.language.kinds.absence import Absent, OwnPace
from etapa.journey.language.kinds.aggregate import Aggregate, AggregateKind
from etapa.journey.language.kinds.clock import LocalClock, Times
from etapa.journey.language.kinds.condition import All, AnyOf, Condition, Leaf, Not
from etapa.journey.language.kinds.count import Count
from etapa.journey.language.kinds.date import Date
from etapa.journey.language.kinds.days import Days
from etapa.journey.language.kinds.event import Event
from etapa.journey.language.kinds.first import First
from etapa.journey.language.kinds.in_stage import InStage
from etapa.journey.language.kinds.score import Score
from etapa.journey.language.kinds.sequence import Sequence
from etapa.journey.language.kinds.trait import Trait
from etapa.journey.language.matching.matches import (
    ANY_TYPE,
    ELEMENTS,
    EVERYWHERE,
    Comparison,
    Conversion,
    Elements,
    Match,
    Operator,
    Path,
    Scalar,
    Test,
    Weights,
    Where,
)
from etapa.journey.language.matching.windows import EVER, Calendar, Window

__all__ = [
    "ANY_TYPE",
    "EARLIEST_TAKEN",
    "ELEMENTS",
    "EVER",
    "EVERYWHERE",
    "MOST_REMEMBERED_IDS",
    "Absent",
    "Aggregate",
    "AggregateKind",
    "All",
    "AnyOf",
    "Calendar",
    "Campaign",
    "Caps",
    "Comparison",
    "Condition",
    "Conversion",
    "Count",
    "CustomerZone",
    "Date",
    "Days",
    "Elements",
    "Event",
    "ExpectedChange",
    "ExpectedGoal",
    "First",
    "GivenTouchpoint",
    "Goal",
    "GoalValue",
    "InStage",
    "Journey",
    "Leaf",
    "LocalClock",
    "Match",
    "Not",
    "Operator",
    "OwnPace",
    "Path",
    "Quiet",
    "Rule",
    "Scalar",
    "Scenario",
    "Score",
    "Sequence",
    "Stage",
    "Test",
    "Trait",
    "Transition",
    "Weights",
    "Where",
    "Window",
]

EARLIEST_TAKEN = 946_684_800_000_000
"""2000-01-01T00:00:00Z: what claims to be older is the zero of some clock more often than a memory."""

MOST_REMEMBERED_IDS = 1024
"""Touchpoint ids that are kept of a customer, whatever the file says."""


@dataclass(frozen=True, slots=True)
class Stage:
    id: str
    phase: str | None
    label: Mapping[str, str]
    """Language code to text, such as `{"en": "Loyalty", "es": "Fidelización"}`. May be empty."""


@dataclass(frozen=True, slots=True)
class Rule:
    id: str
    sources: tuple[str, ...]
    """The stages it leaves (`from` in the file), in the order of the journey's stages."""
    to: str
    when: Condition


@dataclass(frozen=True, slots=True)
class Caps:
    """At most `maximum` triggers for one customer within `per`, over all campaigns."""

    maximum: int
    per: int


@dataclass(frozen=True, slots=True)
class Transition:
    """Which stage changes are meant.

    `sources` none: whatever was left, or nothing at all (a new customer); `targets` none: whatever was entered.
    """

    sources: tuple[str, ...] | None
    targets: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Quiet:
    """Local times at which nothing is sent. What falls into them is held until they end, or dropped."""

    times: Times
    holds: bool


@dataclass(frozen=True, slots=True)
class GoalValue:
    """Numbers at a path of touchpoints, added up between a trigger and its outcome."""

    path: Path
    match: Match
    conversion: Conversion | None = None
    """As what they are read first."""
    weights: Weights | None = None
    """By what those of each type are multiplied."""


@dataclass(frozen=True, slots=True)
class Goal:
    """What a campaign is for. Each of its triggers opens one, and it is met less than `within` after that, or missed."""

    within: int
    enter: tuple[str, ...] = ()
    """Met when one of these stages is entered."""
    when: Condition | None = None
    """Met when it becomes true, where no stages are named."""
    value: GoalValue | None = None


@dataclass(frozen=True, slots=True)
class Campaign:
    """What to send when a customer moves. A stage change is offered when it fits any of `on`."""

    id: str
    on: tuple[Transition, ...]
    when: Condition | None = None
    """Judged at the change, without a touchpoint: it holds no `event`."""
    cooldown: int | None = None
    once: bool = False
    holdout: float = 0.0
    """Share of customers, 0 to 1, kept as a control group."""
    payload: Mapping[str, Any] | None = None
    quiet: Quiet | None = None
    """Its own, or that of the whole file."""
    goal: Goal | None = None


@dataclass(frozen=True, slots=True)
class GivenTouchpoint:
    """A touchpoint of a test. `at` is counted from the start of the test; `id` none: one is made up, different from all others."""

    at: int
    type: str
    channel: str | None = None
    properties: Mapping[str, Any] | None = None
    traits: Mapping[str, Any] | None = None
    id: str | None = None


@dataclass(frozen=True, slots=True)
class ExpectedChange:
    at: int
    to: str


@dataclass(frozen=True, slots=True)
class ExpectedGoal:
    """What is to become of a campaign's goal."""

    at: int
    campaign: str
    met: bool
    value: float | None = None
    """None: not looked at."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """One of the `tests` of a journey file: touchpoints in order of arrival, and the whole list of changes they make."""

    name: str
    given: tuple[GivenTouchpoint, ...]
    expect: tuple[ExpectedChange, ...]
    until: int | None = None
    """Timers run up to here after the last touchpoint; none: no timer after it fires."""
    triggers: tuple[str, ...] | None = None
    """Campaign ids in the order of their triggers; none: not looked at."""
    outcomes: tuple[ExpectedGoal, ...] | None = None
    """What becomes of the campaigns' goals, in order; none: not looked at."""


@dataclass(frozen=True, slots=True)
class CustomerZone:
    """In which time zone customers are: the one that a trait names, and `otherwise` where it names none."""

    trait: str | None = None
    otherwise: str = "UTC"


@dataclass(frozen=True, slots=True)
class Journey:
    """A whole journey. Stages and rules are in the order of the file."""

    id: str
    version: int
    initial: str
    remember_ids: int
    grace: int
    stages: tuple[Stage, ...]
    rules: tuple[Rule, ...]
    consent: Trait | None = None
    """Gate for every campaign: a missing trait means no, whatever the comparison."""
    caps: Caps | None = None
    campaigns: tuple[Campaign, ...] = ()
    tests: tuple[Scenario, ...] = ()
    zone: CustomerZone = CustomerZone()
    accept_from: int = EARLIEST_TAKEN
    """Older touchpoints are not taken (microseconds since 1970)."""
    design: Design = field(default_factory=Design)
    """What it says about people and places. Nothing of it moves customers."""
    campaigns_from: int | None = None
    """Campaigns are offered no stage change that is dated before; none: they are offered all."""
    remember_for: int | None = None
    """Ids that came within this time are remembered as well, up to `MOST_REMEMBERED_IDS` together; none: the last `remember_ids` only."""
