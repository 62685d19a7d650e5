"""The journey as data: what a journey file means once it has been read.

Everything here is frozen and says nothing about where it was written; `load` keeps positions to itself and its findings.
Times and durations are whole microseconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Scalar = str | int | float | bool | None
ANY_TYPE = "*"
"""Stands for every touchpoint type where types are listed."""

Operator = Literal["eq", "ne", "gt", "gte", "lt", "lte", "in", "not_in", "exists", "contains", "starts_with", "ends_with", "matches"]


@dataclass(frozen=True, slots=True, eq=False)
class Test:
    """One operator and its operand, such as `gte 3`. The operand of `in` and `not_in` is a tuple."""

    operator: Operator
    operand: Scalar | tuple[Scalar, ...]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Test) and self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash(self._identity())

    def _identity(self) -> tuple[object, ...]:
        # `eq 1` and `eq true` ask different things, though 1 == True to Python.
        operands = self.operand if isinstance(self.operand, tuple) else (self.operand,)
        return (self.operator, *((isinstance(each, bool), each) for each in operands))


@dataclass(frozen=True, slots=True)
class Comparison:
    """One or more tests; a value satisfies the comparison when it passes all of them."""

    tests: tuple[Test, ...]


Path = tuple[str, ...]
"""Where a value lies in a touchpoint: `("channel",)`, `("type",)`, `("properties", "a", "b")` or `("traits", "x")`."""


@dataclass(frozen=True, slots=True)
class Where:
    """Entries that must all hold for a touchpoint to match. Empty: every touchpoint matches."""

    entries: tuple[tuple[Path, Comparison], ...] = ()


EVERYWHERE = Where()


@dataclass(frozen=True, slots=True)
class Match:
    """Which touchpoints are meant: types (sorted, without repeats, or just `*`) and a `where`."""

    types: tuple[str, ...]
    where: Where = EVERYWHERE


@dataclass(frozen=True, slots=True)
class Event:
    match: Match


@dataclass(frozen=True, slots=True)
class Count:
    match: Match
    within: int | None
    comparison: Comparison


AggregateKind = Literal["sum", "avg", "min", "max", "distinct", "last"]


@dataclass(frozen=True, slots=True)
class Aggregate:
    kind: AggregateKind
    path: Path
    match: Match
    within: int | None
    comparison: Comparison


@dataclass(frozen=True, slots=True)
class Absent:
    """No matching touchpoint for `duration`. `idle` is this with every type and no `where`."""

    match: Match
    duration: int


@dataclass(frozen=True, slots=True)
class InStage:
    duration: int


@dataclass(frozen=True, slots=True)
class Sequence:
    steps: tuple[Match, ...]
    within: int


@dataclass(frozen=True, slots=True)
class Score:
    points: tuple[tuple[str, float], ...]
    half_life: int
    comparison: Comparison


@dataclass(frozen=True, slots=True)
class Trait:
    name: str
    comparison: Comparison


@dataclass(frozen=True, slots=True)
class All:
    conditions: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    conditions: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Not:
    condition: "Condition"


Leaf = Event | Count | Aggregate | Absent | InStage | Sequence | Score | Trait
Condition = Leaf | All | AnyOf | Not


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
class Scenario:
    """One of the `tests` of a journey file: touchpoints in order of arrival, and the whole list of changes they make."""

    name: str
    given: tuple[GivenTouchpoint, ...]
    expect: tuple[ExpectedChange, ...]
    until: int | None = None
    """Timers run up to here after the last touchpoint; none: no timer after it fires."""
    triggers: tuple[str, ...] | None = None
    """Campaign ids in the order of their triggers; none: not looked at."""


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
