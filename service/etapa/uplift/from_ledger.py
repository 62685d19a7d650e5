"""The figures of campaigns that have a goal, from a ledger: that of a file, or the merged one of all partitions."""

from collections.abc import Sequence

from etapa.journey.language.model import Campaign, Journey
from etapa.journey.ledger.ledger import JourneyLedger
from etapa.journey.ledger.report import ReportQuery, Row, report_of
from etapa.uplift.groups import GroupOutcomes
from etapa.uplift.verdicts import CampaignFigures


def campaign_figures(journey: Journey, ledger: JourneyLedger) -> list[CampaignFigures]:
    """The figures of each campaign that has a goal, in the order of the journey file."""
    tables = report_of(ledger, ReportQuery()).tables
    return [_figures(campaign, tables["campaigns"], tables["goals"]) for campaign in journey.campaigns if campaign.goal is not None]


def _figures(campaign: Campaign, offers: Sequence[Row], goals: Sequence[Row]) -> CampaignFigures:
    groups = {row["group"]: row for row in goals if row["campaign"] == campaign.id}
    sent, holdout = groups.get("sent"), groups.get("holdout")
    return CampaignFigures(
        campaign=campaign.id,
        expected=campaign.holdout,
        has_value=campaign.goal is not None and campaign.goal.value is not None,
        offers={row["outcome"]: row["count"] for row in offers if row["campaign"] == campaign.id},
        sent_to=0 if sent is None else sent["customers"],
        held_out=0 if holdout is None else holdout["customers"],
        sent=_outcomes(sent),
        holdout=_outcomes(holdout),
    )


def _outcomes(row: Row | None) -> GroupOutcomes:
    return GroupOutcomes(0, 0) if row is None else GroupOutcomes(row["ended"], row["met"], row["value_sum"], row["value_sum_of_squares"])
