"""The report on campaigns, for people."""

from collections.abc import Iterator

from etapa.commands.terminal.text_tables import table
from etapa.commands.terminal.words import counted
from etapa.uplift.difference import ALPHA, FEWEST_VALUES, GroupDifference
from etapa.uplift.verdicts import CampaignUplift, UpliftReport


def uplift_text(report: UpliftReport) -> Iterator[str]:
    """A table for each campaign, with the verdict."""
    yield f"Journey {report.journey}, version {report.version}"
    for campaign in report.campaigns:
        yield ""
        yield f"{campaign.campaign}: {_verdict(campaign, several=report.compared > 1)}"
        yield from table(("", "customers", "goals ended", "met", "rate", "value each"), _rows(campaign))
        yield from _differences(campaign)
    if report.compared > 1:
        yield ""
        yield (
            f"{report.compared} campaigns are compared. Of campaigns that do nothing, one in {round(1 / ALPHA)} is ever called better or worse."
            " A verdict that would hold for all of them together says so."
        )


def _rows(campaign: CampaignUplift) -> list[tuple[str, ...]]:
    return [
        (
            name,
            f"{group.customers:,}",
            f"{group.outcomes:,}",
            f"{group.met:,}",
            "-" if group.rate is None else f"{group.rate:.2%}",
            "-" if group.value_each is None else f"{group.value_each:,.2f}",
        )
        for name, group in (("sent", campaign.sent), ("holdout", campaign.holdout))
    ]


def _verdict(campaign: CampaignUplift, *, several: bool) -> str:
    ratio = campaign.sample_ratio
    if ratio.alarm:
        found = "" if ratio.found is None else f", but has {ratio.found:.2%}"
        return f"the groups cannot be compared: the holdout group should have {ratio.expected:.2%} of customers{found}"
    if campaign.met is None:
        return "nothing to compare yet: one of the groups is empty"
    also = ", also if all campaigns are taken together" if several and campaign.verdict_among_all == campaign.verdict else ""
    if campaign.verdict == "undecided":
        return "undecided"
    return f"{'it works' if campaign.verdict == 'better' else 'it does harm'}{also}"


def _differences(campaign: CampaignUplift) -> Iterator[str]:
    if campaign.met is not None:
        points = campaign.met
        yield f"difference {100 * points.estimate:+.2f} points, between {100 * points.low:+.2f} and {100 * points.high:+.2f}{_more(points)}"
    if campaign.value is not None:
        each = campaign.value
        yield f"value for each customer {each.estimate:+,.2f}, between {each.low:+,.2f} and {each.high:+,.2f}{_more(each)}"
    elif campaign.sent.value_each is not None:
        yield f"values are compared once {FEWEST_VALUES} goals have ended in each group"


def _more(found: GroupDifference) -> str:
    if found.verdict != "undecided":
        return ""
    if found.more is None:
        return "; if this is the true difference, no decision is in sight"
    return f"; if this is the true difference, decided after about {counted(found.more, 'goal')} more"
