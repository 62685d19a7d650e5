"""What campaigns came to in a file: whom they reached, and what became of their goals.

A customer counts once for each campaign, with the first trigger and what became of that: what one customer does again and again says
less than what as many different ones do.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from etapa.journey.engine.facts.changes import CampaignOutcome, Trigger, TriggerOutcome
from etapa.journey.engine.judging.campaigns import triggers_of
from etapa.journey.language.model import Campaign, Journey
from etapa.rehearsal.replay import Told
from etapa.uplift.groups import GroupOutcomes
from etapa.uplift.verdicts import NO_OUTCOMES, CampaignFigures


@dataclass
class _Gathered:
    """What is known of one campaign so far."""

    first: dict[str, int] = field(default_factory=dict)
    """By customer, the number of the stage change that the first trigger came of."""
    held_out: int = 0
    sent: GroupOutcomes = NO_OUTCOMES
    control: GroupOutcomes = NO_OUTCOMES

    def triggered(self, trigger: Trigger) -> None:
        if trigger.customer_id not in self.first:
            self.first[trigger.customer_id] = trigger.sequence
            self.held_out += trigger.holdout

    def ended(self, outcome: CampaignOutcome) -> None:
        if self.first.get(outcome.customer_id) != outcome.sequence:
            return
        value = outcome.value or 0.0
        one = GroupOutcomes(1, int(outcome.met), value, value * value)
        if outcome.holdout:
            self.control += one
        else:
            self.sent += one


class UpliftFigures:
    """Filled while a file is replayed. Grows with the number of customers whom campaigns reach."""

    def __init__(self, journey: Journey) -> None:
        self._campaigns: Final = [campaign for campaign in journey.campaigns if campaign.goal is not None]
        self._gathered: Final = {campaign.id: _Gathered() for campaign in self._campaigns}

    def told(self, each: Told) -> None:
        """Take in what happened."""
        if isinstance(each, CampaignOutcome):
            gathered = self._gathered.get(each.campaign)
            if gathered is not None:
                gathered.ended(each)
            return
        for trigger in triggers_of([each]):
            gathered = self._gathered.get(trigger.campaign)
            if gathered is not None:
                gathered.triggered(trigger)

    def figures(self, offers: Mapping[str, Counter[TriggerOutcome]]) -> list[CampaignFigures]:
        """Those of each campaign that has a goal. `offers`: what became of what was offered to each campaign."""
        return [_figures(campaign, self._gathered[campaign.id], offers[campaign.id]) for campaign in self._campaigns]


def _figures(campaign: Campaign, gathered: _Gathered, offers: Counter[TriggerOutcome]) -> CampaignFigures:
    return CampaignFigures(
        campaign=campaign.id,
        holdout=campaign.holdout,
        has_value=campaign.goal is not None and campaign.goal.value is not None,
        offers={str(outcome): number for outcome, number in offers.items()},
        sent_to=len(gathered.first) - gathered.held_out,
        held_out=gathered.held_out,
        sent=gathered.sent,
        control=gathered.control,
    )
