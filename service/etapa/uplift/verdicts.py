"""The verdicts on a journey's campaigns. Mirrors `schemas/uplift.schema.json`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from etapa.uplift.difference import ALPHA, FEWEST_VALUES, GroupDifference, Verdict, difference
from etapa.uplift.groups import GroupOutcomes
from etapa.uplift.sample_ratio import ALPHA as RATIO_ALPHA
from etapa.uplift.sample_ratio import probability

NO_OUTCOMES: Final = GroupOutcomes(0, 0)


@dataclass(frozen=True, slots=True)
class CampaignFigures:
    """What is known about a campaign that has a goal."""

    campaign: str
    expected: float
    """The intended share of customers in the holdout group, 0 to 1."""
    has_value: bool
    offers: Mapping[str, int]
    """The outcomes of the stage changes that were offered to it, by `TriggerOutcome`."""
    sent_to: int
    """The number of different customers who were sent something, and of those in the holdout group who would have been."""
    held_out: int
    sent: GroupOutcomes = NO_OUTCOMES
    holdout: GroupOutcomes = NO_OUTCOMES


class GroupReport(msgspec.Struct, frozen=True):
    """One of the two groups."""

    customers: int
    outcomes: int
    met: int
    rate: float | None
    value_each: float | None
    """None when the goal has no value, or none has ended yet."""


class RatioReport(msgspec.Struct, frozen=True):
    """Whether the holdout group is as large as it was meant to be."""

    expected: float
    found: float | None
    p: float
    alarm: bool


class CampaignUplift(msgspec.Struct, frozen=True):
    """Results of one campaign."""

    campaign: str
    offered: int
    sent: GroupReport
    holdout: GroupReport
    sample_ratio: RatioReport
    met: GroupDifference | None
    value: GroupDifference | None
    verdict: Verdict | None
    """The verdict on `met`; None when the sizes of the groups raise the alarm, or one of them is empty."""
    verdict_among_all: Verdict | None
    """The same, but with the error probability alpha for all campaigns together (Bonferroni)."""


class UpliftReport(msgspec.Struct, frozen=True):
    """Results of all campaigns that have a goal."""

    journey: str
    version: int
    alpha: float
    compared: int
    """How many campaigns are compared. Of campaigns without an effect, a share of alpha is ever called better or worse."""
    campaigns: Sequence[CampaignUplift]
    missing_partitions: Sequence[int] = ()
    """Partitions whose customers are not counted at the moment."""


def uplift_report(
    journey: str, version: int, figures: Sequence[CampaignFigures], alpha: float = ALPHA, missing_partitions: Sequence[int] = ()
) -> UpliftReport:
    """The report on these campaigns, in their order."""
    campaigns = [_campaign(each, alpha, len(figures)) for each in figures]
    return UpliftReport(journey, version, alpha, len(figures), campaigns, missing_partitions)


def _campaign(figures: CampaignFigures, alpha: float, compared: int) -> CampaignUplift:
    customers = figures.sent_to + figures.held_out
    p = probability(figures.sent_to, figures.held_out, figures.expected)
    ratio = RatioReport(figures.expected, figures.held_out / customers if customers else None, p, p < RATIO_ALPHA)
    met = _met(figures, alpha)
    among_all = _met(figures, alpha / compared)
    return CampaignUplift(
        campaign=figures.campaign,
        offered=sum(count for outcome, count in figures.offers.items() if outcome != "held"),
        sent=_group(figures, figures.sent, figures.sent_to),
        holdout=_group(figures, figures.holdout, figures.held_out),
        sample_ratio=ratio,
        met=met,
        value=_value(figures, alpha),
        verdict=None if met is None or ratio.alarm else met.verdict,
        verdict_among_all=None if among_all is None or ratio.alarm else among_all.verdict,
    )


def _group(figures: CampaignFigures, outcomes: GroupOutcomes, customers: int) -> GroupReport:
    value = outcomes.as_values().mean if figures.has_value else None
    return GroupReport(customers, outcomes.number, outcomes.met, outcomes.rate, value)


def _met(figures: CampaignFigures, alpha: float) -> GroupDifference | None:
    sent, holdout = figures.sent.rate, figures.holdout.rate
    if sent is None or holdout is None:
        return None
    found = difference(figures.sent.as_rates(), figures.holdout.as_rates(), sent - holdout, alpha)
    # Shares differ by no more than that, whatever few outcomes say.
    return found and msgspec.structs.replace(found, low=max(-1.0, found.low), high=min(1.0, found.high))


def _value(figures: CampaignFigures, alpha: float) -> GroupDifference | None:
    if not figures.has_value or min(figures.sent.number, figures.holdout.number) < FEWEST_VALUES:
        return None
    sent, holdout = figures.sent.as_values(), figures.holdout.as_values()
    return difference(sent, holdout, sent.total / sent.number - holdout.total / holdout.number, alpha)
