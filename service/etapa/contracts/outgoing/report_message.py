"""The report as it is written in JSON: what `etapa report --json` prints and GET /v1/report answers. Mirrors `schemas/report.schema.json`."""

from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec

from etapa.journey.ledger.periods import Grain

Counted = Annotated[int, msgspec.Meta(ge=0)]
Seconds = Annotated[float, msgspec.Meta(ge=0)]
Estimate = Annotated[Seconds | None, msgspec.Meta(description="Exact to within 1/32; null if nobody left.")]
Persona = Annotated[str | None, msgspec.Meta(description="Null: customers whom no persona fits, or all customers if that was asked for.")]


class PeriodRow(msgspec.Struct, frozen=True, kw_only=True):
    """If periods are reported separately, each row names its period."""

    period: (
        Annotated[str, msgspec.Meta(description="An hour, a day or a month in UTC: `2026-11-21T10`, `2026-11-21`, `2026-11`.")]
        | msgspec.UnsetType
    ) = msgspec.UNSET
    grain: (
        Annotated[
            Grain, msgspec.Meta(description="How long the period is; longer than was asked for if figures are kept for longer periods.")
        ]
        | msgspec.UnsetType
    ) = msgspec.UNSET


class MoveRow(PeriodRow, frozen=True, kw_only=True):
    """Published stage changes of one kind."""

    source: Annotated[str | None, msgspec.Meta(description="Null: new customers.")] = msgspec.field(name="from")
    to: str
    cause: str
    count: Counted
    stay_seconds: Annotated[Seconds, msgspec.Meta(description="The sum of the times spent in the stage that was left.")]


class RuleRow(PeriodRow, frozen=True, kw_only=True):
    """Published stage changes by one rule."""

    source: str = msgspec.field(name="from")
    to: str
    rule: Annotated[str | None, msgspec.Meta(description="Null: moved by no rule, but by a new version of the journey or by a link.")]
    count: Counted


class WayRow(PeriodRow, frozen=True, kw_only=True):
    """What moves had to do with the ideal way. Customers are on it who have entered exactly its first stages, in order."""

    source: Annotated[str | None, msgspec.Meta(description="Null: new customers.")] = msgspec.field(name="from")
    to: Annotated[str | None, msgspec.Meta(description="Null: customers who were forgotten, or turned out to be others.")]
    followed: Annotated[
        int,
        msgspec.Meta(
            description="How many more customers are followed: new ones since the journey has an ideal way, less those who are gone; of one persona also those who were of another before."
        ),
    ]
    on_way: Annotated[int, msgspec.Meta(description="How many more of them were on the ideal way afterwards; below 0: how many fewer.")]
    entered: Annotated[Counted, msgspec.Meta(description="Stages that they entered by these moves.")]
    deviations: Annotated[
        Counted,
        msgspec.Meta(
            description="How many of these did not fit: after each, one stage more must be removed or inserted to repair the way."
        ),
    ]


class DetourRow(PeriodRow, frozen=True, kw_only=True):
    """Moves by which customers left the ideal way, or went back along it. Personas are those at that moment."""

    source: str = msgspec.field(name="from")
    to: str
    rule: Annotated[str | None, msgspec.Meta(description="Null: moved by no rule.")]
    customers: Annotated[Counted, msgspec.Meta(description="Customers who did so for the first time.")]
    times: Annotated[Counted, msgspec.Meta(description="How often customers left it so.")]
    ended: Annotated[Counted, msgspec.Meta(description="How many who had left it so were back where they left it, or are gone.")]


class StageRow(PeriodRow, frozen=True, kw_only=True):
    """What happened to a stage."""

    stage: str
    entered: Counted
    new: Annotated[Counted, msgspec.Meta(description="New customers, among those who entered.")]
    first: Annotated[Counted, msgspec.Meta(description="Customers who had never been in it, among those who entered.")]
    left: Counted
    touchpoints: Counted
    stay_seconds: Annotated[Seconds, msgspec.Meta(description="The sum of the stays of those who left.")]
    median_stay_seconds: Estimate
    p90_stay_seconds: Estimate


class StayRow(PeriodRow, frozen=True, kw_only=True):
    """How long the customers stayed who moved from one stage to another."""

    source: str = msgspec.field(name="from")
    to: str
    count: Counted
    median_seconds: Estimate
    p90_seconds: Estimate


class StayBucket(PeriodRow, frozen=True, kw_only=True):
    """Stays of a certain length in a stage that customers left."""

    stage: str
    at_least_seconds: Seconds
    below_seconds: Seconds
    count: Counted


class TouchpointRow(PeriodRow, frozen=True, kw_only=True):
    """Touchpoints of one kind in a stage."""

    stage: str
    type: str
    channel: str | None
    count: Counted


class FeelingRow(PeriodRow, frozen=True, kw_only=True):
    """What customers in a stage said about how they felt, in the scale's own units."""

    stage: str
    count: Counted
    sum: float
    sum_of_squares: float
    mean: float
    standard_deviation: Annotated[float | None, msgspec.Meta(description="Of the sample; null for a single value.")]


class CampaignRow(PeriodRow, frozen=True, kw_only=True):
    """Stage changes that were offered to a campaign, by outcome."""

    campaign: str
    outcome: str
    count: Counted


class GoalRow(PeriodRow, frozen=True, kw_only=True):
    """Customers of one of the two groups of a campaign that has a goal, each with the first trigger alone."""

    campaign: str
    group: Annotated[Literal["sent", "holdout"], msgspec.Meta(description="`holdout`: the holdout group, which gets no message.")]
    customers: Annotated[Counted, msgspec.Meta(description="Customers whose first trigger was in this period.")]
    ended: Annotated[Counted, msgspec.Meta(description="Goals of first triggers that were met or missed in this period.")]
    met: Annotated[Counted, msgspec.Meta(description="Those that were met.")]
    value_sum: Annotated[float, msgspec.Meta(description="What these customers brought, in all; 0 if the goal has no `value`.")]
    value_sum_of_squares: Annotated[float, msgspec.Meta(description="The sum of the squares of the values.", ge=0)]


class PersonaRow(PeriodRow, frozen=True, kw_only=True):
    """What happened to the customers of a persona, whatever persona was asked for."""

    persona: str | None
    new: Counted
    stage_changes: Counted
    touchpoints: Counted


class ReportMessage(msgspec.Struct, frozen=True, kw_only=True):
    """Figures of a stretch of time."""

    journey: str
    version: int
    since: Annotated[str | None, msgspec.Meta(description="The first instant; null: from the beginning.")] = msgspec.field(name="from")
    to: Annotated[str | None, msgspec.Meta(description="The first instant after the period; null: up to now.")]
    by: Grain | None
    persona: Persona
    exact: Annotated[
        bool,
        msgspec.Meta(
            description="Whether everything that is counted is within the period asked for. Periods that extend beyond it are reported whole."
        ),
    ]
    limited: Annotated[bool, msgspec.Meta(description="Whether some types or channels are counted as `other`, because there are too many.")]
    moves: Sequence[MoveRow]
    rules: Annotated[Sequence[RuleRow], msgspec.Meta(description="The same changes by rule, without new customers.")]
    ideal_way: Annotated[Sequence[WayRow], msgspec.Meta(description="Moves that changed how many customers are on the ideal way.")]
    detours: Annotated[Sequence[DetourRow], msgspec.Meta(description="Moves by which customers left the ideal way.")]
    stages: Sequence[StageRow]
    stays: Sequence[StayRow]
    stay_histogram: Annotated[Sequence[StayBucket], msgspec.Meta(description="Empty if periods are reported separately.")]
    touchpoints: Sequence[TouchpointRow]
    feeling: Sequence[FeelingRow]
    campaigns: Sequence[CampaignRow]
    goals: Annotated[Sequence[GoalRow], msgspec.Meta(description="Outcomes of campaigns' goals; personas are those at the trigger.")]
    personas: Sequence[PersonaRow]
    missing_partitions: Annotated[Sequence[int], msgspec.Meta(description="Partitions whose figures cannot be counted at the moment.")] = ()
