"""The design of a journey as data. Texts for people are maps from language codes to text (`mul`: the same in every language)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from etapa.journey.language.kinds.condition import Condition
from etapa.journey.language.matching.matches import Path

Words = Mapping[str, str]
ChannelKind = Literal["online", "offline"]
PointKind = Literal["positive", "negative", "critical"]
MapState = Literal["current", "future"]


@dataclass(frozen=True, slots=True)
class Phase:
    """A part of the journey that several stages belong to."""

    id: str
    label: Words


@dataclass(frozen=True, slots=True)
class Channel:
    """Where customers and the business meet."""

    id: str
    kind: ChannelKind | None
    label: Words


@dataclass(frozen=True, slots=True)
class CataloguedType:
    """A type of touchpoint, with its name for people."""

    id: str
    label: Words


@dataclass(frozen=True, slots=True)
class Persona:
    """A kind of customer. A customer has the first persona that fits, or none."""

    id: str
    label: Words
    condition: Condition
    """Made of conditions on traits only."""
    about: Words


@dataclass(frozen=True, slots=True)
class DesignedTouchpoint:
    """A touchpoint that should happen in a stage."""

    type: str
    channel: str | None
    is_visible: bool
    """Whether the customer sees it; if not, it is behind the line of visibility."""
    label: Words


@dataclass(frozen=True, slots=True)
class Point:
    """A good, a bad or a decisive moment of a stage."""

    kind: PointKind
    at: str | None
    """The type of touchpoint at which it happens, if any."""
    note: Words
    why: tuple[Words, ...]
    """Why it is so, and why that in turn: the five whys."""
    how: tuple[Words, ...]
    """How to improve or keep it."""


@dataclass(frozen=True, slots=True)
class Promise:
    """What the stage should achieve."""

    within: int | None
    """The median stay, in microseconds."""
    onward: float | None
    """The share of customers, 0 to 1, who move on along the ideal way."""


@dataclass(frozen=True, slots=True)
class StageDesign:
    """What the team wrote down about a stage."""

    goal: Words
    """What the customer wants."""
    activities: tuple[Words, ...]
    touchpoints: tuple[DesignedTouchpoint, ...]
    points: tuple[Point, ...]
    promise: Promise | None

    @property
    def is_empty(self) -> bool:
        return not (self.goal or self.activities or self.touchpoints or self.points or self.promise)


@dataclass(frozen=True, slots=True)
class Feeling:
    """Which touchpoints say how customers feel, and how: a number from the worst to the best."""

    types: tuple[str, ...]
    path: Path
    worst: float
    best: float


@dataclass(frozen=True, slots=True)
class MapFrame:
    """The frame of the map."""

    state: MapState
    """Whether it shows the journey as it is, or as it should become."""
    scope: Words
    """Which part of the journey it shows, in words."""
    ideal: tuple[str, ...]
    """The stages of the ideal way, in order; may be empty."""
    feeling: Feeling | None


@dataclass(frozen=True, slots=True)
class Design:
    """Everything that a journey file says about people and places."""

    phases: tuple[Phase, ...] = ()
    channels: tuple[Channel, ...] = ()
    types: tuple[CataloguedType, ...] = ()
    personas: tuple[Persona, ...] = ()
    stages: Mapping[str, StageDesign] = field(default_factory=dict)
    """By stage id; only stages with anything written down."""
    frame: MapFrame | None = None
