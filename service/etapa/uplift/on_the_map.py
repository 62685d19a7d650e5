"""Whether campaigns worked, as the journey map shows it."""

from collections.abc import Mapping

from etapa.journey.language.model import Journey
from etapa.journey.ledger.ledger import JourneyLedger
from etapa.journey.map.document import CampaignEffect
from etapa.uplift.from_ledger import campaign_figures
from etapa.uplift.verdicts import uplift_report


def campaign_effects(journey: Journey, ledger: JourneyLedger) -> Mapping[str, CampaignEffect]:
    """By campaign, for those whose groups can be compared. `ledger`: the whole one, of all time."""
    report = uplift_report(journey.id, journey.version, campaign_figures(journey, ledger))
    return {
        each.campaign: CampaignEffect(each.met.estimate, each.met.low, each.met.high, each.verdict)
        for each in report.campaigns
        if each.met is not None
    }
