"""The journey map as data: everything that a page shows, ready to show. `schemas/` has its JSON Schema."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

import msgspec

from etapa.journey.language.design.parts import ChannelKind, MapState, PointKind

Words = Annotated[Mapping[str, str], msgspec.Meta(description="Texts for people by language; `mul` is the same in every language.")]
Number = Annotated[int, msgspec.Meta(ge=0)]
Counted = Annotated[int | None, msgspec.Meta(description="Null where touchpoints are not counted.")]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Seconds = Annotated[float, msgspec.Meta(ge=0)]
Moment = Annotated[str, msgspec.Meta(extra_json_schema={"format": "date-time"}, description="In UTC (RFC 3339).")]

FlowKind = Literal["ideal", "forward", "back", "aside"]
"""A step of the ideal way; a jump further along it; a step back along it; a step from or to a stage off it."""
Measure = Literal["stay", "drop_off", "feeling"]
Side = Literal["worst", "best"]


class _Part(msgspec.Struct, frozen=True):
    pass


class MapPersona(_Part, frozen=True):
    """A kind of customer, with how many new ones there were."""

    id: str
    label: Words
    about: Words
    new: Number


class MapPhase(_Part, frozen=True):
    """Neighbouring stages under one heading; `id` is null for stages without a phase."""

    id: str | None
    label: Words
    stages: Sequence[str]


class MapChannel(_Part, frozen=True):
    """A channel of a stage: whether it is designed, and how much happens on it."""

    id: str | None
    label: Words
    kind: ChannelKind | None
    designed: bool
    count: Counted
    share: Annotated[Share | None, msgspec.Meta(description="Null where touchpoints are not counted.")]


class MapTouchpoint(_Part, frozen=True):
    """A kind of touchpoint of a stage: as designed, and how often it happened."""

    type: str
    channel: str | None
    label: Words
    visible: Annotated[bool, msgspec.Meta(description="Whether customers see it; if not, it is behind the line of visibility.")]
    designed: bool
    count: Counted
    by_channel: Annotated[Mapping[str, int], msgspec.Meta(description="The same count by channel; those without a channel are left out.")]


class MapPoint(_Part, frozen=True):
    """A moment that the team has marked."""

    kind: PointKind
    at: str | None
    at_label: Words
    note: Words
    why: Sequence[Words]
    how: Sequence[Words]


class MapFeeling(_Part, frozen=True):
    """How customers feel in a stage, from 0, the worst that can be said, to 1, the best."""

    count: Number
    mean: Annotated[float, msgspec.Meta(description="On the scale on which they say it.")]
    level: Share
    low: Annotated[
        Share | None, msgspec.Meta(description="95 % confidence interval of the mean (Student's t); null if there are too few answers.")
    ]
    high: Share | None


class MapStayPiece(_Part, frozen=True):
    """Stays at least as long as one length and shorter than another."""

    at_least_seconds: Seconds
    below_seconds: Seconds
    count: Number


class MapStay(_Part, frozen=True):
    """How long the customers who left the stage had stayed, compared with the promise."""

    count: Number
    median_seconds: Seconds | None
    p90_seconds: Seconds | None
    promised_seconds: Seconds | None
    histogram: Sequence[MapStayPiece]


class MapOnward(_Part, frozen=True):
    """Moves onward along the ideal way, compared with entries and with the promise."""

    to: str
    count: Number
    share: Share
    promised: Share | None


class MapStageColumn(_Part, frozen=True):
    """A stage: what it is for, and what happens in it."""

    id: str
    label: Words
    phase: str | None
    on_ideal_way: bool
    goal: Words
    activities: Sequence[Words]
    customers: Annotated[Number, msgspec.Meta(description="Customers who are in it at the end of the time shown.")]
    share: Share
    trend: Annotated[
        Sequence[Number],
        msgspec.Meta(
            description="Customers who were in it at the end of each of 24 equal steps of the time shown; empty if that is not known."
        ),
    ]
    entered: Number
    left: Number
    new: Number
    reached: Annotated[
        Number | None,
        msgspec.Meta(
            description="Different customers who have ever been in it; for a part of the time, who came to it for the first time. Null if nobody was counted."
        ),
    ]
    channels: Sequence[MapChannel]
    touchpoints: Sequence[MapTouchpoint]
    feeling: MapFeeling | None
    points: Sequence[MapPoint]
    stay: MapStay
    onward: MapOnward | None


class FlowRule(_Part, frozen=True):
    """A rule that leads from one stage to another."""

    id: str
    sentence: Words
    code: str
    count: Annotated[Number | None, msgspec.Meta(description="How often it moved a customer; null if moves are not counted by rule.")]


class MapReason(_Part, frozen=True):
    """A condition that held, and what it saw."""

    sentence: Words
    observed: str | int | float | bool | None


class RecentMove(_Part, frozen=True):
    """One customer's move, and why it happened."""

    at: Moment
    rule: Annotated[
        str | None,
        msgspec.Meta(description="Null if it was not a rule that moved the customer, but a new version of the journey or a link."),
    ]
    because: Sequence[MapReason]


class Flow(_Part, frozen=True):
    """All moves from one stage to another."""

    source: str = msgspec.field(name="from")
    to: str
    kind: FlowKind
    count: Number
    share: Annotated[Share, msgspec.Meta(description="Of all moves out of the stage.")]
    median_seconds: Annotated[Seconds | None, msgspec.Meta(description="How long the customers who made this move had stayed.")]
    p90_seconds: Annotated[Seconds | None, msgspec.Meta(description="Nine of ten of them had stayed no longer.")]
    causes: Mapping[str, int]
    rules: Sequence[FlowRule]
    recent: Annotated[Sequence[RecentMove], msgspec.Meta(description="The latest, the newest first; empty if single moves are not known.")]


class MapDetour(_Part, frozen=True):
    """A move by which customers left the ideal way."""

    source: str = msgspec.field(name="from")
    to: str
    customers: Annotated[
        Number | None,
        msgspec.Meta(
            description="Different customers who left it so; null for a part of the time, where they are only counted each time they leave it."
        ),
    ]
    share: Annotated[Share | None, msgspec.Meta(description="Of all customers; null where `customers` is.")]
    times: Annotated[Number, msgspec.Meta(description="How often customers left it so in the time shown.")]
    days_lost: Annotated[
        float,
        msgspec.Meta(
            ge=0,
            description="Days of the time shown that customers spent until they were back where they had left it, summed over all of them.",
        ),
    ]
    rules: Annotated[Mapping[str, int], msgspec.Meta(description="How often each rule led off it.")]


class IdealWay(_Part, frozen=True):
    """The actual ways compared with the ideal one."""

    customers: Annotated[
        Number, msgspec.Meta(description="At the end of the time shown; on a live map, those who came while the journey had an ideal way.")
    ]
    on_way: Annotated[Number, msgspec.Meta(description="Those who have entered exactly the first stages of the ideal way, in order.")]
    share: Share
    conformance: Annotated[
        Share | None,
        msgspec.Meta(
            description="1 - (least number of stages to remove or insert until each customer's way begins like the ideal one) / (stages entered), of stages entered in the time shown; null if there were none."
        ),
    ]
    detours: Annotated[Sequence[MapDetour], msgspec.Meta(description="The most frequent first.")]


class Extreme(_Part, frozen=True):
    """A stage that stands out, and how: what was measured, and what it is compared with (a promise, or the other stages)."""

    side: Side
    measure: Measure
    stage: str
    value: float
    beside: float
    promised: Annotated[bool, msgspec.Meta(description="Whether it is compared with a promise.")]


class GroupGoals(_Part, frozen=True):
    """Goals of the first triggers of a group's customers."""

    ended: Annotated[Number, msgspec.Meta(description="Those that were met or missed.")]
    met: Number


class CampaignEffect(_Part, frozen=True):
    """The share of customers who met the goal among those who got the message, minus that in the holdout group."""

    difference: float
    low: Annotated[
        float, msgspec.Meta(description="The true difference is between `low` and `high`, however often one looks (with 95 % confidence).")
    ]
    high: float
    verdict: Annotated[
        Literal["better", "worse", "undecided"] | None, msgspec.Meta(description="Null if the sizes of the groups are not as intended.")
    ]


class CampaignLane(_Part, frozen=True):
    """Stage changes offered to a campaign, by outcome, and whether it worked."""

    id: str
    label: Words
    stages: Annotated[Sequence[str], msgspec.Meta(description="Stages whose entries are offered to it.")]
    outcomes: Annotated[Mapping[str, int] | None, msgspec.Meta(description="Null if they are not counted.")]
    sent: Annotated[GroupGoals | None, msgspec.Meta(description="Null if no goal of this group has ended.")]
    holdout: Annotated[GroupGoals | None, msgspec.Meta(description="Null if no goal of the holdout group has ended.")]
    effect: Annotated[
        CampaignEffect | None,
        msgspec.Meta(description="Null if there is nothing to compare, or if the map shows only some of the time or of the customers."),
    ]


class JourneyMap(_Part, frozen=True):
    """The whole map, for a stretch of time and for all customers or those of one persona."""

    journey: str
    version: int
    state: MapState
    scope: Words
    persona: str | None
    begins: Moment | None = msgspec.field(name="from")
    ends: Moment | None = msgspec.field(name="until")
    part: Annotated[bool, msgspec.Meta(description="Whether what happened before `from` is left out.")]
    exact: Annotated[bool, msgspec.Meta(description="False if periods reach beyond the time that was asked for.")]
    customers: Number
    personas: Sequence[MapPersona]
    phases: Sequence[MapPhase]
    stages: Sequence[MapStageColumn]
    flows: Sequence[Flow]
    ideal: Sequence[str]
    feeling_scale: Annotated[Sequence[float] | None, msgspec.Meta(description="The worst and the best that customers can say.")]
    way: Annotated[IdealWay | None, msgspec.Meta(description="Null if the file has no ideal way, or nobody came while it had one.")]
    extremes: Sequence[Extreme]
    campaigns: Sequence[CampaignLane]
