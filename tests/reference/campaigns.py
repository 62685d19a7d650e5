"""What campaigns make of stage changes, from the definitions alone: all triggers ever are kept, and every question is asked of all of them.

It shares no code with the engine and cares for no cost.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from hashlib import blake2b
from typing import Any

from etapa.journey.language import model


@dataclass(frozen=True)
class ReferenceTrigger:
    """One trigger, for a control group or not."""

    campaign: str
    at: int


@dataclass
class Marketer:
    """Hears of one customer's changes in order. `told`: (sequence of the change, campaign, what became of it)."""

    journey: model.Journey
    sent: list[ReferenceTrigger] = field(default_factory=list)
    told: list[tuple[int, str, str]] = field(default_factory=list)

    def hear(
        self,
        customer_id: str,
        sequence: int,
        source: str | None,
        to: str,
        now: int,
        consents: Callable[[model.Trait], bool],
        holds: Callable[[model.Condition], bool],
    ) -> None:
        """`consents` and `holds` answer for the customer as it is right after the change."""
        for campaign in self.journey.campaigns:
            if not any(_matches(each, source, to) for each in campaign.on):
                continue
            outcome = self._outcome(campaign, now, consents, holds)
            if outcome == "published":
                self.sent.append(ReferenceTrigger(campaign.id, now))
                drawn = blake2b(campaign.id.encode() + b"\0" + customer_id.encode(), digest_size=8).hexdigest()
                if Fraction(int(drawn, 16), 2**64) < Fraction(campaign.holdout):
                    outcome = "holdout"
            self.told.append((sequence, campaign.id, outcome))

    def _outcome(
        self, campaign: model.Campaign, now: int, consents: Callable[[model.Trait], bool], holds: Callable[[model.Condition], bool]
    ) -> str:
        earlier = [each for each in self.sent if each.campaign == campaign.id]
        caps = self.journey.caps
        if self.journey.consent is not None and not consents(self.journey.consent):
            return "consent"
        if campaign.when is not None and not holds(campaign.when):
            return "when"
        if campaign.once and earlier:
            return "once"
        if campaign.cooldown is not None and any(now - campaign.cooldown < each.at <= now for each in earlier):
            return "cooldown"
        if caps is not None and len([each for each in self.sent if now - caps.per < each.at <= now]) >= caps.maximum:
            return "cap"
        return "published"


def _matches(move: model.Transition, source: str | None, to: str) -> bool:
    left: Any = source if move.sources is not None else "any"
    entered = to if move.targets is not None else "any"
    return left in (move.sources or ("any",)) and entered in (move.targets or ("any",))
