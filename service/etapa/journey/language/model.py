"""The journey as data: the meaning of a journey file.

Everything here is frozen and says nothing about where it was written; `load` keeps positions to itself and its findings.
Times and durations are whole microseconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from etapa.journey.language.design.parts import Design
from etapa.journey.language.kinds.clock import Times
from etapa.journey.language.kinds.condition import All, AnyOf, Condition, Leaf, Not
from etapa.journey.language.kinds.trait import Trait
from etapa.journey.language.matching.matches import (
    ANY_TYPE,
    ELEMENTS,
    EVERYWHERE,
    LINK,
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
    "LINK",
    "MOST_REMEMBERED_IDS",
    "All",
    "AnyOf",
    "Calendar",
    "Campaign",
    "Caps",
    "Comparison",
    "Condition",
    "Conversion",
    "CustomerZone",
    "Elements",
    "ExpectedChange",
    "ExpectedGoal",
    "GivenTouchpoint",
    "Goal",
    "GoalValue",
    "Identity",
    "Journey",
    "Leaf",
    "Match",
    "Not",
    "Operator",
    "Path",
    "Quiet",
    "Rule",
    "Scalar",
    "Scenario",
    "Stage",
    "Test",
    "Transition",
    "UnitedStage",
    "Weights",
    "Where",
    "Window",
]

EARLIEST_TAKEN = 946_684_800_000_000
"""2000-01-01T00:00:00Z: an earlier time is more likely some clock's zero than a real touchpoint."""

MOST_REMEMBERED_IDS = 1024
"""Most touchpoint ids kept per customer, whatever the file says."""


UnitedStage = Literal["replay", "furthest", "keep"]
"""How the stage of a customer made of two is found."""


@dataclass(frozen=True, slots=True)
class Identity:
    """How two ids that turn out to be one person are united."""

    stage: UnitedStage = "replay"
    merge_known: bool = False
    """Whether that may happen to two customers who are both known."""
    known: tuple[str, ...] = ()
    """The traits that only known people have, sorted."""


@dataclass(frozen=True, slots=True)
class Stage:
    id: str
    phase: str | None
    label: Mapping[str, str]
    """Text by language code, such as `{"en": "Loyalty", "es": "Fidelización"}`. May be empty."""


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

    `sources` none: any stage left, or none at all (a new customer). `targets` none: any stage entered.
    """

    sources: tuple[str, ...] | None
    targets: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Quiet:
    """Local times at which nothing is sent. Triggers in them are held until they end, or dropped."""

    times: Times
    holds: bool


@dataclass(frozen=True, slots=True)
class GoalValue:
    """Numbers at a path of touchpoints, added up between a trigger and its outcome."""

    path: Path
    match: Match
    conversion: Conversion | None = None
    """What they are converted to first."""
    weights: Weights | None = None
    """The factors by which they are multiplied, by type."""


@dataclass(frozen=True, slots=True)
class Goal:
    """What a campaign is for. Each of its triggers opens a goal, which is met less than `within` later, or missed."""

    within: int
    enter: tuple[str, ...] = ()
    """Met when one of these stages is entered."""
    when: Condition | None = None
    """If no stages are named: met when this becomes true."""
    value: GoalValue | None = None


@dataclass(frozen=True, slots=True)
class Campaign:
    """What to send when a customer moves. A stage change is offered to it if it fits any of `on`."""

    id: str
    on: tuple[Transition, ...]
    when: Condition | None = None
    """Judged at the change, without a touchpoint, so it contains no `event`."""
    cooldown: int | None = None
    once: bool = False
    holdout: float = 0.0
    """Share of customers, 0 to 1, kept as a holdout group."""
    payload: Mapping[str, Any] | None = None
    quiet: Quiet | None = None
    """The campaign's own quiet times, or those of the file."""
    goal: Goal | None = None
    label: Mapping[str, str] = field(default_factory=dict)
    """Its name for people by language; empty if it has only its id."""


@dataclass(frozen=True, slots=True)
class GivenTouchpoint:
    """A touchpoint of a test. `at` is counted from the start of the test; `id` none: a unique one is generated.

    `customer` none: the customer that the test is about. `same_as`: it is a link, and this is the id that is kept.
    """

    at: int
    type: str
    channel: str | None = None
    properties: Mapping[str, Any] | None = None
    traits: Mapping[str, Any] | None = None
    id: str | None = None
    customer: str | None = None
    same_as: str | None = None


@dataclass(frozen=True, slots=True)
class ExpectedChange:
    at: int
    to: str


@dataclass(frozen=True, slots=True)
class ExpectedGoal:
    """The expected outcome of a campaign's goal."""

    at: int
    campaign: str
    met: bool
    value: float | None = None
    """None: not checked."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """One of the `tests` in a journey file: touchpoints in order of arrival, and all the changes they make."""

    name: str
    given: tuple[GivenTouchpoint, ...]
    expect: tuple[ExpectedChange, ...]
    until: int | None = None
    """Timers run up to this time after the last touchpoint; none: no timers run after it."""
    triggers: tuple[str, ...] | None = None
    """Campaign ids in the order of their triggers; none: not checked."""
    outcomes: tuple[ExpectedGoal, ...] | None = None
    """The outcomes of the campaigns' goals, in order; none: not checked."""


@dataclass(frozen=True, slots=True)
class CustomerZone:
    """The customers' time zone: the one that a trait names, or `otherwise` if it names none."""

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
    """The gate for every campaign: a missing trait means no, whatever the comparison."""
    caps: Caps | None = None
    campaigns: tuple[Campaign, ...] = ()
    tests: tuple[Scenario, ...] = ()
    zone: CustomerZone = CustomerZone()
    accept_from: int = EARLIEST_TAKEN
    """Older touchpoints are refused (microseconds since 1970)."""
    design: Design = field(default_factory=Design)
    """What the file says about people and places. None of it moves customers."""
    campaigns_from: int | None = None
    """Stage changes dated earlier are offered to no campaign; none: all are offered."""
    remember_for: int | None = None
    """Ids that arrived within this time are remembered too, up to `MOST_REMEMBERED_IDS` in all; none: only the last `remember_ids`."""
    identity: Identity | None = None
    """How two ids of one person are united; none: they are not."""
